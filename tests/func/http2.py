"""An HTTP/2 client that sends any frames, valid or not: frames by hyperframe, HPACK by hpack."""
import socket
import struct

import hpack
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
WINDOW = 65535
INITIAL_WINDOW_SIZE = SettingsFrame.INITIAL_WINDOW_SIZE

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT = range(5)
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 8, 9, 11


class Reply:
    """A reply as far as it has come."""

    def __init__(self):
        self.heads, self.body, self.ended, self.reset, self.trailers = [], bytearray(), False, None, None

    @property
    def status(self):
        return int(self.headers[':status'])

    @property
    def headers(self):
        return dict(self.heads[-1])


class Peer:
    """One connection. It acknowledges settings and gives windows back, unless this is disabled."""

    def __init__(self, sock, settings=None, generous=True, begin=True):
        self.sock, self.generous = sock, generous
        if sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.buffer, self.block, self.next_id = bytearray(), b'', 1
        self.replies, self.goaways, self.frames, self.settings, self.eof = {}, [], [], {}, False
        self.window, self.initial_window, self.stream_windows = WINDOW, WINDOW, {}
        if begin:
            self.raw(PREFACE)
            self.send(SettingsFrame(0, settings=settings or {}))

    # ---- Out -------------------------------------------------------------------------------------

    def raw(self, data):
        self.sock.sendall(data)

    def send(self, *frames):
        self.raw(b''.join(f.serialize() for f in frames))

    def head(self, path, method='GET', authority='test', more=(), end=True, pseudo=None):
        """The HEADERS frame of a request, and its stream."""
        fields = pseudo or [(':method', method), (':scheme', 'http'), (':path', path)]
        if authority is not None and not pseudo:
            fields.append((':authority', authority))
        frame = HeadersFrame(self.next_id, self.encoder.encode(fields + list(more)))
        frame.flags.add('END_HEADERS')
        if end:
            frame.flags.add('END_STREAM')
        self.next_id += 2
        self.replies[frame.stream_id] = Reply()
        self.stream_windows[frame.stream_id] = self.initial_window
        return frame

    def request(self, path, body=None, **more):
        """Send a request, with its content in one piece; the number of its stream."""
        frame = self.head(path, end=body is None, **more)
        self.send(frame)
        if body is not None:
            self.upload(frame.stream_id, body)
        return frame.stream_id

    def data(self, stream, data=b'', end=False, padding=0):
        frame = DataFrame(stream, data, pad_length=padding)
        if padding:
            frame.flags.add('PADDED')
        if end:
            frame.flags.add('END_STREAM')
        self.send(frame)

    def upload(self, stream, body, end=True, piece=16384):
        """Content, as fast as the windows allow."""
        for at in range(0, len(body), piece) or [0]:
            part = body[at:at + piece]
            while min(self.window, self.stream_windows[stream]) < len(part):
                if self.replies[stream].ended or not self.read():
                    return
            self.window -= len(part)
            self.stream_windows[stream] -= len(part)
            self.data(stream, part, end=end and at + piece >= len(body))

    def give(self, stream, count):
        """A larger window for a stream, or with 0 for all."""
        self.send(WindowUpdateFrame(stream, window_increment=count))

    # ---- In --------------------------------------------------------------------------------------

    def read(self):
        """One more frame; None at the end of the connection."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], 'big'):
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionResetError:
                data = b''
            if not data:
                self.eof = True
                return None
            self.buffer += data
        frame, length = Frame.parse_frame_header(memoryview(bytes(self.buffer[:9])))
        frame.parse_body(memoryview(bytes(self.buffer[9:9 + length])))
        del self.buffer[:9 + length]
        self.frames.append(frame)
        self.take(frame)
        return frame

    def take(self, frame):
        reply = self.replies.get(frame.stream_id)
        if isinstance(frame, SettingsFrame) and 'ACK' not in frame.flags:
            self.take_settings(frame)
        elif isinstance(frame, WindowUpdateFrame) and frame.stream_id == 0:
            self.window += frame.window_increment
        elif isinstance(frame, WindowUpdateFrame):
            self.stream_windows[frame.stream_id] += frame.window_increment
        elif isinstance(frame, GoAwayFrame):
            self.goaways.append((frame.last_stream_id, frame.error_code, bytes(frame.additional_data)))
        elif isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self.take_headers(frame, reply)
        elif isinstance(frame, DataFrame):
            reply.body += frame.data
            reply.ended |= 'END_STREAM' in frame.flags
            if self.generous and frame.flow_controlled_length:
                self.give(0, frame.flow_controlled_length)
                if not reply.ended:
                    self.give(frame.stream_id, frame.flow_controlled_length)
        elif isinstance(frame, RstStreamFrame):
            reply.reset, reply.ended = frame.error_code, True

    def take_settings(self, frame):
        self.settings.update(frame.settings)
        change = self.settings.get(INITIAL_WINDOW_SIZE, WINDOW) - self.initial_window
        self.initial_window += change
        for stream in self.stream_windows:
            self.stream_windows[stream] += change
        if self.generous:
            self.send(SettingsFrame(0, flags=['ACK']))

    def take_headers(self, frame, reply):
        self.block += frame.data
        if 'END_HEADERS' in frame.flags:
            fields = self.decoder.decode(self.block)
            self.block = b''
            if reply.body or (reply.heads and dict(reply.heads[-1])[':status'][0] != '1'):
                reply.trailers = fields
            else:
                reply.heads.append(fields)
        reply.ended |= 'END_STREAM' in frame.flags

    def until(self, condition):
        """Read until it is true; an end of the connection before is a failure."""
        while not condition():
            assert self.read() is not None, (self.goaways, 'the connection has ended')

    def reply(self, stream):
        """The reply, when it has come to its end."""
        self.until(lambda: self.replies[stream].ended)
        return self.replies[stream]

    def get(self, path, **more):
        return self.reply(self.request(path, **more))

    def ping(self):
        """Until all that was sent before has been read."""
        data = struct.pack('>Q', self.next_id)
        self.send(PingFrame(0, data))
        self.until(lambda: self.frames and isinstance(self.frames[-1], PingFrame)
                   and self.frames[-1].opaque_data == data)

    def rest(self):
        """Read to the end of the connection; the last GOAWAY."""
        while self.read() is not None:
            pass
        return self.goaways[-1] if self.goaways else None
