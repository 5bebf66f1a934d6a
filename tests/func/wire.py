"""Bytes to and from a server, and servers that only listen."""
import contextlib
import math
import select
import socket

from daemon import PATIENCE_S

KEPT = []   # the sockets of kept_port()


class Reader:
    """Reads the expected bytes from a socket, piece by piece."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b''

    def fill(self):
        """Some more; False at EOF."""
        data = self.sock.recv(1 << 16)
        self.buffer += data
        return bool(data)

    def until(self, end):
        """Up to and with these bytes."""
        while end not in self.buffer:
            if not self.fill():
                raise EOFError(f'EOF after {self.buffer[:200]!r}')
        found, self.buffer = self.buffer.split(end, 1)
        return found + end

    def exactly(self, n):
        """So many bytes."""
        while len(self.buffer) < n:
            if not self.fill():
                raise EOFError(f'EOF after {len(self.buffer)} of {n} bytes')
        found, self.buffer = self.buffer[:n], self.buffer[n:]
        return found

    def line(self):
        """The next line, without its end."""
        return self.until(b'\n').decode().rstrip('\n')

    def chunk(self):
        """The content of the next chunk of HTTP; empty: the last one."""
        size = int(self.until(b'\r\n'), 16)
        data = self.exactly(size)
        assert size == 0 or self.exactly(2) == b'\r\n'
        return data

    def chunks(self):
        """Content and trailers of a chunked body."""
        body, trailers = b'', []
        while data := self.chunk():
            body += data
        while (line := self.until(b'\r\n')) != b'\r\n':
            trailers.append(line.decode().rstrip())
        return body, trailers

    def rest(self):
        """Everything up to EOF."""
        while self.fill():
            pass
        found, self.buffer = self.buffer, b''
        return found

    def response(self, head=False):
        """Status, headers by their names in small letters, body."""
        lines = self.until(b'\r\n\r\n').decode('latin-1').split('\r\n')[:-2]
        status = int(lines[0].split()[1])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(':', 1)
            headers[name.lower()] = value.strip()
        size = 0 if head or status in (204, 304) else int(headers['content-length'])
        return status, headers, self.exactly(size)


class Talker:
    """Sends and receives lines."""

    def __init__(self, d, **options):
        self.sock = d.connect(**options)
        self.reader = Reader(self.sock)

    def say(self, *lines):
        self.sock.sendall(''.join(f'{line}\n' for line in lines).encode())

    def hear(self):
        """The words of the next line."""
        return self.reader.line().split(' ')

    def ask(self, line):
        self.say(line)
        return self.hear()


def ask(sock, line):
    """The line that answers a line."""
    sock.sendall(line.encode() + b'\n')
    return Reader(sock).line()


def request(path='/', method='GET', version='1.1', **headers):
    """The bytes of a request."""
    lines = [f'{method} {path} HTTP/{version}', f'Host: {headers.pop("host", "test")}']
    lines += [f'{name.replace("_", "-")}: {value}' for name, value in headers.items()]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode()


def get(sock, path='/'):
    """One request on an open connection."""
    sock.sendall(request(path))
    return Reader(sock).response()


def echo(sock, data=b'hello'):
    """The bytes come back."""
    sock.sendall(data)
    assert Reader(sock).exactly(len(data)) == data


def refused(family, address):
    """Nothing listens on this address. A listener that closes meanwhile may reset the attempt."""
    with socket.socket(family) as s:
        try:
            s.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except ConnectionResetError:
            pass
    return False


def closed(sock):
    """The other side has closed it, in order or by a reset."""
    try:
        return sock.recv(1) == b''
    except ConnectionResetError:
        return True


@contextlib.contextmanager
def server(family=socket.AF_INET, address=('127.0.0.1', 0), backlog=16):
    """A server to connect to."""
    with socket.socket(family) as s:
        s.settimeout(PATIENCE_S)
        s.bind(address)
        s.listen(backlog)
        yield s


def kept_port():
    """A port that a server may leave and take again, at any address, until this process ends.

    A port that is free for a moment may become that of any client on this machine. Where a socket is
    bound and does not listen, the kernel assigns the port to no other socket, and a server that sets
    SO_REUSEADDR may still listen there.
    """
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(('::', 0))
    KEPT.append(s)
    return port_of(s)


def port_of(s):
    return s.getsockname()[1]


def full(s):
    """Connections until no more fit in the backlog of a server that does not accept."""
    clients, late = [], 0
    while late < 3:   # one may be late for other reasons
        c = socket.socket(s.family)
        c.settimeout(0.2)
        clients.append(c)
        try:
            c.connect(s.getsockname())
            late = 0
        except (TimeoutError, BlockingIOError):
            late += 1
    return clients


def stuff(sock, limit=math.inf):
    """Send until nothing more is taken, or the limit; the bytes sent.

    A time-out of the socket would say so of a test that has slept, too: here the kernel is asked.
    """
    sent, block = 0, bytes(1 << 16)
    sock.setblocking(False)
    while sent < limit and select.select([], [sock], [], 0.3)[1]:
        sent += sock.send(block)
    sock.settimeout(PATIENCE_S)
    return sent
