"""A thousand clients that are slow on purpose: slowhttptest."""
import csv
import subprocess

import pytest

from daemon import config, eventually, listener
from wire import get

pytestmark = pytest.mark.heavy

CLIENTS = 1000
DEADLINE_S = 2     # for headers, for a body, and without progress
CLOSING_S = 2      # for sending queued bytes, and for lingering
PROBE_S = 20       # within this, slowhttptest's own client is served
STAYS_S = 3600     # a slow one, where it may

SLOW = {'http': {'header_timeout': f'{DEADLINE_S}s', 'body_timeout': f'{DEADLINE_S}s', 'routes': [
    {'path': '/', 'respond': {'body': 'hi'}},
    {'path': '/form', 'methods': ['POST'], 'respond': {'body': 'hi'}},
    {'path': '/long', 'respond': {'body': 'x' * 900000}},
]}}


@pytest.fixture
def web(goevd, tmp_path):
    """A goevd with short deadlines."""
    return goevd(config(listener(handler=SLOW, idle_timeout=f'{DEADLINE_S}s',
                                 close_timeout=f'{CLOSING_S}s', linger_timeout=f'{CLOSING_S}s'),
                        control={'socket': str(tmp_path / 'control.sock')}))


@pytest.fixture
def attack(tmp_path):
    """start(option…) -> a slowhttptest that runs for longer than the test needs it."""
    started = []

    def start(*options):
        argv = ['slowhttptest', '-c', CLIENTS, '-r', CLIENTS, '-i', 1, '-l', STAYS_S, '-p', PROBE_S, '-v', 1,
                '-g', '-o', tmp_path / 'slow', *options]
        limits = ['prlimit', f'--nofile={2 * CLIENTS + 100}']
        with (tmp_path / 'slow.log').open('w') as log:
            started.append(subprocess.Popen(limits + [str(word) for word in argv], stdout=log,
                                            stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize('path, options', [
    ('/', ['-H']),
    ('/form', ['-B']),
    ('/long', ['-X', '-k', 10, '-w', 512, '-y', 1024, '-n', 1, '-z', 32]),
], ids=['headers', 'body', 'read'])
def test_slow_ones_are_gone_by_their_deadline(web, attack, tmp_path, path, options):
    def others_are_served():
        with web.connect() as s:
            assert get(s)[0] == 200
        return True

    def all_have_come():
        if not attackers or attackers[-1].poll() is not None:   # it ends with the last of its clients
            attackers.append(attack(*options, '-u', f'http://127.0.0.1:{web.port()}{path}'))
        return others_are_served() and web.metrics()['goevd_connections_opened_total'] >= CLIENTS

    attackers = []
    eventually(all_have_come, 'the clients do not come')
    eventually(lambda: others_are_served() and web.metrics()['goevd_connections_open'] <= 1,
               'the clients do not go')
    with (tmp_path / 'slow.csv').open() as rows:
        assert all(row['Service Available'] != '0' for row in csv.DictReader(rows))
