"""Rooms of websocket, and connections that are reached from other threads."""
import struct

import pytest

import daemon
from websocket import BINARY, CLOSE, PING, PONG, TEXT, Client, Deflating, Packer, close, frame

NARROW = {'output_low': 4096, 'output_high': 8192, 'output_max': 30000, 'send_buffer': 4096}
LATER = (CLOSE, struct.pack('!H', 1013) + b'too slow')


@pytest.fixture
def serve(goevd, plugins, tmp_path):
    """start(application, front, option…) -> a daemon with two pollers, and a function that reads a metric."""
    def start(application='ws_rooms', front=None, **options):
        handler = {'websocket': {'application': application, **options}}
        d = goevd(daemon.config(
            daemon.listener(handler=handler, **(front or {})),
            reactors=[{'name': 'main', 'pollers': 2}], control={'socket': f'{tmp_path}/control'}),
            '--plugin-dir', plugins)

        def metric(name):
            return d.metrics()[f'goevd_websocket_{name}']

        return d, metric
    return start


def told(c, text):
    """The application's reply to a command."""
    c.send(frame(TEXT, text.encode()))
    opcode, data = c.frame()
    assert opcode == TEXT
    return data.decode()


def order(c, text, result=0):
    """Have a command carried out."""
    assert told(c, text) == f'{text.split()[0]} {result}'


def members(d, count, room='data', **more):
    """So many connections that are in a room."""
    found = [Client(d.connect(), **more) for _ in range(count)]
    for c in found:
        order(c, f'join {room}')
    return found


def leave(*connections):
    """They close, and have got nothing else before."""
    for c in connections:
        c.send(close())
        assert c.code() == 1000
        c.end()


def test_publish_reaches_members_on_every_poller_and_nobody_else(serve):
    d, metric = serve()
    boss, idle = Client(d.connect()), Client(d.connect())
    inside = members(d, 8, 'a')
    for c in inside[:4]:
        order(c, 'join b')
    order(inside[0], 'join b')           # once more changes nothing
    assert metric('room_members') == 12
    order(boss, 'publish a hello')
    order(boss, 'publish nowhere hello')
    for c in inside:
        assert c.frame() == (TEXT, b'hello')
    order(boss, 'publish b some')
    for c in inside[:4]:
        assert c.frame() == (TEXT, b'some')
    order(inside[0], 'leave b')
    order(inside[0], 'leave b', -2)
    order(inside[7], 'leave b', -2)
    order(boss, 'publish b fewer')
    for c in inside[1:4]:
        assert c.frame() == (TEXT, b'fewer')
    idle.send(frame(TEXT, b'all x everybody'))
    assert sorted([idle.frame(), idle.frame()]) == [(TEXT, b'all 0'), (BINARY, b'everybody')]
    for c in [*inside, boss]:
        assert c.frame() == (BINARY, b'everybody')
    leave(*inside, idle)
    order(boss, 'publish a nobody')
    assert (metric('room_members'), metric('messages_published_total')) == (0, 6)


def test_names_and_numbers_of_rooms(serve):
    d, _ = serve(rooms_max=3)
    c = Client(d.connect())
    order(c, 'join ' + 'x' * 255)
    order(c, 'join ' + 'x' * 256, -22)
    order(c, 'publish ' + 'x' * 256 + ' y', -22)
    order(c, 'join b')
    order(c, 'join c')
    order(c, 'join d', -28)
    order(c, 'join c')
    order(c, 'leave b')
    order(c, 'join d')
    order(c, 'leave ' + 'x' * 255)


def test_many_rooms(serve):
    d, metric = serve(rooms_max=1000)
    boss, c = Client(d.connect()), Client(d.connect())
    for i in range(300):
        order(c, f'join room{i}')
    assert metric('room_members') == 300
    for i in range(0, 300, 2):
        order(c, f'leave room{i}')
    for i in range(300):
        order(boss, f'publish room{i} {i}')
    for i in range(1, 300, 2):
        assert c.frame() == (TEXT, b'%d' % i)
    leave(c)


def test_other_threads_send_and_close(serve):
    d, _ = serve()
    boss = Client(d.connect())
    for c in [Client(d.connect()) for _ in range(4)]:
        number = told(c, 'id')
        order(boss, f'text {number} one')
        order(boss, f'text {number} two')
        order(boss, f'ping {number} {"x" * 125}')
        order(boss, f'enter {number} late')
        order(boss, 'publish late three')
        assert [c.frame() for _ in range(4)] == [
            (TEXT, b'one'), (TEXT, b'two'), (PING, b'x' * 125), (TEXT, b'three')]
        order(boss, f'ping {number} {"x" * 126}', -22)
        order(boss, f'type {number} x', -22)
        order(boss, f'close {number} 999', -22)
        order(boss, f'close {number} 1000 {"x" * 123}', -22)   # a blank is before it
        order(boss, f'close {number} 4000 {"x" * 122}')
        assert c.frame() == (CLOSE, struct.pack('!H', 4000) + b' ' + b'x' * 122)
        c.send(close(4000))
        c.end()
        order(boss, f'text {number} gone')
        order(boss, f'enter {number} gone')
        order(boss, f'close {number} 1000')
    order(boss, 'text 0 nobody', -22)
    found = [m[1] for m in d.log.wait(r'ws_rooms: done (\S+)$', 12)]
    assert sorted(found) == ['-32'] * 4 + ['0'] * 8


def test_order_of_each_publisher(serve):
    d, metric = serve()
    heard = members(d, 6)
    publishers = [Client(d.connect()) for _ in range(3)]
    for i in range(500):
        for n, p in enumerate(publishers):
            p.send(frame(BINARY, b'%d %d' % (n, i)))
    for c in heard:
        got = [c.frame()[1].split() for _ in range(1500)]
        for n in range(3):
            assert [int(i) for who, i in got if int(who) == n] == list(range(500))
    assert (metric('messages_published_total'), metric('messages_dropped_total'), metric('connections_limited_total{limit=room_backlog_max}')) == (1500, 0, 0)


POLICIES = ['close', 'drop_oldest', 'drop_newest']


def slow_and_others(serve, policy, own=(), count=400):
    """One member that does not read, perhaps with a policy and a backlog of its own, while the
    others get everything. -> the messages of that one."""
    d, metric = serve(front=NARROW, room_slow=policy, room_backlog_max='32KiB', ping_interval='0s')
    others = members(d, 3)
    slow = Client(d.connect(receive_buffer=4096))
    if own:
        policy = own[0]
        order(slow, f'slow {POLICIES.index(policy)} {own[1]}')
    order(slow, 'join data')
    boss = Client(d.connect())
    messages = [b'%06d' % i + b'x' * 1000 for i in range(count)]
    for m in messages:
        boss.send(frame(BINARY, m))
        for c in others:
            assert c.frame() == (BINARY, m)
    lost = metric('messages_dropped_total')
    assert (lost > 0, metric('connections_limited_total{limit=room_backlog_max}')) == ((False, 1) if policy == 'close' else (True, 0))
    got = []
    while len(got) < count - lost:
        said = slow.frame()
        if said[0] == CLOSE:
            assert said == LATER
            slow.send(close(1013))
            slow.end()
            break
        got.append(said[1])
    assert got == sorted(set(got)) and set(got) < set(messages) and got[0] == messages[0]
    boss.send(frame(BINARY, b'last'))
    for c in others:
        assert c.frame() == (BINARY, b'last')
    return got, messages, metric, slow


KEPT = 32768 // (1006 + 64)      # messages that the backlog holds


def at_first_loss(got, messages):
    """The messages received before the first lost one, and after it."""
    n = next((i for i, m in enumerate(got) if m != messages[i]), len(got))
    return got[:n], got[n:]


OWN = [('drop_newest', ('close', 0)), ('close', ('drop_oldest', 2048)), ('close', ('drop_newest', 1 << 63))]


@pytest.mark.parametrize('policies', [('close',), OWN[0]])
def test_slow_member_is_closed(serve, policies):
    got, messages, metric, slow = slow_and_others(serve, *policies)
    assert got == messages[:len(got)]
    slow.sock.close()        # or, where that has come too late for close_timeout, it lingers
    daemon.eventually(lambda: metric('room_members') == 3, 'it is still a member')


@pytest.mark.parametrize('policies, kept', [(('drop_oldest',), KEPT), (OWN[1], 1)])
def test_slow_member_loses_the_oldest(serve, policies, kept):
    got, messages, _, slow = slow_and_others(serve, *policies)
    _, behind = at_first_loss(got, messages)
    assert behind[-kept:] == messages[-kept:]
    assert kept == KEPT or len(behind) < KEPT
    assert slow.frame() == (BINARY, b'last')


@pytest.mark.parametrize('policies', [('drop_newest',), OWN[2]])
def test_slow_member_loses_the_newest(serve, policies):
    got, messages, _, slow = slow_and_others(serve, *policies)
    before, behind = at_first_loss(got, messages)
    # a kernel whose buffer is full takes a little more now and then: then some find room again
    assert len(before) >= KEPT > len(behind)
    assert slow.frame() == (BINARY, b'last')


def test_policies_that_there_are(serve):
    d, _ = serve()
    c = Client(d.connect())
    for number, result in ((-1, -22), (0, 0), (2, 0), (3, -22)):
        order(c, f'slow {number} 0', result)


@pytest.mark.parametrize('excess', [0, 1])
def test_message_as_long_as_the_backlog_and_one_longer(serve, excess):
    """The backlog holds one message at most; a connection whose queue is full reports it."""
    d, metric = serve(front=NARROW, room_slow='drop_oldest', room_backlog_max=20000 + 64,
                      message_max='64KiB')
    slow = Client(d.connect(receive_buffer=4096))
    order(slow, 'join data')
    other = members(d, 1)[0]
    boss = Client(d.connect())
    for i in range(100):                                         # the last ones wait
        boss.send(frame(BINARY, b'%03d' % i * 1000))
        assert other.frame()[1] == b'%03d' % i * 1000
    boss.send(frame(BINARY, b'z' * (20000 + excess)))
    assert other.frame() == (BINARY, b'z' * (20000 + excess))
    numbers = []
    while not numbers or (numbers[-1] != b'099' if excess else numbers[-1] != b'zzz'):
        numbers.append(slow.frame()[1][:3])
    assert (b'z' * 3 in numbers) == (excess == 0)
    assert metric('messages_dropped_total') == 101 - len(numbers)


def test_publishing_is_bounded(serve):
    d, _ = serve(publish_max=2048)
    c = members(d, 1)[0]
    boss = Client(d.connect())
    boss.send(frame(BINARY, b'x' * 1700))
    assert c.frame() == (BINARY, b'x' * 1700)
    boss.send(frame(BINARY, b'x' * 2048))
    assert boss.code() == 4013


def test_publication_is_compressed_for_those_who_agreed(serve):
    d, _ = serve(compress_context=True, compress_server_bits=15)
    plain = members(d, 2)
    offers = ['permessage-deflate', 'permessage-deflate; server_max_window_bits=10',
              'permessage-deflate; server_no_context_takeover']
    packed = [Deflating(d.connect(), offer) for offer in offers * 2]
    for c in packed:
        order(c, 'join data')
    boss = Client(d.connect())
    for text in (b'abc' * 400, b'short', b'abc' * 401, bytes(range(256)), b'abcd' * 20000):
        boss.send(frame(BINARY, text))
        for c in plain + packed:
            assert c.frame() == (BINARY, text)
        for c in packed:                 # its own context goes on from anew
            order(c, 'leave ' + 'y' * 250, -2)


def test_figures_of_compression(serve):
    d, metric = serve('ws_parts', compress_min=9)
    c = Deflating(d.connect())

    def metrics():
        return [metric(name) for name in ('messages_compressed_total',
                                          'compression_input_bytes_total',
                                          'compression_output_bytes_total')]

    c.send(frame(TEXT, b'send:short'))
    assert c.frame() == (TEXT, b'short') and metrics() == [0, 0, 0]
    c.send(frame(TEXT, b'send:' + b'a' * 100))
    assert c.frame() == (TEXT, b'a' * 100)
    assert metrics() == [1, 100, c.packed[-1]]
    c.send(frame(TEXT, b'first:aaaa more:bbb last:'))
    assert c.message()[1] == b'aaaabbb'
    assert metrics() == [2, 107, c.packed[1] + c.packed[2]]
    c.send(frame(BINARY, b'c' * 3000))
    assert c.frame() == (BINARY, b'c' * 3000)
    assert metrics() == [3, 3107, sum(c.packed[1:])]
    for data, refused in ((b'\xff\xff\xff\xff', 1), (b'\xf2\x48\xcd', 2), (Packer()(b'\xff'), 2)):
        c = Deflating(d.connect())
        c.send(frame(TEXT, data, rsv=4))
        assert c.code() == 1007
        assert metric('messages_malformed_total') == refused


def test_stop_with_members_and_a_backlog(serve):
    d, _ = serve(front=NARROW, room_slow='drop_oldest', stop_spread='0s')
    slow = Client(d.connect(receive_buffer=4096))
    order(slow, 'join data')
    other = members(d, 1)[0]
    boss = Client(d.connect())
    for i in range(200):
        boss.send(frame(BINARY, b'%03d' % i * 1000))
        assert other.frame()[1] == b'%03d' % i * 1000
    slow.sock.close()


def parts(c):
    """The parts of one message: its type, their payload, and its announced length."""
    data = []
    while True:
        opcode, said = c.frame()
        assert opcode == BINARY
        kind, flags, length, rest = said.split(b' ', 3)
        assert (int(flags) & 1 != 0) == (not data)
        data.append(rest)
        if int(flags) & 2:
            return int(kind), data, int(length)


@pytest.mark.parametrize('offer', [None, 'permessage-deflate'])
def test_application_gets_messages_by_parts(serve, offer):
    d, _ = serve('ws_stream', message_max=300000)
    c = Deflating(d.connect(), offer) if offer else Client(d.connect())
    c.send(frame(TEXT, b'whole'))
    assert parts(c) == (TEXT, [b'whole'], 5)
    c.send(frame(TEXT, b''))
    assert parts(c) == (TEXT, [b''], 0)
    text = 'ä€😀'.encode() * 3000
    for size in (1, 7, 1000):
        for at in range(0, len(text), size if size > 1 else 500):
            last = at + (size if size > 1 else 500) >= len(text)
            c.send(frame(0 if at else TEXT, text[at:at + (size if size > 1 else 500)], fin=last))
        kind, data, length = parts(c)
        assert (kind, b''.join(data), length) == (TEXT, text, len(text))
    c.send(frame(BINARY, b'first', fin=False))
    opcode, said = c.frame()                         # before the message has ended
    assert (opcode, said) == (BINARY, b'2 1 0 first')
    c.send(frame(PING) + frame(0, b'', fin=False) + frame(0, b'last'))
    assert c.frame()[0] == PONG
    assert c.frame() == (BINARY, b'2 2 9 last')
    c.send(frame(BINARY, b'x' * 200000, fin=False) + frame(0, b'x' * 100000))
    assert sum(map(len, parts(c)[1])) == 300000
    c.send(frame(BINARY, b'x' * 200000, fin=False) + frame(0, b'x' * 100001))
    while (said := c.frame())[0] == BINARY:
        pass
    assert said == (CLOSE, struct.pack('!H', 1009) + b'message too long')


def test_wrong_text_after_parts(serve):
    d, _ = serve('ws_stream')
    c = Client(d.connect())
    c.send(frame(TEXT, b'\xc3', fin=False))
    assert c.frame() == (BINARY, b'1 1 0 \xc3')
    c.send(frame(0, b'\xa4', fin=False) + frame(0, b'\xff'))
    assert c.frame() == (BINARY, b'1 0 0 \xa4')
    assert c.code() == 1007


def test_parts_of_a_compressed_message(serve):
    d, _ = serve('ws_stream')
    c = Deflating(d.connect())
    text, pack = 'etwas Längeres, '.encode() * 5000, Packer()
    for _ in range(2):
        packed = pack(text)
        c.send(frame(TEXT, packed[:100], fin=False, rsv=4) + frame(0, packed[100:]))
        kind, data, length = parts(c)
        assert (kind, b''.join(data), length) == (TEXT, text, len(text))
    packed = pack(b'x' * (1 << 20) + b'y')
    c.send(frame(TEXT, packed, rsv=4))
    while (said := c.frame())[0] == BINARY:
        pass
    assert said == (CLOSE, struct.pack('!H', 1009) + b'message too long')


def test_parts_that_were_refused_come_again(serve):
    d, _ = serve('ws_stream', front=NARROW, message_max='16MiB')
    c = Client(d.connect(receive_buffer=4096))
    data = b''.join(b'%08d' % i for i in range(200000))
    pending = b''.join(frame(0 if at else BINARY, data[at:at + 5000], fin=at + 5000 >= len(data))
                       for at in range(0, len(data), 5000))
    got, length = b'', 0
    while not length:
        pending = c.offer(pending)
        _, _, length, part = c.frame()[1].split(b' ', 3)
        got, length = got + part, int(length)
    assert (got, length) == (data, len(data))
    c.send(close())
    assert c.code() == 1000
    d.log.wait(r'close 1000, some late$')
