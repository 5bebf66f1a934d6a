"""HTTP/2 on a listener without TLS (prior knowledge): requests, replies, content, flow control."""
import re
import signal
import socket
import subprocess
import time

import pytest
from hyperframe.frame import (ContinuationFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
                              SettingsFrame)

import http2
from daemon import config, eventually, listener
from http2 import PREFACE, Peer
from wire import Reader, closed, request

pytestmark = pytest.mark.sequential

BIG = bytes(range(256)) * 8192    # 2 MiB


@pytest.fixture
def serve(goevd, plugins, tmp_path):
    """serve(options of http2, options of http) -> a Daemon with tests/plugin/http_probe.c at /do/."""
    file = plugins / 'content'
    file.write_bytes(b'0123456789')
    (tmp_path / 'files').mkdir()
    (tmp_path / 'files/big').write_bytes(BIG)

    def start(http2_options=None, listener_options=None, **http):
        probe = {'http_probe': {'file': str(file), 'stream': 'echo'}}
        routes = [{'path': '/do/{id}', 'handler': probe}, {'path': '/do/{id}/*', 'handler': probe},
                  {'path': '/plain', 'respond': {'body': 'plain'}},
                  {'path': '/plenty', 'respond': {'body': 'x' * 3000}},
                  {'path': '/large', 'respond': {'body': 'x' * 200000}},
                  {'path': '/f/*', 'handler': {'download': {'root': str(tmp_path / 'files')}}}]
        return goevd(config(listener(handler={'http': {
            'routes': routes, 'http2': {'cleartext': True, **(http2_options or {})}, **http}},
            **(listener_options or {})), plugin_dir=str(plugins), log={'level': 'info'},
            reactors=[{'name': 'main', 'pollers': '1'}], stop_timeout='5s'))
    return start


@pytest.fixture
def d(serve):
    return serve()


@pytest.fixture
def peer(d):
    """A client whose connection is still good at the end."""
    p = Peer(d.connect())
    yield p
    assert p.get('/plain').body == b'plain'


# ---- How it begins ------------------------------------------------------------------------------

def test_known_reply(peer):
    reply = peer.get('/plain')
    assert (reply.status, reply.body) == (200, b'plain')
    assert reply.headers['content-length'] == '5' and reply.headers['server'] == 'goevd'
    assert reply.headers['content-type'] == 'text/plain; charset=utf-8' and 'date' in reply.headers
    assert peer.settings[SettingsFrame.MAX_CONCURRENT_STREAMS] == 100


def test_head_has_no_content(peer):
    for path in ('/plain', '/do/show', '/f/big'):
        reply = peer.get(path, method='HEAD')
        assert reply.status == 200 and reply.body == b'' and int(reply.headers['content-length']) > 0


def test_both_versions_on_one_listener(d):
    s = d.connect()
    s.sendall(request('/plain'))
    assert Reader(s).response()[2] == b'plain'
    assert Peer(d.connect()).get('/plain').body == b'plain'
    s = d.connect()
    s.sendall(b'P')   # so far it may be either
    s.sendall(request('/do/show', 'OST')[0:])
    assert Reader(s).response()[0] == 200


@pytest.mark.parametrize('count', [1, 3, 16, 23])
def test_preface_that_stays_away_is_closed(serve, count):
    s = serve(header_timeout='100ms').connect()
    s.sendall(PREFACE[:count])
    assert closed(s)


def test_without_the_option_a_preface_is_no_request(goevd):
    d = goevd(config(listener(handler={'http': {}})))
    s = d.connect()
    s.sendall(PREFACE)
    assert Reader(s).response()[0] == 505


def test_every_cut_of_a_conversation(d):
    """Wherever the bytes of a preface, settings, a request and its content are cut."""
    made = Peer(None, begin=False)
    frame = made.head('/do/count', method='POST', end=False)
    data = http2.DataFrame(frame.stream_id, b'abc')
    data.flags.add('END_STREAM')
    sent = PREFACE + SettingsFrame(0).serialize() + frame.serialize() + data.serialize()
    for cut in range(1, len(sent)):
        p = Peer(d.connect(), begin=False)
        p.replies[1] = http2.Reply()
        p.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        p.raw(sent[:cut])
        p.raw(sent[cut:])
        assert p.reply(1).body == b'3', cut
        p.sock.close()


def test_clients_that_others_wrote(d):
    address = 'http://%s:%d' % d.address()[1]
    done = subprocess.run(['curl', '-s', '--http2-prior-knowledge', '-w', '%{http_version}', f'{address}/plain'],
                          capture_output=True, check=True)
    assert done.stdout == b'plain2'
    done = subprocess.run(['nghttp', '-s', f'{address}/large', f'{address}/f/big'], capture_output=True, check=True)
    assert re.search(rb' 200 195K /large', done.stdout) and re.search(rb' 200   2M /f/big', done.stdout)
    done = subprocess.run(['h2load', '-n', '2000', '-c', '4', '-m', '50', f'{address}/do/show'],
                          capture_output=True, check=True, text=True)
    assert '2000 succeeded, 0 failed, 0 errored' in done.stdout


# ---- Requests -----------------------------------------------------------------------------------

def lines(reply):
    return reply.body.decode().split('\n')


def test_request_is_told_as_it_was_sent(peer):
    reply = peer.get('/do/%73how/a//b/./c?x=%20y', method='PATCH', more=[('x-one', '1'), ('x-one', '2'), ('empty', '')])
    assert re.sub(r'poller=[0-9]+', 'poller=0', reply.body.decode()).split('\n') == [
        'method=5', 'version=20', 'scheme=http', 'target=/do/%73how/a//b/./c?x=%20y',
        'path=/do/show/a/b/c', 'raw_path=/do/%73how/a//b/./c', 'query=x=%20y', 'param=show',
        'rest=a/b/c', 'no param=1', 'x-one=1', 'no header=1', 'name=host', 'value=test', 'name=x-one', 'value=1',
        'name=x-one', 'value=2', 'name=empty', 'value=', 'length=0', 'families=1', 'local=4711', 'poller=0', '']


def test_crumbs_of_a_cookie_are_one(peer):
    said = lines(peer.get('/do/show', more=[('cookie', 'a=1'), ('x', 'y'), ('cookie', 'b=2'), ('cookie', 'c=3')]))
    assert 'value=a=1; b=2; c=3' in said and said.count('name=cookie') == 1


@pytest.mark.parametrize('authority, host, status', [
    ('test', 'test', 200), ('test', 'TEST', 200), ('test', 'other', 400), (None, 'test', 200), ('', None, 400)])
def test_host_beside_the_authority(peer, authority, host, status):
    reply = peer.get('/plain', authority=authority, more=[('host', host)] if host else [])
    assert (reply.status if reply.heads else 400) == status


@pytest.mark.parametrize('path, method, status', [
    ('/plain#x', 'GET', 400), ('/../x', 'GET', 400), ('/%zz', 'GET', 400), ('/plain', 'BREW', 501), ('*', 'OPTIONS', 200),
    ('/plain', 'DELETE', 405), ('/none', 'GET', 404)])
def test_targets_and_methods(peer, path, method, status):
    assert peer.get(path, method=method).status == status


def test_connect_is_not_implemented(peer):
    assert peer.get('', pseudo=[(':method', 'CONNECT'), (':authority', 'test:80')]).status == 501


@pytest.mark.parametrize('field', [
    ('connection', 'close'), ('transfer-encoding', 'chunked'), ('upgrade', 'h2c'), ('keep-alive', '1'), ('te', 'gzip'),
    ('Upper', 'case'), ('x', 'a\rb'), ('x', 'a\0b'), ('bad name', '1'), (':late', '1')])
def test_malformed_fields_reset_the_stream(peer, field):
    reply = peer.get('/plain', more=[field])
    assert reply.reset == http2.PROTOCOL_ERROR and not reply.heads


@pytest.mark.parametrize('count, status', [(10, 200), (11, 431)])
def test_fields_are_counted_as_decoded(serve, count, status):
    p = Peer(serve(headers_max=10).connect())
    assert p.get('/plain', more=[('x', 'y')] * count).status == status
    assert p.get('/plain').status == 200   # the table of HPACK is still the same on both sides


def test_bytes_of_fields_are_counted_as_decoded(serve):
    p = Peer(serve(header_bytes_max=2048, request_line_max=1024).connect())
    own = sum(len(n) + len(v) + 32 for n, v in [(':method', 'GET'), (':scheme', 'http'), (':path', '/plain'),
                                                (':authority', 'test')])
    fits = 3072 - own - 33
    assert p.get('/plain', more=[('x', 'y' * fits)]).status == 200
    assert p.get('/plain', more=[('x', 'y' * (fits + 1))]).status == 431
    assert p.get('/plain', more=[('x', 'y' * fits)]).status == 200


def test_header_block_in_many_frames(peer):
    frame = peer.head('/do/show', more=[('x', 'long' * 100)])
    block, frame.data = frame.data, frame.data[:10]
    frame.flags.discard('END_HEADERS')
    pieces = [ContinuationFrame(frame.stream_id, block[10 + i * 100:110 + i * 100]) for i in range(5)]
    pieces = [p for p in pieces if p.data]
    pieces[-1].flags.add('END_HEADERS')
    peer.send(frame, *pieces)
    assert 'value=' + 'long' * 100 in lines(peer.reply(frame.stream_id))


def test_header_block_that_is_not_completed(serve):
    p = Peer(serve(header_timeout='100ms').connect())
    p.until(lambda: p.settings)
    p.ping()
    frame = p.head('/plain')
    frame.flags.discard('END_HEADERS')
    p.send(frame)
    assert p.rest()[1] == http2.ENHANCE_YOUR_CALM


# ---- Replies ------------------------------------------------------------------------------------

def test_headers_are_in_lower_case(peer):
    fields = [name for name, _ in peer.get('/do/headers').heads[0]]
    assert fields == [':status', 'server', 'date', 'content-type', 'content-length', 'x-answer', 'x-empty']


def test_interim_replies_come_first(peer):
    reply = peer.get('/do/hints')
    assert [dict(h)[':status'] for h in reply.heads] == ['103', '200'] and reply.body == b'hinted'
    assert dict(reply.heads[0])['link'] == '</a.css>; rel=preload'


def test_content_with_trailers(peer):
    reply = peer.get('/do/chunks')
    assert reply.body == b'one two' and reply.trailers == [('x-sum', '7')]
    assert 'content-length' not in reply.headers and 'transfer-encoding' not in reply.headers


@pytest.mark.parametrize('what, status', [('none', 204), ('same', 304), ('reset', 205)])
def test_statuses_without_content(peer, what, status):
    reply = peer.get(f'/do/{what}')
    assert (reply.status, reply.body) == (status, b'')


@pytest.mark.parametrize('what', ['file', 'file-chunks'])
def test_parts_of_a_file_and_memory_without_a_copy(d, peer, what):
    assert peer.get(f'/do/{what}').body == b'<23456|shared>'
    d.log.wait(r'released 0$', 2)


@pytest.mark.parametrize('what', ['short', 'over'])
def test_content_that_is_not_as_long_as_announced_is_reset(d, peer, what):
    d.may_say = ['has not written content of the announced length']
    reply = peer.get(f'/do/{what}')
    assert reply.reset == http2.INTERNAL_ERROR


def test_handler_that_fails(d, peer):
    d.may_say = ['the handler of the route /do/{id} has failed']
    assert peer.get('/do/fail').status == 500
    assert peer.get('/do/abort').reset == http2.INTERNAL_ERROR


@pytest.mark.parametrize('path', ['/do/long', '/do/large', '/do/long-chunks', '/large', '/f/big'])
def test_long_replies(peer, path):
    first, second = peer.request(path), peer.request(path)
    assert peer.reply(first).body == peer.reply(second).body
    assert len(peer.replies[first].body) == {'/large': 200000, '/f/big': len(BIG)}.get(path, 4000000)
    assert path != '/f/big' or peer.replies[first].body == BIG


def test_many_at_once_and_in_any_order(peer):
    streams = [peer.request('/large' if n % 3 else '/plain') for n in range(90)]
    for n, stream in reversed(list(enumerate(streams))):
        assert len(peer.reply(stream).body) == (200000 if n % 3 else 5)


# ---- Content of requests ------------------------------------------------------------------------

@pytest.mark.parametrize('what', ['gather', 'count', 'sip', 'twice'])
@pytest.mark.parametrize('piece', [1, 100, 16384])
def test_content_however_it_comes(peer, what, piece):
    data = bytes(range(256)) * (5 if piece < 16384 else 1000)
    frame = peer.head(f'/do/{what}', method='POST', end=False)
    peer.send(frame)
    peer.upload(frame.stream_id, data, piece=piece)
    assert peer.reply(frame.stream_id).body == (data if what == 'gather' else b'%d' % len(data))


def test_content_of_known_length(peer):
    assert peer.get('/do/gather', method='POST', body=b'abc', more=[('content-length', '3')]).body == b'abc'
    assert peer.get('/do/gather', method='POST', body=b'abc', more=[('content-length', '2')]).reset == \
        http2.PROTOCOL_ERROR
    assert peer.get('/do/gather', method='POST', body=b'').body == b''
    assert 'length=-1' in lines(peer.get('/do/show', method='POST', body=b'abc'))


def test_trailers_of_a_request(peer):
    frame = peer.head('/do/trailers', method='POST', end=False)
    peer.send(frame)
    peer.data(frame.stream_id, b'abc')
    trailers = HeadersFrame(frame.stream_id, peer.encoder.encode([('x-sum', '7')]), flags=['END_HEADERS', 'END_STREAM'])
    peer.send(trailers)
    assert peer.reply(frame.stream_id).body == b'name=x-sum\nvalue=7\n'


def test_100_continue(peer):
    frame = peer.head('/do/gather', method='POST', end=False, more=[('expect', '100-continue'), ('content-length', '3')])
    peer.send(frame)
    reply = peer.replies[frame.stream_id]
    peer.until(lambda: reply.heads)
    assert dict(reply.heads[0])[':status'] == '100'
    peer.data(frame.stream_id, b'abc', end=True)
    assert peer.reply(frame.stream_id).body == b'abc'


@pytest.mark.parametrize('size, status', [(10, 200), (11, 413)])
def test_limit_of_the_handler(peer, size, status):
    assert peer.get('/do/ten', method='POST', body=b'x' * size).status == status


def test_content_that_nobody_wants(peer):
    reply = peer.get('/plain', method='POST', body=b'x' * 300000)
    assert reply.status == 405


def test_content_that_nobody_wants_and_that_does_not_end(serve):
    p = Peer(serve(body_discard_max=100000).connect())
    frame = p.head('/plain', method='POST', end=False)
    p.send(frame)
    while p.replies[frame.stream_id].reset is None:
        if min(p.window, p.stream_windows[frame.stream_id]) < 1000:
            p.read()
            continue
        p.window -= 1000
        p.stream_windows[frame.stream_id] -= 1000
        p.data(frame.stream_id, b'x' * 1000)
    assert p.replies[frame.stream_id].reset == http2.NO_ERROR and p.replies[frame.stream_id].status == 405


def test_padding_counts_for_the_window(peer):
    frame = peer.head('/do/count', method='POST', end=False)
    peer.send(frame)
    for _ in range(2000):   # 512,000 bytes of the windows, and 2000 of content
        while min(peer.window, peer.stream_windows[frame.stream_id]) < 256:
            peer.read()
        peer.window -= 257
        peer.stream_windows[frame.stream_id] -= 257
        peer.data(frame.stream_id, b'x', padding=255)
    peer.data(frame.stream_id, end=True)
    assert peer.reply(frame.stream_id).body == b'2000'


def test_slow_handler_holds_up_no_other_stream(peer):
    """A stream whose content no handler takes has the client's window, and the others have theirs."""
    held = peer.head('/do/echo-stream', method='POST', end=False)
    peer.send(held)
    peer.generous = False   # nothing of its echo is taken, so it takes no more either
    sent = 0
    peer.ping()
    while min(peer.window, peer.stream_windows[held.stream_id]) >= 16384:
        peer.window -= 16384
        peer.stream_windows[held.stream_id] -= 16384
        peer.data(held.stream_id, b'x' * 16384)
        sent += 16384
        peer.ping()
    peer.give(0, 1 << 20)
    assert peer.get('/do/count', method='POST', body=b'y' * 50000).body == b'50000'
    peer.generous = True
    peer.give(held.stream_id, 1 << 20)
    peer.data(held.stream_id, end=True)
    assert len(peer.reply(held.stream_id).body) == sent


# ---- Flow control of replies --------------------------------------------------------------------

def test_window_of_a_stream_stops_that_stream_alone(d):
    p = Peer(d.connect(), settings={http2.INITIAL_WINDOW_SIZE: 1000}, generous=False)
    p.send(SettingsFrame(0, flags=['ACK']))
    stuck = p.request('/large')
    p.until(lambda: len(p.replies[stuck].body) == 1000)
    p.give(0, 1 << 20)
    assert p.get('/plain').body == b'plain'
    assert len(p.replies[stuck].body) == 1000
    p.give(stuck, 1 << 20)
    assert len(p.reply(stuck).body) == 200000


def test_zero_window_does_not_hold_a_reply_for_ever(serve):
    p = Peer(serve({'stall_timeout': '1s'}).connect(), settings={http2.INITIAL_WINDOW_SIZE: 0}, generous=False)
    p.send(SettingsFrame(0, flags=['ACK']))
    for path in '/large', '/do/long':
        assert p.get(path).reset == http2.CANCEL
    assert p.get('/do/none').status == 204


def test_tiny_windows_get_no_tiny_frames(d):
    p = Peer(d.connect(), settings={http2.INITIAL_WINDOW_SIZE: 0}, generous=False)
    p.send(SettingsFrame(0, flags=['ACK']))
    stream = p.request('/large')
    for _ in range(1023):
        p.give(stream, 1)
    p.ping()
    assert p.replies[stream].body == b''
    p.give(stream, 1)
    p.until(lambda: len(p.replies[stream].body) >= 1024)


def test_reply_goes_on_when_the_connection_has_room_again(d):
    """A window of the connection that is too small for a frame holds a reply no longer than that.

    The reply would go on after a second anyway, so only many of these waits show the difference.
    """
    p = Peer(d.connect(), settings={http2.INITIAL_WINDOW_SIZE: 1 << 20}, generous=False)
    p.send(SettingsFrame(0, flags=['ACK']))
    stream = p.request('/large')
    p.until(lambda: len(p.replies[stream].body) == http2.WINDOW)
    begun = time.monotonic()
    for n in range(30):
        p.give(0, 500)     # too little for a frame
        p.ping()
        p.give(0, 1000)
        p.until(lambda: len(p.replies[stream].body) == http2.WINDOW + 1500 * (n + 1))
    assert time.monotonic() - begun < 15


def test_reply_goes_on_when_the_initial_window_grows(d):
    p = Peer(d.connect(), settings={http2.INITIAL_WINDOW_SIZE: 500}, generous=False)
    p.send(SettingsFrame(0, flags=['ACK']))
    begun = time.monotonic()
    for _ in range(20):
        p.send(SettingsFrame(0, settings={http2.INITIAL_WINDOW_SIZE: 500}))
        stream = p.request('/plenty')
        p.ping()
        p.send(SettingsFrame(0, settings={http2.INITIAL_WINDOW_SIZE: 1 << 16}))
        p.give(0, 3000)
        assert len(p.reply(stream).body) == 3000
    assert time.monotonic() - begun < 10


# ---- The end ------------------------------------------------------------------------------------

def test_reset_by_the_client_ends_the_request(d, peer):
    stream = peer.request('/do/long')
    peer.until(lambda: peer.replies[stream].body)
    peer.send(RstStreamFrame(stream, error_code=http2.CANCEL))
    d.log.wait(r'probe: /do/long is over: 1$')


def test_client_that_goes(d):
    p = Peer(d.connect())
    stream = p.request('/do/long')
    p.until(lambda: p.replies[stream].body)
    p.sock.close()
    d.log.wait(r'probe: /do/long is over: 1$')


def test_stop_goes_away_twice_and_finishes(serve):
    d = serve(stop_grace='200ms')
    p = Peer(d.connect())
    p.get('/plain')
    begun = p.head('/do/count', method='POST', end=False)
    p.send(begun)
    p.ping()
    d.signal(signal.SIGTERM)
    p.until(lambda: len(p.goaways) == 1)
    assert p.goaways[0][:2] == (0x7fffffff, http2.NO_ERROR)
    late = p.request('/plain')   # it was on its way
    assert p.reply(late).body == b'plain'
    p.until(lambda: len(p.goaways) == 2)
    assert p.goaways[1][:2] == (late, http2.NO_ERROR)
    p.data(begun.stream_id, b'abc', end=True)
    assert p.reply(begun.stream_id).body == b'3'
    p.rest()
    p.sock.close()
    assert d.wait() == 0


def test_requests_max_goes_away(serve):
    p = Peer(serve(requests_max=3, stop_grace='100ms').connect())
    for _ in range(3):
        assert p.get('/plain').status == 200
    p.rest()
    assert [g[:2] for g in p.goaways] == [(0x7fffffff, 0), (5, 0)]


# ---- Clients that cost more than they pay -------------------------------------------------------

def test_streams_at_once(serve):
    p = Peer(serve({'streams_max': 3}).connect())
    p.until(lambda: p.settings)
    p.ping()
    held = [p.head('/do/count', method='POST', end=False) for _ in range(4)]
    p.send(*held[:3])
    p.ping()
    for frame in held[:3]:
        p.data(frame.stream_id, b'x', end=True)
        assert p.reply(frame.stream_id).body == b'1'
    p.send(p.head('/do/count', method='POST', end=False), p.head('/do/count', method='POST', end=False),
           p.head('/do/count', method='POST', end=False), p.head('/do/count', method='POST', end=False))
    while p.read() is not None:
        if p.goaways or any(r.reset is not None for r in p.replies.values()):
            break
    assert p.goaways or http2.REFUSED_STREAM in [r.reset for r in p.replies.values()]


@pytest.mark.parametrize('count, ends', [(50, False), (51, True)])
def test_resets(serve, count, ends):
    p = Peer(serve({'resets_max': 50}).connect())
    p.until(lambda: p.settings)
    for _ in range(count):
        frame = p.head('/do/long')
        p.send(frame, RstStreamFrame(frame.stream_id, error_code=http2.CANCEL))
    if ends:
        assert p.rest()[1] == http2.ENHANCE_YOUR_CALM
    else:
        assert p.get('/plain').status == 200


def test_resets_that_the_server_is_made_to_send(serve):
    p = Peer(serve({'resets_max': 50}).connect())
    p.until(lambda: p.settings)
    for _ in range(51):   # the window of a stream overflows
        frame = p.head('/do/long')
        p.send(frame, http2.WindowUpdateFrame(frame.stream_id, window_increment=0x7fffffff))
    assert p.rest()[1] == http2.ENHANCE_YOUR_CALM


@pytest.mark.parametrize('frame', [
    lambda stream: http2.DataFrame(stream), lambda stream: PriorityFrame(stream, depends_on=0, stream_weight=1),
    lambda stream: http2.WindowUpdateFrame(0, window_increment=1), lambda stream: PingFrame(0, b'12345678'),
    lambda stream: SettingsFrame(0)], ids=['data', 'priority', 'window', 'ping', 'settings'])
def test_frames_without_use(serve, frame):
    p = Peer(serve({'glitches_max': 100}).connect())
    p.until(lambda: p.settings)
    held = p.head('/do/count', method='POST', end=False)
    p.send(held)
    for _ in range(90):
        p.send(frame(held.stream_id))
    p.data(held.stream_id, end=True)
    assert p.reply(held.stream_id).body == b'0'
    held = p.head('/do/count', method='POST', end=False)
    p.send(held)
    for _ in range(110):
        p.send(frame(held.stream_id))
    assert p.rest()[1] == http2.ENHANCE_YOUR_CALM


def test_continuation_flood(d):
    p = Peer(d.connect())
    frame = p.head('/plain')
    frame.flags.discard('END_HEADERS')
    p.send(frame, *[ContinuationFrame(frame.stream_id, b'') for _ in range(20)])
    assert p.rest() is not None


# ---- Seen ---------------------------------------------------------------------------------------

def test_access_log(serve, tmp_path):
    d = serve(access_log={'target': str(tmp_path / 'access.log')})
    p = Peer(d.connect())
    for path in '/plain', '/do/show', '/f/big', '/do/long':
        assert p.get(path).status == 200

    def logged():
        return [line.split('"')[1] + line.split('"')[2]
                for line in (tmp_path / 'access.log').read_text().splitlines()]
    eventually(lambda: len(logged()) == 4, 'a line is missing')
    assert logged()[0] == 'GET /plain HTTP/2.0 200 5 ' and logged()[2] == f'GET /f/big HTTP/2.0 200 {len(BIG)} '
    assert logged()[3] == 'GET /do/long HTTP/2.0 200 4000000 '
