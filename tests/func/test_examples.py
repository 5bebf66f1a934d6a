"""The examples gate, mirror, quotes and remind."""
import re

import pytest

from daemon import EXAMPLES, config, listener
from websocket import CLOSE, PING, TEXT, Client, frame, handshake
from wire import Reader

REACTORS = [{'name': 'main', 'pollers': 1, 'cpus': 'none'}, {'name': 'clients', 'pollers': 1, 'cpus': 'none'}]


def gate(goevd, **options):
    return goevd(config(listener(reactor='main', handler={'gate': options}), reactors=REACTORS,
                        plugin_dir=str(EXAMPLES)))


def test_gate_lets_in_who_knows_the_word(goevd):
    d = gate(goevd, allow=['127.0.0.0/8'], reactor='clients')
    s = d.connect()
    for part in (b'he', b'llo', b'you'):
        s.sendall(part)
    assert Reader(s).exactly(3) == b'you'
    other = d.connect()
    other.sendall(b'jello')
    assert Reader(other).rest() == b''
    d.log.wait('the client does not know the word')


def test_gate_keeps_other_addresses_out(goevd):
    assert Reader(gate(goevd, allow=['192.0.2.0/24']).connect()).rest() == b''


@pytest.mark.parametrize('options, said', [
    ({'allow': ['127.0.0.1', '1.2.3.4/99']}, 'gate.allow[1]: '),
    ({'allow': ['unix'], 'reactor': 'none'}, "gate.reactor: there is no reactor 'none'")])
def test_gate_refuses_wrong_options(refused, options, said):
    assert said in refused(config(listener(handler={'gate': options}), plugin_dir=str(EXAMPLES)))


def test_quotes_of_two_names(goevd):
    routes = {'path': '/quotes/{name}', 'handler': {'websocket': {'application': 'quotes'}}}
    d = goevd(config(listener(handler={'http': {'routes': routes}}), reactors=REACTORS[:1],
                     plugin_dir=str(EXAMPLES)))
    with d.connect() as s:
        s.sendall(handshake('/quotes/tin'))
        assert b' 404 ' in Reader(s).until(b'\r\n')
    c = Client(d.connect(), '/quotes/gold')

    def until(begins):
        while not (found := c.raw())[1].startswith(begins):
            assert found[1].startswith((b'gold ', b'silver ', b'last '))
        return found
    until(b'gold ')
    c.send(frame(TEXT, b'+silver'))
    assert until(b'last ') == (TEXT, b'last ')      # a message in two frames
    until(b'silver ')
    c.send(frame(TEXT, b'-silver'))
    until(b'left')
    c.send(frame(TEXT, b'*tin'))
    until((1008).to_bytes(2, 'big'))


def test_quotes_stop_without_a_client_and_go_on_for_the_next_one(goevd):
    """A first price comes to each of two clients that are never there together."""
    routes = {'path': '/quotes/{name}', 'handler': {'websocket': {'application': 'quotes'}}}
    d = goevd(config(listener(handler={'http': {'routes': routes}}), plugin_dir=str(EXAMPLES)))
    for _ in range(2):
        c = Client(d.connect(), '/quotes/gold')
        while not c.raw()[1].startswith(b'gold '):
            pass
        c.send(frame(CLOSE, (1000).to_bytes(2, 'big')))
        c.reader.rest()


def mirror(goevd, **options):
    routes = {'path': '/*', 'handler': 'mirror'}
    return goevd(config(listener(handler={'http': {'routes': routes, **options}}), plugin_dir=str(EXAMPLES)))


def test_mirror_reports_the_request(goevd):
    s = mirror(goevd, request_id={}).connect()
    s.sendall(b'GET /a/../b%20c?d HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nConnection: close\r\n\r\n')
    reply = Reader(s).rest().decode()
    for line in ('version: HTTP/1.1', 'scheme: http', 'target: /a/../b%20c?d', 'path as sent: /a/../b%20c',
                 'path: /b c', 'header: X-A: 1'):
        assert f'\n{line}\n' in reply or f'\r\n{line}\n' in reply, line
    port = s.getsockname()[1]
    for who in ('peer', 'client'):
        assert f'\n{who}: 127.0.0.1 port {port}\n' in reply
    assert f'\nserver: 127.0.0.1 port {s.getpeername()[1]}\n' in reply
    assert '\nuser: ' not in reply
    header = re.search(r'^X-Request-Id: (\w+)', reply, re.M)[1]
    assert f'\nid: {header}\n' in reply
    assert reply.endswith('0\r\nBody-Bytes: 0\r\n\r\n')


def test_mirror_reads_a_long_body_in_parts(goevd):
    s = mirror(goevd).connect()
    s.sendall(b'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n')
    s.sendall(bytes(300000))
    reply = Reader(s).rest()
    assert reply.startswith(b'HTTP/1.1 102 ')
    assert reply.endswith(b'0\r\nBody-Bytes: 300000\r\n\r\n')


def test_mirror_reports_trailers(goevd):
    s = mirror(goevd).connect()
    s.sendall(b'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
              b'3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n')
    reply = Reader(s).rest()
    assert b'\ntrailer: X-Sum: 9\n' in reply
    assert reply.endswith(b'0\r\nBody-Bytes: 3\r\n\r\n')


def test_mirror_replies_to_http_1_0_without_a_trailer(goevd):
    s = mirror(goevd).connect()
    s.sendall(b'GET / HTTP/1.0\r\n\r\n')
    reply = Reader(s).rest()
    assert b'version: HTTP/1.0\n' in reply and b'Body-Bytes' not in reply


def test_remind_sends_lines_when_they_are_due(goevd):
    s = goevd(config(listener(handler='remind'), plugin_dir=str(EXAMPLES))).connect()
    s.sendall(b'300 close\n200 late\n0 soon\nwhenever\n')
    lines = Reader(s).rest().splitlines()
    assert sorted(lines) == [b'MILLISECONDS TEXT, please', b'late', b'soon'] and lines[2] == b'late'


def reminded(goevd, **headers):
    routes = {'path': '/remind', 'handler': {'websocket': {'application': 'remind'}}}
    d = goevd(config(listener(handler={'http': {'routes': routes}}), plugin_dir=str(EXAMPLES)))
    s = d.connect()
    s.sendall(handshake('/remind', **headers))
    return Reader(s).until(b'\r\n\r\n')


def test_remind_speaks_its_own_subprotocol_or_none(goevd):
    protocol = 'Sec-WebSocket-Protocol'
    assert b'\r\nSec-WebSocket-Protocol: remind\r\n' in reminded(goevd, **{protocol: 'other, remind'})
    assert b' 400 ' in reminded(goevd, **{protocol: 'other'})
    assert protocol.encode() not in reminded(goevd)


def test_remind_reaches_a_websocket_from_its_thread(goevd):
    routes = {'path': '/remind', 'handler': {'websocket': {'application': 'remind'}}}
    d = goevd(config(listener(handler={'http': {'routes': routes}}), plugin_dir=str(EXAMPLES)))
    c = Client(d.connect(), '/remind')
    for text in (b'100 one', b'200 ping', b'300 two', b'400 close'):
        c.send(frame(TEXT, text))
    assert [c.raw() for _ in range(4)] == [
        (0x80 | TEXT, b'1 one'), (0x80 | PING, b''), (0x80 | TEXT, b'2 two'),
        (0x80 | CLOSE, (1000).to_bytes(2, 'big') + b'as you asked')]


def test_remind_forgets_a_client_that_is_gone(goevd):
    d = goevd(config(listener(handler='remind'), plugin_dir=str(EXAMPLES)))
    with d.connect() as gone:
        gone.sendall(b'100 lost\n')
    s = d.connect()
    s.sendall(b'200 here\n300 close\n')
    assert Reader(s).rest() == b'here\n'
