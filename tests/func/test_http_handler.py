"""The functions of goevd/http.h, through a real handler: tests/plugin/http_probe.c."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import daemon
from daemon import ROOT, config, eventually, listener
from redis import Redis
from wire import Reader, closed, request, stuff

pytestmark = pytest.mark.sequential

FILE = b'0123456789'


@pytest.fixture
def serve(goevd, plugins):
    """serve(options of http, options of the listener, plugins in a row) -> a Daemon."""
    file = plugins / 'content'
    file.write_bytes(FILE)

    def start(listener_options=None, row=None, **http):
        probe = {'http_probe': {'file': str(file), 'stream': 'echo'}}
        routes = [{'path': '/do/{id}', 'handler': probe},
                  {'path': '/do/{id}/*', 'handler': probe},
                  {'path': '/row/{id}', 'handler': row or probe},
                  {'path': '/plain', 'respond': {'body': 'plain'}}]
        return goevd(config(listener(handler={'http': {'routes': routes, **http}},
                                     **(listener_options or {})),
                            plugin_dir=str(plugins), log={'level': 'info'},
                            stop_timeout='5s'))
    return start


@pytest.fixture
def probe(serve):
    """A goevd with the handler on /do/{id}."""
    return serve()


def ask(d, what, method='GET', body=b'', version='1.1', **headers):
    """A new connection that has sent a request, and its reader."""
    s = d.connect()
    if body:
        headers['Content-Length'] = len(body)
    s.sendall(request(f'/do/{what}', method, version, **headers) + body)
    return s, Reader(s)


def over(d, path, reason, count=1):
    """The handler's on_close has run for that many requests, once for each."""
    d.log.wait(rf'probe: {path} is over: {reason}$', count)
    assert len(d.log.find(rf'probe: {path} is over: ')) == count


def answer(d, what, **more):
    """Status, headers and body of a request on a connection of its own; it stays usable."""
    s, reader = ask(d, what, **more)
    found = reader.response()
    s.sendall(request('/plain'))
    assert reader.response()[2] == b'plain'
    return found


def head(reader):
    """Status line and headers as they were sent."""
    return reader.until(b'\r\n\r\n').decode()


# ---- The request --------------------------------------------------------------------------------

def test_request_is_told_as_it_was_sent(probe):
    s = probe.connect()
    s.sendall(b'PATCH /do/%73how/a//b/./c?x=%20y HTTP/1.1\r\nhOsT: test\r\nX-One:  1 \r\nx-one: 2\r\n'
              b'Empty:\r\n\r\n')
    _, _, body = Reader(s).response()
    assert re.sub(r'poller=[0-9]+', 'poller=0', body.decode()).split('\n') == [
        'method=5', 'version=11', 'scheme=http', 'target=/do/%73how/a//b/./c?x=%20y',
        'path=/do/show/a/b/c', 'raw_path=/do/%73how/a//b/./c', 'query=x=%20y', 'param=show',
        'rest=a/b/c', 'no param=1', 'x-one=1', 'no header=1', 'name=hOsT', 'value=test', 'name=X-One', 'value=1', 'name=x-one',
        'value=2', 'name=Empty', 'value=', 'length=0', 'families=1', 'local=4711', 'poller=0', '']
    over(probe, '/do/show/a/b/c', 0)


@pytest.mark.parametrize('target, raw, query', [
    ('http://test/do/show', '/do/show', 'no query='),
    ('http://test/do/show?', '/do/show', 'query='),
    ('/do/show?a?b', '/do/show', 'query=a?b')])
def test_parts_of_the_target(probe, target, raw, query):
    s = probe.connect()
    s.sendall(request(target, version='1.0'))
    lines = Reader(s).response()[2].decode().split('\n')
    assert {'version=10', 'scheme=http', f'target={target}', 'path=/do/show', f'raw_path={raw}',
            query, 'rest='} <= set(lines)


def test_length_is_told_before_the_body(probe):
    for more, said in (({'body': b'abc'}, 3), ({}, 0), ({'Transfer_Encoding': 'chunked'}, -1)):
        s, reader = ask(probe, 'show', 'POST', **more)
        assert f'length={said}' in reader.response()[2].decode().split('\n')
        s.close()


@pytest.mark.parametrize('method', ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
def test_handlers_get_all_methods(probe, method):
    number = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].index(method)
    assert f'method={number}\n'.encode() in answer(probe, 'show', method=method)[2]


# ---- Replies ------------------------------------------------------------------------------------

def test_head_gets_the_head_alone(probe):
    for what in ('show', 'headers', 'sized', 'file'):
        s, reader = ask(probe, what, 'HEAD')
        assert int(reader.response(head=True)[1]['content-length']) > 0
        s.sendall(request('/plain'))
        assert reader.response()[2] == b'plain'
    s, reader = ask(probe, 'chunks', 'HEAD')
    assert 'Transfer-Encoding: chunked\r\n' in head(reader)
    s.sendall(request('/plain'))
    assert reader.response()[2] == b'plain'


@pytest.mark.parametrize('what, status, length', [
    ('none', 204, None), ('same', 304, None), ('reset', 205, '0')])
def test_statuses_without_content(probe, what, status, length):
    found, headers, body = answer(probe, what)
    assert (found, headers.get('content-length'), body) == (status, length, b'')
    assert 'transfer-encoding' not in headers


def test_headers_are_added_in_order(probe):
    s, reader = ask(probe, 'headers')
    assert re.fullmatch(r'HTTP/1.1 404 Not Found\r\nServer: goevd\r\nDate: .{29}\r\n'
                        r'Content-Type: text/plain\r\nX-Answer: 42\r\nX-Empty: \r\n'
                        r'Content-Length: 4\r\n\r\n', head(reader))
    assert reader.exactly(4) == b'gone'


def test_what_would_break_the_framing_is_refused(probe):
    assert answer(probe, 'refused-headers')[2] == b'fine'


def test_interim_reply_comes_first(probe):
    s, reader = ask(probe, 'hints')
    assert head(reader) == 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
    status, headers, body = reader.response()
    assert (status, body) == (200, b'hinted') and 'link' not in headers
    _, reader = ask(probe, 'hints', version='1.0')
    assert reader.response()[0] == 200


def test_content_in_chunks_with_a_trailer(probe):
    s, reader = ask(probe, 'chunks')
    said = head(reader)
    assert 'Transfer-Encoding: chunked\r\n' in said and 'Content-Length' not in said
    assert reader.chunks() == (b'one two', ['X-Sum: 7'])
    s.sendall(request('/plain'))
    assert reader.response()[2] == b'plain'


def test_content_of_unknown_length_to_an_old_client_ends_with_the_connection(probe):
    _, reader = ask(probe, 'chunks', version='1.0', Connection='keep-alive')
    assert 'Connection: close\r\n' in head(reader)
    assert reader.rest() == b'one two'


def test_content_of_known_length(probe):
    assert answer(probe, 'sized')[2] == b'one two'


@pytest.mark.parametrize('what, got', [('short', b'one'), ('over', b'one')])
def test_content_that_is_not_as_long_as_announced_ends_the_connection(probe, what, got):
    probe.may_say = ['has not written content of the announced length']
    _, reader = ask(probe, what)
    head(reader)
    assert reader.rest() == got
    over(probe, f'/do/{what}', 3)


@pytest.mark.parametrize('what, length', [('file', '14'), ('file-chunks', None)])
def test_parts_of_a_file_and_memory_without_a_copy(probe, what, length):
    s, reader = ask(probe, what)
    said = head(reader)
    body = reader.exactly(14) if length else reader.chunks()[0]
    assert body == b'<23456|shared>'
    assert (f'Content-Length: {length}\r\n' in said) == bool(length)
    probe.log.wait(r'released 0$', 2)
    s.sendall(request('/plain'))
    assert reader.response()[2] == b'plain'


@pytest.mark.parametrize('what', ['long', 'large', 'long-chunks'])
def test_a_slow_client_gets_all_of_a_long_reply(serve, what):
    d = serve({'output_low': 20000, 'output_high': 40000, 'output_max': 60000})
    s = d.connect(receive_buffer=16384)
    s.sendall(request(f'/do/{what}') + request('/plain'))
    reader = Reader(s)
    said = head(reader)
    body = reader.chunks()[0] if 'chunks' in what else reader.exactly(4000000)
    assert len(body) == 4000000 and ('chunked' in said) == ('chunks' in what)
    assert reader.response()[2] == b'plain'
    over(d, f'/do/{what}', 0)


def test_handler_that_fails(probe):
    probe.may_say = ['the handler of the route /do/{id} has failed']
    _, reader = ask(probe, 'fail')
    status, headers, _ = reader.response()
    assert (status, headers['connection']) == (500, 'close')
    assert reader.rest() == b''
    probe.log.wait(r'info .*: the handler of the route /do/{id} has returned -\d+ \(\w.*\)$')
    over(probe, '/do/fail', 3)


def test_abort(probe):
    probe.may_say = ['the handler of the route /do/{id} has failed']
    _, reader = ask(probe, 'abort')
    assert reader.rest() == b''
    over(probe, '/do/abort', 3)


# ---- Bodies -------------------------------------------------------------------------------------

def sent_chunked(data, size=1000):
    """A body in chunks."""
    pieces = [data[i:i + size] for i in range(0, len(data), size)]
    return b''.join(b'%x\r\n%s\r\n' % (len(p), p) for p in pieces) + b'0\r\nX-Trailer: 1\r\n\r\n'


@pytest.mark.parametrize('cut', [None, 1, 100])
@pytest.mark.parametrize('chunked', [False, True])
@pytest.mark.parametrize('what', ['gather', 'count', 'sip', 'twice'])
def test_bodies_however_they_come(probe, what, chunked, cut):
    data = bytes(range(256)) * 5
    body = sent_chunked(data, 77) if chunked else data
    framing = {'Transfer_Encoding': 'chunked'} if chunked else {'Content_Length': len(data)}
    s = probe.connect()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bytes_ = request(f'/do/{what}', 'POST', **framing) + body + request('/plain')
    for i in range(0, len(bytes_), cut or len(bytes_)):
        s.sendall(bytes_[i:i + (cut or len(bytes_))])
    reader = Reader(s)
    assert reader.response()[2] == (data if what == 'gather' else b'%d' % len(data))
    assert reader.response()[2] == b'plain'
    over(probe, f'/do/{what}', 0)


@pytest.mark.parametrize('what, said', [('gather', b''), ('count', b'0')])
def test_body_that_is_empty(probe, what, said):
    assert answer(probe, what)[2] == said
    assert answer(probe, what, method='POST', Content_Length='0')[2] == said
    s, reader = ask(probe, what, 'POST', Transfer_Encoding='chunked')
    s.sendall(b'0\r\n\r\n')
    assert reader.response()[2] == said


@pytest.mark.parametrize('cut', [None, 1])
def test_trailers_come_with_the_end_of_the_body(probe, cut):
    for lines, said in (
            (b'', b''), (b'X-Sum:7\r\nx-sum: \t8 9\t \r\nEmpty:\r\n',
                         b'name=X-Sum\nvalue=7\nname=x-sum\nvalue=8 9\nname=Empty\nvalue=\n'),
            (b'A: ' + b'x' * 16000 + b'\r\n', b'name=A\nvalue=' + b'x' * 16000 + b'\n')):
        if cut and len(lines) > 1000:
            continue
        s = probe.connect()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = (request('/do/trailers', 'POST', Transfer_Encoding='chunked')
                + b'3\r\nabc\r\n0\r\n' + lines + b'\r\n' + request('/plain'))
        for i in range(0, len(sent), cut or len(sent)):
            s.sendall(sent[i:i + (cut or len(sent))])
        reader = Reader(s)
        assert reader.response()[2] == said
        assert reader.response()[2] == b'plain'
    assert answer(probe, 'trailers', method='POST', body=b'abc')[2] == b''   # there can be none


def test_upload_is_echoed_while_it_comes(probe):
    s, reader = ask(probe, 'echo-stream', 'POST', Transfer_Encoding='chunked')
    head(reader)
    for text in (b'one', b'two', b'three'):
        s.sendall(b'%x\r\n%s\r\n' % (len(text), text))
        assert reader.until(b'\r\n') == b'%x\r\n' % len(text)
        assert reader.exactly(len(text) + 2) == text + b'\r\n'
    s.sendall(b'0\r\n\r\n')
    assert reader.exactly(5) == b'0\r\n\r\n'


def test_nothing_is_read_while_the_handler_takes_nothing(serve):
    d = serve({'output_low': 20000, 'output_high': 40000, 'output_max': 60000,
               'send_buffer': 4096, 'receive_buffer': 4096}, body_max='1GiB')
    s = d.connect(receive_buffer=4096)
    s.sendall(request('/do/echo-stream', 'POST', Content_Length=100000000))
    sent = stuff(s, 100000000)
    assert sent < 50000000   # the rest waits on this side
    reader = Reader(s)
    head(reader)
    got = 0
    while got < sent:
        got += len(reader.chunk())
    assert got == sent


@pytest.mark.parametrize('chunked', [False, True])
@pytest.mark.parametrize('size, status', [(10, 200), (11, 413)])
def test_limit_of_the_handler(probe, size, status, chunked):
    framing = {'Transfer_Encoding': 'chunked'} if chunked else {'Content_Length': size}
    s = probe.connect()
    body = sent_chunked(b'x' * size, 3) if chunked else b'x' * size
    s.sendall(request('/do/ten', 'POST', **framing) + body)
    assert Reader(s).response()[0] == status
    over(probe, '/do/ten', 0 if status == 200 else 2)


@pytest.mark.parametrize('size, status', [(100, 200), (101, 413)])
def test_limit_of_the_configuration(serve, size, status):
    d = serve(body_max=100)
    _, reader = ask(d, 'gather', 'POST', b'x' * size)
    assert reader.response()[0] == status


def test_16_mib_in_linear_time(probe):
    data = b'0123456789abcdef' * (1 << 20)

    def cost(body):
        before = time.process_time(), probe_cpu(probe)
        s = probe.connect()
        s.sendall(request('/do/count', 'POST', Content_Length=len(body)) + body)
        assert Reader(s).response()[2] == b'%d' % len(body)
        s.sendall(request('/do/gather', 'POST', Content_Length=len(body)) + body)
        assert Reader(s).response()[2] == body
        return probe_cpu(probe) - before[1]
    small = sum(cost(data[:1 << 20]) for _ in range(4)) / 4
    assert cost(data) < max(16 * small * 4, 0.5)


def probe_cpu(d):
    """Seconds of CPU that the worker has used."""
    fields = open(f'/proc/{d.worker()}/stat').read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_100_continue_is_sent_when_the_body_is_wanted(probe):
    s, reader = ask(probe, 'gather', 'POST', Content_Length=3, Expect='100-continue')
    assert head(reader) == 'HTTP/1.1 100 Continue\r\n\r\n'
    s.sendall(b'abc' + request('/plain'))
    assert reader.response()[2] == b'abc'
    assert reader.response()[2] == b'plain'


def test_final_reply_instead_of_100_continue_ends_the_connection(probe):
    _, reader = ask(probe, 'headers', 'POST', Content_Length=3, Expect='100-continue')
    status, headers, _ = reader.response()
    assert (status, headers['connection']) == (404, 'close')
    assert reader.rest() == b''


@pytest.mark.parametrize('chunked', [False, True])
@pytest.mark.parametrize('what', ['headers', 'early'])
def test_body_that_is_not_read_to_its_end_is_dropped(probe, what, chunked):
    data = b'x' * 10000
    framing = {'Transfer_Encoding': 'chunked'} if chunked else {'Content_Length': len(data)}
    body = sent_chunked(data) if chunked else data
    s = probe.connect()
    s.sendall(request(f'/do/{what}', 'POST', **framing) + body[:1003])
    reader = Reader(s)
    assert reader.response()[2] == (b'gone' if what == 'headers' else b'early')
    s.sendall(body[1003:] + request('/plain'))
    assert reader.response()[2] == b'plain'
    over(probe, f'/do/{what}', 0)


def test_reply_before_a_body_that_is_too_long_to_drop_is_not_lost(serve):
    d = serve(body_discard_max=1000)
    s = d.connect()
    s.sendall(request('/do/headers', 'POST', Content_Length=5000000) + b'x' * 200000)
    reader = Reader(s)
    status, headers, body = reader.response()
    assert (status, headers['connection'], body) == (404, 'close', b'gone')
    assert closed(s)


@pytest.mark.parametrize('length, connection', [(900, None), (5000000, 'close')])
def test_early_reply_to_a_body_that_is_too_long_to_drop_says_close(serve, length, connection):
    d = serve(body_discard_max=1000)
    s = d.connect()
    s.sendall(request('/do/early', 'POST', Content_Length=length) + b'x' * 4)
    reader = Reader(s)
    _, headers, body = reader.response()
    assert (headers.get('connection'), body) == (connection, b'early')
    if connection:
        assert closed(s)
    else:
        s.sendall(b'x' * (length - 4) + request('/plain'))
        assert reader.response()[2] == b'plain'


@pytest.mark.parametrize('what', ['early', 'headers'])
def test_early_reply_to_a_chunked_body_of_any_length_can_go_on(serve, what):
    """Its length is unknown: all of it is read."""
    s = serve(body_discard_max=1000).connect()
    s.sendall(request(f'/do/{what}', 'POST', Transfer_Encoding='chunked') + b'4\r\nxxxx\r\n')
    reader = Reader(s)
    assert 'connection' not in reader.response()[1]
    for _ in range(20):
        s.sendall(b'10000\r\n' + b'x' * 0x10000 + b'\r\n')
    s.sendall(b'0\r\n\r\n' + request('/plain'))
    assert reader.response()[2] == b'plain'


def test_rest_of_an_answered_body_has_its_time(serve):
    """The timeout grows with the received bytes: 1000 bytes add a second."""
    s = serve(body_timeout='300ms', body_rate='1000B/s').connect()
    begin = time.monotonic()
    s.sendall(request('/do/early', 'POST', Transfer_Encoding='chunked') + b'4\r\nxxxx\r\nc8\r\n' + b'x' * 200)
    Reader(s).response()
    assert closed(s) and time.monotonic() - begin >= 0.48   # goevd's clock may be some ticks behind


@pytest.mark.parametrize('chunked', [False, True])
def test_long_body_that_is_read_while_the_reply_is_sent_says_no_close(serve, chunked):
    d = serve(body_discard_max=1000)
    s = d.connect()
    data = b'x' * 50000
    framing = {'Transfer_Encoding': 'chunked'} if chunked else {'Content_Length': len(data)}
    s.sendall(request('/do/echo-stream', 'POST', **framing))
    reader = Reader(s)
    head = reader.until(b'\r\n\r\n').lower()
    assert b'connection' not in head
    s.sendall(sent_chunked(data) if chunked else data)
    assert reader.chunks()[0] == data
    s.sendall(request('/plain'))
    assert reader.response()[2] == b'plain'


def test_where_requests_are_counted_an_early_reply_says_close(serve):
    s = serve(requests_max=10).connect()
    s.sendall(request('/do/early', 'POST', Transfer_Encoding='chunked') + b'4\r\nxxxx\r\n')
    assert Reader(s).response()[1]['connection'] == 'close' and closed(s)


@pytest.mark.parametrize('body, status', [(b'x\r\n', 400), (b'3\r\nabcd', 400)])
def test_broken_chunk(probe, body, status):
    s, reader = ask(probe, 'count', 'POST', Transfer_Encoding='chunked')
    s.sendall(body)
    assert reader.response()[0] == status
    assert reader.rest() == b''
    over(probe, '/do/count', 2)


def test_body_that_comes_too_slowly(serve):
    d = serve(body_timeout='100ms', body_rate='0')
    _, reader = ask(d, 'count', 'POST', Content_Length=3)
    assert reader.response()[0] == 408
    over(d, '/do/count', 2)


def test_body_that_comes_fast_enough_gets_more_time(serve):
    d = serve(body_timeout='100ms', body_rate='100B/s')
    s, begun = d.connect(), time.monotonic()
    s.sendall(request('/do/count', 'POST', Content_Length=1000) + b'x' * 100)   # a second more
    assert Reader(s).response()[0] == 408
    assert time.monotonic() - begun >= 1


def test_handler_that_refuses_a_part_of_the_body(probe):
    probe.may_say = ['has failed']
    _, reader = ask(probe, 'bad-body', 'POST', b'abc')
    assert reader.response()[0] == 500
    over(probe, '/do/bad-body', 3)


# ---- Later --------------------------------------------------------------------------------------

@pytest.mark.parametrize('what, status, body', [
    ('timer', 200, b'in time'), ('job', 200, b'job 7'), ('call', 200, b'called'),
    ('send', 201, b'sent')])
def test_reply_comes_later_and_pipelined_requests_wait(probe, what, status, body):
    s = probe.connect()
    s.sendall(request(f'/do/{what}') + request('/plain') + request(f'/do/{what}', 'POST',
              Content_Length=3) + b'abc' + request('/plain'))
    reader = Reader(s)
    for wanted in ((status, body), (200, b'plain')) * 2:
        found = reader.response()
        assert (found[0], found[2]) == wanted
    over(probe, f'/do/{what}', 0, 2)


def test_reply_for_a_client_that_has_gone_is_dropped(probe):
    s, _ = ask(probe, 'slow')
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    s.close()
    over(probe, '/do/slow', 1)
    probe.log.wait(r'sent -32$')


def test_more_behind_a_reply_that_is_awaited_than_can_be_kept(serve):
    d = serve({'tail_max': 32768})
    s = d.connect()
    s.sendall(request('/do/timer') + request('/plain') * 2000)
    reader = Reader(s)
    assert reader.response()[2] == b'in time'
    for _ in range(2000):
        assert reader.response()[2] == b'plain'


def test_half_closed_client_gets_its_answer(probe):
    s, reader = ask(probe, 'timer')
    s.shutdown(socket.SHUT_WR)
    assert reader.response()[2] == b'in time'
    assert reader.rest() == b''
    over(probe, '/do/timer', 0)


def test_half_closed_client_with_a_body_that_is_not_whole(probe):
    s, reader = ask(probe, 'count', 'POST', Content_Length=10)
    s.sendall(b'abc')
    s.shutdown(socket.SHUT_WR)
    assert reader.response()[0] == 400
    over(probe, '/do/count', 2)


@pytest.mark.parametrize('what, method, body', [
    ('wait', 'GET', b''), ('count', 'POST', b'abc'), ('sip', 'POST', b''), ('long', 'GET', b''),
    ('long-chunks', 'GET', b'')])
def test_client_that_goes_away_is_told_once(serve, what, method, body):
    d = serve({'send_buffer': 4096})
    for _ in range(5):
        s = d.connect(receive_buffer=4096)
        more = {'Content_Length': 100} if method == 'POST' else {}
        s.sendall(request(f'/do/{what}', method, **more) + body)
        if what.startswith('long'):
            s.recv(1000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        s.close()
    over(d, f'/do/{what}', 1, 5)


def test_stop_waits_for_what_has_begun(probe):
    s, reader = ask(probe, 'slow')
    t, other = ask(probe, 'count', 'POST', Content_Length=3)
    probe.signal(signal.SIGTERM)
    status, headers, _ = reader.response()
    assert (status, headers['connection']) == (201, 'close')
    t.sendall(b'abc')
    status, headers, body = other.response()
    assert (headers['connection'], body) == ('close', b'3')
    assert closed(s) and closed(t)


# ---- Several handlers, other protocols ----------------------------------------------------------

def test_handlers_are_asked_in_their_order(serve):
    row = [{'http_probe': {'name': name}} for name in ('first', 'second')]
    d = serve(row=row)
    s = d.connect()
    s.sendall(request('/row/next') + request('/row/show'))
    reader = Reader(s)
    said = head(reader)
    assert said.startswith('HTTP/1.1 404 ') and 'X-Passed: first\r\nX-Passed: second\r\n' in said
    reader.exactly(int(re.search(r'Content-Length: (\d+)', said)[1]))
    assert reader.response()[0] == 200
    found = d.log.wait(r'(first|second): /row/(\w+) is over: 0$', 3)
    assert [m.groups() for m in found] == [('second', 'next'), ('first', 'next'), ('first', 'show')]


def test_upgrade_hands_over_what_was_not_read(probe):
    s, reader = ask(probe, 'upgrade', Connection='x, Upgrade', Upgrade='other, Probe')
    assert re.fullmatch(r'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n'
                        r'Upgrade: probe\r\nX-Answer: 42\r\n\r\n', head(reader))
    s.sendall(b'echo')
    assert reader.exactly(4) == b'echo'
    over(probe, '/do/upgrade', 4)
    t = probe.connect()
    t.sendall(request('/do/upgrade', Connection='upgrade', Upgrade='probe') + b'unread')
    reader = Reader(t)
    head(reader)
    assert reader.exactly(6) == b'unread'


def test_upgrade_is_required(probe):
    status, headers, _ = answer(probe, 'upgrade')
    assert (status, headers['upgrade'], headers['connection']) == (426, 'probe', 'upgrade')
    assert answer(probe, 'upgrade', Upgrade='probe')[0] == 426    # the Connection header does not announce it
    assert answer(probe, 'upgrade-here', Connection='upgrade', Upgrade='probe')[2] == b'no'


# ---- Routes -------------------------------------------------------------------------------------

def test_routes_with_names(goevd):
    d = goevd(config(listener(handler={'http': {'routes': [
        {'path': path, 'respond': {'body': path}} for path in (
            '/a/b', '/a/{x}', '/a/{x}/c', '/a/{x}/{y}', '/a/*', '/{x}/b', '/a/b/*', '/a/{x}/c/*')]}})))
    for path, route in (('/a/b', '/a/b'), ('/a/x', '/a/{x}'), ('/a/x/c', '/a/{x}/c'),
                        ('/a/x/d', '/a/{x}/{y}'), ('/a/x/d/e', '/a/*'), ('/a/', '/a/*'),
                        ('/q/b', '/{x}/b'), ('/a/b/c', '/a/b/*'), ('/a/x/c/', '/a/{x}/c/*'),
                        ('/a/x/c/d/e', '/a/{x}/c/*'), ('/b', None), ('//b', None), ('/q/b/', None)):
        s = d.connect()
        s.sendall(request(path))
        status, _, body = Reader(s).response()
        assert (status, body if status == 200 else None) == (
            (200, route.encode()) if route else (404, None)), path


@pytest.mark.parametrize('path', ['/{', '/{}', '/a{b}', '/{a}b', '/{a-b}', '/}', '/{a}{b}'])
def test_braces_that_mean_nothing_are_refused(refused, path):
    said = refused(config(listener(handler={'http': {'routes': [
        {'path': path, 'respond': {'body': 'x'}}]}})))
    assert f'routes[0].path: "{path}": braces are permitted only in a whole segment {{name}}' in said


@pytest.mark.parametrize('path, name', [('/{a}/{a}', 'a'), ('/{ab}/{a}/x/{ab}/*', 'ab')])
def test_names_that_stand_for_two_segments_are_refused(refused, path, name):
    said = refused(config(listener(handler={'http': {'routes': [
        {'path': path, 'respond': {'body': 'x'}}]}})))
    assert f'routes[0].path: "{path}" has {{{name}}} twice' in said


def test_routes_that_match_the_same_are_refused(refused):
    said = refused(config(listener(handler={'http': {'routes': [
        {'path': path, 'respond': {'body': 'x'}} for path in ('/{a}/b', '/{c}/b')]}})))
    assert 'routes[1].path: an earlier route answers "/{c}/b"' in said


# ---- Where a stream handler is wanted -----------------------------------------------------------

def test_handler_is_put_behind_http(goevd, plugins):
    d = goevd(config(listener(handler={'http_probe': {'name': 'alone'}}), plugin_dir=str(plugins),
                     log={'level': 'info'}))
    s = d.connect()
    s.sendall(request('/anything'))
    assert Reader(s).response()[0] == 200
    d.log.wait('alone: /anything is over: 0$')


def test_options_of_a_handler_behind_http_are_told_where_they_are(refused, plugins):
    said = refused(config(listener(handler={'http_probe': {'nme': 'x'}}), plugin_dir=str(plugins)))
    assert re.search(r'goevd.yaml:\d+:\d+: .*http_probe.nme: unknown key, did you mean name', said)


def test_plugin_that_is_no_handler_is_refused(refused):
    said = refused(config(listener(handler={'http': {'routes': [
        {'path': '/', 'handler': 'echo'}]}})))
    assert "plugin 'echo' cannot be used here: it has no interface goevd.http" in said


# ---- The examples, built as their readers do, with what is installed ----------------------------

@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """pkg-config of an installed goevd."""
    folder = tmp_path_factory.mktemp('installed')
    subprocess.run(['meson', 'install', '-C', daemon.BUILD, '--no-rebuild', '--destdir', folder],
                   check=True, stdout=subprocess.DEVNULL)
    pc = next(folder.rglob('goevd.pc'))

    def ask(*args):
        return subprocess.run(
            ['pkg-config', *args, 'goevd'], check=True, text=True, capture_output=True,
            env={**os.environ, 'PKG_CONFIG_PATH': str(pc.parent),
                 'PKG_CONFIG_SYSROOT_DIR': str(folder)}).stdout.split()
    return ask


def build(installed, folder, name, *packages):
    """examples/NAME/NAME.c as a plugin in a folder of its own, without goevd's sources."""
    folder = folder / name
    folder.mkdir()
    shutil.copy(ROOT / 'examples' / name / f'{name}.c', folder)
    flags = [subprocess.run(['pkg-config', kind, *packages], check=True, text=True,
                            capture_output=True).stdout.split() if packages else []
             for kind in ('--cflags', '--libs')]
    done = subprocess.run(
        ['cc', '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', *installed('--cflags'),
         *flags[0], '-shared', '-fPIC', '-fvisibility=hidden', '-Wl,-z,defs', '-o', f'{name}.so',
         f'{name}.c', *flags[1]], cwd=folder, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, '')
    return folder


def test_pkg_config_tells_where_plugins_go(installed):
    where = installed('--variable=plugindir')[0]
    assert where.endswith('/goevd/plugins')


def test_example_hello(installed, goevd, tmp_path):
    assert len((ROOT / 'examples/hello/hello.c').read_text().split('\n')) <= 40
    folder = build(installed, tmp_path, 'hello')
    d = goevd(config(listener(handler='hello'), plugin_dir=str(folder)))
    s = d.connect()
    s.sendall(request('/any') * 3)
    reader = Reader(s)
    for _ in range(3):
        status, headers, body = reader.response()
        assert (status, headers['content-type'], body) == (200, 'text/plain', b'Hello, World!')


def test_example_guestbook(installed, goevd, tmp_path):
    folder = build(installed, tmp_path, 'guestbook', 'libcjson')
    d = goevd(config(listener(handler={'guestbook': {'entries': 3}}), plugin_dir=str(folder),
                     reactors=[{'name': 'main', 'pollers': '2', 'cpus': 'none'}]))

    def send(method, body=b'', **more):
        s = d.connect()
        s.sendall(request('/', method, Content_Length=len(body), **more) + body)
        return Reader(s).response(method == 'HEAD')

    def book():
        status, headers, body = send('GET')
        assert (status, headers['content-type']) == (200, 'application/json')
        return [entry['text'] for entry in json.loads(body)]
    assert book() == []
    for text in ('one', 'zwei \u00e4', '"3"', 'four'):
        body = json.dumps({'name': 'Ada', 'text': text, 'more': 1}).encode()
        assert send('POST', body)[0] == 201
        for _ in range(8):      # on whichever poller
            eventually(lambda t=text: book()[-1:] == [t], text)
    assert book() == ['zwei \u00e4', '"3"', 'four']
    for bad in (b'', b'{', b'[]', b'{"name": "Ada"}', b'{"name": 1, "text": "x"}'):
        assert send('POST', bad)[0] == 400
    assert send('POST', b'x' * 4096)[0] == 400
    assert send('POST', b'x' * 4097)[0] == 413
    assert send('PUT')[0] == 405 and send('HEAD')[0] == 200


def test_example_visits(installed, goevd, tmp_path):
    """A library with its own sockets, hiredis's asynchronous client, with a real Redis that dies."""
    folder = build(installed, tmp_path, 'visits', 'hiredis')
    redis = Redis(tmp_path, '--appendonly', 'no')
    d = goevd(config(listener(handler={'visits': {'port': redis.port}}), plugin_dir=str(folder),
                     reactors=[{'name': 'main', 'pollers': '2', 'cpus': 'none'}]))
    clients = [d.connect() for _ in range(8)]
    readers = [Reader(s) for s in clients]

    def counted(n, count):
        return [readers[n].response()[::2] for _ in range(count)]
    try:
        for n, s in enumerate(clients):   # each its own path, all at once
            s.sendall(request(f'/{n}') * 500)
        for n in range(8):
            assert counted(n, 500) == [(200, b'%d\n' % i) for i in range(1, 501)]
        redis.kill()
        clients[0].sendall(request('/0'))
        assert counted(0, 1)[0][0] == 503
        redis.start()
        clients[0].sendall(request('/0'))
        assert counted(0, 1) == [(200, b'1\n')]   # it was kept in memory
    finally:
        redis.kill()
