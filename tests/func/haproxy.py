"""A real haproxy, on ports that the kernel chose."""
import pathlib
import shutil
import socket
import subprocess

from daemon import PATIENCE_S

BINARY = shutil.which('haproxy') or '/usr/sbin/haproxy'


class Haproxy:
    """haproxy with frontends, each given as the lines of its section without bind; `options` of a
    frontend go to its bind line. The listening sockets are ours and are inherited."""

    def __init__(self, folder, frontends, rest=(), options=None):
        self.folder = pathlib.Path(folder)
        self.listening = {}
        lines = ['defaults', 'timeout connect 5s', 'timeout client 60s', 'timeout server 60s']
        for name, body in frontends.items():
            s = socket.create_server(('127.0.0.1', 0))
            s.set_inheritable(True)
            self.listening[name] = s
            bind = f'bind fd@{s.fileno()} {(options or {}).get(name, "")}'
            lines += [f'frontend {name}', bind, *body]
        path = self.folder / 'haproxy.cfg'
        path.write_text('\n'.join([*lines, *rest]) + '\n')
        with open(self.folder / 'haproxy.log', 'wb') as log:
            self.process = subprocess.Popen(
                [BINARY, '-db', '-f', path], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[s.fileno() for s in self.listening.values()])

    def connect(self, name):
        """A client, at an address that haproxy itself does not have. It waits in the kernel until
        haproxy accepts."""
        return socket.create_connection(self.listening[name].getsockname(), PATIENCE_S,
                                        ('127.0.0.2', 0))

    def log(self):
        return (self.folder / 'haproxy.log').read_text(errors='replace')

    def stop(self):
        """As a user does."""
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        for s in self.listening.values():
            s.close()
