"""goevd ctl top, as text and on a terminal, and the rates in goevd ctl status."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pytest

import daemon
from daemon import HELLO, PATIENCE_S, config, eventually, listener
from wire import get

LOAD = 300   # connections


@pytest.fixture
def served(goevd, tmp_path):
    """A goevd with three listeners."""
    measured = {'http': {**HELLO['http'], 'durations': {'routes': True}}}
    return goevd(config(listener('b', measured), listener('c', 'echo'), listener('a', 'echo'),
                        control={'socket': str(tmp_path / 'control.sock')}))


def load(d):
    for _ in range(LOAD):
        s = d.connect('b')
        assert get(s)[0] == 200
        s.close()


def table(text, title):
    """The rows of a table, without its titles."""
    lines = text.split(f'\n{title}\n')[1].split('\n\n')[0].splitlines()
    return [line.split() for line in lines[1:]]


def test_text(served):
    done = served.ctl('top', '-n', '2')
    assert (done.returncode, done.stderr) == (0, '')
    first, second = done.stdout.split('\ngoevd ', 1)
    for text in (first.removeprefix('goevd '), second):
        assert re.match(r'\S+, serving for \S+; rates of the last \S+\n.* open, \S+ accepted/s', text)
        assert [row[0] for row in table(text, 'Listeners')] == ['b', 'c', 'a']
        assert table(text, 'Workers')[0][:2] == [str(served.worker()), 'serving']


def test_rates_are_those_of_the_load_in_text_and_status(served):
    served.ctl('top', '-n', '1')
    time.sleep(1.1)   # a sample is a second old before there is another one
    load(served)
    time.sleep(1.1)
    text = served.ctl('top', '-n', '1').stdout
    rate, = re.findall(r'(\S+) accepted/s', text)
    seconds, = re.findall(r'rates of the last ([\d.]+)s', text)
    assert float(rate) * float(seconds) == pytest.approx(LOAD, rel=0.05)
    assert all(re.fullmatch(r'[\d.]+[mu]?s', cell) for cell in table(text, 'Listeners')[0][-2:])
    assert re.search(r' requests/s, 0 errors/s, p99 [\d.]+[mu]?s', served.ctl('status').stdout)
    assert {row[1]: '-' in row for row in table(text, 'Routes')}['/'] is False
    found = served.told('status')['accepted_per_second']
    assert found == pytest.approx(float(rate), rel=0.05) or found < float(rate)   # a later sample


def test_workers_that_drain_are_shown(served):
    kept = served.connect('c')   # echo keeps it, and the worker
    kept.sendall(b'x')
    assert kept.recv(1) == b'x'
    old = served.worker()
    assert served.ctl('reload').returncode == 0

    def shown():
        text = served.ctl('top', '-n', '1').stdout
        workers = {row[0]: row[1] for row in table(text, 'Workers')}
        return workers.get(str(old)) == 'draining' and text
    text = eventually(shown, 'no worker drains')
    assert ', 1 worker draining; ' in text
    kept.close()


def test_problems_stand_above_the_tables(goevd, tmp_path):
    d = goevd(config(listener(connections_max=10), control={'socket': str(tmp_path / 'control.sock')}))
    kept = [d.connect() for _ in range(9)]
    for s in kept:
        assert get(s)[0] == 200
    lines = d.ctl('top', '-n', '1').stdout.splitlines()
    assert lines[2] == 'warning: listener web: 90% of connections_max (9 of 10)'


@pytest.mark.parametrize('args, said', [
    (['top'], 'goevd: top needs a terminal; print texts with -n COUNT\n'),
    (['top', '-n', '0'], 'goevd: --times takes a number from 1 to 1000000\n'),
    (['top', '-n', 'x'], 'goevd: --times takes a number from 1 to 1000000\n')])
def test_refusals(served, args, said):
    done = served.ctl(*args)
    assert done.returncode == 1 and done.stderr.startswith(said)


# ---- On a terminal -------------------------------------------------------------------------------

class Terminal:
    """A process on a terminal of 80 columns and 24 lines, and the content of its screen."""

    def __init__(self, argv, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**env, 'TERM': 'vt100', 'LINES': '24', 'COLUMNS': '80'})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        self.seen = ''

    def until(self, pattern):
        """Until this has been written. Screens are written in parts, so it is one word."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.seen):
            assert time.monotonic() < deadline, self.seen
            if select.select([self.fd], [], [], 1)[0]:
                self.seen += os.read(self.fd, 65536).decode(errors='replace')

    def press(self, key):
        """A key, and Ctrl-L, so that all of the screen is written; only that counts."""
        self.seen = ''
        os.write(self.fd, key + b'\x0c')

    def wait(self):
        """Its exit status."""
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:   # the terminal has gone with its last process
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_keys(served):
    argv = daemon.command('ctl', '-s', served.control, 'top')
    t = Terminal(argv, daemon.environment(served.folder))
    t.until(r'\[Listeners\]')
    t.until('quit')
    t.press(b'\t')
    t.until(r'\[Routes\]')
    t.press(b'\t')
    t.until(r'\[Workers\]')   # there are no upstreams before them
    t.press(b'\t\t')           # over the jobs, to the listeners
    t.until(r'\[Listeners\]')
    t.press(b'\x1bOC')         # the right arrow
    t.until(r'listener\*(.|\n)*quit')
    rows = re.sub(r'\x1b\[[\d;]*[A-Za-z]', ' ', re.findall(r'listener\*((?:.|\n)*)quit', t.seen)[-1])
    assert re.findall(r'\b[abc]\b', rows)[:3] == ['a', 'b', 'c']
    t.press(b'q')
    assert t.wait() == 0
