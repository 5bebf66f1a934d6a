"""Bytes through a connection: slow readers, half-closes, resets."""
import contextlib
import select
import socket
import threading
import time

import pytest

import daemon
import procfs
from daemon import PATIENCE_S, config, eventually, listener
from wire import closed, echo, get, request, stuff

pytestmark = pytest.mark.sequential

MIB = 1 << 20
SIZE = 64 * MIB


def send_all(sock, size, block=bytes(range(256)) * 1024):
    """Send so many bytes and end; a thread's work."""
    try:
        for _ in range(size // len(block)):
            sock.sendall(block)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass   # the reader notices


def test_64_mib_come_back_from_a_slow_reader(goevd):
    d = goevd(config(listener(handler='echo')))
    worker = d.worker()
    echo(d.connect())
    before = procfs.rss_bytes(worker)
    s = d.connect(receive_buffer=65536)
    sender = threading.Thread(target=send_all, args=(s, SIZE))
    sender.start()
    got, peak, block = 0, 0, bytes(range(256)) * 1024
    while data := s.recv(1 << 18):
        at = got % len(block)
        assert (block + block)[at:at + len(data)] == data
        got += len(data)
        if got // MIB != (got - len(data)) // MIB:   # once for each MiB
            peak = max(peak, procfs.rss_bytes(worker))
            if got // MIB % 16 == 0:
                echo(d.connect())   # others are served meanwhile
    sender.join()
    assert got == SIZE
    if not daemon.SANITIZER:
        assert peak - before < 8 * MIB


def test_reader_that_never_reads_is_not_read_from(goevd, tmp_path):
    d = goevd(config(listener(handler='echo', output_high='256KiB', output_low='64KiB'),
                     control={'socket': str(tmp_path / 'control.sock')}))
    worker = d.worker()
    echo(d.connect())
    before = procfs.rss_bytes(worker)
    for s in [d.connect(receive_buffer=4096) for _ in range(4)]:
        assert stuff(s, SIZE) < SIZE   # backpressure reaches the sender
        echo(d.connect())
    if not daemon.SANITIZER:
        assert procfs.rss_bytes(worker) - before < 4 * 2 * MIB
    eventually(d.rests, 'it spins')


def test_half_closed_echo_sends_everything(goevd):
    d = goevd(config(listener(handler='echo')))
    s = d.connect()
    sender = threading.Thread(target=send_all, args=(s, 4 * MIB))
    sender.start()
    got = 0
    while data := s.recv(1 << 16):
        got += len(data)
    sender.join()
    assert got == 4 * MIB


def test_reset_frees_the_connection(goevd):
    d = goevd(config(listener(handler='echo')))
    worker = d.worker()
    sockets = procfs.tcp_sockets(worker)
    for _ in range(20):
        s = d.connect()
        s.sendall(b'x' * 100000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        s.close()
    eventually(lambda: procfs.tcp_sockets(worker) == sockets, 'fds are left')
    echo(d.connect())


def test_idle_timeout_closes(goevd):
    d = goevd(config(listener(handler='echo', idle_timeout='300ms')))
    last = time.monotonic()
    s = d.connect()
    with contextlib.suppress(EOFError, OSError):   # unless this test has slept for too long
        for _ in range(4):   # a busy one stays, though longer than the time-out in all
            last = time.monotonic()
            echo(s)
            threading.Event().wait(0.15)
        assert closed(s)
    assert time.monotonic() - last > 0.25


def test_idle_timeout_of_0_never_closes(goevd):
    d = goevd(config(listener(handler='echo', idle_timeout=0)))
    s = d.connect()
    s.settimeout(0.5)
    with pytest.raises(TimeoutError):
        s.recv(1)
    s.settimeout(daemon.PATIENCE_S)
    echo(s)


def test_reader_that_takes_nothing_is_idle_too(goevd):
    d = goevd(config(listener(handler='echo', idle_timeout='500ms', linger_timeout='100ms',
                              close_timeout='100ms')))
    worker = d.worker()
    echo(d.connect())
    s = d.connect(receive_buffer=4096)
    with contextlib.suppress(OSError):   # where it is slow, the end comes first
        stuff(s, SIZE)
    eventually(lambda: list(procfs.tcp_states(d.port()).values()).count(procfs.ESTABLISHED) == 0,
               'it is still open')
    assert procfs.alive(worker)


@pytest.mark.parametrize('options', [{'idle_timeout': '200ms', 'output_rate': 0},
                                     {'output_timeout': '200ms'}], ids=['idle', 'output'])
def test_reply_that_a_time_out_cuts_ends_with_a_reset(goevd, options):
    """Not as if it had ended: without a length, a part would be taken for the whole."""
    page = {'http': {'routes': {'path': '/', 'respond': {'body': 'x' * 500000}}}}
    d = goevd(config(listener(handler=page, send_buffer=4096, **options)))
    s = d.connect(receive_buffer=4096)
    s.sendall(request() * 8)
    eventually(lambda: list(procfs.tcp_states(d.port()).values()).count(procfs.ESTABLISHED) == 0,
               'it is still open')
    with pytest.raises(ConnectionResetError):
        while s.recv(1 << 16):
            pass


def test_header_timeout_answers_408_and_closes(goevd):
    handler = {'http': {'header_timeout': '300ms',
                        'routes': {'path': '/', 'respond': {'body': 'x'}}}}
    d = goevd(config(listener(handler=handler)))
    s = d.connect()
    assert get(s)[0] == 200
    s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n')
    answer = b''
    while data := s.recv(4096):
        answer += data
    assert answer.startswith(b'HTTP/1.1 408 ')


def test_header_timeout_counts_from_the_first_byte(goevd):
    handler = {'http': {'header_timeout': '500ms',
                        'routes': {'path': '/', 'respond': {'body': 'x'}}}}
    d = goevd(config(listener(handler=handler)))
    s = d.connect()
    began = time.monotonic()
    with contextlib.suppress(OSError):
        for byte in b'GET / HTTP/1.1\r\nHost: ' + b'a' * 5000:   # a drop at a time is no way to stay
            s.sendall(bytes([byte]))
            if select.select([s], [], [], 0.02)[0]:
                break
    assert time.monotonic() - began > 0.4   # not at once
    assert b' 408 ' in s.recv(4096)


def test_output_that_is_dropped_ends_in_a_reset(goevd):
    d = goevd(config(listener(handler='echo', idle_timeout='300ms')))
    s = d.connect(receive_buffer=4096)
    s.setblocking(False)
    began = time.monotonic()
    errors = select.poll()
    errors.register(s, 0)   # POLLERR and POLLHUP alone
    with pytest.raises(ConnectionResetError):
        while True:
            try:
                s.send(b'x' * 100000)
            except BlockingIOError:
                assert errors.poll(50) or time.monotonic() - began < PATIENCE_S
