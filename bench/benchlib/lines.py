"""bench/lines.c: lines or WebSocket messages, and how long their answers take."""
import dataclasses
import subprocess

from . import servers


@dataclasses.dataclass
class Window:
    """One run of it."""
    lines: int
    seconds: float
    p50_us: int
    p99_us: int
    p999_us: int
    max_us: int
    cpu_us: float = 0   # of the server, per line

    @property
    def rate(self):
        """Lines per second."""
        return self.lines / self.seconds


def start(port, seconds, line, answer=None, connections=1, depth=1):
    """Begin to send lines; finish() waits for the end."""
    return _start(port, seconds, connections, depth, '--line', line, '--answer', answer or line)


def start_messages(port, seconds, size, connections=1, depth=1, rounds=0):
    """The same with WebSocket messages; rounds: so many, however long they take."""
    return _start(port, seconds, connections, depth, '--websocket', '/', '--size', size,
                  '--rounds', rounds)


def _start(port, seconds, connections, depth, *more):
    argv = [servers.BUILD / 'bench' / 'lines', '--port', port, '--seconds', seconds,
            '--connections', connections, '--depth', depth, *more]
    return subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, text=True)


def finish(process):
    """The Window that it was."""
    text = process.communicate()[0]
    if process.returncode != 0 or not text.startswith('RESULT '):
        raise servers.ServerError(f'bench/lines failed ({process.returncode}): {text}')
    lines, lasted_us, *times = map(int, text.split()[1:])
    return Window(lines, lasted_us / 1e6, *times)
