"""A user of an empty Debian types README's commands, and begins plugins beside the source tree."""
import re
import subprocess
import time

import pytest

from conftest import AUTHOR_PACKAGES, MAKE, TREE
from debian import WAIT_S
from snippets import normal, snippets

pytestmark = pytest.mark.xdist_group('readme')

CIRCLES = ['./dev test', './dev bench']   # to type them in a test would be one
KINDS = ['stream', 'http', 'websocket']
GOEVD = TREE / 'build' / 'release' / 'goevd'


@pytest.fixture(scope='module')
def reader(root, debs, tree):
    """An empty Debian with the source tree; the build of one test is reused by the next."""
    return root('readme', debs, tree)


class Reading:
    """Types snippets, one after another."""

    def __init__(self, root):
        self.root = root
        self.serving = None
        self.log = (root.up / 'serve.log').open('w')

    def serve(self):
        """./dev serve, until it answers."""
        self.serving = subprocess.Popen(self.root.command('./dev', 'serve', cwd=TREE), text=True,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + WAIT_S
        while not self.answers():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def said(self):
        """What ./dev serve has printed."""
        return (self.root.up / 'serve.log').read_text()

    def answers(self):
        """Whether a client gets something."""
        assert self.serving.poll() is None, self.said()
        return subprocess.run(self.root.outside('curl', '-s', '-o', '/dev/null', 'http://127.0.0.1:8080/'),
                              check=False).returncode == 0

    def command(self, line, printed):
        """A line of a console; its output. Clients are this machine's programs."""
        words = line.split()
        if words[0] == 'cat' and not self.root.file(TREE / words[1]).exists():
            self.root.write(TREE / words[1], printed)
            return printed
        if words[0] == 'curl':
            return subprocess.run(self.root.outside('curl', '-sS', *words[1:]), check=False, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        return self.root.run('bash', '-c', f'PATH="$PATH:{GOEVD.parent}"; {line}; true', cwd=TREE)

    def console(self, text):
        """Commands, and their output."""
        _, *parts = re.split(r'^\$ (.*)\n', text, flags=re.M)
        for line, printed in zip(parts[::2], parts[1::2]):
            assert normal(self.command(line, printed)) == normal(printed), f'$ {line}'

    def sh(self, line):
        """A command that is run for its effect."""
        if line == './dev serve':
            self.serve()
        else:
            assert line in CIRCLES, f'nothing types {line}'

    def stop(self):
        """As Ctrl-C does."""
        self.root.run('bash', '-c', 'kill -INT $(pidof goevd)')
        assert self.serving.wait(60) == 0, self.said()


def test_readme(reader):
    reading = Reading(reader)
    # The commands that build packages run in a separate root: `packages` in conftest.py.
    found = [s for s in snippets('README.md') if s.kind in ('console', 'sh')
             and not s.text.startswith(f'{MAKE}\n')]
    assert found
    for snippet in found:
        for line in snippet.text.splitlines() if snippet.kind == 'sh' else []:
            reading.sh(line)
        if snippet.kind == 'console':
            reading.console(snippet.text)
    reading.stop()
    dev = [line for line in reading.said().splitlines() if line.startswith('dev: ')]
    assert len(dev) == 1 and dev[0].startswith('dev: installing '), dev
    built = reader.up / str(GOEVD.parent).lstrip('/')
    assert not (built / 'tests').exists() and not (built / 'bench').exists()


@pytest.mark.parametrize('kind', KINDS)
def test_a_plugin_beside_the_source_tree(reader, kind):
    reader.install(*AUTHOR_PACKAGES)
    reader.run(GOEVD, 'plugin', 'new', f'my_{kind}', '--kind', kind, cwd='/root')
    said = reader.run('make', 'test', cwd=f'/root/my_{kind}')
    assert said.count(': ok\n') == 4, said


def test_a_plugin_beside_the_source_tree_under_meson(reader):
    reader.run(GOEVD, 'plugin', 'new', 'measured', cwd='/root')
    reader.run('meson', 'setup', 'build', cwd='/root/measured')
    said = reader.run('meson', 'test', '-C', 'build', cwd='/root/measured')
    assert re.search(r'^Ok: +1 *$', said, re.M), said
