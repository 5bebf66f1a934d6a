"""Run goevd as a user does, and read its output and its state."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import procfs

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('GOEVD_BUILD', ROOT / 'build' / 'release')).resolve()
BINARY = BUILD / 'goevd'
EXAMPLES = BUILD / 'examples'    # the plugins of the demonstration


def sanitizer():
    """'asan', 'tsan' or '' the sanitizer that the binary was built with."""
    if not BINARY.exists():
        return ''
    data = BINARY.read_bytes()
    return 'tsan' if b'__tsan_init' in data else 'asan' if b'__asan_init' in data else ''


SANITIZER = sanitizer()
SLOWNESS = 4 if SANITIZER else 1
PATIENCE_S = 60   # after this long, an awaited event will not come any more

LISTENER = re.compile(r'listener (?P<name>\S+): (?P<address>\S+), plugin (?P<plugin>\S+), '
                      r'(?P<mode>\w+), (?P<sockets>\d+) sockets?, reactor (?P<reactor>\S+)$')
CONFIG_FAULT = 78   # exit status of a start that the configuration prevents

SERVING = r'goevd \S+ is serving .*\(pid \d+\)'   # the last line of a start

HELLO = {'http': {'routes': [
    {'path': '/', 'respond': {'body': 'Hello, World!'}},
    {'path': '/long', 'respond': {'body': 'x' * 100000}},
]}}


def listener(name='web', handler=None, address='127.0.0.1:0', **more):
    """One listener of a configuration."""
    return {'name': name, 'address': address, 'handler': handler or HELLO, **more}


def config(*listeners, **more):
    """A configuration; YAML reads JSON."""
    return {**more, 'listeners': list(listeners) or [listener()]}


def command(*args):
    """The command line of goevd, as this build needs it."""
    argv = [str(BINARY), *map(str, args)]
    bits = pathlib.Path('/proc/sys/vm/mmap_rnd_bits')
    if SANITIZER == 'tsan' and bits.exists() and int(bits.read_text()) > 28:
        argv = ['setarch', '-R', *argv]   # older runtimes get lost in a more random layout
    return argv


def environment(folder, more=None):
    """The environment of goevd; a sanitizer's report goes to folder."""
    env = {**os.environ, **(more or {})}
    for name in ('ASAN', 'UBSAN', 'TSAN', 'LSAN'):
        given = env.get(f'{name}_OPTIONS', 'halt_on_error=1')
        env[f'{name}_OPTIONS'] = f'{given}:log_path={folder}/sanitizer'
    if 'JOURNAL_STREAM' not in (more or {}):
        env.pop('JOURNAL_STREAM', None)
    return env


def findings(folder):
    """The reports of sanitizers."""
    return '\n'.join(p.read_text() for p in sorted(folder.glob('sanitizer*')))


def write_config(folder, content, name='goevd.yaml'):
    """The file, from text or from what config() makes."""
    path = folder / name
    text = isinstance(content, str)
    path.write_text(content if text else json.dumps(content, indent=1, ensure_ascii=False))
    return path


def run(folder, *args, **more):
    """goevd from start to end: exit status, stdout, stderr.

    A process that ends by itself may leave its memory to the kernel, and looking for it takes long.
    """
    env = environment(folder, more.pop('env', None))
    env['ASAN_OPTIONS'] += ':detect_leaks=0'
    done = subprocess.run(command(*args), env=env, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=PATIENCE_S, check=False, **more)
    assert not findings(folder), findings(folder)
    return done


def listens(path):
    """Whether a process listens; the file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


def content(reply):
    """Of a reply of the control socket, whole or in parts, each behind its length."""
    head = reply.readline()
    if head.startswith(b'ok '):
        return reply.read(int(head[3:]))
    assert head == b'parts\n', head + reply.read()
    found = b''
    while length := int(reply.readline()):
        found += reply.read(length)
    return found


def said(control, *command):
    """The reply to a command at a control socket.

    Tests ask often, and a goevd ctl each time would take most of the time of a sanitizer's build.
    """
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(control))   # without a time-out: with one it would not wait for the backlog
        s.settimeout(PATIENCE_S)
        s.sendall(' '.join(command).encode() + b'\n')
        with s.makefile('rb') as reply:
            return content(reply)


CONNECTION = ('id', 'listener', 'plugin', 'peer', 'local', 'age_ms', 'idle_ms', 'bytes_in',
              'bytes_out', 'queued_bytes', 'state')
AMOUNTS = ('age_ms', 'idle_ms', 'bytes_in', 'bytes_out', 'queued_bytes')


def records(control, *command):
    """The same where records are answered: the fields of each, as goevd ctl gets them."""
    return [line.split('\t') for line in said(control, *command).decode().splitlines()]


def status(control):
    """The facts that goevd ctl status prints, and the workers by the state that each is in."""
    facts, workers = {}, {}
    for kind, *fields in records(control, 'status'):
        if kind == 'worker':
            workers.setdefault(fields[1], []).append(int(fields[0]))
        else:
            facts[fields[0]] = int(fields[1]) if kind == 'number' else fields[-1]
    return facts, workers


def totals(stats):
    """Values by name, as in goevd_connections_closed_total{reason=idle}; of histograms how many.

    Series that differ by their place in the configuration alone are added up.
    """
    found = {}
    for family in stats['metrics']:
        for series in family['series']:
            labels = [f'{k}={v}' for k, v in series['labels'].items()
                      if k not in ('listener', 'handler')]
            name = family['name'] + (f'{{{",".join(labels)}}}' if labels else '')
            value = series['value'] if 'value' in series else series['count']
            found[name] = found.get(name, 0) + value
    return found


def shares(stats, name):
    """The value of a metric with one series, for each poller."""
    return next(f for f in stats['metrics'] if f['name'] == name)['series'][0]['pollers']


class Log:
    """The lines of goevd's stderr, as they arrive."""

    def __init__(self, stream):
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.stream = stream
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        """The thread: until every writer has gone."""
        for line in self.stream:
            with self.changed:
                self.lines.append(line.rstrip('\n'))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def text(self):
        """All so far."""
        with self.changed:
            return '\n'.join(self.lines)

    def find(self, pattern, start=0):
        """The matches in the lines so far."""
        with self.changed:
            found = (re.search(pattern, line) for line in self.lines[start:])
            return [m for m in found if m]

    def wait(self, pattern, count=1, start=0):
        """Until so many lines match; the matches."""
        def there():
            found.extend(self.find(pattern, start)[len(found):])
            return len(found) >= count or self.ended
        found = []
        with self.changed:
            self.changed.wait_for(there, PATIENCE_S)
        assert len(found) >= count, f'not {count} x {pattern!r} in:\n{self.text()}'
        return found


class Daemon:
    """goevd serving in the background."""

    def __init__(self, folder, content, *args, env=None, wrap=(), **more):
        self.folder = folder
        self.config = write_config(folder, content)
        self.count = len(content['listeners']) if isinstance(content, dict) else 1
        self.control = isinstance(content, dict) and content.get('control', {}).get('socket')
        self.sockets = []
        self.status = 0          # the expected exit status
        self.may_say = []        # errors and warnings that are expected
        self.single = '--single' in args
        self.process = subprocess.Popen(
            [*wrap, *command('-c', self.config, *args)], env=environment(folder, env), text=True,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, errors='replace', **more)
        self.pid = self.process.pid
        self.log = Log(self.process.stderr)

    def ready(self, start=0, control=True):
        """Until the lines of the start and the control socket are there."""
        self.listeners = {m['name']: m for m in self.log.wait(LISTENER, self.count, start)}
        self.log.wait(SERVING, start=start)
        if control and self.control:
            eventually(lambda: listens(self.control), 'no control socket')
        return self

    def address(self, name='web'):
        """Where a listener listens, for connect()."""
        text = self.listeners[name]['address']
        if text.startswith('unix:@'):
            return socket.AF_UNIX, '\0' + text[6:]
        if text.startswith('unix:'):
            return socket.AF_UNIX, text[5:]
        host, port = text.rsplit(':', 1)
        if host.startswith('['):
            return socket.AF_INET6, (host[1:-1], int(port))
        return socket.AF_INET, (host, int(port))

    def port(self, name='web'):
        """The port that the kernel chose."""
        return self.address(name)[1][1]

    def connect(self, name='web', **options):
        """A client, closed before the daemon is stopped."""
        family, address = self.address(name)
        s = socket.socket(family)
        self.sockets.append(s)
        s.settimeout(PATIENCE_S)
        if 'receive_buffer' in options:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options['receive_buffer'])
        s.connect(address)
        return s

    def ctl(self, *command):
        """goevd ctl from start to end: exit status, stdout, stderr."""
        return run(self.folder, 'ctl', '-s', self.control, *command)

    def told(self, *command):
        """The output of goevd ctl about all workers, from its JSON."""
        return json.loads(self.ctl('--json', *command).stdout)

    def connections(self, *more):
        """The connections of the worker that serves, as goevd ctl connections --json has them."""
        found = []
        for fields in records(self.control, 'connections', *more):
            row = dict(zip(CONNECTION, fields[1:]))
            found.append({key: int(value) if key in AMOUNTS else json.loads(f'"{value}"') or None
                          for key, value in row.items()})
        return found

    def metrics(self):
        """The totals of goevd ctl stats: see totals()."""
        return totals(self.told('stats'))

    def rests(self):
        """Whether its pollers sleep, but for a few timers. A spinning poller wakes up all the time.

        Its CPU time would prove less: a halted machine may charge its time to any process.
        """
        before = self.metrics()['goevd_poller_wakeups_total']
        time.sleep(0.1)
        return self.metrics()['goevd_poller_wakeups_total'] - before < 50

    def worker(self):
        """The process that serves."""
        if self.single:
            return self.pid
        children = procfs.children(self.pid)
        assert len(children) == 1, f'{children} in:\n{self.log.text()}'
        return children[0]

    def signal(self, number):
        """To the supervisor."""
        self.process.send_signal(number)

    def wait(self):
        """Until it has ended; its exit status."""
        status = self.process.wait(PATIENCE_S)
        with self.log.changed:
            self.log.changed.wait_for(lambda: self.log.ended, PATIENCE_S)
        return status

    def finish(self):
        """Stop it, and look at how it took that."""
        for s in self.sockets:
            s.close()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.abandon()
            raise AssertionError('it does not stop; it said:\n' + self.log.text()) from None
        assert not findings(self.folder), findings(self.folder)
        assert status == self.status, f'exit status {status}; it said:\n{self.log.text()}'
        bad = [line for line in self.log.lines if re.search(r'^\S+ (error|warning) ', line)
               and not any(re.search(known, line) for known in self.may_say)]
        assert not bad, bad

    def abandon(self):
        """The rest of it is of no use."""
        for pid in procfs.children(self.pid) + [self.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def listens(path):
    """Whether a connection to a unix socket is accepted: its file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def eventually(condition, what):
    """For conditions without an event: ask again until it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return value
