"""The recipes for gdb and valgrind in goevd-plugin(7), with a plugin of that page."""
import os
import re
import signal
import socket
import subprocess

import pytest

import daemon
import procfs
from snippets import snippets
from test_docs_snippets import Reading
from wire import Reader

PAGE = 'man/goevd-plugin.7.scd'
LISTENS = r'listener hello: 127\.0\.0\.1:(\d+), '
ANSWER = '    return goevd_conn_write_frame(c, answer, (size_t)n);'
FAULTY = ('    char *copy = memcpy(malloc((size_t)n), answer, (size_t)n); '
          'return copy[n] == 10 ? -1 : goevd_conn_write_frame(c, copy, (size_t)n);')

# One sanitizer looks at a time.
pytestmark = [pytest.mark.heavy, pytest.mark.unsanitized]


def recipes():
    """The commands: the compiler; gdb with its commands; valgrind."""
    blocks = [s.text.rstrip().split('\n') for s in snippets(PAGE) if s.kind == 'debug']
    assert [b[0].split()[1] for b in blocks] == ['cc', 'gdb', 'valgrind']
    return [line.removeprefix('$ ').removeprefix('(gdb) ') for b in blocks for line in b]


class Session:
    """A recipe in one shell, and a client in another."""

    def __init__(self, reading, line):
        self.process = subprocess.Popen(
            ['bash', '-c', f'exec {line}'], cwd=reading.cwd, env=reading.env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.log = daemon.Log(self.process.stdout)

    def ask(self, said=LISTENS):
        """A client that has sent its name."""
        port = int(self.log.wait(said)[0][1])
        s = socket.create_connection(('127.0.0.1', port), daemon.PATIENCE_S)
        s.sendall(b'World\n')
        return s

    def type(self, line):
        """A command for gdb."""
        self.process.stdin.write(f'{line}\n')
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        if self.process.poll() is None:
            for pid in procfs.children(self.process.pid) + [self.process.pid]:
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()


@pytest.fixture
def reading(goevd, tmp_path):
    """Somebody in a folder with hello.c and what serves it."""
    r = Reading(tmp_path, goevd)
    (tmp_path / 'bin' / 'goevd').unlink()   # neither looks through a script
    (tmp_path / 'bin' / 'goevd').symlink_to(daemon.BINARY)
    for snippet in snippets(PAGE):
        if snippet.kind == 'c' and snippet.names == ['hello.c']:
            r.read(snippet)
        found = re.search(r'^\$ cat hello\.yaml\n((?:(?!\$).*\n)*)', snippet.text, re.M)
        if found:
            (r.cwd / 'hello.yaml').write_text(found[1].replace(':8007', ':0'))
    return r


def test_gdb_shows_how_a_plugin_was_called(reading):
    compile_it, gdb, *typed = recipes()[:-1]
    assert reading.run(compile_it) == ''
    with Session(reading, gdb) as session:
        with session.ask() as client:
            session.log.wait(r'Breakpoint 1, hello_line \(c=0x')
            for line in typed:
                session.type(line)
            assert Reader(client).until(b'\n') == b'Good morning, World!\n'
        session.log.wait(r'#0 +hello_line \(c=0x')
        session.log.wait(r' at hello\.c:\d+$')
        session.log.wait(r' at .*/src/net/conn/conn_frame\.c:\d+$')
        session.log.wait(r'\$1 = 0x\w+ "World')
        goevd = procfs.children(session.process.pid)[0]
        os.kill(goevd, signal.SIGTRAP)
        session.log.wait('received signal SIGTRAP')
        session.type('continue')
        os.kill(goevd, signal.SIGTERM)
        session.log.wait(r'\[Inferior 1 \(process \d+\) exited normally\]')
        session.type('quit')
        assert session.process.wait(daemon.PATIENCE_S) == 0


def valgrind_report(reading):
    """The output for one client, and the status of goevd."""
    compile_it, *_, valgrind = recipes()
    assert reading.run(compile_it) == ''
    # Without -q goevd prints its port; valgrind's lines begin with its pid.
    with Session(reading, valgrind.replace(' --single -q ', ' --single ')) as session:
        with session.ask() as client:
            assert Reader(client).until(b'\n') == b'Good morning, World!\n'
        session.process.send_signal(signal.SIGTERM)
        status = session.process.wait(daemon.PATIENCE_S)
        with session.log.changed:
            session.log.changed.wait_for(lambda: session.log.ended, daemon.PATIENCE_S)
        return status, '\n'.join(m[1] for m in session.log.find(r'^==\d+== ?(.*)'))


def test_valgrind_has_nothing_to_say_of_goevd(reading):
    assert valgrind_report(reading) == (0, '')


def test_valgrind_names_the_line_that_is_wrong(reading):
    source = reading.cwd / 'hello.c'
    text = source.read_text()
    assert text.count(ANSWER) == 1
    source.write_text('#include <stdlib.h>\n' + text.replace(ANSWER, FAULTY))
    line = source.read_text().split('\n').index(FAULTY) + 1
    status, report = valgrind_report(reading)
    assert status == 0
    here = rf'0x\w+: hello_line \(hello\.c:{line}\)$'
    assert re.search(rf'^Invalid read of size 1\n +at {here}', report, re.M), report
    assert re.search(rf'^20 bytes in 1 blocks are definitely lost .*\n.*: malloc .*\n +by {here}',
                     report, re.M), report
