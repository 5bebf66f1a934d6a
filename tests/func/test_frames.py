"""Handlers that take frames, through the public header: tests/plugin/framed.c, with two framings."""
import socket
import struct

import pytest

from daemon import config, eventually, listener
from wire import Reader


class Lines:
    """Ended with CR LF, or LF alone where goevd reads."""

    handler = 'framed_lines'
    holds = -22    # a line with a line end in it: EINVAL

    @staticmethod
    def pack(text):
        return text + b'\n'

    @staticmethod
    def read(reader):
        return reader.until(b'\r\n')[:-2]


class Length:
    """Behind their length, of two bytes."""

    handler = 'framed_length'
    holds = 0

    @staticmethod
    def pack(text):
        return struct.pack('>H', len(text)) + text

    @staticmethod
    def read(reader):
        return reader.exactly(*struct.unpack('>H', reader.exactly(2)))


@pytest.fixture(params=[Lines, Length], ids=['lines', 'length'])
def framing(request):
    """How frames look."""
    return request.param


@pytest.fixture
def serve(goevd, plugins, tmp_path, framing):
    """serve(key of the listener…) -> a goevd whose listener takes frames."""
    def start(**keys):
        return goevd(config(listener(handler=framing.handler, **keys), plugin_dir=str(plugins),
                            control={'socket': str(tmp_path / 'control.sock')}))
    return start


class Client:
    """Frames to and from it."""

    def __init__(self, d, framing):
        self.sock, self.framing = d.connect(), framing
        self.reader = Reader(self.sock)

    def send(self, *texts):
        self.sock.sendall(b''.join(map(self.framing.pack, texts)))
        return self

    def read(self):
        return self.framing.read(self.reader)


def test_frames_in_and_out(serve, framing):
    c = Client(serve(), framing)
    c.send(b'echo one', b'echo ', b'echo three and a CR\r in it')
    assert [c.read() for _ in range(3)] == [b'one', b'', b'three and a CR\r in it']


def test_frames_by_pieces(serve, framing):
    c = Client(serve(), framing)
    for byte in framing.pack(b'echo piece') * 20:
        c.sock.sendall(bytes([byte]))
    assert [c.read() for _ in range(20)] == [b'piece'] * 20


def test_frames_that_have_come_together_are_told_together(serve, framing):
    c = Client(serve(), framing)
    c.send(b'pause', b'batch a', b'batch b', b'batch c')    # they wait behind the pause
    assert c.read() == b'3 a b c'
    c.send(b'batch d')
    assert c.read() == b'1 d'


def test_many_frames_keep_their_order(serve, framing):
    c = Client(serve(output_high='64KiB'), framing)
    texts = [b'%d %s' % (i, b'x' * (i % 900)) for i in range(20000)]
    data = b''.join(framing.pack(b'echo ' + text) for text in texts)
    c.sock.setblocking(False)
    sent, got = 0, 0
    while got < len(texts):
        try:
            sent += c.sock.send(data[sent:sent + 100000])
        except BlockingIOError:
            c.sock.setblocking(True)
            assert c.read() == texts[got]    # reads slowly: goevd pauses again and again
            got += 1
            c.sock.setblocking(False)
        if sent == len(data):
            c.sock.setblocking(True)
            assert [c.read() for _ in texts[got:]] == texts[got:]
            return


def test_send_frame(serve, framing):
    c = Client(serve(), framing)
    c.send(b'send away')
    assert c.read() == b'away'
    assert c.read() == b'sent 0'
    if framing is Length:    # a line in a line
        c.send(b'send a\nb')
        assert c.read() == b'a\nb'


def test_frame_that_would_be_read_as_two_is_refused(serve, framing):
    c = Client(serve(), framing)
    c.send(b'wrong a')
    if framing.holds == 0:
        assert c.read() == b'a\na'
    assert c.read() == b'%d' % framing.holds


def test_need_is_not_for_frames(serve, framing):
    c = Client(serve(), framing)
    c.send(b'need', b'echo at once')
    assert c.read() == b'at once'


def test_limit_and_one_past_it(serve, framing):
    d = serve(frame_max=100)
    c = Client(d, framing)
    text = b'x' * 95
    c.send(b'echo ' + text)
    assert c.read() == text
    c.send(b'echo before', b'echo ' + text + b'x')
    assert c.read() == b'before'
    assert c.read().startswith(b'error -90 ')
    assert c.reader.rest() == b''
    c.sock.close()
    eventually(lambda: d.metrics()['goevd_connections_closed_total{reason=frame}'] == 1, 'it is not counted')


def test_limit_is_what_the_tail_holds(serve, framing):
    c = Client(serve(tail_max=1000), framing)
    c.send(b'echo ' + b'x' * 979)
    assert c.read() == b'x' * 979
    c.send(b'echo ' + b'x' * 980)
    assert c.read().startswith(b'error -90 ')


def test_end_in_the_middle_of_a_frame(serve, framing):
    c = Client(serve(), framing)
    c.sock.sendall(framing.pack(b'echo whole') + framing.pack(b'echo half')[:-1])
    c.sock.shutdown(socket.SHUT_WR)
    assert c.read() == b'whole'
    assert c.read().startswith(b'error -61 echo hal')
    assert c.reader.rest() == b''


def test_end_behind_the_last_frame(serve, framing):
    c = Client(serve(), framing)
    c.send(b'echo whole')
    c.sock.shutdown(socket.SHUT_WR)
    assert c.read() == b'whole'
    assert c.reader.rest() == b''
