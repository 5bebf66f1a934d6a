"""Results of callbacks are checked: a wrong value is reported with the callback, and is an error. A
crash or a hang is reported with the callback, of plugins that others host too."""
import re
import subprocess

import pytest

from daemon import config, listener
from websocket import TEXT, Client, frame, handshake
from wire import Reader, request

WRITES = '0, 1 or a negative errno'


def stream(sent=None, shut=False):
    """A client of a stream, whose connection closes."""
    def talk(s):
        if sent:
            s.sendall(sent)
        if shut:
            s.shutdown(1)
        while s.recv(1 << 16):
            pass
    return talk


def web(path='/', status=500, body=b'', **more):
    """A request, and the status of its reply; None: the connection ends."""
    def talk(s):
        s.sendall(request(path, **more) + body)
        if status:
            assert Reader(s).response()[0] == status
        else:
            Reader(s).rest()
    return talk


def opened(message):
    """A WebSocket that gets 1011."""
    def talk(s):
        c = Client(s, '/ws')
        if message:
            c.send(frame(TEXT, b'x'))
        assert c.code() == 1011
    return talk


def refused_handshake(s):
    """A handshake that gets 500."""
    s.sendall(handshake('/ws'))
    assert Reader(s).response()[0] == 500


# The kind of plugin, the callback, its result, its permitted results, and a client.
CASES = [
    ('raw', 'on_open', 11, WRITES, stream()),
    ('raw', 'on_read', 11, 'the bytes that it has consumed, or a negative errno', stream(b'0123456789')),
    ('raw', 'on_eof', 11, WRITES, stream(b'x', shut=True)),
    ('raw', 'on_timeout', 2, WRITES, stream(b't')),
    ('raw', 'on_drained', 11, WRITES, stream(b'w')),
    ('web', 'on_request', 404, WRITES, web()),
    ('web', 'on_request', 200, WRITES, web('/quick', 200)),
    ('web', 'on_body', 1, 'the bytes that it has taken, or a negative errno',
     web('/body', method='POST', content_length=3, body=b'abc')),
    ('web', 'on_timeout', 11, WRITES, web('/timer')),
    ('web', 'on_drained', 11, WRITES, web('/large', None)),
    ('ws', 'on_request', 11, '0, a status from .* to 599, or a negative errno', refused_handshake),
    ('ws', 'on_open', 11, WRITES, opened(False)),
    ('ws', 'on_message', 11, WRITES, opened(True)),
    ('ws', 'on_message', -105, '-ENOBUFS only if a function has returned that for this connection', opened(True)),
]


def handler(kind, options):
    """That of a listener, and the name of the plugin."""
    if kind == 'raw':
        return {'returning_stream': options}
    if kind == 'web':
        return {'returning': options}
    return {'http': {'routes': [{'path': '/*', 'handler': {'websocket': {'application': {'returning': options}}}}]}}


def start(goevd, plugins, cases, *args, instead=None, **more):
    """A goevd with a listener for each case; `instead`: the value of all."""
    listeners = [listener(f'l{i}', handler(kind, {'callback': callback, 'value': instead or value}))
                 for i, (kind, callback, value, _, _) in enumerate(cases)]
    d = goevd(config(*listeners, reactors=[{'name': 'main', 'pollers': 1}], log={'repeats': {'max': 1000}}, **more),
              '--plugin-dir', plugins, *args)
    d.may_say = ['has returned -?\\d+; it returns ', 'the handler of the route .* has failed',
                 'was killed by signal', r'worker \d+: ', 'has not turned for']
    return d


def said(case):
    """The line of the log."""
    kind, callback, value, may, _ = case
    value = value + {'on_read': 10, 'on_body': 3}.get(callback, 0)
    return rf'plugin returning \(listeners\[\d+\]\.handler\S*\), {callback}, connection 0x\w+, has returned {value}; ' \
        rf'it returns {may} \(goevd-plugin\(7\), RESULTS\)'


@pytest.mark.unsanitized   # such a build is always strict
def test_a_wrong_result_is_an_error(goevd, plugins):
    d = start(goevd, plugins, CASES)
    for i, case in enumerate(CASES):
        at = len(d.log.lines)
        case[-1](d.connect(f'l{i}'))
        d.log.wait(said(case), start=at)
    assert len(d.log.find('has returned')) == len(CASES)


def end(d, case):
    """Its client, whose connection ends with the worker."""
    try:
        case[-1](d.connect('l0'))
    except (EOFError, ConnectionError, AssertionError):
        pass


@pytest.mark.parametrize('number', [1, 5, 7, 10, 13])
def test_strict_ends_the_worker(goevd, plugins, number):
    d = start(goevd, plugins, [CASES[number]], '--strict')
    end(d, CASES[number])
    d.log.wait(said(CASES[number]))
    d.log.wait(r'worker \d+ was killed by signal 6')


@pytest.mark.parametrize('callback, status', [('create', 78), ('poller_start', 1), ('on_host', 78)])
def test_a_start_is_refused(goevd, plugins, callback, status):
    kind = 'ws' if callback == 'on_host' else 'raw'
    d = goevd(config(listener(handler=handler(kind, {'callback': callback})), listener('two', 'echo')),
              '--plugin-dir', plugins, ready=False)
    d.status, d.may_say = status, ['.']
    assert d.wait() == status
    assert re.search(rf'{callback} (of the application )?has returned 11; it returns 0 or a negative errno',
                     d.log.text()), d.log.text()


def test_other_options_are_refused(goevd, plugins, tmp_path):
    d = goevd(config(listener(handler=handler('raw', {'callback': 'check_options'})),
                     control={'socket': f'{tmp_path}/control'}), '--plugin-dir', plugins)
    done = d.ctl('set', 'listeners[0].handler.returning_stream.other', '1')
    assert done.returncode == 1
    assert 'check_options has returned 11; it returns 0 or a negative errno' in done.stderr


CRASH, HANG = 1000000, 1000001


def place(case):
    """The reported location of a thread."""
    return rf'plugin returning \(listeners\[0\]\.handler\.\S*returning\S*\), {case[1]}, connection 0x\w+'


@pytest.mark.unsanitized   # a sanitizer reports the fault itself
@pytest.mark.parametrize('number', [1, 5, 7, 8, 9, 10, 11, 12])
def test_a_crash_names_the_callback(goevd, plugins, number):
    d = start(goevd, plugins, [CASES[number]], instead=CRASH)
    end(d, CASES[number])
    d.log.wait(rf'SIGSEGV \(Segmentation fault\) at address 0x8 in thread main/0: {place(CASES[number])}$')
    command = d.log.wait(r'for the lines: (addr2line .*)$')[0][1]
    lines = subprocess.run(['sh', '-c', command], capture_output=True, text=True, check=True).stdout
    assert re.match(r'returning_value at .*returning\.c:\d+\n', lines), lines


@pytest.mark.parametrize('number', [4, 5, 12])
def test_a_hang_names_the_callback(goevd, plugins, number):
    d = start(goevd, plugins, [CASES[number]], instead=HANG, hang={'timeout': '100ms', 'action': 'abort'})
    end(d, CASES[number])
    d.log.wait(rf'poller main/0 has not turned for [\d.]+ s: {place(CASES[number])}; ending this worker')
