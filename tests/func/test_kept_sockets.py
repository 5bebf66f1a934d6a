"""Sockets that a service manager keeps over a restart, and sockets that a reload changes."""
import array
import os
import socket

import pytest

import procfs
from daemon import PATIENCE_S, config, eventually, listener, shares, write_config
from wire import echo, kept_port, refused

CPUS = sorted(os.sched_getaffinity(0))[:2]
PINNED = [{'name': 'main', 'pollers': '2', 'cpus': [str(c) for c in CPUS]}]
TURNED = [{'name': 'main', 'pollers': '2', 'cpus': [str(c) for c in reversed(CPUS)]}]
FREE = [{'name': 'main', 'pollers': '2', 'cpus': 'none'}]

two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason='needs two CPUs')


class Manager:
    """Keeps the descriptors that it gets, as systemd does with FDSTORE=1, and passes it on."""

    def __init__(self, goevd, path):
        self.goevd = goevd
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(PATIENCE_S)
        self.kept = []

    def take(self):
        """Receives one message. Returns its text."""
        data, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 16))
        said = dict(line.split('=', 1) for line in data.decode().splitlines())
        for _, _, packed in control:
            fds = array.array('i', packed)
            self.kept += [(said['FDNAME'], fd) for fd in fds]
        if 'FDSTOREREMOVE' in said:
            for name, fd in self.kept:
                if name == said['FDNAME']:
                    os.close(fd)
            self.kept = [k for k in self.kept if k[0] != said['FDNAME']]
        return said

    def start(self, content, order=list):
        """goevd, when it is ready, with all that is kept."""
        passed = order(self.kept)
        fds = ' '.join(f'{3 + i}<&{fd}' for i, (_, fd) in enumerate(passed))
        script = f'exec {fds}; LISTEN_PID=$$ LISTEN_FDS={len(passed)} exec "$@"'
        d = self.goevd(content, ready=False, wrap=['bash', '-c', script, 'bash'],
                       pass_fds=[fd for _, fd in passed],
                       env={'NOTIFY_SOCKET': self.socket.getsockname(),
                            'LISTEN_FDNAMES': ':'.join(name for name, _ in passed)})
        while 'READY' not in self.take():    # it follows the kept and removed descriptors
            pass
        return d.ready()

    def finish(self, d):
        """Stops it, and receives its remaining messages."""
        d.finish()
        self.socket.setblocking(False)
        try:
            while self.take():
                pass
        except BlockingIOError:
            self.socket.settimeout(PATIENCE_S)

    def restart(self, d, content, order=list):
        """Stop goevd and start another."""
        self.finish(d)
        return self.start(content, order)

    def close(self):
        """It keeps nothing any more."""
        self.socket.close()
        for _, fd in self.kept:
            os.close(fd)


@pytest.fixture
def manager(goevd, tmp_path):
    """A manager; its processes are stopped first."""
    m = Manager(goevd, tmp_path / 'notify')
    yield m
    m.close()


def at(tmp_path, address, reactors=None, **more):
    """A configuration with one listener."""
    return config(listener('e', 'echo', address, **more), reactors=reactors or PINNED,
                  control={'socket': str(tmp_path / 'control')})


def spread(d, count=10):
    """So many connections from the first CPU: how many each poller has accepted of them."""
    if not d.single:
        eventually(lambda: len(procfs.children(d.pid)) == 1, 'the worker that drains does not end')

    def accepted():
        return shares(d.told('stats'), 'goevd_connections_accepted_total')
    before = accepted()
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CPUS[:1])
    try:
        for _ in range(count):
            s = d.connect('e')
            echo(s)
            s.close()
    finally:
        os.sched_setaffinity(0, mine)
    return [after - b for after, b in zip(accepted(), before)]


def reload(d, content):
    """Its exit status and its output."""
    write_config(d.folder, content)
    return d.ctl('reload')


# ---- A restart ----------------------------------------------------------------------------------

@two_cpus
def test_steering_survives_a_restart_in_any_order(manager, tmp_path):
    content = at(tmp_path, '127.0.0.1:0', imbalance=100)
    d = manager.start(content)
    port = d.port('e')
    assert spread(d) == [10, 0]
    for order in (list, lambda kept: kept[::-1]):
        d = manager.restart(d, content, order)
        assert d.port('e') == port and spread(d) == [10, 0]


def test_clients_wait_while_goevd_restarts(manager, tmp_path):
    content = at(tmp_path, '127.0.0.1:0')
    d = manager.start(content)
    address = d.address('e')[1]
    manager.finish(d)
    with socket.create_connection(address) as waiting:
        d = manager.start(content)
        echo(waiting)


@pytest.mark.parametrize('before, after', [
    ('127.0.0.1', '0.0.0.0'), ('0.0.0.0', '127.0.0.1'), ('127.0.0.1', ''), ('', '127.0.0.1'),
    ('127.0.0.1', '[::]'), ('0.0.0.0', '[::]'), ('127.0.0.1', '127.0.0.2'),
])
def test_a_kept_address_that_has_changed(manager, tmp_path, before, after):
    port = kept_port()
    d = manager.start(at(tmp_path, f'{before}:{port}'))
    d = manager.restart(d, at(tmp_path, f'{after}:{port}'))
    assert len(manager.kept) == 2
    host = '127.0.0.2' if after == '127.0.0.2' else '127.0.0.1'
    for _ in range(8):      # any socket without an accepting process would get some of them
        with socket.create_connection((host, port), PATIENCE_S) as s:
            echo(s)
    if after == '127.0.0.2':
        assert refused(socket.AF_INET, ('127.0.0.1', port))


def test_a_kept_socket_that_takes_ipv4(manager, tmp_path):
    port = kept_port()
    d = manager.start(at(tmp_path, f'[::]:{port}'))
    with socket.create_connection(('127.0.0.1', port)) as s:
        echo(s)
    manager.restart(d, at(tmp_path, f'[::]:{port}', ipv6_only=True))
    assert refused(socket.AF_INET, ('127.0.0.1', port))
    with socket.create_connection(('::1', port)) as s:
        echo(s)


def test_as_many_kept_sockets_as_pollers(manager, tmp_path):
    counts = []
    port = kept_port()
    d = None
    for mode, pollers in ('acceptor', 2), ('reuseport', 2), ('reuseport', 5), ('acceptor', 3):
        reactors = [{'name': 'main', 'pollers': str(pollers), 'cpus': 'none'}]
        content = at(tmp_path, f'127.0.0.1:{port}', reactors, mode=mode, imbalance=100)
        d = manager.restart(d, content) if d else manager.start(content)
        for _ in range(20):
            echo(d.connect('e'))
        counts.append((int(d.listeners['e']['sockets']), len(manager.kept)))
    assert counts == [(1, 1), (2, 2), (5, 5), (1, 1)]


def test_a_kept_unix_socket_without_its_file(manager, tmp_path):
    content = at(tmp_path, f'unix:{tmp_path}/e.sock')
    d = manager.start(content)
    manager.finish(d)
    (tmp_path / 'e.sock').unlink()
    d = manager.start(content)
    echo(d.connect('e'))


def test_a_kept_listener_that_is_gone(manager, tmp_path):
    port = kept_port()
    content = at(tmp_path, f'127.0.0.1:{port}')
    content['listeners'].append(listener('f', 'echo', '127.0.0.1:0'))
    d = manager.start(content)
    gone = d.address('f')[1]
    d = manager.restart(d, at(tmp_path, f'127.0.0.1:{port}'))
    assert refused(socket.AF_INET, gone) and len(manager.kept) == 2


# ---- A reload -----------------------------------------------------------------------------------

HOSTS = ['127.0.0.1', '0.0.0.0', '', '[::]', '127.0.0.1', '[::]', '0.0.0.0', '[::1]', '',
         '127.0.0.1', '']


def test_an_address_becomes_the_wildcard_and_back(goevd, tmp_path):
    port = kept_port()
    d = goevd(at(tmp_path, f'127.0.0.1:{port}'))
    for host in HOSTS[1:]:
        done = reload(d, at(tmp_path, f'{host}:{port}'))
        assert done.returncode == 0, (host, done.stderr)
        client = ('::1' if host == '[::1]' else '127.0.0.1', port)
        for _ in range(4):
            with socket.create_connection(client, PATIENCE_S) as s:
                echo(s)


def test_address_and_wildcard_at_the_same_time(goevd, tmp_path):
    port = kept_port()
    content = at(tmp_path, f'127.0.0.1:{port}')
    content['listeners'].append(listener('web', address=f':{port}'))
    d = goevd(content)
    echo(d.connect('e'))
    with socket.create_connection(('::1', port)) as s:
        s.sendall(b'GET / HTTP/1.0\r\n\r\n')
        assert b'Hello, World!' in s.makefile('rb').read()


def test_a_failed_reload_draws_no_connection(goevd, tmp_path):
    port = kept_port()
    with socket.create_server(('127.0.0.1', 0)) as busy:
        d = goevd(at(tmp_path, f'0.0.0.0:{port}'))
        d.may_say = ['cannot bind', 'the reload failed']
        content = at(tmp_path, f'127.0.0.1:{port}')
        content['listeners'].append(listener('f', 'echo', f'127.0.0.1:{busy.getsockname()[1]}'))
        assert reload(d, content).returncode != 0
        for _ in range(4):
            with socket.create_connection(('127.0.0.1', port)) as s:
                echo(s)


def test_somebody_else_at_the_wildcard(goevd, tmp_path):
    port = kept_port()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        d = goevd(at(tmp_path, '127.0.0.1:0'))
        d.may_say = ['cannot bind', 'the reload failed']
        other.bind(('0.0.0.0', port))
        other.listen()
        done = reload(d, at(tmp_path, f'127.0.0.1:{port}'))
        assert done.returncode != 0 and 'Address already in use' in done.stderr


def test_the_port_that_the_kernel_chose(goevd, tmp_path):
    d = goevd(at(tmp_path, '127.0.0.1:0'))
    assert reload(d, at(tmp_path, f'127.0.0.1:{d.port("e")}')).returncode == 0
    echo(d.connect('e'))


@two_cpus
def test_steering_follows_reloads(goevd, tmp_path):
    d = goevd(at(tmp_path, '127.0.0.1:0', imbalance=100))
    assert spread(d) == [10, 0]
    assert reload(d, at(tmp_path, '127.0.0.1:0', TURNED, imbalance=100)).returncode == 0
    assert spread(d) == [0, 10]
    assert reload(d, at(tmp_path, '127.0.0.1:0', FREE, imbalance=100)).returncode == 0
    assert all(n > 0 for n in spread(d, 40))
    assert reload(d, at(tmp_path, '127.0.0.1:0', imbalance=100)).returncode == 0
    assert spread(d) == [10, 0]
    assert reload(d, at(tmp_path, '127.0.0.1:0', imbalance=100, steer=False)).returncode == 0
    assert all(n > 0 for n in spread(d, 40))


@two_cpus
def test_a_failed_reload_steers_nothing(goevd, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as busy:
        d = goevd(at(tmp_path, '127.0.0.1:0', imbalance=100))
        d.may_say = ['cannot bind', 'the reload failed']
        content = at(tmp_path, '127.0.0.1:0', TURNED, imbalance=100)
        content['listeners'].append(listener('f', 'echo', f'127.0.0.1:{busy.getsockname()[1]}'))
        assert reload(d, content).returncode != 0
        assert spread(d) == [10, 0]


@two_cpus
def test_single_steers_too(goevd, tmp_path):
    assert spread(goevd(at(tmp_path, '127.0.0.1:0', imbalance=100), '--single')) == [10, 0]
