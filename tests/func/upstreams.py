"""Servers behind a relay, good and bad."""
import contextlib
import socket
import struct
import threading

import wire
from daemon import PATIENCE_S

RESET = struct.pack('ii', 1, 0)   # SO_LINGER: close(2) resets


class Upstream:
    """A server whose every connection is handled by a thread of its own."""

    def __init__(self, handle=None, port=0, backlog=128):
        self.listener = socket.create_server(('127.0.0.1', port or wire.kept_port()), backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        self.open = []
        self.handle = handle or echo_all
        self.acceptor = threading.Thread(target=self.serve, daemon=True)
        self.acceptor.start()

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
        """Closes the listener and all connections."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)   # wakes accept()
        self.acceptor.join()
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
    """Send received bytes back, then end."""
    while data := sock.recv(1 << 16):
        sock.sendall(data)
    sock.close()


def say_and_hold(word):
    """A handler that sends its name and keeps the connection until the peer ends."""
    def handle(sock):
        sock.sendall(word)
        while sock.recv(1 << 16):
            pass
        sock.close()
    return handle


def reset(sock):
    """End the connection so that the peer sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def dead_port():
    """Nothing listens on this address, and nothing else will while the socket lives."""
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    return s, s.getsockname()[1]


def full():
    """A server that does not accept, and the connections that fill its backlog."""
    s = socket.create_server(('127.0.0.1', 0), backlog=0)
    return s.getsockname()[1], [s, *wire.full(s)]


def send_block(sock, block, count):
    """A thread's work."""
    with contextlib.suppress(OSError):   # a reader notices
        for _ in range(count):
            sock.sendall(block)
        sock.shutdown(socket.SHUT_WR)


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
