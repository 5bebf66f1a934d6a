"""PROXY protocol: clients behind a proxy, and clients that only claim to be."""
import socket
import struct
import time

import pytest

from daemon import PATIENCE_S, config, eventually, listener
from wire import Reader, closed, get

pytestmark = pytest.mark.sequential

LINE = b'PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n'
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
INET = socket.inet_aton('192.0.2.1') + socket.inet_aton('198.51.100.2') + struct.pack('>HH', 56324, 443)
TOLD = ['192.0.2.1:56324', '198.51.100.2:443']
LOCALHOST = {'from': ['127.0.0.1']}
ELSEWHERE = {'from': ['10.0.0.0/8', '2001:db8::/32', 'unix']}


def version_2(rest=INET, command=0x21, family=0x11):
    """A header in bytes."""
    return SIGNATURE + struct.pack('>BBH', command, family, len(rest)) + rest


HEADERS = {'v1': LINE, 'v2': version_2(), 'tlvs': version_2(INET + b'\4\0\3abc')}


@pytest.fixture
def serve(goevd, plugins, tmp_path):
    """start(listener…) -> a goevd with the plugin addresses."""
    def start(*listeners, stop_timeout='10s', log=None, **proxy):
        d = goevd(config(*(listeners or [listener(handler='addresses', proxy_protocol=proxy)]),
                         plugin_dir=str(plugins), control={'socket': str(tmp_path / 'control.sock')},
                         stop_timeout=stop_timeout, log=log or {}, reactors=[{'name': 'main', 'pollers': 2}]))
        d.may_say = ['closed a connection of the proxy']
        return d
    return start


def text(sock):
    """Our own address, as goevd would write it."""
    name = sock.getsockname()
    return f'{name[0]}:{name[1]}' if sock.family == socket.AF_INET else 'unix'


def who(sock, before=b''):
    """The addresses that the plugin gets."""
    sock.sendall(before + b'who\n')
    return Reader(sock).until(b'\n').decode().split()


# ---- Proxies ---------------------------------------------------------------------------------

@pytest.mark.parametrize('header', HEADERS)
def test_addresses_are_those_that_the_proxy_tells(serve, header):
    d = serve(**LOCALHOST)
    s = d.connect()
    assert who(s, HEADERS[header]) == TOLD + [text(s)]
    assert d.metrics()['goevd_proxy_headers_total{result=read}'] == 1


def test_ipv6_addresses(serve):
    d = serve(**LOCALHOST)
    assert who(d.connect(), b'PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n')[:2] == \
        ['[2001:db8::1]:1', '[2001:db8::2]:65535']


@pytest.mark.parametrize('header', HEADERS)
def test_byte_by_byte_with_what_follows(serve, header):
    d = serve(**LOCALHOST)
    s = d.connect()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = HEADERS[header] + b'hello\nwho\n'
    for i in range(len(data)):
        s.sendall(data[i:i + 1])
    reader = Reader(s)
    assert reader.until(b'\n') == b'hello\n'
    assert reader.until(b'\n').decode().split()[:2] == TOLD


def test_what_is_pipelined_behind_the_header_is_all_there(serve):
    d = serve(**LOCALHOST)
    s = d.connect()
    lines = b''.join(b'line %d\n' % i for i in range(20000))
    s.sendall(LINE + lines)
    assert Reader(s).exactly(len(lines)) == lines


def test_a_second_header_is_data(serve):
    d = serve(**LOCALHOST)
    s = d.connect()
    s.sendall(LINE + LINE)
    assert Reader(s).until(b'\n') == LINE


@pytest.mark.parametrize('header', [b'PROXY UNKNOWN\r\n', version_2(b'', 0x20, 0),
                                    version_2(b'', 0x21, 0)])
def test_a_header_that_tells_nothing_leaves_the_sockets_addresses(serve, header):
    d = serve(**LOCALHOST)
    s = d.connect()
    assert who(s, header) == [text(s), f'127.0.0.1:{d.port()}', text(s)]
    assert d.metrics()['goevd_proxy_headers_total{result=read}'] == 1


def test_unix_listener(serve, tmp_path):
    d = serve(listener(handler='addresses', address=f'unix:{tmp_path}/socket',
                          proxy_protocol={'from': 'unix'}))
    assert who(d.connect(), LINE) == TOLD + ['unix']
    assert closed_after(d, b'hello\n')


def test_unix_addresses(serve):
    d = serve(**LOCALHOST)
    s = d.connect()
    assert who(s, version_2(b'/from'.ljust(108, b'\0') + b'/to'.ljust(108, b'\0'), 0x21, 0x31)) == \
        ['unix', 'unix', text(s)]


def test_ipv4_proxy_on_an_ipv6_listener(serve):
    d = serve(listener(handler='addresses', address='[::]:0', proxy_protocol=LOCALHOST))
    s = socket.create_connection(('127.0.0.1', d.port()), PATIENCE_S)
    d.sockets.append(s)
    assert who(s, LINE)[:2] == TOLD


def test_http_behind_a_proxy(serve):
    d = serve(listener(proxy_protocol=LOCALHOST))
    s = d.connect()
    s.sendall(LINE)
    assert get(s)[2] == b'Hello, World!'
    assert get(s)[2] == b'Hello, World!'


def test_connections_are_listed_with_the_addresses_that_the_proxy_tells(serve):
    d = serve(**LOCALHOST)

    def row():
        rows = d.connections()
        return rows[0] if rows else None
    s = d.connect()
    seen = eventually(row, 'it is not listed')
    assert (seen['peer'], seen['state']) == (text(s), 'opening')
    assert who(s, LINE)[:2] == TOLD
    seen = row()
    assert ([seen['peer'], seen['local']], seen['state']) == (TOLD, '-')
    assert seen['bytes_in'] == 4   # without the header


# ---- Others ----------------------------------------------------------------------------------

def test_who_is_no_proxy_is_a_client(serve):
    d = serve(**ELSEWHERE)
    s = d.connect()
    assert who(s) == [text(s), f'127.0.0.1:{d.port()}', text(s)]
    s.sendall(LINE)   # nor does it become a trusted proxy by claiming to be one
    assert Reader(s).until(b'\n') == LINE
    assert who(s)[0] == text(s)
    assert d.metrics()['goevd_proxy_headers_total{result=read}'] == 0


@pytest.mark.parametrize('more', [{}, {'over_limit': 'wait', 'connections_max': 1},
                                  {'mode': 'acceptor'}])
def test_who_is_no_proxy_is_refused(serve, more):
    d = serve(listener('others', 'addresses', proxy_protocol={**ELSEWHERE,
                                                                       'others': 'refuse'}, **more),
                       listener('proxies', 'addresses', proxy_protocol={**LOCALHOST,
                                                                        'others': 'refuse'}))
    for _ in range(5):   # a place is not lost with each
        assert closed(d.connect('others'))
    assert who(d.connect('proxies'), LINE)[:2] == TOLD
    seen = d.metrics()
    assert seen['goevd_connections_refused_total{reason=network}'] == 5
    assert seen['goevd_connections_opened_total'] == 1


# ---- Lies ------------------------------------------------------------------------------------

def closed_after(d, data):
    """Whether such a beginning ends the connection."""
    s = d.connect()
    s.sendall(data)
    return closed(s)


@pytest.mark.parametrize('data', [b'GET / HTTP/1.1\r\n\r\n', b'PROXY TCP4 1.2.3.4\r\n', b'\n',
                                  version_2(INET[:-1]), version_2(INET, 0x21, 0x44),
                                  version_2(INET + b'\1\xff\xff'), b'PROXY UNKNOWN' + b' ' * 200])
def test_a_lying_header_is_closed_said_and_counted(serve, data):
    d = serve(**LOCALHOST)
    assert closed_after(d, data)
    d.log.wait(r'warning goevd\S*: listener web: closed a connection of the proxy 127\.0\.0\.1:\d+: '
               r'its first bytes are no PROXY header$')
    seen = d.metrics()
    assert seen['goevd_proxy_headers_total{result=malformed}'] == 1
    assert seen['goevd_connections_closed_total{reason=error}'] == 1
    assert who(d.connect(), LINE)[:2] == TOLD


def test_header_max(serve):
    d = serve(**LOCALHOST, header_max=300)
    fits = version_2(INET + b'\4' + struct.pack('>H', 300 - 31) + bytes(300 - 31))
    assert len(fits) == 300
    assert who(d.connect(), fits)[:2] == TOLD
    longer = version_2(INET + b'\4' + struct.pack('>H', 301 - 31) + bytes(301 - 31))
    assert closed_after(d, longer[:16])
    d.log.wait('its PROXY header is longer than header_max, 300 bytes$')
    assert d.metrics()['goevd_proxy_headers_total{result=malformed}'] == 1


def test_header_max_may_pass_every_other_buffer(serve):
    d = serve(listener(handler='addresses', proxy_protocol={**LOCALHOST, 'header_max': 65551},
                          tail_max=256))
    longest = version_2(INET + b'\4' + struct.pack('>H', 65535 - 15) + bytes(65535 - 15))
    s = d.connect()
    for at in range(0, len(longest), 1000):
        s.sendall(longest[at:at + 1000])
    assert who(s)[:2] == TOLD


@pytest.mark.parametrize('data', [b'', LINE[:20], SIGNATURE])
def test_a_header_that_does_not_come_has_its_time(serve, data):
    d = serve(**LOCALHOST, timeout='200ms')
    begin = time.monotonic()
    assert closed_after(d, data)
    assert time.monotonic() - begin >= 0.19
    d.log.wait('no whole PROXY header within 200 ms$')
    assert d.metrics()['goevd_proxy_headers_total{result=timeout}'] == 1


def test_a_slow_header_holds_nobody_else(serve):
    d = serve(**LOCALHOST)
    slow = [d.connect() for _ in range(20)]
    for s in slow:
        s.sendall(LINE[:30])
    for _ in range(20):
        assert who(d.connect(), LINE)[:2] == TOLD
    for s in slow:
        assert who(s, LINE[30:])[:2] == TOLD


def test_whoever_goes_before_the_header_is_counted_and_no_news(serve):
    d = serve(**LOCALHOST)
    for data in (b'', LINE[:20]):
        s = d.connect()
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        assert closed(s)
    assert d.metrics()['goevd_proxy_headers_total{result=closed}'] == 2
    assert not d.log.find('closed a connection of the proxy')


def test_a_flood_of_lies_does_not_fill_the_log(serve):
    began = time.monotonic()
    d = serve(**LOCALHOST, log={'repeats': {'max': 3, 'interval': '1s'}})
    for _ in range(300):
        assert closed_after(d, b'x')
    assert d.metrics()['goevd_proxy_headers_total{result=malformed}'] == 300
    d.log.wait(r'warning goevd: listener web: held back: \d+ more lines like: listener web: closed a '
               r'connection of the proxy 127\.0\.0\.1:\d+: its first bytes are no PROXY header$')

    def each_is_told():
        counts = [int(m[1]) for m in d.log.find(r'held back: (\d+) more')]
        lines = d.log.find(r': closed a connection of the proxy \S+ its first')
        return sum(counts) + len(lines) - len(counts) == 300
    eventually(each_is_told, 'some are neither told nor counted')
    assert len(d.log.lines) < 20 + 4 * (time.monotonic() - began)


def test_a_header_that_has_begun_is_not_lost_to_a_reload(serve, goevd_run, tmp_path):
    d = serve(listener(proxy_protocol=LOCALHOST))
    clients = [d.connect() for _ in range(10)]
    for s in clients[:5]:
        s.sendall(LINE[:20])
    done = goevd_run('ctl', '-s', tmp_path / 'control.sock', 'reload')
    assert done.returncode == 0, done.stderr
    for i, s in enumerate(clients):
        s.sendall(LINE[20:] if i < 5 else LINE)
        assert get(s)[2] == b'Hello, World!'


def test_stop_waits_for_a_header_no_longer_than_for_all_else(serve):
    d = serve(listener(handler='addresses', proxy_protocol={**LOCALHOST, 'timeout': '1h'}),
                 stop_timeout='200ms')
    d.may_say = ['connections? cut after .*stop_timeout']
    s = d.connect()
    s.sendall(LINE[:20])
    d.process.terminate()
    assert closed(s)
    assert d.wait() == 0


# ---- Configuration ---------------------------------------------------------------------------

def test_every_wrong_network_is_told_with_its_place(refused):
    wrong = ['10.0.0.0/33', '10.1.2.3/8', 'example.org', '::1/129', '127.0.0.1']
    said = refused('''listeners:
  - address: 127.0.0.1:0
    handler: echo
    proxy_protocol:
      from:
''' + ''.join(f'        - "{w}"\n' for w in wrong) + '''      header_max: 231
      timeout: 0
''')
    for line in ['6:11: listeners[0].proxy_protocol.from[0]: /33 is above 32',
                 '7:11: listeners[0].proxy_protocol.from[1]: 10.1.2.3/8 has bits set behind the '
                 'first 8; did you mean 10.0.0.0/8?',
                 "8:11: listeners[0].proxy_protocol.from[2]: 'example.org' is not a network",
                 '9:11: listeners[0].proxy_protocol.from[3]: /129 is above 128',
                 '11:19: listeners[0].proxy_protocol.header_max: ',
                 '12:16: listeners[0].proxy_protocol.timeout: ']:
        assert f'goevd.yaml:{line}' in said, said
    assert 'from[4]' not in said


def test_networks_are_required(refused):
    said = refused('''listeners:
  - address: 127.0.0.1:0
    handler: echo
    proxy_protocol: {}
''')
    assert 'listeners[0].proxy_protocol' in said and 'from' in said


# ---- haproxy ---------------------------------------------------------------------------------

@pytest.mark.parametrize('option', ['send-proxy', 'send-proxy-v2',
                                    'send-proxy-v2 proxy-v2-options crc32c,unique-id'])
def test_behind_haproxy(serve, haproxy, option):
    d = serve(**LOCALHOST)
    h = haproxy({'front': ['mode tcp', 'unique-id-format %pid-%rt', 'default_backend back']},
                ['backend back', 'mode tcp', f'server goevd 127.0.0.1:{d.port()} {option}'])
    clients = [h.connect('front') for _ in range(10)]
    for s in clients:
        s.sendall(b'hello\nwho\n')
        reader = Reader(s)
        assert reader.until(b'\n') == b'hello\n', h.log()
        peer, local, proxy = reader.until(b'\n').decode().split()
        assert peer == text(s) and peer.startswith('127.0.0.2:')
        assert local == '127.0.0.1:%d' % s.getpeername()[1]
        assert proxy.startswith('127.0.0.1:')
        s.close()
    assert d.metrics()['goevd_proxy_headers_total{result=read}'] == 10


def test_http_behind_haproxy_that_checks_health(serve, haproxy):
    d = serve(listener(proxy_protocol=LOCALHOST))
    h = haproxy({'front': ['mode http', 'default_backend back']},
                ['backend back', 'mode http', 'option httpchk GET /',
                 f'server goevd 127.0.0.1:{d.port()} send-proxy-v2 check inter 100ms'])
    for _ in range(10):
        s = h.connect('front')
        assert get(s)[2] == b'Hello, World!', h.log()
        s.close()
    read = d.metrics()['goevd_proxy_headers_total{result=read}']
    eventually(lambda: d.metrics()['goevd_proxy_headers_total{result=read}'] >= read + 3, 'no health checks')   # LOCAL
    assert d.metrics()['goevd_proxy_headers_total{result=malformed}'] == 0


@pytest.mark.parametrize('version', [1, 2])
def test_haproxy_reads_what_a_plugin_sends(serve, haproxy, version):
    d = serve(**LOCALHOST)
    h = haproxy({'front': ['mode http', 'http-request return content-type text/plain lf-string '
                           '"%[src]:%[src_port] %[dst]:%[dst_port]"']},
                options={'front': 'accept-proxy'})
    s = d.connect()
    s.sendall(LINE + b'header %d\n' % version)
    reader = Reader(s)
    header = reader.exactly(int(reader.until(b'\n')))
    behind = h.connect('front')
    behind.sendall(header)
    assert get(behind)[2].decode().split() == TOLD, h.log()
    behind.close()


def test_what_a_plugin_sends_is_bounded(serve):
    d = serve(**LOCALHOST)
    s = d.connect()
    s.sendall(LINE + b'header 3\nheader 1\n')
    reader = Reader(s)
    assert reader.until(b'\n') == b'-22\n'
    assert reader.exactly(int(reader.until(b'\n'))) == LINE
