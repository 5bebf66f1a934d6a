"""--strict: a plugin that breaks a rule of goevd/plugin.h gets a message that names the rule, and goevd ends."""
import re
import signal
import socket

import pytest

from daemon import PATIENCE_S, ROOT, config, eventually, listener
from websocket import TEXT, Client, frame, handshake
from wire import Reader, closed, request

THREADS = 'WHICH THREAD MAY CALL WHAT'
ABORTED, STUCK = 'signal 6\n', 'signal 14\n'

# The breach by unruly, and its place; the message, and the section of goevd-plugin(7).
BREACHES = {
    'job write': (r'conn_write\(\) was called on a thread of the work pool: only poller \d, whose '
                  r'connection it is, may call it', THREADS),
    'thread write': (r"conn_write\(\) was called on a thread that is not goevd's: only poller \d, "
                     'whose connection it is, may call it', THREADS),
    'poller write': (r'conn_write\(\) was called on poller \d, in call: only poller \d, whose '
                     'connection it is, may call it', THREADS),
    'poller timer': (r'timer_arm\(\) was called on poller \d, in call: only poller \d, whose timer '
                     'it is, may call it', THREADS),
    'thread timer': (r"timer_arm\(\) was called on a thread that is not goevd's: only poller \d, "
                     'whose timer it is, may call it', THREADS),
    'job watch': (r'watch_set\(\) was called on a thread of the work pool: only poller \d, whose '
                  'watch it is, may call it', THREADS),
    'job now': (r'poller_now\(\) was called on a thread of the work pool: only poller \d, which it '
                'was given, may call it', THREADS),
    'poller now': (r'poller_now\(\) was called on poller \d, in call: only poller \d, which it was '
                   'given, may call it', THREADS),
    'here metric_new': (r'metric_new\(\) was called on poller \d, in on_frame: only create may '
                        'call it', THREADS),
    'job metric_new': (r'metric_new\(\) was called on a thread of the work pool: only create may '
                       'call it', THREADS),
    'here refuse': (r'refuse\(\) was called on poller \d, in on_frame: only create and '
                    'check_options may call it', THREADS),
    'here null': (r'conn_close\(\) was given no connection \(NULL\)', 'FUNCTIONS'),
    'here freed_timer': (r'timer_cancel\(\) was given a timer that is none: it has been freed',
                         'FUNCTIONS'),
    'here freed_watch': (r'watch_free\(\) was given a watch that is none: it has been freed',
                         'FUNCTIONS'),
    'here no_function': (r'timer_new\(\) was given no function \(NULL\)', 'FUNCTIONS'),
    'here no_done': (r'submit\(\) was given no done, which always runs \(NULL\)', 'FUNCTIONS'),
    'here cookie': (r'conn_timer_arm\(\) was given the cookie GOEVD_DEADLINE, which is that of '
                    r'goevd_conn_deadline\(\) alone', 'TIMERS'),
    'here commit': (r'conn_commit\(\) was called without goevd_conn_reserve\(\) before it, in the '
                    'same callback', 'FUNCTIONS'),
    'here commit_more': (r'conn_commit\(\) was given 5 bytes where 4 are reserved', 'FUNCTIONS'),
    'here commit_twice': (r'conn_commit\(\) was called without goevd_conn_reserve\(\) before it, '
                          'in the same callback', 'FUNCTIONS'),
    'here between': (r'conn_write_frame\(\) was called between goevd_conn_reserve\(\) and '
                     r'goevd_conn_commit\(\), which must come before any other write',
                     'FUNCTIONS'),
    'here no_room': (r'conn_reserve\(\) was asked for 0 bytes; 1 to 65536 can be had', 'FUNCTIONS'),
    'here much_room': (r'conn_reserve\(\) was asked for 65537 bytes; 1 to 65536 can be had',
                       'FUNCTIONS'),
    'here file': (r'conn_write_file\(\) was given the file descriptor \d+, which is no file',
                  'FUNCTIONS'),
    'here flags': (r'conn_close\(\) was given flags 0x4, which are not of enum goevd_close_flags',
                   'CONNECTIONS'),
    'thread flags_by_id': (r'close\(\) was given flags 0x4, which are not of enum '
                           'goevd_close_flags', 'CONNECTIONS'),
    'call upgrade': (r'conn_upgrade\(\) was called outside of the callbacks of that connection',
                     'UPGRADE'),
    'here self': (r'log\(\) was given a goevd_self that is none: it is the argument of create, '
                  'not the pointer that create makes', 'INSTANCES'),
    'thread plugin': (r'plugin_instance\(\) was given a goevd_plugin that is none: it is the value of an '
                      'option, and NULL where that is absent', 'OPTIONS'),
    'here metric_number': (r'metric_add\(\) was given the number \d+, which '
                           r'goevd_metric_new\(\) of this instance has not returned', 'METRICS'),
    'here metric_lowered': (r'metric_add\(\) was to lower goevd_unruly_counter_total, a counter; only '
                            'gauges can be lowered', 'METRICS'),
    'here metric_added': (r'metric_add\(\) was given goevd_unruly_histogram, which is a histogram',
                          'METRICS'),
    'here metric_set': (r'metric_set\(\) was given goevd_unruly_counter_total, which is no gauge',
                        'METRICS'),
    'here metric_observed': (r'metric_observe\(\) was given goevd_unruly_gauge, which is no '
                             'histogram', 'METRICS'),
    'here version': (r'connect\(\) was given a struct without a version; GOEVD_VERSION_OF\(\) of '
                     'its type is it', 'ABI'),
    'here line_twice': (r'logfile_reserve\(\) was called again before goevd_logfile_commit\(\) of the '
                        'line before', 'FUNCTIONS'),
    'here line_long': (r'logfile_reserve\(\) was asked for 4097 bytes; 1 to 4096 can be had',
                       'FUNCTIONS'),
    'here line_commit': (r'logfile_commit\(\) was called without goevd_logfile_reserve\(\) before it',
                         'FUNCTIONS'),
    'here line_more': (r'logfile_commit\(\) was given 5 bytes where 4 are reserved', 'FUNCTIONS'),
}

# Functions that anybody may call with anything.
NO_RULE = {'wrong_object', 'plugin_owner', 'poller_place', 'now', 'poller_index', 'poller_count', 'address_check', 'json_escape', 'cidr_parse',
           'cidr_any'}


def said(function_and_rule, section, plugin='unruly'):
    """The line of the log."""
    return rf"error goevd: plugin '{plugin}': goevd_{function_and_rule} " \
        rf'\(goevd-plugin\(7\), {section}\)$'


@pytest.fixture
def unruly(goevd, plugins, tmp_path):
    """unruly(argument…) -> a goevd with two instances of unruly, and unruly_http; more: of the configuration."""
    def start(*args, pollers='2', late=False, ready=True, **more):
        handler = {'inner': 'echo', 'lines': str(tmp_path / 'lines'), 'late': late}
        d = goevd(config(
            listener(handler={'unruly': handler}),
            listener('two', {'unruly': {'late': late}}), listener('http', 'unruly_http'),
            reactors=[{'name': 'main', 'pollers': pollers, 'cpus': 'none'}], **more),
            '--plugin-dir', plugins, *args, ready=ready)
        d.may_say = [r" error goevd: plugin '[^:]*': goevd_", r'worker \d+: ',
                     r'worker \d+ was killed by signal 6']
        return d
    return start


def moved(answer):
    """The reply; for a child that failed, the reply of the next one."""
    return next((found for _ in range(5) if (found := answer()) != STUCK), STUCK)


def ask(s, command):
    """The reply to a line."""
    def answer():
        s.sendall(command.encode() + b'\n')
        return Reader(s).until(b'\n').decode()
    return moved(answer)


def ask_http(d, **more):
    """The reply to a request."""
    def answer():
        s = d.connect('http')
        s.sendall(request(**more))
        return Reader(s).response()[2].decode()
    return moved(answer)


def test_every_rule(unruly):
    d = unruly('--strict')
    s = d.connect()
    assert ask(s, 'here none') == 'signal 0\n'
    for command, (rule, section) in BREACHES.items():
        start = len(d.log.lines)
        assert ask(s, command) == ABORTED, command
        d.log.wait(said(rule, section), start=start)
    assert ask(s, 'here none') == 'signal 0\n'


def tables(header, struct, files):
    """The functions of a table, and those that these files put in the place of the plain ones."""
    table = ''.join(re.findall(rf'^struct {struct} \{{(.*?)^\}};', header, re.M | re.S))
    put = [found for path in files
           for found in re.findall(r'table(?:->|\.)(?:\w+\.)?(\w+) = (\w+);', path.read_text())]
    assert all(re.fullmatch(rf'(\w+_)?strict_{name}', function) for name, function in put)
    return set(re.findall(r'\(\*(\w+)\)\(', table)), {name for name, _ in put}


def test_no_function_is_forgotten():
    headers = [path.read_text() for path in sorted((ROOT / 'include' / 'goevd').glob('*.h'))]
    table, put = tables('\n'.join(headers), r'goevd_host(?:_\w+)?',
                        (ROOT / 'src' / 'plug').rglob('strict*.c'))
    assert table == put | NO_RULE


def test_sections_are_those_of_the_page():
    page = (ROOT / 'man' / 'goevd-plugin.7.scd').read_text()
    for section in {section for _, section in BREACHES.values()}:
        assert f'\n# {section}\n' in page


def test_connection_that_has_closed(unruly):
    d = unruly('--strict', pollers='1')
    s, other = d.connect(), d.connect()
    assert ask(s, 'here none') == ask(other, 'here none') == 'signal 0\n'
    other.sendall(b'bye\n')
    assert closed(other)
    assert ask(s, 'here closed') == ABORTED
    d.log.wait(said(r'conn_pause\(\) was given a connection that has closed: none may be used once '
                    'its on_close has returned', 'CONNECTIONS'))


def test_plugin_is_the_one_whose_code_it_is(unruly):
    d = unruly('--strict')   # it is called by http
    assert ask_http(d) == ABORTED
    d.log.wait(said(*BREACHES['here null'], 'unruly_http'))


STRAY = r"\(\) was called on a thread that is not goevd's: only poller \d, whose connection it is, " \
    'may call it'


def test_handlers_are_held_to_the_rules_of_http(unruly):
    d = unruly('--strict')
    for function in ('path', 'reply', 'timer', 'client_address'):
        assert ask_http(d, path=f'/?{function}', method='POST', content_length=0) == ABORTED
        d.log.wait(said(f'http_{function}{STRAY}', THREADS, 'unruly_http'))


def test_applications_are_held_to_the_rules_of_websocket(goevd, plugins):
    d = goevd(config(listener(handler={'websocket': {'application': 'ws_rooms'}})),
              '--plugin-dir', plugins, '--strict', '--single')
    d.may_say, d.status = [" error goevd: plugin '", r'worker \d+: '], -signal.SIGABRT
    c = Client(d.connect())
    c.send(frame(TEXT, b'stray a word'))
    assert d.wait() == -signal.SIGABRT
    assert d.log.find(said(f'websocket_send{STRAY}', THREADS, 'ws_rooms'))


@pytest.mark.parametrize('function', ['protocol', 'choose'])
def test_handshakes_are_held_to_the_rules_of_websocket(goevd, plugins, function):
    d = goevd(config(listener(handler={'websocket': {'application': 'ws_rooms'}})),
              '--plugin-dir', plugins, '--strict', '--single')
    d.may_say, d.status = [" error goevd: plugin '", r'worker \d+: '], -signal.SIGABRT
    d.connect().sendall(handshake(f'/?{function}'))
    assert d.wait() == -signal.SIGABRT
    assert d.log.find(said(f'websocket_request_{function}{STRAY}', THREADS, 'ws_rooms'))


def strict_source(plugin):
    """Where a plugin that hosts others holds these to the rules."""
    return next((ROOT / 'plugins' / plugin).rglob('strict.c'))


@pytest.mark.parametrize('level, free', [
    ('http', {'call', 'send'}), ('websocket', {'call', 'post', 'post_close', 'publish'})])
def test_no_function_of_those_that_host_others_is_forgotten(level, free):
    table, put = tables((ROOT / 'include' / 'goevd' / f'{level}.h').read_text(), f'goevd_{level}',
                        [strict_source(level)])
    assert table == put | free


@pytest.mark.parametrize('level', ['http', 'websocket'])
def test_names_are_those_that_plugins_call(level):
    header = (ROOT / 'include' / 'goevd' / f'{level}.h').read_text()
    strict = strict_source(level).read_text()
    said_of = set(re.findall(r'RULE\w*\(\w, (\w+)\);', strict))
    assert said_of and said_of <= set(re.findall(rf'^goevd_{level}_(\w+)\(', header, re.M))


def test_worker_ends_and_is_replaced(unruly):
    d = unruly('--strict')
    worker, lines = d.worker(), len(d.log.lines)
    s = d.connect()
    s.sendall(b'die\n')
    assert closed(s)
    d.log.wait(said(*BREACHES['here null']))
    d.log.wait(rf'worker {worker} was killed by signal 6')
    d.ready(lines)
    assert ask(d.connect(), 'here none') == 'signal 0\n'


def test_stderr_is_told_too(unruly, tmp_path):
    log = tmp_path / 'log'
    d = unruly('--strict', log={'target': str(log)}, ready=False)
    found = eventually(lambda: log.exists() and re.search(
        r'listener web: 127\.0\.0\.1:(\d+)', log.read_text()), 'it does not serve')
    with socket.create_connection(('127.0.0.1', int(found[1])), PATIENCE_S) as s:
        assert ask(s, 'here null') == ABORTED
    rule = r"plugin 'unruly': goevd_conn_close\(\) was given no connection "
    d.log.wait('^goevd: ' + rule)
    assert re.search(' error goevd: ' + rule, log.read_text())


def test_timer_that_is_left_over(unruly):
    d = unruly('--strict', '--single')
    d.status = -signal.SIGABRT
    assert ask(d.connect(), 'keep') == 'kept\n'
    d.finish()
    assert d.log.find(said(r'timer_new\(\) has made a timer on poller \d that is still there after '
                           'poller_stop, which has to free it', 'FUNCTIONS'))


def test_instance_that_is_destroyed(unruly):
    d = unruly('--strict', '--single', late=True)
    d.status = -signal.SIGABRT
    d.finish()
    assert d.log.find(said(r'log\(\) was called after destroy had returned', THREADS))


# Wrong pointers that goevd finds without --strict, and the objects that they are not.
WRONG = {'here null': ('conn_close', 'connection'), 'here self': ('log', 'instance'),
         'thread plugin': ('plugin_instance', 'instance'),
         'here freed_timer': ('timer_cancel', 'timer'), 'here freed_watch': ('watch_free', 'watch')}


@pytest.mark.parametrize('command', WRONG)
def test_a_wrong_pointer_ends_goevd(unruly, goevd_run, command):
    function, what = WRONG[command]
    d = unruly()
    assert ask(d.connect(), command) == ABORTED
    if ', strict)' in goevd_run('-V').stdout:
        d.log.wait(said(*BREACHES[command]))
    else:
        d.log.wait(rf"error goevd: plugin '\S+': goevd_{function}\(\) was given a pointer to no {what}, or to "
                   r'one that has been freed; the call is in /\S+/unruly\.so \(goevd-plugin\(7\), POINTERS\)$')


@pytest.mark.parametrize('function', ['path', 'reply', 'timer', 'client_address'])
def test_a_request_that_is_over_ends_goevd(unruly, function):
    d = unruly('--single', pollers='1')
    d.status = -signal.SIGABRT
    d.connect('http').sendall(request(path=f'/?{function}', method='PUT', content_length=0))
    assert d.wait() == -signal.SIGABRT
    assert d.log.find(rf"error goevd: plugin 'unruly_http': goevd_http_{function}\(\) was given a pointer to no "
                      r'request, or to one that has been freed; the call is in /\S+/unruly_http\.so '
                      r'\(goevd-plugin\(7\), POINTERS\)$')


def test_builds_for_developers_are_strict(unruly, goevd_run):
    strict = ', strict)' in goevd_run('-V').stdout
    s = unruly().connect()
    assert ask(s, 'here flags') == (ABORTED if strict else 'signal 0\n')
