"""Errors with content of the operator's."""
import pytest

from daemon import config, listener
from wire import Reader, get, request

pytestmark = pytest.mark.sequential

PAGE = b'<h1>Gone fishing</h1>\n'
ROUTES = [{'path': '/', 'respond': {'body': 'root'}},
          {'path': '/own', 'respond': {'status': 404, 'body': 'own'}}]


@pytest.fixture
def serve(goevd, plugins, tmp_path):
    """serve(pages, options…) -> a Daemon; the file `page` is there."""
    (tmp_path / 'page').write_bytes(PAGE)

    def start(*pages, **more):
        probe = {'http_probe': {'file': '/dev/null', 'stream': 'echo'}}
        routes = [*ROUTES, {'path': '/do/{id}', 'handler': probe}]
        return goevd(config(listener(handler={'http': {
            'routes': routes, 'error_pages': list(pages), **more}}), plugin_dir=str(plugins)))
    return start


@pytest.mark.parametrize('big', [False, True])
def test_a_file_is_the_content(serve, tmp_path, big):
    page = PAGE * 1000 if big else PAGE
    (tmp_path / 'page').write_bytes(page)
    d = serve({'status': [404, 405], 'file': str(tmp_path / 'page')})
    s = d.connect()
    status, headers, body = get(s, '/nothing')
    assert (status, headers['content-type'], body) == (404, 'text/html; charset=utf-8', page)
    s.sendall(request('/', 'DELETE') + request('/nothing', 'HEAD') + request('/own'))
    reader = Reader(s)
    status, headers, body = reader.response()
    assert (status, headers['allow'], body) == (405, 'GET, HEAD', page)
    status, headers, _ = reader.response(head=True)
    assert (status, headers['content-length']) == (404, str(len(page)))
    assert reader.response()[2] == b'own'


def test_a_text_is_the_content(serve):
    d = serve({'status': 400, 'body': '{"error":400}', 'type': 'application/json'},
              {'status': [408, 414], 'body': ''})
    s = d.connect()
    s.sendall(b'GET / HTTP/1.1\r\n\r\n')
    status, headers, body = Reader(s).response()
    assert (status, headers['content-type'], body) == (400, 'application/json', b'{"error":400}')
    s = d.connect()
    s.sendall(b'GET /' + b'x' * 9000)
    assert Reader(s).response()[::2] == (414, b'')
    assert get(d.connect(), '/nothing')[2] == b'404 Not Found\n'


def test_a_class_is_for_those_that_have_no_page(serve):
    d = serve({'status': ['4xx', 500], 'body': 'yours'}, {'status': 404, 'body': 'gone'},
              {'status': '5xx', 'body': 'ours'})
    d.may_say.append('has failed')
    s = d.connect()
    s.sendall(request('/nothing') + request('/', 'DELETE') + request('/do/wordless')
              + request('/do/fail'))
    reader = Reader(s)
    assert [reader.response()[::2] for _ in range(4)] == [
        (404, b'gone'), (405, b'yours'), (403, b'yours'), (500, b'yours')]
    s = d.connect()
    s.sendall(b'GET / HTTP/2.0\r\n\r\n')
    assert Reader(s).response()[::2] == (505, b'ours')


def test_a_handler_that_fails(serve):
    d = serve({'status': 500, 'body': 'sorry', 'type': 'text/plain'})
    d.may_say.append('has failed')
    status, headers, body = get(d.connect(), '/do/fail')
    assert (status, headers['content-type'], body) == (500, 'text/plain', b'sorry')


def test_a_handler_that_says_nothing(serve):
    s = serve({'status': 403, 'body': 'sorry', 'type': 'text/plain'}).connect()
    status, headers, body = get(s, '/do/wordless')
    assert (status, headers['content-type'], body) == (403, 'text/plain', b'sorry')
    s.sendall(request('/do/wordless', 'HEAD') + request('/do/headers') + request('/do/wordless'))
    reader = Reader(s)
    assert reader.response(head=True)[1]['content-length'] == '5'
    assert reader.response()[0] in (200, 404)
    assert reader.response()[2] == b'sorry'


@pytest.mark.parametrize('what', ['/files/nothing', '/files/folder/', '/files/post', '/last', '/socket'])
def test_handlers_that_come_with_goevd_leave_it_to_the_pages(goevd, tmp_path, what):
    (tmp_path / 'folder').mkdir()
    page = {'status': '4xx', 'body': '<p>sorry</p>'}
    d = goevd(config(listener(handler={'http': {'error_pages': page, 'routes': [
        {'path': '/files/*', 'handler': {'download': {'root': str(tmp_path)}}},
        {'path': '/last', 'handler': {'cors': {'origins': '*'}}},
        {'path': '/socket', 'handler': {'websocket': {'application': 'echo'}}}]}})))
    s = d.connect()
    s.sendall(request(what, 'POST' if what.endswith('post') else 'GET'))
    status, headers, body = Reader(s).response()
    assert status == {'/files/folder/': 403, '/files/post': 405, '/socket': 426}.get(what, 404)
    assert (headers['content-type'], body) == ('text/html; charset=utf-8', b'<p>sorry</p>')
    assert ('allow' in headers, 'upgrade' in headers) == (status == 405, status == 426)


def test_errors_without_a_page_and_words_say_their_status(serve):
    s = serve().connect()
    status, headers, body = get(s, '/do/wordless')
    assert (status, headers['content-type'], body) == (403, 'text/plain; charset=utf-8', b'403 Forbidden\n')


WRONG = """\
listeners:
  - address: 127.0.0.1:0
    handler:
      http:
        error_page_max: %d
        error_pages:
          - {status: 404, body: x}
          - {status: %s, type: "%s", file: "%s"}
"""


@pytest.mark.parametrize('status, type_, key, words', [
    ('[400, 404]', 'a/b', 'status[1]', '404 has a page already'),
    ('500', '', 'type', 'is no type of content'),
    ('500', 'a\\nb', 'type', 'is no type of content'),
    *((bad, 'a/b', 'status', 'neither a status from 400 to 599 nor 4xx or 5xx') for bad in (
        '399', '600', '3xx', '6xx', '40x', 'xxx', '4XX')),
    ('[5xx, 501, 5xx]', 'a/b', 'status[2]', '5xx has a page already'),
    ('500', 'a/b', 'file', 'No such file or directory'),
])
def test_what_is_wrong_is_said_with_its_place(refused, status, type_, key, words):
    said = refused(WRONG % (10, status, type_, '/nowhere/at all'))
    assert said.startswith('goevd.yaml:8:'), said
    assert f'listeners[0].handler.http.error_pages[1].{key}' in said
    assert words in said


@pytest.mark.parametrize('file', ['/', '/dev/null'])
def test_only_regular_files_are_pages(refused, file):
    assert 'error_pages[1].file: ' in refused(WRONG % (10, '500', 'a/b', file))


def test_length_of_a_file_is_bounded(goevd, refused, tmp_path):
    page = tmp_path / 'page'
    page.write_bytes(b'x' * 1000)
    goevd(WRONG % (1000, '500', 'a/b', page))
    assert 'has more than 999 bytes; see error_page_max' in refused(WRONG % (999, '500', 'a/b', page))


@pytest.mark.parametrize('respond, body, kind', [
    ({'status': 503}, b'page', 'text/x'), ({'status': 404}, b'', None), ({'status': 200}, b'', None),
    ({'status': 503, 'headers': {'Retry-After': '9'}}, b'page', 'text/x'),
    ({'status': 503, 'body': ''}, b'', None),
    ({'status': 503, 'body': 'own'}, b'own', 'text/plain; charset=utf-8'),
    ({'status': 503, 'headers': {'Content-Type': 'a/b'}}, b'', 'a/b')])
def test_respond_without_content_has_the_page(goevd, respond, body, kind):
    pages = [{'status': ['5xx'], 'body': 'page', 'type': 'text/x'}]
    s = goevd(config(listener(handler={'http': {'error_pages': pages, 'routes': [
        {'path': '/*', 'respond': respond}]}}))).connect()
    status, headers, found = get(s)
    assert (status, headers.get('content-type'), found) == (respond['status'], kind, body)
    assert headers.get('retry-after') == respond.get('headers', {}).get('Retry-After')
    s.sendall(request('/', 'HEAD'))
    assert Reader(s).response(head=True)[1]['content-length'] == str(len(body))
