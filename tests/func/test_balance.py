"""Connections spread over the pollers, wherever the client runs."""
import os
import subprocess
import sys
import time

import pytest

import procfs
from daemon import PATIENCE_S, config, eventually, listener
from wire import echo

CPUS = sorted(os.sched_getaffinity(0))[:2]
PINNED = [{'name': 'main', 'pollers': '2', 'cpus': [str(c) for c in CPUS]}]
FREE = [{'name': 'main', 'pollers': '2', 'cpus': 'none'}]

pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason='needs two CPUs')

# A client of its own process, because of its CPU: it connects, reports that, and waits.
CLIENT = '''
import os, resource, socket, sys
port, count, cpus = int(sys.argv[1]), int(sys.argv[2]), [int(w) for w in sys.argv[3].split(',')]
os.sched_setaffinity(0, cpus)
resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)
held = []
for i in range(count):
    s = socket.create_connection(('127.0.0.1', port))
    s.sendall(b'x')
    held.append(s)
for s in held:
    assert s.recv(1) == b'x'
print('ready', flush=True)
sys.stdin.read()
'''


class Client:
    """So many connections, held while in a with statement."""

    def __init__(self, port, count, cpus):
        self.args = [sys.executable, '-c', CLIENT, str(port), str(count),
                     ','.join(map(str, cpus))]

    def __enter__(self):
        self.process = subprocess.Popen(self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b'ready\n'

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_S) == 0
        self.process.stdout.close()


def placed(where):
    """The CPUs of a client."""
    return {'first': CPUS[:1], 'second': CPUS[1:], 'free': CPUS}[where]


def hold_to(d, count, cpus, percent=20):
    """No poller is further from its share than that."""
    with Client(d.port(), count, cpus):
        held = procfs.held(d.worker(), d.port())
    assert sum(held) == count and len(held) == 2
    share = count / 2
    assert all(abs(n - share) <= share * percent / 100 for n in held), held


@pytest.mark.parametrize('where', ['first', 'second', 'free'])
@pytest.mark.parametrize('count', [64, 1000, pytest.param(10000, marks=pytest.mark.heavy)])
@pytest.mark.parametrize('reactors', [PINNED, FREE], ids=['pinned', 'free'])
def test_spreads(goevd, reactors, count, where):
    d = goevd(config(listener(handler='echo'), reactors=reactors))
    hold_to(d, count, placed(where))


@pytest.mark.parametrize('mode', ['acceptor', 'reuseport'])
def test_spreads_also_when_a_poller_served_many_before(goevd, mode):
    d = goevd(config(listener(handler='echo', mode=mode), reactors=PINNED))
    hold_to(d, 200, CPUS[:1])
    eventually(lambda: sum(procfs.held(d.worker(), d.port())) == 0, 'they stay')
    hold_to(d, 200, CPUS[1:])


def test_spreads_a_shared_socket(goevd):
    d = goevd(config(listener(handler='echo', address=f'unix:@goevd-test-{os.getpid()}'),
                     reactors=PINNED))
    for _ in range(100):
        echo(d.connect())
    # No table has the state of a unix connection by its fd: count the fds of the epolls.
    worker = d.worker()
    counts = sorted(len(fds) for fds in procfs.watched(worker))
    assert sum(counts[-2:]) >= 100 and counts[-2] >= 40, counts


def test_two_busy_connections_lie_on_two_pollers(goevd):
    d = goevd(config(listener(handler='echo'), reactors=PINNED))
    for _ in range(10):
        with Client(d.port(), 2, CPUS[:1]):
            until = time.monotonic() + PATIENCE_S
            while procfs.held(d.worker(), d.port()) != [1, 1]:
                assert time.monotonic() < until, procfs.held(d.worker(), d.port())
        eventually(lambda: sum(procfs.held(d.worker(), d.port())) == 0, 'they stay')


@pytest.mark.unsanitized   # the measured times are distorted by a sanitizer
def test_without_imbalance_control_one_cpu_gets_all(goevd):
    """The contrast, so that the tests above show something."""
    d = goevd(config(listener(handler='echo', imbalance=100), reactors=PINNED))
    with Client(d.port(), 300, CPUS[:1]):
        held = procfs.held(d.worker(), d.port())
    assert sum(held) == 300
    assert held[1] > 1.5 * held[0]


def test_one_after_the_other_is_not_held(goevd, tmp_path):
    """A held connection arms a timer, again and again: only the first does, until it is clear that no
    other poller accepts."""
    d = goevd(config(listener('echo', 'echo', idle_timeout=0), reactors=PINNED,
                     control={'socket': str(tmp_path / 'control')}))
    before = d.metrics()['goevd_timers_fired_total']
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CPUS[:1])
    try:
        for _ in range(40):
            echo(d.connect('echo'))
    finally:
        os.sched_setaffinity(0, mine)
    assert d.metrics()['goevd_timers_fired_total'] - before < 15
