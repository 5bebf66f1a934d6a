/* The page of a chat: PAGE_HEAD, the path of its WebSocket, PAGE_TAIL. */
#pragma once

#define PAGE_HEAD                                                                                  \
    "<!DOCTYPE html>\n"                                                                            \
    "<html lang=\"en\">\n"                                                                         \
    "<meta charset=\"utf-8\">\n"                                                                   \
    "<meta name=\"viewport\" content=\"width=device-width\">\n"                                    \
    "<title>Chat</title>\n"                                                                        \
    "<style>\n"                                                                                    \
    "body { font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 1rem auto; padding: 0 1rem }\n"   \
    "#said { height: 60vh; overflow-y: auto; border: 1px solid #aaa; padding: .5rem }\n"           \
    "#said p { margin: 0; overflow-wrap: anywhere }\n"                                             \
    "form { display: flex; gap: .5rem; margin-top: .5rem }\n"                                      \
    "input { font: inherit; min-width: 0 } #text { flex: 1 }\n"                                    \
    "</style>\n"                                                                                   \
    "<h1>Room <span id=\"room\"></span></h1>\n"                                                    \
    "<div id=\"said\" role=\"log\"></div>\n"                                                       \
    "<form id=\"form\">\n"                                                                         \
    "<input id=\"name\" size=\"10\" maxlength=\"40\" aria-label=\"Name\" placeholder=\"Name\">\n"  \
    "<input id=\"text\" maxlength=\"2000\" aria-label=\"Message\" autocomplete=\"off\" autofocus>" \
    "\n<button disabled id=\"send\">Send</button>\n"                                               \
    "</form>\n"                                                                                    \
    "<script>\n"                                                                                   \
    "const $ = (id) => document.getElementById(id);\n"                                             \
    "const room = new URLSearchParams(location.search).get('room') || 'lobby';\n"                  \
    "const scheme = location.protocol === 'https:' ? 'wss' : 'ws';\n"                              \
    "const address = `${scheme}://${location.host}"

#define PAGE_TAIL                                                                                  \
    "?room=${encodeURIComponent(room)}`;\n"                                                        \
    "let socket;\n"                                                                                \
    "\n"                                                                                           \
    "function show(text) {\n"                                                                      \
    "  const line = document.createElement('p');\n"                                                \
    "  line.textContent = text;\n"                                                                 \
    "  $('said').append(line);\n"                                                                  \
    "  while ($('said').childElementCount > 1000) $('said').firstChild.remove();\n"                \
    "  line.scrollIntoView();\n"                                                                   \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "function connect() {\n"                                                                       \
    "  socket = new WebSocket(address);\n"                                                         \
    "  socket.onopen = () => { $('send').disabled = false; };\n"                                   \
    "  socket.onmessage = (event) => {\n"                                                          \
    "    const message = JSON.parse(event.data);\n"                                                \
    "    show(`${message.name}: ${message.text}`);\n"                                              \
    "  };\n"                                                                                       \
    "  socket.onclose = () => {\n"                                                                 \
    "    $('send').disabled = true;\n"                                                             \
    "    setTimeout(connect, 1000 + 4000 * Math.random());\n"                                      \
    "  };\n"                                                                                       \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "$('room').textContent = room;\n"                                                              \
    "$('name').value = `guest ${Math.floor(1000 * Math.random())}`;\n"                             \
    "$('form').onsubmit = (event) => {\n"                                                          \
    "  event.preventDefault();\n"                                                                  \
    "  if ($('send').disabled || $('text').value === '') return;\n"                                \
    "  socket.send(JSON.stringify({name: $('name').value, text: $('text').value}));\n"             \
    "  $('text').value = '';\n"                                                                    \
    "};\n"                                                                                         \
    "connect();\n"                                                                                 \
    "</script>\n"
