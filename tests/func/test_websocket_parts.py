"""Messages that an application of websocket sends part by part."""
import asyncio
import functools
import os
import re

import pytest
import websockets

import daemon
from test_http_clients import run
from websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, Client, Deflating, close, frame

pytestmark = pytest.mark.sequential

ALONE = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
OFFERS = [None, 'permessage-deflate', ALONE, 'permessage-deflate; server_max_window_bits=9']
BITS_12 = (1 << 15) + 8192       # memory of a compressor


@pytest.fixture
def serve(goevd, plugins):
    """start(front, option…) -> a daemon with the application at /."""
    def start(front=None, **options):
        handler = {'websocket': {'application': 'ws_parts', **options}}
        return goevd(daemon.config(daemon.listener(handler=handler, **(front or {})),
                                   reactors=[{'name': 'main', 'pollers': 1}]), '--plugin-dir', plugins)
    return start


def client(d, offer=None, **more):
    """With that offer, or none."""
    return Deflating(d.connect(**more), offer) if offer else Client(d.connect(**more))


def did(d, c, script):
    """The results of the words of a script."""
    before = len(re.findall('did', d.log.text()))
    c.send(frame(TEXT, script.encode()))
    return [int(n) for n in d.log.wait(r'did (.*)$', before + 1)[-1][1].split()]


@functools.cache
def made(count, length):
    """The message that "many COUNT LENGTH" makes."""
    parts = []
    for seed in range(count):
        text, number = [], seed
        for _ in range(length):
            seed = (seed * 1103515245 + 12345) & 0xffffffff
            text.append(97 + (seed >> 28))
        parts.append(b'%06d ' % number + bytes(text[7:]))
    return b''.join(parts)


@pytest.mark.parametrize('context', [False, True])
@pytest.mark.parametrize('offer', OFFERS)
def test_parts_make_one_message(serve, offer, context):
    d = serve(compress_context=context)
    c = client(d, offer)
    for _ in range(2):           # with a context the second one refers to the first
        c.send(frame(TEXT, b'first:ab more: more:cd ping:p last:ef'))
        opcode, data, frames = c.message()
        assert (opcode, data) == (TEXT, b'abcdef')
        packed = 0x40 if offer else 0
        assert [first for first, _ in frames] == [
            TEXT | packed, CONTINUATION, CONTINUATION, 0x80 | PING, 0x80 | CONTINUATION]
        assert (frames[1][1], frames[3][1]) == (b'', b'p')
        for script, what in (('first: last:', ''), ('first: more:x last:', 'x'), ('first:x last:', 'x'),
                             ('first: last:x', 'x'), ('binary:x last:y', 'xy'), ('whole:x', 'x'), ('send:x', 'x')):
            c.send(frame(TEXT, script.encode()))
            opcode, data, frames = c.message()
            assert (opcode, data) == (BINARY if 'binary' in script else TEXT, what.encode())
            assert len(frames) == len(script.split())


def test_nothing_else_goes_between(serve):
    d = serve()
    c = client(d)
    assert did(d, c, 'first:a first:b send:c whole:d wrong:e long: ping:p last:f') == [
        0, -16, -16, -16, -22, -90, 0, 0]
    opcode, data, frames = c.message()
    assert (opcode, data, [f[1] for f in frames]) == (TEXT, b'af', [b'a', b'p', b'f'])
    assert did(d, c, 'more:a last:b long: send:c') == [-22, -22, -22, 0]
    assert c.frame() == (TEXT, b'c')
    c.send(close())
    assert c.code() == 1000


def test_close_ends_it(serve):
    d = serve()
    for offer in OFFERS[:3]:
        c = client(d, offer)
        assert did(d, c, 'first:a close more:b last:c send:d first:e') == [0, 0, -32, -32, -32, -32]
        assert c.raw()[0] & 15 == TEXT
        assert c.code() == 1000
        c = client(d, offer)
        did(d, c, 'first:a')
        c.sock.close()
    c = client(d, ALONE)         # the borrowed compressor is returned
    did(d, c, 'first:aaaa last:aaaa')
    assert c.message()[1] == b'aaaaaaaa'


@pytest.mark.parametrize('offer', [OFFERS[0], OFFERS[1]])
def test_what_is_published_waits(serve, offer):
    d = serve(compress_context=True, compress_min=1)
    c, other = client(d, offer), client(d)
    did(d, c, 'first:a')
    for text in (b'one' * 9, b'two' * 9):
        other.send(frame(BINARY, text))
        assert other.frame() == (BINARY, text)
    assert did(d, c, 'ping:p last:b send:c') == [0, 0, 0]
    assert c.message()[:2] == (TEXT, b'ab')
    assert [c.frame() for _ in range(3)] == [(BINARY, b'one' * 9), (BINARY, b'two' * 9), (TEXT, b'c')]


def test_what_is_published_waits_within_bounds(serve):
    d = serve(room_backlog_max=64 + 5)
    c, other = client(d), client(d)
    did(d, c, 'first:a')
    for text in (b'12345', b'6'):
        other.send(frame(BINARY, text))
        assert other.frame() == (BINARY, text)
    assert c.raw() == (TEXT, b'a')
    assert c.frame() == (CLOSE, b'\x03\xf5too slow')


def test_a_compressor_of_its_own_counts_as_memory(serve):
    d = serve(compress_memory_max=BITS_12)
    first, second = client(d, ALONE), client(d, ALONE)
    did(d, first, 'first:a')
    did(d, second, 'first:a last:b')
    assert second.message()[2][0] == (TEXT, b'a')
    assert second.packed[-1] is None
    did(d, first, 'last:b')
    assert first.message()[1] == b'ab' and first.packed[-1] is not None
    did(d, second, 'first:a last:b')
    assert second.message()[1] == b'ab' and second.packed[-1] is not None


def test_others_send_between_parts(serve):
    """Connections that share a compressor with a message that has begun."""
    d = serve(compress_min=1)
    one, two = client(d, ALONE), client(d, ALONE)
    did(d, one, 'first:aaaaaaaaaaaaaaaa')
    did(d, two, 'first:bbbbbbbbbbbbbbbb send:x')
    did(d, one, 'more:aaaaaaaaaaaaaaaa')
    did(d, two, 'last:bbbbbbbbbbbbbbbb send:cccccccccccccccccccc')
    did(d, one, 'last:aaaaaaaaaaaaaaaa')
    assert one.message()[1] == b'a' * 48
    assert two.message()[1] == b'b' * 32
    assert two.frame() == (TEXT, b'c' * 20)


@pytest.mark.parametrize('offer', OFFERS)
@pytest.mark.parametrize('high', [8192, 29000])
def test_made_as_the_client_takes_it(serve, offer, high):
    """Below the high mark the cap decides."""
    d = serve({'output_low': 4096, 'output_high': high, 'output_max': 30000, 'send_buffer': 4096},
              compress_context=offer == OFFERS[1])
    c = client(d, offer, receive_buffer=4096)
    c.send(frame(TEXT, b'many 15 18000'))
    opcode, data, frames = c.message()
    assert opcode == TEXT and data == made(15, 18000)
    assert sum(not first & 8 for first, _ in frames) == 15
    refused = int(d.log.wait(r'made 15, (\d+) refused$')[0][1])
    assert (refused > 0) == (high == 29000)


NODE = """
const WebSocket = require('ws');
const ws = new WebSocket(process.argv[1], { perMessageDeflate: JSON.parse(process.argv[2]) });
let pings = 0;
ws.on('open', () => ws.send('many 15 18000'));
ws.on('ping', () => { pings += 1; });
ws.on('message', (data) => { process.stdout.write(`${pings} ${data}`); ws.close(); });
"""


@pytest.mark.parametrize('context', [False, True])
def test_clients_of_others(serve, context):
    url = f'ws://127.0.0.1:{serve(compress_context=context).port()}/'

    async def talk(compression):
        async with websockets.connect(url, compression=compression) as ws:
            for _ in range(2):
                await ws.send('many 15 18000')
                assert await ws.recv() == made(15, 18000).decode()

    asyncio.run(talk(None))
    asyncio.run(talk('deflate'))
    env = {**os.environ, 'NODE_PATH': '/usr/share/nodejs'}
    for options in ('false', 'true', '{"serverNoContextTakeover": true}'):
        assert run('node', '-e', NODE, url, options, env=env) == '1 ' + made(15, 18000).decode()
