"""Content that is compressed on its way to the client."""
import gzip
import json
import os
import signal
import zlib

import pytest

from daemon import config, eventually, listener
from wire import Reader, request

pytestmark = pytest.mark.sequential

TEXT = b''.join(b'line %d of a file that shrinks\n' % i for i in range(10000))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Files to send."""
    path = tmp_path_factory.mktemp('files')
    (path / 'text.txt').write_bytes(TEXT)
    (path / 'large.txt').write_bytes(TEXT * 20)
    (path / 'short.txt').write_bytes(b'x' * 99)
    (path / 'enough.txt').write_bytes(b'x' * 100)
    (path / 'picture.png').write_bytes(TEXT)
    (path / 'ready.txt').write_bytes(TEXT)
    (path / 'ready.txt.gz').write_bytes(gzip.compress(b'prepared'))
    return path


def routes(folder):
    """Files, and the probe with headers that decide something."""
    probe = {'http_probe': {'file': str(folder / 'text.txt'), 'stream': 'echo'}}
    download = {'download': {'root': str(folder), 'precompressed': ['gz']}}
    plain = {'download': {'root': str(folder)}}
    found = [{'path': '/files/*', 'handler': download},
             {'path': '/plain/*', 'handler': plain},
             {'path': '/untouched/*', 'handler': plain,
              'headers': {'set': {'Cache-Control': 'no-transform'}}},
             {'path': '/do/{id}', 'handler': probe},
             {'path': '/respond', 'respond': {'body': 'x' * 5000}}]
    for name, headers in {
            'strong': {'ETag': '"abc"'}, 'weak': {'ETag': 'W/"abc"'},
            'kept': {'Cache-Control': 'private, No-Transform'}, 'coded': {'Content-Encoding': 'br'},
            'digest': {'Repr-Digest': 'sha-256=:AA==:'}, 'vary': {'Vary': 'Origin, accept-encoding'},
            'asterisk': {'Vary': '*'}, 'origin': {'Vary': 'Origin'}}.items():
        found.append({'path': f'/{name}/{{id}}', 'handler': probe, 'headers': {'set': headers}})
    return found


@pytest.fixture
def serve(goevd, plugins, folder):
    """serve(options of the listener, options of gzip) -> a Daemon with one poller."""
    def start(listener_options=None, replies_max=64, **options):
        options = {'length_min': 100, **options}
        return goevd(config(listener(handler={'http': {'routes': routes(folder), 'gzip': options,
                                                       'gzip_replies_max': replies_max}},
                                     **(listener_options or {})), plugin_dir=str(plugins),
                            reactors=[{'name': 'main', 'pollers': 1}],
                            log={'level': 'info'}, stop_timeout='5s'))
    return start


@pytest.fixture
def web(serve):
    """A goevd that compresses from 100 bytes on."""
    return serve()


def content(reader, headers, old=False):
    """The bytes of one reply, and its trailers."""
    if 'transfer-encoding' not in headers:
        return (reader.rest() if old and 'content-length' not in headers
                else reader.exactly(int(headers['content-length']))), []
    return reader.chunks()


def head(reader):
    """Status and headers; one that is repeated is a list."""
    lines = reader.until(b'\r\n\r\n').decode().split('\r\n')[:-2]
    headers = {}
    for name, value in (line.split(': ', 1) for line in lines[1:]):
        name = name.lower()
        headers[name] = f'{headers[name]}, {value}' if name in headers else value
    return int(lines[0].split()[1]), headers


def ask(sock, path, method='GET', accept='gzip', version='1.1', **more):
    """Status, headers and decoded content of one reply."""
    if accept is not None:
        more['Accept_Encoding'] = accept
    sock.sendall(request(path, method, version, **more))
    reader = Reader(sock)
    status, headers = head(reader)
    if method == 'HEAD' or status in (204, 304):
        return status, headers, b''
    body, headers['trailers'] = content(reader, headers, version == '1.0')
    headers['bytes'] = len(body)
    coded = status == 200 and headers.get('content-encoding') == 'gzip'
    assert reader.buffer == b''
    return status, headers, gzip.decompress(body) if coded else body


def test_one_shot_replies_have_a_length(web):
    s = web.connect()
    status, headers, body = ask(s, '/strong/show' + '?' + 'x' * 1000)
    assert (status, headers['content-encoding']) == (200, 'gzip')
    assert headers['vary'] == 'Accept-Encoding' and headers['etag'] == 'W/"abc"'
    assert b'query=' + b'x' * 1000 in body and int(headers['content-length']) < len(body)
    _, plain, same = ask(s, '/strong/show' + '?' + 'x' * 1000, accept=None)
    assert 'content-encoding' not in plain and plain['vary'] == 'Accept-Encoding'
    assert plain['etag'] == '"abc"' and len(same) > 1000
    _, again, _ = ask(s, '/strong/show' + '?' + 'x' * 1000, 'HEAD')
    assert again['content-encoding'] == 'gzip' and again['vary'] == 'Accept-Encoding'
    assert abs(int(again['content-length']) - int(headers['content-length'])) < 10


@pytest.mark.parametrize('accept, coded', [
    ('gzip', True), ('GZIP;q=0.5, br', True), ('x-gzip', True), ('*', True), ('*;q=0.1', True),
    ('gzip;q=0', False), ('gzip;q=0, *', False), ('br', False), ('', False), (None, False),
    ('gzip;q=0.5, identity', False), ('identity;q=0.5, gzip;q=0.5', True), ('deflate', False)])
def test_the_client_decides(web, accept, coded):
    _, headers, body = ask(web.connect(), '/files/text.txt', accept=accept)
    assert (headers.get('content-encoding') == 'gzip') == coded
    assert body == TEXT and headers['vary'] == 'Accept-Encoding'


@pytest.mark.parametrize('path, coded', [
    ('/files/enough.txt', True), ('/files/short.txt', False), ('/files/picture.png', False),
    ('/kept/large', False), ('/coded/large', False), ('/digest/large', False),
    ('/respond', False), ('/do/none', False), ('/do/reset', False)])
def test_what_is_compressed(web, path, coded):
    s = web.connect()
    _, headers, _ = ask(s, path)
    encoding = headers.get('content-encoding')
    assert encoding == ('gzip' if coded else 'br' if 'coded' in path else None)
    assert ('vary' in headers) == (coded or 'files' in path)   # download has files in two codings
    assert ask(s, '/files/enough.txt')[2] == b'x' * 100


def test_what_does_not_shrink_stays_as_it_is(serve):
    s = serve(length_min=1).connect()
    _, headers, body = ask(s, '/strong/headers')
    assert body == b'gone' and headers['etag'] == '"abc"' and headers['vary'] == 'Accept-Encoding'
    assert 'content-encoding' not in headers


@pytest.mark.parametrize('path, vary', [
    ('vary', 'Origin, accept-encoding'), ('asterisk', '*'), ('origin', 'Origin, Accept-Encoding')])
def test_vary_names_it_once(web, path, vary):
    assert ask(web.connect(), f'/{path}/large')[1]['vary'] == vary


def test_types_of_the_configuration(serve):
    s = serve(types=['image/*', 'application/json']).connect()
    assert ask(s, '/files/picture.png')[1]['content-encoding'] == 'gzip'
    assert 'content-encoding' not in ask(s, '/files/text.txt')[1]


def test_weak_etag_stays(web):
    assert ask(web.connect(), '/weak/large')[1]['etag'] == 'W/"abc"'


def test_304_says_what_the_200_has_said(web):
    s = web.connect()
    _, headers, _ = ask(s, '/files/text.txt')
    assert headers['etag'].startswith('W/"') and 'accept-ranges' not in headers
    status, again, _ = ask(s, '/files/text.txt', If_None_Match=headers['etag'])
    assert (status, again['etag'], again['vary']) == (304, headers['etag'], 'Accept-Encoding')
    status, plain, _ = ask(s, '/files/text.txt', accept=None, If_None_Match=headers['etag'])
    assert (status, plain['etag']) == (304, headers['etag'][2:])


@pytest.mark.parametrize('accept', ['gzip', 'identity', None])
def test_304_and_206_have_etag_and_vary_of_the_200(web, accept):
    """Whether that is compressed, is too short, is of another type or was compressed before."""
    s = web.connect()
    for path in ('plain/text.txt', 'plain/enough.txt', 'plain/short.txt', 'plain/picture.png',
                 'files/ready.txt', 'untouched/text.txt'):
        for method in ('GET', 'HEAD'):
            _, whole, _ = ask(s, f'/{path}', method, accept)
            for condition in ({'If_None_Match': whole['etag']}, {'If_None_Match': '*'},
                              {'If_Modified_Since': whole['last-modified']}):
                status, found, _ = ask(s, f'/{path}', method, accept, **condition)
                assert (status, found['etag'], found.get('vary')) == (
                    304, whole['etag'], whole.get('vary')), (path, method)
                assert not {'content-type', 'content-encoding', 'content-length'} & found.keys()
        status, part, _ = ask(s, f'/{path}', accept=accept, Range='bytes=1-2')
        assert (status, part['etag']) == (206, whole['etag'].removeprefix('W/'))
        assert part.get('vary') == whole.get('vary'), path
        status, parts, _ = ask(s, f'/{path}', accept=accept, Range='bytes=1-2,5-6')
        assert (status, parts['etag']) == (206, part['etag'])
        assert parts.get('vary') or not whole.get('vary'), path


def test_304_of_a_handler_that_says_nothing_of_the_200_is_weak(web):
    status, headers, _ = ask(web.connect(), '/strong/same')
    assert (status, headers['etag'], headers['vary']) == (304, 'W/"abc"', 'Accept-Encoding')
    assert ask(web.connect(), '/strong/same', accept=None)[1]['etag'] == '"abc"'
    assert ask(web.connect(), '/coded/same')[1].keys().isdisjoint({'vary', 'content-encoding'})


def test_parts_stay_as_they_are(web):
    s = web.connect()
    status, headers, body = ask(s, '/files/text.txt', Range='bytes=5-9')
    assert (status, body) == (206, TEXT[5:10]) and 'content-encoding' not in headers
    etag = ask(s, '/files/text.txt')[1]['etag']
    status, headers, body = ask(s, '/files/text.txt', Range='bytes=5-9', If_Range=etag)
    assert (status, body) == (200, TEXT) and headers['content-encoding'] == 'gzip'


def test_prepared_files_are_not_compressed_again(web):
    status, headers, body = ask(web.connect(), '/files/ready.txt')
    assert body == b'prepared' and headers['vary'] == 'Accept-Encoding'
    assert int(headers['content-length']) == headers['bytes']


def test_streams_go_out_in_chunks(web):
    s = web.connect()
    status, headers, body = ask(s, '/strong/chunks')
    assert (status, body, headers['content-encoding']) == (200, b'one two', 'gzip')
    assert headers['trailers'] == ['X-Sum: 7'] and headers['etag'] == 'W/"abc"'
    _, again, _ = ask(s, '/strong/chunks', 'HEAD')
    assert again == {k: v for k, v in headers.items() if k not in ('trailers', 'bytes')} | {
        'date': again['date']}
    assert ask(s, '/do/file-chunks')[2] == b'<' + TEXT[2:7] + b'|shared>'
    assert len(ask(s, '/do/large')[2]) == 4000000
    assert ask(s, '/files/large.txt')[2] == TEXT * 20


@pytest.mark.parametrize('path, size', [('/do/long', 4000000), ('/do/long-chunks', 4000000),
                                        ('/do/large', 4000000), ('/files/large.txt', None)])
@pytest.mark.parametrize('version', ['1.1', '1.0'])
def test_long_content_to_a_slow_client(serve, path, size, version):
    d = serve({'output_low': 2000, 'output_high': 4000, 'output_max': 8000, 'send_buffer': 4096})
    s = d.connect(receive_buffer=4096)
    status, headers, body = ask(s, path, version=version)
    assert (status, headers['content-encoding']) == (200, 'gzip')
    assert ('transfer-encoding' in headers) == (version == '1.1')
    assert 'content-length' not in headers
    assert body == TEXT * 20 if size is None else len(body) == size
    if version == '1.1':
        assert ask(s, '/files/text.txt')[2] == TEXT
    else:
        assert headers['connection'] == 'close'


def test_old_clients_stay_where_there_is_a_length(web):
    s = web.connect()
    for _ in range(2):
        _, headers, body = ask(s, '/do/show?' + 'x' * 500, version='1.0', Connection='keep-alive')
        assert headers['connection'] == 'keep-alive' and b'x' * 500 in body
        assert headers['content-encoding'] == 'gzip' and 'content-length' in headers


def test_what_was_written_is_not_kept_back(web):
    s = web.connect()
    s.sendall(request('/do/echo-stream', 'POST', Transfer_Encoding='chunked',
                      Accept_Encoding='gzip'))
    reader = Reader(s)
    _, headers = head(reader)
    assert headers['content-encoding'] == 'gzip'
    unzip = zlib.decompressobj(31)
    for text in (b'one', b'two', b'three'):
        s.sendall(b'%x\r\n%s\r\n' % (len(text), text))
        got = b''
        while got != text:
            got += unzip.decompress(reader.chunk())
    s.sendall(b'0\r\n\r\n')
    body, _ = content(reader, headers)
    assert unzip.decompress(body) == b'' and unzip.eof


@pytest.mark.parametrize('what', ['short', 'over'])
def test_content_must_be_as_long_as_was_announced(serve, what):
    d = serve(length_min=1)
    d.may_say = ['has not written content of the announced length']
    s = d.connect()
    s.sendall(request(f'/do/{what}', Accept_Encoding='gzip'))
    reader = Reader(s)
    assert head(reader)[1]['content-encoding'] == 'gzip'
    assert not reader.rest().endswith(b'\r\n0\r\n\r\n')


def test_client_that_goes_away_leaves_nothing(serve):
    d = serve({'output_low': 2000, 'output_high': 4000, 'output_max': 8000, 'send_buffer': 4096},
              replies_max=1)
    for _ in range(3):
        s = d.connect(receive_buffer=4096)
        s.sendall(request('/do/large', Accept_Encoding='gzip'))
        assert head(Reader(s))[1]['content-encoding'] == 'gzip'
        s.close()
        # the one stream that there is must be free again
        eventually(lambda: ask(d.connect(), '/files/text.txt')[1].get('content-encoding'),
                   'the stream was not given back')


def test_more_replies_at_a_time_go_out_as_they_are(serve):
    d = serve(replies_max=2)
    held = []
    for coded in (True, True, False):
        s = d.connect()
        s.sendall(request('/do/echo-stream', 'POST', Transfer_Encoding='chunked',
                          Accept_Encoding='gzip'))
        _, headers = head(Reader(s))
        assert ('content-encoding' in headers) == coded and headers['vary'] == 'Accept-Encoding'
        held.append(s)
    assert ask(d.connect(), '/files/text.txt')[2] == TEXT
    held[0].sendall(b'0\r\n\r\n')
    eventually(lambda: ask(d.connect(), '/files/text.txt')[1].get('content-encoding'),
               'the stream was not given back')


def test_each_route_and_host_may_have_its_own(goevd, folder):
    download = {'download': {'root': str(folder)}}

    def files(path, **options):
        return {'path': f'/{path}/*', 'handler': download, **options}

    off, best = {'level': 0}, {'level': 9, 'types': ['image/png', 'text/*']}
    d = goevd(config(listener(handler={'http': {
        'gzip': {'level': 1}, 'routes': [files('all'), files('off', gzip=off), files('best', gzip=best)],
        'hosts': [{'names': ['no.example'], 'gzip': off, 'routes': [files('all'), files('best', gzip=best)]},
                  {'names': ['as.example'], 'routes': [files('all')]}]}})))
    s, sizes = d.connect(), {}
    for host, path, coded in (('x', 'all', True), ('x', 'off', False), ('x', 'best', True), ('x', 'all', True),
                              ('no.example', 'all', False), ('no.example', 'best', True),
                              ('as.example', 'all', True)):
        _, headers, body = ask(s, f'/{path}/text.txt', host=host)
        assert body == TEXT and (headers.get('content-encoding') == 'gzip') == coded
        assert ('vary' in headers) == coded
        assert sizes.setdefault((path, coded), headers['bytes']) == headers['bytes']
    assert sizes['best', True] < sizes['all', True]
    assert 'content-encoding' in ask(s, '/best/picture.png')[1]
    assert 'content-encoding' not in ask(s, '/all/picture.png')[1]


def test_types_are_checked(refused):
    bad = {'types': ['x']}
    handler = {'download': {'root': '/'}}
    for http, where in (({'routes': [{'path': '/a', 'handler': handler, 'gzip': bad}]}, 'routes[0].gzip'),
                        ({'hosts': [{'names': ['a'], 'gzip': bad}]}, 'hosts[0].gzip')):
        assert f'handler.http.{where}.types[0]: ' in refused(config(listener(handler={'http': http})))
    for bad in ('text', 'text/html; charset=utf-8', '/x', 'a/'):
        said = refused(config(listener(handler={'http': {'gzip': {'types': ['a/b', bad]}}})))
        assert 'handler.http.gzip.types[1]: ' in said and json.dumps(bad) in said


def test_pipelined_requests_are_bounded_by_what_they_compress(goevd, folder, tmp_path):
    """Another connection has its turn behind the first of them, not behind all."""
    log = tmp_path / 'access.log'
    d = goevd(config(listener(handler={'http': {
        'gzip': {}, 'access_log': {'target': str(log)}, 'routes': [
            {'path': '/files/*', 'handler': {'download': {'root': str(folder)}}},
            {'path': '/other', 'respond': {}}]}}), reactors=[{'name': 'main', 'pollers': 1}]))
    many, other = d.connect(), d.connect()
    for s in (many, other):
        ask(s, '/other')
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        many.sendall(request('/files/text.txt', Accept_Encoding='gzip') * 100)
        other.sendall(request('/other'))
    finally:
        os.kill(worker, signal.SIGCONT)
    assert Reader(other).response()[0] == 200
    reader = Reader(many)
    for _ in range(100):
        content(reader, head(reader)[1])
    lines = eventually(lambda: (found := log.read_text().splitlines()) and len(found) == 103 and found,
                       'not all lines')
    assert '/other' in ''.join(lines[2:10])
