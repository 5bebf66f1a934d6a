"""Applications of websocket: their callbacks, and the functions that they may call."""
import re
import struct
import subprocess
import time

import pytest

import daemon
from websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Client, close, frame, handshake
from wire import Reader


@pytest.fixture
def probe(goevd, plugins):
    """start(option=…) -> a daemon with the probe as application."""
    def start(front=None, **options):
        handler = {'websocket': {'application': 'ws_probe', **options}}
        return goevd(daemon.config(daemon.listener(handler=handler, **(front or {}))),
                     '--plugin-dir', plugins)
    return start


def said(d, words):
    """Wait for a line of the probe."""
    return d.log.wait(rf' ws_probe: {words}$')


def asked(d, text):
    """A client that has sent the probe a message."""
    c = Client(d.connect())
    c.send(frame(TEXT, text))
    return c


def test_application_learns_of_both_ends(probe):
    d = probe()
    c = asked(d, b'hello')
    assert c.frame() == (TEXT, b'hello')
    said(d, r'open new on poller \d')
    c.send(close(4001, b'bye'))
    assert c.code() == 4001
    said(d, 'close 4001 by 0 after 1, none late: bye')


def refusal(d, path, **headers):
    """The status that a handshake gets."""
    with d.connect() as s:
        s.sendall(handshake(path, **headers))
        return Reader(s).until(b'\r\n').decode()


def test_application_sees_the_request(probe):
    d = probe(protocols=['first', 'second'])
    c = Client(d.connect(), '/a/%62?c=d')
    said(d, r'request 0 /a/b localhost  5 a/b')
    assert 'Sec-WebSocket-Protocol' not in c.head
    c = Client(d.connect(), '/', Sec_WebSocket_Protocol=['x, second', 'first'])
    said(d, r'request 0 / localhost second 7 ')
    assert 'Sec-WebSocket-Protocol: second\r\n' in c.head


@pytest.mark.parametrize('query,chosen', [
    ('choose=x', 'x'), ('choose=second', 'second'), ('choose=y', 'y'), ('choose=sec', None),
    ('choose=', None), ('none', None)])
def test_application_chooses_the_protocol(probe, query, chosen):
    d = probe(protocols=['first', 'second'])
    c = Client(d.connect(), f'/?{query}', Sec_WebSocket_Protocol=['x, second', ', first,y'])
    found = re.search(r'Sec-WebSocket-Protocol: (.*)\r', c.head)
    assert (found and found[1]) == chosen
    said(d, f'request {-2 if "=" in query and not chosen else 0} / localhost {chosen or ""} 7 ')


def test_application_refuses(probe):
    d = probe()
    for status in (302, 400, 401, 404, 503, 599):
        assert refusal(d, f'/?status={status}').startswith(f'HTTP/1.1 {status} ')
    d.may_say.append('the handler of the route .* has failed')
    assert refusal(d, '/?status=-5').startswith('HTTP/1.1 500 ')
    assert refusal(d, '/?status=404', Sec_WebSocket_Version='12').startswith('HTTP/1.1 426 ')
    Client(d.connect())


def test_application_adds_headers_and_content(probe):
    d = probe()
    s = d.connect()
    s.sendall(handshake('/?login'))
    status, headers, body = Reader(s).response()
    assert (status, headers['www-authenticate'], headers['content-type'], body) == (
        401, 'Basic realm="probe"', 'text/plain', b'who?')
    assert 'Set-Cookie: a=b\r\n' in Client(d.connect(), '/?cookie').head


def test_reason_of_the_peer(probe):
    d = probe()
    for reason in ('', 'ä' * 61 + '!'):
        c = Client(d.connect())
        c.send(frame(TEXT, b'half of a', fin=False) + close(1000, reason.encode()))
        assert c.code() == 1000
        said(d, 'close 1000 by 0 after 0, none late' + (reason and ': ' + reason))
    c = asked(d, b'close 4000 mine')
    assert c.code() == 4000
    c.send(close(4000, b'yours'))
    said(d, 'close 4000 by 1 after 0, none late')


def test_application_closes(probe):
    d = probe()
    c = asked(d, b'close 4000 enough')
    said(d, 'answer 0')
    assert c.frame() == (CLOSE, b'\x0f\xa0enough')
    c.send(frame(TEXT, b'fail') + close(4000))
    c.end()
    said(d, 'close 4000 by 1 after 0, none late')


def test_close_behind_a_large_message_delivers_both_to_a_slow_reader(probe):
    d = probe(close_timeout='50ms', front={'close_timeout': '50ms', 'send_buffer': '64KiB'})
    c = Client(d.connect(receive_buffer=65536))
    c.send(frame(TEXT, b'large close 1000'))
    said(d, 'answer 0')
    got = b''
    while len(got) < 10 + (8 << 20):
        data = c.sock.recv(65536)
        assert data, len(got)
        got += data
        time.sleep(0.005)
    c.reader.buffer = got[10 + (8 << 20):]
    assert c.code() == 1000
    c.send(close(1000))
    c.end()
    said(d, 'close 1000 by [14] after 0, none late')   # its answer may come after close_timeout


def test_peer_that_does_not_answer_a_close(probe):
    d = probe(close_timeout='20ms')
    c = asked(d, b'close 1000')
    assert c.code() == 1000
    c.end()
    said(d, 'close 1000 by 4 after 0, none late')   # GOEVD_WEBSOCKET_CUT


@pytest.mark.parametrize('text', [b'close 1005', b'close 999', b'close 5000',
                                  b'close 1000 ' + b'x' * 124, b'ping ' + b'x' * 126, b'type'])
def test_what_an_application_may_not_send(probe, text):
    d = probe()
    c = asked(d, text)
    said(d, 'answer -22')
    c.send(frame(BINARY, b'on'))
    assert c.frame() == (BINARY, b'on')


def test_longest_reason_and_ping(probe):
    d = probe()
    c = asked(d, b'ping ' + b'x' * 125)
    assert c.frame() == (PING, b'x' * 125)
    c.send(frame(PONG, b'x' * 125) + frame(TEXT, b'close 1000 ' + b'x' * 123))
    assert c.frame() == (CLOSE, b'\x03\xe8' + b'x' * 123)


def test_application_that_fails_closes_with_1011(probe):
    d = probe()
    c = asked(d, b'fail')
    assert c.code() == 1011
    c.end()
    said(d, 'close 1011 by 1 after 0, none late')


def test_violations_and_losses_are_told_apart(probe):
    d = probe()
    c = asked(d, b'\xff')
    assert c.code() == 1007
    said(d, 'close 1007 by 2 after 0, none late')
    c = Client(d.connect())
    c.sock.close()
    said(d, 'close 1006 by 3 after 0, none late')
    c = Client(d.connect())
    c.send(frame(CLOSE))
    said(d, 'close 1005 by 0 after 0, none late')


def test_stop_is_told(probe):
    d = probe()
    c = Client(d.connect())
    d.process.terminate()
    assert c.code() == 1001
    c.send(close(1001))
    said(d, 'close 1001 by 1 after 0, none late')
    assert d.wait() == 0


def test_message_that_was_refused_comes_again(probe):
    d = probe({'output_low': 4096, 'output_high': 8192, 'output_max': 30000, 'send_buffer': 4096})
    c = Client(d.connect(receive_buffer=4096))
    messages = [b'%04d' % i + b'y' * 5000 for i in range(2000)]
    pending = c.offer(b''.join(frame(BINARY, m) for m in messages))
    for m in messages:
        assert c.frame() == (BINARY, m)
        pending = c.offer(pending)
    c.send(close())
    assert c.code() == 1000
    said(d, 'drained')
    said(d, 'close 1000 by 0 after 2000, some late')


REFUSED = {
    'ws_major': r'the application was built for goevd/websocket\.h 2\.0 and this is 1\.0; build',
    'ws_minor': r'the application needs goevd/websocket\.h 1\.1 or newer and this is 1\.0; upgrade',
    'ws_state': r'goevd_websocket_app\.conn_size of the application is 65537, and the maximum is 65536',
    'ws_deaf': r'goevd_websocket_app\.on_message of the application is NULL; set it',
}


@pytest.mark.parametrize('name', REFUSED)
def test_application_is_refused(refused, plugins, name):
    said = refused(daemon.config(daemon.listener(handler={'websocket': {'application': name}})),
                   '--plugin-dir', plugins)
    assert re.search(REFUSED[name], said), said


def test_plugin_that_is_no_application_is_refused(refused):
    said = refused(daemon.config(daemon.listener(handler={'websocket': {'application': 'push'}})))
    assert 'it has no interface goevd.websocket' in said


def test_example_counter(goevd, tmp_path):
    built = subprocess.run(
        ['c++', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-pedantic', f'-I{daemon.ROOT}/include', '-shared',
         '-fPIC', '-fvisibility=hidden', '-Wl,-z,defs', '-o', tmp_path / 'counter.so',
         daemon.ROOT / 'examples/counter/counter.cpp'], text=True, capture_output=True, check=False)
    assert (built.returncode, built.stderr) == (0, '')
    d = goevd(daemon.config(daemon.listener(handler={'websocket': {'application': 'counter'}})),
              '--plugin-dir', str(tmp_path))
    for _ in range(2):   # each connection counts for itself
        c = Client(d.connect())
        c.send(frame(TEXT, b'one') + frame(BINARY, bytes(500)))
        assert c.frame() == (TEXT, b'1 messages, 3 bytes')
        assert c.frame() == (TEXT, b'2 messages, 503 bytes')


@pytest.mark.parametrize('options, sent, code, reason, metric', [
    ({'message_max': '125'}, frame(TEXT, b'x' * 126), 1009, 'message too long', 'message_max'),
    ({'frame_max': '10'}, frame(TEXT, b'x' * 11), 1009, 'frame too long', 'frame_max'),
    ({'fragments_max': 1}, frame(TEXT, b'x', fin=False) + frame(CONTINUATION, b'x'), 1009, 'too many fragments',
     'fragments_max'),
    ({'message_timeout': '50ms', 'message_rate': '0'}, frame(TEXT, b'x', fin=False), 1008, 'message too slow',
     'message_timeout'),
    ({'message_timeout': '50ms', 'ping_interval': '0', 'message_rate': '0'}, frame(TEXT, b'xyz')[:-1], 1008,
     'message too slow', 'message_timeout')],
    ids=['message', 'frame', 'fragments', 'unfinished', 'half a frame'])
def test_a_limit_has_a_reason_a_counter_and_a_line(goevd, tmp_path, options, sent, code, reason, metric):
    d = goevd(daemon.config(daemon.listener(handler={'websocket': {'application': 'echo', **options}}),
                     control={'socket': f'{tmp_path}/control'}, log={'level': 'info'}))
    c = Client(d.connect())
    c.send(sent)
    assert c.frame() == (CLOSE, struct.pack('!H', code) + reason.encode())
    d.log.wait(rf'info goevd: websocket: .*WebSocket closed: {reason} \({metric}\)')
    assert d.metrics()[f'goevd_websocket_connections_limited_total{{limit={metric}}}'] == 1


def test_connections_messages_and_codes_are_counted(goevd, tmp_path):
    d = goevd(daemon.config(daemon.listener(handler={'websocket': {'application': 'echo'}}),
                            control={'socket': f'{tmp_path}/control'}))

    def counts():
        """Those that are not 0, without their prefix."""
        found = d.metrics()
        return {name.removeprefix('goevd_websocket_'): n for name, n in found.items()
                if name.startswith(('goevd_websocket_c', 'goevd_websocket_messages_')) and n}
    clients = [Client(d.connect()) for _ in range(5)]
    for c in clients:
        c.send(frame(TEXT, b'one') + frame(TEXT, b't', fin=False) + frame(CONTINUATION, b'wo') + frame(PING))
        assert [c.frame()[0] for _ in range(3)] == [TEXT, TEXT, PONG]
    assert counts() == {'connections_open': 5, 'messages_received_total': 10}
    for c, sent in zip(clients, [close(), close(1001), close(4321), frame(3)]):
        c.send(sent)
        c.code()
        c.sock.close()
    clients[4].sock.close()
    daemon.eventually(lambda: counts() == {
        'messages_received_total': 10,
        **{f'connections_closed_total{{code={code}}}': 1 for code in ('1000', '1001', '1002', '1006', 'other')}},
                      'the counts are others')


def test_a_message_in_time_stays(goevd):
    d = goevd(daemon.config(daemon.listener(handler={'websocket': {'application': 'echo', 'message_timeout': '1ms',
                                                     'message_rate': '1B/s'}})))
    c = Client(d.connect())
    for _ in range(3):   # each byte is worth a second
        c.send(frame(TEXT, b'x' * 10, fin=False))
        c.send(frame(PING, b''))
        assert c.frame() == (PONG, b'')
        c.send(frame(CONTINUATION, b'x'))
        assert c.frame() == (TEXT, b'x' * 11)
