"""Log lines of a start, and their destination."""
import os
import re
import signal
import subprocess
import socket

import pytest

from daemon import Log, command, config, environment, eventually, listener, write_config
from wire import echo, get

TWO = [{'name': 'main', 'pollers': '2', 'cpus': 'none'}]


def test_says_what_listens_where(goevd):
    d = goevd(config(listener(), listener('two', 'echo'), reactors=TWO))
    web, two = d.listeners['web'], d.listeners['two']
    assert web['plugin'] == 'http' and two['plugin'] == 'echo'
    assert web['mode'] == 'reuseport' and web['sockets'] == '2' and web['reactor'] == 'main'
    assert 0 < d.port('web') != d.port('two') > 0
    assert d.log.find(r'reactor main: 2 pollers, not pinned$')
    assert get(d.connect('web'))[2] == b'Hello, World!'
    echo(d.connect('two'))


def serving(d, count=1):
    """The value and the process in the last matching line."""
    m = d.log.wait(r' notice goevd: goevd [\d.]+ is serving (.*) \(pid (\d+)\)$', count)[-1]
    return m[1], int(m[2])


@pytest.mark.parametrize('args', [[], ['--single']])
def test_says_in_one_line_what_to_open(goevd, args):
    d = goevd(config(listener('two', 'echo'), listener()), *args)
    assert serving(d) == (f'http://127.0.0.1:{d.port()}/ and echo on 127.0.0.1:{d.port("two")}', d.pid)


def test_says_it_again_after_a_reload(goevd):
    d = goevd(config(listener(address='0.0.0.0:0')))
    d.signal(signal.SIGHUP)
    assert serving(d, 2) == (f'http://localhost:{d.port()}/ on all addresses', d.pid)


def test_no_url_for_what_no_browser_can_open(goevd, tmp_path):
    path = str(tmp_path / 'web')
    d = goevd(config(listener(address=f'unix:{path}'),
                     listener('proxied', proxy_protocol={'from': ['127.0.0.1']})))
    assert serving(d)[0] == f'http on unix:{path} and http on 127.0.0.1:{d.port("proxied")}'


def test_many_listeners_are_counted(goevd):
    d = goevd(config(*[listener(f'l{i}', 'echo') for i in range(99)], listener()))
    text = serving(d)[0]
    assert text.startswith(f'http://127.0.0.1:{d.port()}/, echo on ')
    assert text.endswith(' and 97 more listeners')


def test_says_which_cpus(goevd):
    cpu = min(os.sched_getaffinity(0))
    d = goevd(config(reactors=[{'name': 'main', 'pollers': '1', 'cpus': str(cpu)}]))
    assert d.log.find(rf'reactor main: 1 poller on CPU {cpu}$')


def test_every_line_has_time_level_and_name(goevd):
    d = goevd()
    for line in d.log.lines:
        assert re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z notice goevd: ', line), line


def start_under_journal(folder, stderr, inode, *args):
    """A goevd whose environment declares its stderr as the journal, if that has this inode."""
    path = write_config(folder, config())
    device = os.fstat(stderr).st_dev
    env = environment(folder, {'JOURNAL_STREAM': f'{device}:{inode}'})
    return subprocess.Popen(command('-c', path, *args), env=env, stderr=stderr)


def test_priorities_where_the_journal_listens(tmp_path):
    for args in ([], ['--single']):
        read_end, write_end = os.pipe()
        process = start_under_journal(tmp_path, write_end, os.fstat(write_end).st_ino, *args)
        os.close(write_end)
        with os.fdopen(read_end) as stream:
            log = Log(stream)
            log.wait(r'^<5>goevd: listener web: ')
            process.terminate()
            assert process.wait() == 0
            assert all(re.match(r'<\d>goevd: \S', line) for line in log.lines), log.text()


def test_no_priorities_where_the_journal_is_another_file(tmp_path):
    read_end, write_end = os.pipe()
    process = start_under_journal(tmp_path, write_end, os.fstat(write_end).st_ino + 1)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        log = Log(stream)
        log.wait(r'Z notice goevd: listener web: ')
        process.terminate()
        assert process.wait() == 0


def test_quiet_says_nothing_and_serves(goevd, tmp_path):
    path = str(tmp_path / 'quiet')
    d = goevd(config(listener(handler='echo', address=f'unix:{path}')), '-q', ready=False)

    def connect():
        s = socket.socket(socket.AF_UNIX)
        if s.connect_ex(path):
            s.close()
            return None
        return s
    with eventually(connect, 'it does not listen') as s:
        echo(s)
    d.signal(15)
    assert d.wait() == 0
    assert d.log.lines == []


def test_verbose_says_more(goevd):
    d = goevd(config(), '-v')
    d.signal(15)
    assert d.wait() == 0
    assert d.log.find(' info goevd: stopped$')


def test_log_level_of_the_configuration(goevd):
    d = goevd(config(log={'level': 'debug'}))
    assert d.log.find(' notice goevd: listener web: ')
