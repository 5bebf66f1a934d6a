"""bench/client.c: connections and requests in fixed numbers."""
import os
import subprocess

from . import servers


def _argv(port, connections, requests, depth):
    argv = [servers.BUILD / 'bench' / 'client', '--port', port, '--connections', connections,
            '--depth', depth]
    return [str(a) for a in argv + (['--requests', requests] if requests else [])]


def run(port, requests, connections=1, depth=1):
    """So many requests, to their end."""
    subprocess.run(_argv(port, connections, requests, depth), check=True, timeout=600)


class Held:
    """Connections that have made one request each and stay open until the with statement ends."""

    def __init__(self, port, connections, cpus=None, flags=()):
        self.process = subprocess.Popen(
            _argv(port, connections, None, 1) + ['--hold', *flags], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)
        if self.process.stdout.readline() != 'holding\n':
            self.__exit__()
            raise servers.ServerError(f'the client could not hold {connections} connections')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
