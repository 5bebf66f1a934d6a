"""goevd -t finds the faults that a start would find."""
import os
import re

import pytest

import daemon
from daemon import config, listener, write_config

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason='only root may change its user')


def route(handler, path='/*'):
    """A route to a handler."""
    return {'path': path, 'handler': handler}


def http(**options):
    """A configuration of one server over HTTP."""
    return config(listener(handler={'http': options}))


def hosts(*names):
    """A server of hosts with these names."""
    found = {'path': '/', 'respond': {'body': 'x'}}
    return http(hosts=[{'names': [name], 'routes': [found]} for name in names])


TEXT = {'path': '/', 'respond': {'body': 'x'}}
PARTS = 'listeners[0].handler.http'
WRONG = {
    'a root that is missing': (
        http(routes=[route({'download': {'root': 'missing'}})]),
        'routes[0].handler.download.root: /.*/missing: No such file'),
    'a file of users that is missing': (
        http(routes=[route([{'basic_auth': {'users': 'missing'}}, {'download': {'root': '.'}}])]),
        'routes[0].handler[0].basic_auth.users: /.*/missing: No such file'),
    'a page that is missing': (
        http(routes=[TEXT], error_pages=[{'status': 404, 'file': 'missing'}]),
        'error_pages[0].file: /.*/missing: No such file'),
    'a log in a folder that is missing': (
        http(routes=[TEXT], access_log={'target': 'missing/log'}),
        'access_log.target: cannot open /.*/missing/log: No such file or directory; make its '
        'folder, or choose another target'),
    'two hosts of one name': (
        hosts('a.test', 'a.test'), r'hosts[1].names[0]: an earlier host has the name "a\.test"'),
    'a host with a port': (
        hosts('a.test:80'), r'hosts[0].names[0]: "a\.test:80" is no name of a host'),
    'any origin with credentials': (
        http(routes=[route([{'cors': {'origins': '*', 'credentials': True}},
                            {'download': {'root': '.'}}])]),
        'routes[0].handler[0].cors.credentials: '),
    'a path with an asterisk in a segment': (
        http(routes=[{**TEXT, 'path': '/assets*'}]), r'routes[0].path: "/assets\*"'),
    'a path twice': (
        http(routes=[TEXT, TEXT]), 'routes[1].path: an earlier route answers "/"'),
    'a piece of a path that has no such piece': (
        http(routes=[{'path': '/*', 'redirect': {'to': 'https://a.test/{path}'}}]),
        'routes[0].redirect.to: .*{path}'),
    'a line break in a header': (
        http(routes=[TEXT], headers={'set': {'X-A': 'a\nb'}}), 'headers.set: the value of X-A'),
    'a Content-Type for all': (
        http(routes=[TEXT], headers={'set': {'Content-Type': 'text/css'}}),
        'headers.set: Content-Type'),
    'a class of statuses that is none': (
        http(routes=[TEXT], error_pages=[{'status': '50x', 'body': 'sorry'}]),
        'error_pages[0].status[0]: "50x"'),
}


@pytest.fixture
def check(goevd_run, tmp_path):
    """check(configuration) -> the lines that goevd -t prints about it."""
    def run(content, *args, status=1):
        path = write_config(tmp_path, content)
        done = goevd_run('-t', '-c', path, *args)
        assert (done.returncode, done.stdout) == (status, ''), done.stderr
        return done.stderr.replace(str(path), 'goevd.yaml').splitlines()
    return run


@pytest.mark.parametrize('content, said', WRONG.values(), ids=WRONG)
def test_faults_that_only_a_plugin_can_find(check, content, said):
    line, = check(content)
    path, reason = said.split(': ', 1)
    assert re.search(rf'^goevd\.yaml:\d+:\d+: {re.escape(f"{PARTS}.{path}")}: {reason}', line), line


def test_upstream_without_a_port(check):
    line, = check(config(listener(handler={'relay': {'upstreams': ['127.0.0.1']}})))
    assert re.search(r"listeners\[0\]\.handler\.relay\.upstreams\[0\]: '127\.0\.0\.1' has no port", line)


def test_faults_of_all_plugins_at_once(check):
    """Not of those that host a faulty one: they would repeat it, or fail because of it."""
    content = config(
        listener('a', {'http': {'routes': [route({'download': {'root': 'no-a'}}, '/a/*'),
                                           route({'download': {'root': 'no-b'}}, '/b/*')]}}),
        listener('b', {'relay': {'upstreams': ['127.0.0.1']}}),
        listener('c', {'http': {'routes': [TEXT, TEXT]}}))
    assert [re.findall(r'no-\w|no port|routes\[1\].path', line)[:1] for line in check(content)] == \
        [['no-a'], ['no-b'], ['no port'], ['routes[1].path']]


def test_start_reports_the_faults_of_all_plugins_too(refused):
    said = refused(config(listener(handler={'relay': {'upstreams': ['127.0.0.1']}}),
                          listener('c', {'http': {'routes': [TEXT, TEXT]}})))
    assert 'has no port' in said and 'an earlier route' in said


def test_nothing_is_made(check, tmp_path):
    """No file, no socket, no line."""
    folder = tmp_path / 'made'
    folder.mkdir()
    content = {**config(listener(address=f'unix:{folder}/socket', handler={
        'http': {'routes': [TEXT], 'access_log': {'target': f'{folder}/access'}}})),
               'log': {'target': f'{folder}/log'}, 'pid_file': f'{folder}/pid'}
    assert check(content, status=0) == ['goevd.yaml: OK']
    assert not list(folder.iterdir())


def test_files_and_addresses_of_goevd_itself(check, tmp_path):
    plain = tmp_path / 'plain'
    plain.touch()
    gone = tmp_path / 'gone'
    lines = check({**config(listener('a', 'echo', f'unix:{plain}'),
                            listener('b', 'echo', f'unix:{gone}/socket'),
                            listener('c', 'echo', '192.0.2.1:80')),
                   'log': {'target': f'{gone}/log'}, 'pid_file': f'{gone}/pid'})
    said = '\n'.join(lines)
    assert len(lines) == 5
    for part in (rf'log\.target: cannot open {gone}/log: No such file',
                 rf'pid_file: cannot open pid_file {gone}/pid: No such file',
                 rf'listeners\[0\]\.address: {plain} exists and is not a socket',
                 rf'listeners\[1\]\.address: cannot bind to unix:{gone}/socket: No such file',
                 r'listeners\[2\]\.address: cannot bind to 192\.0\.2\.1:80: Cannot assign'):
        assert re.search(part, said), said


def test_calls_that_need_pollers_are_canceled(check, plugins):
    content = {**config(listener(handler='checking')), 'plugin_dir': str(plugins)}
    canceled = -125
    line, last = check(content, status=0)
    assert line.endswith(f'checking 1: call {canceled}, call_all {canceled}, '
                         f'conn_call {canceled}, send {canceled}')
    assert last == 'goevd.yaml: OK'


def test_start_is_no_check(goevd, plugins):
    d = goevd({**config(listener(handler='checking')), 'plugin_dir': str(plugins)})
    d.may_say = ['checking 0: call 0, call_all 0']
    assert d.log.find('checking 0: call 0, call_all 0')


def test_no_thread_is_started(check):
    """The example has one of its own; it would print that it waits for clients."""
    content = {**config(listener(handler='remind')),
               'plugin_dir': str(daemon.EXAMPLES)}
    assert check(content, status=0) == ['goevd.yaml: OK']


@AS_ROOT
def test_plugins_are_checked_as_the_user_of_workers(check, tmp_path, open_to_all):
    (tmp_path / 'users').write_text('ann:$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234')
    (tmp_path / 'users').chmod(0o600)
    content = http(routes=[route([{'basic_auth': {'users': 'users'}}, {'download': {'root': '.'}}])])
    check(content, status=0)
    line, = check({**content, 'user': 'nobody'})
    assert 'basic_auth.users: ' in line and 'Permission denied' in line
