"""Sockets that are open before goevd begins, sd_listen_fds(3), without a systemd."""
import os
import re
import signal
import socket

import pytest

import daemon
from daemon import config, listener, write_config
from wire import echo, get

NAMES = 'LISTEN_FDNAMES'


@pytest.fixture
def web():
    """A socket that listens, as a socket unit makes it."""
    with socket.create_server(('127.0.0.1', 0)) as s:
        yield s


@pytest.fixture
def passing(monkeypatch):
    """passing(socket…) -> a launcher that starts goevd with these as its file descriptors 3, 4, …"""
    def wrap(*sockets, count=None):
        original = daemon.command

        def command(*args):
            line = ' '.join(f'{3 + i}<&{s.fileno()}' for i, s in enumerate(sockets))
            script = f'exec {line}; LISTEN_PID=$$ LISTEN_FDS={count or len(sockets)} exec "$@"'
            return ['bash', '-c', script, 'bash', *original(*args)]
        monkeypatch.setattr(daemon, 'command', command)
        for s in sockets:
            s.set_inheritable(True)
        return {'pass_fds': [s.fileno() for s in sockets]}
    return wrap


@pytest.fixture
def fails(tmp_path):
    """fails(config) -> why goevd does not start."""
    def check(content, **more):
        done = daemon.run(tmp_path, '-c', write_config(tmp_path, content), **more)
        assert done.returncode == 1, done.stderr
        return done.stderr
    return check


def names(*words):
    """The environment that names them."""
    return {NAMES: ':'.join(words)}


@pytest.mark.parametrize('args', [[], ['--single']])
def test_a_listener_takes_a_socket_by_name(goevd, web, passing, args):
    with socket.create_server(('127.0.0.1', 0)) as other:
        d = goevd(config(listener(address='systemd:web'), listener('o', 'echo', 'systemd:other')),
                  *args, env=names('other', 'web'), **passing(other, web))
        assert d.port() == web.getsockname()[1] and d.port('o') == other.getsockname()[1]
        assert get(d.connect())[0] == 200
        echo(d.connect('o'))
    environment = open(f'/proc/{d.worker()}/environ', 'rb').read()
    assert b'LISTEN_' not in environment or args


def test_several_sockets_of_one_name(goevd, passing):
    with socket.socket() as one, socket.socket() as two:
        for s in one, two:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            s.bind(('127.0.0.1', one.getsockname()[1] if s is two else 0))
            s.listen()
        d = goevd(config(listener(address='systemd:web')), env=names('web', 'web'),
                  **passing(one, two))
        for _ in range(20):
            assert get(d.connect())[0] == 200


@pytest.mark.parametrize('mode', ['reuseport', 'acceptor'])
@pytest.mark.parametrize('hosts', [('127.0.0.1', '127.0.0.1'), ('127.0.0.1', '::1')])
def test_several_addresses_of_one_name(goevd, passing, mode, hosts):
    made = [socket.create_server((host, 0), family=socket.AF_INET6 if ':' in host else
                                 socket.AF_INET) for host in hosts]
    goevd(config(listener('e', 'echo', 'systemd:web', mode=mode),
                 reactors=[{'name': 'main', 'pollers': '2', 'cpus': ['0']}]),
          env=names('web', 'web'), **passing(*made))
    for s in made:
        with socket.create_connection(s.getsockname()[:2]) as client:
            echo(client)
        s.close()


def test_it_stays_over_reloads_that_do_not_want_it(goevd, web, passing):
    wants = config(listener(), listener('w', 'echo', 'systemd:web'))
    d = goevd(wants, env=names('web'), **passing(web))
    for n, content in enumerate([config(listener()), wants]):
        write_config(d.folder, content)
        d.signal(signal.SIGHUP)
        d.log.wait('reloaded', n + 1)
    echo(d.connect('w'))


@pytest.mark.parametrize('given, said', [
    ('web:nose', "systemd has passed no socket 'wep', but: web, nose"),
    ('', "systemd has passed no socket 'wep', but: unknown, unknown"),
])
def test_a_name_that_was_not_passed(fails, web, passing, given, said):
    with socket.create_server(('127.0.0.1', 0)) as other:
        text = fails(config(listener(address='systemd:wep')), env={NAMES: given},
                       **passing(web, other))
    assert f'listener web: {said}' in text


def test_none_was_passed(fails):
    text = fails(config(listener(address='systemd:web')))
    assert "systemd has passed no socket 'web', and no other; is there a socket unit with " \
        'FileDescriptorName=web, and was goevd started with it?' in text


def test_one_that_no_listener_takes(fails, web, passing):
    with socket.create_server(('127.0.0.1', 0)) as other:
        text = fails(config(listener(address='systemd:web')), env=names('web', 'other'),
                       **passing(web, other))
    assert 'systemd has passed sockets that no listener takes: other; ' in text


def test_what_does_not_listen(fails, passing):
    with socket.socket() as s:
        text = fails(config(listener(address='systemd:web')), env=names('web'), **passing(s))
    assert ("what systemd has passed as 'web' is no stream socket that listens; let its unit have "
            'ListenStream=, and not Accept=') in text


def test_more_than_were_passed(fails, web, passing):
    text = fails(config(listener(address='systemd:web')), env=names('web'),
                   **passing(web, count=5))
    assert re.search(r'LISTEN_FDS says 5, but file descriptor \d is not open', text)


def test_for_another_process(goevd, web, monkeypatch):
    monkeypatch.setenv('LISTEN_PID', str(os.getpid()))
    monkeypatch.setenv('LISTEN_FDS', '1')
    d = goevd()
    assert get(d.connect())[0] == 200


@pytest.mark.parametrize('name', ['', 'a:b', 'goevd.x', 'x' * 256])
def test_names_that_cannot_be(goevd_run, tmp_path, name):
    path = write_config(tmp_path, config(listener(address=f'systemd:{name}')))
    done = goevd_run('-t', '-c', path)
    assert done.returncode == 1
    assert 'a socket of systemd has a name of 1 to 255 characters' in done.stderr
