"""Replies of the configuration that are longer than a connection may ever queue."""
import signal

import pytest

from daemon import config, listener
from wire import Reader
from wire import request as ask

SIZES = {'small': 5, 'copied': 6000, 'referred': 100000}
HEADERS = {f'X-{i}': 'h' * 900 for i in range(6)}
ROUTES = [{'path': f'/{name}', 'respond': {'body': name[0] * size}} for name, size in SIZES.items()]
ROUTES += [{'path': '/headers', 'respond': {'body': 'x', 'headers': HEADERS}},
           {'path': '/both', 'respond': {'body': 'b' * 100000, 'headers': HEADERS}},
           {'path': '/probe/{id}', 'handler': {'http_probe': {}}},
           {'path': '/form', 'methods': ['POST'], 'respond': {'body': 'f' * 50000}}]
PAGES = [{'status': ['4xx'], 'body': 'p' * 90000}]

FEW = {'output_low': 1024, 'output_high': 4096, 'output_max': 4096, 'send_buffer': 4096}


@pytest.fixture(params=[{}, {'request_id': {}}, {'requests_max': 1000}], ids=['plain', 'ids', 'counted'])
def web(goevd, plugins, request):
    """A goevd whose connections queue 4 KiB."""
    return goevd(config(listener(handler={'http': {'routes': ROUTES, 'error_pages': PAGES,
                                                   'body_discard_max': 1000, 'stop_grace': '100ms',
                                                   **request.param}}, **FEW),
                        plugin_dir=str(plugins), reactors=[{'name': 'main', 'pollers': 1}]))


def answers(s, *requests):
    """The replies to pipelined requests, by a client that reads little at a time."""
    s.sendall(b''.join(requests))
    reader = Reader(s)
    return [reader.response() for _ in requests]


def test_long_bodies_and_heads(web):
    with web.connect(receive_buffer=4096) as s:
        for name, size in SIZES.items():
            for _ in range(2):
                assert answers(s, ask(f'/{name}'))[0][2] == name[0].encode() * size
        status, headers, body = answers(s, ask('/headers'))[0]
        assert (status, body, headers['x-5']) == (200, b'x', 'h' * 900)
        status, headers, body = answers(s, ask('/both'))[0]
        assert (status, len(body), headers['x-5']) == (200, 100000, 'h' * 900)
        s.sendall(ask('/both', 'HEAD'))
        reader = Reader(s)
        assert reader.response(head=True)[1]['content-length'] == '100000' and not reader.buffer
        status, headers, body = answers(s, ask('/nowhere'))[0]
        assert (status, body) == (404, b'p' * 90000) and 'connection' not in headers


def test_pipelined(web):
    names = ['small', 'copied', 'small', 'referred', 'copied', 'referred', 'small', 'both', 'small'] * 3
    with web.connect(receive_buffer=4096) as s:
        found = answers(s, *(ask(f'/{name}') for name in names))
        assert [len(body) for _, _, body in found] == [SIZES.get(name, 100000) for name in names]


def test_replies_to_bodies(web):
    body = ask('/form', 'POST', Content_Length=5) + b'hello'
    with web.connect(receive_buffer=4096) as s:
        found = answers(s, body, body, ask('/small'), body)
        assert [len(content) for _, _, content in found] == [50000, 50000, 5, 50000]


@pytest.mark.parametrize('data, status', [
    (ask('/small', Connection='close'), 200), (ask('/both', Connection='close'), 200),
    (b'GET\r\n\r\n', 400), (ask('/form', 'POST', Content_Length=5000), 413),
    (ask('/form', 'POST', Transfer_Encoding='chunked') + b'nonsense', 400),
    (ask('/probe/gather', 'POST', Transfer_Encoding='chunked') + b'nonsense', 400),
    (ask('/form', 'POST', Content_Length=5, Expect='100-continue'), 200)])
def test_last_replies(web, data, status):
    """The connection ends behind them, after all of their bytes."""
    with web.connect(receive_buffer=4096) as s:
        s.sendall(ask('/referred') + data)
        reader = Reader(s)
        assert len(reader.response()[2]) == 100000
        found, headers, body = reader.response()
        assert (found, headers['connection']) == (status, 'close')
        assert len(body) == int(headers['content-length']) and reader.rest() == b''


def test_client_that_says_no_more(web):
    with web.connect(receive_buffer=4096) as s:
        s.sendall(ask('/small') + ask('/both') + ask('/copied'))
        s.shutdown(1)
        reader = Reader(s)
        assert [len(reader.response()[2]) for _ in range(3)] == [5, 100000, 6000]
        assert reader.rest() == b''


def test_client_that_goes_away(web):
    for _ in range(3):
        s = web.connect(receive_buffer=4096)
        s.sendall(ask('/both') * 3)
        Reader(s).until(b'\r\n\r\n')
        s.close()
    assert answers(web.connect(), ask('/small'))[0][2] == b's' * 5


def test_handlers_write_by_reference(web):
    """In pieces, too, without a copy of the queued bytes."""
    with web.connect(receive_buffer=4096) as s:
        letters = bytes(b'abcdefghijklmnopqrstuvwxyz' * 12000)[:300000]
        assert answers(s, ask('/probe/shared-long'))[0][2] == letters
        for _ in range(3):
            dead = web.connect(receive_buffer=4096)
            dead.sendall(ask('/probe/shared-long'))
            Reader(dead).until(b'\r\n\r\n')
            dead.close()
        assert len(answers(s, ask('/probe/shared-long'))[0][2]) == 300000


def test_stop_while_one_is_sent(web):
    with web.connect(receive_buffer=4096) as s:
        s.sendall(ask('/both') + ask('/small'))
        reader = Reader(s)
        reader.until(b'\r\n\r\n')
        web.signal(signal.SIGTERM)
        assert len(reader.exactly(100000)) == 100000
        assert reader.response()[0] == 200 and reader.rest() == b''
