"""The plugin relay, between real clients and real upstreams."""
import contextlib
import hashlib
import json
import re
import signal
import socket
import struct
import threading

import pytest

import daemon
import procfs
from daemon import PATIENCE_S, SANITIZER, config, eventually, listener
from wire import Reader, closed, echo

MIB = 1 << 20
RESET = struct.pack('ii', 1, 0)   # SO_LINGER: close(2) resets


class Upstream:
    """A server whose every connection is handled by a thread of its own."""

    def __init__(self, handle=None, port=0, backlog=128):
        self.listener = socket.create_server(('127.0.0.1', port), backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        self.open = []
        self.handle = handle or echo_all
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """Until it is closed."""
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(PATIENCE_S)
                self.accepted += 1
                self.open.append(sock)
                threading.Thread(target=self.run, args=(sock,), daemon=True).start()

    def run(self, sock):
        """One connection."""
        with contextlib.suppress(OSError):
            self.handle(sock)

    def close(self):
        """Nobody listens any more, and what was open has ended."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)   # wakes accept()
        self.listener.close()
        for sock in self.open:
            sock.close()

    @property
    def address(self):
        """For the configuration."""
        return f'127.0.0.1:{self.port}'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def echo_all(sock):
    """Send back what comes, then end."""
    while data := sock.recv(1 << 16):
        sock.sendall(data)
    sock.close()


def say_and_hold(word):
    """A handler that says who it is and keeps the connection until the peer ends."""
    def handle(sock):
        sock.sendall(word)
        while sock.recv(1 << 16):
            pass
        sock.close()
    return handle


def dead_port():
    """Nobody listens there, and nobody else will while the socket lives."""
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    return s, s.getsockname()[1]


def full():
    """A server that does not accept, and the connections that fill its backlog."""
    s = socket.create_server(('127.0.0.1', 0), backlog=0)
    clients = [s]
    for _ in range(64):
        c = socket.socket()
        c.settimeout(0.3)
        clients.append(c)
        try:
            c.connect(s.getsockname())
        except (TimeoutError, BlockingIOError):
            break
    return s.getsockname()[1], clients


@pytest.fixture
def serve(goevd, tmp_path):
    """serve(upstream…, option=…) -> a goevd with a relay to these; more: for the configuration."""
    def start(*upstreams, pollers='2', more=None, front=None, **options):
        addresses = [u.address if isinstance(u, Upstream) else u for u in upstreams]
        return goevd(config(listener(handler={'relay': {'upstreams': addresses, **options}},
                                     **(front or {})),
                            reactors=[{'name': 'main', 'pollers': pollers}],
                            control={'socket': str(tmp_path / 'control.sock')}, **(more or {})))
    return start


@pytest.fixture
def figure(goevd_run, tmp_path):
    """figure(name) -> its total now."""
    def read(name):
        done = eventually(lambda: (r := goevd_run('ctl', '-s', tmp_path / 'control.sock', 'stats',
                                                  '--json')).returncode == 0 and r, 'no figures')
        return json.loads(done.stdout)['figures'][f'relay.{name}']['total']
    return read


def was_reset(sock):
    """The connection ends with a reset and nothing before it."""
    try:
        return sock.recv(1) and False
    except ConnectionResetError:
        return True


def is_refused(d):
    """A client gets a reset, perhaps before it has noticed that it is connected."""
    try:
        return was_reset(d.connect())
    except ConnectionResetError:
        return True


# ---- Bytes --------------------------------------------------------------------------------------

def send_block(sock, block, count):
    """A thread's work."""
    with contextlib.suppress(OSError):   # who reads notices
        for _ in range(count):
            sock.sendall(block)
        sock.shutdown(socket.SHUT_WR)


def test_bytes_both_ways_at_once_are_what_was_sent(serve, figure):
    count = 32 if SANITIZER else 256
    block = bytes(range(251)) * (MIB // 251)
    with Upstream() as up:
        d = serve(up)
        s = d.connect()
        threading.Thread(target=send_block, args=(s, block, count), daemon=True).start()
        got, size = hashlib.sha256(), 0
        while data := s.recv(1 << 18):
            got.update(data)
            size += len(data)
        want = hashlib.sha256()
        for _ in range(count):
            want.update(block)
        assert size == len(block) * count
        assert got.digest() == want.digest()
        assert figure('bytes_up') == figure('bytes_down') == size
        eventually(lambda: figure('open') == 0, 'it is still open')


def test_pieces_arrive_as_they_come(serve):
    with Upstream() as up:
        s = serve(up).connect()
        for size in (1, 2, 1000, 65535, 65536, 65537, 300000):
            echo(s, b'x' * size)


def test_unix_upstream_and_client(serve, tmp_path):
    path = str(tmp_path / 'up')
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        d = serve(f'unix:{path}', front={'address': f'unix:{tmp_path}/front'})
        s = d.connect()
        there, _ = listening.accept()
        with there:
            s.sendall(b'up')
            assert there.recv(10) == b'up'
            there.sendall(b'down')
            assert s.recv(10) == b'down'
            there.shutdown(socket.SHUT_WR)
            assert s.recv(10) == b''
            s.sendall(b'more')
            assert there.recv(10) == b'more'


def test_upstream_in_the_same_goevd(goevd, tmp_path):
    inner = f'unix:{tmp_path}/inner'
    d = goevd(config(listener('inner', 'echo', inner),
                     listener(handler={'relay': {'upstreams': inner}})))
    s = d.connect()
    threading.Thread(target=send_block, args=(s, bytes(MIB), 8), daemon=True).start()
    assert len(Reader(s).rest()) == 8 * MIB


# ---- Ends ---------------------------------------------------------------------------------------

def test_client_ends_first_and_still_gets_the_answer(serve):
    def answer(sock):
        asked = Reader(sock).rest()   # to its end
        sock.sendall(asked.upper() + b'!')
        sock.close()
    with Upstream(answer) as up:
        s = serve(up).connect()
        s.sendall(b'question')
        s.shutdown(socket.SHUT_WR)
        assert Reader(s).rest() == b'QUESTION!'


def test_upstream_ends_first_and_still_hears_the_client(serve, figure):
    heard = []

    def handle(sock):
        sock.sendall(b'bye')
        sock.shutdown(socket.SHUT_WR)
        heard.append(Reader(sock).rest())
        sock.close()
    with Upstream(handle) as up:
        s = serve(up).connect()
        assert Reader(s).rest() == b'bye'
        s.sendall(b'but I am not done')
        s.shutdown(socket.SHUT_WR)
        eventually(lambda: heard, 'it hears the client')
        assert heard == [b'but I am not done']
        eventually(lambda: figure('open') == 0, 'it is still open')
        assert figure('reset') == 0


def test_end_waits_behind_what_a_slow_reader_has_not_taken(serve):
    def handle(sock):
        sock.sendall(bytes(8 * MIB))
        sock.close()
    with Upstream(handle) as up:
        s = serve(up).connect(receive_buffer=4096)
        threading.Event().wait(0.2)   # the upstream has long ended
        assert len(Reader(s).rest()) == 8 * MIB


def test_reset_of_the_upstream_resets_the_client(serve, figure):
    def handle(sock):
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()
    with Upstream(handle) as up:
        s = serve(up).connect()
        s.sendall(b'x')
        assert was_reset(s)
        eventually(lambda: figure('open') == 0, 'it is still open')
        assert figure('reset') == 1


def test_reset_of_the_client_resets_the_upstream(serve, figure):
    seen = []

    def handle(sock):
        sock.sendall(b'hello')
        seen.append(was_reset(sock))
    with Upstream(handle) as up:
        s = serve(up).connect()
        assert s.recv(5) == b'hello'
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.close()
        eventually(lambda: seen, 'the upstream hears of it')
        assert seen == [True]
        assert figure('reset') == 1


def test_reset_in_the_middle_of_a_transfer_is_no_end(serve):
    """Who reads up to the end must not take a part for the whole."""
    def handle(sock):
        sock.recv(1)
        sock.sendall(bytes(2 * MIB))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()
    with Upstream(handle) as up:
        s = serve(up).connect(receive_buffer=4096)
        s.sendall(b'x')
        with pytest.raises(ConnectionResetError):
            Reader(s).rest()


def test_reset_is_noticed_while_the_other_side_does_not_read(serve, figure):
    with Upstream(lambda sock: threading.Event().wait(PATIENCE_S)) as up:
        d = serve(up)
        s = d.connect()
        s.settimeout(0.3)
        with pytest.raises(TimeoutError):
            while True:
                s.sendall(bytes(MIB))   # until all buffers on the way are full
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.close()
        eventually(lambda: figure('open') == 0, 'it is still open')


def test_idle_side_ends_the_other(serve, figure):
    ended = []

    def handle(sock):
        ended.append(sock.recv(1))
        sock.close()
    with Upstream(handle) as up:
        s = serve(up, front={'idle_timeout': '200ms'}).connect()
        assert closed(s)
        s.close()
        eventually(lambda: ended, 'the upstream hears of it')
        assert ended == [b'']
        eventually(lambda: figure('idle') == 1, 'it is counted')
        eventually(lambda: figure('open') == 0, 'it is still open')


# ---- The PROXY protocol -------------------------------------------------------------------------

@pytest.fixture
def heard(serve):
    """heard(version, …) -> what an upstream hears of hello; the client's address; goevd's own."""
    def hear(version, **front):
        all_of_it = []

        def handle(sock):
            all_of_it.append(Reader(sock).rest())
            sock.close()
        with Upstream(handle) as up:
            s = serve(up, proxy_protocol=version, front=front).connect()
            ends = s.getsockname()[:2], s.getpeername()[:2]
            s.sendall(b'hello')
            s.shutdown(socket.SHUT_WR)
            assert Reader(s).rest() == b''
        return *all_of_it, *ends
    return hear


def test_proxy_v2_tells_who_the_client_is(heard):
    data, client, here = heard('v2')
    assert data == b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + socket.inet_aton(client[0]) + \
        socket.inet_aton(here[0]) + struct.pack('!HH', client[1], here[1]) + b'hello'


def test_proxy_v2_of_ipv6(heard):
    data, client, here = heard('v2', address='[::1]:0')
    assert data == b'\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24' + \
        socket.inet_pton(socket.AF_INET6, '::1') * 2 + \
        struct.pack('!HH', client[1], here[1]) + b'hello'


def test_proxy_v1_tells_who_the_client_is(heard):
    data, client, here = heard('v1')
    assert data.decode() == f'PROXY TCP4 {client[0]} {here[0]} {client[1]} {here[1]}\r\nhello'


def test_no_header_unless_asked_for(heard):
    assert heard('none')[0] == b'hello'


# ---- Backpressure -------------------------------------------------------------------------------

def stuff(sock, limit):
    """Send until nothing more is taken, or the limit; the bytes sent."""
    sent, block = 0, bytes(1 << 16)
    sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while sent < limit:
            sent += sock.send(block)
    return sent


@pytest.mark.parametrize('way', ['up', 'down'])
def test_fast_sender_and_slow_reader_leave_memory_flat(serve, way):
    size = 64 * MIB if SANITIZER else 1024 * MIB
    block, released, result = bytes(MIB), threading.Event(), []

    def read(sock):
        """Slowly at first, so that everything on the way fills up."""
        reader, got, data = sock, 0, bytearray(MIB)
        released.wait(PATIENCE_S)
        while n := reader.recv_into(data):
            got += n
        result.append(got)

    def handle(sock):
        if way == 'up':
            read(sock)
        else:
            send_block(sock, block, size // MIB)
    with Upstream(handle) as up:
        d = serve(up, pollers='1')
        worker = d.worker()
        s = d.connect()
        before = procfs.rss_bytes(worker)
        other = threading.Thread(target=read if way == 'down' else send_block, daemon=True,
                                 args=(s,) if way == 'down' else (s, block, size // MIB))
        other.start()
        peak, cpu = before, procfs.cpu_s(worker)
        threading.Event().wait(0.5)   # nothing can move now, and nothing spins
        assert procfs.cpu_s(worker) - cpu < (2.0 if SANITIZER else 0.3)
        released.set()
        while not result:
            peak = max(peak, procfs.rss_bytes(worker))
            other.join(0.02)
        assert result == [size]
        if not SANITIZER:
            assert peak - before < 4 * MIB


def test_reader_that_never_reads_stops_the_sender(serve):
    hold = threading.Event()
    with Upstream(lambda sock: hold.wait(PATIENCE_S)) as up:
        d = serve(up)
        worker = d.worker()
        before = procfs.rss_bytes(worker)
        for _ in range(4):
            assert stuff(d.connect(), 256 * MIB) < 256 * MIB
        if not SANITIZER:
            assert procfs.rss_bytes(worker) - before < 4 * MIB
        hold.set()


def test_directions_do_not_wait_for_each_other(serve):
    """An upstream that must be read before it reads on, and a client that reads and writes."""
    size = 32 * MIB

    def handle(sock):
        sock.sendall(bytes(size))   # before a byte is read
        got = 0
        while got < size:
            got += len(sock.recv(1 << 16))
        sock.sendall(b'all')
        sock.close()
    with Upstream(handle) as up:
        s = serve(up, more={'connectors': {'output_high': '64KiB', 'output_low': 1}}).connect()
        threading.Thread(target=send_block, args=(s, bytes(MIB), size // MIB), daemon=True).start()
        threading.Event().wait(0.3)   # whatever can be sent without being read has been
        reader = Reader(s)
        got = 0
        while got < size:
            data = s.recv(min(1 << 18, size - got))
            assert data
            got += len(data)
        assert reader.rest() == b'all'


def test_least_output_that_may_be_queued(serve):
    """output_max is smaller than what one read brings."""
    least = {'output_max': '4KiB', 'output_high': '2KiB', 'output_low': '1KiB'}
    with Upstream() as up:
        s = serve(up, front=least, more={'connectors': least}).connect(receive_buffer=4096)
        threading.Thread(target=send_block, args=(s, bytes(MIB), 8), daemon=True).start()
        assert len(Reader(s).rest()) == 8 * MIB


# ---- Which upstream -----------------------------------------------------------------------------

def test_connections_go_where_the_fewest_are(serve, figure):
    names = [b'a', b'b', b'c']
    with contextlib.ExitStack() as stack:
        ups = [stack.enter_context(Upstream(say_and_hold(n))) for n in names]
        d = serve(*ups, pollers='1')
        held = {n: [] for n in names}
        for _ in range(30):
            s = d.connect()
            held[s.recv(1)].append(s)
        assert [len(held[n]) for n in names] == [10, 10, 10]
        for s in held[b'b']:
            s.close()
        eventually(lambda: figure('upstream.1.open') == 0, 'they have ended')
        again = [d.connect().recv(1) for _ in range(10)]
        assert again == [b'b'] * 10
        assert [figure(f'upstream.{n}.open') for n in range(3)] == [10, 10, 10]
        assert [figure(f'upstream.{n}.connected') for n in range(3)] == [10, 20, 10]
        assert (figure('open'), figure('connected')) == (30, 40)


def test_pollers_count_together(serve, figure):
    with Upstream(say_and_hold(b'a')) as a, Upstream(say_and_hold(b'b')) as b:
        d = serve(a, b, pollers='3')
        for _ in range(60):
            assert d.connect().recv(1)
        assert sorted(figure(f'upstream.{n}.open') for n in range(2)) == [30, 30]


def test_upstream_that_is_down_is_passed_over(serve, figure):
    s, port = dead_port()
    with s, Upstream(say_and_hold(b'a')) as up:
        d = serve(f'127.0.0.1:{port}', up, rest='1h')
        d.may_say = ['does not answer']
        for _ in range(20):
            assert d.connect().recv(1) == b'a'
        assert len(d.log.wait(rf'upstream 127\.0\.0\.1:{port} does not answer: '
                              'Connection refused$')) == 1
        assert figure('upstream.0.failed') == 1   # it was asked once, and rests
        assert (figure('resting'), figure('refused')) == (1, 0)


def test_upstream_that_returns_is_used_again(serve, figure):
    s, port = dead_port()
    with Upstream(say_and_hold(b'a')) as up:
        d = serve(f'127.0.0.1:{port}', up, rest='100ms')
        d.may_say = ['does not answer']
        with s:
            while figure('upstream.0.failed') < 3:   # after each rest
                assert d.connect().recv(1) == b'a'
        with Upstream(say_and_hold(b'b'), port):
            eventually(lambda: d.connect().recv(1) == b'b', 'it is used again')
            d.log.wait(rf'notice: relay: upstream 127\.0\.0\.1:{port} answers again$|'
                       rf'upstream 127\.0\.0\.1:{port} answers again$')
            assert figure('resting') == 0
        assert len(d.log.find('does not answer')) == 1   # told when it changed, not each time


def test_one_client_at_a_time_tries_who_has_rested(serve, figure):
    port, clients = full()
    with Upstream(say_and_hold(b'a')) as up:
        d = serve(f'127.0.0.1:{port}', up, rest='400ms', connect_timeout='300ms', pollers='1')
        d.may_say = ['does not answer']
        assert d.connect().recv(1) == b'a'   # perhaps after having waited for the other
        assert d.connect().recv(1) == b'a'
        assert figure('upstream.0.failed') == 1
        eventually(lambda: d.connect().recv(1) and figure('connecting') == 0 and
                   figure('upstream.0.failed') == 2, 'it is tried again')
    for c in clients:
        c.close()


def test_all_down_refuses_with_a_reset(serve, figure):
    (a, port_a), (b, port_b) = dead_port(), dead_port()
    with a, b:
        d = serve(f'127.0.0.1:{port_a}', f'127.0.0.1:{port_b}')
        d.may_say = ['does not answer']
        for n in range(5):   # those that rest are asked too when nobody else is there
            assert is_refused(d)
            assert figure('refused') == n + 1
        assert [figure(f'upstream.{n}.failed') for n in range(2)] == [5, 5]
        assert len(d.log.wait('does not answer', 2)) == 2
        assert (figure('open'), figure('connecting')) == (0, 0)
    with Upstream(say_and_hold(b'x'), port_a):   # and one that is back is found at once
        assert d.connect().recv(1) == b'x'


@pytest.mark.parametrize('tries', [1, 2, 3])
def test_tries(serve, figure, tries):
    held = [dead_port() for _ in range(3)]
    d = serve(*(f'127.0.0.1:{port}' for _, port in held), tries=tries)
    d.may_say = ['does not answer']
    assert is_refused(d)
    assert sum(figure(f'upstream.{n}.failed') for n in range(3)) == tries
    for s, _ in held:
        s.close()


def test_name_that_has_no_address(serve, figure):
    with Upstream(say_and_hold(b'a')) as up:
        d = serve('no-such-host.invalid:80', up)
        d.may_say = ['upstream no-such-host.invalid:80 does not answer: ']
        for _ in range(3):
            assert d.connect().recv(1) == b'a'
        assert figure('upstream.0.failed') == 1


def test_upstream_that_never_accepts(serve, figure):
    port, clients = full()
    d = serve(f'127.0.0.1:{port}', connect_timeout='200ms')
    d.may_say = [f'upstream 127.0.0.1:{port} does not answer: Connection timed out']
    assert is_refused(d)
    assert figure('upstream.0.failed') == 1
    for c in clients:
        c.close()


def test_client_that_goes_while_it_waits(serve, figure):
    seen = []

    def handle(sock):
        seen.append(closed(sock))
        sock.close()
    with Upstream(handle) as up:
        port, clients = full()
        d = serve(f'127.0.0.1:{port}', up, connect_timeout='1s', pollers='1')
        d.may_say = [f'upstream 127.0.0.1:{port} does not answer: Connection timed out']
        d.connect().close()
        eventually(lambda: seen, 'the next upstream sees it end')
        assert seen == [True]
        eventually(lambda: figure('open') == 0, 'it is still open')
        for c in clients:
            c.close()


def test_client_that_is_idle_for_too_long_waits_no_more(serve, figure):
    port, clients = full()
    d = serve(f'127.0.0.1:{port}', connect_timeout='1h', front={'idle_timeout': '200ms'})
    files = procfs.open_files(d.worker())
    assert closed(d.connect())
    eventually(lambda: figure('connecting') == 0, 'it still waits')
    eventually(lambda: procfs.open_files(d.worker()) == files, 'an attempt goes on')
    assert (figure('upstream.0.failed'), figure('refused')) == (0, 0)
    for c in clients:
        c.close()


def test_stop_ends_those_that_wait(serve, figure):
    port, clients = full()
    d = serve(f'127.0.0.1:{port}', connect_timeout='1h', more={'stop_timeout': '200ms'})
    d.may_say = ['still open after stop_timeout']
    waiting = [d.connect() for _ in range(5)]
    eventually(lambda: figure('connecting') == 5, 'they wait')
    d.signal(signal.SIGTERM)
    assert all(closed(s) for s in waiting)
    assert d.wait() == 0
    for c in clients:
        c.close()


# ---- Many, and the end --------------------------------------------------------------------------

def test_many_connections(serve, figure):
    count = 100 if SANITIZER else 400
    with Upstream() as a, Upstream() as b:
        d = serve(a, b)
        files = procfs.open_files(d.worker())
        for _ in range(2):
            socks = [d.connect() for _ in range(count)]
            for n, s in enumerate(socks):
                s.sendall(b'%d\n' % n)
            for n, s in enumerate(socks):
                assert Reader(s).until(b'\n') == b'%d\n' % n
            assert figure('open') == count
            for s in socks:
                s.close()
            eventually(lambda: procfs.open_files(d.worker()) == files, 'fds are left')
            assert figure('open') == 0
        assert a.accepted + b.accepted == 2 * count
        assert abs(a.accepted - b.accepted) <= 4   # two pollers may choose in one moment


def test_stop_lets_a_transfer_end_and_closes_what_is_quiet(serve):
    go = threading.Event()

    def handle(sock):
        if sock.recv(1) == b't':
            for _ in range(20):
                sock.sendall(bytes(1 << 16))
                threading.Event().wait(0.05)
            sock.close()
        go.wait(PATIENCE_S)
    with Upstream(handle) as up:
        d = serve(up, stop_quiet='300ms', more={'stop_timeout': '30s'})
        quiet, busy = d.connect(), d.connect()
        quiet.sendall(b'q')
        busy.sendall(b't')
        assert len(busy.recv(1)) == 1
        d.signal(signal.SIGTERM)
        assert closed(quiet)
        quiet.close()
        assert len(Reader(busy).rest()) == 20 * (1 << 16) - 1
        busy.close()
        go.set()
        assert d.wait() == 0


def test_stop_timeout_ends_what_does_not(serve):
    def handle(sock):
        while True:
            sock.sendall(b'tick')
            threading.Event().wait(0.02)
    with Upstream(handle) as up:
        d = serve(up, stop_quiet='200ms', more={'stop_timeout': '500ms'})
        d.may_say = ['connections were still open after stop_timeout']
        s = d.connect()
        assert s.recv(4)
        d.signal(signal.SIGTERM)
        assert d.wait() == 0


# ---- Configuration ------------------------------------------------------------------------------

WRONG = '''\
listeners:
  - address: 127.0.0.1:0
    handler:
      relay:
        {options}
'''


@pytest.mark.parametrize('options, error', [
    ('{}', '4:7: listeners[0].handler.relay.upstreams: is missing'),
    ('upstreams: []', '5:20: listeners[0].handler.relay.upstreams: has 0 items; at least 1 needed'),
    ('upstreams: [127.0.0.1:1, nowhere]',
     '5:34: listeners[0].handler.relay.upstreams[1]: \'nowhere\' has no port'),
    ('{upstreams: 127.0.0.1:0}', '5:21: listeners[0].handler.relay.upstreams[0]: port 0'),
    ('{upstreams: 127.0.0.1:1, tries: 0}', '5:41: listeners[0].handler.relay.tries: 0 is below 1'),
    ('{upstreams: 127.0.0.1:1, tries: 65}',
     '5:41: listeners[0].handler.relay.tries: 65 is above 64'),
    ('{upstreams: 127.0.0.1:1, connect_timeout: 0}',
     '5:51: listeners[0].handler.relay.connect_timeout: 0 is below 1ms'),
    ('{upstreams: 127.0.0.1:1, rest: 2d}',
     '5:40: listeners[0].handler.relay.rest: 2d is above 1d'),
    ('{upstreams: 127.0.0.1:1, proxy_protocol: v3}',
     '5:50: listeners[0].handler.relay.proxy_protocol: expected one of none, v1, v2; found "v3"'),
    ('{upstreams: 127.0.0.1:1, stop_quiet: 0}',
     '5:46: listeners[0].handler.relay.stop_quiet: 0 is below 1ms'),
])
def test_errors_name_line_and_column(goevd_run, tmp_path, options, error):
    path = daemon.write_config(tmp_path, WRONG.format(options=options))
    done = goevd_run('-c', path)
    assert done.returncode == 1
    assert f'{path}:{error}' in done.stderr, done.stderr


def test_most_upstreams(serve, figure, goevd_run, tmp_path):
    with Upstream(say_and_hold(b'a')) as up:
        d = serve(*[up] * 64, pollers='1')
        for _ in range(64):
            assert d.connect().recv(1) == b'a'
        assert {figure('upstream.0.open'), figure('upstream.63.open')} == {1}
        path = daemon.write_config(tmp_path, config(
            listener(handler={'relay': {'upstreams': [up.address] * 65}})))
        done = goevd_run('-t', '-c', path)
        assert done.returncode == 1
        assert re.search(r'relay\.upstreams: has 65 items; at most 64 allowed', done.stderr)
