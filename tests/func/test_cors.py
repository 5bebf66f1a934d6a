"""Pages of other origins: the handler `cors` before others."""
import json

import pytest

from daemon import config, listener
from wire import Reader, request

pytestmark = pytest.mark.sequential

ORIGIN = 'https://example.org'
# made by crypt(3): "secret"
USERS = ('a:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGf'
         'Qv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n')
PREFLIGHT = {'Access_Control_Request_Method': 'PUT', 'Access_Control_Request_Headers': 'x-a'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A file to serve."""
    path = tmp_path_factory.mktemp('files')
    (path / 'a.txt').write_bytes(b'content')
    return path


@pytest.fixture
def serve(goevd, folder):
    """serve(option=…) -> a connection to a goevd with a route of cors and a download."""
    def start(**options):
        options = {'origins': [ORIGIN, 'http://localhost:8080'], **options}
        return goevd(config(listener(handler={'http': {'routes': [
            {'path': '/*', 'handler': [{'cors': options}, {'download': {'root': str(folder)}}]},
        ]}}))).connect()
    return start


def ask(sock, path='/a.txt', method='GET', **headers):
    """Status, the headers that concern origins, and content."""
    sock.sendall(request(path, method, **headers))
    status, found, body = Reader(sock).response()
    return status, {k: v for k, v in found.items()
                    if k == 'vary' or k.startswith('access-control-')}, body


def test_origins_that_are_named(serve):
    s = serve(expose=['ETag', 'X-B'])
    for origin in (ORIGIN, 'http://localhost:8080'):
        assert ask(s, Origin=origin) == (200, {
            'vary': 'Origin', 'access-control-allow-origin': origin,
            'access-control-expose-headers': 'ETag, X-B'}, b'content')
    for origin in ('https://example.org:8443', 'http://example.org', 'https://example.or',
                   'https://example.org.evil.net', 'https://evilexample.org', 'null', '*', '',
                   'HTTPS://EXAMPLE.ORG', f'{ORIGIN} {ORIGIN}'):
        assert ask(s, Origin=origin) == (200, {'vary': 'Origin'}, b'content')
    assert ask(s) == (200, {'vary': 'Origin'}, b'content')


def test_errors_may_be_read_too(serve):
    status, headers, _ = ask(serve(), '/nothing', Origin=ORIGIN)
    assert (status, headers['access-control-allow-origin']) == (404, ORIGIN)


def test_preflight(serve):
    s = serve(methods=['GET', 'PUT'], headers=['X-A', 'Content-Type'], max_age='90s')
    assert ask(s, method='OPTIONS', Origin=ORIGIN, **PREFLIGHT) == (204, {
        'vary': 'Origin', 'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': 'GET, PUT', 'access-control-max-age': '90',
        'access-control-allow-headers': 'X-A, Content-Type'}, b'')
    status, headers, _ = ask(s, method='OPTIONS', Origin='https://evil.org', **PREFLIGHT)
    assert (status, headers) == (403, {'vary': 'Origin'})
    # no preflights: the handler behind it answers
    assert ask(s, method='OPTIONS', Origin=ORIGIN)[0] == 405
    assert ask(s, method='OPTIONS', **PREFLIGHT)[0] == 405


def test_defaults_of_a_preflight(serve):
    _, headers, _ = ask(serve(), method='OPTIONS', Origin=ORIGIN, **PREFLIGHT)
    assert headers['access-control-allow-methods'] == 'GET, HEAD, POST'
    assert headers['access-control-max-age'] == '600'
    assert 'access-control-allow-headers' not in headers


def test_credentials(serve):
    s = serve(credentials=True)
    for method, more in (('GET', {}), ('OPTIONS', PREFLIGHT)):
        _, headers, _ = ask(s, method=method, Origin=ORIGIN, **more)
        assert headers['access-control-allow-credentials'] == 'true'
        assert headers['access-control-allow-origin'] == ORIGIN
        assert 'access-control-allow-credentials' not in ask(s, method=method, Origin='null',
                                                             **more)[1]


def test_all_origins(serve):
    s = serve(origins='*')
    for origin in (ORIGIN, 'null'):
        assert ask(s, Origin=origin)[1] == {'access-control-allow-origin': '*'}
    assert ask(s)[1] == {}
    assert ask(s, method='OPTIONS', Origin='null', **PREFLIGHT)[0] == 204


@pytest.mark.parametrize('options, key, words', [
    ({'origins': '*', 'credentials': True}, 'credentials', 'act for its visitors'),
    ({'origins': ['*', ORIGIN]}, 'origins', 'leave the others out'),
    ({'origins': ORIGIN, 'headers': ['X-A', 'x y']}, 'headers[1]', 'no name of a header'),
    ({'origins': ORIGIN, 'expose': '*'}, 'expose[0]', 'no name of a header'),
    *(({'origins': [ORIGIN, bad]}, 'origins[1]', f'{json.dumps(bad)} is no origin') for bad in (
        'example.org', 'https://example.org/', 'https://Example.org', 'https://', 'null', '://a',
        'https://a:', 'https://a:b', 'https://[::1', 'https://[]', 'https://*.example.org',
        'https://a?b'))])
def test_what_is_wrong_is_said_with_its_place(refused, options, key, words):
    said = refused(config(listener(handler={'http': {'routes': [
        {'path': '/', 'handler': {'cors': options}}]}})))
    assert f'routes[0].handler' in said and f'cors.{key}: ' in said, said
    assert words in said


@pytest.mark.parametrize('origin', ['https://[::1]:8443', 'http://127.0.0.1', 'app+x://a_b-c.d'])
def test_origins_that_are_good(serve, origin):
    assert ask(serve(origins=origin), Origin=origin)[1]['access-control-allow-origin'] == origin


@pytest.mark.parametrize('login', [False, True])
def test_preflights_reach_it_whatever_methods_the_route_has(goevd, folder, tmp_path, login):
    """Also behind a login, which preflights never bring."""
    (tmp_path / 'users').write_text(USERS)
    first = [{'basic_auth': {'realm': 'x', 'users': str(tmp_path / 'users')}}] if login else []
    chain = [*first, {'cors': {'origins': ['*']}}, {'download': {'root': str(folder)}}]
    s = goevd(config(listener(handler={'http': {'routes': [
        {'path': '/c/*', 'methods': ['GET', 'POST'], 'handler': chain},
        {'path': '/own/*', 'methods': ['GET'], 'handler': chain},
        {'path': '/own/*', 'methods': ['OPTIONS'], 'respond': {'status': 204}},
        {'path': '/none/*', 'methods': ['GET'], 'handler': {'download': {'root': str(folder)}}},
    ]}}))).connect()
    preflight = {'Origin': ORIGIN, 'Access_Control_Request_Method': 'POST'}
    status, headers, _ = ask(s, '/c/a.txt', 'OPTIONS', **preflight)
    assert (status, headers['access-control-allow-origin']) == (204, '*')
    for headers in ({}, {'Origin': ORIGIN}):   # no preflight: as without cors
        s.sendall(request('/c/a.txt', 'OPTIONS', **headers))
        status, found, _ = Reader(s).response()
        assert (status, found['allow']) == (405, 'GET, POST')
    assert ask(s, '/c/a.txt', 'PUT', Origin=ORIGIN)[:2] == (405, {})
    assert ask(s, '/own/a.txt', 'OPTIONS', **preflight)[:2] == (204, {})
    assert ask(s, '/none/a.txt', 'OPTIONS', **preflight)[:2] == (405, {})
    assert ask(s, '/c/a.txt', Origin=ORIGIN)[0] == (401 if login else 200)


@pytest.mark.parametrize('origin', ['https://example.org:443', 'http://example.org:80', 'http://[::1]:080'])
def test_usual_port_never_matches(refused, origin):
    said = refused(config(listener(handler={'http': {'routes': [
        {'path': '/', 'handler': {'cors': {'origins': [origin]}}}]}})))
    assert 'browsers omit the default port' in said
