"""A worker takes over from another: SIGHUP and goevd ctl reload."""
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import daemon
import procfs
from daemon import PATIENCE_S, SLOWNESS, config, eventually, listener, listens, totals, write_config
from websocket import TEXT, Client, frame
from wire import Reader, closed, echo, get, refused, request

DIED = r'worker \d+.* was killed by signal'
FAILED = r'the reload failed: worker \d+ goes on serving'
RELOADED = r'reloaded: worker (\d+) serves$'


def says(body):
    """An HTTP handler that answers so, whatever it is asked."""
    return {'http': {'routes': [{'path': '/*', 'respond': {'body': body}}]}}


@pytest.fixture
def path(tmp_path):
    """Where the control socket is."""
    return tmp_path / 'control.sock'


@pytest.fixture
def content(path, plugins):
    """content(listener…) -> a configuration with a control socket and the plugins of the tests."""
    def make(*listeners, **more):
        return config(*listeners, control={'socket': str(path)}, plugin_dir=str(plugins), **more)
    return make


@pytest.fixture
def reload(path, goevd_run):
    """reload(d, content) -> what goevd ctl prints when that has become the configuration."""
    def ask(d, new=None, *, fails=False):
        if new is not None:
            write_config(d.folder, new)
        eventually(lambda: listens(path), 'no control socket')
        done = goevd_run('ctl', '-s', path, 'reload')
        assert done.returncode == fails, done
        assert (done.stderr if fails else done.stdout) and not (done.stdout if fails else done.stderr)
        return done.stderr if fails else done.stdout
    return ask


def serving(d):
    """The worker that has taken over last."""
    return int(d.log.find(RELOADED)[-1][1])


def body(d, name='web'):
    """The reply to a new connection."""
    s = d.connect(name)
    status, _, text = get(s)
    assert status == 200
    s.close()
    return text


# ---- A good configuration ------------------------------------------------------------------------

def test_sighup_lets_a_new_worker_serve(goevd, content):
    d = goevd(content(listener(handler=says('one'))))
    old = d.worker()
    assert body(d) == b'one'
    write_config(d.folder, content(listener(handler=says('two'))))
    d.signal(signal.SIGHUP)
    new = int(d.log.wait(RELOADED)[0][1])
    assert new != old
    eventually(lambda: procfs.children(d.pid) == [new], 'the old one lives on')
    assert body(d) == b'two'


def test_ctl_reload_returns_when_the_new_worker_serves(goevd, content, reload):
    d = goevd(content(listener(handler=says('0'))))
    for i in range(1, 6):
        said = reload(d, content(listener(handler=says(str(i)))))
        assert said == f'worker {serving(d)} serves\n'
        assert body(d) == str(i).encode()


def test_a_request_that_has_begun_is_finished_by_the_old_worker(goevd, content, reload):
    d = goevd(content(listener(handler=says('old'))))
    old = d.worker()
    half = d.connect()
    half.sendall(b'GET / HTTP/1.1\r\nHo')
    assert get(d.connect())[0] == 200
    reload(d, content(listener(handler=says('new'))))
    assert body(d) == b'new'
    half.sendall(b'st: a\r\n\r\n')
    status, headers, text = Reader(half).response()
    assert (status, headers['connection'], text) == (200, 'close', b'old')
    assert closed(half)
    half.close()
    eventually(lambda: not procfs.alive(old), 'the old one lives on')


def test_an_idle_connection_may_yet_bring_a_request(goevd, content, reload):
    long = {'http': {**says('old')['http'], 'stop_grace': '60s'}}
    d = goevd(content(listener(handler=long)))
    idle = d.connect()
    assert get(idle)[2] == b'old'
    reload(d, content(listener(handler=says('new'))))
    status, headers, text = get(idle)
    assert (status, headers['connection'], text) == (200, 'close', b'old')
    assert closed(idle)


@pytest.mark.parametrize('pipelined', [False, True])
def test_a_reply_whose_head_was_out_is_followed_by_another(goevd, content, reload, tmp_path, pipelined):
    size = 12000000
    (tmp_path / 'large').write_bytes(b'x' * size)
    files = {'http': {'stop_grace': '60s', 'routes': [
        {'path': '/f/*', 'handler': {'download': {'root': str(tmp_path)}}},
        {'path': '/*', 'respond': {'body': 'next'}}]}}
    d = goevd(content(listener(handler=files)))
    s = d.connect(receive_buffer=65536)
    s.sendall(request('/f/large') + (request() if pipelined else b''))
    reader = Reader(s)
    reader.fill()
    reload(d)
    status, headers, text = reader.response()
    assert (status, headers.get('connection'), len(text)) == (200, None, size)
    if not pipelined:
        s.sendall(request())
    status, headers, text = reader.response()
    assert (status, headers['connection'], text) == (200, 'close', b'next')
    assert closed(s)


def test_after_a_reply_whose_head_was_out_it_is_idle_for_stop_grace(goevd, content, reload, tmp_path):
    size = 12000000
    (tmp_path / 'large').write_bytes(b'x' * size)
    files = {'http': {'stop_grace': '50ms', 'routes': [
        {'path': '/f/*', 'handler': {'download': {'root': str(tmp_path)}}}]}}
    d = goevd(content(listener(handler=files)))
    s = d.connect(receive_buffer=65536)
    s.sendall(request('/f/large'))
    reader = Reader(s)
    reader.fill()
    reload(d)
    assert len(reader.response()[2]) == size
    assert closed(s)


def test_an_idle_connection_is_closed_after_stop_grace(goevd, content, reload):
    short = {'http': {**says('old')['http'], 'stop_grace': '50ms'}}
    d = goevd(content(listener(handler=short)))
    old, idle = d.worker(), d.connect()
    assert get(idle)[2] == b'old'
    reload(d)
    assert closed(idle)
    idle.close()
    eventually(lambda: not procfs.alive(old), 'the old one lives on')


def test_what_is_left_is_closed_at_drain_timeout(goevd, content, reload):
    d = goevd(content(listener(handler={'witness': {'name': 'w', 'stays': True}}),
                      processes={'drain_timeout': '300ms'}, stop_timeout='60s'))
    d.may_say = ['cut after .*drain_timeout']
    s, old = d.connect(), d.worker()
    echo(s)
    reload(d)
    assert closed(s)
    s.close()
    eventually(lambda: not procfs.alive(old), 'the old one lives on')
    assert d.log.find(r'1 connection cut after \d+ s \(processes.drain_timeout\)')


def test_a_reload_during_a_reload_waits_for_its_turn(goevd, content, reload):
    d = goevd(content(listener(handler={'starting': {}})))
    write_config(d.folder, content(listener(handler={'starting': {'sleep': '500ms'}})))
    d.signal(signal.SIGHUP)
    d.log.wait('starting: starting', 2)
    d.signal(signal.SIGHUP)       # these two are one
    reload(d, content(listener(handler=says('last'))))
    assert body(d) == b'last'
    assert len(d.log.find(RELOADED)) == 2


# ---- Listeners -----------------------------------------------------------------------------------

def test_listeners_come_go_and_stay(goevd, content, reload, tmp_path):
    stays, goes, comes = (f'unix:{tmp_path}/{name}' for name in ('stays', 'goes', 'comes'))
    d = goevd(content(listener(), listener('s', 'echo', stays), listener('g', 'echo', goes)))
    port, inode = d.port(), (tmp_path / 'stays').stat().st_ino
    start = len(d.log.lines)
    reload(d, content(listener('s', 'echo', stays), listener('c', 'echo', comes), listener()))
    d.ready(start)
    assert d.port() == port
    assert (tmp_path / 'stays').stat().st_ino == inode
    assert not (tmp_path / 'goes').exists()
    for name in 's', 'c':
        echo(d.connect(name))
    assert get(d.connect())[0] == 200


def test_a_unix_socket_whose_file_is_gone_is_made_anew(goevd, content, reload, tmp_path, path):
    d = goevd(content(listener(handler='echo', address=f'unix:{tmp_path}/sock')))
    echo(old := d.connect())
    (tmp_path / 'sock').unlink()
    path.unlink()
    d.signal(signal.SIGHUP)
    d.log.wait(RELOADED)
    eventually(lambda: listens(tmp_path / 'sock') and listens(path), 'nobody listens')
    echo(d.connect())
    reload(d)
    echo(d.connect())
    old.close()


def test_a_unix_socket_of_somebody_else_is_left_alone(goevd, content, reload, tmp_path):
    d = goevd(content(listener(handler='echo', address=f'unix:{tmp_path}/sock', socket_mode='0660')))
    d.may_say = ['a listening socket stays as it was: .*it is left alone']
    (tmp_path / 'sock').unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / 'sock'))
        other.listen()
        (tmp_path / 'sock').chmod(0o600)
        reload(d)
        d.log.wait(f'warning .*{tmp_path}/sock is not the socket that goevd has bound there')
        assert (tmp_path / 'sock').stat().st_mode & 0o777 == 0o600
        d.signal(signal.SIGTERM)
        assert d.wait() == 0
        assert listens(tmp_path / 'sock')


def test_a_port_that_goes_refuses_and_can_come_again(goevd, content, reload):
    d = goevd(content(listener(), listener('two', 'echo')))
    where, old = d.address('two'), d.worker()
    reload(d, content(listener()))
    eventually(lambda: not procfs.alive(old), 'the old one lives on')
    assert refused(*where)
    reload(d, content(listener(), listener('two', 'echo', f'127.0.0.1:{where[1][1]}')))
    echo(d.connect('two'))


def test_who_waits_at_a_listener_that_goes_is_served(goevd, content, reload):
    d = goevd(content(listener(), listener('two', 'echo')))
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    eventually(lambda: procfs.stopped(worker), 'it goes on')
    queued = [d.connect('two') for _ in range(20)]
    said = threading.Thread(target=reload, args=(d, content(listener())))
    said.start()
    d.log.wait(RELOADED)
    os.kill(worker, signal.SIGCONT)
    said.join()
    for s in queued:
        assert s.recv(1) == b''   # in order, not by a reset
    assert refused(*d.address('two'))


def test_socket_options_change_while_it_listens(goevd, content, reload, tmp_path):
    where = f'unix:{tmp_path}/sock'
    d = goevd(content(listener(handler='echo', address=where, socket_mode='0660'),
                      listener('tcp', 'echo', backlog=128)))
    reload(d, content(listener(handler='echo', address=where, socket_mode='0600'),
                      listener('tcp', 'echo', backlog=7)))
    assert (tmp_path / 'sock').stat().st_mode & 0o777 == 0o600
    queues = subprocess.run(['ss', '-Hltn', f'sport = :{d.port("tcp")}'], text=True,
                            capture_output=True, check=True).stdout
    assert queues and all(line.split()[2] == '7' for line in queues.splitlines())


def test_what_cannot_change_is_refused(goevd, content, reload):
    d = goevd(content(listener(address='[::]:0', ipv6_only=True)))
    d.may_say = ['the reload failed: ', 'ipv6_only cannot change']
    said = reload(d, content(listener(address='[::]:0', ipv6_only=False)), fails=True)
    assert 'listener web: ipv6_only cannot change while it listens; restart goevd' in said


@pytest.mark.parametrize('before, after', [(1, 3), (3, 1), (2, 5)])
def test_another_number_of_pollers_loses_nobody_in_the_queue(goevd, content, reload, before, after):
    def pollers(n):
        return [{'name': 'main', 'pollers': n, 'cpus': 'none'}]
    d = goevd(content(listener(handler='echo'), reactors=pollers(before)))
    sockets = procfs.listeners(d.port())
    echo(d.connect())
    os.kill(d.worker(), signal.SIGSTOP)   # no worker accepts
    eventually(lambda: procfs.stopped(d.worker()), 'it goes on')
    queued = [d.connect() for _ in range(60)]
    for s in queued:
        s.sendall(b'ping')
    old = d.worker()
    said = threading.Thread(target=reload, args=(d, content(listener(handler='echo'),
                                                           reactors=pollers(after))))
    said.start()
    for s in queued:
        assert s.recv(4, socket.MSG_WAITALL) == b'ping'
    os.kill(old, signal.SIGCONT)
    said.join()
    assert procfs.listeners(d.port()) == sockets


# ---- A bad one -----------------------------------------------------------------------------------

def test_a_wrong_configuration_changes_nothing(goevd, content, reload):
    d = goevd(content(listener(handler=says('good'))))
    d.may_say = ['the reload failed: ']
    worker = d.worker()
    said = reload(d, 'listeners:\n  - address: 127.0.0.1:0\n    handlr: echo\n    backlog: 0\n',
                  fails=True)
    lines = said.splitlines()
    assert lines[0] == 'goevd: the reload failed, nothing has changed:'
    assert [re.sub(r'^.*/goevd.yaml:', '', line) for line in lines[1:]] == [
        '2:5: listeners[0].handler: is missing',
        '3:5: listeners[0].handlr: unknown key, did you mean handler?',
        '4:14: listeners[0].backlog: 0 is below 1']
    assert d.log.wait(FAILED)
    assert d.worker() == worker and body(d) == b'good'


def test_a_wrong_configuration_by_signal_is_logged(goevd, content):
    d = goevd(content(listener(handler=says('good'))))
    d.may_say = ['the reload failed: ']
    write_config(d.folder, 'listeners: 7\n')
    d.signal(signal.SIGHUP)
    d.log.wait(FAILED + ', and nothing has changed$')
    fault, = d.log.find(r'goevd\.yaml:1:12: listeners: ')   # once, though the worker has found it
    assert re.search(r'error goevd: the reload failed: /\S+/goevd\.yaml:1:12: ', fault.string)
    assert body(d) == b'good'


def test_sockets_of_a_worker_that_failed_are_closed(goevd, content, reload, tmp_path):
    d = goevd(content(listener()))
    d.may_say = ['the reload failed: ', 'Address already in use']
    taken = socket.create_server(('127.0.0.1', 0))
    said = reload(d, content(listener(), listener('new', 'echo', f'unix:{tmp_path}/new'),
                             listener('taken', 'echo', f'127.0.0.1:{taken.getsockname()[1]}')),
                  fails=True)
    assert 'listener taken: ' in said and 'Address already in use' in said
    eventually(lambda: not (tmp_path / 'new').exists(), 'the file of the new socket stays')
    assert get(d.connect())[0] == 200


def test_a_worker_that_dies_before_it_is_ready(goevd, content, reload):
    d = goevd(content(listener(handler=says('good'))))
    d.may_say = ['the reload failed: ', 'Aborted', 'signal 6', 'starting', 'main', r'worker \d+: #\d+ ']
    said = reload(d, content(listener(handler={'starting': {'dies': True}})), fails=True)
    assert re.search(r'^worker \d+ was killed by signal 6 \(Aborted\)', said, re.M)
    assert body(d) == b'good'


def test_a_worker_that_is_never_ready(goevd, content, reload):
    d = goevd(content(listener(handler=says('good')), processes={'start_timeout': '2s'}))
    d.may_say = ['the reload failed: ', 'did not start in time: killing it']
    said = reload(d, content(listener(handler={'starting': {'sleep': '1h'}})), fails=True)
    assert re.search(r'^not ready within processes.start_timeout$', said, re.M)
    assert body(d) == b'good'


def test_time_in_which_all_stood_still_does_not_count(goevd, content):
    d = goevd(content(listener(handler={'starting': {}}), processes={'start_timeout': '3s'}))
    write_config(d.folder, content(listener(handler={'starting': {'sleep': '500ms'}})))
    d.signal(signal.SIGHUP)
    d.log.wait('starting: starting', 2)
    pids = [d.pid, *procfs.children(d.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4)
    for pid in pids:   # the supervisor first, so that it does not see the dead worker
        os.kill(pid, signal.SIGCONT)
    d.log.wait(RELOADED)
    assert not d.log.find('in time')


# ---- Files on disk -------------------------------------------------------------------------------

def test_a_replaced_plugin_serves(goevd, content, reload, plugins):
    (plugins / 'starting.so').unlink()
    shutil.copy(daemon.BUILD / 'tests' / 'plugin' / 'starting.so', plugins)
    d = goevd(content(listener(handler='starting')))
    assert d.connect().recv(5, socket.MSG_WAITALL) == b'first'
    shutil.copy(daemon.BUILD / 'tests' / 'plugin' / 'starting_next.so', plugins / 'new')
    os.rename(plugins / 'new', plugins / 'starting.so')
    reload(d)
    assert d.connect().recv(4, socket.MSG_WAITALL) == b'next'


@pytest.fixture
def binary(tmp_path, monkeypatch):
    """A copy of goevd that may be replaced."""
    copy = tmp_path / 'bin' / 'goevd'
    copy.parent.mkdir()
    shutil.copy(daemon.BINARY, copy)
    monkeypatch.setattr(daemon, 'BINARY', copy)
    return copy


def test_a_replaced_binary_serves(goevd, content, reload, binary):
    d = goevd(content(listener()))
    running = os.stat(f'/proc/{d.worker()}/exe').st_ino
    shutil.copy(binary, binary.with_suffix('.new'))
    os.rename(binary.with_suffix('.new'), binary)
    reload(d)
    assert os.stat(f'/proc/{serving(d)}/exe').st_ino == binary.stat().st_ino != running
    assert get(d.connect())[0] == 200


# The first words of a worker from the future, whatever else it can do.
NEWER = '''#!/usr/bin/python3
import socket, struct, sys
given = next(a for a in sys.argv if a.startswith('--worker='))
s = socket.socket(fileno=int(given.removeprefix('--worker=')))
s.send(struct.pack('=IIIIi', 1, 12, 99, 7, 0))
type_, size, code = struct.unpack_from('=IIi', s.recv(4096))
sys.exit(1 if type_ == 5 else 0)
'''


def test_a_worker_of_another_major_version_is_refused(goevd, content, reload, binary):
    d = goevd(content(listener(handler=says('old'))))
    d.may_say = ['the reload failed: ']
    binary.unlink()
    binary.write_text(NEWER)
    binary.chmod(0o755)
    done = subprocess.run([f'/proc/{d.pid}/exe', 'ctl', '-s', d.folder.parent / 'control.sock',
                           'reload'], text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert 'the worker on disk speaks version 99.7' in done.stderr
    assert 'restart goevd instead of reloading it' in done.stderr
    assert body(d) == b'old'


# ---- Many of them --------------------------------------------------------------------------------

@pytest.mark.heavy
def test_100_reloads_break_no_request(goevd, content, reload):
    d = goevd(content(listener()))
    with subprocess.Popen(['wrk', '-t2', '-c64', '-d1h', '--timeout', f'{PATIENCE_S}s',
                           f'http://127.0.0.1:{d.port()}/'], text=True, stdout=subprocess.PIPE) as wrk:
        for _ in range(100):
            reload(d)
        wrk.send_signal(signal.SIGINT)
        said = wrk.communicate()[0]
    assert int(re.search(r'(\d+) requests in', said)[1]) > 1000, said
    assert 'errors' not in said and 'Non-2xx' not in said, said


def test_reloads_under_new_connections_refuse_none(goevd, content, reload):
    d = goevd(content(listener(handler='echo'), listener('shared', 'echo', mode='acceptor')))
    stop, count, wrong = threading.Event(), [0], []

    def knock(name):
        while not stop.is_set():
            try:
                with socket.create_connection(('127.0.0.1', d.port(name)), PATIENCE_S) as s:
                    s.sendall(b'ping')
                    # A worker that is about to end may close connections that it has not read from.
                    count[0] += s.recv(4, socket.MSG_WAITALL) == b'ping'
            except ConnectionError as e:
                wrong.append(e)
    knockers = [threading.Thread(target=knock, args=(name,)) for name in ('web', 'shared') * 2]
    for t in knockers:
        t.start()
    for _ in range(20):
        reload(d)
    stop.set()
    for t in knockers:
        t.join()
    assert count[0] > 0 and not wrong, wrong[:5]


def echo_message(s):
    """A message there and back."""
    c = Client(s)
    c.send(frame(TEXT, b'x'))
    assert c.frame() == (TEXT, b'x')


@pytest.mark.parametrize('most, stays, use', [
    (2, {'witness': {'name': 'w', 'stays': True}}, echo),
    (4, {'witness': {'name': 'w', 'stays': True}}, echo),
    (2, {'websocket': {'application': 'echo', 'stop_spread': '1h'}}, echo_message)],
    ids=['2', '4', 'websocket'])
def test_never_more_workers_than_workers_max(goevd, content, reload, most, stays, use):
    d = goevd(content(listener(handler=stays, connections_max=5000),
                      processes={'workers_max': most, 'drain_min': 0, 'drain_timeout': '1h'},
                      open_files_max=8192))
    seen, stop = set(), threading.Event()

    def count():
        while not stop.is_set():
            seen.add(len(procfs.children(d.pid)))
            time.sleep(0.001)
    counter = threading.Thread(target=count)
    counter.start()
    clients = [d.connect() for _ in range(1000 // SLOWNESS)]
    for s in clients:
        use(s)
    for _ in range(50 // SLOWNESS):
        reload(d)
        clients.append(d.connect())
        use(clients[-1])
    stop.set()
    counter.join()
    assert max(seen) == most
    d.may_say = ['which was draining', 'cut after']


def test_a_worker_drains_for_drain_min_before_it_makes_room(goevd, content, reload):
    stays = {'witness': {'name': 'w', 'stays': True}}
    d = goevd(content(listener(handler=stays), processes={
        'workers_max': 2, 'drain_min': '2s', 'drain_timeout': '1h'}))
    d.may_say = ['cut after']
    echo(s := d.connect())
    began = time.monotonic()
    reload(d)
    reload(d)
    assert 1.9 < time.monotonic() - began
    assert closed(s)


def test_with_the_defaults_ten_reloads_in_a_row_cut_nobody(goevd, content, reload):
    stays = {'witness': {'name': 'w', 'stays': True}}
    d = goevd(content(listener(handler=stays)))
    clients = []
    for _ in range(10):
        clients.append(d.connect())
        echo(clients[-1])
        reload(d)
    for s in clients:
        echo(s)
    assert len(procfs.children(d.pid)) == 11
    for s in clients:
        s.close()
    eventually(lambda: procfs.children(d.pid) == [serving(d)], 'those that drained live on')


def test_a_worker_that_wants_to_be_replaced_ends_nobody(goevd, content, reload, goevd_run, path):
    """At workers_max it waits, until one that drains has ended by itself."""
    counts = {'http': {**says('x')['http'], 'worker_requests_max': 10}}
    stays = {'witness': {'name': 'w', 'stays': True}}
    d = goevd(content(listener(handler=counts), listener('long', stays), processes={
        'workers_max': 2, 'drain_min': 0}))
    echo(s := d.connect('long'))
    old = d.worker()
    reload(d)
    for _ in range(20):
        assert get(d.connect())[0] == 200
    d.log.wait('worker_requests_max.*reloading')
    for _ in range(20):
        assert get(d.connect())[0] == 200
    echo(s)
    now = serving(d)
    assert sorted(procfs.children(d.pid)) == sorted([old, now])
    s.close()
    d.log.wait(RELOADED, 2)
    assert serving(d) != now
    assert procfs.alive(serving(d))


def test_connections_of_a_draining_worker_can_be_listed(goevd, content, reload, goevd_run, path):
    d = goevd(content(listener(handler={'witness': {'name': 'w', 'stays': True}})))
    echo(s := d.connect())
    old = d.worker()
    reload(d)
    echo(new := d.connect())
    status = goevd_run('ctl', '-s', path, 'status').stdout
    assert re.search(rf'^worker +{old}: draining since \S+, \d+s ago, 1 connection, ', status, re.M), status
    assert re.search(r'^connections +2$', status, re.M), status
    listed = [d.told('connections', *more) for more in ([], [f'worker={old}'])] + \
        [d.told('worker', of, 'connections') for of in (old, serving(d))]
    peers = [[(row['worker'], row['peer'].split(':')[1]) for row in rows] for rows in listed]
    of_old, of_new = ((w, str(c.getsockname()[1])) for w, c in ((old, s), (serving(d), new)))
    assert peers == [[of_old, of_new], [of_old], [of_old], [of_new]]
    stats = d.told('stats', 'goevd_connections_open')
    assert totals(stats)['goevd_connections_open'] == 2
    done = goevd_run('ctl', '-s', path, 'worker', '1', 'connections')
    assert done.returncode == 1 and 'no such worker' in done.stderr


def test_connections_cut_at_a_deadline_are_counted(goevd, content, reload, goevd_run, path):
    stays = {'witness': {'name': 'w', 'stays': True}}
    d = goevd(content(listener(handler=stays), processes={'drain_timeout': '1s'}))
    d.may_say = ['connections cut after']
    old, clients = d.worker(), [d.connect() for _ in range(3)]
    for s in clients:
        echo(s)
    reload(d)
    for s in clients:
        assert closed(s)
    d.log.wait(rf'worker {old}: drained; 3 connections cut after \d+ s \(processes.drain_timeout\)$')
    eventually(lambda: not procfs.alive(old), 'the old one lives on')
    assert re.search(r'^cut +3$', goevd_run('ctl', '-s', path, 'status').stdout, re.M)


def test_a_worker_that_cannot_start_takes_no_connection(goevd, content, reload):
    """If the new worker lacks a listener, waiting clients are served by the old one."""
    many = {'crashes_max': 1000}
    d = goevd(content(listener(handler='echo'), open_files_max=1024, processes=many))
    d.may_say = ['the reload failed: ', 'Too many open files', 'cannot']
    old, failed = d.worker(), 0
    for files in range(8, 512):
        os.kill(old, signal.SIGSTOP)
        eventually(lambda: procfs.stopped(old), 'it goes on')
        queued = [d.connect() for _ in range(4)]
        for s in queued:
            s.sendall(b'ping')
        write_config(d.folder, content(listener(handler='echo'), open_files_max=files,
                                       processes=many))
        start = len(d.log.lines)
        d.signal(signal.SIGHUP)
        serves = d.log.wait(f'{FAILED}|{RELOADED}', start=start)[0][1]
        os.kill(old, signal.SIGCONT)
        for s in queued:
            assert s.recv(4, socket.MSG_WAITALL) == b'ping'
            s.close()
        if serves:
            break
        failed += 1
    assert serves and failed > 2
    reload(d, content(listener(handler='echo'), open_files_max=1024))  # with so few it served badly


# ---- With crashes --------------------------------------------------------------------------------

def test_the_serving_worker_dies_during_a_reload(goevd, content, reload):
    d = goevd(content(listener(handler={'starting': {}})))
    d.may_say = [DIED]
    write_config(d.folder, content(listener(handler={'starting': {'sleep': '500ms'}})))
    old = d.worker()
    d.signal(signal.SIGHUP)
    d.log.wait('starting: starting', 2)
    os.kill(old, signal.SIGKILL)
    d.log.wait(RELOADED)
    assert d.connect().recv(5, socket.MSG_WAITALL) == b'first'
    assert procfs.children(d.pid) == [serving(d)]


def test_a_reload_brings_back_what_a_lost_folder_ended(goevd, content, reload, tmp_path):
    root = tmp_path / 'root'
    root.mkdir()
    d = goevd(content(listener(handler={'http': {
        'routes': [{'path': '/*', 'handler': {'download': {'root': str(root)}}}]}})))
    d.may_say = [DIED, 'ended with status 78', r'worker \d+: /.*goevd.yaml:']
    root.rmdir()
    os.kill(d.worker(), signal.SIGKILL)
    d.log.wait('ended with status 78')
    reload(d, content(listener(handler=says('mended'))))
    assert body(d) == b'mended'


def test_a_draining_worker_that_dies_is_not_replaced(goevd, content, reload):
    d = goevd(content(listener(handler={'witness': {'name': 'w', 'stays': True}})))
    d.may_say = [r'worker \d+, which was draining, was killed by signal 9']
    echo(d.connect())
    old = d.worker()
    reload(d)
    os.kill(old, signal.SIGKILL)
    d.log.wait(r'error goevd: worker \d+, which was draining, was killed by signal 9 \(Killed\)$')
    echo(d.connect())
    assert procfs.children(d.pid) == [serving(d)]


# ---- Stopping ------------------------------------------------------------------------------------

def test_ctl_stop_returns_when_all_has_ended(goevd, content, goevd_run, path):
    d = goevd(content(listener()))
    worker, where = d.worker(), d.address()
    done = goevd_run('ctl', '-s', path, 'stop')
    assert (done.returncode, done.stdout, done.stderr) == (0, 'stopped\n', '')
    assert not procfs.alive(worker) and refused(*where)
    assert d.wait() == 0


def test_stop_during_a_reload(goevd, content):
    d = goevd(content(listener(handler={'starting': {}})))
    write_config(d.folder, content(listener(handler={'starting': {'sleep': '1h'}})))
    d.signal(signal.SIGHUP)
    d.log.wait('starting: starting', 2)
    d.may_say = ['did not stop in time: killing it', r'worker \d+ was killed by signal 9']
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def test_a_second_stop_ends_draining_workers_too(goevd, content, reload):
    stays = {'witness': {'name': 'w', 'stays': True}}
    d = goevd(content(listener(handler=stays), stop_timeout='1h', processes={'drain_timeout': '1h'}))
    d.may_say = ['cut after']
    for _ in range(2):
        echo(d.connect())
        reload(d)
    echo(d.connect())
    d.signal(signal.SIGTERM)
    d.log.wait('SIGTERM: stopping$')
    time.sleep(0.2)   # so near, two signals would be one
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def test_a_stop_after_a_reload_takes_stop_timeout(goevd, content, reload):
    stays = {'witness': {'name': 'w', 'stays': True}}
    d = goevd(content(listener(handler=stays), stop_timeout='1s', processes={'drain_timeout': '1h'}))
    d.may_say = [r'1 connection cut after \d+ s \(stop_timeout\)']
    echo(d.connect())
    reload(d)
    began = time.monotonic()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert 0.9 < time.monotonic() - began < PATIENCE_S
    assert d.log.find('cut after')


@pytest.mark.parametrize('delay', [n / 1000 for n in range(0, 20, 2)])
def test_stop_while_the_first_worker_starts(goevd, content, delay):
    d = goevd(content(listener(), listener('two', 'echo')), ready=False)
    time.sleep(delay * SLOWNESS)   # at each step of its start
    d.signal(signal.SIGTERM)
    d.status = d.wait()
    assert d.status in (0, -signal.SIGTERM)   # the latter before there was a supervisor
