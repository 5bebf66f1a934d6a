"""goevd ctl, and the socket that it speaks to."""
import json
import os
import re
import signal
import socket
import stat
import time

import pytest

import daemon
import procfs
from daemon import PATIENCE_S, config, eventually, listens, totals
from wire import Reader, closed, get

DIED = r'worker \d+ was killed by signal'
TWO = [{'name': 'main', 'pollers': 2}]
COMMANDS = 'status, stats, connections, certificates, settings, set, unset, reload, reopen, stop'


@pytest.fixture
def path(tmp_path):
    """Where the control socket is."""
    return tmp_path / 'control.sock'


@pytest.fixture
def controlled(goevd, path):
    """start(argument…) -> a Daemon of two pollers with a control socket."""
    def start(*args, **more):
        return goevd(config(reactors=TWO, control={'socket': str(path)}, **more), *args)
    return start


@pytest.fixture
def ctl(goevd_run, path):
    """ctl(command…) -> the output of goevd ctl."""
    def ask(*command):
        done = goevd_run('ctl', '-s', path, *command)
        assert (done.returncode, done.stderr) == (0, '')
        return done.stdout
    return ask


def status(path):
    """The facts of the status, the worker that serves among them."""
    facts, workers = daemon.status(path)
    return {**facts, 'worker': workers.get('serving', [0])[0]}


def metrics(ctl):
    """The totals by their names."""
    return totals(json.loads(ctl('stats', '--json')))


def raw(path, data=b''):
    """A client that sends just this."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(path))   # without a time-out: with one it would not wait for the backlog
    s.settimeout(PATIENCE_S)
    s.sendall(data)
    return s


TIME = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'
RATES = r'(?:\S+ connections/s|\S+ requests/s, \S+ errors/s, p99 \S+)'   # without and with HTTP
STATUS = rf"""state        serving: {RATES}
since        {TIME}, \d+s ago
connections  1
(?:config       \S+/goevd.yaml
config since {TIME}, \d+s ago
)?last reload  none
last crash   none
reloads      0
restarts     0
cut          0
version      (?P<version>\d+\.\d+\.\d+)
(?P<supervisor>supervisor   \d+
)?worker       (?P<worker>\d+): serving since {TIME}, \d+s ago, 1 connection, version (?P=version)
"""


@pytest.mark.parametrize('args', [[], ['--single']])
def test_status(controlled, ctl, args):
    d = controlled(*args)
    get(d.connect())
    seen = re.fullmatch(STATUS, ctl('status'))
    assert seen and int(seen['worker']) == d.worker()
    assert seen['supervisor'] == (None if args else f'supervisor   {d.pid}\n')
    listed = json.loads(ctl('status', '--json'))
    assert (listed['state'], listed['connections'], listed['version']) == ('serving', 1, seen['version'])
    assert listed.get('supervisor') == (None if args else d.pid)
    assert [(w['pid'], w['state'], w['connections']) for w in listed['workers']] == \
        [(d.worker(), 'serving', 1)]
    assert listed['last_crash'] == {'time': None, 'ok': False, 'text': ''}


def test_status_of_what_went_wrong(controlled, ctl, path):
    d = controlled()
    d.may_say = [DIED, 'reload failed']
    broken, right = '{', d.config.read_text()
    d.config.write_text(broken)
    assert d.ctl('reload').returncode == 1
    assert re.search(rf'^last reload  {TIME}, \d+s ago: failed: .*goevd.yaml:', ctl('status'), re.M)
    d.config.write_text(right)
    ctl('reload')
    worker = status(path)['worker']
    assert json.loads(ctl('status', '--json'))['last_reload']['ok'] is True
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: status(path)['worker'] not in (0, worker), 'no other worker')
    assert re.search(rf'^last crash   {TIME}, \d+s ago: worker {worker} was killed by signal 9 \(Killed\)$',
                     ctl('status'), re.M)
    assert status(path)['restarts'] == 1 and status(path)['reloads'] == 2


def test_reasons_of_a_refused_reload_stand_once_in_the_log(controlled, goevd_run, path):
    """Under a service manager the output of ctl goes to the same journal: --quiet prints nothing."""
    d = controlled()
    d.may_say = ['the reload failed: ']
    lines = len(d.log.lines)
    d.config.write_text('listeners: 7\nlog: 7\n')
    done = goevd_run('ctl', '-s', path, '--quiet', 'reload')
    assert (done.returncode, done.stdout, done.stderr) == (1, '', '')
    d.log.wait('nothing has changed$')
    faults = [line for line in d.log.lines[lines:] if 'goevd.yaml:' in line]
    assert len(faults) == 2 and all(' error goevd: the reload failed: /' in line for line in faults), faults


def test_exit_status_by_state(controlled, goevd_run, path):
    d = controlled(stop_timeout='1m', hang={'action': 'log', 'timeout': '1s'})
    d.may_say = ['has not answered', 'answers again']
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    d.log.wait(rf'error goevd: worker {worker} has not answered for \d\.\d s: it is stopped or stuck$')
    done = goevd_run('ctl', '-s', path, 'status')
    assert done.returncode == 5 and done.stdout.startswith('state        stuck\n'), done
    done = goevd_run('ctl', '-s', path, 'connections')
    assert done.returncode == 1
    assert f'goevd: worker {worker} does not answer; its part is missing\n' in done.stderr
    os.kill(worker, signal.SIGCONT)
    d.log.wait(f'warning goevd: worker {worker} answers again after')
    assert goevd_run('ctl', '-s', path, 'status').returncode == 0


def test_configuration_names_the_socket(controlled, goevd_run):
    d = controlled()
    done = goevd_run('ctl', '-c', d.config, 'status')
    assert (done.returncode, done.stderr) == (0, '')
    assert re.match(f'state        serving: {RATES}\n', done.stdout)


def test_socket_is_found_in_a_configuration_with_faults(controlled, goevd_run):
    """With a broken file ctl can still query and stop the running goevd."""
    d = controlled()
    d.config.write_text(d.config.read_text().rstrip().removesuffix('}') +
                        ', "bogus": 1, "pid_file": "relative", "plugin_dir": "/nowhere"}')
    assert goevd_run('-t', '-c', d.config).returncode == 1
    done = goevd_run('ctl', '-c', d.config, 'stop')
    assert (done.returncode, done.stdout, done.stderr) == (0, 'stopped\n', '')
    assert d.wait() == 0


@pytest.mark.parametrize('content', [
    'control: {socket: relative}', 'control: {socket: [a, b]}', 'control: {sucket: /x}', 'control: {',
])
def test_faults_are_told_where_no_socket_is_found(goevd_run, tmp_path, content):
    path = daemon.write_config(tmp_path, content)
    done = goevd_run('ctl', '-c', path, 'status')
    assert (done.returncode, done.stdout) == (1, '')
    assert re.match(re.escape(f'{path}:') + r'\d+:\d+: ', done.stderr)
    assert done.stderr.endswith('goevd: name the control socket there, or with -s\n')


def test_newline_in_a_request(controlled, goevd_run, path):
    """It ends the request, so that a value would lose its end silently."""
    controlled()
    done = goevd_run('ctl', '-s', path, 'set', 'log.level', 'debug\nstop')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == 'goevd: a request is one line: a newline is in it\n'


def test_stats_are_aligned_lines_of_name_and_value(controlled, ctl):
    controlled()
    lines = ctl('stats', '--all').splitlines()
    found = [re.fullmatch(r'(goevd_\w+(?:{.+})?) +(-?[0-9.]+)', line) for line in lines]
    assert all(found), lines
    assert len({m.end(2) for m in found}) == 1
    assert {m[1].partition('{')[0] for m in found} == \
        {f['name'] for f in json.loads(ctl('stats', '--json'))['metrics']}


def test_stats_hide_what_is_0_and_take_a_prefix(controlled, goevd_run, ctl, path):
    controlled()
    *lines, last = ctl('stats').splitlines()
    hidden = int(re.fullmatch(r'(\d+) more are 0 \(--all\)', last)[1])
    assert 0 < len(lines) and not [line for line in lines if line.split()[-1] == '0']
    assert len(lines) + hidden == len(ctl('stats', '--all').splitlines())
    chosen = ctl('stats', '--all', 'goevd_connections_re').splitlines()
    assert len(chosen) == 7 and all(line.startswith('goevd_connections_refused') for line in chosen)
    assert [f['name'] for f in json.loads(ctl('stats', '--json', 'goevd_sent'))['metrics']] == \
        ['goevd_sent_bytes_total']
    done = goevd_run('ctl', '-s', path, 'stats', 'nothing')
    assert (done.returncode, done.stdout, done.stderr) == \
        (1, '', "goevd: no metric begins with 'nothing'\n")


def test_json_adds_up(controlled, ctl):
    controlled()
    seen = json.loads(ctl('stats', '--json'))
    assert [(p['index'], p['reactor']) for p in seen['pollers']] == [(0, 'main'), (1, 'main')]
    for family in seen['metrics']:
        assert family['type'] in ('counter', 'gauge') and family['help']
        for series in family['series']:
            assert len(series['pollers']) == 2
            assert sum(series['pollers']) == pytest.approx(series['value'])


@pytest.mark.parametrize('args', [[], ['--single']])
def test_metrics_move_with_what_is_served(controlled, ctl, args):
    d = controlled(*args)
    before = metrics(ctl)
    sent = b'GET / HTTP/1.1\r\nHost: test\r\n\r\n'
    clients = [d.connect() for _ in range(5)]
    received = 0
    for s in clients:
        for _ in range(3):
            s.sendall(sent)
            reader = Reader(s)
            head = reader.until(b'\r\n\r\n')
            received += len(head) + len(reader.exactly(len(b'Hello, World!')))
    after = metrics(ctl)
    moved = {name: after[name] - before[name] for name in after}
    assert moved['goevd_connections_accepted_total'] == moved['goevd_connections_opened_total'] == 5
    assert moved['goevd_connections_open'] == 5
    assert moved['goevd_received_bytes_total'] == 15 * len(sent)
    assert moved['goevd_sent_bytes_total'] == received
    assert sum(n for name, n in moved.items() if '.closed.' in name) == 0
    for s in clients:
        s.close()
    eventually(lambda: metrics(ctl)['goevd_connections_open'] == 0, 'they stay open')
    assert sum(n - before[name] for name, n in metrics(ctl).items() if '_closed_total' in name) == 5


def test_socket_is_for_its_owner_alone(controlled, path):
    controlled()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_socket_without_being_asked(goevd, goevd_run):
    d = goevd()
    done = goevd_run('ctl', '-c', d.config, 'status')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == f'goevd: {d.config} has no control.socket; name one there, or with -s\n'


def test_stale_socket_is_replaced(controlled, ctl, path):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    assert not listens(path)
    d = controlled()
    assert status(path)['supervisor'] == d.pid


def test_other_file_is_left_alone_and_goevd_serves(goevd, path):
    path.write_text('precious')
    d = goevd(config(control={'socket': str(path)}), ready=False)
    d.may_say = [r'control\.socket: ']
    d.ready(control=False)
    assert d.log.wait(rf'error goevd: control\.socket: {path} exists and is not a socket')
    assert get(d.connect())[0] == 200
    assert path.read_text() == 'precious'


def test_socket_goes_with_goevd(controlled, path):
    d = controlled()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert not path.exists()


def test_nobody_listens(goevd_run, path):
    done = goevd_run('ctl', '-s', path, 'status')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == f'goevd: no process listens at {path}; is goevd running?\n'


def test_unknown_command(controlled, goevd_run, path):
    controlled()
    for command, said in [
            (['dance'], f"unknown command 'dance'; there are {COMMANDS}"),
            (['statsy', 'now'], f"unknown command 'statsy now'; there are {COMMANDS}"),
            (['stats', 'now', 'then'], "stats: unexpected 'then'"),
            (['stats', '--listener', 'web'], "stats: unexpected '--listener web'"),
            (['reload', 'now'], "reload: unexpected 'now'")]:
        done = goevd_run('ctl', '-s', path, *command)
        assert (done.returncode, done.stdout, done.stderr) == (1, '', f'goevd: {said}\n')


@pytest.mark.parametrize('args, said', [
    (['ctl'], 'goevd: ctl needs a command, such as status\n'),
    (['--listener', 'x'], 'goevd: --listener is for goevd ctl\n'),
    (['--json'], 'goevd: --json is for goevd ctl\n'),
    (['-s', 'x'], 'goevd: --socket is for goevd ctl\n'),
    (['-t', 'ctl', 'status'], "goevd: unexpected argument 'ctl'\n"),
])
def test_wrong_command_lines(goevd_run, args, said):
    done = goevd_run(*args)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == said + "Try 'goevd --help'.\n"


@pytest.mark.parametrize('command', ['reload', 'stop'])
def test_single_has_no_supervisor(controlled, goevd_run, path, command):
    controlled('--single')
    done = goevd_run('ctl', '-s', path, command)
    assert (done.returncode, done.stdout, done.stderr) == \
        (1, '', f'goevd: {command}: with --single there is no supervisor that could\n')


def test_longest_path_and_one_byte_more(goevd_run):
    done = goevd_run('ctl', '-s', '/' + 'x' * 106, 'status')
    assert done.returncode == 1 and 'no process listens' in done.stderr
    done = goevd_run('ctl', '-s', '/' + 'x' * 107, 'status')
    assert (done.returncode, done.stderr) == \
        (1, 'goevd: a path of a socket has at most 107 bytes\n')


def test_too_long_request(controlled, goevd_run, path):
    controlled()
    done = goevd_run('ctl', '-s', path, 'x' * 1025)
    assert (done.returncode, done.stderr) == (1, 'goevd: a request has at most 1024 bytes\n')
    done = goevd_run('ctl', '-s', path, 'x' * 1024)
    assert done.returncode == 1 and done.stderr.startswith("goevd: unknown command 'xxx")


def test_silent_clients_are_closed_and_hold_up_nobody(controlled, ctl, path):
    d = controlled()
    silent = [raw(path) for _ in range(40)]
    assert status(path)['worker'] == d.worker()   # its turn comes when the first are closed
    assert get(d.connect())[0] == 200
    for s in silent:
        assert closed(s)


def test_clients_that_do_not_read_hold_up_nobody(controlled, ctl, path):
    d = controlled()
    greedy = []
    for _ in range(40):
        s = socket.socket(socket.AF_UNIX)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        s.connect(str(path))
        s.settimeout(PATIENCE_S)
        s.sendall(b'stats\n')
        greedy.append(s)
    assert status(path)['worker'] == d.worker()
    assert get(d.connect())[0] == 200
    for s in greedy:
        s.close()
    eventually(lambda: metrics(ctl), 'no stats')


def test_half_a_request_is_no_request(controlled, ctl, path):
    controlled()
    s = raw(path, b'stat')
    s.shutdown(socket.SHUT_WR)
    assert closed(s)
    assert status(path)['state'] == 'serving'


def test_worker_is_replaced(controlled, ctl, path):
    d = controlled()
    d.may_say = [DIED]
    get(d.connect())
    assert metrics(ctl)['goevd_connections_accepted_total'] == 1
    old = d.worker()
    os.kill(old, signal.SIGKILL)
    eventually(lambda: status(path)['restarts'] == 1 and status(path)['state'] == 'serving',
               'no other worker')
    assert status(path)['worker'] == d.worker() != old
    seen = metrics(ctl)
    assert seen['goevd_connections_accepted_total'] == 1   # by the one that has died
    assert seen['goevd_worker_crashes_total'] == 1


def test_worker_that_does_not_listen_does_not_hold_up_the_supervisor(controlled, ctl, path):
    d = controlled()
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        waiting = [raw(path, b'stats\n') for _ in range(600)]   # more than the socketpair holds
        assert status(path)['worker'] == worker
        refused = 0
        for s in waiting[::-1]:
            s.settimeout(0.01)
            try:
                refused += s.recv(100).startswith(b'error the worker does not listen')
            except TimeoutError:
                pass
        assert refused > 0
        d.signal(signal.SIGTERM)
        d.log.wait('SIGTERM')
    finally:
        os.kill(worker, signal.SIGCONT)   # it gets the stop as soon as it listens
    for s in waiting:
        s.close()
    d.wait()


def test_ctl_that_is_stopped_goes_on_where_it_was(controlled, path, tmp_path):
    worker = controlled().worker()
    os.kill(worker, signal.SIGSTOP)
    ctl = daemon.subprocess.Popen(daemon.command('ctl', '-s', path, 'stats'), text=True,
                                  stdout=daemon.subprocess.PIPE, stderr=daemon.subprocess.PIPE,
                                  env=daemon.environment(tmp_path))
    for _ in range(20):   # at each step of its life, and often while it waits
        os.kill(ctl.pid, signal.SIGSTOP)
        eventually(lambda: procfs.stopped(ctl.pid), 'it runs on')
        os.kill(ctl.pid, signal.SIGCONT)
        time.sleep(0.02)
    os.kill(worker, signal.SIGCONT)
    said, complaint = ctl.communicate(timeout=PATIENCE_S)
    assert (ctl.returncode, complaint) == (0, '')
    assert 'goevd_poller_wakeups_total ' in said


def test_relative_path_is_refused(refused):
    assert refused({**config(), 'control': {'socket': 'run/c'}}).endswith(
        'control.socket: expected an absolute path, found "run/c"\n')


def test_reply_to_a_full_disk(controlled, path, tmp_path):
    controlled()
    with open('/dev/full', 'w', encoding='utf-8') as full:
        done = daemon.subprocess.run(daemon.command('ctl', '-s', path, 'stats'), stdout=full,
                                     stderr=daemon.subprocess.PIPE, text=True, check=False,
                                     env=daemon.environment(tmp_path))
    assert done.returncode == 1
    assert done.stderr == 'goevd: cannot print: No space left on device\n'


@pytest.mark.parametrize('reply, said', [
    (b'', 'the connection was closed before the reply had ended'),
    (b'ok 10\nshort', 'the connection was closed before the reply had ended'),
    (b'hello\n', 'Bad message'),
    (b'parts\n', 'the connection was closed before the reply had ended'),
    (b'parts\n5\nlines', 'the connection was closed before the reply had ended'),
    (b'parts\n5\nlines5\nli', 'the connection was closed before the reply had ended'),
    (b'parts\nfive\n', 'Bad message'),
])
def test_half_a_reply_is_not_taken_for_the_whole(path, tmp_path, reply, said):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen()
        done = daemon.subprocess.Popen(daemon.command('ctl', '-s', path, 'status'), text=True,
                                       stdout=daemon.subprocess.PIPE,
                                       stderr=daemon.subprocess.PIPE,
                                       env=daemon.environment(tmp_path))
        client, _ = s.accept()
        assert client.recv(100) == b'status\n'
        client.sendall(reply)
        client.close()
        assert done.communicate(timeout=PATIENCE_S) == ('', f'goevd: {path}: {said}\n')
        assert done.returncode == 1
