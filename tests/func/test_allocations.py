"""Calls of malloc and mmap by a poller for a request: nothing, once it has seen the load.

What may: what grows with the most there ever was at once (connections, watched fds, armed timers),
queues beyond buffer_cache_max, blocks above 64 KiB, and a send from a thread that is no poller.
"""
import mmap
import socket
import struct

import pytest

import daemon
from daemon import config, listener
from wire import Reader

LIBRARY = daemon.BUILD / 'tests' / 'preload' / 'allocations.so'
GET = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
CLOSE = b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
BODY = b'Hello, World!'
SOME, MANY = 300, 2000

pytestmark = pytest.mark.unsanitized   # a sanitizer has its own malloc


@pytest.fixture
def counted(goevd, plugins, tmp_path):
    """start(buffer_cache_max) -> a Daemon of one poller, and count()."""
    path = tmp_path / 'allocations'

    def start(cache='1MiB'):
        path.write_bytes(bytes(mmap.PAGESIZE))
        sender = {'sender': {'file': str(path)}}
        d = goevd(config(listener(), listener('echo', 'echo', send_buffer='16KiB'),
                         listener('sender', sender),
                         plugin_dir=str(plugins),
                         reactors=[{'name': 'main', 'pollers': 1, 'buffer_cache_max': cache}]),
                  '--single', env={'LD_PRELOAD': str(LIBRARY), 'ALLOCATIONS_FILE': str(path)})

        def count():
            """How often so far, and how many bytes the last were for."""
            many, *last = struct.unpack('16Q', path.read_bytes()[:128])
            return many, [last[i % len(last)] for i in range(many - min(many, 15), many)]

        return d, count

    return start


def replies(reader, count):
    """So many of them."""
    for _ in range(count):
        head = reader.until(b'\r\n\r\n')
        assert head.startswith(b'HTTP/1.1 200 ')
        assert reader.exactly(len(BODY)) == BODY


class Load:
    """Each function asks `count` times, in its own way, and has all answers when it returns."""

    def __init__(self, d):
        self.d = d
        self.kept = {}

    def client(self, name='web', **options):
        """The same connection each time."""
        if name not in self.kept:
            s = self.d.connect(name, **options)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.kept[name] = s, Reader(s)
        return self.kept[name]

    def keep_alive(self, count):
        """One request at a time."""
        s, reader = self.client()
        for _ in range(count):
            s.sendall(GET)
            replies(reader, 1)

    def pipelined(self, count):
        """16 in one write."""
        s, reader = self.client()
        for _ in range(count // 16):
            s.sendall(GET * 16)
            replies(reader, 16)

    def cut(self, count):
        """The reply to the previous request shows that the half behind it has been read."""
        s, reader = self.client()
        for _ in range(count // 2):
            s.sendall(GET + GET[:9])
            replies(reader, 1)
            s.sendall(GET[9:])
            replies(reader, 1)

    def queued(self, count):
        """Nothing is read back until everything is sent: more than the sockets hold."""
        s, reader = self.client('echo', receive_buffer=4096)
        data = bytes(range(256)) * 2048   # 512 KiB
        for _ in range(count // 50):
            s.sendall(data)
            assert reader.exactly(len(data)) == data

    def closing(self, count):
        """A connection each."""
        for _ in range(count):
            s = socket.create_connection(self.d.address()[1], daemon.PATIENCE_S)
            s.sendall(CLOSE)
            reader = Reader(s)
            replies(reader, 1)
            assert s.recv(1) == b''
            s.close()

    def sends(self, count):
        """By id, from the poller's own thread."""
        s, reader = self.client('sender')
        for _ in range(count // 10):
            s.sendall(b'poller\n')
            assert reader.until(b'\n') == b"from the poller's timer\n"


# The length of a queue depends on other users of the machine, and so do the sizes of its blocks:
# each of the 11 may be needed for the first time at any moment.
LOADS = {'keep_alive': 0, 'pipelined': 0, 'cut': 0, 'queued': 11, 'closing': 0, 'sends': 0}


@pytest.mark.parametrize('name', LOADS)
def test_requests_allocate_nothing(counted, name):
    d, count = counted()
    load = getattr(Load(d), name)
    load(SOME)
    before, _ = count()
    load(MANY)
    after, last = count()
    assert after - before <= LOADS[name], \
        f'{after - before} times in {MANY} requests; the last, in bytes: {last}'


@pytest.mark.parametrize('name', ['cut', 'queued', 'sends'])
def test_without_the_cache_they_do(counted, name):
    """That is how we know that the count sees them, and that these loads need memory at all."""
    d, count = counted(0)
    load = getattr(Load(d), name)
    load(SOME)
    before, _ = count()
    load(SOME)
    assert count()[0] - before >= SOME // 50
