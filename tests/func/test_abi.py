"""Plugins that were built against the headers of tests/abi/VERSION serve in this goevd, and a change
of the headers that they would not survive is found."""
import shutil
import subprocess

import pytest

from daemon import ROOT, config, listener
from websocket import CLOSE, PING, TEXT, Client, frame, handshake
from wire import Reader, request

pytestmark = pytest.mark.heavy

SNAPSHOTS = sorted(p.parent for p in (ROOT / 'tests' / 'abi').glob('*/goevd'))


@pytest.fixture(params=SNAPSHOTS, ids=lambda p: p.name)
def folder(request, plugins):
    """A plugin folder with the plugins of a snapshot, built with cc and its headers alone."""
    for source in request.param.glob('*.c'):
        subprocess.run(['cc', '-shared', '-fPIC', '-fvisibility=hidden', '-Wl,-z,defs',
                        f'-I{request.param}', '-o', plugins / f'{source.stem}.so', source], check=True)
    return plugins


@pytest.fixture
def served(goevd, folder, tmp_path):
    """A goevd that serves all three, in two rows behind one another where they can be."""
    upstream = tmp_path / 'upstream'
    stream = {'abi_stream': {'upstream': f'unix:{upstream}', 'words': ['one', 'two'], 'number': 5,
                             'pairs': {'key': 'value'}, 'next': 'echo'}}
    routes = [{'path': '/do/{what}', 'handler': 'abi_http'},
              {'path': '/row/{what}', 'handler': ['abi_http', 'abi_http']},
              {'path': '/ws/{room}', 'handler': {'websocket': {'application': 'abi_websocket'}}}]
    return goevd(config(listener('stream', stream), listener('web', {'http': {'routes': routes}}),
                        listener('upstream', 'echo', f'unix:{upstream}'),
                        plugin_dir=str(folder), control={'socket': str(tmp_path / 'ctl')}))


def test_plugins_of_the_oldest_abi_serve(served, goevd_run, tmp_path):
    streams(served, lambda *words: goevd_run('ctl', '-s', tmp_path / 'ctl', *words))
    requests(served)
    messages(served)


def streams(d, ctl):
    """Every command of abi_stream.c."""
    def ask(line, *answers):
        s.sendall(line.encode() + b'\n')
        assert [reader.until(b'\n').decode().rstrip() for _ in answers] == list(answers)

    s = d.connect('stream')
    reader = Reader(s)
    ask('options', '1 5 2048 2000000 1024 so glad two key=value stream')
    ask('timer', 'timer')
    ask('deadline', 'deadline')
    ask('job', 'from a thread', 'sent')
    ask('connect', 'reached')
    for _ in range(3):
        ask('pool', 'reached')
    ask('network', 'near')
    d.log.wait(r'abi_stream: .*asks where it is')
    ask('cache', 'kept')
    assert 'abi_stream.asked' in ctl('stats').stdout
    done = ctl('set', 'listeners[0].handler.abi_stream.number', '7')
    assert (done.returncode, done.stderr) == (0, '')
    ask('options', '1 7 2048 2000000 1024 so glad two key=value stream')
    s.shutdown(1)
    assert reader.rest() == b'11 lines\n'
    d.log.wait(r'abi_stream: closed for reason 1$')
    s = d.connect('stream')
    s.sendall(b'next\nnow an echo')
    assert Reader(s).exactly(11) == b'now an echo'
    d.log.wait(r'abi_stream: closed for reason 7$')


def requests(d):
    """Every way in which abi_http.c answers."""
    def ask(path, method='GET', body=b'', **headers):
        s.sendall(request(path, method, **headers) + body)
        return reader.response()

    s = d.connect()
    reader = Reader(s)
    status, headers, text = ask('/do/describe?a=b', User_Agent='me', Accept_Encoding='gzip;q=0.5')
    assert (status, headers['x-abi'], text) == (200, '1.0', b'0 1.1 /do/describe a=b me 500')
    assert ask('/do/body', 'POST', b'x' * 300000, Content_Length=300000)[2] == b'300000 bytes'
    assert ask('/do/timer')[2] == b'in time'
    assert ask('/do/send')[::2] == (202, b'sent')
    assert ask('/do/job')[::2] == (200, b'worked')
    assert ask('/row/nothing')[0] == 404
    d.log.wait(r'abi_http: over for reason 0$', 7)
    s.sendall(request('/do/stream'))
    assert reader.until(b'\r\n\r\n').startswith(b'HTTP/1.1 200 OK\r\n')
    assert reader.until(b'here\r\n\r\n') == b'9\r\nin pieces\r\n0\r\nX-End: here\r\n\r\n'


def messages(d):
    """Every answer of abi_websocket.c."""
    c = Client(d.connect(), '/ws/red', Sec_WebSocket_Protocol='abi')
    assert 'Sec-WebSocket-Protocol: abi\r\n' in c.head
    assert c.frame() == (TEXT, b'red')
    c.send(frame(TEXT, b'hello') + frame(TEXT, b'ping') + frame(TEXT, b'close'))
    assert c.frame() == (TEXT, b'hello')
    assert c.frame() == (PING, b'?')
    assert c.frame() == (CLOSE, b'\x0f\xa0as you like')
    c.send(frame(CLOSE, b'\x0f\xa0'))
    d.log.wait(r'abi_websocket: red closed with 4000 by 1 after 3$')
    s = d.connect()
    s.sendall(handshake('/ws/-', Sec_WebSocket_Protocol='abi'))
    assert Reader(s).until(b'\r\n') == b'HTTP/1.1 403 Forbidden\r\n'


def test_plugins_of_the_oldest_abi_refuse_options(refused, folder):
    text = refused(config(listener(handler={'abi_stream': {'upstream': 'no-port'}}),
                          plugin_dir=str(folder)))
    assert text.endswith("abi_stream.upstream: 'no-port' is no address\n")


# ---- The headers ----------------------------------------------------------------------------------

@pytest.mark.parametrize('name, old, new, what', [
    ('plugin.h', 'struct goevd_plugin *to, const void *state,\n                        size_t len);',
     'struct goevd_plugin *to, const void *state);',
     'struct goevd_host: conn_upgrade has moved or has another type'),
    ('plugin.h', '    uint64_t (*now)(void);\n', '', 'struct goevd_host: now has moved or has another type'),
    ('plugin.h', '    size_t len;\n};', '    size_t len;\n    int hash;\n};',
     'struct goevd_str has another size, and no version'),
    ('plugin.h', 'GOEVD_REASON_EOF,  ', 'GOEVD_REASON_END, GOEVD_REASON_EOF,  ',
     'GOEVD_REASON_EOF has another value'),
    ('plugin.h', '(*goevd_release_fn)(void *arg, int result)', '(*goevd_release_fn)(void *arg)',
     'goevd_release_fn is another type'),
    ('plugin.h', 'HEADER_MAX 232', 'HEADER_MAX 300', 'GOEVD_PROXY_HEADER_MAX is not 232'),
    ('http.h', '"goevd.http"', '"goevd.http2"', 'GOEVD_HTTP is not "goevd.http"'),
    ('websocket.h', '    uint32_t websocket_minor; ', '    uint64_t websocket_minor; ',
     'struct goevd_websocket_app: websocket_minor has moved or has another type'),
])
def test_a_change_that_breaks_plugins_is_found(tmp_path, name, old, new, what):
    for folder in ('include', 'tests/abi'):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    header = tmp_path / 'include' / 'goevd' / name
    text = header.read_text()
    assert text.count(old) == 1
    # What the headers assert of themselves is not what is looked at here.
    text = text.replace(old, new).replace('#if UINTPTR_MAX == UINT64_MAX', '#if 0')
    header.write_text(text)
    done = subprocess.run([ROOT / 'tests' / 'abi.py', tmp_path], text=True, capture_output=True,
                          check=False)
    assert done.returncode == 1
    assert f'# {what}: plugins that are built already would break. Leave it as it was, ' in done.stdout
    assert '"How the ABI grows" in docs/ARCHITECTURE.md' in done.stdout
