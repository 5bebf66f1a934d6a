"""A callback that does not return, or that kills the worker: the log and the replacement."""
import os
import re
import signal
import time

import pytest

import procfs
from daemon import config, eventually, listener
from wire import Reader, closed, echo

ONE = [{'name': 'main', 'pollers': '1'}]
TWO = [{'name': 'main', 'pollers': '2', 'cpus': 'none'}]
LONG = 3600_000   # ms: it does not return in the life of a test
HANGS = r'poller main/\d has not turned for \d+\.\d s: '
DIED = r'worker \d+ was killed by signal 6 \(Aborted\)'
STOPPED = r'error goevd: worker \d+ has not answered for 1\.\d s: it is stopped or stuck'
LAST_WORDS = r'worker \d+: (SIG|#\d+ |for the lines: )'


@pytest.fixture
def start(goevd, plugins):
    """A goevd that notices soon."""
    def begin(*args, timeout='1s', action='abort', reactors=None, **more):
        d = goevd(config(listener('web', 'stuck'), listener('echo', 'echo'),
                         plugin_dir=str(plugins), reactors=reactors or ONE,
                         hang={'timeout': timeout, 'action': action}, **more), *args)
        d.may_say = [HANGS, 'turns again after', DIED, LAST_WORDS]
        return d
    return begin


def tell(d, command):
    """A connection on which the plugin has received a command."""
    s = d.connect()
    s.sendall(command.encode() + b'\n')
    return s


def done(s):
    """It has done so."""
    return Reader(s).until(b'\n') == b'done\n'


def watch(d, looks):
    """Until the watchdog has looked so often: eight times in its time-out."""
    pid = d.worker()
    before = procfs.sleeps(pid, 'watchdog')
    eventually(lambda: procfs.sleeps(pid, 'watchdog') >= before + looks, 'it does not look')


@pytest.fixture
def end(tmp_path):
    """The file that a callback waits for; touch() it."""
    return tmp_path / 'end'


@pytest.mark.parametrize('command, callback', [
    ('sleep', r'on_read, connection 0x[0-9a-f]+'),
    ('spin', r'on_read, connection 0x[0-9a-f]+'),
    ('timer sleep', 'timer'),
    ('watch sleep', 'watch'),
    ('call spin', 'call'),
])
def test_hang_is_logged_with_plugin_and_callback(start, end, command, callback):
    d = start(action='log')
    s = tell(d, f'{command} {end}')
    d.log.wait(HANGS + rf'plugin stuck \(listeners\[0\]\.handler\.stuck\), {callback}$')
    watch(d, 2)
    end.touch()
    assert done(s)
    assert d.log.wait(r'warning goevd: poller main/0 turns again after [1-9]\d*\.\d s$')
    echo(d.connect('echo'))   # no connection was closed
    assert len(d.log.find(HANGS)) == 1   # once each time
    assert len(d.log.find('turns again')) == 1


@pytest.mark.parametrize('where', ['', 'timer ', 'watch ', 'call '])
def test_worker_that_hangs_is_replaced(start, where):
    d = start()
    worker, lines = d.worker(), len(d.log.lines)
    s = tell(d, f'{where}sleep {LONG}')
    assert d.log.wait(HANGS + r'plugin stuck \(.*; ending this worker$')
    assert closed(s)
    d.ready(lines)
    echo(d.connect('echo'))
    assert done(tell(d, 'sleep 1'))
    d.log.wait(rf'worker {worker} was killed by signal 6 ')
    assert d.worker() != worker


@pytest.mark.unsanitized   # a sanitizer handles faults itself
def test_abort_shows_where_the_poller_hung(start):
    d = start()
    lines = len(d.log.lines)
    tell(d, f'spin {LONG}')
    d.log.wait(r'worker \d+: SIGABRT \(Aborted\) in thread main/0: plugin stuck '
               r'\(listeners\[0\]\.handler\.stuck\), on_read, connection 0x')
    d.log.wait(r'error goevd: worker \d+: #\d+ /\S+/stuck\.so\(\+0x[0-9a-f]+\) 0x[0-9a-f]+$')
    d.ready(lines)


def test_one_poller_that_hangs_is_enough(start):
    d = start(reactors=TWO)
    worker, lines = d.worker(), len(d.log.lines)
    tell(d, f'sleep {LONG}')
    d.log.wait(HANGS)
    assert len(d.log.find(HANGS)) == 1
    d.ready(lines)
    assert d.worker() != worker


def test_idle_pollers_do_not_hang(start):
    d = start(timeout='500ms', reactors=TWO)
    worker = d.worker()
    s = d.connect('echo')
    echo(s)
    watch(d, 12)   # and it sleeps in between
    echo(s)
    assert not d.log.find('turn')
    assert d.worker() == worker


def test_job_that_takes_long_is_no_hang(start, end):
    d = start()
    s = tell(d, f'job sleep {end}')
    watch(d, 12)
    end.touch()
    assert done(s)
    assert not d.log.find(HANGS)


def test_poller_that_is_busy_but_turns_does_not_hang(start):
    d = start(timeout='3s')
    s = d.connect()
    reader, worker = Reader(s), d.worker()
    looks = procfs.sleeps(worker, 'watchdog')
    while procfs.sleeps(worker, 'watchdog') < looks + 12:   # eight in its time-out
        s.sendall(b'spin 100\n')
        assert reader.until(b'\n') == b'done\n'
    assert not d.log.find(HANGS)


def test_time_in_which_the_process_was_stopped_does_not_count(start, end):
    d = start(action='log')
    d.may_say += [STOPPED, 'answers again after']   # all of it has stopped
    worker, ran = d.worker(), 1
    while ran >= 1:   # this test was so slow that it has hung besides: once more
        lines, began = len(d.log.lines), time.monotonic()
        s = tell(d, f'sleep {end}')
        watch(d, 1)   # it is in the callback by then
        os.kill(worker, signal.SIGSTOP)
        began += 1.5
        time.sleep(1.5)
        os.kill(worker, signal.SIGCONT)
        end.touch()
        assert done(s)
        ran = time.monotonic() - began
        end.unlink()
    echo(d.connect('echo'))
    assert not d.log.find(HANGS, lines)


def test_hang_while_connections_drain(start):
    d = start(stop_timeout='1h')
    s = tell(d, f'sleep {LONG}')
    d.log.wait('notice goevd: listener echo: ')
    d.signal(signal.SIGTERM)   # the main thread waits for the poller, too
    d.log.wait(HANGS + 'plugin stuck')
    assert closed(s)
    d.wait()


def test_hang_in_poller_stop(start):
    d = start()
    assert done(tell(d, f'poller_stop sleep {LONG}'))
    for s in d.sockets:
        s.close()
    d.signal(signal.SIGTERM)
    d.log.wait(HANGS + r'plugin stuck \(listeners\[0\]\.handler\.stuck\), poller_stop; '
               'ending this worker$')
    d.wait()


def test_timeout_0_watches_nobody(start):
    d = start(timeout='0')
    assert done(tell(d, 'sleep 300'))
    assert not d.log.find(HANGS)
    assert 'watchdog' not in procfs.threads(d.worker())


def test_worker_alone_only_logs(start, end):
    d = start('--single')
    s = tell(d, f'sleep {end}')
    d.log.wait(HANGS + r'plugin stuck \(.*\), on_read, connection 0x[0-9a-f]+$')
    end.touch()
    assert done(s)
    d.log.wait('turns again after')


def test_status_has_its_rates_while_a_poller_hangs(start, end, tmp_path):
    d = start(action='log', control={'socket': str(tmp_path / 'control.sock')})
    s = tell(d, f'sleep {end}')
    d.log.wait(HANGS)
    assert re.match(r'state +serving: \S+ connections/s|.* requests/s', d.ctl('status').stdout)
    end.touch()
    assert done(s)
    d.log.wait('turns again after')


# ---- Faults -------------------------------------------------------------------------------------


@pytest.mark.unsanitized   # a sanitizer handles faults itself
@pytest.mark.parametrize('how, said, number, more', [
    ('segv', r'SIGSEGV \(Segmentation fault\) at address 0x0', signal.SIGSEGV, ''),
    ('overflow', r'SIGSEGV \(Segmentation fault\) at address 0x[0-9a-f]+', signal.SIGSEGV,
     r'; the stack is full \(256 KiB, option stack\)'),
    ('abort', r'SIGABRT \(Aborted\)', signal.SIGABRT, ''),
    ('fpe', r'SIGFPE \(Floating point exception\)', signal.SIGFPE, ''),
])
def test_fault_is_logged_with_plugin_callback_and_backtrace(start, how, said, number, more):
    d = start(timeout='1m')
    d.may_say += [f'worker \\d+ was killed by signal {int(number)} ']
    worker, lines = d.worker(), len(d.log.lines)
    tell(d, f'crash {how}')
    d.log.wait(rf'error goevd: worker {worker}: {said} in thread main/0: plugin stuck '
               rf'\(listeners\[0\]\.handler\.stuck\), on_read, connection 0x[0-9a-f]+{more}$')
    d.log.wait(rf'error goevd: worker {worker}: #\d+ /\S+/stuck\.so\(\+0x')
    d.log.wait(rf'worker {worker} was killed by signal {int(number)} ')   # the true status
    d.ready(lines)
    echo(d.connect('echo'))


@pytest.mark.unsanitized   # a sanitizer handles faults itself
@pytest.mark.parametrize('where, callback, thread', [
    ('timer', 'timer', 'main/0'), ('watch', 'watch', 'main/0'), ('call', 'call', 'main/0'),
    ('job', r'job, connection 0x[0-9a-f]+', r'work/\d'),
])
def test_fault_elsewhere(start, where, callback, thread):
    d = start(timeout='1m')
    lines = len(d.log.lines)
    tell(d, f'{where} crash abort')
    d.log.wait(rf'SIGABRT \(Aborted\) in thread {thread}: plugin stuck '
               rf'\(listeners\[0\]\.handler\.stuck\), {callback}$')
    d.ready(lines)
    echo(d.connect('echo'))


@pytest.mark.unsanitized   # a sanitizer handles faults itself
def test_signal_from_outside_is_no_plugins_fault(start):
    d = start(timeout='1m')
    d.may_say += [r'worker \d+ was killed by signal 11 ']
    worker, lines = d.worker(), len(d.log.lines)
    os.kill(worker, signal.SIGSEGV)
    d.log.wait(rf'worker {worker}: SIGSEGV \(Segmentation fault\) in thread goevd: '
               'in goevd itself, not in a plugin$')
    d.ready(lines)


# ---- Threads ------------------------------------------------------------------------------------


def test_threads_have_names(start):
    d = start(reactors=TWO)
    names = {'goevd', 'main/0', 'main/1', 'watchdog'}
    # Each names itself in its own time; a sanitizer may have one more.
    eventually(lambda: set(procfs.threads(d.worker())) >= names, 'not these names')


# ---- The worker as a whole -----------------------------------------------------------------------


def test_worker_that_is_stopped_is_replaced(start):
    d = start()
    d.may_say.append(STOPPED)
    worker, lines = d.worker(), len(d.log.lines)
    os.kill(worker, signal.SIGSTOP)
    d.log.wait(STOPPED + '; ending it$')
    d.ready(lines)
    echo(d.connect('echo'))
    assert d.worker() != worker
    assert len(d.log.find(STOPPED)) == 1


def test_worker_that_drains_is_watched_too(start, tmp_path):
    d = start(control={'socket': str(tmp_path / 'control')})
    d.may_say += [STOPPED, 'which was draining, was killed by signal 6']
    echo(s := d.connect('echo'))
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    assert d.ctl('reload').returncode == 0
    d.log.wait(STOPPED + '; ending it$')
    assert closed(s)
    eventually(lambda: worker not in procfs.children(d.pid), 'it lives on')
    assert d.worker() != worker


def test_policy_for_workers_that_are_stopped_can_change(start, tmp_path):
    d = start(control={'socket': str(tmp_path / 'control')}, timeout='1h')
    d.may_say += [STOPPED, 'answers again after']
    assert d.ctl('set', 'hang.action', 'log').returncode == 0
    assert d.ctl('set', 'hang.timeout', '1s').returncode == 0
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    d.log.wait(STOPPED + '$')
    os.kill(worker, signal.SIGCONT)
    d.log.wait(rf'worker {worker} answers again after \d\.\d s$')
    assert d.worker() == worker


def test_supervisor_that_was_stopped_itself_accuses_nobody(start):
    d = start()
    d.signal(signal.SIGSTOP)
    time.sleep(1.5)   # longer than the time-out; its workers go on meanwhile
    d.signal(signal.SIGCONT)
    watch(d, 8)
    assert not d.log.find('stopped or stuck')

