"""Minutes of requests, WebSockets and reloads: nothing is refused, lost, miscounted or left over."""
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import procfs
from daemon import HELLO, PATIENCE_S, config, eventually, listener, listens
from websocket import CLOSE, TEXT, Client, frame
from wire import Reader, request

pytestmark = pytest.mark.long

SOAK_S = int(os.environ.get('GOEVD_SOAK_S', '300'))
RELOAD_S = 2          # from one reload to the next
WEBSOCKETS = 100
GROWTH_MAX = 8 << 20  # resident memory of the supervisor


class Knocker(threading.Thread):
    """A new connection for each request; counts the replies."""

    def __init__(self, d, stop):
        super().__init__(daemon=True)
        self.daemon_under_test, self.stop, self.answered, self.wrong = d, stop, 0, None

    def run(self):
        """Runs until it is stopped, or an error occurs."""
        try:
            while not self.stop.is_set():
                with self.daemon_under_test.connect('counted') as s:
                    s.sendall(request(connection='close'))
                    assert Reader(s).response()[0] == 200
                self.daemon_under_test.sockets.remove(s)
                self.answered += 1
        except (OSError, EOFError, AssertionError) as e:
            self.wrong = e


class Talker(threading.Thread):
    """A WebSocket client that comes back when the server goes away, as it should, with 1001."""

    def __init__(self, d):
        super().__init__(daemon=True)
        self.daemon_under_test, self.stopping = d, False
        self.connected, self.wrong = 0, None
        self.client = self.connect()

    def connect(self):
        """Upgraded, and one message there and back."""
        client = Client(self.daemon_under_test.connect('socket'))
        client.send(frame(TEXT, b'x'))
        assert client.frame() == (TEXT, b'x')
        self.connected += 1
        return client

    def run(self):
        """Until the test ends."""
        try:
            while True:
                opcode, data = self.client.frame()
                assert opcode == CLOSE and data[:2] == b'\x03\xe9', (opcode, data)
                self.client.sock.close()
                self.client = self.connect()
        except (OSError, EOFError, AssertionError) as e:
            self.wrong = None if self.stopping else e


@pytest.fixture
def soaked(goevd, tmp_path):
    """goevd with a listener for wrk, one whose requests are logged, and one for WebSockets."""
    logged = {'http': {**HELLO['http'], 'access_log': {'target': str(tmp_path / 'access.log')}}}
    echo = {'websocket': {'application': 'echo', 'stop_spread': '500ms'}}
    return goevd(config(listener(), listener('counted', logged), listener('socket', echo),
                        control={'socket': str(tmp_path / 'control.sock')}, open_files_max=4096))


def reload(d):
    """It succeeds."""
    eventually(lambda: listens(d.control), 'no control socket')
    done = d.ctl('reload')
    assert done.returncode == 0, done.stderr


def test_soak_with_reloads(soaked, tmp_path):
    d, stop = soaked, threading.Event()
    files, memory = procfs.open_files(d.pid), procfs.rss_bytes(d.pid)
    talkers = [Talker(d) for _ in range(WEBSOCKETS)]
    knockers = [Knocker(d, stop) for _ in range(4)]
    for t in talkers + knockers:
        t.start()
    with subprocess.Popen(['wrk', '-t1', '-c64', '-d1h', '--timeout', f'{PATIENCE_S}s',
                           f'http://127.0.0.1:{d.port()}/'], text=True, stdout=subprocess.PIPE) as wrk:
        reloads, end = 0, time.monotonic() + SOAK_S
        while time.monotonic() < end:
            reload(d)
            reloads += 1
            stop.wait(RELOAD_S)
        wrk.send_signal(signal.SIGINT)
        said = wrk.communicate()[0]
    stop.set()
    for t in knockers:
        t.join()
    assert not [t.wrong for t in talkers + knockers if t.wrong]
    assert 'errors' not in said and 'Non-2xx' not in said, said
    assert int(re.search(r'(\d+) requests in', said)[1]) > 1000

    # The last worker is left alone with all the WebSockets, and holds nothing else.
    eventually(lambda: len(procfs.children(d.pid)) == 1, 'an old worker stays')
    eventually(lambda: d.metrics()['goevd_connections_open'] == WEBSOCKETS, 'connections are left over')
    assert all(t.is_alive() for t in talkers)
    assert min(t.connected for t in talkers) > reloads / 2
    assert procfs.open_files(d.pid) <= files + 1
    assert procfs.rss_bytes(d.pid) < memory + GROWTH_MAX

    for t in talkers:
        t.stopping = True
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    lines = (tmp_path / 'access.log').read_text().splitlines()
    assert len(lines) == sum(t.answered for t in knockers) > 0
