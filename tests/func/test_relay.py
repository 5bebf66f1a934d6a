"""The plugin relay, between real clients and real upstreams: bytes, ends, backpressure."""
import contextlib
import hashlib
import socket
import struct
import threading
import time

import pytest

import procfs
from daemon import PATIENCE_S, SANITIZER, config, eventually, listener
from upstreams import RESET, Upstream, send_block, was_reset
from wire import Reader, closed, echo, stuff

MIB = 1 << 20


# ---- Bytes --------------------------------------------------------------------------------------

def test_bytes_both_ways_at_once_are_what_was_sent(relay, relay_figure):
    count = 32 if SANITIZER else 256
    block = bytes(range(251)) * (MIB // 251)
    with Upstream() as up:
        d = relay(up)
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
        assert relay_figure('bytes_up') == relay_figure('bytes_down') == size
        eventually(lambda: relay_figure('open') == 0, 'it is still open')


def test_pieces_arrive_as_they_come(relay):
    with Upstream() as up:
        s = relay(up).connect()
        for size in (1, 2, 1000, 65535, 65536, 65537, 300000):
            echo(s, b'x' * size)


def test_unix_upstream_and_client(relay, tmp_path):
    path = str(tmp_path / 'up')
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        d = relay(f'unix:{path}', front={'address': f'unix:{tmp_path}/front'})
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


# ---- Bulk ---------------------------------------------------------------------------------------

PIPES_MAX = 64   # of a poller
BLOCKS = [hashlib.sha256(bytes([i])).digest() * (MIB // 32) for i in range(16)]


def pipes(d):
    """Pipes that the worker has open, counted by their two ends."""
    return sum(t.startswith('pipe:') for t in procfs.files(d.worker()).values()) // 2


def give(sock, size):
    """Sends that many different MiB. Returns their hash."""
    sent = hashlib.sha256()
    for i in range(size):
        block = BLOCKS[i * i % 16]
        sock.sendall(block)
        sent.update(block)
    sock.shutdown(socket.SHUT_WR)
    return sent.hexdigest()


def take(sock, got=None):
    """Read to the end, of which `got` is the hash so far. Returns the hash of all bytes."""
    got, data = got or hashlib.sha256(), memoryview(bytearray(MIB))
    while n := sock.recv_into(data):
        got.update(data[:n])
    return got.hexdigest()


def slow(d):
    """A client that has read until its bytes came in bulk, and reads no more; their hash."""
    s = d.connect(receive_buffer=4096)
    got = hashlib.sha256()
    for _ in range(MIB >> 13):
        got.update(s.recv(4096, socket.MSG_WAITALL))
    return s, got


@pytest.mark.parametrize('family', ['tcp', 'unix'])
@pytest.mark.parametrize('way', ['up', 'down', 'both'])
def test_bulk_arrives_as_it_was_sent(relay, relay_figure, tmp_path, family, way):
    """It passes through pipes, unread."""
    size, heard = 16 if SANITIZER else 64, {}

    def there(sock, name, sends, takes):
        giver = threading.Thread(target=lambda: heard.update({name + ' gave': give(sock, size)}))
        if sends:
            giver.start()
        else:
            sock.shutdown(socket.SHUT_WR)
        if takes:
            heard[name + ' took'] = take(sock)
        if sends:
            giver.join()
    with Upstream(lambda sock: there(sock, 'server', way != 'up', way != 'down')) as up:
        address = f'unix:{tmp_path}/front' if family == 'unix' else '127.0.0.1:0'
        d = relay(up, pollers='1', front={'address': address})
        before = pipes(d)
        s = d.connect()
        there(s, 'client', way != 'down', way != 'up')
        assert way == 'up' or take(s) == hashlib.sha256().hexdigest()
        count = 4 if way == 'both' else 2
        eventually(lambda: len(heard) == count, 'not all has arrived')
        assert heard.get('client took') == heard.get('server gave')
        assert heard.get('server took') == heard.get('client gave')
        s.close()
        eventually(lambda: relay_figure('open') == 0, 'it is still open')
        assert relay_figure('bytes_up') == (size * MIB if way != 'down' else 0)
        assert relay_figure('bytes_down') == (size * MIB if way != 'up' else 0)
        assert 1 <= pipes(d) - before <= 2   # they are kept for the next


def test_bulk_waits_for_slow_readers_in_few_pipes(relay, relay_figure):
    """More readers than a poller has pipes: the others' bytes are copied."""
    sent, count = [], PIPES_MAX + 8
    with Upstream(lambda sock: sent.append(give(sock, 4))) as up:
        d = relay(up, pollers='1', front={'send_buffer': '8KiB'})
        before = pipes(d)
        clients = [slow(d) for _ in range(count)]
        eventually(d.rests, 'nothing can move now, and something spins')
        assert PIPES_MAX // 2 < pipes(d) - before <= PIPES_MAX
        for s, got in clients:
            assert take(s, got) in sent
            s.close()
        assert len(sent) == count
        eventually(lambda: relay_figure('open') == 0, 'they are still open')


@pytest.mark.parametrize('who', ['client', 'upstream'])
def test_bulk_that_is_reset_leaves_no_pipe_behind(relay, relay_figure, who):
    hold = threading.Event()

    def handle(sock):
        with contextlib.suppress(OSError):
            give(sock, 16)
        if who == 'upstream':
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
        hold.wait(PATIENCE_S)
    with Upstream(handle) as up:
        d = relay(up, pollers='1', front={'send_buffer': '8KiB'})
        before = pipes(d)
        s, _ = slow(d)
        eventually(d.rests, 'nothing can move now, and something spins')
        assert pipes(d) - before == 1
        if who == 'client':
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        else:
            up.open[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            up.open[0].shutdown(socket.SHUT_RDWR)
        (s if who == 'client' else up.open[0]).close()
        hold.set()
        if who == 'upstream':   # not an end
            with pytest.raises(ConnectionResetError):
                Reader(s).rest()
        eventually(lambda: relay_figure('open') == 0, 'it is still open')
        assert pipes(d) - before <= 1


def test_bulk_in_pipes_moves_the_time_outs(relay, relay_figure):
    """A client that reads is not cut off, and one that does not read is."""
    with Upstream(lambda sock: give(sock, 3)) as up:
        d = relay(up, pollers='1', front={'send_buffer': '8KiB', 'idle_timeout': '500ms', 'output_rate': '50KiB/s',
                                          'output_timeout': '1s'})
        reader, got = slow(d)
        idler, _ = slow(d)
        end = time.monotonic() + 1.2   # longer than both of them
        while time.monotonic() < end:
            got.update(reader.recv(4096))
            time.sleep(0.01)
        with pytest.raises(ConnectionResetError):
            Reader(idler).rest()
        assert len(take(reader, got)) == 64
        eventually(lambda: relay_figure('open') == 0, 'they are still open')


# ---- Ends ---------------------------------------------------------------------------------------

def test_client_ends_first_and_still_gets_the_answer(relay):
    def answer(sock):
        asked = Reader(sock).rest()   # to its end
        sock.sendall(asked.upper() + b'!')
        sock.close()
    with Upstream(answer) as up:
        s = relay(up).connect()
        s.sendall(b'question')
        s.shutdown(socket.SHUT_WR)
        assert Reader(s).rest() == b'QUESTION!'


def test_upstream_ends_first_and_still_hears_the_client(relay, relay_figure):
    heard = []

    def handle(sock):
        sock.sendall(b'bye')
        sock.shutdown(socket.SHUT_WR)
        heard.append(Reader(sock).rest())
        sock.close()
    with Upstream(handle) as up:
        s = relay(up).connect()
        assert Reader(s).rest() == b'bye'
        s.sendall(b'but I am not done')
        s.shutdown(socket.SHUT_WR)
        eventually(lambda: heard, 'it hears the client')
        assert heard == [b'but I am not done']
        eventually(lambda: relay_figure('open') == 0, 'it is still open')
        assert relay_figure('reset') == 0


def test_end_waits_behind_what_a_slow_reader_has_not_taken(relay):
    def handle(sock):
        sock.sendall(bytes(8 * MIB))
        sock.close()
    with Upstream(handle) as up:
        s = relay(up).connect(receive_buffer=4096)
        threading.Event().wait(0.2)   # the upstream has long ended
        assert len(Reader(s).rest()) == 8 * MIB


def test_reset_of_the_upstream_resets_the_client(relay, relay_figure):
    def handle(sock):
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()
    with Upstream(handle) as up:
        s = relay(up).connect()
        s.sendall(b'x')
        assert was_reset(s)
        eventually(lambda: relay_figure('open') == 0, 'it is still open')
        assert relay_figure('reset') == 1


def test_reset_of_the_client_resets_the_upstream(relay, relay_figure):
    seen = []

    def handle(sock):
        sock.sendall(b'hello')
        seen.append(was_reset(sock))
    with Upstream(handle) as up:
        s = relay(up).connect()
        assert s.recv(5) == b'hello'
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.close()
        eventually(lambda: seen, 'the upstream hears of it')
        assert seen == [True]
        assert relay_figure('reset') == 1


def test_reset_in_the_middle_of_a_transfer_is_no_end(relay):
    """A client that reads up to the end must notice a truncated stream."""
    def handle(sock):
        sock.recv(1)
        sock.sendall(bytes(2 * MIB))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()
    with Upstream(handle) as up:
        s = relay(up).connect(receive_buffer=4096)
        s.sendall(b'x')
        with pytest.raises(ConnectionResetError):
            Reader(s).rest()


def test_reset_is_noticed_while_the_other_side_does_not_read(relay, relay_figure):
    with Upstream(lambda sock: threading.Event().wait(PATIENCE_S)) as up:
        d = relay(up)
        s = d.connect()
        stuff(s)   # until all buffers on the way are full
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.close()
        eventually(lambda: relay_figure('open') == 0, 'it is still open')


def test_idle_side_ends_the_other(relay, relay_figure):
    ended = []

    def handle(sock):
        ended.append(sock.recv(1))
        sock.close()
    with Upstream(handle) as up:
        s = relay(up, front={'idle_timeout': '200ms'}).connect()
        assert closed(s)
        s.close()
        eventually(lambda: ended, 'the upstream hears of it')
        assert ended == [b'']
        eventually(lambda: relay_figure('idle') == 1, 'it is counted')
        eventually(lambda: relay_figure('open') == 0, 'it is still open')


# ---- The PROXY protocol -------------------------------------------------------------------------

@pytest.fixture
def heard(relay):
    """heard(version, …) -> the bytes that an upstream gets for hello; the client's address; goevd's address."""
    def hear(version, **front):
        all_of_it = []

        def handle(sock):
            all_of_it.append(Reader(sock).rest())
            sock.close()
        with Upstream(handle) as up:
            s = relay(up, proxy_protocol=version, front=front).connect()
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

@pytest.mark.parametrize('way', ['up', 'down'])
def test_fast_sender_and_slow_reader_leave_memory_flat(relay, way):
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
        d = relay(up, pollers='1')
        worker = d.worker()
        s = d.connect()
        before = procfs.rss_bytes(worker)
        other = threading.Thread(target=read if way == 'down' else send_block, daemon=True,
                                 args=(s,) if way == 'down' else (s, block, size // MIB))
        other.start()
        eventually(d.rests, 'nothing can move now, and something spins')
        released.set()
        peak = before
        while not result:
            peak = max(peak, procfs.rss_bytes(worker))
            other.join(0.02)
        assert result == [size]
        if not SANITIZER:
            assert peak - before < 4 * MIB


def test_reader_that_never_reads_stops_the_sender(relay):
    hold = threading.Event()
    with Upstream(lambda sock: hold.wait(PATIENCE_S)) as up:
        d = relay(up)
        worker = d.worker()
        before = procfs.rss_bytes(worker)
        for _ in range(4):
            assert stuff(d.connect(), 256 * MIB) < 256 * MIB
        if not SANITIZER:
            assert procfs.rss_bytes(worker) - before < 4 * MIB
        d.may_say.append('ends its connections without a byte')
        hold.set()


def test_directions_do_not_wait_for_each_other(relay):
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
        s = relay(up, more={'connectors': {'output_high': '64KiB', 'output_low': 1}}).connect()
        threading.Thread(target=send_block, args=(s, bytes(MIB), size // MIB), daemon=True).start()
        threading.Event().wait(0.3)   # whatever can be sent without being read has been
        reader = Reader(s)
        got = 0
        while got < size:
            data = s.recv(min(1 << 18, size - got))
            assert data
            got += len(data)
        assert reader.rest() == b'all'


def test_least_output_that_may_be_queued(relay):
    """output_max is smaller than one read."""
    least = {'output_max': '4KiB', 'output_high': '2KiB', 'output_low': '1KiB'}
    with Upstream() as up:
        s = relay(up, front=least, more={'connectors': least}).connect(receive_buffer=4096)
        threading.Thread(target=send_block, args=(s, bytes(MIB), 8), daemon=True).start()
        assert len(Reader(s).rest()) == 8 * MIB
