"""Data of a request besides its bytes: its id, and the client behind proxies."""
import json
import re

import pytest

from daemon import config, eventually, listener
from wire import Reader, request

pytestmark = pytest.mark.sequential

PROBE = {'http_probe': {'file': '/dev/null', 'stream': 'echo'}}
ROUTES = [{'path': '/hello', 'respond': {'body': 'hello'}},
          {'path': '/large', 'respond': {'body': 'l' * 20000}},
          {'path': '/post', 'methods': ['POST'], 'respond': {'body': 'posted'}},
          {'path': '/do/{id}', 'handler': PROBE, 'headers': {'set': {'X-Route': 'r'}}}]
MADE = r'[0-9a-f]{32}'


@pytest.fixture
def start(goevd, plugins, tmp_path):
    """start(options of http…) -> goevd with a log of JSON."""
    def begin(address='127.0.0.1:0', **http):
        d = goevd(config(listener('web', {'http': {
            'routes': ROUTES, 'access_log': {'target': str(tmp_path / 'log'), 'format': 'json'}, **http}}, address),
            plugin_dir=str(plugins), reactors=[{'name': 'main', 'pollers': '1'}]))   # one buffer: lines in order
        d.path = tmp_path / 'log'
        return d
    return begin


def said(d, count):
    """The lines of the log."""
    eventually(lambda: d.path.read_text().count('\n') >= count, f'not {count} lines')
    return [json.loads(line) for line in d.path.read_text().splitlines()]


def ask(d, *lines, head=False):
    """Status, headers and body of the reply."""
    with d.connect() as s:
        s.sendall(b''.join(line if isinstance(line, bytes) else line.encode() for line in lines))
        return Reader(s).response(head)


# ---- Traces --------------------------------------------------------------------------------------

ID, SPAN = '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'
TRACED = f'00-{ID}-{SPAN}-01'


def traced(d, *values, path='/do/trace'):
    """The reply to a request with these headers traceparent."""
    lines = ''.join(f'Traceparent: {value}\r\n' for value in values)
    return ask(d, f'GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n')[2].decode()


def test_a_trace_from_a_trusted_network_is_continued_and_logged(start):
    d = start(trace={'from': ['127.0.0.0/8']})
    found = re.fullmatch(rf'00-{ID}-([0-9a-f]{{16}})-01 continued', traced(d, TRACED))
    assert found and found[1] != SPAN
    traced(d, TRACED, path='/hello')
    first, second = said(d, 2)
    assert (first['trace'], first['span'], first['caller']) == (ID, found[1], SPAN)
    assert second['trace'] == ID and second['span'] not in (found[1], SPAN)


@pytest.mark.parametrize('trusted, values', [
    ([], [TRACED]), (['10.0.0.0/8'], [TRACED]), (['127.0.0.1'], []), (['127.0.0.1'], [TRACED] * 2),
    (['127.0.0.1'], [TRACED.upper()]), (['127.0.0.1'], [f'00-{"0" * 32}-{SPAN}-01'])])
def test_any_other_request_begins_a_trace(start, trusted, values):
    d = start(trace={'from': trusted, 'sampled': True})
    found = [re.fullmatch(r'00-([0-9a-f]{32})-([0-9a-f]{16})-03 new', traced(d, *values)) for _ in range(2)]
    assert found[0][1] != found[1][1] and ID not in (found[0][1], found[1][1])
    assert [(line['trace'], line['span'], line['caller']) for line in said(d, 2)] == \
        [(*m.groups(), '') for m in found]


def test_without_the_option_there_is_no_trace(start):
    d = start()
    assert traced(d, TRACED) == ' new'
    assert 'trace' not in said(d, 1)[0]


# ---- Ids -----------------------------------------------------------------------------------------

ANY = [   # every way that leads to a reply
    (request('/hello'), 200), (request('/hello', 'HEAD'), 200), (request('/large'), 200), (request('/none'), 404),
    (request('/post', 'POST', Content_Length='3') + b'abc', 200),
    (request('/post', 'POST', Content_Length='3', Expect='100-continue'), 200),
    (request('/post', 'POST', Transfer_Encoding='chunked') + b'x\r\n', 400),
    (b'GET / what\r\n\r\n', 400), (request('/%zz'), 400), (request('/do/headers'), 404),
    (request('/do/sized'), 200),
]


def test_each_request_has_an_id_of_its_own(start):
    d = start(request_id={})
    replies = [ask(d, data, head=data.startswith(b'HEAD')) for data, _ in ANY]
    assert [r[0] for r in replies] == [status for _, status in ANY]
    ids = [r[1]['x-request-id'] for r in replies]
    assert all(re.fullmatch(MADE, i) for i in ids) and len(set(ids)) == len(ANY)
    assert [line['id'] for line in said(d, len(ANY))] == ids
    assert replies[0][2] == b'hello' and replies[2][2] == b'l' * 20000


def test_upgrades_have_an_id(start):
    d = start(request_id={})
    with d.connect() as s:
        s.sendall(request('/do/upgrade', Connection='upgrade', Upgrade='probe'))
        head = Reader(s).until(b'\r\n\r\n').decode()
    assert head.startswith('HTTP/1.1 101 ')
    found = re.search(rf'^X-Request-Id: ({MADE})\r$', head, re.M)
    line = said(d, 1)[0]
    assert (line['status'], line['id']) == (101, found[1])


def test_handlers_see_the_id_and_their_headers_stay(start):
    d = start(request_id={'header': 'Trace'})
    status, headers, body = ask(d, request('/do/mark'))
    assert (status, headers['x-route']) == (200, 'r')
    assert body.decode() == f'127.0.0.1 {headers["trace"]}'
    with d.connect() as s:   # an interim reply does not have it, the final one does
        s.sendall(request('/do/hints'))
        reader = Reader(s)
        assert b'trace' not in reader.until(b'\r\n\r\n').lower()
        assert re.fullmatch(MADE, reader.response()[1]['trace'])


def test_pipelined_requests_have_ids_in_order(start):
    d = start(request_id={})
    with d.connect() as s:
        s.sendall(request('/hello') * 200)
        reader = Reader(s)
        ids = [reader.response()[1]['x-request-id'] for _ in range(200)]
    assert len(set(ids)) == 200 and [line['id'] for line in said(d, 200)] == ids


@pytest.mark.parametrize('value, taken', [
    ('abc', True), ('a/b:c=1', True), ('x' * 128, True), ('x' * 129, False), ('a b', False), ('', False),
    ('h\xf6her', False),
])
def test_ids_of_trusted_networks_are_taken(start, value, taken):
    d = start(request_id={'from': ['10.0.0.0/8', '127.0.0.0/8']})
    for path in '/hello', '/do/mark':
        found = ask(d, request(path, X_REQUEST_ID=value))[1]['x-request-id']
        assert (found == value) == taken, found
        assert taken or re.fullmatch(MADE, found)


def test_ids_of_others_are_not(start):
    d = start(request_id={'from': ['10.0.0.0/8', '::1']})
    assert re.fullmatch(MADE, ask(d, request('/hello', X_Request_Id='abc'))[1]['x-request-id'])


def test_without_the_option_there_is_none(start):
    d = start()
    status, headers, body = ask(d, request('/do/mark', X_Request_Id='abc'))
    assert (status, body) == (200, b'127.0.0.1 ') and 'x-request-id' not in headers
    assert said(d, 1)[0]['id'] == ''


# ---- Clients behind proxies ----------------------------------------------------------------------

OURS = ['127.0.0.0/8', '10.0.0.0/8', '2001:db8::/32']


@pytest.mark.parametrize('value, client', [
    ('192.0.2.1', '192.0.2.1'),
    ('192.0.2.1, 10.1.1.1', '192.0.2.1'),
    ('203.0.113.9, 192.0.2.1', '192.0.2.1'),            # addresses sent by an untrusted client do not count
    ('10.2.2.2, 10.1.1.1', '10.2.2.2'),                 # all are ours
    ('192.0.2.1, 2001:db8::7, 10.0.0.1:80', '192.0.2.1'),
    ('192.0.2.1, unknown, 10.1.1.1', '10.1.1.1'),
    ('rubbish', '127.0.0.1'),
    ('', '127.0.0.1'),
    (', '.join(['192.0.2.1'] + ['10.0.0.1'] * 15), '192.0.2.1'),
    (', '.join(['192.0.2.1'] + ['10.0.0.1'] * 16), '10.0.0.1'),   # one hop too many
])
def test_x_forwarded_for_of_our_proxies(start, value, client):
    d = start(forwarded={'from': OURS})
    for path in '/do/mark', '/hello':
        body = ask(d, request(path, X_Forwarded_For=value, Forwarded='for=1.1.1.1'))[2]
        assert path == '/hello' or body.decode() == f'{client} '
    assert {line['client'] for line in said(d, 2)} == {client}


@pytest.mark.parametrize('value, client', [
    ('for=192.0.2.1;proto=http, for=10.0.0.1', '192.0.2.1'),
    ('for="[2001:db9::1]:4711"', '2001:db9::1'),
    ('for=_hidden', '127.0.0.1'),
    ('proto=https', '127.0.0.1'),
    ('host="a, for=1.1.1.1";for=192.0.2.1', '192.0.2.1'),
])
def test_forwarded_of_our_proxies(start, value, client):
    d = start(forwarded={'from': OURS, 'header': 'Forwarded'})
    assert ask(d, request('/do/mark', Forwarded=value, X_Forwarded_For='1.1.1.1'))[2].decode() == f'{client} '


def test_nobody_else_is_believed(start):
    d = start(forwarded={'from': ['10.0.0.0/8', 'unix']})
    assert ask(d, request('/do/mark', X_Forwarded_For='192.0.2.1'))[2] == b'127.0.0.1 '


def test_proxies_on_unix_sockets(start, tmp_path):
    d = start(f'unix:{tmp_path}/web', forwarded={'from': ['unix']})
    assert ask(d, request('/do/mark', X_Forwarded_For='192.0.2.1'))[2] == b'192.0.2.1 '
    assert ask(d, request('/do/mark'))[2] == b'unix '
    assert [line['client'] for line in said(d, 2)] == ['192.0.2.1', 'unix']


@pytest.mark.parametrize('http, words', [
    ({'forwarded': {'from': ['10.0.0.1/8']}}, r'from\[0\].*did you mean 10\.0\.0\.0/8'),
    ({'request_id': {'from': ['::1', 'x']}}, r"from\[1\].*'x' is not a network"),
    ({'request_id': {'header': 'a b'}}, r'header.*"a b" cannot be the name'),
    ({'request_id': {'header': 'Date'}}, r'header.*"Date" cannot be the name'),
    ({'forwarded': {'from': []}}, 'from'),
    ({'forwarded': {'from': ['::1'], 'header': 'Via'}}, 'header'),
])
def test_wrong_options_are_refused(refused, http, words):
    assert re.search(words, refused(config(listener(handler={'http': http}))))
