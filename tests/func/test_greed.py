"""Clients that take all that they can get, of all plugins at once: descriptors, memory, jobs."""
import concurrent.futures
import contextlib
import socket
import threading

import pytest

import procfs
from daemon import SANITIZER, config, eventually, listener
from upstreams import Upstream, reset
from websocket import BINARY, Client, frame
from wire import closed, full, port_of, request, stuff

KIB, MIB = 1 << 10, 1 << 20
CLIENTS = 8               # connections of a client's address to each listener
POLLERS = 2
PIPES, UNHELD = 64, 64    # of a poller: pipes of bulk; pieces of files whose requests are over
POOL = 4                  # connections of push
MESSAGE = 512 * KIB       # of WebSocket, at most
QUEUE = 256 * KIB         # lines of push that wait, for each poller
LOW, HIGH = 64 * KIB, 256 * KIB   # marks of output
READ = 128 * KIB          # one read, and the rest of the previous one

# Limits of the resources that one connection may occupy: descriptors, including its own, and bytes.
FILES = {'bodies': 1, 'messages': 1, 'downloads': 3, 'relayed': 2, 'pushed': 1}
BYTES = {'bodies': HIGH + READ, 'messages': 2 * MESSAGE + READ, 'downloads': HIGH + READ,
         'relayed': 2 * (LOW + READ), 'pushed': 2 * READ}


def send_body(s):
    """A body that is echoed and not read by the client."""
    s.sendall(request('/do/echo-stream', 'POST', **{'Content-Length': 1 << 30}))
    stuff(s, 32 * MIB)


def send_message(s):
    """All of a message but its last byte."""
    Client(s).sock.sendall(frame(BINARY, bytes(MESSAGE))[:-1])


def ask_for_files(s):
    """Many different files in one write."""
    s.sendall(b''.join(request(f'/f/{i}') for i in range(300)))


def send_lines(s):
    """Lines for a Redis that does not come."""
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        for _ in range(1000):
            s.send((b'x' * (8 * KIB - 1) + b'\n') * 16)


GREED = {'bodies': send_body, 'messages': send_message, 'downloads': ask_for_files,
         'relayed': lambda s: stuff(s, 64 * MIB), 'pushed': send_lines}


@pytest.fixture
def served(goevd, plugins, tmp_path):
    """A goevd with a listener for each plugin."""
    root = tmp_path / 'root'
    root.mkdir()
    for i in range(300):
        (root / str(i)).write_bytes(bytes(20000))
    output = {'output_low': LOW, 'output_high': HIGH, 'output_max': 4 * HIGH}
    hold, redis = threading.Event(), socket.create_server(('127.0.0.1', 0), backlog=0)
    waiting = full(redis)

    def http(path, handler):
        return {'http': {'routes': [{'path': path, 'handler': handler}]}}
    with Upstream(lambda sock: hold.wait()) as up:
        handlers = {
            'bodies': http('/do/{id}', 'http_probe'),
            'messages': http('/', {'websocket': {'application': 'echo', 'message_max': MESSAGE}}),
            'downloads': http('/f/*', {'download': {'root': str(root), 'open_max': 0}}),
            'relayed': {'relay': {'upstreams': up.address}},
            'pushed': {'push': {'address': f'127.0.0.1:{port_of(redis)}', 'key': 'k', 'idle_min': 0,
                                'queue_max': QUEUE, 'connections_max': POOL, 'connect_timeout': '1h'}}}
        yield goevd(config(*(listener(name, handler, connections_per_client_max=CLIENTS, send_buffer='8KiB', **output)
                             for name, handler in handlers.items()),
                           reactors=[{'name': 'main', 'pollers': str(POLLERS), 'cpus': 'none'}],
                           plugin_dir=str(plugins), connectors=output,
                           control={'socket': str(tmp_path / 'control.sock')}))
        hold.set()
        for s in (redis, *waiting):
            s.close()


def test_what_a_client_makes_goevd_hold_has_a_bound(served):
    d, worker = served, served.worker()
    files, rss = len(procfs.files(worker)), procfs.rss_bytes(worker)
    clients = {name: [d.connect(name, receive_buffer=4096) for _ in range(CLIENTS)] for name in GREED}
    # Those of relay have one more, to the upstream. Until all are in, a later one may be accepted before them.
    eventually(lambda: d.metrics()['goevd_connections_open'] == CLIENTS * (len(GREED) + 1), 'not all are let in')
    assert all(closed(d.connect(name)) for name in GREED)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS * len(GREED)) as threads:
        for done in [threads.submit(GREED[name], s) for name in GREED for s in clients[name]]:
            done.result()
    eventually(d.rests, 'nothing can move now, and something spins')
    held = len(procfs.files(worker)) - files
    assert sum(map(len, clients.values())) <= held
    assert held <= CLIENTS * sum(FILES.values()) + POLLERS * (2 * PIPES + UNHELD) + POOL
    assert sum(v for k, v in d.metrics().items() if k.startswith('goevd_work_jobs_pending')) == 0
    if not SANITIZER:
        assert procfs.rss_bytes(worker) - rss <= CLIENTS * sum(BYTES.values()) + POLLERS * QUEUE + 4 * MIB
    for s in sum(clients.values(), []):
        reset(s)
    d.may_say += ['ends its connections', 'no connection to Redis', 'redis']
    eventually(lambda: d.metrics()['goevd_connections_open'] == 0, 'some are still open')
    eventually(lambda: len(procfs.files(worker)) - files <= POOL + POLLERS * 2 * PIPES, 'files are still open')
