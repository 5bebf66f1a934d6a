"""The supervisor waits for nobody: whoever does not read, or holds a call up, does not stop it."""
import array
import os
import signal
import socket

import pytest

from daemon import PATIENCE_S, SERVING, config, listener, write_config
from wire import get


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

    def until(self, beginning):
        """Read until a message begins so."""
        while not self.read().startswith(beginning):
            pass

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
    manager.until('STATUS=serving')
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
