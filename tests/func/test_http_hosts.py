"""Hosts that have routes of their own."""
import pytest

from daemon import config, listener
from wire import Reader, get

pytestmark = pytest.mark.sequential


def says(text):
    """Routes whose replies identify them."""
    return [{'path': '/', 'respond': {'body': text}}]


HOSTS = [
    {'names': ['Example.org', 'www.example.org'], 'routes': says('example') + [
        {'path': '/only/{here}', 'respond': {'body': 'only'}}]},
    {'names': ['*.example.org', '[::1]'], 'routes': says('below')},
    {'names': ['post.net'], 'routes': [
        {'path': '/', 'methods': ['POST'], 'respond': {'body': 'posted'}}]},
]


@pytest.fixture
def web(goevd):
    """Three hosts and one for the rest."""
    return goevd(config(listener(handler={'http': {'routes': says('rest'), 'hosts': HOSTS}})))


def head(host, target='/', method='GET', version='1.1', more=''):
    """A request; None: without Host."""
    host = '' if host is None else f'Host: {host}\r\n'
    return f'{method} {target} HTTP/{version}\r\n{host}{more}\r\n'.encode()


def ask(sock, *args, **kwargs):
    """One request on an open connection."""
    sock.sendall(head(*args, **kwargs))
    return Reader(sock).response()


@pytest.mark.parametrize('host, body', [
    ('example.org', b'example'), ('EXAMPLE.ORG', b'example'), ('example.org.:8080', b'example'),
    ('www.example.org', b'example'), ('a.b.example.org', b'below'), ('[::1]:80', b'below'),
    ('elsewhere.org', b'rest'), ('', b'rest'), ('badexample.org', b'rest'),
    ('a' * 70 + '.example.org', b'below'), ('a' * 300 + '.example.org', b'rest')])
def test_host_decides(web, host, body):
    assert ask(web.connect(), host)[2] == body


def test_each_request_of_a_connection_has_its_host(web):
    long = 'a' * 70 + '.example.org'
    hosts = [('example.org', b'example'), ('example.org', b'example'), ('elsewhere', b'rest'),
             (long, b'below'), ('elsewhere', b'rest'), (long, b'below'), ('', b'rest'),
             ('www.example.org', b'example'), (long, b'below'), ('www.example.org', b'example')]
    s = web.connect()
    s.sendall(b''.join(head(h) for h, _ in hosts))
    reader = Reader(s)
    assert [reader.response()[2] for _ in hosts] == [body for _, body in hosts]


def test_flags_do_not_hide_the_host(web):
    s = web.connect()
    keep = 'Connection: keep-alive\r\n'
    assert ask(s, 'example.org', more=keep)[2] == b'example'
    assert ask(s, 'example.org')[2] == b'example'
    assert ask(s, 'a.example.org', more=keep)[2] == b'below'
    assert ask(s, 'example.org', '/.', more=keep)[2] == b'example'


def test_a_refused_request_leaves_its_host_to_the_next(goevd):
    d = goevd(config(listener(handler={'http': {'routes': says('rest'), 'hosts': HOSTS}}),
                     reactors=[{'name': 'main', 'pollers': 1}]))
    assert ask(d.connect(), 'elsewhere')[2] == b'rest'
    assert ask(d.connect(), 'example.org', more='Content-Length: x\r\n')[0] == 400
    assert ask(d.connect(), 'example.org')[2] == b'example'
    assert ask(d.connect(), 'example.org', more='Content-Length: x\r\n')[0] == 400
    assert ask(d.connect(), 'elsewhere')[2] == b'rest'


def test_absolute_form_has_its_own_host(web):
    s = web.connect()
    assert ask(s, 'elsewhere', 'http://example.org/')[2] == b'example'
    assert ask(s, 'elsewhere')[2] == b'rest'
    assert ask(s, 'example.org', 'http://elsewhere')[2] == b'rest'
    assert ask(s, 'elsewhere', 'http://WWW.example.org:80?q=/')[2] == b'example'
    assert ask(s, 'example.org')[2] == b'example'


def test_http_1_0_without_host_gets_the_rest(web):
    assert ask(web.connect(), 'example.org')[2] == b'example'
    assert ask(web.connect(), None, version='1.0')[2] == b'rest'
    assert ask(web.connect(), 'example.org', version='1.0')[2] == b'example'


def test_a_host_has_no_routes_but_its_own(web):
    s = web.connect()
    assert ask(s, 'example.org', '/only/1')[2] == b'only'
    assert ask(s, 'a.example.org', '/only/1')[0] == 404
    assert ask(s, 'elsewhere', '/only/1')[0] == 404
    status, headers, _ = ask(s, 'post.net')
    assert (status, headers['allow']) == (405, 'POST')
    assert ask(s, 'post.net', method='POST', more='Content-Length: 0\r\n')[2] == b'posted'


def test_options_asterisk_names_the_methods_of_all(web):
    assert ask(web.connect(), 'x', '*', 'OPTIONS')[1]['allow'] == 'GET, HEAD, POST, OPTIONS'


def test_others_are_misdirected_where_nothing_is_for_them(goevd):
    d = goevd(config(listener(handler={'http': {'hosts': HOSTS}})))
    s = d.connect()
    assert ask(s, 'example.org')[2] == b'example'
    assert ask(s, 'elsewhere')[0] == 421
    assert ask(s, 'example.org', '/nothing')[0] == 404
    assert get(s)[0] == 421


def test_a_listener_has_hosts_of_its_own(goevd):
    def named(name, text):
        return listener(name=name, handler={'http': {
            'hosts': [{'names': ['example.org'], 'routes': says(text)}]}})

    d = goevd(config(named('one', '1'), named('two', '2')))
    assert ask(d.connect('one'), 'example.org')[2] == b'1'
    assert ask(d.connect('two'), 'example.org')[2] == b'2'


WRONG = """\
listeners:
  - address: 127.0.0.1:0
    handler:
      http:
        hosts:
          - names: [example.org, %s]
            routes: {path: /, respond: {body: x}}
          - names: www.example.org
            routes:
              - {path: /, respond: {body: x}}
              - {path: %s, respond: {body: x}}
"""


@pytest.mark.parametrize('name, path, where, words', [
    ('"a:80"', '/a', '6:34 listeners[0].handler.http.hosts[0].names[1]', '"a:80" is no name of a host'),
    ('Example.ORG.', '/a', '6:34 listeners[0].handler.http.hosts[0].names[1]', 'an earlier host'),
    ('a.net', '/', '11:24 listeners[0].handler.http.hosts[1].routes[1].path', 'an earlier route'),
    ('a.net', 'b', '11:24 listeners[0].handler.http.hosts[1].routes[1].path', 'does not begin'),
])
def test_what_is_wrong_is_said_with_its_place(refused, name, path, where, words):
    said = refused(WRONG % (name, path))
    line, column = where.split(' ')[0].split(':')
    assert said.startswith(f'goevd.yaml:{line}:{column}: {where.split(" ")[1]}: '), said
    assert words in said
    assert said.count('\n') == 1
