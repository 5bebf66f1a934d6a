"""The handler health, and stop_delay: how a load balancer leaves before goevd stops."""
import csv
import os
import signal
import threading
import time

import pytest

from daemon import PATIENCE_S, config, eventually, listener, status
from wire import Reader, closed, get, kept_port, refused, request

ARGS = [[], ['--single']]
PROBES = [{'path': '/livez', 'handler': {'health': {'probe': 'live'}}},
          {'path': '/readyz', 'handler': {'health': {'probe': 'ready'}}}]
NODES = ('one', 'two')


@pytest.fixture
def serve(goevd, tmp_path):
    """serve(args…, keys…) -> a goevd with the probes. Its control socket listens once the supervisor knows
    the worker's stop_delay."""
    def start(*args, **more):
        return goevd(config(web(), control={'socket': str(tmp_path / 'control.sock')}, **more), *args)
    return start


def web(body='here', port=0):
    """A listener with both probes, and a page that names the server."""
    routes = [*PROBES, {'path': '/', 'respond': {'body': body}}]
    return listener(handler={'http': {'routes': routes, 'stop_grace': '100ms'}}, address=f'127.0.0.1:{port}')


def probe(d, path):
    """The status, and whether the connection is kept."""
    s = d.connect()
    code, headers, _ = get(s, path)
    s.close()
    return code, headers.get('connection') != 'close'


def probes(d):
    return probe(d, '/livez'), probe(d, '/readyz')


WELL = ((200, True), (200, True))
LEAVING = ((200, True), (503, False))


def stop(d):
    """A signal that is not the one before it: nearer than 100 ms, two are one."""
    time.sleep(0.15)
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def leave(d):
    """SIGTERM, until the probe has noticed."""
    d.signal(signal.SIGTERM)
    d.log.wait('stopping in .* s')
    eventually(lambda: probes(d) == LEAVING, 'it is ready')


@pytest.mark.parametrize('args', ARGS)
def test_goevd_is_unready_and_accepts_until_stop_delay_is_over(serve, args):
    d = serve(*args, stop_delay='300ms')
    assert probes(d) == WELL
    kept = d.connect()
    assert get(kept)[0] == 200
    began = time.monotonic()
    leave(d)
    assert get(kept)[0] == 200
    assert closed(kept)
    kept.close()
    assert time.monotonic() - began >= 0.3
    assert d.wait() == 0


@pytest.mark.parametrize('args', ARGS)
def test_a_second_signal_ends_the_delay_and_not_the_requests(serve, args):
    d = serve(*args, stop_delay='1h', stop_timeout='1h')
    half = d.connect()
    half.sendall(b'GET / HTTP/1.1\r\nHo')
    leave(d)
    time.sleep(0.15)
    d.signal(signal.SIGTERM)
    eventually(lambda: refused(*d.address()), 'it still accepts')
    half.sendall(b'st: a\r\n\r\n')
    assert Reader(half).response()[0] == 200
    half.close()
    assert d.wait() == 0


def test_probes_while_a_connection_drains(goevd):
    d = goevd(config(web(), stop_timeout='1h'))
    kept = [d.connect() for _ in PROBES]
    for s, path in zip(kept, ('/livez', '/readyz')):
        assert get(s)[0] == 200
        s.sendall(f'GET {path} HTTP/1.1\r\nHo'.encode())
    d.signal(signal.SIGTERM)
    eventually(lambda: refused(*d.address()), 'it still accepts')
    for s, code in zip(kept, (200, 503)):
        s.sendall(b'st: a\r\n\r\n')
        found, headers, _ = Reader(s).response()
        assert (found, headers['connection']) == (code, 'close')
        s.close()
    assert d.wait() == 0


def test_a_reload_never_makes_goevd_unready(goevd, tmp_path):
    d = goevd(config(web(), control={'socket': str(tmp_path / 'control.sock')}, stop_delay='1h'))
    kept = d.connect()
    assert get(kept)[0] == 200
    kept.sendall(b'GET /readyz HTTP/1.1\r\nHo')   # so that the old worker answers
    assert d.ctl('reload').returncode == 0
    assert probes(d) == WELL
    kept.sendall(b'st: a\r\n\r\n')
    assert Reader(kept).response()[0] == 200
    leave(d)
    assert status(d.control)[0]['state'] == 'stopping'
    assert 'goevd stops' in d.ctl('reload').stderr
    stop(d)


def test_the_worker_in_the_place_of_a_dead_one_is_unready_too(serve):
    d = serve(stop_delay='1h')
    d.may_say = ['was killed by signal']
    leave(d)
    old = d.worker()
    lines = len(d.log.lines)
    os.kill(old, signal.SIGKILL)
    d.ready(lines)
    eventually(lambda: probes(d) == LEAVING, 'the new worker is ready')
    stop(d)


@pytest.mark.parametrize('method, code', [('HEAD', 200), ('POST', 405)])
def test_methods(goevd, method, code):
    s = goevd(config(web())).connect()
    s.sendall(request('/readyz', method))
    head = Reader(s).until(b'\r\n\r\n').decode()
    assert head.startswith(f'HTTP/1.1 {code} ') and ('Allow: GET, HEAD' in head) == (code == 405)


# ---- Behind haproxy ------------------------------------------------------------------------------

class Load:
    """Clients that ask without a pause, over connections that they keep."""

    def __init__(self, connect, clients=3):
        self.connect, self.ends = connect, threading.Event()
        self.failures, self.answered = [], dict.fromkeys(NODES, 0)
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for t in self.threads:
            t.start()

    def run(self):
        while not self.ends.is_set():
            with self.connect() as s:
                for _ in range(20):
                    self.ask(s)

    def ask(self, s):
        try:
            code, _, body = get(s)
        except Exception as e:   # any failure is one
            code, body = repr(e), b''
        if code == 200:
            self.answered[body.decode()] += 1
        else:
            self.failures.append((code, body))
            self.ends.set()

    def stop(self):
        self.ends.set()
        for t in self.threads:
            t.join(PATIENCE_S)


def balanced(haproxy, ports, check):
    """haproxy in front of them. It tries nothing twice, and takes out only the first one: the other
    may be slow to answer a check on a busy machine."""
    return haproxy({'front': ['mode http', 'default_backend nodes'],
                    'figures': ['mode http', 'stats enable', 'stats uri /']},
                   ['backend nodes', 'mode http', 'retries 0', 'option httpchk GET /readyz',
                    'timeout check 10s', f'server one 127.0.0.1:{ports[0]} check {check}',
                    f'server two 127.0.0.1:{ports[1]}'])


def state(h, node):
    """As haproxy has it: UP or DOWN."""
    with h.connect('figures') as s:
        s.sendall(request('/;csv', version='1.0'))
        text = Reader(s).rest().split(b'# ', 1)[1].decode()
    row, = (r for r in csv.DictReader(text.splitlines()) if r['svname'] == node)
    return row['status'].split()[0]


def rolled(goevd, haproxy, rounds, delay, check, leave_first):
    """Stop one of two servers and start it again, under load. No request fails."""
    ports = [kept_port() for _ in NODES]
    nodes = [goevd(config(web(n, port), stop_delay=delay)) for n, port in zip(NODES, ports)]
    h = balanced(haproxy, ports, check)
    load = Load(lambda: h.connect('front'))
    try:
        eventually(lambda: state(h, 'one') == 'UP', 'it is not up')
        for _ in range(rounds):
            nodes[0].signal(signal.SIGTERM)
            eventually(lambda: state(h, 'one') == 'DOWN', 'haproxy has not noticed')
            if leave_first:
                stop(nodes[0])
            assert nodes[0].wait() == 0
            nodes[0] = goevd(config(web('one', ports[0]), stop_delay=delay))
            eventually(lambda: state(h, 'one') == 'UP', 'haproxy has not noticed')
            seen = load.answered['one']
            eventually(lambda: load.failures or load.answered['one'] > seen, 'it gets no request')
            assert not load.failures, h.log()
    finally:
        load.stop()
        for d in nodes:
            d.signal(signal.SIGTERM)
        for d in nodes:
            time.sleep(0.15)
            d.signal(signal.SIGTERM)
    assert not load.failures and all(load.answered.values())


@pytest.mark.heavy
def test_no_request_fails_behind_haproxy(goevd, haproxy):
    rolled(goevd, haproxy, 3, '1h', 'inter 20ms fall 1 rise 1', leave_first=True)


@pytest.mark.long
def test_no_request_fails_behind_haproxy_with_time_alone(goevd, haproxy):
    rolled(goevd, haproxy, 20, '3s', 'inter 200ms fall 2 rise 2', leave_first=False)
