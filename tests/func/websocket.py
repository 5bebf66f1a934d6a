"""WebSocket as its clients speak it: frames to and from bytes."""
import os
import socket
import struct
import zlib

from daemon import PATIENCE_S
from wire import Reader

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
HEADERS = {'Host': 'localhost', 'Upgrade': 'websocket', 'Connection': 'Upgrade',
           'Sec-WebSocket-Key': KEY, 'Sec-WebSocket-Version': '13'}


def masked(data, mask):
    """Data under a mask, or without it."""
    n = len(data)
    wide = (mask * (n // 4 + 1))[:n]
    return (int.from_bytes(data, 'big') ^ int.from_bytes(wide, 'big')).to_bytes(n, 'big')


def frame(opcode, data=b'', fin=True, rsv=0, mask=None, form=None):
    """A client's frame; form: bytes of the length, if not the fewest; mask b'': none."""
    mask = os.urandom(4) if mask is None else mask
    n = len(data)
    form = form or (1 if n < 126 else 2 if n < 65536 else 8)
    second = (0x80 if mask else 0) | {1: n, 2: 126, 8: 127}[form]
    head = struct.pack('!BB', fin << 7 | rsv << 4 | opcode, second)
    head += {1: b'', 2: struct.pack('!H', n & 0xffff), 8: struct.pack('!Q', n)}[form]
    return head + mask + (masked(data, mask) if mask else data)


def close(code=1000, reason=b''):
    """A client's close frame."""
    return frame(CLOSE, struct.pack('!H', code) + reason)


def handshake(path='/', drop=(), **headers):
    """A request to upgrade; a header may be a list of values."""
    named = {k.replace('_', '-'): v for k, v in headers.items()}
    lines = [f'GET {path} HTTP/1.1']
    for name, value in {**HEADERS, **named}.items():
        values = value if isinstance(value, list) else [value]
        lines += [f'{name}: {v}' for v in values if name not in drop]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode()


class Client:
    """A connection, upgraded; `early` goes with the handshake."""
    reserved = (0,)

    def __init__(self, sock, path='/', early=b'', **headers):
        self.sock = sock
        self.reader = Reader(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(handshake(path, **headers) + early)
        self.head = self.reader.until(b'\r\n\r\n').decode()
        assert self.head.startswith('HTTP/1.1 101 '), self.head

    def send(self, data, piece=None):
        """All at once, or in pieces of these sizes in turn; the bytes that a closed server does
        not take is lost."""
        try:
            if piece is None:
                self.sock.sendall(data)
            at, turn = 0, 0
            while piece and at < len(data):
                n = piece[turn % len(piece)]
                self.sock.sendall(data[at:at + n])
                at, turn = at + n, turn + 1
        except (BrokenPipeError, ConnectionResetError):
            pass

    def raw(self):
        """The next frame, which may be one of several: its first byte, and payload as it comes."""
        first, second = self.reader.exactly(2)
        assert second < 128
        n = second
        if n == 126:
            n = struct.unpack('!H', self.reader.exactly(2))[0]
            assert n > 125
        elif n == 127:
            n = struct.unpack('!Q', self.reader.exactly(8))[0]
            assert n > 65535
        return first, self.reader.exactly(n)

    def frame(self):
        """The next frame: opcode and payload."""
        first, data = self.raw()
        assert first & 0x70 in self.reserved and first & 0x80
        return first & 15, self.unpack(first, data)

    def message(self):
        """The next message in any frames: opcode, decoded payload, and the frames."""
        frames = [self.raw()]
        while not frames[-1][0] & 0x80 or frames[-1][0] & 8:
            frames.append(self.raw())
        data = b''.join(data for first, data in frames if not first & 8)
        assert frames[0][0] & 0x70 in self.reserved
        assert all(first & 0x7f == CONTINUATION for first, _ in frames[1:] if not first & 8)
        return frames[0][0] & 15, self.unpack(frames[0][0], data), frames

    def unpack(self, first, data):
        """The decoded payload."""
        return data

    def code(self):
        """The code of the close frame that is next; None without one in it."""
        opcode, data = self.frame()
        assert opcode == CLOSE, (opcode, data)
        return struct.unpack('!H', data[:2])[0] if data else None

    def offer(self, data):
        """The part that is not taken at once."""
        self.sock.setblocking(False)
        try:
            while data:
                data = data[self.sock.send(data[:65536]):]
        except BlockingIOError:
            pass
        self.sock.settimeout(PATIENCE_S)
        return data

    def end(self):
        """Nothing more comes."""
        try:
            assert self.reader.rest() == b''
        except ConnectionResetError:
            pass


def check(c, name, data, frames, code, cut=None):
    """One case on a separate connection: bytes sent, frames received, and the close code."""
    c.send(data, cut)
    got = [c.frame() for _ in frames]
    assert got == frames, f'{name}: {got}'
    if code is None:
        c.send(close(4242))
    assert c.code() == (code or 4242), name
    c.end()
    c.sock.close()


TAIL = b'\0\0\xff\xff'


class Packer:
    """Compresses messages, each with those before or alone."""

    def __init__(self, bits=15, alone=False):
        self.bits, self.alone, self.z = bits, alone, None

    def __call__(self, data):
        if self.z is None or self.alone:
            self.z = zlib.compressobj(9, zlib.DEFLATED, -self.bits)
        return (self.z.compress(data) + self.z.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


class Deflating(Client):
    """A connection that has offered permessage-deflate, and its agreed terms."""
    reserved = (0, 0x40)

    def __init__(self, sock, offer='permessage-deflate', **headers):
        super().__init__(sock, Sec_WebSocket_Extensions=offer, **headers)
        answers = [line.split(': ')[1] for line in self.head.split('\r\n')
                   if line.startswith('Sec-WebSocket-Extensions: ')]
        assert len(answers) <= 1
        self.answer = answers[0] if answers else None
        named = dict(part.strip().partition('=')[::2] for part in (self.answer or '').split(';')[1:])
        self.bits = int(named.get('server_max_window_bits', 15))
        self.alone = 'server_no_context_takeover' in named
        self.z = None
        self.packed = []    # for each message, the bytes of its payload; None: not compressed

    def unpack(self, first, data):
        if first & 15 < 8:
            self.packed.append(len(data) if first & 0x40 else None)
        if not first & 0x40:
            return data
        assert first & 15 in (TEXT, BINARY)
        if self.z is None or self.alone:
            self.z = zlib.decompressobj(-self.bits)
        return self.z.decompress(data + TAIL)
