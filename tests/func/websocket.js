// node's ws: node websocket.js URL PER-MESSAGE-DEFLATE (JSON); prints each message that comes back,
// and the close code.
const WebSocket = require('ws');
const sent = ['hello', 'ä€😀', '', '', 'x'.repeat(70000), 'hello', 'ä€😀'.repeat(99), ''];
const ws = new WebSocket(process.argv[2], { perMessageDeflate: JSON.parse(process.argv[3]) });
let count = 0;
ws.on('upgrade', (reply) => console.log('extensions', reply.headers['sec-websocket-extensions']));
ws.on('open', () => ws.ping('are you there'));
ws.on('pong', (data) => {
    console.log('pong', data.toString());
    sent.forEach((text) => ws.send(text));
});
ws.on('message', (data, binary) => {
    console.log(binary ? 'binary' : 'text', data.toString() === sent[count++] ? 'same' : 'other');
    if (count === sent.length) ws.close(4000, 'enough');
});
ws.on('close', (code) => console.log('close', code));
