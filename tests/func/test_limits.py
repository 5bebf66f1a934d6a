"""Too many connections, too few file descriptors."""
import pathlib
import re
import resource
import socket
import time

import pytest

import procfs
from daemon import config, eventually, listener, write_config
from wire import closed, echo, get

ONE = [{'name': 'main', 'pollers': '1', 'cpus': 'none'}]
TWO = [{'name': 'main', 'pollers': '2', 'cpus': 'none'}]


@pytest.mark.parametrize('mode', ['reuseport', 'acceptor'])
def test_one_too_many_is_closed(goevd, mode):
    d = goevd(config(listener(handler='echo', connections_max=5, mode=mode), reactors=TWO))
    inside = [d.connect() for _ in range(5)]
    for s in inside:
        echo(s)
    assert closed(d.connect())
    for s in inside:
        echo(s)
    inside.pop().close()

    def admitted():
        s = d.connect()
        try:
            echo(s)
        except (EOFError, OSError):
            return False
        return True
    eventually(admitted, 'the place that became free is not given again')


@pytest.mark.parametrize('mode', ['reuseport', 'acceptor'])
def test_one_too_many_waits(goevd, tmp_path, mode):
    d = goevd(config(listener(handler='echo', connections_max=5, over_limit='wait', mode=mode),
                     reactors=TWO, control={'socket': str(tmp_path / 'control.sock')}))
    inside = [d.connect() for _ in range(5)]
    for s in inside:
        echo(s)
    waiting = d.connect()
    waiting.sendall(b'ping')
    waiting.settimeout(0.3)
    with pytest.raises(TimeoutError):
        waiting.recv(4)
    eventually(d.rests, 'it spins meanwhile')
    inside.pop().close()
    waiting.settimeout(15)
    assert waiting.recv(4) == b'ping'


def test_limits_are_per_listener(goevd):
    d = goevd(config(listener('a', 'echo', connections_max=1), listener('b', 'echo')))
    echo(d.connect('a'))
    for _ in range(10):
        echo(d.connect('b'))


def test_no_files_left(goevd, tmp_path):
    d = goevd(config(listener(handler='echo'), reactors=ONE, open_files_max=40,
                     control={'socket': str(tmp_path / 'control.sock')}))
    d.may_say = ['cannot accept connections']
    echo(d.connect())
    began = time.monotonic()
    clients = [d.connect() for _ in range(60)]
    said = d.log.wait('listener web: cannot accept connections')[0].string
    assert 'Too many open files; they wait in the kernel\'s queue (open_files_max is the limit)' \
        in said
    worker, poller = d.worker(), 'main/0'
    slept = procfs.sleeps(worker, poller)
    eventually(lambda: procfs.sleeps(worker, poller) >= slept + 5, 'it does not try again')
    assert len(d.log.find('cannot accept connections')) == 1
    for s in clients[:45]:
        s.close()
    d.log.wait('listener web: accepts connections again')
    # The poller tries again ten times a second and no more often, because no event signals a free descriptor.
    assert 2 <= d.metrics()['goevd_connections_refused_total{reason=fds}'] <= 2 + 10 * (time.monotonic() - began)
    for s in clients[45:]:
        echo(s)   # those that waited
    for s in clients[45:]:
        s.close()
    for _ in range(30):
        s = d.connect()
        echo(s)
        s.close()
    assert len(d.log.find('cannot accept connections')) == 1


def test_no_files_left_again_is_said_again(goevd):
    d = goevd(config(listener(handler='echo'), reactors=ONE, open_files_max=40))
    d.may_say = ['cannot accept connections']
    for episode in (1, 2):
        clients = [d.connect() for _ in range(60)]
        d.log.wait('cannot accept connections', episode)
        for s in clients:
            s.close()
        d.log.wait('accepts connections again', episode)


def test_no_files_left_hurts_no_connection_that_is_open(goevd):
    d = goevd(config(listener(), reactors=ONE, open_files_max=40))
    d.may_say = ['cannot accept connections']
    s = d.connect()
    assert get(s)[0] == 200
    for _ in range(60):
        d.connect()
    d.log.wait('cannot accept connections')
    for _ in range(100):
        assert get(s)[0] == 200


@pytest.mark.parametrize('files', range(4, 24, 2))
def test_too_few_files_to_start(tmp_path, goevd_run, files):
    path = write_config(tmp_path, config(listener('a'), listener('b', mode='acceptor'),
                                         open_files_max=files,
                                         reactors=[{'name': 'main', 'pollers': '8'}]))
    done = goevd_run('-c', path)
    assert done.returncode == 1
    assert "Too many open files; raise open_files_max or 'ulimit -n'" in done.stderr
    assert 'listener a: 127' not in done.stderr


# ---- Connections of one client -------------------------------------------------------------------

def admitted(d, source='127.0.0.1'):
    """A new connection from there that is served, or None."""
    s = socket.socket()
    d.sockets.append(s)
    s.settimeout(15)
    s.bind((source, 0))
    s.connect(d.address()[1])
    try:
        echo(s)
    except (EOFError, OSError):
        return None
    return s


def refused_clients(d):
    """How many connections were one too many of a client."""
    return d.metrics()['goevd_connections_refused_total{reason=client}']


@pytest.mark.parametrize('mode', ['reuseport', 'acceptor'])
def test_a_client_at_its_limit_and_one_past_it(goevd, tmp_path, mode):
    d = goevd(config(listener(handler='echo', connections_per_client_max=5, mode=mode),
                     reactors=TWO,
                     control={'socket': str(tmp_path / 'control.sock')}))
    inside = [admitted(d) for _ in range(5)]
    assert all(inside)
    assert not admitted(d) and not admitted(d)
    assert refused_clients(d) == 2
    assert admitted(d, '127.0.0.2')   # that is another one
    for s in inside:
        echo(s)
    inside.pop().close()
    eventually(lambda: admitted(d), 'the place that became free is not given again')
    assert not admitted(d)


def test_many_come_and_go_and_all_are_given_back(goevd, tmp_path):
    d = goevd(config(listener(handler='echo', connections_per_client_max=3), reactors=TWO,
                     control={'socket': str(tmp_path / 'control.sock')}))
    for _ in range(100):   # some of them too many, for an end is seen later than the next begins
        for s in [d.connect() for _ in range(4)]:
            s.close()
    inside = []

    def full():
        s = admitted(d)
        inside.extend([s] if s else [])
        return len(inside) == 3
    eventually(full, 'some are still counted')
    assert not admitted(d)


def test_clients_behind_proxies_are_those_that_are_told(goevd, plugins, tmp_path):
    d = goevd(config(listener(handler='echo', connections_per_client_max=2,
                              proxy_protocol={'from': ['127.0.0.1']}), reactors=TWO,
                     control={'socket': str(tmp_path / 'control.sock')}))

    def through(client):
        s = d.connect()
        s.sendall(f'PROXY TCP4 {client} 198.51.100.2 56324 443\r\n'.encode())
        try:
            echo(s)
        except (EOFError, OSError):
            return None
        return s
    inside = [through(client) for client in ('192.0.2.1', '192.0.2.2') for _ in range(2)]
    assert all(inside)
    assert not through('192.0.2.1')
    assert refused_clients(d) == 1
    inside[0].close()
    eventually(lambda: through('192.0.2.1'), 'the place that became free is not given again')
    assert not through('192.0.2.1') and through('192.0.2.3')
    assert all(admitted(d, '127.0.0.2') for _ in range(2)) and not admitted(d, '127.0.0.2')


@pytest.mark.parametrize('args', [[], ['--single']])
def test_no_poller_waits_while_the_table_of_descriptors_grows(goevd, args):
    """The kernel would let it wait for all CPUs, for some milliseconds: there is room before."""
    d = goevd(config(listener(handler='echo')), *args)
    status = pathlib.Path(f'/proc/{d.worker()}/status').read_text()
    limit = resource.prlimit(d.worker(), resource.RLIMIT_NOFILE)[0]
    assert int(re.search(r'FDSize:\s+(\d+)', status)[1]) >= min(limit, 65536)
