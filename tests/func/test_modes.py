"""Both ways to accept, any number of reactors and listeners."""
import os
import signal
import socket

import pytest

import procfs
from daemon import config, eventually, listener
from wire import echo, get

REACTORS = [{'name': 'front', 'pollers': '1', 'cpus': 'none'},
            {'name': 'back', 'pollers': '3', 'cpus': 'none'}]


@pytest.mark.parametrize('mode', ['reuseport', 'acceptor'])
@pytest.mark.parametrize('address', [
    pytest.param('127.0.0.1:0', id='tcp'), pytest.param(f'unix:@goevd-test-{os.getpid()}', id='unix')])
def test_serves(goevd, mode, address):
    d = goevd(config(listener(mode=mode, address=address), reactors=REACTORS[1:]))
    expected = mode if mode == 'acceptor' or ':0' in address else 'shared'
    assert d.listeners['web']['mode'] == expected
    for _ in range(30):
        assert get(d.connect())[2] == b'Hello, World!'


def test_acceptor_spreads_over_the_serving_reactor(goevd):
    d = goevd(config(listener(handler='echo', mode='acceptor', accept_reactor='front',
                              reactor='back'), reactors=REACTORS))
    assert d.listeners['web']['reactor'] == 'back' and d.listeners['web']['sockets'] == '1'
    for _ in range(30):
        echo(d.connect())
    assert procfs.held(d.worker(), d.port()) == [0, 10, 10, 10]   # front only accepts


def test_listeners_share_a_reactor_and_use_several(goevd):
    d = goevd(config(listener('a', reactor='front'), listener('b', 'echo', reactor='back'),
                     listener('c', 'echo', reactor='front', mode='acceptor'), reactors=REACTORS))
    assert [d.listeners[n]['reactor'] for n in 'abc'] == ['front', 'back', 'front']
    for _ in range(5):
        assert get(d.connect('a'))[0] == 200
        echo(d.connect('b'))
        echo(d.connect('c'))
    assert d.log.find(r'reactor front: 1 poller, not pinned$')
    assert d.log.find(r'reactor back: 3 pollers, not pinned$')


def test_more_pollers_than_cpus(goevd):
    d = goevd(config(reactors=[{'name': 'many', 'pollers': '40'}]))
    assert d.listeners['web']['sockets'] == '40'
    for _ in range(100):
        assert get(d.connect())[0] == 200


def test_more_sockets_than_one_message_takes(goevd):
    d = goevd(config(reactors=[{'name': 'many', 'pollers': '200', 'mailbox_max': 64,
                                'read_buffer': '4KiB', 'write_buffer': '4KiB'}]))
    assert procfs.listeners(d.port()) == 200
    assert get(d.connect())[0] == 200


def test_socket_options_reach_the_connection(goevd):
    d = goevd(config(listener(handler='echo', nodelay=False, receive_buffer='32KiB',
                              send_buffer='16KiB', keepalive='60s')))
    echo(d.connect())
    with procfs.borrow_connection(d.worker(), d.port()) as s:
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * 32768   # socket(7)
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 16384
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0


def test_socket_options_by_default(goevd):
    d = goevd(config(listener(handler='echo')))
    echo(d.connect())
    with procfs.borrow_connection(d.worker(), d.port()) as s:
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
        assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_deferred_connection_is_served_when_its_bytes_come(goevd):
    d = goevd(config(listener(defer_accept='30s')))
    s = d.connect()
    assert get(s)[0] == 200


def test_backlog_holds_connections_while_the_worker_stands_still(goevd):
    d = goevd(config(listener(handler='echo')))
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    waiting = [d.connect() for _ in range(20)]
    for s in waiting:
        s.sendall(b'ping')
    os.kill(worker, signal.SIGCONT)
    for s in waiting:
        assert s.recv(4, socket.MSG_WAITALL) == b'ping'
    eventually(lambda: procfs.alive(worker), 'it has died')
