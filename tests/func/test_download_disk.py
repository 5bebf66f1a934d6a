"""Files on a slow disk: only the clients that requested them wait."""
import contextlib
import os
import signal
import subprocess

import pytest

from daemon import BUILD, PATIENCE_S, config, eventually, listener
from wire import Reader, request

SLOWFS = BUILD / 'tests' / 'fuse' / 'slowfs'
SIZE = 3_000_000
SLOW = bytearray(SIZE)   # byte i is i / 8 where i is even, else i / 2048
SLOW[::2] = (bytes(i // 8 for i in range(0, 2048, 2)) * (SIZE // 2048 + 1))[:SIZE // 2]
SLOW[1::2] = b''.join(bytes([n & 255]) * 1024 for n in range(SIZE // 2048 + 1))[:SIZE // 2]

pytestmark = [
    pytest.mark.skipif(not SLOWFS.exists(), reason='built without libfuse3-dev'),
    pytest.mark.skipif(not os.access('/dev/fuse', os.R_OK | os.W_OK), reason='no /dev/fuse'),
]


class Held:
    """A directory with the file "slow", whose bytes come when let_go() was called."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.process = subprocess.Popen([SLOWFS, folder, str(SIZE), *options], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != 'mounted\n':
            self.finish()
            pytest.skip('FUSE cannot be mounted here')

    def wait(self):
        """Until a read waits for them."""
        assert self.process.stdout.readline() == 'held\n'

    def let_go(self):
        """All of them, at once and for good."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write('\n')
            self.process.stdin.flush()

    def finish(self):
        """Unmount."""
        self.let_go()
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE_S)


class Server:
    """echo and download on the one poller of a goevd."""

    def __init__(self, goevd, folder, control):
        self.goevd = goevd(config(
            listener('files', {'http': {'routes': [
                {'path': '/f/*', 'handler': {'download': {'root': str(folder)}}}]}}),
            listener('echo', 'echo'),
            reactors=[{'name': 'main', 'pollers': '1'}], control={'socket': str(control)}))

    def ask(self, **headers):
        """The socket on which the file was asked for."""
        s = self.goevd.connect('files')
        s.sendall(request('/f/slow', **headers))
        return s

    def answers(self):
        """Whether the poller turns."""
        with self.goevd.connect('echo') as s:
            s.sendall(b'are you there?')
            return Reader(s).exactly(14) == b'are you there?'

    def metric(self, name):
        """Its total now."""
        return self.goevd.metrics()[name]

    def states(self):
        """Of the connections that ask for files."""
        return [c['state'] for c in self.goevd.connections('--listener', 'files')]


@pytest.fixture(params=[[], ['direct']], ids=['cached', 'direct'])
def held(request, tmp_path):
    """A Held; also one of whose file the kernel keeps nothing."""
    folder = tmp_path / 'held'
    folder.mkdir()
    h = Held(folder, *request.param)
    yield h
    h.finish()


@pytest.fixture
def server(goevd, held, tmp_path):
    """A Server of its directory. It stops before the directory goes."""
    return Server(goevd, held.folder, tmp_path / 'control.sock')


def test_others_are_served_while_a_read_is_held_back(server, held):
    s = server.ask()
    held.wait()
    assert server.answers()
    assert server.states() == ['disk']
    assert server.metric('goevd_disk_reads_total') == 1 and server.metric('goevd_disk_read_bytes_total') == 0
    held.let_go()
    assert Reader(s).response()[2] == SLOW
    assert server.metric('goevd_disk_read_bytes_total') == SIZE
    s.close()


def test_small_parts_are_waited_for_as_well(server, held):
    s = server.ask(Range='bytes=1000-1999,2000000-2000099')
    held.wait()
    assert server.answers()
    held.let_go()
    body = Reader(s).response()[2]
    assert SLOW[1000:2000] in body and SLOW[2000000:2000100] in body
    s.close()


def test_client_that_goes_away_meanwhile(server, held):
    server.ask().close()
    held.wait()
    eventually(lambda: server.states() == [], 'its connection is still there')
    assert server.answers()
    held.let_go()
    s = server.ask(Range='bytes=7-')
    assert Reader(s).response()[2] == SLOW[7:]
    s.close()


def test_many_downloads_at_once(server, held):
    sockets = [server.ask(Range=f'bytes={i}-') for i in range(20)]
    held.wait()
    assert server.answers()
    held.let_go()
    for i, s in enumerate(sockets):
        assert Reader(s).response()[2] == SLOW[i:]
        s.close()
