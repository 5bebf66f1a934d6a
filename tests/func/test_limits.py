"""Too many connections, too few file descriptors."""
import threading

import pytest

import procfs
from daemon import config, eventually, listener, write_config
from wire import closed, echo, get

ONE = [{'name': 'main', 'pollers': '1', 'cpus': 'none'}]
TWO = [{'name': 'main', 'pollers': '2', 'cpus': 'none'}]


@pytest.mark.parametrize('mode', ['reuseport', 'acceptor'])
def test_one_too_many_is_closed(goevd, mode):
    d = goevd(config(listener(handler='echo', max_connections=5, mode=mode), reactors=TWO))
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
def test_one_too_many_waits(goevd, mode):
    d = goevd(config(listener(handler='echo', max_connections=5, over_limit='wait', mode=mode),
                     reactors=TWO))
    inside = [d.connect() for _ in range(5)]
    for s in inside:
        echo(s)
    waiting = d.connect()
    waiting.sendall(b'ping')
    waiting.settimeout(0.3)
    with pytest.raises(TimeoutError):
        waiting.recv(4)
    cpu = procfs.cpu_s(d.worker())
    threading.Event().wait(0.5)
    assert procfs.cpu_s(d.worker()) - cpu < 0.1   # nor does anything spin meanwhile
    inside.pop().close()
    waiting.settimeout(15)
    assert waiting.recv(4) == b'ping'


def test_limits_are_per_listener(goevd):
    d = goevd(config(listener('a', 'echo', max_connections=1), listener('b', 'echo')))
    echo(d.connect('a'))
    for _ in range(10):
        echo(d.connect('b'))


def test_no_files_left(goevd):
    d = goevd(config(listener(handler='echo'), reactors=ONE, max_open_files=40))
    d.may_say = ['cannot accept connections']
    worker = d.worker()
    echo(d.connect())
    clients = [d.connect() for _ in range(60)]
    said = d.log.wait('listener web: cannot accept connections')[0].string
    assert 'Too many open files; they wait in the kernel\'s queue (max_open_files is the limit)' \
        in said
    cpu = procfs.cpu_s(worker)
    threading.Event().wait(1)
    assert procfs.cpu_s(worker) - cpu < 0.1
    assert len(d.log.find('cannot accept connections')) == 1
    for s in clients[:45]:
        s.close()
    d.log.wait('listener web: accepts connections again')
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
    d = goevd(config(listener(handler='echo'), reactors=ONE, max_open_files=40))
    d.may_say = ['cannot accept connections']
    for episode in (1, 2):
        clients = [d.connect() for _ in range(60)]
        d.log.wait('cannot accept connections', episode)
        for s in clients:
            s.close()
        d.log.wait('accepts connections again', episode)


def test_no_files_left_hurts_no_connection_that_is_open(goevd):
    d = goevd(config(listener(), reactors=ONE, max_open_files=40))
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
                                         max_open_files=files,
                                         reactors=[{'name': 'main', 'pollers': '8'}]))
    done = goevd_run('-c', path)
    assert done.returncode == 1
    assert "Too many open files; raise max_open_files or 'ulimit -n'" in done.stderr
    assert 'listener a: 127' not in done.stderr
