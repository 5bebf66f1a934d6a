"""The access log of http: the content of its lines, and that none is lost."""
import json
import os
import re
import signal
import socket
import struct
import threading

import pytest

from daemon import PATIENCE_S, config, eventually, listener
from wire import Reader, request

ONE = [{'name': 'main', 'pollers': '1'}]
TWO = [{'name': 'main', 'pollers': '2'}]
TIME = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'
ROUTES = [
    {'path': '/hello', 'respond': {'body': 'hello'}},
    {'path': '/post', 'methods': ['POST'], 'respond': {'body': 'posted'}},
    {'path': '/large', 'respond': {'body': 'l' * 20000}},
    {'path': '/away', 'redirect': {'to': '/hello'}},
    {'path': '/do/{id}', 'handler': {'http_probe': {'file': '/dev/null', 'stream': 'echo'}}},
]


@pytest.fixture
def start(goevd, plugins, tmp_path):
    """start(options of access_log…) -> goevd with a log in d.path."""
    def begin(*args, reactors=None, more=None, timeout='30s', **options):
        path = options.setdefault('target', str(tmp_path / 'access.log'))
        http = {'routes': ROUTES, 'access_log': options, 'header_timeout': timeout,
                'body_timeout': timeout}
        d = goevd(config(listener(handler={'http': http}), plugin_dir=str(plugins),
                         reactors=reactors or ONE,
                         control={'socket': str(tmp_path / 'control.sock')}, **(more or {})), *args)
        d.path = path
        return d
    return begin


def lines(d, count):
    """So many lines of the log, when they are there."""
    def read():
        with open(d.path, encoding='utf-8') as f:
            text = f.read()
        return text.endswith('\n') and text.count('\n') >= count and text
    found = eventually(read, f'not {count} lines').splitlines()
    assert len(found) == count, found
    return found


def metrics(d):
    """Lines, and how many were dropped."""
    found = d.metrics()
    return [found[f'goevd_log_file_{name}_total{{log=access_log}}'] for name in ('lines', 'lines_dropped')]


def talk(d, data, until_close=False):
    """One connection that sends this; how many replies it gets."""
    with d.connect() as s:
        s.sendall(data)
        if not until_close:
            s.shutdown(socket.SHUT_WR)
        return Reader(s).rest()


# ---- Content of the lines ------------------------------------------------------------------------

SAID = [   # bytes sent; method, target, protocol, status, bytes
    (request('/hello'), 'GET', '/hello', 'HTTP/1.1', 200, 5),
    (request('/hello?a=b', 'HEAD'), 'HEAD', '/hello?a=b', 'HTTP/1.1', 200, 0),
    (request('/hello', version='1.0'), 'GET', '/hello', 'HTTP/1.0', 200, 5),
    (request('/large'), 'GET', '/large', 'HTTP/1.1', 200, 20000),
    (request('/none'), 'GET', '/none', 'HTTP/1.1', 404, 14),
    (request('/hello', 'PUT'), 'PUT', '/hello', 'HTTP/1.1', 405, None),
    (request('/hello', 'BREW'), 'BREW', '/hello', 'HTTP/1.1', 501, None),
    (request('http://test/hello', 'B' * 32), 'B' * 32, 'http://test/hello', 'HTTP/1.1', 501, None),
    (request('/hello', 'BREW', Content_Length='x'), 'BREW', '/hello', 'HTTP/1.1', 400, None),
    (request('test:80', 'CONNECT'), 'CONNECT', 'test:80', 'HTTP/1.1', 501, None),
    (request('/away'), 'GET', '/away', 'HTTP/1.1', 307, 0),
    (request('*', 'OPTIONS'), 'OPTIONS', '*', 'HTTP/1.1', 200, 0),
    (request('/post', 'POST', Content_Length='3') + b'abc', 'POST', '/post', 'HTTP/1.1', 200, 6),
    (request('/post', 'POST', Transfer_Encoding='chunked') + b'3\r\nabc\r\n0\r\n\r\n',
     'POST', '/post', 'HTTP/1.1', 200, 6),
    (request('/post', 'POST', Transfer_Encoding='chunked') + b'x\r\n', 'POST', '/post', 'HTTP/1.1', 400, None),
    (request('/post', 'POST', Content_Length='3') + b'a', 'POST', '/post', 'HTTP/1.1', 400, None),
    (request('/post', 'POST', Content_Length='99999999'), 'POST', '/post', 'HTTP/1.1', 413, None),
    (request('/post', 'POST', Content_Length='3', Expect='100-continue'),
     'POST', '/post', 'HTTP/1.1', 200, 6),
    (request('/../x'), 'GET', '/../x', 'HTTP/1.1', 400, None),
    (b'\r\nwhat is this\r\n\r\n', '', 'what is this', '', 400, None),
    (b'GET /early', '', '', '', 400, None),
    (request('/do/headers'), 'GET', '/do/headers', 'HTTP/1.1', 404, 4),
    (request('/do/sized'), 'GET', '/do/sized', 'HTTP/1.1', 200, 7),
    (request('/do/sized', 'HEAD'), 'HEAD', '/do/sized', 'HTTP/1.1', 200, 0),
    (request('/do/none'), 'GET', '/do/none', 'HTTP/1.1', 204, 0),
    (request('/do/fail'), 'GET', '/do/fail', 'HTTP/1.1', 500, None),
]


def test_each_request_is_a_line_of_json(start):
    d = start(format='json')
    d.may_say = ['the handler of the route .* has failed']
    replies = [talk(d, data) for data, *_ in SAID]
    for line, reply, (_, method, target, protocol, status, size) in zip(lines(d, len(SAID)), replies, SAID):
        said = json.loads(line)
        assert re.fullmatch(TIME, said['time'])
        assert (said['client'], said['listener']) == ('127.0.0.1', 'web')
        assert said['host'] == ('test' if method else '')
        assert (said['method'], said['target'], said['protocol']) == (method, target, protocol)
        assert said['status'] == status == int(reply.split()[1]), line
        body = len(reply.split(b'\r\n\r\n', 1)[1])
        assert said['bytes'] == body and size in (None, body), line
        assert 0 <= said['duration'] < 60
    assert metrics(d) == [len(SAID), 0]


def test_combined_is_what_others_write(start):
    d = start()
    talk(d, request('/hello', User_Agent='a "b" \\ \tc', Referer='http://r/?\xe9'))
    talk(d, b'GET \xff /x\r\n\r\n')
    first, second = lines(d, 2)
    time = r'\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]'
    assert re.fullmatch(rf'127\.0\.0\.1 - - {time} "GET /hello HTTP/1\.1" 200 5 "http://r/\?\\xC3\\xA9" '
                        r'"a \\x22b\\x22 \\x5C \\x09c"', first)
    assert re.fullmatch(rf'127\.0\.0\.1 - - {time} "GET \\xFF /x" 400 \d+ "-" "-"', second)


HOSTILE = [b'plain', b'say "hi"', b'back\\slash', b'tab\there', 'h\xf6her \U0001f600'.encode(), b'\xff\xfe\xc3',
           b'{"status":500}', b'12345678"', b'1234567\\89', b'%s%n']


@pytest.mark.parametrize('bad', [b'what is this\r\n\r\n', b'GET /early', request('/../x')])
def test_what_is_no_request_is_told_of_whoever_sent_it(start, bad):
    d = start(format='json')
    for last, data in [(2, bad), (3, request('/hello')), (4, bad), (5, bad)]:
        with socket.create_connection(('127.0.0.1', d.port()), PATIENCE_S, (f'127.0.0.{last}', 0)) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            Reader(s).rest()
    assert [json.loads(line)['client'] for line in lines(d, 4)] == [f'127.0.0.{n}' for n in (2, 3, 4, 5)]


def test_json_is_valid_whatever_is_sent(start):
    d = start(format='json')
    for value in HOSTILE:
        talk(d, b'GET /hello HTTP/1.1\r\nHost: test\r\nUser-Agent: ' + value + b'\r\nReferer: ' + value +
             b'\r\n\r\n')
    for value, line in zip(HOSTILE, lines(d, len(HOSTILE))):
        said = json.loads(line)
        expected = re.sub('\ufffd+', '\ufffd', value.decode('utf-8', 'replace'))
        assert re.sub('\ufffd+', '\ufffd', said['agent']) == expected
        assert said['agent'] == said['referer']


@pytest.mark.parametrize('fmt', ['json', 'combined'])
def test_a_line_is_never_longer_than_a_pipe_takes(start, fmt):
    d = start(format=fmt)
    long = '"' * 5000
    talk(d, request('/' + 'q' * 7000, User_Agent=long, Referer=long))
    talk(d, request('/' + 'q' * 1791))
    talk(d, request('/' + 'q' * 1792))
    first, *others = lines(d, 3)
    assert len(first) < 4096
    assert [line.count('q') for line in others] == [1791, 1791]
    if fmt == 'json':
        assert len(json.loads(first)['target']) == 1792


def test_clients_that_go_are_told_too(start):
    d = start(format='json')
    for data in (request('/post', 'POST', Content_Length='3'), request('/do/wait')):
        with d.connect() as s:
            s.sendall(data)
            for _ in range(2):   # then the poller has turned since, and read
                assert d.ctl('stats').returncode == 0
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    assert [json.loads(line)['status'] for line in lines(d, 2)] == [499, 499]


def test_clients_that_are_slow_are_told_too(start):
    d = start(format='json', timeout='500ms')
    talk(d, request('/post', 'POST', Content_Length='3') + b'a', until_close=True)
    talk(d, b'GET /slow', until_close=True)
    said = [json.loads(line) for line in lines(d, 2)]
    assert [(x['status'], x['target']) for x in said] == [(408, '/post'), (408, '')]
    assert said[0]['duration'] >= 0.4


def test_pipelined_requests_are_lines_in_their_order(start):
    d = start(format='json')
    data = b''.join(request(f'/{"do/headers" if n % 3 else "hello"}?{n}') for n in range(300))
    talk(d, data)
    assert [json.loads(line)['target'].split('?')[1] for line in lines(d, 300)] == \
        [str(n) for n in range(300)]


# ---- The file ------------------------------------------------------------------------------------

def ask(d, first, count):
    """So many requests on one connection, each with its number."""
    with d.connect() as s:
        reader = Reader(s)
        for n in range(first, first + count, 20):
            s.sendall(b''.join(request(f'/hello?{n + i}') for i in range(20)))
            for _ in range(20):
                assert reader.response()[0] == 200


@pytest.mark.parametrize('how', ['signal', 'ctl'])
@pytest.mark.parametrize('single', [False, True])
def test_rotation_loses_no_line(start, tmp_path, how, single):
    d = start(*(['--single'] if single else []), reactors=TWO, buffer='16MiB')
    rotations, each, clients = 8, 2000, 2
    threads = [threading.Thread(target=ask, args=(d, n * each, each)) for n in range(clients)]
    for t in threads:
        t.start()
    for i in range(rotations):
        os.rename(d.path, tmp_path / f'rotated.{i}')
        if how == 'ctl':
            assert d.ctl('reopen').stdout == 'reopened\n'
        else:
            d.signal(signal.SIGUSR1)
        eventually(lambda: os.path.exists(d.path), 'no new file')
    for t in threads:
        t.join()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0   # waiting lines are written then
    text = ''.join(open(f, encoding='ascii').read()
                   for f in [*(tmp_path / f'rotated.{i}' for i in range(rotations)), d.path])
    assert sorted(int(n) for n in re.findall(r'^127.* "GET /hello\?(\d+) HTTP/1\.1" 200 5 "-" "-"$', text, re.M)) \
        == list(range(each * clients))


def test_a_reload_goes_on_in_the_same_file(start):
    d = start()
    old = d.worker()
    s = d.connect()
    s.sendall(request('/hello'))
    assert Reader(s).response()[0] == 200
    assert d.ctl('reload').returncode == 0
    eventually(lambda: not os.path.exists(f'/proc/{old}'), 'the old worker stays')
    talk(d, request('/hello'))
    lines(d, 2)
    os.rename(d.path, d.path + '.1')
    assert d.ctl('reopen').returncode == 0
    talk(d, request('/hello'))
    lines(d, 1)


def test_who_does_not_read_makes_nobody_wait(start, tmp_path):
    path = tmp_path / 'fifo'
    os.mkfifo(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    d = start(target=str(path), buffer='64KiB', format='json')
    d.may_say = ['access_log.target: cannot write to .*fifo: Resource temporarily unavailable; lines wait']
    ask(d, 0, 4000)   # far more than buffer and pipe hold
    added, dropped = metrics(d)
    assert added + dropped == 4000 and dropped > 2000
    os.set_blocking(fd, True)
    text = b''
    while text.count(b'\n') < added:
        text += os.read(fd, 1 << 16)
    numbers = [int(json.loads(line)['target'].split('?')[1]) for line in text.splitlines()]
    assert numbers == sorted(set(numbers)) and len(numbers) == added   # each whole, and once
    ask(d, 4000, 20)
    while text.count(b'\n') < added + 20:
        text += os.read(fd, 1 << 16)
    assert metrics(d) == [added + 20, dropped]
    os.close(fd)


def test_lines_that_cannot_be_written_before_the_end_are_counted(start, tmp_path):
    path = tmp_path / 'fifo'
    os.mkfifo(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    d = start(target=str(path), buffer='64KiB', format='json')
    d.may_say = ['access_log.target: cannot write to .*fifo', 'lost: Resource temporarily unavailable']
    ask(d, 0, 4000)
    added, _ = metrics(d)
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    os.set_blocking(fd, True)
    text = b''
    while data := os.read(fd, 1 << 16):
        text += data
    os.close(fd)
    lost = d.log.find(r'error .*http: access_log.target: (\d+) lines for .*fifo lost')
    assert int(lost[0][1]) == added - text.count(b'\n') > 0


def test_a_reply_that_was_cut_is_marked(goevd, tmp_path):
    (tmp_path / 'root').mkdir()
    (tmp_path / 'root' / 'large').write_bytes(b'x' * 12000000)
    content = {}
    for form in 'json', 'combined':
        path = tmp_path / form
        handler = {'http': {'access_log': {'target': str(path), 'format': form}, 'routes': [
            {'path': '/f/*', 'handler': {'download': {'root': str(tmp_path / 'root')}}}]}}
        d = goevd(config(listener(handler=handler), reactors=ONE))
        with d.connect() as s:
            s.sendall(request('/f/large'))
            reader = Reader(s)
            assert len(reader.response()[2]) == 12000000
            s.sendall(request('/f/large'))
            s.recv(1000)
        eventually(lambda: path.read_text().count('\n') == 2, 'not two lines')  # pylint: disable=cell-var-from-loop
        content[form] = path.read_text().splitlines()
    whole, cut = map(json.loads, content['json'])
    assert 'aborted' not in whole and whole['bytes'] == 12000000
    assert cut['aborted'] is True and cut['status'] == 200 and cut['bytes'] < 12000000
    whole, cut = content['combined']
    assert whole.endswith('"') and cut.endswith('" X')


def test_the_buffer_at_its_limit(refused, tmp_path):
    def option(size):
        return {'http': {'access_log': {'target': str(tmp_path / 'log'), 'buffer': size}}}
    assert 'buffer' in refused(config(listener(handler=option(8191))))


@pytest.mark.parametrize('single', [False, True])
def test_a_file_that_cannot_be_opened_is_refused(refused, tmp_path, single):
    content = config(listener(handler={'http': {'access_log': {'target': f'{tmp_path}/none/log'}}}))
    text = refused(content, *(['--single'] if single else []))
    assert re.search(r'access_log\.target: .*cannot open .*/none/log: No such file or directory; make its '
                     'folder, or choose another target', text), text


def test_reopen_that_fails_changes_nothing(start, tmp_path):
    folder = tmp_path / 'logs'
    folder.mkdir()
    d = start(target=str(folder / 'log'))
    d.may_say = ['cannot open .*/logs/log: No such file']
    gone = folder.rename(tmp_path / 'gone')
    done = d.ctl('reopen')
    assert done.returncode == 1 and f'access_log.target: cannot open {folder}/log: No such' in done.stderr
    d.path = str(gone / 'log')
    talk(d, request('/hello'))
    lines(d, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
@pytest.mark.usefixtures('open_to_all')
def test_whoever_gave_root_up_logs_where_only_root_may(start, tmp_path):
    folder = tmp_path / 'private'
    folder.mkdir(0o700)
    d = start(target=str(folder / 'log'), more={'user': 'nobody'})
    talk(d, request('/hello'))
    lines(d, 1)
    os.rename(d.path, d.path + '.1')
    assert d.ctl('reopen').returncode == 0
    talk(d, request('/hello'))
    lines(d, 1)


def test_as_many_files_as_may_be_and_one_more(goevd, refused, tmp_path):
    def logs(count):
        return config(*(listener(f'l{n}', {'http': {'access_log': {'target': str(tmp_path / f'{n}.log')}}})
                        for n in range(count)), reactors=ONE)
    goevd(logs(16))
    assert len(list(tmp_path.glob('*.log'))) == 16
    assert 'there are too many such files' in refused(logs(17))
