"""A real Redis server, its files in a folder of its own."""
import pathlib
import re
import shutil
import socket
import subprocess
import time

from daemon import PATIENCE_S
from wire import kept_port

BINARY = shutil.which('redis-server')


class Redis:
    """redis-server on a port that it keeps over restarts; appendonly and fsync at every write."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.port = kept_port()
        self.options = options or ('--appendonly', 'yes', '--appendfsync', 'always')
        self.process = None
        self.start()

    def start(self):
        """Start it, again perhaps, and wait until it answers."""
        log = open(self.folder / 'redis.log', 'ab')
        self.process = subprocess.Popen(
            [BINARY, '--port', str(self.port), '--bind', '127.0.0.1', '--dir', str(self.folder),
             '--save', '', *self.options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                assert self.ask('PING') in (b'+PONG', b'-NOAUTH Authentication required.')
                return
            except (OSError, AssertionError):
                assert self.process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)

    def log(self):
        return (self.folder / 'redis.log').read_text(errors='replace')

    def kill(self):
        """As a crash does."""
        self.process.kill()
        self.process.wait()

    def ask(self, *words):
        """The first line of a reply, or the items of a list."""
        text = b''.join(b'$%d\r\n%s\r\n' % (len(w), w)
                        for w in (w if isinstance(w, bytes) else str(w).encode() for w in words))
        with socket.create_connection(('127.0.0.1', self.port), PATIENCE_S) as s:
            s.sendall(b'*%d\r\n' % len(words) + text)
            with s.makefile('rb') as f:
                return self.reply(f)

    def reply(self, f):
        line = f.readline()
        if not line:
            raise ConnectionResetError
        kind, rest = line[:1], line[1:].rstrip(b'\r\n')
        if kind == b'*':
            return [self.reply(f) for _ in range(int(rest))]
        if kind == b'$':
            return f.read(int(rest) + 2)[:-2]
        return line.rstrip(b'\r\n')

    def list(self, key='lines'):
        return self.ask('LRANGE', key, 0, -1)

    def connections(self):
        """How many clients it has, without the one that asks."""
        return int(re.search(rb'connected_clients:(\d+)', self.ask('INFO', 'clients'))[1]) - 1
