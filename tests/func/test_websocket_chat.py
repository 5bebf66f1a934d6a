"""The examples chat, with its page, and feed."""
import asyncio
import json
import re

import pytest

import browser
import daemon
from websocket import BINARY, TEXT, Client, close, frame, handshake
from wire import Reader


@pytest.fixture
def chat(goevd):
    """A daemon as the sample configuration has it, for these two."""
    routes = [{'path': '/ws/chat', 'handler': {'websocket': {'application': 'chat'}}},
              {'path': '/chat', 'handler': 'chat'},
              {'path': '/ws/feed', 'handler': {'websocket': {
                  'application': {'feed': {'key': 'secret'}}}}}]
    return goevd(daemon.config(daemon.listener(handler={'http': {'routes': routes}}),
                               plugin_dir=str(daemon.EXAMPLES), reactors=[{'name': 'main', 'pollers': 2}]))


def receive(c):
    """The next event that is not in the list of members already."""
    while True:
        opcode, data = c.frame()
        assert opcode == TEXT
        event = json.loads(data)
        if event['event'] not in ('joined', 'left') or event['version'] > c.version:
            return event


def join(d, query='', room_count=1):
    """A client that has read the list of members, and their names."""
    c = Client(d.connect(), '/ws/chat' + query)
    c.version = float('inf')
    event = receive(c)
    assert (event['event'], event['count']) == ('members', room_count)
    c.version = event['version']
    return c, event['names']


def said(name, text):
    return {'event': 'said', 'name': name, 'text': text}


def refusal(d, path):
    """The status that a handshake gets."""
    with d.connect() as s:
        s.sendall(handshake(path))
        return int(Reader(s).until(b'\r\n').split()[1])


def test_rooms_of_a_chat(chat):
    queries = {'lobby': ['', '?room=', '?x=y&room=lobby', '?rooms=a'], 'a': ['?room=a', '?x&room=a&room=b'],
               'long': ['?room=' + 'x' * 64]}
    rooms = {}
    for name, found in queries.items():
        rooms[name] = []
        for i, query in enumerate(found):
            c, names = join(chat, query, i + 1)
            assert names == ['guest'] * (i + 1)
            for other in rooms[name]:
                event = receive(other)
                assert (event['event'], event['name'], event['count']) == ('joined', 'guest', i + 1)
            rooms[name].append(c)
    for name, inside in rooms.items():
        for i, c in enumerate(inside):
            c.send(frame(TEXT, f'{name} {i}'.encode()))
            for other in inside:
                assert receive(other) == said('guest', f'{name} {i}')
    for c in sum(rooms.values(), []):
        c.send(close())
        while c.frame()[0] == TEXT:
            pass
    c = join(chat)[0]
    c.send(frame(TEXT, b'x'))
    assert receive(c) == said('guest', 'x')
    c.send(frame(BINARY, b'x'))
    assert c.code() == 1003


@pytest.mark.parametrize('query, status', [
    ('room=' + 'x' * 64, 101), ('room=' + 'x' * 65, 400), ('name=' + 'x' * 120, 101), ('name=' + 'x' * 121, 400),
    ('name=%22', 101), ('name="', 400), ('name=\\', 400), ('room=<', 400), ('name=a%20b!(~)*\'._-+', 101)])
def test_names_that_a_chat_takes(chat, query, status):
    assert refusal(chat, f'/ws/chat?{query}') == status


def test_members_of_a_room_come_and_go(chat):
    ada = join(chat, '?room=r&name=Ada')[0]
    bob, names = join(chat, '?name=Bob%20B&room=r', 2)
    assert sorted(names) == ['Ada', 'Bob%20B']
    event = receive(ada)
    assert event == {'event': 'joined', 'name': 'Bob%20B', 'count': 2, 'version': event['version']}
    bob.sock.close()                                 # without a close frame
    again = receive(ada)
    assert again == {'event': 'left', 'name': 'Bob%20B', 'count': 1, 'version': event['version'] + 1}
    ada.send(close())
    assert ada.code() == 1000
    assert join(chat, '?room=r&name=Eve')[1] == ['Eve']


def test_the_list_of_members_has_a_bound(chat):
    name = 'x' * 120
    clients = []
    for i in range(102):
        c, names = join(chat, f'?room=r&name={name}', i + 1)
        assert names == [name] * min(i + 1, 100)
        clients.append(c)


def test_text_of_a_chat_is_quoted(chat):
    c = join(chat, '?name=A')[0]
    for text in ('"\\/\b\x00\x1f\x7f\n', '</script>ä€😀', '{"event":"left"}', ''):
        c.send(frame(TEXT, text.encode()))
        assert receive(c) == said('A', text)


def test_page_of_a_chat(goevd, refused, chat):
    with chat.connect() as s:
        s.sendall(b'GET /chat HTTP/1.1\r\nHost: a\r\n\r\nPOST /chat HTTP/1.1\r\nHost: a\r\n'
                  b'Content-Length: 0\r\n\r\n')
        reader = Reader(s)
        status, headers, body = reader.response()
        assert (status, headers['content-type']) == (200, 'text/html; charset=utf-8')
        assert b"const path = '/ws/chat';" in body
        assert not re.search(rb'(?:src|href)=|url\(|@import|https?://(?!\$)', body), 'it needs something else'
        status, headers, _ = reader.response()
        assert (status, headers['allow']) == (405, 'GET, HEAD')
    other = goevd(daemon.config(daemon.listener(handler={'chat': {'socket': '/a-b/c_1.d'}}),
                                plugin_dir=str(daemon.EXAMPLES)))
    with other.connect() as s:
        s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        assert b"const path = '/a-b/c_1.d';" in Reader(s).response()[2]
    for path in ('ws', '/"', '/a b', '/`;x', '/<script>'):
        said = refused(daemon.config(daemon.listener(handler={'chat': {'socket': path}}),
                                     plugin_dir=str(daemon.EXAMPLES)))
        assert re.search('is no path of letters', said), said


@pytest.mark.parametrize('query, status', [
    ('a=b&key=secret', 101), ('key=secret&a=b', 101), ('key=secret&key=bad', 101), ('a=b&key=bad', 403),
    ('key&key=', 403), ('key=secre&t', 403)])
def test_the_key_of_feed_may_stand_among_others(chat, query, status):
    if status == 403:
        assert refusal(chat, f'/ws/feed?{query}') == 403
        return
    reader = Client(chat.connect(), '/ws/feed?akey=no')
    publisher = Client(chat.connect(), f'/ws/feed?{query}')
    publisher.send(frame(TEXT, b'news'))
    assert reader.frame() == (TEXT, b'news')


@pytest.mark.parametrize('key', ['a b', 'a&b', 'a#b', 'a"b', '<', 'a>', 'ü', 'a\tb'])
def test_a_key_that_no_request_can_show_is_refused(refused, key):
    said = refused(daemon.config(
        daemon.listener(handler={'websocket': {'application': {'feed': {'key': key}}}}),
        plugin_dir=str(daemon.EXAMPLES)))
    assert 'feed.key: a key of visible ASCII without' in said, said


def test_feed(chat):
    readers = [Client(chat.connect(), path) for path in ('/ws/feed', '/ws/feed?x', '/ws/feed?KEY=')]
    for key in ('', 'secre', 'secret2', 'terces', 'SECRET'):
        assert refusal(chat, f'/ws/feed?key={key}') == 403
    publisher = Client(chat.connect(), '/ws/feed?key=secret')
    second = Client(chat.connect(), '/ws/feed?key=secret')
    assert second.code() == 1008
    for i in range(100):
        publisher.send(frame(TEXT, b'%d' % i) + frame(BINARY, b'\0%d' % i))
    for c in readers:
        for i in range(100):
            assert (c.frame(), c.frame()) == ((TEXT, b'%d' % i), (BINARY, b'\0%d' % i))
    readers[0].send(frame(TEXT, b'I too'))
    assert readers[0].code() == 1008
    publisher.send(close())
    assert publisher.code() == 1000
    publisher.end()
    again = Client(chat.connect(), '/ws/feed?key=secret')
    again.send(frame(TEXT, b'new'))
    assert readers[1].frame() == readers[2].frame() == (TEXT, b'new')


def test_many_subscribers_get_all_in_order(chat):
    readers = [Client(chat.connect(), '/ws/feed') for _ in range(300)]
    publisher = Client(chat.connect(), '/ws/feed?key=secret')
    expected = b''.join(b'\x82\x04' + i.to_bytes(4, 'big') for i in range(500))
    publisher.send(b''.join(frame(BINARY, i.to_bytes(4, 'big')) for i in range(500)))
    for c in readers:
        assert c.reader.exactly(len(expected)) == expected


# In a page: until something holds, the value of an expression.
UNTIL = """(async () => {
    const at = (id) => document.getElementById(id);
    while (!at('send') || !(CONDITION)) await new Promise((r) => setTimeout(r, 5));
    return VALUE;
})()"""
LINES = "[...document.querySelectorAll('.message')].map((p) => [p.children[0].innerText, p.children[2].innerText])"
MEMBERS = "[...at('members').children].map((e) => e.innerText)"
CONNECTED = "at('state').innerText === 'Connected' && !at('send').disabled && at('trouble').hidden"


async def until(page, condition, value='null'):
    """Wait for a condition in a page, and return a value of it."""
    return await page.run(re.sub('CONDITION|VALUE', lambda m: {'CONDITION': condition, 'VALUE': value}[m[0]], UNTIL))


async def named(page, name):
    """Give the page's user a name, which connects anew."""
    await until(page, CONNECTED)
    await page.run(f"document.getElementById('name').value = {json.dumps(name)}; "
                   "document.getElementById('name').onchange(); null")
    await until(page, f'{CONNECTED} && {MEMBERS}.includes({json.dumps(name)})')


async def type_in(page, text):
    """Send a message from a page."""
    await until(page, CONNECTED)
    await page.run(f"document.getElementById('text').value = {json.dumps(text)}; "
                   "document.getElementById('form').requestSubmit(); null")


def drive(tmp_path, steps):
    """Run steps(new page of a URL) with a browser."""
    async def run(address):
        await asyncio.wait_for(steps(lambda url: browser.Page.new(address, url)), 6 * daemon.PATIENCE_S)

    with browser.devtools(tmp_path / 'browser') as address:
        asyncio.run(run(address))


@pytest.mark.heavy   # Chromium is the test, and costs more than goevd
@browser.needed
def test_two_pages_chat(chat, tmp_path):
    url = f'http://127.0.0.1:{chat.port()}/chat?room=caf%C3%A9'
    nasty = '<b>"quoted" & \'marked\'</b> ä€😀'

    async def talk(new):
        ada, bob = await new(url), await new(url)
        await named(ada, 'Ada')
        await named(bob, nasty[:20])
        for page in (ada, bob):
            await until(page, f'{MEMBERS}.length === 2')
            assert await until(page, 'true', MEMBERS) == sorted(['Ada', nasty[:20]], key=str.lower)
            assert await until(page, 'true', "at('count').innerText") == '2 people are here'
        await type_in(ada, 'I am here')
        await until(bob, f'{LINES}.length === 1')
        await type_in(bob, nasty)
        for page in (ada, bob):
            lines = await until(page, f'{LINES}.length === 2', LINES)
            assert lines == [['Ada', 'I am here'], [nasty[:20], nasty]]
        await bob.run('socket.onclose = null; socket.close(); null')
        assert await until(ada, f'{MEMBERS}.length === 1', MEMBERS) == ['Ada']

    drive(tmp_path, talk)


@pytest.mark.heavy
@browser.needed
def test_page_says_why_it_cannot_connect(chat, goevd, tmp_path):
    """The server ends; a page whose application is missing; a name that is too long."""
    lost = goevd(daemon.config(daemon.listener(handler={'http': {'routes': [{'path': '/chat', 'handler': 'chat'}]}}),
                               plugin_dir=str(daemon.EXAMPLES)))

    async def fail(new):
        page = await new(f'http://127.0.0.1:{lost.port()}/chat')
        why = await until(page, "!at('trouble').hidden", "at('trouble').innerText")
        assert re.match(r'There is no chat at /ws/chat \(status 404\)\.\s*Next attempt in \d+\ss\.', why), why
        assert await until(page, 'true', "[at('state').innerText, at('send').disabled]") == ['Not connected', True]
        page = await new(f'http://127.0.0.1:{chat.port()}/chat?room=' + 'x' * 65)
        why = await until(page, "!at('trouble').hidden", "at('trouble').innerText")
        assert why == 'The name of this room is too long: at most 64 characters.'
        page = await new(f'http://127.0.0.1:{chat.port()}/chat')
        await until(page, CONNECTED)
        chat.signal(15)
        assert chat.wait() == 0
        why = await until(page, "at('why').innerText === 'The server does not answer.'", "at('next').innerText")
        assert re.fullmatch(r'Next attempt in \d+\ss\.', why), why

    drive(tmp_path, fail)
