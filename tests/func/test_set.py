"""goevd ctl set, unset and settings: values that change while goevd runs, on every poller."""
import json
import os
import re
import signal

import pytest

import daemon
from daemon import config, eventually, listener, said, write_config
from wire import Reader, ask, closed, echo, get, request, stuff

TWO = [{'name': 'main', 'pollers': 2}]
DIED = r'worker \d+ was killed by signal'


@pytest.fixture
def path(tmp_path):
    """Where the control socket is."""
    return tmp_path / 'control.sock'


@pytest.fixture
def started(goevd, path, plugins):
    """start(listener…, args=…) -> a Daemon of two pollers with a control socket."""
    def start(*listeners, args=(), **more):
        return goevd(config(*listeners, reactors=TWO, plugin_dir=str(plugins),
                            control={'socket': str(path)}, **more), *args)
    return start


@pytest.fixture
def ctl(path):
    """ctl(word…) -> the output of goevd ctl."""
    return lambda *words: said(path, *words).decode()


@pytest.fixture
def no(goevd_run, path):
    """no(word…) -> why goevd ctl refuses."""
    def ask(*words):
        done = goevd_run('ctl', '-s', path, *words)
        assert (done.returncode, done.stdout) == (1, '')
        assert done.stderr.startswith('goevd: ')
        return done.stderr[len('goevd: '):].rstrip('\n')
    return ask


def settings(ctl):
    """name -> (value, source)."""
    return {s['name']: (s['value'], s['source']) for s in json.loads(ctl('settings', '--json'))}


def show(d, name='tune', command='show'):
    """The plugin's values on some poller: [poller, word, rest, low, high, loud, changes]."""
    with d.connect(name) as s:
        return ask(s, command).split()


def everywhere(d, name='tune'):
    """The plugin's values on each poller."""
    seen = {}
    while len(seen) < 2:
        poller, *rest = show(d, name)
        assert seen.setdefault(poller, rest) == rest
    return seen


# ---- Plugins ------------------------------------------------------------------------------------

@pytest.mark.parametrize('args', [[], ['--single']])
def test_plugin_sees_a_new_value_on_every_poller(started, ctl, args):
    d = started(listener('tune', {'tunable': {'word': 'first', 'low': 3}}), args=args)
    before = everywhere(d)
    assert set(map(tuple, before.values())) == {('first', '1000000000', '3', '10', '0', '0')}
    assert ctl('set', 'listeners[tune].handler.tunable.rest', '1500ms') == \
        'listeners[tune].handler.tunable.rest: 1s -> 1500ms\n'
    # The command has ended: each poller has the value, after one callback.
    assert set(map(tuple, everywhere(d).values())) == {('first', '1500000000', '3', '10', '0', '1')}
    ctl('set', 'listeners[0].handler.tunable.word', 'two words')
    ctl('set', 'listeners[0].handler.tunable.loud', 'yes')
    s = d.connect('tune')
    s.sendall(b'show\n')
    assert Reader(s).until(b'\n').split(b' ', 1)[1] == b'two words 1500000000 3 10 1 3\n'
    assert show(d, command='from')[1:-1] == ['first', '1000000000', '3', '10', '0']
    ctl('unset', 'listeners[tune].handler.tunable.rest')
    s.sendall(b'show\n')
    assert Reader(s).until(b'\n').split(b' ', 1)[1] == b'two words 1000000000 3 10 1 4\n'


def test_connections_that_are_open_hear_of_it(started, ctl):
    d = started(listener('tune', 'tunable'))
    clients = [d.connect('tune') for _ in range(20)]
    readers = [Reader(s) for s in clients]
    for s, reader in zip(clients, readers):
        s.sendall(b'every\n')
        assert reader.until(b'\n') == b'listening\n'
    ctl('set', 'listeners[tune].handler.tunable.word', 'new')
    for reader in readers:
        assert reader.until(b'\n') == b'word new\n'


def test_only_the_instance_that_is_meant_is_told(started, ctl):
    d = started(listener('one', {'tunable': {'inner': {'tunable': {'word': 'inside'}}}}),
                listener('two', 'tunable'))
    ctl('set', 'listeners[two].handler.tunable.word', 'x')
    ctl('set', 'listeners[one].handler.tunable.inner.tunable.word', 'y')
    assert everywhere(d, 'one') == {'0': ['none', '1000000000', '1', '10', '0', '0'],
                                    '1': ['none', '1000000000', '1', '10', '0', '0']}
    assert {tuple(v) for v in everywhere(d, 'two').values()} == \
        {('x', '1000000000', '1', '10', '0', '1')}
    assert settings(ctl)['listeners[one].handler.tunable.inner.tunable.word'] == ('y', 'set')
    ctl('set', 'listeners[one].handler.tunable.word', 'z')   # and earlier values stay
    assert {v[0] for v in everywhere(d, 'two').values()} == {'x'}
    assert settings(ctl)['listeners[one].handler.tunable.inner.tunable.word'] == ('y', 'set')


def test_plugin_refuses_a_value(started, ctl, no):
    d = started(listener('tune', {'tunable': {'low': 3}}))
    assert no('set', 'listeners[tune].handler.tunable.low', '11') == \
        'listeners[0].handler.tunable.low: 11 is above high, 10'
    assert no('set', 'listeners[tune].handler.tunable.high', '13') == \
        "listeners[0].handler.tunable: plugin 'tunable' refuses it: Operation not permitted"
    assert set(map(tuple, everywhere(d).values())) == {('none', '1000000000', '3', '10', '0', '0')}
    ctl('set', 'listeners[tune].handler.tunable.high', '20')
    ctl('set', 'listeners[tune].handler.tunable.low', '11')
    assert no('unset', 'listeners[tune].handler.tunable.high') == \
        'listeners[0].handler.tunable.low: 11 is above high, 10'
    assert settings(ctl)['listeners[tune].handler.tunable.high'] == ('20', 'set')


# ---- Errors -------------------------------------------------------------------------------------

@pytest.mark.parametrize('words, said', [
    (['set'], 'set needs a name and a value; settings lists the names'),
    (['set', 'log.level'], 'set needs a name and a value; settings lists the names'),
    (['unset'], 'unset needs a name; settings lists them with their values'),
    (['settings', 'now'], "settings: unexpected 'now'"),
    (['set', 'log.levl', 'debug'], 'log.levl: unknown key, did you mean level?'),
    (['set', 'listeners[wbe].imbalance', '3'], 'listeners: there is no "wbe"; did you mean web?'),
    (['set', 'log.level', 'loud'],
     'log.level: expected one of error, warning, notice, info, debug; found "loud"'),
    (['set', 'listeners[web].connections_max', '0'], 'listeners[0].connections_max: 0 is below 1'),
    (['set', 'listeners[web].idle_timeout', '5'],
     'listeners[0].idle_timeout: "5" has no unit: add ns, us, ms, s, m, h or d'),
    (['set', 'listeners[web].idle_timeout', ''],
     'listeners[0].idle_timeout: expected a duration such as 75s or 1500ms, found ""'),
    (['set', 'listeners[web].address', ':80'],
     'listeners[web].address: takes effect only after a reload'),
    (['set', 'listeners[web].handler.http.server', 'x'],
     'listeners[web].handler.http.server: takes effect only after a reload'),
    (['set', 'reactors[main].events_max', '5'],
     'reactors[main].events_max: takes effect only after a reload'),
    (['unset', 'stop_timeout'], 'stop_timeout: takes effect only after a reload'),
    (['unset', 'log.level'], 'log.level: has not been set'),
])
def test_what_is_refused(started, ctl, no, words, said):
    started(listener('web'))
    before = settings(ctl)
    assert no(*words) == said
    assert settings(ctl) == before


def test_marks_must_not_cross(started, ctl, no):
    d = started(listener('web', output_high='128KiB'))
    assert no('set', 'listeners[web].output_low', '129KiB').endswith(
        'listeners[0].output_low: 129KiB is above output_high, 128KiB')
    ctl('set', 'listeners[web].output_high', '256KiB')
    ctl('set', 'listeners[web].output_low', '129KiB')
    assert no('unset', 'listeners[web].output_high').endswith(
        'listeners[0].output_low: 129KiB is above output_high, 128KiB')
    assert get(d.connect())[0] == 200


def test_longest_value_and_one_byte_more(started, ctl, no):
    d = started(listener('tune', 'tunable'))
    name = 'listeners[tune].handler.tunable.word'
    ctl('set', name, 'x' * 511)
    assert settings(ctl)[name] == ('x' * 511, 'set')
    assert no('set', name, 'x' * 512) == f'{name}: a value has at most 511 bytes'
    assert show(d)[1] == 'x' * 511


def test_longest_name_and_one_byte_more(started, ctl, no):
    # 64 bytes is the most that a listener's name may have; the rest comes from plugins in plugins.
    word = {'tunable': {}}
    for _ in range(12):
        word = {'tunable': {'inner': word}}
    tail = '.handler.tunable' + '.inner.tunable' * 12 + '.word'
    fits = 'x' * (255 - len('listeners[]' + tail))
    started(listener(fits, word), listener(fits + 'y', word))
    ctl('set', f'listeners[{fits}]{tail}', 'v')
    name = f'listeners[{fits}y]{tail}'
    assert len(name) == 256
    assert no('set', name, 'v') == f'{name}: a name has at most 255 bytes'


def test_as_many_values_as_fit_and_one_more(started, ctl, no):
    listeners = [listener(f'n{i}', 'echo') for i in range(24)]
    started(*listeners)
    names = [name for name in settings(ctl) if name.startswith('listeners')]
    assert len(names) == 24 * 12
    for name in names[:256]:
        ctl('set', name, settings_value(name))
    assert no('set', names[256], settings_value(names[256])) == \
        f'{names[256]}: 256 values have been set already, unset some'
    ctl('set', names[0], settings_value(names[0]))   # one that has been set may be set again
    ctl('unset', names[0])
    ctl('set', names[256], settings_value(names[256]))


def settings_value(name):
    """One that each of a listener's takes."""
    key = name.rsplit('.', 1)[1]
    return {'imbalance': '5', 'connections_max': '5', 'over_limit': 'wait', 'output_low': '1KiB',
            'output_high': '512KiB', 'output_max': '1MiB', 'output_rate': '5B/s'}.get(key, '5s')


# ---- Notifications -------------------------------------------------------------------------------

def test_settings_tell_values_and_where_they_are_from(started, ctl):
    started(listener('web', idle_timeout='5s'), {'address': '[::1]:0', 'handler': 'echo'},
            log={'level': 'info'})
    ctl('set', 'listeners[web].connections_max', '77')
    seen = settings(ctl)
    assert seen['log.level'] == ('info', 'config')
    assert seen['listeners[web].idle_timeout'] == ('5s', 'config')
    assert seen['listeners[web].close_timeout'] == ('5s', 'default')
    assert seen['listeners[web].connections_max'] == ('77', 'set')
    assert seen['listeners[[::1]:0].connections_max'] == ('100000', 'default')
    assert all(s['help'] for s in json.loads(ctl('settings', '--json')))
    lines = [line.split() for line in ctl('settings').splitlines()]
    assert {name: (value, source) for name, source, value in lines} == seen


def test_log_says_what_was_set_and_by_whom(started, ctl):
    d = started(listener('web'))
    ctl('set', 'listeners[0].imbalance', '50')
    ctl('unset', 'listeners[0].imbalance')
    who = rf'by uid {os.getuid()}, pid \d+$'
    assert d.log.wait(rf'notice goevd: listeners\[web\]\.imbalance: set to 50 from 20 {who}')
    assert d.log.wait(rf'notice goevd: listeners\[web\]\.imbalance: set back to 20 from 50 {who}')


# ---- goevd's own --------------------------------------------------------------------------------

def test_log_level(started, ctl):
    d = started(listener('web'))
    ctl('set', 'log.level', 'error')
    ctl('set', 'listeners[web].imbalance', '50')   # not logged
    ctl('reload')                                  # nor is the supervisor's log line
    ctl('set', 'log.level', 'notice')
    assert d.log.wait('log.level: set to notice from error')
    assert not d.log.find('imbalance|reload')
    ctl('reload')
    assert d.log.wait('goevd ctl reload: reloading')


def test_connections_max_holds_at_once(started, ctl):
    d = started(listener('echo', 'echo'))
    first, second = d.connect('echo'), d.connect('echo')
    echo(first)
    echo(second)
    ctl('set', 'listeners[echo].connections_max', '2')
    assert closed(d.connect('echo'))
    ctl('set', 'listeners[echo].over_limit', 'wait')
    third = d.connect('echo')
    third.sendall(b'hello')
    first.close()
    assert Reader(third).exactly(5) == b'hello'
    echo(second)


def test_idle_timeout_reaches_connections_that_are_open(started, ctl):
    d = started(listener('echo', 'echo', idle_timeout='1h'), listener('other', 'echo'))
    clients = [d.connect('echo') for _ in range(50)]
    for s in clients:
        echo(s)
    other = d.connect('other')
    echo(other)
    ctl('set', 'listeners[echo].idle_timeout', '100ms')
    assert all(closed(s) for s in clients)
    echo(other)


def test_output_rate_reaches_a_client_that_reads_slowly(started, ctl):
    body = 'x' * 900000
    d = started(listener('web', {'http': {'routes': {'path': '/', 'respond': {'body': body}}}},
                         output_rate=0, output_timeout='200ms'))
    slow = d.connect('web', receive_buffer=4096)
    slow.sendall(request() * 20)
    assert slow.recv(100).startswith(b'HTTP/1.1 200')
    ctl('set', 'listeners[web].output_rate', '1MiB/s')

    def fast_gets_all():
        try:
            return get(d.connect('web'))[2] == body.encode()
        except (EOFError, OSError):
            return False   # this test was slow itself

    def slow_is_closed():
        assert slow.recv(100)   # always something: it is not idle
        return d.metrics()['goevd_connections_closed_total{reason=slow}'] == 1
    eventually(slow_is_closed, 'a client that reads slowly stays')
    eventually(fast_gets_all, 'a client that reads fast is closed, too')


def test_connectors_reach_connections_that_are_open(started, ctl):
    d = started(listener('front', 'connecting'), listener('back', 'echo'))
    s = d.connect('front')
    reader = Reader(s)
    s.sendall(f'connect 127.0.0.1:{d.port("back")}\n'.encode())
    assert reader.until(b'\n').startswith(b'open ')
    ctl('set', 'connectors.idle_timeout', '50ms')
    assert reader.until(b'\n').startswith(b'close ')
    s.sendall(f'connect 127.0.0.1:{d.port("back")}\n'.encode())   # one that is opened after it
    assert reader.until(b'\n').startswith(b'open ')
    assert reader.until(b'\n').startswith(b'close ')


def test_output_marks_reach_connections_that_are_open(started, ctl):
    d = started(listener('echo', 'echo', send_buffer='4KiB'))
    s = d.connect('echo', receive_buffer=4096)
    echo(s)
    ctl('set', 'listeners[echo].output_low', '4KiB')
    ctl('set', 'listeners[echo].output_high', '32KiB')
    stuff(s)
    found = eventually(lambda: 'throttled' in (r := d.connections()[0])['state']
                       and r, 'it is not throttled')
    assert 4096 < found['queued_bytes'] < 256 << 10


def test_hang_is_noticed_within_another_time(started, ctl, tmp_path):
    d = started(listener('stuck', 'stuck'), hang={'timeout': 0, 'action': 'abort'})
    ctl('set', 'hang.action', 'log')
    ctl('set', 'hang.timeout', '200ms')
    d.may_say = ['has not turned', 'turns again']
    s = d.connect('stuck')
    s.sendall(f'sleep {tmp_path}/end\n'.encode())
    assert d.log.wait(r'poller main/\d has not turned for')
    (tmp_path / 'end').touch()
    assert d.log.wait('turns again')


# ---- Other workers ------------------------------------------------------------------------------

def test_values_survive_a_worker(started, ctl):
    d = started(listener('tune', 'tunable'), listener('echo', 'echo'))
    d.may_say = [DIED]
    ctl('set', 'listeners[tune].handler.tunable.word', 'kept')
    ctl('set', 'listeners[echo].connections_max', '1')
    ctl('set', 'log.level', 'info')
    ctl('set', 'listeners[echo].imbalance', '1')
    ctl('unset', 'listeners[echo].imbalance')
    before = settings(ctl)
    for _ in range(2):
        old = d.worker()
        os.kill(old, signal.SIGKILL)
        eventually(lambda: (w := daemon.status(d.control)[1].get('serving')) and w != [old], 'no other worker')
        assert settings(ctl) == before
        assert {v[0] for v in everywhere(d).values()} == {'kept'}
        first = d.connect('echo')
        echo(first)
        assert closed(d.connect('echo'))
    assert d.log.wait(r'notice goevd: listeners\[tune\]\.handler\.tunable\.word: kept, as before', 2)


def test_value_set_at_the_last_moment_is_remembered(started, ctl, path):
    d = started(listener('tune', 'tunable'))
    d.may_say = [DIED]
    for i in range(5):
        ctl('set', 'listeners[tune].handler.tunable.word', f'v{i}')
        old = d.worker()
        os.kill(old, signal.SIGKILL)
        eventually(lambda: (w := daemon.status(d.control)[1].get('serving')) and w != [old], 'no other worker')
        assert {v[0] for v in everywhere(d).values()} == {f'v{i}'}


def reload(d, path, ctl, *listeners, plugins):
    """With other listeners, and otherwise the same."""
    write_config(d.config.parent, config(*listeners, reactors=TWO, plugin_dir=str(plugins),
                                         control={'socket': str(path)}))
    ctl('reload')


def test_values_survive_a_reload_and_those_that_fit_no_more_are_dropped(started, ctl, no, path,
                                                                        plugins):
    tune = listener('tune', 'tunable', address='127.0.0.1:0')
    d = started(tune, listener('gone', 'echo'))
    d.may_say = ['was set to']
    ctl('set', 'listeners[tune].handler.tunable.word', 'kept')
    ctl('set', 'listeners[tune].handler.tunable.low', '9')
    ctl('set', 'listeners[gone].connections_max', '5')
    # Another order, one less, and a file that would have `low` above `high`.
    reload(d, path, ctl, listener('new', 'echo'),
           listener('tune', {'tunable': {'high': 5}}), plugins=plugins)
    assert d.log.wait(r'warning goevd: listeners\[gone\]\.connections_max: was set to 5, which is '
                      r'dropped: listeners: there is no "gone"')
    assert d.log.wait(r'warning goevd: listeners\[tune\]\.handler\.tunable\.low: was set to 9, '
                      r'which is dropped: listeners\[1\]\.handler\.tunable\.low: 9 is above high, 5')
    seen = settings(ctl)
    assert seen['listeners[tune].handler.tunable.word'] == ('kept', 'set')
    assert seen['listeners[tune].handler.tunable.low'] == ('1', 'default')
    assert no('unset', 'listeners[tune].handler.tunable.low').endswith('has not been set')
    # They are forgotten: the file that was there before does not bring them back.
    reload(d, path, ctl, tune, listener('gone', 'echo'), plugins=plugins)
    seen = settings(ctl)
    assert seen['listeners[gone].connections_max'] == ('100000', 'default')
    assert seen['listeners[tune].handler.tunable.word'] == ('kept', 'set')
    assert len(d.log.find('which is dropped')) == 2


def test_failed_reload_forgets_nothing(started, goevd_run, ctl, path, plugins):
    d = started(listener('tune', 'tunable'), listener('gone', 'echo'))
    d.may_say = ['was set to', 'the reload failed', 'ended with status']
    ctl('set', 'listeners[gone].connections_max', '5')
    write_config(d.config.parent, config(listener('tune', 'no_such_plugin'), reactors=TWO,
                                         plugin_dir=str(plugins), control={'socket': str(path)}))
    assert goevd_run('ctl', '-s', path, 'reload').returncode == 1
    d.may_say.append('error')
    assert settings(ctl)['listeners[gone].connections_max'] == ('5', 'set')
    reload(d, path, ctl, listener('tune', 'tunable'), listener('gone', 'echo'), plugins=plugins)
    assert settings(ctl)['listeners[gone].connections_max'] == ('5', 'set')


def test_description_says_what_may_change(goevd_run):
    text = goevd_run('--describe', 'goevd').stdout
    assert re.search(r'level: one of .*, may change while goevd runs\n', text)
    assert re.search(r'connections_max: .*, may change while goevd runs\n', text)
    assert not re.search(r'backlog: .*may change', text)
