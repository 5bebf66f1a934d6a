"""Debian's Prometheus reads the metrics, and its promtool finds nothing to say about them."""
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from daemon import config, eventually, listener, status
from wire import Reader, get, request

ROUTES = [{'path': '/metrics', 'handler': 'metrics'}, {'path': '/', 'respond': {'body': 'here'}}]
COUNTERS = '{__name__=~"goevd_.*_(total|count|sum|bucket)"}'
DURATION = 'goevd_http_request_duration_seconds'
RELOADS, CRASHES = int(os.environ.get('GOEVD_SCRAPED_RELOADS', '50')), 5


@pytest.fixture
def served(goevd, tmp_path):
    """goevd with every kind of metric."""
    handler = {'http': {'routes': ROUTES, 'durations': {'routes': True}}}
    return goevd(config(listener(handler=handler), listener('socket', {'websocket': {'application': 'echo'}}),
                        listener('relay', {'relay': {'upstreams': ['127.0.0.1:9']}}),
                        reactors=[{'name': 'main', 'pollers': 2}],
                        control={'socket': str(tmp_path / 'control.sock')}))


def test_promtool_has_nothing_to_say(served):
    get(served.connect('web'))
    text = get(served.connect('web'), '/metrics')[2]
    done = subprocess.run(['promtool', 'check', 'metrics'], input=text, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, b'')


class Prometheus:
    """The server, which scrapes goevd each second."""

    def __init__(self, folder, address):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.port = s.getsockname()[1]
        (folder / 'prometheus.yml').write_text(json.dumps({
            'global': {'scrape_interval': '1s', 'scrape_timeout': '1s'},
            'scrape_configs': [{'job_name': 'goevd', 'static_configs': [{'targets': [address]}]}]}))
        self.process = subprocess.Popen(
            [shutil.which('prometheus'), f'--config.file={folder}/prometheus.yml',
             f'--storage.tsdb.path={folder}/data', f'--web.listen-address=127.0.0.1:{self.port}'],
            stdout=subprocess.DEVNULL, stderr=(folder / 'log').open('w'))

    def ask(self, query):
        """The result of a query; None while the server does not answer."""
        url = f'http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode({"query": query})}'
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return json.load(reply)['data']['result']
        except urllib.error.HTTPError as e:
            assert e.code == 503, e.read()   # it starts
            return None
        except urllib.error.URLError:
            return None

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Load(threading.Thread):
    """One request after the other; those that a crash cuts off are repeated."""

    def __init__(self, d):
        super().__init__(daemon=True)
        self.address, self.stopped, self.answered = ('127.0.0.1', d.port('web')), threading.Event(), 0

    def run(self):
        while not self.stopped.is_set():
            try:
                with socket.create_connection(self.address, timeout=10) as s:
                    s.sendall(request(connection='close'))
                    self.answered += Reader(s).response()[0] == 200
            except (OSError, EOFError, AssertionError, ValueError):
                time.sleep(0.01)


def serving(d):
    return status(d.control)[1].get('serving', [])


@pytest.mark.long
def test_no_counter_falls_in_the_eyes_of_prometheus(served, tmp_path):
    d = served
    d.may_say = [r'worker \d+ was killed by signal']
    p = Prometheus(tmp_path, f'127.0.0.1:{d.port("web")}')
    load = Load(d)
    load.start()
    try:
        eventually(lambda: p.ask('up == 1'), 'it has not scraped')
        for n in range(RELOADS):
            assert d.ctl('reload').returncode == 0
            time.sleep(1)
            if n % (RELOADS // CRASHES) == 0:
                old, = serving(d)
                os.kill(old, signal.SIGKILL)
                eventually(lambda: serving(d) not in ([], [old]), 'no other worker serves')
        time.sleep(2)   # another scrape
        names = [s['metric']['__name__'] for s in p.ask(f'count by (__name__) ({COUNTERS})')]
        assert 'goevd_http_requests_total' in names and f'{DURATION}_bucket' in names
        for name in names:   # resets() counts how often a counter has fallen
            assert p.ask(f'resets({name}[1h]) > 0') == []
        counted, = p.ask('sum(goevd_http_requests_total{route="/"})')
        assert 0 < float(counted['value'][1]) and load.answered > RELOADS
    finally:
        load.stopped.set()
        load.join()
        p.stop()
