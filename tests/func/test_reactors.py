"""The pollers that accept and serve, as reported by themselves: tests/plugin/choosing.c. The plugin's
own connections are in test_connect.py."""
import os
import socket

import pytest

from daemon import PATIENCE_S, config, eventually, listener, shares, write_config
from wire import Reader, closed, echo

# The pollers' numbers follow one another in this order.
REACTORS = [{'name': 'front', 'pollers': 1, 'cpus': 'none'},
            {'name': 'back', 'pollers': 2, 'cpus': 'none'},
            {'name': 'side', 'pollers': 2, 'cpus': 'none'}]
POLLERS = {'front': {0}, 'back': {1, 2}, 'side': {3, 4}}
ACCEPTING = {'reuseport': {'mode': 'reuseport'},
             'acceptor': {'mode': 'acceptor'},
             'front': {'mode': 'acceptor', 'accept_reactor': 'front'},
             'shared': {'address': f'unix:@goevd-test-{os.getpid()}'}}


@pytest.fixture
def serve(goevd, plugins, tmp_path):
    """start(listener…) -> a goevd with these reactors."""
    def start(*listeners):
        return goevd(config(*listeners, plugin_dir=str(plugins), reactors=REACTORS,
                            control={'socket': str(tmp_path / 'control.sock')}))
    return start


def connect(d, number=1, name='web'):
    """A client at 127.0.0.NUMBER, or on a unix socket."""
    family, address = d.address(name)
    s = socket.socket(family)
    d.sockets.append(s)
    s.settimeout(PATIENCE_S)
    if family == socket.AF_INET:
        s.bind((f'127.0.0.{number}', 0))
    s.connect(address)
    return s


def greeting(s):
    """The poller that serves, those that have accepted."""
    serving, accepted = map(int, Reader(s).until(b'\n').split())
    return serving, {i for i in range(8) if accepted >> i & 1}


def chooses(*names, **more):
    """A listener whose handler chooses from these."""
    return listener(handler={'choosing': {'reactors': list(names)}}, **more)


# ---- As configured ---------------------------------------------------------------------------

@pytest.mark.parametrize('accepting', ACCEPTING)
@pytest.mark.parametrize('serving', ['back', 'side'])
def test_listener_names_who_accepts_and_who_serves(serve, accepting, serving):
    d = serve(chooses(reactor=serving, **ACCEPTING[accepting]))
    seen, accepted = set(), set()
    for _ in range(20):
        s = connect(d)
        poller, accepted = greeting(s)
        seen.add(poller)
        echo(s)
    assert seen == POLLERS[serving]
    assert accepted <= (POLLERS['front'] if accepting == 'front' else POLLERS[serving])


def test_several_listeners_share_a_reactor(serve):
    d = serve(chooses(name='a', reactor='back'), chooses(name='b', reactor='back'),
                       chooses(name='c', reactor='back', **ACCEPTING['front']))
    for name in 'abc':
        assert {greeting(connect(d, name=name))[0] for _ in range(8)} == POLLERS['back']
    opened = shares(d.told('stats'), 'goevd_connections_opened_total')
    assert (opened[0], opened[1] + opened[2], opened[3:]) == (0, 24, [0, 0])


# ---- As the handler chooses ------------------------------------------------------------------

@pytest.mark.parametrize('accepting', ACCEPTING)
def test_handler_chooses_the_reactor(serve, accepting):
    d = serve(chooses('side', 'front', 'back', reactor='back', **ACCEPTING[accepting]))
    expected = {1: 'back', 2: 'side', 3: 'front', 4: 'back', 5: 'back'}
    if accepting == 'shared':
        expected = {2: 'side'}   # of a unix client no address is known
    for number, name in expected.items():
        for _ in range(6):
            s = connect(d, number)
            poller, accepted = greeting(s)
            assert poller in POLLERS[name]
            assert accepted <= (POLLERS['front'] if accepting == 'front' else POLLERS['back'])
            echo(s)
    seen = d.metrics()
    assert seen['goevd_choosing_accepted_total'] == 6 * len(expected)
    assert seen['goevd_connections_opened_total'] == 6 * len(expected)


def test_least_loaded_poller_of_the_chosen_reactor_serves(serve):
    d = serve(chooses('side', reactor='back'))
    for _ in range(10):
        greeting(connect(d, 2))
    assert shares(d.told('stats'), 'goevd_connections_open')[3:] == [5, 5]


@pytest.mark.parametrize('name', ['refuse', 'wrong'])
@pytest.mark.parametrize('more', [{}, {'over_limit': 'wait'}, ACCEPTING['front']])
def test_handler_refuses(serve, name, more):
    d = serve(chooses(name, reactor='back', connections_max=2, **more))
    greeting(connect(d))
    for _ in range(5):   # a place is not lost with each
        assert closed(connect(d, 2))
    greeting(connect(d))
    seen = d.metrics()
    assert seen['goevd_connections_refused_total{reason=handler}'] == 5
    assert seen['goevd_connections_opened_total'] == 2


def test_handler_is_not_asked_about_one_too_many(serve):
    d = serve(chooses('side', reactor='back', connections_max=1))
    greeting(connect(d, 2))
    assert closed(connect(d, 2))
    seen = d.metrics()
    assert seen['goevd_choosing_accepted_total'] == 1
    assert seen['goevd_connections_refused_total{reason=limit}'] == 1


def test_place_comes_back_from_the_chosen_reactor(serve):
    d = serve(chooses('side', reactor='back', connections_max=1))
    for _ in range(5):
        s = connect(d, 2)
        greeting(s)
        s.close()
        eventually(lambda: d.metrics()['goevd_connections_open'] == 0, 'it does not close')


def test_behind_a_proxy_the_handler_is_asked_about_the_proxy(serve):
    d = serve(chooses('side', 'front', reactor='back', proxy_protocol={'from': '127.0.0.2'}))
    s = connect(d, 2)
    s.sendall(b'PROXY TCP4 127.0.0.3 127.0.0.1 1 2\r\nhello')
    assert greeting(s)[0] in POLLERS['side']


def test_stop_tells_connections_that_went_elsewhere(serve):
    d = serve(chooses('side', 'front', reactor='back'))
    clients = [connect(d, 1 + i % 3) for i in range(12)]
    for s in clients:
        greeting(s)
    d.process.terminate()
    assert all(closed(s) for s in clients)
    assert d.wait() == 0


def test_auto_counts_among_all_pollers(goevd_run, tmp_path):
    """A check reports the same error as a start: more pollers than the maximum."""
    for fixed, status in (256, 1), (256 - len(os.sched_getaffinity(0)), 0):
        path = write_config(tmp_path, config(listener(handler='echo', reactor='a'), reactors=[
            {'name': 'a', 'pollers': fixed}, {'name': 'b'}]))
        done = goevd_run('-t', '-c', path)
        assert done.returncode == status, done.stderr
        assert ('pollers in all are above 256' in done.stderr) == (status == 1)
