"""How many requests a connection and a worker may have."""
import threading

import pytest

import daemon
from daemon import config, eventually, listener
from wire import Reader, request

ROUTES = [{'path': '/hello', 'respond': {'body': 'hello'}},
          {'path': '/post', 'methods': ['POST'], 'respond': {'body': 'posted'}},
          {'path': '/do/{id}', 'handler': {'http_probe': {'file': '/dev/null', 'stream': 'echo'}}}]


@pytest.fixture
def start(goevd, plugins, tmp_path):
    """start(options of http…) -> a Daemon with a control socket."""
    def begin(**http):
        return goevd(config(listener(handler={'http': {'routes': ROUTES, **http}}),
                            plugin_dir=str(plugins), reactors=[{'name': 'main', 'pollers': '2'}],
                            control={'socket': str(tmp_path / 'control.sock')}))
    return begin


def replies(sock, data, count, status=200):
    """The number of replies to this, and whether each announces that it is the last."""
    sock.sendall(data)
    reader, said = Reader(sock), []
    for _ in range(count):
        got, headers, _ = reader.response()
        assert got == status
        said.append(headers.get('connection') == 'close')
    return said


# ---- Of a connection -----------------------------------------------------------------------------

POST = request('/post', 'POST', Content_Length='3') + b'abc'
CHUNKED = request('/do/gather', 'POST', Transfer_Encoding='chunked') + b'3\r\nabc\r\n0\r\n\r\n'


@pytest.mark.parametrize('ask', [
    request('/hello'), POST, request('/do/sized'), CHUNKED,
    request('/do/sized', 'POST', Content_Length='3') + b'abc',
], ids=['respond', 'discarded', 'handler', 'chunked', 'not-read'])
@pytest.mark.parametrize('pipelined', [False, True])
def test_the_last_request_of_a_connection_says_so(start, ask, pipelined):
    d = start(requests_max=5)
    s = d.connect()
    if pipelined:   # requests behind the last one are not answered
        said = replies(s, ask * 8, 5)
    else:
        said = [replies(s, ask, 1)[0] for _ in range(5)]
    assert said == [False] * 4 + [True]
    try:
        assert s.recv(1) == b''
    except ConnectionResetError:
        assert pipelined


def test_one_request_is_the_last(start):
    d = start(requests_max=1)
    for path in '/hello', '/do/sized':
        assert replies(d.connect(), request(path), 1) == [True]


def test_without_a_limit_none_is_the_last(start):
    d = start()
    assert replies(d.connect(), request('/hello') * 2000, 2000) == [False] * 2000


@pytest.mark.parametrize('path, status', [('/post', 200), ('/do/sized', 200)])
def test_a_chunked_body_that_nobody_wants_ends_it(start, path, status):
    d = start(requests_max=100)
    s = d.connect()
    data = request(path, 'POST', Transfer_Encoding='chunked') + b'3\r\nabc\r\n0\r\n\r\n'
    assert replies(s, data, 1, status) == [True]
    assert s.recv(1) == b''


# ---- Of a worker ---------------------------------------------------------------------------------

def status(d, key):
    """A fact of the status."""
    return str(daemon.status(d.control)[0][key])


def serves(d):
    """The pid of the worker that does."""
    return str(daemon.status(d.control)[1]['serving'][0])


def test_a_worker_at_its_limit_is_replaced(start):
    d = start(worker_requests_max=50, stop_grace='30s')
    before = serves(d)
    s = d.connect()
    assert replies(s, request('/hello') * 49, 49) == [False] * 49
    assert d.ctl('reload').returncode == 0 and serves(d) != before   # it begins to count anew
    before, s = serves(d), d.connect()
    assert replies(s, request('/hello') * 49, 49) == [False] * 49
    assert serves(d) == before and not d.log.find('worker_requests_max')
    replies(s, request('/do/sized'), 1)
    d.log.wait('worker [0-9]+: worker_requests_max is reached: reloading')
    eventually(lambda: serves(d) != before, 'it is not replaced')
    # the old worker still replies, and closes as soon as it knows that it is replaced
    eventually(lambda: replies(s, request('/hello'), 1) == [True], 'it goes on')
    assert s.recv(1) == b''


def test_nobody_notices_that_workers_are_replaced(start):
    d = start(worker_requests_max=300)
    answered = []

    def client():
        s, reader = d.connect(), None
        for _ in range(600):
            reader = reader or Reader(s)
            s.sendall(request('/hello'))
            status, headers, _ = reader.response()
            answered.append(status)
            if headers.get('connection') == 'close':
                s, reader = d.connect(), None

    threads = [threading.Thread(target=client) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answered == [200] * 1800
    d.log.wait('reloaded: worker')


def test_a_process_alone_goes_on(goevd):
    d = goevd(config(listener(handler={'http': {'routes': ROUTES[:1], 'worker_requests_max': 5}})), '--single')
    assert replies(d.connect(), request('/hello') * 20, 20) == [False] * 20
