"""websocket with echo behind it, against RFC 6455: the table is sent whole, byte by byte and in odd
pieces."""
import select
import signal
import struct
import time

import pytest

import daemon
from websocket import (ACCEPT, BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, Client, check,
                       close, frame, handshake)
from wire import Reader, request

pytestmark = pytest.mark.sequential

LIMIT = 100000


def handler(**options):
    """websocket with echo."""
    return {'websocket': {'application': 'echo', 'message_max': LIMIT, 'stop_spread': '0s', **options}}


def serve(goevd, more=None, **options):
    """A daemon that echoes on every path."""
    return goevd(daemon.config(daemon.listener(handler=handler(**options), **(more or {}))))


# ---- The table: (name, bytes, frames that come back, code of the close frame or None) -----------

def echoed(name, *messages, opcode=BINARY):
    """Messages that come back."""
    data = b''.join(frame(opcode, m) for m in messages)
    return name, data, [(opcode, m) for m in messages], None


def lengths():
    """All forms of length, with the values next to their bounds."""
    for n in (0, 1, 2, 3, 4, 7, 15, 16, 17, 63, 64, 65, 124, 125, 126, 127, 128, 255, 256, 1000,
              4095, 4096, 4097):
        yield echoed(f'binary of {n}', bytes(i % 256 for i in range(n)))
        yield echoed(f'text of {n}', b'x' * n, opcode=TEXT)
    for n, form in ((0, 2), (1, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8)):
        yield f'{n} in {form} bytes', frame(BINARY, b'x' * n, form=form), [], 1002
    for mask in (b'\0\0\0\0', b'\xff\xff\xff\xff', b'\1\2\3\4'):
        yield f'mask {mask}', frame(TEXT, b'masked text', mask=mask), [(TEXT, b'masked text')], None
    yield 'three in a row', b''.join(frame(TEXT, m) for m in (b'a', b'', b'c')), [
        (TEXT, b'a'), (TEXT, b''), (TEXT, b'c')], None
    for n in (1 << 63, (1 << 64) - 1):
        yield f'{n} bytes announced', b'\x82\xff' + struct.pack('!Q', n) + b'mask', [], 1002
    for n in (LIMIT + 1, 1 << 32, (1 << 63) - 1):
        yield f'{n} bytes announced', b'\x82\xff' + struct.pack('!Q', n) + b'mask', [], 1009


def heads():
    """Bits and opcodes that are not used, and frames without a mask."""
    for opcode in (0, 1, 2, 8, 9, 10):
        yield f'no mask on {opcode}', frame(opcode, b'', mask=b''), [], 1002
        for rsv in range(1, 8):
            yield f'rsv {rsv} on {opcode}', frame(opcode, b'', rsv=rsv), [], 1002
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for data in (b'', b'data'):
            yield f'opcode {opcode}', frame(TEXT, b'ok') + frame(opcode, data), [
                (TEXT, b'ok')], 1002
    for opcode in (CLOSE, PING, PONG):
        yield f'{opcode} in parts', frame(opcode, b'', fin=False), [], 1002
        for n in (126, 127, 65536):
            yield f'{opcode} of {n}', frame(opcode, b'x' * n), [], 1002


def pings():
    """Pings are answered with their payload, also in the middle of a message."""
    for n in (0, 1, 124, 125):
        data = bytes(range(n))
        yield f'ping of {n}', frame(PING, data), [(PONG, data)], None
        yield f'pong of {n}', frame(PONG, data) + frame(TEXT, b'x'), [(TEXT, b'x')], None
    yield 'pings', b''.join(frame(PING, b'%d' % i) for i in range(10)), [
        (PONG, b'%d' % i) for i in range(10)], None
    for n in range(1, 5):
        yield (f'pings between {n + 1} parts',
               frame(TEXT, b'a', fin=False) + frame(PING, b'p') * n +
               (frame(CONTINUATION, b'b', fin=False) + frame(PING, b'q')) * (n - 1) +
               frame(PONG, b'r') + frame(CONTINUATION, b'c'),
               [(PONG, b'p')] * n + [(PONG, b'q')] * (n - 1) +
               [(TEXT, b'a' + b'b' * (n - 1) + b'c')], None)


def parts(data, size, opcode=TEXT):
    """A message in parts of that size."""
    cut = [data[i:i + size] for i in range(0, len(data), size)] or [b'']
    return b''.join(frame(CONTINUATION if i else opcode, part, fin=i == len(cut) - 1)
                    for i, part in enumerate(cut))


def fragments():
    """Messages in parts, and parts in the wrong place."""
    text = 'ABC é € 😀 and more of it'.encode()
    for size in range(1, len(text) + 1):
        yield f'parts of {size}', parts(text, size), [(TEXT, text)], None
        yield f'binary parts of {size}', parts(text[::-1], size, BINARY), [
            (BINARY, text[::-1])], None
    yield 'empty parts', (frame(TEXT, b'', fin=False) + frame(CONTINUATION, b'', fin=False) * 3 +
                          frame(CONTINUATION, b'')), [(TEXT, b'')], None
    yield 'empty parts about one', (frame(TEXT, b'', fin=False) + frame(
        CONTINUATION, b'x', fin=False) + frame(CONTINUATION, b'')), [(TEXT, b'x')], None
    yield 'two in parts', parts(b'first', 2) + parts(b'second', 3), [
        (TEXT, b'first'), (TEXT, b'second')], None
    for fin in (True, False):
        yield f'goes on with nothing, {fin}', frame(CONTINUATION, b'x', fin=fin), [], 1002
        for opcode in (TEXT, BINARY):
            yield (f'{opcode} inside, {fin}', frame(TEXT, b'a', fin=False) +
                   frame(opcode, b'b', fin=fin), [], 1002)
            yield (f'{opcode} goes on when it was over, {fin}', frame(opcode, b'a') +
                   frame(CONTINUATION, b'b', fin=fin), [(opcode, b'a')], 1002)


GOOD_TEXT = [
    'κόσμε', '\x00', '\x7f', '\x80', '߿', 'ࠀ', '\uffff', '\ud7ff', '\ue000', '\ufffd', '\ufffe',
    '\U00010000', '\U0010ffff', '\U0001f600' * 20, 'é' * 100, '€' * 50, 'x' * 31 + 'é' + 'y' * 40]

BAD_TEXT = [
    b'\x80', b'\xbf', b'\xc0\x80', b'\xc1\xbf', b'\xc2', b'\xc3x', b'\xe0\x80\x80', b'\xe0\x9f\xbf',
    b'\xe2\x82', b'\xe2\x82x', b'\xed\xa0\x80', b'\xed\xbf\xbf', b'\xed\xa0\x80\xed\xb0\x80',
    b'\xef\xbf', b'\xf0\x80\x80\x80', b'\xf0\x8f\xbf\xbf', b'\xf0\x9f\x98', b'\xf4\x90\x80\x80',
    b'\xf5\x80\x80\x80', b'\xf8\x88\x80\x80\x80', b'\xfc\x84\x80\x80\x80\x80', b'\xfe', b'\xff']


def texts():
    """Valid and invalid UTF-8: whole, in parts, and behind ASCII."""
    for text in GOOD_TEXT:
        data = text.encode()
        yield f'good {text[:2]!r}', frame(TEXT, data), [(TEXT, data)], None
        yield f'good in parts {text[:2]!r}', parts(data, 1), [(TEXT, data)], None
    for bad in BAD_TEXT:
        for before in (b'', b'x' * 7, b'x' * 63):
            yield f'bad {bad} after {len(before)}', frame(TEXT, before + bad), [], 1007
            yield f'bad {bad} in parts', parts(before + bad, 3), [], 1007
        yield f'bad {bad} as binary', frame(BINARY, bad), [(BINARY, bad)], None
        yield f'bad {bad} after a good one', frame(TEXT, b'ok') + frame(TEXT, bad), [
            (TEXT, b'ok')], 1007


def closes():
    """Close frames: the reply has the same code, or the code of an error."""
    for code in (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999):
        yield f'close {code}', close(code), [], code
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        yield f'close {code}', close(code), [], 1002
    yield 'close with a reason', close(1000, b'bye'), [], 1000
    yield 'close with the longest reason', close(4000, b'x' * 123), [], 4000
    yield 'close with a byte', frame(CLOSE, b'\x03'), [], 1002
    for bad in BAD_TEXT:
        yield f'close with reason {bad}', close(1000, bad), [], 1007
    yield 'close within a message', frame(TEXT, b'a', fin=False) + close(1001), [], 1001
    yield 'nothing after a close', close(1000) + frame(TEXT, b'x') + frame(PING), [], 1000
    yield 'the second close is not read', close(1000) + close(4000), [], 1000


GROUPS = {f.__name__: f for f in (lengths, heads, pings, fragments, texts, closes)}
CUTS = {'whole': None, 'bytes': [1], 'odd': [3, 1, 7, 2, 13, 5]}


@pytest.mark.parametrize('cut', CUTS)
@pytest.mark.parametrize('group', GROUPS)
def test_conformance(goevd, group, cut):
    d = serve(goevd)
    cases = list(GROUPS[group]())
    assert len(cases) > 10
    for name, data, frames, code in cases:
        if cut == 'whole' or len(data) < 5000:
            check(Client(d.connect()), name, data, frames, code, CUTS[cut])


def test_close_without_a_code_is_answered_without_one(goevd):
    c = Client(serve(goevd).connect())
    c.send(frame(CLOSE))
    assert c.frame() == (CLOSE, b'')
    c.end()


@pytest.mark.parametrize('bad', BAD_TEXT)
def test_wrong_text_is_told_before_its_frame_ends(goevd, bad):
    c = Client(serve(goevd).connect())
    whole = frame(TEXT, b'plain' + bad + b'x' * 1000)
    c.send(whole[:8 + 5 + len(bad) + 1])    # the head has 8 bytes
    assert c.code() == 1007


# ---- Limits --------------------------------------------------------------------------------------

def test_message_of_the_limit_and_one_past_it(goevd):
    d = serve(goevd)
    for data, frames, code in (
            (frame(BINARY, b'x' * LIMIT), [(BINARY, b'x' * LIMIT)], None),
            (parts(b'x' * LIMIT, 999), [(TEXT, b'x' * LIMIT)], None),
            (frame(BINARY, b'x' * (LIMIT + 1)), [], 1009),
            (parts(b'x' * (LIMIT + 1), 999), [], 1009)):
        check(Client(d.connect()), 'limit', data, frames, code)


def test_frame_of_the_limit_and_one_past_it(goevd):
    d = serve(goevd, frame_max=300)
    check(Client(d.connect()), 'at', parts(b'x' * 900, 300), [(TEXT, b'x' * 900)], None)
    check(Client(d.connect()), 'past', parts(b'x' * 900, 301), [], 1009)


def test_fragments_of_the_limit_and_one_more(goevd):
    d = serve(goevd, fragments_max=5)
    check(Client(d.connect()), 'at', parts(b'12345', 1) * 2, [(TEXT, b'12345')] * 2, None)
    check(Client(d.connect()), 'past', parts(b'123456', 1), [], 1009)


def test_16_mib_and_65536_fragments(goevd):
    d = serve(goevd, {'output_max': '32MiB'}, message_max='16MiB')
    data = bytes(range(256)) * (1 << 16)
    check(Client(d.connect()), 'whole', frame(BINARY, data), [(BINARY, data)], None)
    data = bytes(range(128)) * (1 << 9)
    check(Client(d.connect()), 'parts', parts(data, 1), [(TEXT, data)], None)


def test_message_that_passes_the_output_cap_gets_1009(goevd):
    d = serve(goevd, {'output_low': 1024, 'output_high': 4096, 'output_max': 8192})
    for n in (8193, 70000):
        check(Client(d.connect()), 'cap', frame(BINARY, b'x' * n), [], 1009)


def test_peer_that_reads_late_gets_all_in_order(goevd):
    d = serve(goevd, {'output_low': 4096, 'output_high': 8192, 'output_max': 65536,
                      'send_buffer': 4096})
    c = Client(d.connect(receive_buffer=4096))
    count = 16000
    data = b''.join(parts(b'%06d' % i + b'x' * 994, 600 if i % 7 == 0 else 1000, BINARY)
                    for i in range(count))
    c.sock.setblocking(False)
    sent = 0
    try:
        while sent < len(data):
            sent += c.sock.send(data[sent:])
    except BlockingIOError:
        pass    # the buffers are full: the client does not read, so goevd does not read either
    assert sent < len(data)
    got = 0
    while got < count:
        c.sock.setblocking(False)
        try:
            while sent < len(data):
                sent += c.sock.send(data[sent:sent + 65536])
        except BlockingIOError:
            pass
        c.sock.settimeout(daemon.PATIENCE_S)
        assert c.frame() == (BINARY, b'%06d' % got + b'x' * 994)
        got += 1
    c.send(close())
    assert c.code() == 1000


# ---- The handshake ------------------------------------------------------------------------------

def ask(d, data):
    """Status, headers and body."""
    s = d.connect()
    s.sendall(data)
    return Reader(s).response()


def test_handshake_is_answered(goevd):
    d = serve(goevd)
    for headers in ({}, {'Connection': 'keep-alive, Upgrade'}, {'Connection': ['x', 'upgrade']},
                    {'Upgrade': 'WebSocket'}, {'Upgrade': 'h2c, websocket'},
                    {'Sec_WebSocket_Extensions': 'x'}, {'Origin': 'http://a'}):
        head = Client(d.connect(), **headers).head
        assert f'Sec-WebSocket-Accept: {ACCEPT}\r\n' in head
        assert 'Upgrade: websocket\r\n' in head and 'Connection: upgrade\r\n' in head
        assert 'Extensions' not in head and 'Protocol:' not in head


def test_frames_that_come_with_the_handshake_are_served(goevd):
    d = serve(goevd)
    c = Client(d.connect(), early=frame(TEXT, b'early') + frame(TEXT, b'half')[:-2])
    assert c.frame() == (TEXT, b'early')
    c = Client(d.connect(), early=close())
    assert c.code() == 1000


@pytest.mark.parametrize('origins, permitted, refused', [
    (['*'], ['http://a', 'null', 'anything'], []),
    (['same-origin'], ['http://localhost', 'https://localhost'], ['http://a', 'null', 'same-origin']),
    (['https://a', 'same-origin'], ['https://a', 'http://localhost'], ['http://a'])])
def test_origins(goevd, origins, permitted, refused):
    d = serve(goevd, origins=origins)
    Client(d.connect())   # no browser
    for origin in permitted:
        Client(d.connect(), Origin=origin)
    for origin in refused:
        s = d.connect()
        s.sendall(handshake(Origin=origin))
        assert Reader(s).until(b'\r\n').startswith(b'HTTP/1.1 403 ')


@pytest.mark.parametrize('origins, words', [
    (['example.com'], 'origins[0]: "example.com" is no origin'),
    (['https://example.com:443'], 'origins[0]: "https://example.com:443" is no origin'),
    (['https://example.com/'], 'origins[0]: "https://example.com/" is no origin'),
    (['*', 'https://a'], 'origins: "*" is all origins; leave the others out')])
def test_what_is_no_origin_is_refused(refused, origins, words):
    handler = {'websocket': {'application': 'echo', 'origins': origins}}
    assert words in refused(daemon.config(daemon.listener(handler=handler)))


def test_handshake_is_refused(goevd):
    d = serve(goevd, origins=['http://a'])
    refused = [
        (400, handshake(drop=['Sec-WebSocket-Key'])),
        (400, handshake(Sec_WebSocket_Key=[KEY, KEY])),
        (400, handshake(Sec_WebSocket_Key=KEY[:-1])),
        (400, handshake(drop=['Sec-WebSocket-Version'])),
        (400, handshake(Content_Length='1') + b'x'),
        (403, handshake(Origin='http://b')),
        (405, handshake().replace(b'GET', b'POST', 1)),
        (426, handshake(Sec_WebSocket_Version='8')),
        (426, handshake(drop=['Upgrade'])),
        (426, handshake(Connection='keep-alive')),
        (426, handshake(Upgrade='h2c')),
        (426, handshake().replace(b'HTTP/1.1', b'HTTP/1.0', 1)),
        (426, request('/')),
    ]
    for wanted, data in refused:
        status, headers, _ = ask(d, data)
        assert status == wanted, data
        if status == 426:
            assert (headers['sec-websocket-version'], headers['upgrade']) == ('13', 'websocket')
        if status == 405:
            assert headers['allow'] == 'GET'
    Client(d.connect(), Origin='http://a')
    Client(d.connect())


def test_first_offered_protocol_is_agreed_upon(goevd):
    d = serve(goevd, protocols=['chat', 'superchat'])
    for offer, wanted in (('superchat, chat', 'superchat'), (['x', 'chat'], 'chat'), ('x', None)):
        head = Client(d.connect(), Sec_WebSocket_Protocol=offer).head
        assert [line[24:] for line in head.split('\r\n')
                if line.startswith('Sec-WebSocket-Protocol: ')] == ([wanted] if wanted else [])


def test_route_beside_others(goevd):
    d = goevd(daemon.config(daemon.listener(handler={'http': {'routes': [
        {'path': '/', 'respond': {'body': 'page'}}, {'path': '/ws', 'handler': handler()}]}})))
    assert ask(d, request('/'))[2] == b'page'
    assert ask(d, request('/ws'))[0] == 426
    c = Client(d.connect(), '/ws')
    c.send(frame(TEXT, b'x'))
    assert c.frame() == (TEXT, b'x')


# ---- Time, and the end --------------------------------------------------------------------------

def test_silent_peer_gets_a_ping_and_is_closed_without_a_pong(goevd):
    c = Client(serve(goevd, ping_interval='20ms', pong_timeout='30ms').connect())
    assert c.frame() == (PING, b'')
    c.end()


def test_peer_that_answers_pings_stays(goevd):
    c = Client(serve(goevd, ping_interval='20ms', pong_timeout='1h').connect())
    for _ in range(5):    # each an interval after the answer, however long that might have taken
        assert c.frame() == (PING, b'')
        c.send(frame(PONG))
    c.send(close())
    while (last := c.frame()) == (PING, b''):
        pass
    assert last == (CLOSE, struct.pack('!H', 1000))


def test_no_pings_where_none_are_wanted(goevd):
    d = serve(goevd, {'idle_timeout': '300ms'}, ping_interval=0)

    def shook_hands():
        try:
            return time.monotonic(), Client(d.connect())
        except (EOFError, OSError):
            return None   # this test has slept for too long
    began, c = daemon.eventually(shook_hands, 'no handshake')
    c.end()    # the listener's idle_timeout has ended it
    assert time.monotonic() - began > 0.25


def test_stop_tells_1001_and_waits_for_the_answer(goevd):
    d = serve(goevd)
    c = Client(d.connect())
    c.send(frame(TEXT, b'x'))
    assert c.frame() == (TEXT, b'x')
    d.process.terminate()
    assert c.code() == 1001
    c.send(frame(TEXT, b'late') + frame(PING, b'late') + close(1001))
    c.end()
    assert d.wait() == 0


def closed_over(goevd):
    """Time over which a stop sends its close frames, in s."""
    d = serve(goevd, stop_spread='500ms')
    clients = {c.sock.fileno(): c for c in (Client(d.connect()) for _ in range(32))}
    poll, came = select.poll(), []
    for fd in clients:
        poll.register(fd, select.POLLIN)
    d.process.terminate()
    while len(came) < len(clients):
        for fd, _ in poll.poll(daemon.PATIENCE_S * 1000):
            poll.unregister(fd)
            came.append(time.monotonic())
            assert clients[fd].code() == 1001
            clients[fd].send(close(1001))
    assert d.wait() == 0
    return came[-1] - came[0]


def test_stop_closes_them_over_stop_spread(goevd):
    """A test that was suspended finds all frames at the end: then once more."""
    assert any(closed_over(goevd) > 0.25 for _ in range(5))


def test_until_then_they_go_on(goevd):
    d = serve(goevd, {'idle_timeout': '1h'}, stop_spread='1h', ping_interval='10ms')
    c = Client(d.connect())
    d.signal(signal.SIGTERM)
    d.log.wait('SIGTERM: stopping')
    for _ in range(3):
        c.send(frame(TEXT, b'x'))
        while (got := c.frame()) == (PING, b''):
            pass
        assert got == (TEXT, b'x')


def test_stop_does_not_wait_longer_than_close_timeout(goevd):
    d = serve(goevd, close_timeout='50ms')
    c = Client(d.connect())
    d.process.terminate()
    assert c.code() == 1001
    c.end()
    assert d.wait() == 0
