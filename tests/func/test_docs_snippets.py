"""The snippets of the documents are true: each is checked, built or run, and compared."""
import os
import re
import shutil
import signal
import subprocess

import pytest

import daemon
from daemon import PATIENCE_S, ROOT
from snippets import normal, snippets
from wire import Reader

pytestmark = pytest.mark.heavy

PAGES = sorted(f'man/{path.name}' for path in (ROOT / 'man').glob('*.scd')
               if '\n```\n' in path.read_text())
DOCUMENTS = ['README.md', 'examples/README.md', *PAGES]


class Reading:
    """A reader that types the snippets of a document."""

    def __init__(self, folder, start):
        self.folder = self.cwd = folder / 'cwd'
        self.cwd.mkdir()
        self.start = start
        self.ports = {}        # as written -> as it is
        self.daemons = []
        tools = folder / 'bin'
        tools.mkdir()
        argv = ' '.join(daemon.command())
        (tools / 'goevd').write_text(f'#!/bin/sh\nexec {argv} "$@"\n')
        (tools / 'goevd').chmod(0o755)
        (folder / '.curlrc').write_text('silent\nshow-error\n')
        self.env = daemon.environment(folder, {
            'PATH': f'{tools}:{os.environ["PATH"]}', 'CURL_HOME': str(folder),
            'CPATH': str(ROOT / 'include'), 'LC_ALL': 'C.UTF-8'})

    def renumber(self, text, ports):
        """Text with other ports."""
        for old, new in ports.items():
            text = re.sub(rf'(?<=[: ]){old}\b', str(new), text)
        return text

    def run(self, line):
        """The output of a command."""
        line = self.renumber(line, self.ports)
        done = subprocess.run(['bash', '-c', line], cwd=self.cwd, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False)
        return self.renumber(done.stdout, {new: old for old, new in self.ports.items()})

    def serve(self, path, *args):
        """Start a daemon with this configuration."""
        text = path.read_text()
        written = re.findall(r'^ *-? *address: *"?127\.0\.0\.1:(\d+)', text, re.M)
        text = re.sub(r'(address: *"?127\.0\.0\.1):\d+', r'\1:0', text)
        text = re.sub(r'\b((?:plugin_dir|root|users|certificate|key|ca): (?=[.\w])|target: (?=\w+\.log\b))',
                      rf'\1{path.parent}/', text)
        for d in self.daemons:
            if d.process.poll() is None:
                self.stop(d)
        d = self.start(text, *args, ready=False)
        d.count = len(written)
        d.ready()
        self.ports = {port: d.port(name) for port, name in zip(written, d.listeners)}
        self.daemons.append(d)
        return '\n'.join(self.renumber(line, {v: k for k, v in self.ports.items()})
                         for line in d.log.lines)

    def stop(self, d):
        """As `kill` does; its lines about that."""
        said = len(d.log.lines)
        d.signal(signal.SIGTERM)
        assert d.wait() == 0
        return '\n'.join(d.log.lines[said:])

    def command(self, line, expected):
        """One line after `$ `; its output."""
        words = line.split()
        if words[0] == 'cat' and not (self.cwd / words[1]).exists():
            (self.cwd / words[1]).write_text(expected)
            return expected
        if words[0] == 'cd':
            self.cwd = self.cwd / words[1]
            return ''
        if words == ['kill', '%1']:
            return self.stop(self.daemons[-1])
        if words[0] == 'goevd' and words[-1] == '&':
            path = self.cwd / words[words.index('-c') + 1]
            said = self.serve(path)
            return '' if '-q' in words else said
        return self.run(line)

    def console(self, text):
        """Commands, and their output."""
        parts = re.split(r'^\$ (.*)\n', text, flags=re.M)
        assert parts[0] == '' and len(parts) > 2, 'a console begins with $'
        for line, expected in zip(parts[1::2], parts[2::2]):
            assert normal(self.command(line, expected)) == normal(expected), f'$ {line}'

    def sh(self, text):
        """Commands in the source tree; to run them is for tests/fresh."""
        for line in text.strip().split('\n'):
            assert line.startswith(('./dev ', 'apt install ./build/deb/'))
            if line == './dev serve':
                self.serve(ROOT / 'examples/demo/demo.yaml', '--plugin-dir', daemon.EXAMPLES)

    def yaml(self, text):
        """A whole configuration."""
        path = self.cwd / 'snippet.yaml'
        path.write_text(text)
        assert self.run(f'goevd -t -c {path.name}') == f'{path.name}: OK\n'

    def read(self, snippet):
        """Run one snippet."""
        if snippet.kind == 'console':
            self.console(snippet.text)
        elif snippet.kind == 'yaml':
            self.yaml(snippet.text)
        elif snippet.kind == 'sh':
            self.sh(snippet.text)
        elif snippet.kind == 'c':
            with (self.cwd / snippet.names[0]).open('a') as f:
                f.write(snippet.text)


@pytest.fixture
def reading(goevd, tmp_path):
    """A reader in an empty folder, with goevd in PATH."""
    folder = tmp_path / 'reading'
    folder.mkdir()
    yield Reading(folder, goevd)
    assert not daemon.findings(folder), daemon.findings(folder)


def read_all(reading, path):
    """A document from top to bottom."""
    found = snippets(path)
    assert found
    for snippet in found:
        try:
            reading.read(snippet)
        except AssertionError as e:
            raise AssertionError(f'{snippet.where}: {e}') from e
    return found


@pytest.mark.parametrize('path', DOCUMENTS)
def test_snippets_are_true(reading, path):
    if path.startswith('examples/'):
        for name in ('include', 'examples'):
            shutil.copytree(ROOT / name, reading.cwd / name)
    read_all(reading, path)


def test_session_with_the_ticker_is_true(reading):
    found = [s for s in read_all(reading, 'man/goevd-plugin.7.scd') if s.kind == 'session']
    assert [s.names for s in found] == [['ticker']]
    lines = found[0].text.split('\n')[1:-1]
    assert lines == ['slow', 'done', 'tick', 'next', 'World', 'Hello, World!']
    client = reading.daemons[-1].connect('ticker')
    answers = Reader(client)
    typed = b''
    for line in lines:
        if line in ('slow', 'next', 'World'):
            typed += f'{line}\n'.encode()
            continue
        client.sendall(typed)    # `next` and what is for the next one come together
        typed = b''
        while (said := answers.line()) != line:
            assert said == 'tick'


# ---- The examples -------------------------------------------------------------------------------

COMPILERS = {'upper.c': ['cc', '-std=c11'], 'upper.cpp': ['c++', '-std=c++17']}


@pytest.fixture(params=sorted(COMPILERS))
def upper(request, goevd, tmp_path):
    """The example built with its header alone, served with these options."""
    folder = tmp_path / 'upper'
    folder.mkdir()
    include = folder / 'include'
    shutil.copytree(ROOT / 'include', include)
    built = subprocess.run(
        [*COMPILERS[request.param], '-Wall', '-Wextra', '-Werror', '-pedantic', f'-I{include}',
         '-shared', '-fPIC', '-fvisibility=hidden', '-Wl,-z,defs', '-o', str(folder / 'upper.so'),
         str(ROOT / 'examples/upper' / request.param)],
        text=True, capture_output=True, check=False)
    assert (built.returncode, built.stderr) == (0, '')

    def serve(listener=None, **options):
        handler = {'upper': options} if options else 'upper'
        return goevd(daemon.config(daemon.listener(handler=handler, **(listener or {}))),
                     '--plugin-dir', str(folder))
    return serve


def test_upper_answers_lines(upper):
    client = upper().connect()
    answers = Reader(client)
    client.sendall(b'one\ntw')
    assert answers.exactly(4) == b'ONE\n'
    client.sendall(b'o\n\nthr')
    assert answers.exactly(5) == b'TWO\n\n'
    client.sendall(b'ee\n')
    assert answers.exactly(6) == b'THREE\n'


def test_upper_puts_its_prefix_before_each_line(upper):
    client = upper(prefix='> ').connect()
    client.sendall(b'one\ntwo\n')
    assert Reader(client).exactly(12) == b'> ONE\n> TWO\n'


def test_upper_takes_1000_bytes_and_a_line_break(upper):
    client = upper(prefix='>' * 64).connect()
    client.sendall(b'x' * 1000 + b'\n')
    assert Reader(client).exactly(1065) == b'>' * 64 + b'X' * 1000 + b'\n'


def test_upper_closes_at_a_longer_line(upper):
    d = upper()
    for line in (b'x' * 1001 + b'\n', b'x' * 65600):
        client = d.connect()
        client.sendall(b'ok\n' + line)
        assert Reader(client).rest() == b'OK\n'


def test_upper_loses_nothing_where_the_peer_reads_late(upper):
    d = upper({'output_low': 4096, 'output_high': 8192, 'output_max': 16384,
               'send_buffer': 4096}, prefix='>')
    client = d.connect(receive_buffer=4096)
    sent, data = 0, b''.join(f'line {i}\n'.encode() for i in range(1000000))
    client.setblocking(False)
    try:
        while sent < len(data):
            sent += client.send(data[sent:])
    except BlockingIOError:
        pass    # the buffers are full: goevd's output is not read, so it does not read either
    assert 100000 < sent < len(data)
    client.settimeout(PATIENCE_S)
    whole = data[:sent].rfind(b'\n') + 1
    expected = data[:whole].upper().replace(b'LINE', b'>LINE')
    assert Reader(client).exactly(len(expected)) == expected
