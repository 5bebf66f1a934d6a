"""Many bytes through a relay, at the lowest cost of its two ends, so that the relay is the bottleneck.
The sender sends pages of a file in memory (sendfile); the receiver drops the bytes in the kernel
(MSG_TRUNC)."""
import dataclasses
import multiprocessing
import os
import socket
import struct
import time

from . import procfs

REQUEST = struct.Struct('=cQ')   # b'd': send so many bytes down; b'u': take so many bytes
FILE_BYTES = 1 << 20
TAKE_BYTES = 1 << 22
PATIENCE_S = 60


class BulkError(Exception):
    """Not as many bytes came as were sent."""


@dataclasses.dataclass
class Window:
    """So many bytes in one direction through one relay."""
    size: int
    seconds: float
    cpu_s: float     # of the relay
    switches: int    # likewise

    @property
    def rate(self):
        """MB/s."""
        return self.size / 1e6 / self.seconds

    @property
    def cpu_gib(self):
        """CPU seconds per GiB."""
        return self.cpu_s / self.size * (1 << 30)


def give(sock, file, left):
    """Send so many bytes."""
    while left > 0:
        left -= os.sendfile(sock.fileno(), file, 0, min(left, FILE_BYTES))


def take(sock, left):
    """Receive so many bytes. Returns how many are missing at the end."""
    nowhere = bytearray(TAKE_BYTES)
    while left > 0:
        n = sock.recv_into(nowhere, min(left, TAKE_BYTES), socket.MSG_TRUNC)
        if n == 0:
            break
        left -= n
    return left


def memory_file():
    """The file whose pages are sent."""
    file = os.memfd_create('bulk')
    os.write(file, os.urandom(FILE_BYTES))
    return file


def serve(listener, cpus):
    """The upstream, one connection after the other."""
    os.sched_setaffinity(0, cpus)
    file = memory_file()
    while True:
        sock, _ = listener.accept()
        with sock:
            asked = sock.recv(REQUEST.size, socket.MSG_WAITALL)
            if len(asked) < REQUEST.size:
                continue
            way, size = REQUEST.unpack(asked)
            if way == b'd':
                give(sock, file, size)
            else:
                sock.sendall(b'.' if take(sock, size) == 0 else b'!')


class Upstream:
    """A process that gives and takes, on a port of its own."""

    def __init__(self, cpus):
        listener = socket.create_server(('127.0.0.1', 0))
        self.port = listener.getsockname()[1]
        self.process = multiprocessing.Process(target=serve, args=(listener, cpus), daemon=True)
        self.process.start()
        listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()


def transfer(port, way, size, file):
    """All of it; the seconds that it took."""
    with socket.create_connection(('127.0.0.1', port), PATIENCE_S) as sock:
        sock.settimeout(None)   # sendfile(2) needs one that waits
        begin = time.monotonic()
        sock.sendall(REQUEST.pack(way, size))
        if way == b'd':
            missing = take(sock, size)
        else:
            give(sock, file, size)
            missing = sock.recv(1) != b'.'
        seconds = time.monotonic() - begin
    if missing:
        raise BulkError(f'of {size} bytes not all came through port {port}')
    return seconds


def measure(server, way, size, file):
    """One Window."""
    pids = procfs.family(server.pid)
    cpu, switched = procfs.cpu_ns(pids), procfs.switches(pids)
    seconds = transfer(server.bulk_port, way, size, file)
    return Window(size, seconds, (procfs.cpu_ns(pids) - cpu) / 1e9,
                  procfs.switches(pids) - switched)
