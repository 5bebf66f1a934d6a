"""Downloads of files, at the lowest cost of a client: the kernel drops the bytes that come (MSG_TRUNC)."""
import contextlib
import dataclasses
import os
import re
import select
import socket
import subprocess
import time

from . import bulk, procfs, servers

SLOWFS = servers.BUILD / 'tests' / 'fuse' / 'slowfs'
PATIENCE_S = 60


class DownloadError(Exception):
    """Something else came than the file."""


@dataclasses.dataclass
class Window:
    """So many bytes from one server."""
    size: int
    seconds: float
    cpu_s: float     # of the server

    @property
    def rate(self):
        """MB/s."""
        return self.size / 1e6 / self.seconds

    @property
    def rate_cpu(self):
        """MB for each second of the server's CPU time."""
        return self.size / 1e6 / self.cpu_s


def make(folder, sizes):
    """Files of these sizes, by their names, in memory and on the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    block = os.urandom(1 << 20)
    for name, size in sizes.items():
        path = folder / name
        if path.exists() and path.stat().st_size == size:
            continue
        with path.open('wb') as f:
            for at in range(0, size, len(block)):
                f.write(block[:size - at])
            os.fsync(f.fileno())
    return folder


def forget(path):
    """Let nothing of a file stay in memory."""
    with path.open('rb') as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def ask(port, path, receive_buffer=None):
    """A socket on which the head of the reply has come, and how many bytes are still to."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE_S)
    sock.connect(('127.0.0.1', port))
    return sock, begin(sock, path)


def begin(sock, path):
    """Ask for a file; how many bytes are still to come."""
    sock.sendall(f'GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n'.encode())
    head = b''
    while b'\r\n\r\n' not in head:
        more = sock.recv(4096)
        if not more:
            raise DownloadError(f'{path}: EOF after {head!r}')
        head += more
    head, body = head.split(b'\r\n\r\n', 1)
    if not head.startswith(b'HTTP/1.1 200 '):
        raise DownloadError(f'{path}: {head!r}')
    return int(re.search(rb'(?i)\r\ncontent-length: (\d+)', head)[1]) - len(body)


def measure(server, path, size, count):
    """The file, so many times on one connection."""
    pids = procfs.family(server.pid)
    cpu, started = procfs.cpu_ns(pids), time.monotonic()
    sock, left = ask(server.port, path)
    with sock:
        for i in range(count):
            left = left if i == 0 else begin(sock, path)
            if bulk.take(sock, left):
                raise DownloadError(f'{server.name} did not send all of {path}')
    seconds = time.monotonic() - started
    return Window(size * count, seconds, (procfs.cpu_ns(pids) - cpu) / 1e9)


def memory_of(server, path, count):
    """Memory of so many downloads whose clients do not read: bytes of PSS."""
    before = procfs.pss_bytes(procfs.family(server.pid))
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(ask(server.port, path, 4096)[0])
        return procfs.pss_bytes(procfs.family(server.pid)) - before


@dataclasses.dataclass
class Paced:
    """Downloads at a rate."""
    rates: list      # bytes per second of each
    cpu: float       # CPUs of the server
    pss: int         # bytes that they took


def paced(server, path, count, seconds, warm_up_s=2):
    """So many downloads at once, each measured over so many seconds."""
    pids = procfs.family(server.pid)
    before = procfs.pss_bytes(pids)
    epoll, socks, have = select.epoll(), {}, {}
    for _ in range(count):
        sock, _ = ask(server.port, path)
        sock.setblocking(False)
        socks[sock.fileno()], have[sock.fileno()] = sock, 0
        epoll.register(sock, select.EPOLLIN)
    nowhere = bytearray(1 << 20)

    def read_until(end):
        while (left := end - time.monotonic()) > 0:
            for fd, _ in epoll.poll(left):
                have[fd] += socks[fd].recv_into(nowhere, 0, socket.MSG_TRUNC)

    read_until(time.monotonic() + warm_up_s)
    have = dict.fromkeys(have, 0)
    cpu, started = procfs.cpu_ns(pids), time.monotonic()
    read_until(started + seconds)
    lasted = time.monotonic() - started
    found = Paced([n / lasted for n in have.values()], (procfs.cpu_ns(pids) - cpu) / 1e9 / lasted,
                  procfs.pss_bytes(pids) - before)
    for sock in socks.values():
        sock.close()
    return found


@contextlib.contextmanager
def slow_disk(folder, size, delay_ms):
    """A directory with the file "slow", of whose bytes the kernel keeps none, and each read of which
    takes so long."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([SLOWFS, folder, str(size), str(delay_ms), 'direct'], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        if process.stdout.readline() != 'mounted\n':
            raise servers.ServerError('FUSE cannot be mounted here')
        yield folder
    finally:
        process.terminate()
        process.communicate()
