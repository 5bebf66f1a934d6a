"""The order, the thread and the number of calls of a plugin."""
import re
import signal

import pytest

import procfs
from daemon import config, eventually, listener
from websocket import Client
from wire import Reader, closed, echo

TWO = [{'name': 'main', 'pollers': '2', 'cpus': 'none'}]
HANDLER, EOF, RESET, UPGRADED, STOP = 0, 1, 2, 7, 6


def witness(name='w', **more):
    """The handler of a listener."""
    return {'witness': {'name': name, **more}}


def calls(d):
    """The lines of the witnesses, in the order of the calls."""
    found = d.log.find(r'notice goevd: witness: #(\d+) (.*)$')
    found = sorted((int(m[1]), m[2]) for m in found)
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    assert not any('WRONG' in text for _, text in found)
    return [text for _, text in found]


def after_stop(d):
    """The calls of a whole life."""
    for s in d.sockets:
        s.close()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    return calls(d)


@pytest.fixture
def start(goevd, plugins):
    """A goevd with the plugins of the tests."""
    return lambda *listeners, **more: goevd(
        config(*listeners, plugin_dir=str(plugins), **{'reactors': TWO, **more}))


def test_life_of_an_instance(start):
    d = start(listener(handler=witness()))
    echo(d.connect(), b'a')
    found = after_stop(d)
    assert found[0] == 'w create behind 0'
    assert sorted(found[1:3]) == ['w poller_start 0', 'w poller_start 1']
    assert found[3:5] == ['w conn 1 on_open local right times 1', 'w conn 1 on_read 1']
    closes = [i for i, call in enumerate(found) if 'on_close' in call]
    stops = [i for i, call in enumerate(found) if 'poller_stop' in call]
    assert len(closes) == 1 and len(stops) == 2
    assert found[-1] == 'w destroy conns 1'


def test_every_open_has_one_close_and_all_before_the_end(start):
    d = start(listener(handler=witness()))
    for i in range(40):
        s = d.connect()
        if i % 4 == 0:
            echo(s, b'x')            # stays until goevd stops
        elif i % 4 == 1:
            echo(s, b'x')
            s.close()
        elif i % 4 == 2:
            s.sendall(b'refuse')
            assert closed(s)
        else:
            s.sendall(b'bye')
            assert Reader(s).rest() == b'bye'
    d.signal(signal.SIGTERM)
    for s in d.sockets:
        while s.fileno() >= 0 and not closed(s):
            pass
        s.close()
    assert d.wait() == 0
    found = calls(d)
    for what in ('on_open', 'on_close'):
        numbers = [int(re.match(r'w conn (\d+) ', call)[1]) for call in found if what in call]
        assert sorted(numbers) == list(range(1, 41)), what
        assert all(call.endswith(' times 1') for call in found if what in call)
    last_close = max(i for i, call in enumerate(found) if 'on_close' in call)
    first_destroy = min(i for i, call in enumerate(found) if 'destroy' in call)
    stops = [i for i, call in enumerate(found) if 'poller_stop' in call]
    assert last_close < first_destroy and len(stops) == 2 and max(stops) < first_destroy
    reasons = [re.search(r'on_close reason (\d)', call)[1] for call in found if 'on_close' in call]
    assert reasons.count(str(HANDLER)) + reasons.count(str(EOF)) + reasons.count(str(STOP)) == 40
    assert reasons.count(str(STOP)) == 0 or reasons.count(str(STOP)) == 10


def test_poller_stops_after_its_last_close(start):
    d = start(listener(handler=witness()), reactors=[{'name': 'one', 'pollers': '1'}])
    for _ in range(10):
        echo(d.connect(), b'x')
    found = after_stop(d)
    stop = found.index('w poller_stop 0 local right')
    assert all(i < stop for i, call in enumerate(found) if 'on_close' in call)
    assert found[stop + 1:] == ['w destroy conns 10']


def test_instances_end_in_reverse_order(start):
    d = start(listener('a', witness('a')), listener('b', witness('b')), listener('c', witness('c')))
    found = after_stop(d)
    creates = [call[0] for call in found if 'create' in call]
    destroys = [call[0] for call in found if 'destroy' in call]
    assert creates == ['a', 'b', 'c'] and destroys == ['c', 'b', 'a']
    for poller in '01':
        assert [c[0] for c in found if f'poller_start {poller}' in c] == ['a', 'b', 'c']
        assert [c[0] for c in found if f'poller_stop {poller}' in c] == ['c', 'b', 'a']


def test_what_an_instance_names_lives_longer(start):
    d = start(listener(handler=witness('outer', behind=[witness('in1'),
                                                        witness('in2', behind=['echo'])])))
    found = after_stop(d)
    assert [c.split()[0] for c in found if 'create' in c] == ['in1', 'in2', 'outer']
    assert [c.split()[0] for c in found if 'destroy' in c] == ['outer', 'in2', 'in1']
    assert found[2] == 'outer create behind 2'


def test_any_thread_may_call_until_destroy_returns(start, plugins):
    web = {'http': {'routes': [
        {'path': '/ws', 'handler': {'websocket': {'application': 'calling'}}},
        {'path': '/', 'handler': 'calling'}]}}
    d = start(listener(handler=web), listener(name='raw', handler='calling_stream'),
              processes={'drain_timeout': '300ms', 'drain_min': '0s'}, stop_timeout='300ms')
    d.may_say = ['connections? cut after']
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
        at = len(d.log.lines)
        eventually(lambda: len(procfs.children(d.pid)) == 1, 'the worker before lives on')
        worker = d.worker()
        d.connect('raw')
        d.connect().sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        Client(d.connect(), '/ws').frame()   # its threads reach it
        d.signal(number)
        if number == signal.SIGHUP:
            d.log.wait('reloaded: worker', start=at)
        eventually(lambda: not procfs.alive(worker), 'the worker lives on')
    assert d.wait() == 0


def test_reasons(start):
    d = start(listener(handler=witness()))
    s = d.connect()
    echo(s, b'x')
    s.close()
    d.log.wait(rf'conn 1 on_close reason {EOF} ')
    s = d.connect()
    s.sendall(b'refuse')
    assert closed(s)
    d.log.wait(rf'conn 2 on_close reason {HANDLER} ')
    s = d.connect()
    s.sendall(b'bye')
    assert Reader(s).rest() == b'bye'
    d.log.wait(rf'conn 3 on_close reason {HANDLER} ')
    s = d.connect()
    echo(s, b'x')
    s.setsockopt(1, 13, b'\1\0\0\0\0\0\0\0')   # SO_LINGER: close by a reset
    s.close()
    d.log.wait(rf'conn 4 on_close reason {RESET} ')
    assert d.log.find(r'conn 1 on_eof$')


def test_connections_are_told_to_stop(start):
    d = start(listener(handler=witness()))
    s = d.connect()
    echo(s, b'x')
    d.signal(signal.SIGTERM)
    assert closed(s)
    s.close()
    assert d.wait() == 0
    found = [call for call in calls(d) if call.startswith('w conn 1 on_')]
    assert found[:3] == ['w conn 1 on_open local right times 1', 'w conn 1 on_read 1',
                         'w conn 1 on_stop']
    assert found[3].startswith('w conn 1 on_close reason ') and len(found) == 4


def test_one_that_stays_is_closed_at_the_deadline(start):
    d = start(listener(handler=witness(stays=True)), stop_timeout='300ms')
    d.may_say = ['connections? cut after .*stop_timeout']
    s = d.connect()
    echo(s, b'x')
    d.signal(signal.SIGTERM)
    d.log.wait('conn 1 on_stop$')
    echo(s, b'still')   # it has its time
    assert closed(s)
    assert d.wait() == 0
    assert f'w conn 1 on_close reason {STOP} times 1' in calls(d)


def test_upgrade(start):
    d = start(listener(handler={'upgrade': {'to': witness('new')}}))
    s = d.connect()
    reader = Reader(s)
    s.sendall(b'upgrade\nrest')   # bytes behind the line belong to the new handler
    assert reader.exactly(9) == b'upgraded\n'
    assert reader.exactly(4) == b'rest'
    echo(s, b'more')
    s.close()
    d.log.wait(rf'new conn 1 on_close reason {EOF} ')
    found = [call for call in calls(d) if 'conn 1' in call]
    assert found == ['new conn 1 on_open local right times 1', 'new conn 1 on_read 4',
                     'new conn 1 on_read 4', 'new conn 1 on_eof',
                     f'new conn 1 on_close reason {EOF} times 1']


def test_upgrade_to_http(start):
    d = start(listener(handler={'upgrade': {'to': {'http': {
        'routes': {'path': '/', 'respond': {'body': 'up'}}}}}}))
    s = d.connect()
    s.sendall(b'upgrade\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')
    reader = Reader(s)
    assert reader.exactly(9) == b'upgraded\n'
    assert reader.response()[2] == b'up'


def test_cplusplus(start, plugins):
    if not (plugins / 'cplusplus.so').exists():
        pytest.skip('not built: the compilers of C and C++ differ under a sanitizer')
    d = start(listener(handler={'cplusplus': {'greeting': 'Good day'}}))
    s = d.connect()
    s.sendall(b'Ada\n')
    assert Reader(s).until(b'\n') == b'Good day, Ada!\n'


@pytest.mark.unsanitized('asan')   # in a program of C it cannot see throw
def test_cplusplus_refuses(refused, plugins):
    if not (plugins / 'cplusplus.so').exists():
        pytest.skip('not built: the compilers of C and C++ differ under a sanitizer')
    text = refused(config(listener(handler={'cplusplus': {'greeting': ''}}),
                          plugin_dir=str(plugins)))
    assert text.endswith('.cplusplus.greeting: no greeting\n')
