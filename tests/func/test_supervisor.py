"""The supervisor never blocks: neither a peer that does not read nor a slow call stops it."""
import array
import ctypes
import os
import select
import signal
import socket
import struct
import time

import pytest

import daemon
import procfs
from daemon import PATIENCE_S, SERVING, config, eventually, listener, listens, said, write_config
from wire import Reader, echo, get


def talk(d, line):
    """Let the plugin `talking` do it; returns when it has."""
    with d.connect() as s:
        s.sendall(line.encode() + b'\n')
        assert Reader(s).until(b'\n') == b'done\n'


# ---- The service manager -------------------------------------------------------------------------

class Manager(socket.socket):
    """A service manager, which reads nothing unless the test does: the messages, and the sockets
    that come with each."""

    def __init__(self, path):
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.bind(path)
        self.settimeout(PATIENCE_S)
        self.env = {'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '20000'}
        self.texts = []
        self.kept = {}

    def read(self):
        """The next message."""
        text, extra, _, _ = self.recvmsg(4096, socket.CMSG_SPACE(253 * 4))
        fds = array.array('i')
        for _, _, data in extra:
            fds.frombytes(data)
        self.texts.append(text.decode())
        self.kept.setdefault(self.texts[-1], []).extend(socket.socket(fileno=fd) for fd in fds)
        return self.texts[-1]

    def until(self, beginning, end=''):
        """Read until a message begins and ends so. Other messages come all the time."""
        deadline = time.monotonic() + PATIENCE_S
        while not (self.read().startswith(beginning) and self.texts[-1].endswith(end)):
            states = [text for text in self.texts if text.startswith('STATUS=')]
            assert time.monotonic() < deadline, f'no {beginning!r} after {states[-8:]}'

    def fill(self):
        """Nothing more goes into its queue."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    s.sendto(b'X_FULL=1', self.getsockname())


@pytest.fixture
def manager(tmp_path):
    """A service manager."""
    with Manager(str(tmp_path / 'notify')) as m:
        yield m


def test_a_manager_that_reads_nothing_holds_nobody_up(goevd, manager, tmp_path):
    d = goevd(config(control={'socket': str(tmp_path / 'control')}), env=manager.env)
    manager.fill()
    worker = d.worker()
    d.may_say = ['was killed by signal 9']
    os.kill(worker, signal.SIGKILL)
    d.log.wait(SERVING, 2)
    d.ready(start=len(d.log.lines) - 2)
    with d.connect() as s:
        assert d.worker() != worker and get(s)[0] == 200
    assert 'serving' in d.ctl('status').stdout
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def test_a_manager_that_reads_late_misses_no_state_and_no_socket(goevd, manager, tmp_path):
    control = {'socket': str(tmp_path / 'control')}
    d = goevd(config(listener('web'), control=control), env=manager.env)
    manager.until('READY=1')
    manager.fill()
    write_config(d.folder, config(listener('web'), listener('more', 'echo'), control=control))
    for _ in range(3):
        assert d.ctl('reload').returncode == 0
    manager.texts.clear()
    manager.kept.clear()
    while manager.texts.count('READY=1') < 3:
        manager.read()
    assert [text.split('=')[0] for text in manager.texts if text.startswith('RE')] == \
        ['RELOADING', 'READY'] * 3
    stored = [s for text, sockets in manager.kept.items() if text.startswith('FDSTORE=1')
              for s in sockets]
    assert [s.getsockname() for s in stored] == [d.ready().address('more')[1]] * len(stored) != []
    assert all(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for s in stored)
    d.signal(signal.SIGTERM)
    manager.until('STOPPING=1')


def test_the_manager_has_each_state(goevd, manager, plugins, tmp_path):
    """Also of workers that drain, are stopped, and die."""
    stays = {'witness': {'name': 'w', 'stays': True}}
    d = goevd(config(listener(handler=stays), plugin_dir=str(plugins),
                     control={'socket': str(tmp_path / 'control')},
                     hang={'timeout': '1s', 'action': 'log'}), env=manager.env)
    d.may_say = ['was killed by signal 9', 'has not answered', 'answers again']
    first = d.worker()
    manager.until(f'STATUS=serving: worker {first}, 0 connections open, 0 accepted')
    with d.connect() as s:
        echo(s)
        manager.until(f'STATUS=serving: worker {first}, 1 connections open, 1 accepted')
        d.signal(signal.SIGHUP)   # and read at once: a state that the queue has no room for is skipped
        manager.until(f'STATUS=reloading: worker {first}, 1 connections open')
        second = next(w for w in procfs.children(d.pid) if w != first)
        manager.until(f'STATUS=serving: worker {second}, 0 connections open, 0 accepted; '
                      '1 worker draining, 1 connections open')
    manager.until(f'STATUS=serving: worker {second}, 0 connections open, ', ' accepted')
    os.kill(second, signal.SIGSTOP)
    manager.until(f'STATUS=stuck: worker {second}, ')
    os.kill(second, signal.SIGCONT)
    manager.until(f'STATUS=serving: worker {second}, ')
    os.kill(second, signal.SIGKILL)
    manager.until(f'STATUS=restarting: worker {second} was killed by signal 9 (Killed)')
    manager.until('STATUS=serving: worker ')
    d.signal(signal.SIGTERM)
    manager.until('STATUS=stopping')


# ---- The log -------------------------------------------------------------------------------------

def test_a_terminal_that_nobody_reads_holds_up_neither_pollers_nor_supervisor(goevd, plugins, tmp_path):
    ours, theirs = os.openpty()
    control = str(tmp_path / 'control')
    d = goevd(config(listener('web', 'talking', f'unix:{tmp_path}/web'), plugin_dir=str(plugins),
                     log={'repeats': {'max': 0}}, control={'socket': control}),
              wrap=['sh', '-c', f'exec "$@" 2>{os.ttyname(theirs)}', 'sh'], ready=False)
    os.close(theirs)
    eventually(lambda: os.path.exists(control), 'it does not start')
    d.listeners = {'web': {'address': f'unix:{tmp_path}/web'}}
    talk(d, 'count 9000')   # each line in another callback, in the poller
    assert 0 < d.metrics()['goevd_log_lines_dropped_total'] < 9000
    for _ in range(300):   # lines of the supervisor
        d.signal(signal.SIGUSR1)
    worker = d.worker()
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: daemon.status(control)[0]['restarts'] == 1 and daemon.status(control)[1].get('serving'),
               'it is not replaced')
    talk(d, 'say on we go')
    read = b''
    while b'talking: on we go' not in read or b'was killed by signal 9' not in read:
        assert select.select([ours], [], [], PATIENCE_S)[0], read
        read += os.read(ours, 65536)
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    os.close(ours)


# ---- Workers -------------------------------------------------------------------------------------

PROTO_LOAD, PROTO_RECALL = 13, 14


def channel(worker):
    """The worker's end of its socketpair, as a compromised worker would use it."""
    words = open(f'/proc/{worker}/cmdline', encoding='utf-8').read().split('\0')
    number = next(int(w.split('=')[1]) for w in words if w.startswith('--worker='))
    pidfd = os.pidfd_open(worker)
    fd = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, number, 0)   # pidfd_getfd(2)
    os.close(pidfd)
    if fd < 0:
        pytest.skip('no pidfd_getfd(2) here')
    return socket.socket(fileno=fd)


def lingering():
    """A TCP socket whose close(2) waits for a peer that reads nothing; and that peer."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 60))
    s.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            s.send(b'x' * 65536)
    return s, peer


@pytest.mark.parametrize('read', [True, False])
def test_descriptors_of_a_worker_hold_nobody_up(goevd, tmp_path, read):
    control = str(tmp_path / 'control')
    d = goevd(config(control={'socket': control}))
    worker = d.worker()
    d.may_say = ['descriptors without a request; killing it', 'was killed by signal 9']
    with channel(worker) as ours:
        s, peer = lingering()
        os.kill(d.pid, signal.SIGSTOP)   # so that it is the last to close them
        socket.send_fds(ours, [struct.pack('II16x', PROTO_LOAD, 16)] * 2, [s.fileno()] * 8)
        s.close()
    if not read:   # they end with the channel
        os.kill(worker, signal.SIGKILL)
    os.kill(d.pid, signal.SIGCONT)
    eventually(lambda: daemon.status(control)[0]['restarts'] == 1 and daemon.status(control)[1].get('serving'),
               'it is not replaced')
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    peer.close()


def test_a_worker_that_asks_and_does_not_read_holds_nobody_up(goevd, tmp_path):
    control = str(tmp_path / 'control')
    d = goevd(config(control={'socket': control}, hang={'timeout': 0}))
    worker = d.worker()
    d.may_say = ['does not read what it has asked for', 'was killed by signal 9']
    with channel(worker) as ours:
        os.kill(worker, signal.SIGSTOP)
        for _ in range(4000):
            try:
                ours.send(struct.pack('II', PROTO_RECALL, 0))
            except ConnectionError:
                break
    assert b'serving' in said(control, 'status')
    os.kill(worker, signal.SIGKILL)
    d.log.wait(SERVING, 2)


# ---- Limits --------------------------------------------------------------------------------------

def test_waiting_clients_leave_the_control_socket_to_others(goevd, tmp_path):
    control = str(tmp_path / 'control')
    log = tmp_path / 'log'
    d = goevd(config(control={'socket': control}, log={'target': str(log)}, hang={'timeout': 0}), ready=False)
    eventually(lambda: listens(control), 'it does not start')
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for s in waiting:
        s.connect(control)
        s.sendall(b'reopen\n')
    assert b'serving' in said(control, 'status')
    assert [s.recv(100).startswith(b'error 12 clients wait') for s in waiting[12:]] == [True] * 8
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(control)
        s.sendall(b'stop\n')
        eventually(lambda: not os.path.exists(control), 'it does not stop')
        os.kill(worker, signal.SIGCONT)
        assert s.recv(100) == b'ok 8\nstopped\n'
    assert d.wait() == 0


def test_the_supervisor_may_hold_as_many_files_as_it_may(goevd):
    listeners = [listener(f'l{i}', 'echo') for i in range(6)]
    d = goevd(config(*listeners, reactors=[{'name': 'main', 'pollers': '8', 'cpus': 'none'}]),
              wrap=['sh', '-c', 'ulimit -Sn 40; exec "$@"', 'sh'])
    with d.connect('l5') as s:
        s.sendall(b'x')
        assert s.recv(1) == b'x'
