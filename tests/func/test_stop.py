"""SIGTERM, SIGINT, deadlines: how it ends."""
import os
import signal
import socket
import time

import pytest

import procfs
from daemon import config, eventually, listener
from wire import Reader, closed, echo, get, refused, request

SIGNALS = [signal.SIGTERM, signal.SIGINT]
ARGS = [[], ['--single']]


@pytest.mark.parametrize('args', ARGS)
@pytest.mark.parametrize('number', SIGNALS)
def test_stops(goevd, number, args):
    d = goevd(config(), *args)
    worker = d.worker()
    family, address = d.address()
    d.signal(number)
    assert d.wait() == 0
    assert refused(family, address)
    assert not procfs.alive(worker)
    if not args:
        assert d.log.find(rf'{number.name}: stopping$')


@pytest.mark.parametrize('args', ARGS)
def test_closes_idle_connections_soon(goevd, args):
    d = goevd(config(stop_timeout='1h'), *args)
    clients = [d.connect() for _ in range(10)]
    for s in clients:
        assert get(s)[0] == 200
    d.signal(signal.SIGTERM)
    for s in clients:
        assert closed(s)
        s.close()
    assert d.wait() == 0


@pytest.mark.parametrize('args', ARGS)
@pytest.mark.parametrize('mode', ['reuseport', 'acceptor'])
def test_finishes_what_has_begun(goevd, mode, args):
    d = goevd(config(listener(mode=mode), listener('idle')), *args)
    half = d.connect()
    half.sendall(b'GET / HTTP/1.1\r\nHo')
    idle = [d.connect('idle') for _ in range(8)]
    for s in idle:
        assert get(s)[0] == 200
    family, address = d.address()
    d.signal(signal.SIGTERM)
    for s in idle:   # on every poller: so all have begun to stop
        assert closed(s)
        s.close()
    eventually(lambda: refused(family, address), 'it still accepts')
    half.sendall(b'st: a\r\n\r\n')
    status, headers, body = Reader(half).response()
    assert (status, headers['connection'], body) == (200, 'close', b'Hello, World!')
    assert closed(half)
    half.close()
    assert d.wait() == 0


def test_answers_to_a_slow_reader_are_whole(goevd):
    d = goevd(config(listener(close_timeout='60s'), stop_timeout='60s'))
    s = d.connect(receive_buffer=4096)
    s.sendall(request('/long') * 100)
    reader = Reader(s)
    assert reader.response()[0] == 200
    d.signal(signal.SIGTERM)
    d.log.wait('SIGTERM: stopping')
    while reader.buffer or reader.fill():
        assert len(reader.response()[2]) == 100000
    s.close()
    assert d.wait() == 0


@pytest.mark.parametrize('args', ARGS)
def test_all_that_wait_to_be_accepted_are_served(goevd, args):
    d = goevd(config(stop_timeout='60s'), *args)
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    eventually(lambda: procfs.stopped(worker), 'it goes on')
    queued = [d.connect() for _ in range(600)]
    for s in queued:
        s.sendall(request())
    d.signal(signal.SIGTERM)
    if not args:
        d.log.wait('SIGTERM: stopping')
    os.kill(worker, signal.SIGCONT)
    for s in queued:
        assert Reader(s).response()[0] == 200
        s.close()
    assert d.wait() == 0


def test_connections_are_refused_while_others_drain(goevd, tmp_path):
    path = tmp_path / 'sock'
    d = goevd(config(listener(), listener('unix', address=f'unix:{path}')))
    half = d.connect()
    half.sendall(b'GET / HTTP/1.1\r\nHo')
    assert get(idle := d.connect())[0] == 200
    idle.close()
    d.signal(signal.SIGTERM)
    eventually(lambda: refused(*d.address()) and refused(*d.address('unix')), 'it still listens')
    assert d.process.poll() is None
    assert procfs.listeners(d.port()) == 0
    assert not path.exists()
    half.sendall(b'st: a\r\n\r\n')
    assert Reader(half).response()[0] == 200
    half.close()
    assert d.wait() == 0


@pytest.mark.parametrize('args', ARGS)
def test_deadline_closes_what_does_not_finish(goevd, args):
    d = goevd(config(stop_timeout='500ms'), *args)
    d.may_say = ['connections? cut after .*stop_timeout']
    s = d.connect()
    s.sendall(b'GET / HTTP/1.1\r\nHo')   # and never more
    assert get(d.connect())[0] == 200
    began = time.monotonic()
    d.signal(signal.SIGTERM)
    assert closed(s)
    assert d.wait() == 0
    assert time.monotonic() - began > 0.4
    assert d.log.find(r'connections? cut after .* s \(stop_timeout\)')


@pytest.mark.parametrize('args', ARGS)
def test_second_signal_stops_now(goevd, args):
    d = goevd(config(stop_timeout='1h'), *args)
    d.may_say = ['cut after']
    s = d.connect()
    s.sendall(b'GET / HTTP/1.1\r\nHo')
    assert get(idle := d.connect())[0] == 200
    d.signal(signal.SIGTERM)
    assert closed(idle)
    time.sleep(0.15)   # nearer than that, two signals are one: timeout(1) sends two
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    if not args:
        assert d.log.find('SIGTERM: stopping now$')


def test_signal_to_the_group_is_one(goevd):
    d = goevd(config(), start_new_session=True)
    half = d.connect()
    half.sendall(b'GET / HTTP/1.1\r\nHo')
    assert get(idle := d.connect())[0] == 200
    os.killpg(d.pid, signal.SIGINT)   # as Ctrl-C does
    assert closed(idle)
    idle.close()
    half.sendall(b'st: a\r\n\r\n')
    assert Reader(half).response()[0] == 200
    half.close()
    assert d.wait() == 0


def test_sighup_does_nothing_to_a_worker_alone(goevd):
    d = goevd(config(), '--single')
    d.signal(signal.SIGHUP)
    assert get(d.connect())[0] == 200


@pytest.mark.parametrize('args', ARGS)
def test_sigpipe_kills_nobody(goevd, args):
    d = goevd(config(listener(handler='echo')), *args)
    for pid in {d.pid, d.worker()}:
        os.kill(pid, signal.SIGPIPE)
    for _ in range(20):
        s = d.connect()
        s.sendall(b'x' * 100000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        s.close()   # the reply meets a reset
    echo(d.connect())


@pytest.mark.parametrize('who', ['supervisor', 'worker'])
def test_sigstop_and_sigcont_do_no_harm(goevd, who):
    d = goevd()
    pid = d.pid if who == 'supervisor' else d.worker()
    s = d.connect()
    assert get(s)[0] == 200
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)
    assert get(s)[0] == 200
    assert get(d.connect())[0] == 200
