"""The http plugin, through the whole daemon."""
import socket

import pytest

from daemon import config, listener
from wire import Reader, closed, get, request

pytestmark = pytest.mark.sequential

ROUTES = {'http': {'routes': [
    {'path': '/', 'respond': {'body': 'root'}},
    {'path': '/json', 'respond': {'headers': {'Content-Type': 'application/json'},
                                  'body': '{"a":1}'}},
    {'path': '/post', 'methods': ['POST'], 'respond': {'status': 201, 'body': 'made'}},
    {'path': '/a/*', 'respond': {'body': 'short prefix'}},
    {'path': '/a/b/*', 'respond': {'body': 'long prefix'}},
    {'path': '/a/b/c', 'respond': {'body': 'exact'}},
    {'path': '/empty', 'respond': {'status': 204}},
    {'path': '/old', 'redirect': {'to': '/new', 'status': '301'}},
]}}


@pytest.fixture
def web(goevd):
    """A goevd with routes."""
    return goevd(config(listener(handler=ROUTES)))


@pytest.mark.parametrize('path, status, body', [
    ('/', 200, b'root'), ('/json', 200, b'{"a":1}'), ('/a/x', 200, b'short prefix'),
    ('/a/b/x', 200, b'long prefix'), ('/a/b/c', 200, b'exact'), ('/a/b/c?q=1', 200, b'exact'),
    ('/empty', 204, b''), ('/nothing', 404, None), ('/post', 405, None)])
def test_routes(web, path, status, body):
    found = get(web.connect(), path)
    assert found[0] == status
    assert body is None or found[2] == body


def test_headers(web):
    _, headers, body = get(web.connect(), '/json')
    assert headers['content-type'] == 'application/json'
    assert headers['server'] == 'goevd'
    assert headers['content-length'] == str(len(body))
    assert headers['date'].endswith(' GMT')


def test_redirect(web):
    status, headers, _ = get(web.connect(), '/old')
    assert (status, headers['location']) == (301, '/new')


def test_405_names_the_methods(web):
    _, headers, _ = get(web.connect(), '/post')
    assert headers['allow'] == 'POST'


def test_keep_alive(web):
    s = web.connect()
    for _ in range(100):
        assert get(s)[2] == b'root'


def test_connection_close(web):
    s = web.connect()
    s.sendall(request(Connection='close'))
    reader = Reader(s)
    assert reader.response()[1]['connection'] == 'close'
    assert closed(s)


@pytest.mark.parametrize('extra, stays', [({}, False), ({'Connection': 'keep-alive'}, True)])
def test_http_1_0(web, extra, stays):
    s = web.connect()
    s.sendall(request(version='1.0', **extra))
    reader = Reader(s)
    assert reader.response()[0] == 200
    if stays:
        assert get(s)[0] == 200
    else:
        assert closed(s)


def test_head_has_no_body(web):
    s = web.connect()
    s.sendall(request(method='HEAD') + request('/json'))
    reader = Reader(s)
    assert reader.response(head=True)[1]['content-length'] == '4'
    assert reader.response()[2] == b'{"a":1}'


def test_pipelined_are_answered_in_order(web):
    paths = ['/', '/json', '/nothing', '/a/x', '/empty'] * 20
    s = web.connect()
    s.sendall(b''.join(request(p) for p in paths))
    reader = Reader(s)
    expected = {'/': 200, '/json': 200, '/nothing': 404, '/a/x': 200, '/empty': 204}
    assert [reader.response()[0] for _ in paths] == [expected[p] for p in paths]


def test_10000_pipelined(web):
    s = web.connect()
    reader = Reader(s)
    answer = None
    s.sendall(request())
    status, _, body = reader.response()
    assert (status, body) == (200, b'root')
    s.sendall(request() * 10000)
    s.shutdown(socket.SHUT_WR)
    answer = reader.rest()
    assert answer.count(b'HTTP/1.1 200 OK\r\n') == 10000
    assert answer.endswith(b'\r\n\r\nroot')


def test_byte_by_byte(web):
    s = web.connect()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in request('/json') * 3:
        s.sendall(bytes([byte]))
    reader = Reader(s)
    for _ in range(3):
        assert reader.response()[2] == b'{"a":1}'


def test_half_closed_client_gets_its_answers(web):
    s = web.connect()
    s.sendall(request() + request('/json') + request('/nothing'))
    s.shutdown(socket.SHUT_WR)
    reader = Reader(s)
    assert [reader.response()[0] for _ in range(3)] == [200, 200, 404]
    assert reader.rest() == b''


@pytest.mark.parametrize('bytes_, status', [
    (b'GET\r\n\r\n', 400), (b'GET / HTTP/1.1\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400),
    (b'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505),
    (b'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501),
    (b'GET /' + b'x' * 9000 + b' HTTP/1.1\r\nHost: a\r\n\r\n', 414),
    (b'GET / HTTP/1.1\r\nHost: a\r\nX: ' + b'x' * 20000 + b'\r\n\r\n', 431),
    (b'GET / HTTP/1.1\r\nHost: a\r\n' + b'X: y\r\n' * 101 + b'\r\n', 431),
    (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400),
])
def test_errors_are_answered_then_closed(web, bytes_, status):
    s = web.connect()
    s.sendall(bytes_)
    reader = Reader(s)
    found, headers, _ = reader.response()
    assert (found, headers['connection']) == (status, 'close')
    assert reader.rest() == b''


def test_bad_one_behind_good_ones(web):
    s = web.connect()
    s.sendall(request() * 3 + b'nonsense\r\n\r\n' + request())
    reader = Reader(s)
    assert [reader.response()[0] for _ in range(4)] == [200, 200, 200, 400]
    assert reader.rest() == b''


def test_large_answers_pipelined_to_a_slow_reader(goevd):
    d = goevd()
    s = d.connect(receive_buffer=4096)
    s.sendall(request('/long') * 200)
    assert get(d.connect())[0] == 200   # others are served meanwhile
    reader = Reader(s)
    for _ in range(200):
        assert reader.response()[2] == b'x' * 100000


def test_client_that_leaves_at_once_hurts_nobody(web):
    for _ in range(50):
        s = web.connect()
        s.sendall(request() * 50)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        s.close()   # a reset, while it is being answered
    assert get(web.connect())[0] == 200


SLASHES = {'headers': {'set': {'X-Some': 'x'}, 'always': True}, 'routes': [
    {'path': '/site/*', 'respond': {'body': 'site'}},
    {'path': '/form/*', 'methods': ['POST', 'PUT'], 'respond': {}},
    {'path': '/{a}/deep/*', 'respond': {}},
    {'path': '/both/*', 'respond': {}}, {'path': '/both', 'respond': {'body': 'both'}},
    {'path': '/taken/*', 'respond': {}}, {'path': '/taken', 'methods': ['POST'], 'respond': {}}],
    'hosts': [{'names': ['all'], 'routes': [{'path': '/*', 'respond': {'body': 'all'}},
                                            {'path': '/site/*', 'respond': {}}]},
              {'names': ['none'], 'routes': [{'path': '/site', 'respond': {}}]}]}


@pytest.mark.parametrize('host, method, path, status, location', [
    ('test', 'GET', '/site', 301, '/site/'), ('test', 'HEAD', '/site', 301, '/site/'),
    ('test', 'GET', '/site?a=/b&c', 301, '/site/?a=/b&c'), ('test', 'GET', '/site?', 301, '/site/?'),
    ('test', 'GET', '//site', 301, '/site/'), ('test', 'GET', '/x/../site', 301, '/site/'),
    ('test', 'GET', 'http://test/site', 301, '/site/'),
    ('test', 'POST', '/site', 405, None), ('test', 'GET', '/site/', 200, None),
    ('test', 'POST', '/form', 308, '/form/'), ('test', 'GET', '/form', 405, None),
    ('test', 'GET', '/a%3Bb/deep', 301, '/a%3Bb/deep/'), ('test', 'GET', '/a/b/deep', 404, None),
    ('test', 'GET', '/%5C%5Cevil/deep', 301, '/%5C%5Cevil/deep/'),
    ('test', 'GET', '//evil.org/deep', 301, '/evil.org/deep/'),
    ('test', 'GET', '/sit', 404, None), ('test', 'GET', '/site2', 404, None),
    ('test', 'GET', '/deep', 404, None), ('test', 'GET', '/', 404, None),
    ('test', 'GET', '/both', 200, None), ('test', 'GET', '/taken', 405, None),
    ('test', 'GET', '/' + 's' * 5000, 404, None),
    ('all', 'GET', '/site', 200, None), ('none', 'GET', '/sit', 404, None)])
def test_path_without_the_last_slash_of_a_route(goevd, host, method, path, status, location):
    s = goevd(config(listener(handler={'http': SLASHES}))).connect()
    s.sendall(request(path, method, host=host))
    found, headers, _ = Reader(s).response(method == 'HEAD')
    assert (found, headers.get('location')) == (status, location)
    assert headers['x-some'] == 'x'
