"""Edits of the headers of replies."""
import pytest

import daemon
from daemon import config, listener
from wire import Reader, request

pytestmark = pytest.mark.sequential

RESPOND = {'body': 'x', 'headers': {'X-One': 'respond', 'X-Two': 'respond', 'Content-Type': 'text/css'}}
HTTP = {
    'headers': {'set': {'X-All': 'all', 'x-one': 'all'}, 'add': {'Vary': 'A'}},
    'routes': [
        {'path': '/plain', 'respond': RESPOND},
        {'path': '/none', 'respond': RESPOND,
         'headers': {'remove': ['x-ALL', 'X-One', 'x-two', 'Vary']}},
        {'path': '/more', 'respond': RESPOND,
         'headers': {'set': {'X-All': 'route'}, 'add': {'X-Two': 'route', 'Vary': 'B'}}},
        {'path': '/away', 'redirect': {'to': '/plain'}, 'headers': {'set': {'X-Two': 'route'}}},
    ],
    'hosts': [{'names': 'host', 'headers': {'set': {'X-All': 'host'}, 'remove': ['Vary']},
               'routes': [{'path': '/plain', 'respond': RESPOND},
                          {'path': '/route', 'respond': RESPOND,
                           'headers': {'set': {'X-All': 'route'}}}]}],
}
# Headers that the server adds.
OURS = ('server', 'date', 'content-length', 'content-type', 'location')


def lines(sock, path, host='test', method='GET'):
    """The headers of the reply that are not the server's own, sorted; Reader looks at the body."""
    sock.sendall(request(path, method).replace(b'Host: test', f'Host: {host}'.encode()))
    reader = Reader(sock)
    head = reader.until(b'\r\n\r\n')
    found = [line.split(': ') for line in head.decode().split('\r\n')[1:-2]]
    size = next(int(value) for name, value in found if name == 'Content-Length')
    if method != 'HEAD':
        reader.exactly(size)
    return sorted(f'{n.lower()}={v}' for n, v in found if n.lower() not in OURS)


@pytest.mark.parametrize('method', ['GET', 'HEAD'])
@pytest.mark.parametrize('host, path, expected', [
    ('test', '/plain', ['vary=A', 'x-all=all', 'x-one=all', 'x-two=respond']),
    ('test', '/none', []),
    ('test', '/more', ['vary=A', 'vary=B', 'x-all=route', 'x-one=all', 'x-two=respond',
                       'x-two=route']),
    ('test', '/away', ['vary=A', 'x-all=all', 'x-one=all', 'x-two=route']),
    ('host', '/plain', ['x-all=host', 'x-one=all', 'x-two=respond']),
    ('host', '/route', ['x-all=route', 'x-one=all', 'x-two=respond']),
    ('test', '/nothing', []),
])
def test_plugin_then_host_then_route(goevd, method, host, path, expected):
    d = goevd(config(listener(handler={'http': HTTP})))
    assert lines(d.connect(), path, host, method) == expected


def test_what_handlers_add_is_edited(goevd, plugins):
    probe = {'http_probe': {'file': '/dev/null', 'stream': 'echo'}}
    d = goevd(config(listener(handler={'http': {'routes': [
        {'path': '/do/{id}', 'handler': probe, 'headers': {
            'remove': ['x-empty'], 'set': {'X-Answer': '43'}, 'add': {'X-More': 'm'}}},
        {'path': '/row/{id}', 'handler': probe}]}}), plugin_dir=str(plugins)))
    for method in 'GET', 'HEAD':
        assert lines(d.connect(), '/do/headers', method=method) == ['x-answer=43', 'x-more=m']
    assert lines(d.connect(), '/do/show') == ['x-answer=43', 'x-more=m']


def test_replies_without_a_call_of_their_own_are_edited(goevd, plugins):
    """The shortest way that a reply can take."""
    (plugins / 'hello.so').symlink_to(daemon.BUILD / 'bench' / 'hello.so')
    d = goevd(config(listener(handler={'http': {'routes': [
        {'path': '/edited', 'handler': 'hello', 'headers': {'set': {'X-More': 'm'}}},
        {'path': '/plain', 'handler': 'hello'}]}}), plugin_dir=str(plugins)))
    s = d.connect()
    for _ in range(3):
        assert lines(s, '/plain') == []
        assert lines(s, '/edited') == ['x-more=m']


WRONG = """\
listeners:
  - address: 127.0.0.1:0
    handler:
      http:
        headers: %s
        hosts:
          - names: host
            headers: %s
            routes:
              - path: /
                headers: %s
                respond: {body: x}
"""


@pytest.mark.parametrize('what, key, words', [
    ('{set: {Content-Length: "1"}}', 'set', 'Content-Length is set by the server itself'),
    ('{add: {transfer-encoding: x}}', 'add', 'transfer-encoding is set by the server itself'),
    ('{remove: [Connection]}', 'remove[0]', 'Connection is set by the server itself'),
    ('{set: {Server: x}}', 'set', 'see the option server'),
    ('{set: {Content-Type: x}}', 'set', 'Content-Type comes with the content'),
    ('{remove: [Content-Type]}', 'remove[0]', 'Content-Type comes with the content'),
    ('{set: {"a b": x}}', 'set', '"a b" is no header name'),
    ('{set: {a: "x\\r\\nb: c"}}', 'set', 'the value of a has a line break'),
    ('{remove: ["a:"]}', 'remove[0]', '"a:" is no header name'),
])
@pytest.mark.parametrize('place', range(3))
def test_what_is_wrong_is_said_with_its_place(refused, place, what, key, words):
    parts = ['{}'] * 3
    parts[place] = what
    said = refused(WRONG % tuple(parts))
    path = ['headers', 'hosts[0].headers', 'hosts[0].routes[0].headers'][place]
    line = [5, 8, 11][place]
    assert said.startswith(f'goevd.yaml:{line}:'), said
    assert f'listeners[0].handler.http.{path}.{key}: ' in said
    assert words in said


def test_all_lines_of_a_route_are_bounded(goevd, refused):
    def most(size):
        return {'http': {'routes': [{'path': '/', 'respond': {'body': 'x'}, 'headers': {
            'add': {'A': 'a' * 4091, 'B': 'b' * (size - 4096 - 5)}}}]}}

    assert len(lines(goevd(config(listener(handler=most(8192)))).connect(), '/')[0]) == 4093
    said = refused(config(listener(handler=most(8193))))
    assert 'the added headers have 8193 bytes in all, and the maximum is 8192' in said


ALWAYS = {
    'headers': {'set': {'X-All': 'all'}, 'always': True},
    'error_pages': [{'status': ['421'], 'body': 'page'}],
    'hosts': [{'names': ['host'], 'headers': {'set': {'X-Host': 'host'}, 'always': True},
               'routes': [{'path': '/a', 'respond': {}, 'headers': {'set': {'X-All': 'route'}}}]},
              {'names': ['quiet'], 'headers': {'set': {'X-Host': 'quiet'}},
               'routes': [{'path': '/a', 'respond': {}}]}],
}


@pytest.mark.parametrize('host, method, path, status, expected', [
    ('host', 'GET', '/a', 200, ['x-all=route', 'x-host=host']),
    ('host', 'GET', '/b', 404, ['x-all=all', 'x-host=host']),
    ('host', 'HEAD', '/b', 404, ['x-all=all', 'x-host=host']),
    ('host', 'POST', '/a', 405, ['allow=GET, HEAD', 'x-all=all', 'x-host=host']),
    ('quiet', 'GET', '/a', 200, ['x-all=all', 'x-host=quiet']),
    ('quiet', 'GET', '/b', 404, ['x-all=all']),
    ('quiet', 'POST', '/a', 405, ['allow=GET, HEAD', 'x-all=all']),
    ('other', 'GET', '/a', 421, ['x-all=all']),
    ('host', 'OPTIONS', '*', 200, ['allow=GET, HEAD, OPTIONS', 'x-all=all']),
    ('host', 'BREW', '/a', 501, ['x-all=all']),
    ('host', 'GET', '/%', 400, ['x-all=all'])])
def test_headers_of_replies_without_a_route(goevd, host, method, path, status, expected):
    d = goevd(config(listener(handler={'http': ALWAYS})))
    s = d.connect()
    s.sendall(request(path, method, host=host))
    found, headers, body = Reader(s).response(method == 'HEAD')
    assert found == status and (status != 421 or body == b'page')
    assert sorted(f'{n}={v}' for n, v in headers.items()
                  if n not in OURS and n != 'connection') == expected


def test_a_route_has_no_headers_for_others(refused):
    routes = [{'path': '/a', 'respond': {}, 'headers': {'always': True}}]
    said = refused(config(listener(handler={'http': {'routes': routes}})))
    assert 'routes[0].headers: always is for replies that no route has' in said


def test_101_has_the_headers_of_its_route(goevd, plugins):
    """And the handler's, but for those that the route removes."""
    probe = {'http_probe': {'file': '/dev/null', 'stream': 'echo'}}
    d = goevd(config(listener(handler={'http': {
        'headers': {'set': {'X-All': 'all'}},
        'routes': [{'path': '/{id}', 'handler': probe, 'headers': {'add': {'Set-Cookie': 'a=b'}}}]}}),
        plugin_dir=str(plugins)))
    s = d.connect()
    s.sendall(request('/upgrade', Connection='upgrade', Upgrade='probe'))
    head = Reader(s).until(b'\r\n\r\n').decode().split('\r\n')
    assert head[0].startswith('HTTP/1.1 101 ') and {'X-All: all', 'Set-Cookie: a=b'} < set(head)
