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


def say(c, text):
    """In a chat; it comes back."""
    c.send(frame(TEXT, text))
    assert c.frame() == (TEXT, text)


def refusal(d, path):
    """The status that a handshake gets."""
    with d.connect() as s:
        s.sendall(handshake(path))
        return int(Reader(s).until(b'\r\n').split()[1])


def test_rooms_of_a_chat(chat):
    paths = {'lobby': ['/ws/chat', '/ws/chat?room=', '/ws/chat?x=y&room=lobby', '/ws/chat?rooms=a'],
             'a': ['/ws/chat?room=a', '/ws/chat?x&room=a&room=b'],
             'long': ['/ws/chat?room=' + 'x' * 64]}
    rooms = {name: [Client(chat.connect(), path) for path in found]
             for name, found in paths.items()}
    for name, inside in rooms.items():
        for i, c in enumerate(inside):
            text = f'{name} {i}'.encode()
            say(c, text)
            for other in inside:
                assert other is c or other.frame() == (TEXT, text)
    for c in sum(rooms.values(), []):
        c.send(close())
        assert c.code() == 1000
    assert refusal(chat, '/ws/chat?room=' + 'x' * 65) == 400
    c = Client(chat.connect(), '/ws/chat')
    c.send(frame(BINARY, b'x'))
    assert c.code() == 1003


def test_page_of_a_chat(goevd, refused, chat):
    with chat.connect() as s:
        s.sendall(b'GET /chat HTTP/1.1\r\nHost: a\r\n\r\nPOST /chat HTTP/1.1\r\nHost: a\r\n'
                  b'Content-Length: 0\r\n\r\n')
        reader = Reader(s)
        status, headers, body = reader.response()
        assert (status, headers['content-type']) == (200, 'text/html; charset=utf-8')
        assert b'${location.host}/ws/chat?room=' in body
        status, headers, _ = reader.response()
        assert (status, headers['allow']) == (405, 'GET, HEAD')
    other = goevd(daemon.config(daemon.listener(handler={'chat': {'socket': '/a-b/c_1.d'}}),
                                plugin_dir=str(daemon.EXAMPLES)))
    with other.connect() as s:
        s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        assert b'${location.host}/a-b/c_1.d?room=' in Reader(s).response()[2]
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


# What is typed into a page, and what it shows of it.
TYPE = """(async () => {
    const at = (id) => document.getElementById(id);
    const next = () => new Promise((r) => setTimeout(r, 5));
    while (!at('send') || at('send').disabled) await next();
    at('name').value = NAME;
    at('text').value = TEXT;
    at('form').requestSubmit();
    while (!at('said').innerText.includes(WAITED)) await next();
    return at('said').innerText;
})()"""


async def type_in(page, name, text, waited=None):
    """Send a message from a page, and wait for this line."""
    words = {'NAME': name, 'TEXT': text, 'WAITED': waited or f'{name}: {text}'}
    return await page.run(re.sub('NAME|TEXT|WAITED', lambda m: json.dumps(words[m[0]]), TYPE))


@browser.needed
def test_two_pages_chat(chat, tmp_path):
    url = f'http://127.0.0.1:{chat.port()}/chat?room=caf%C3%A9'
    nasty = '<b>"quoted" & \'marked\'</b> ä€😀'

    async def talk(address):
        ada, bob = [await browser.Page.new(address, url) for _ in range(2)]
        await type_in(ada, 'Ada', 'I am here')
        await type_in(bob, 'Bob', nasty)
        first = await type_in(ada, 'Ada', 'bye')
        second = await type_in(bob, 'Bob', 'bye', 'Ada: bye')
        lines = [[s for s in text.split('\n') if s] for text in (first, second)]
        assert lines[0] == ['Ada: I am here', f'Bob: {nasty}', 'Ada: bye']
        late = ('Ada: I am here', 'Bob: bye')        # it may have been there, or be to come
        assert [s for s in lines[1] if s not in late] == [f'Bob: {nasty}', 'Ada: bye']

    with browser.devtools(tmp_path / 'browser') as address:
        asyncio.run(asyncio.wait_for(talk(address), 6 * daemon.PATIENCE_S))
