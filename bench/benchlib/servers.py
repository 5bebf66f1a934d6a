"""Start and stop the measured servers: goevd, the floor and nginx, each on a port of its own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from . import procfs

BENCH = pathlib.Path(__file__).parent.parent
ROOT = BENCH.parent
BUILD = pathlib.Path(os.environ.get('GOEVD_BUILD', ROOT / 'build' / 'release'))
OUT = ROOT / 'build' / 'bench'
START_S = 30
STOP_S = 15


class ServerError(Exception):
    """A server did not start, or did not stop in order."""


def free_port():
    """A free port."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def answers_http(name, port):
    """GET /plaintext succeeds. OSError: not yet."""
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/plaintext') as answer:
            body = answer.read()
    except urllib.error.HTTPError as e:
        raise ServerError(f'{name} answers {e.code} to GET /plaintext') from e
    if body != b'Hello, World!':
        raise ServerError(f'{name} answers {body[:40]!r} instead of Hello, World!')


def answers_https(name, port):
    """The same over TLS, whatever the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f'https://127.0.0.1:{port}/plaintext', context=context) as answer:
        body = answer.read(13)
    if body != b'Hello, World!':
        raise ServerError(f'{name} answers {body[:40]!r} instead of Hello, World!')


def answers_line(line, expected):
    """A check that a line gets this answer."""
    def check(name, port):
        said = ask(port, line)
        if said != expected:
            raise ServerError(f'{name} answers {said!r} to {line!r}')
    return check


def ask(port, line):
    """The answer to a line."""
    with socket.create_connection(('127.0.0.1', port)) as s, s.makefile('rw') as f:
        f.write(f'{line}\n')
        f.flush()
        return f.readline().rstrip('\r\n')


def upgrades(name, port):
    """A WebSocket handshake succeeds. OSError: not yet."""
    with socket.create_connection(('127.0.0.1', port)) as s, s.makefile('rb') as f:
        s.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n'
                  b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                  b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
        said = f.readline()
    if not said.startswith(b'HTTP/1.1 101 '):
        raise ServerError(f'{name} answers {said!r} to a handshake')


class Server:
    """A running server; stop() it, or use it in a with statement."""

    def __init__(self, name, port, argv, cpus=None, cwd=None, check=answers_http, scheme='http'):
        OUT.mkdir(parents=True, exist_ok=True)
        self.name, self.port, self.scheme = name, port, scheme
        self.traced = str(argv[0]) == 'strace'
        self.log = OUT / f'{name}.log'
        with self.log.open('w') as log:
            self.process = subprocess.Popen(
                [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd,
                preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)
        self.pid = self.process.pid
        try:
            self.wait_until_it_answers(check)
            self.check_session()
        except ServerError:
            self.stop()
            raise

    def wait_until_it_answers(self, check):
        """Until the check succeeds."""
        deadline = time.monotonic() + START_S
        while True:
            if self.process.poll() is not None:
                raise ServerError(f'{self.name} ended with {self.process.returncode}; it said:\n'
                                  + self.log.read_text())
            try:
                check(self.name, self.port)
                return
            except OSError as e:
                if time.monotonic() > deadline:
                    raise ServerError(f'{self.name} does not answer after {START_S} s: {e}; '
                                      f'it said:\n{self.log.read_text()}') from e
                time.sleep(0.02)

    def check_session(self):
        """The scheduler shares the CPUs among sessions: all must be in one to be compared."""
        for pid in procfs.family(self.pid):
            if procfs.autogroup(pid) != procfs.autogroup('self'):
                raise ServerError(f'{self.name}: process {pid} is in another session than the '
                                  'load; the scheduler would not treat them alike')

    def stop(self):
        """SIGTERM, and SIGKILL if that does not end it."""
        if self.process.poll() is not None:
            return
        # strace would leave the program alone, and ends when that does.
        os.kill(procfs.family(self.pid)[1 if self.traced else 0], signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            print(f'{self.name} did not end within {STOP_S} s of SIGTERM and was killed')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def filled(template, name, **words):
    """A config made from bench/conf/TEMPLATE; its path."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / name
    path.write_text((BENCH / 'conf' / template).read_text().format(**words))
    return path


def floor(threads, cpus, wrapper=()):
    """bench/floor.c; cpus: pinned there and steered; None: neither."""
    port = free_port()
    argv = [*wrapper, BUILD / 'bench' / 'floor', '--port', port, '--threads', threads]
    if cpus:
        argv += ['--pin', ','.join(map(str, cpus))] + (['--steer'] if threads > 1 else [])
    return Server('floor', port, argv, cpus)


# The kinds of replies, as in a route of goevd's configuration.
RESPOND = 'respond: {headers: {Content-Type: text/plain}, body: "Hello, World!"}'
POSTED = f'methods: [GET, POST]\n            {RESPOND}'
HANDLER = 'handler: hello'


def plugin_dir():
    """A folder with goevd's plugins and those that are only measured."""
    folder = OUT / 'plugins'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for plugin in (*(BUILD / 'plugins').glob('*.so'), *(BUILD / 'examples').glob('*.so'),
                   BUILD / 'bench' / 'hello.so'):
        (folder / plugin.name).symlink_to(plugin)
    return folder


def goevd_argv(conf):
    """The command line of goevd from the build."""
    return [BUILD / 'goevd', '-c', conf, '--plugin-dir', plugin_dir(), '-q']


def fresh(name):
    """The path of a log that is empty."""
    path = OUT / name
    path.unlink(missing_ok=True)
    return path


def goevd(pollers, cpus, wrapper=(), flags=(), answer=RESPOND, logged=False, files=None, more=''):
    """goevd from the build; cpus as for floor(); logged: with its access log, of JSON; files: with
    these options of download at /files/*; more: further options of http."""
    port = free_port()
    if files:
        answer += f'\n          - {{path: /files/*, handler: {{download: {json.dumps(files)}}}}}'
    log = f'access_log: {{target: {fresh("goevd-access.log")}, format: json}}' if logged else ''
    conf = filled('goevd.yaml.in', 'goevd.yaml', port=port, pollers=pollers, answer=answer, log=log,
                  more=more, cpus=list(cpus) if cpus else 'none')
    return Server('goevd', port, [*wrapper, *goevd_argv(conf), *flags], cpus)


def goevd_lines(template, check, wrapper=(), flags=(), **words):
    """goevd with another configuration, in which {port} is where it answers the check."""
    port = free_port()
    conf = filled(template, template.removesuffix('.in'), port=port, **words)
    return Server('goevd', port, [*wrapper, *goevd_argv(conf), *flags], check=check)


def redis():
    """Debian's redis-server, which writes nothing to disk."""
    port = free_port()
    binary = shutil.which('redis-server')
    if not binary:
        raise ServerError('redis-server is not installed (apt-get install redis-server)')
    argv = [binary, '--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no',
            '--dir', OUT]
    return Server('redis', port, argv, check=answers_line('PING', '+PONG'))


# Access logs of nginx: none; its default; its cheapest.
NGINX_OFF, NGINX_LOG, NGINX_LOG_BUFFERED = 'off', '{} json', '{} json buffer=64k flush=100ms'


# With the options of nginx for files.
NGINX_FILES = """location /files/ {{
            alias {root}/;
            sendfile on;
            tcp_nopush {nopush};
            open_file_cache max=1000;
        }}"""


def nginx(workers, cpus, log=NGINX_OFF, root=None, nopush=False):
    """Debian's nginx; cpus: a worker tied to each, and a socket for each; None: as it comes; root:
    with the files of this directory at /files/; nopush: in full packets (TCP_CORK)."""
    port = free_port()
    best = (cpus and workers > 1) or log == NGINX_LOG_BUFFERED
    name = 'nginx-nopush' if nopush else 'nginx-best' if best else 'nginx'
    masks = ' '.join(format(1 << cpu, 'b') for cpu in cpus or ())
    home = OUT / name
    (home / 'temp').mkdir(parents=True, exist_ok=True)
    conf = filled('nginx.conf.in', f'{name}/nginx.conf', port=port, workers=workers,
                  log=log.format(fresh(f'{name}-access.log')),
                  files=NGINX_FILES.format(root=root, nopush='on' if nopush else 'off')
                  if root else '',
                  affinity=f'worker_cpu_affinity {masks};' if cpus else '',
                  reuseport=' reuseport' if cpus and workers > 1 else '')
    binary = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
    if not binary:
        raise ServerError('nginx is not installed (apt-get install nginx-light)')
    return Server(name, port, [binary, '-p', home, '-c', conf, '-e', 'stderr'], cpus)


def relay(name, config, argv, cpus, threads, upstreams):
    """A relay with two ports: to the floor, and to the receiver of bulk.py."""
    port, bulk_port = free_port(), free_port()
    conf = filled(config, f'{name}-{config[:-3]}', port=port, bulk_port=bulk_port, threads=threads,
                  **upstreams)
    server = Server(name, port, argv(conf), cpus)
    server.bulk_port = bulk_port
    return server


def goevd_relay(cpus, threads, **upstreams):
    """goevd's plugin relay."""
    return relay('goevd', 'relay.yaml.in', goevd_argv, cpus, threads, upstreams)


def haproxy(cpus, threads, option='', **upstreams):
    """Debian's haproxy in TCP mode."""
    binary = shutil.which('haproxy', path=os.environ['PATH'] + ':/usr/sbin')
    if not binary:
        raise ServerError('haproxy is not installed (apt-get install haproxy)')
    name = 'haproxy-splice' if option else 'haproxy'
    return relay(name, 'haproxy.cfg.in', lambda conf: [binary, '-db', '-f', conf], cpus, threads,
                 {**upstreams, 'option': option})


def goevd_websocket(pollers=2, wrapper=(), flags=()):
    """goevd's plugin websocket with echo."""
    return goevd_lines('websocket.yaml.in', upgrades, wrapper, flags, pollers=pollers)


def floor_ws(threads=2, wrapper=()):
    """bench/floor_ws.c."""
    port = free_port()
    argv = [*wrapper, BUILD / 'bench' / 'floor_ws', '--port', port, '--threads', threads]
    return Server('floor_ws', port, argv, check=upgrades)


def libwebsockets(wrapper=()):
    """bench/lws_echo.c, with Debian's libwebsockets."""
    port, binary = free_port(), BUILD / 'bench' / 'lws_echo'
    if not binary.exists():
        raise ServerError('lws_echo was not built (apt-get install libwebsockets-dev)')
    return Server('libwebsockets', port, [*wrapper, binary, '--port', port], check=upgrades)


def node_ws(wrapper=()):
    """bench/ws_echo.js, with Debian's node-ws."""
    port, binary = free_port(), shutil.which('node')
    if not binary:
        raise ServerError('node is not installed (apt-get install nodejs node-ws)')
    return Server('node-ws', port, [*wrapper, 'env', 'NODE_PATH=/usr/share/nodejs', binary,
                                    BENCH / 'ws_echo.js', port], check=upgrades)
