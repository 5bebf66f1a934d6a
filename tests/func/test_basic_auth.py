"""Passwords: the handler `basic_auth` before others."""
import base64
import json

import pytest

from daemon import config, eventually, listener
from wire import Reader, request

# made by crypt(3): "secret", "pässword", "slow"
BCRYPT = '$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'
YESCRYPT = '$y$j75$abcdefghijklmnopqrst$xMFppB0rK1yAwFXeaWJEzNz5M4lrzKmJWWSNPk1JNy5'
SHA512 = '$6$rounds=1000$abcdefgh$jAxIaiRp9oDJ.CoU2U7rdm1MxaLmzzVIbnA5TByoxmVbJHEFOGQ24vEMjv0aIa3w8SX9Sw89hnB24WyQvTH7h/'
SHA256 = '$5$rounds=1000$abcdefgh$XIppta5rT8zJUu4vAOKQXrwq9uY4Ijlz6VjyOmkx5i4'
SLOW = '$6$rounds=1000000$abcdefgh$7/kn9M/ZOegJwG7G/QRjoCi7Y13GpEc.0tfJjiSkyiQmov6Y7kmaoP7/h3X5OrYIbxQuO7wygS7EWZb9vTlFC/'
USERS = f'# who may\nann:{BCRYPT}\n\nbob:{YESCRYPT}\r\nÄnn:{SHA512}\neve:{SHA256}\nslow:{SLOW}' + ''.join(f'\nslow{n}:{SLOW}' for n in range(5))


@pytest.fixture
def users(tmp_path):
    """The file."""
    path = tmp_path / 'users'
    path.write_text(USERS, newline='')
    return path


@pytest.fixture
def serve(goevd, plugins, users, tmp_path):
    """serve(option=…) -> a Daemon with a route that wants a password."""
    def start(access='combined', **options):
        auth = {'basic_auth': {'users': str(users), **options}}
        probe = {'http_probe': {'file': '/dev/null'}}
        return goevd(config(listener(handler={'http': {
            'routes': [{'path': '/do/{id}', 'handler': [auth, probe]},
                       {'path': '/open', 'respond': {'body': 'open'}}],
            'access_log': {'target': str(tmp_path / 'log'), 'format': access},
            'error_pages': [{'status': 401, 'body': 'who?'}]}}),
            plugin_dir=str(plugins), reactors=[{'name': 'main', 'pollers': 1}],
            control={'socket': str(tmp_path / 'control.sock')}))
    return start


def metrics(d):
    """Those of the plugin."""
    found = d.metrics()
    return [found[f'goevd_basic_auth_{name}_total']
            for name in ('passwords_checked', 'requests_refused', 'requests_busy')]


def said(name, password):
    """The value of Authorization."""
    return 'Basic ' + base64.b64encode(f'{name}:{password}'.encode()).decode()


def send(sock, name=None, password='', **more):
    """A request; None: without a password."""
    if name is not None:
        more['Authorization'] = said(name, password)
    sock.sendall(request(more.pop('path', '/do/sized'), **more))


def ask(sock, *args, **more):
    """Status, headers, content."""
    send(sock, *args, **more)
    return Reader(sock).response()


def test_who_knows_a_password_gets_in(serve):
    d = serve()
    s = d.connect()
    for name, password in (('ann', 'secret'), ('bob', 'secret'), ('Änn', 'pässword'), ('eve', 'secret')):
        for _ in range(3):
            assert ask(s, name, password)[::2] == (200, b'one two')
    assert metrics(d) == [4, 0, 0]   # each is checked once


@pytest.mark.parametrize('access', ['combined', 'json'])
def test_others_learn_who_it_is(serve, users, tmp_path, access):
    users.write_text(f'ann:{BCRYPT}\na "b":{BCRYPT}\n{"n" * 300}:{BCRYPT}')
    s = serve(access).connect()
    names = ['ann', 'ann', 'a "b"', 'n' * 300, 'ann']     # first found out, then remembered
    for name in names:
        assert ask(s, name, 'secret', path='/do/user')[2].decode() == name
    assert ask(s, 'ann', 'wrong', path='/do/user')[0] == 401
    s.sendall(request('/open'))
    assert Reader(s).response()[0] == 200
    log = tmp_path / 'log'
    eventually(lambda: log.exists() and log.read_text().count('\n') == 7, 'not 7 lines')
    lines = log.read_text().splitlines()
    if access == 'json':
        assert [json.loads(line)['user'] for line in lines] == [*(n[:128] for n in names), '', '']
    else:
        assert [line.split(' ')[2] for line in lines] == [
            'ann', 'ann', 'a\\x20\\x22b\\x22', 'n' * 128, 'ann', '-', '-']


def test_who_does_not_is_asked(serve, users):
    users.write_text(f'ann:{BCRYPT}')
    d = serve(realm='Files of a friend')
    s = d.connect()
    wrong = [('ann', 'Secret'), ('ann', ''), ('ann', 'secretx'), ('Ann', 'secret'),
             ('nobody', 'secret'), ('', ''), ('ann', BCRYPT)]
    for name, password in wrong * 2:
        status, headers, body = ask(s, name, password)
        assert (status, body) == (401, b'who?')
        assert headers['www-authenticate'] == 'Basic realm="Files of a friend", charset="UTF-8"'
    assert metrics(d) == [14, 14, 0]   # an unknown name costs the same
    assert ask(s, 'ann', 'secret')[0] == 200


def test_what_is_no_password_is_not_checked(serve):
    d = serve()
    s = d.connect()
    for more in ({}, {'Authorization': 'Bearer abc'}, {'Authorization': 'Basic !!!!'}):
        assert ask(s, **more)[0] == 401
    assert metrics(d) == [0, 3, 0]


def test_two_are_none(serve):
    d = serve()
    good = said('ann', 'secret')
    for first, second in (good, good), (good, ''), ('', good), (good, said('bob', 'x')):
        s = d.connect()
        s.sendall(f'GET /do/sized HTTP/1.1\r\nHost: a\r\nAuthorization: {first}\r\n'
                  f'authorization: {second}\r\n\r\n'.encode())
        assert Reader(s).response()[0] == 401
    assert metrics(d) == [0, 4, 0]


def test_body_waits_for_the_check(serve):
    s = serve().connect()
    s.sendall(request('/do/gather', 'POST', Content_Length=3, Authorization=said('ann', 'secret'))
              + b'abc' + request('/open'))
    reader = Reader(s)
    assert reader.response()[2] == b'abc' and reader.response()[2] == b'open'


def test_others_are_served_while_one_is_checked_and_few_are(serve):
    d = serve(checks_max=1)
    s, t = d.connect(), d.connect()
    for n in range(5):   # until one lasts for longer than this test sleeps
        send(s, f'slow{n}', 'slow')
        eventually(lambda: metrics(d)[0] == 2 * n + 1, 'the check has not begun')
        status, headers, _ = ask(t, 'ann', 'wrong')
        if status == 503:
            break
        assert (status, Reader(s).response()[0]) == (401, 200)
    assert (status, headers['retry-after']) == (503, '1')
    t.sendall(request('/open'))
    assert Reader(t).response()[2] == b'open'
    assert Reader(s).response()[0] == 200
    assert ask(t, 'ann', 'secret')[0] == 200
    assert metrics(d) == [2 * n + 2, n, 1]


def test_client_that_goes_away_while_it_is_checked(serve):
    d = serve(checks_max=1)
    s = d.connect()
    send(s, 'slow', 'slow')
    eventually(lambda: metrics(d)[0] == 1, 'the check has not begun')
    s.close()
    t = d.connect()
    eventually(lambda: ask(t, 'ann', 'secret')[0] == 200, 'the check is not over')


def test_nothing_is_remembered_where_nothing_shall_be(serve):
    d = serve(verified_max=0)
    s = d.connect()
    for _ in range(3):
        assert ask(s, 'ann', 'secret')[0] == 200
    assert metrics(d) == [3, 0, 0]


def test_reload_reads_the_file_again(serve, users):
    d = serve()
    assert ask(d.connect(), 'ann', 'secret')[0] == 200
    users.write_text(f'carl:{BCRYPT}\n')
    assert d.ctl('reload').returncode == 0   # new connections meet the new one
    assert ask(d.connect(), 'carl', 'secret')[0] == 200
    assert ask(d.connect(), 'ann', 'secret')[0] == 401


WRONG = """\
listeners:
  - address: 127.0.0.1:0
    handler:
      http:
        routes:
          - path: /
            handler:
              basic_auth: {users: "%s", realm: '%s', users_max: %d}
"""


@pytest.mark.parametrize('text, words', [
    ('', ': there are no users in it'), ('# none\n', ': there are no users in it'),
    ('ann', ':1: a line is NAME:HASH'), (f'#\n:{BCRYPT}', ':2: a line is NAME:HASH'),
    ('ann:', ':1: the hash is not one of bcrypt'), ('ann:secret', ':1: the method of the hash is too weak'),
    ('ann:$apr1$abcdefgh$lJ0hEBw3SbUYlhWCZ0SOy/', ':1: the hash is not one of bcrypt'),
    ('ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', ':1: the hash is not one of bcrypt'),
    ('ann:$1$abcdefgh$AiT9SI5p1NAmxDVrbZPJS1', ':1: the method of the hash is too weak'),
    (f'ann:{BCRYPT[:-1]}', ':1: the hash is not one of bcrypt'), (f'ann:{BCRYPT}:x', ':1: the hash is not one of bcrypt'),
    (f'ann:{BCRYPT}\nbob:{BCRYPT}\n\nann:{BCRYPT}', ':4: an earlier line has that name'),
    (f'a\tb:{BCRYPT}', ':1: there is a control character'),
    (f'{"n" * (1024 - 60)}:{BCRYPT}', ':1: the line is too long'),
    (f'{"n" * (1023 - 60)}:{BCRYPT}\nx', ':2: a line is NAME:HASH'),
    (f'ann:{BCRYPT}\0', ': there is a NUL in it'),
    (f'a:{BCRYPT}\nb:{BCRYPT}\nc:{BCRYPT}\nd:{BCRYPT}', ':4: there are more users than users_max'),
    ('#' * (3 * 1025 + 1), ' is larger than users_max users can be')])
def test_wrong_lines_are_told(refused, users, text, words):
    users.write_text(text)
    said = refused(WRONG % (users, 'r', 3))
    assert said.startswith('goevd.yaml:8:') and f'{users}{words}' in said, said


def test_what_else_is_wrong_is_told(refused, users, tmp_path):
    assert ': No such file or directory' in refused(WRONG % (tmp_path / 'nothing', 'r', 3))
    assert ': Is a directory' in refused(WRONG % (tmp_path, 'r', 3))
    assert 'Invalid argument' in refused(WRONG % ('/dev/zero', 'r', 3))
    for realm in ('a"b', 'a\\b', 'ä'):
        assert 'basic_auth.realm: ' in refused(WRONG % (users, realm, 3))
