"""goevd as a service of a real systemd, in a machine of its own."""
import json
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from daemon import PATIENCE_S, SERVING, eventually
from knocking import assert_all_were_answered, knock, said
from websocket import TEXT, Client, frame
from wire import Reader

CONFIG = '''
control: {socket: /run/goevd/control.sock}
listeners:
  - name: web
    address: 127.0.0.1:80
    handler:
      http:
        stop_grace: 100ms
        routes: {path: /*, respond: {body: BODY}}
'''


@pytest.fixture
def box(boot, installed):
    """A machine with goevd that has just booted."""
    m = boot(installed)
    m.write('/etc/goevd/goevd.yaml', CONFIG)
    return m


def body(box, where='http://127.0.0.1/'):
    """The reply to a client inside."""
    return box.client('curl', '-sS', '--max-time', PATIENCE_S, where)


def worker(box):
    """The process that serves, as the machine counts."""
    said = box.run('goevd', 'ctl', '-s', '/run/goevd/control.sock', 'status')
    return re.search(r'^worker +(\d+): serving ', said, re.M)[1]


@pytest.fixture
def add_plugin(box, packages):
    """add_plugin(name): one of the tests' own, for goevd as it is installed."""
    return lambda name: shutil.copy(packages / f'{name}.so',
                                    box.path(box.run('goevd', 'plugin', 'folder').strip()))


# ---- Starting, reloading, stopping ---------------------------------------------------------------

def test_start_returns_when_it_serves(box):
    box.run('systemctl', 'start', 'goevd')
    assert body(box) == 'BODY'
    assert (box.show('ActiveState'), box.show('SubState')) == ('active', 'running')
    eventually(lambda: re.match(r'serving: worker \d+, \d+ connections open, [1-9]\d* accepted',
                                box.show('StatusText')), 'no metrics in the status')


def test_start_of_a_wrong_configuration_fails(box):
    box.write('/etc/goevd/goevd.yaml', 'listeners: 7\n')
    box.run('systemctl', 'start', 'goevd', fails=True)
    assert '/etc/goevd/goevd.yaml:1:12: listeners: ' in box.journal()
    assert box.show('ExecMainStatus') == '78'


def test_reload_good_and_bad(box):
    box.run('systemctl', 'start', 'goevd')
    first = worker(box)
    box.write('/etc/goevd/goevd.yaml', CONFIG.replace('BODY', 'NEW'))
    box.run('systemctl', 'reload', 'goevd')
    assert body(box) == 'NEW' and worker(box) != first
    second = worker(box)
    box.write('/etc/goevd/goevd.yaml', 'listeners: 7\n')
    box.run('systemctl', 'reload', 'goevd', fails=True)
    assert body(box) == 'NEW' and worker(box) == second
    assert (box.show('ActiveState'), box.show('SubState')) == ('active', 'running')
    assert 'listeners: ' in box.journal()


def test_stop_is_clean(box):
    box.run('systemctl', 'start', 'goevd')
    box.run('systemctl', 'stop', 'goevd')
    assert (box.show('ActiveState'), box.show('Result'), box.show('ExecMainStatus')) == \
        ('inactive', 'success', '0')
    box.client('curl', '-sS', 'http://127.0.0.1/', fails=True)


def test_stopping_may_take_longer_than_timeout_stop_sec(box):
    box.write('/etc/systemd/system/goevd.service.d/short.conf', '[Service]\nTimeoutStopSec=2s\n')
    box.write('/etc/goevd/goevd.yaml', 'stop_timeout: 1m\n' + CONFIG)
    box.run('systemctl', 'daemon-reload')
    box.run('systemctl', 'start', 'goevd')
    half = subprocess.Popen(box.outside(sys.executable, '-c', textwrap.dedent('''
        import socket, time
        s = socket.create_connection(('127.0.0.1', 80))
        s.sendall(b'GET / HTTP/1.1\\r\\nHo')
        print('half', flush=True)
        time.sleep(4)
        s.sendall(b'st: a\\r\\n\\r\\n')
        print(s.recv(15), flush=True)
        ''')), stdout=subprocess.PIPE, text=True)
    assert half.stdout.readline() == 'half\n'
    box.run('systemctl', 'stop', 'goevd')
    assert "HTTP/1.1 200" in half.communicate()[0]
    assert box.show('Result') == 'success'


# ---- The watchdog, crashes ------------------------------------------------------------------------

def test_a_supervisor_that_hangs_is_replaced(box):
    box.write('/etc/systemd/system/goevd.service.d/short.conf', '[Service]\nWatchdogSec=4s\n')
    box.run('systemctl', 'daemon-reload')
    box.run('systemctl', 'start', 'goevd')
    told = box.show('WatchdogTimestampMonotonic')
    eventually(lambda: box.show('WatchdogTimestampMonotonic') != told, 'it does not tell that it lives')
    assert box.show('NRestarts') == '0'
    box.kill('STOP', box.show('MainPID'))
    eventually(lambda: box.show('NRestarts') == '1', 'nothing came in its place')
    eventually(lambda: box.show('SubState') == 'running', 'it does not run again')
    assert body(box) == 'BODY'


def test_a_worker_that_dies_is_not_systemds_business(box):
    box.run('systemctl', 'start', 'goevd')
    main, first = box.show('MainPID'), worker(box)
    box.kill('KILL', first)
    assert body(box) == 'BODY'
    assert box.show('MainPID') == main and worker(box) != first


def test_a_stuck_callback_is_ended_and_refuses_nobody(box, add_plugin):
    add_plugin('stuck')
    box.write('/etc/goevd/goevd.yaml', 'hang: {timeout: 1s}\n' + CONFIG +
              '  - {name: stuck, address: "127.0.0.1:82", handler: stuck}\n')
    box.run('systemctl', 'start', 'goevd')
    main = box.show('MainPID')
    clients = knock(box, seconds=6)
    box.client('sh', '-c', 'echo "sleep 60000" | nc -q 10 127.0.0.1 82')   # until it is closed
    answered, _, refused = said(clients)
    assert answered > 64 and refused == 0
    assert box.show('MainPID') == main and body(box) == 'BODY'
    assert re.search(r'poller main/\d has not turned for .*: plugin stuck .*, on_read', box.journal())


# ---- The log -------------------------------------------------------------------------------------

TALK = '  - {name: talk, address: "127.0.0.1:82", handler: talking}\n'


def talk(box, line):
    """Let the plugin do it; returns when it has."""
    assert box.client('sh', '-c', f'echo "{line}" | nc -N 127.0.0.1 82') == 'done\n'


def entries(box, *matches):
    """The entries of the journal, with their fields."""
    said = box.run('journalctl', '--no-pager', '-o', 'json', '-u', 'goevd', *matches)
    return [json.loads(line) for line in said.splitlines()]


def test_the_journal_has_fields(box, add_plugin):
    add_plugin('talking')
    box.write('/etc/goevd/goevd.yaml', CONFIG + TALK)
    box.run('systemctl', 'start', 'goevd')
    talk(box, 'conn hello')
    entry, = eventually(lambda: entries(box, 'GOEVD_PLUGIN=talking', 'PRIORITY=4'), 'it is not there')
    assert re.fullmatch(r'talking: listener talk: client 127\.0\.0\.1:\d+ \(0x[0-9a-f]+\): it says hello',
                        entry['MESSAGE'])
    assert entry['MESSAGE'].split()[4] == entry['GOEVD_CLIENT']
    assert entry['MESSAGE'].split()[5] == f"({entry['GOEVD_CONNECTION']}):"
    assert [entry[name] for name in ('GOEVD_LISTENER', 'SYSLOG_IDENTIFIER', '_TRANSPORT', '_PID')] == \
        ['talk', 'goevd', 'journal', worker(box)]
    box.run('systemctl', 'reload', 'goevd')   # lines of the supervisor that concern no client
    entry, = eventually(lambda: [e for e in entries(box, 'PRIORITY=5')
                                 if e['MESSAGE'] == 'goevd ctl reload: reloading'], 'it is not there')
    assert entry['_PID'] == box.show('MainPID') and not any(k.startswith('GOEVD_') for k in entry)


def test_standard_error_to_the_journal_has_priorities(box, add_plugin):
    add_plugin('talking')
    box.write('/etc/goevd/goevd.yaml', 'log: {target: stderr}\n' + CONFIG + TALK)
    box.run('systemctl', 'start', 'goevd')
    talk(box, 'conn hello')
    entry, = eventually(lambda: entries(box, 'PRIORITY=4'), 'it is not there')
    assert re.fullmatch('goevd: talking: listener talk: client .*: it says hello', entry['MESSAGE'])
    assert entry['_TRANSPORT'] == 'stdout' and 'GOEVD_PLUGIN' not in entry


def test_a_journal_that_hangs_holds_nobody_up(box, add_plugin):
    add_plugin('talking')
    box.write('/etc/goevd/goevd.yaml', 'log: {repeats: {max: 0}}\n' + CONFIG + TALK)
    box.run('systemctl', 'start', 'goevd')
    journald = box.show('MainPID', 'systemd-journald')
    box.kill('STOP', journald)
    talk(box, 'count 20000')
    assert body(box) == 'BODY'
    box.kill('CONT', journald)
    talk(box, 'say again')
    entry, = eventually(lambda: [e for e in entries(box, 'PRIORITY=4') if 'are lost' in e['MESSAGE']],
                        'what is lost is not told')
    lost = int(entry['MESSAGE'].split()[-1])
    metrics = box.run('goevd', 'ctl', '-s', '/run/goevd/control.sock', 'stats',
                      'goevd_log_lines_dropped_total').split()
    assert 0 < lost == int(metrics[1]) < 20000
    assert len([e for e in entries(box, 'GOEVD_PLUGIN=talking') if ' of 20000' in e['MESSAGE']]) \
        == 20000 - lost


def test_a_file_in_the_logs_directory_is_rotated(box):
    path = '/var/log/goevd/goevd.log'
    box.write('/etc/goevd/goevd.yaml', f'log: {{target: {path}, format: json}}\n' + CONFIG)
    box.run('systemctl', 'start', 'goevd')
    # A worker is ready before it logs its listeners.
    eventually(lambda: re.search(SERVING, box.path(path).read_text()), 'it does not log')
    box.run('mv', path, f'{path}.1')
    box.run('systemctl', 'kill', '--kill-who=main', '-s', 'USR1', 'goevd')
    eventually(box.path(path).exists, 'no new file')
    box.run('goevd', 'ctl', '-s', '/run/goevd/control.sock', 'reopen')
    box.run('systemctl', 'reload', 'goevd')
    said = [json.loads(line)['msg'] for line in box.path(path).read_text().splitlines()]
    assert said[0] == 'the log begins in this file' and any(x.startswith('reloaded: ') for x in said)
    assert box.path(f'{path}.1').read_text().rstrip().endswith('"SIGUSR1: reopening the log"}')


# ---- Sockets -------------------------------------------------------------------------------------

def test_a_restart_refuses_nobody(box):
    box.run('systemctl', 'start', 'goevd')
    clients = knock(box)
    for _ in range(3):
        box.run('systemctl', 'restart', 'goevd')
    assert_all_were_answered(clients)
    assert box.show('Result') == 'success'


def test_a_listener_that_is_gone_is_not_kept(box):
    more = CONFIG + '  - {name: more, address: "127.0.0.1:81", handler: echo}\n'
    box.write('/etc/goevd/goevd.yaml', more)
    box.run('systemctl', 'start', 'goevd')
    kept = int(box.show('NFileDescriptorStore'))
    box.write('/etc/goevd/goevd.yaml', CONFIG)
    box.run('systemctl', 'reload', 'goevd')
    assert 0 < int(box.show('NFileDescriptorStore')) < kept
    box.run('systemctl', 'restart', 'goevd')
    assert body(box) == 'BODY'
    assert ':81 ' not in box.client('ss', '-Hltn')


ACTIVATED = CONFIG.replace('127.0.0.1:80', 'systemd:web')


def test_socket_activation(box):
    box.write('/etc/goevd/goevd.yaml', ACTIVATED)
    box.run('systemctl', 'start', 'goevd.socket')
    assert box.show('ActiveState') == 'inactive'
    assert body(box, 'http://127.0.0.1:8080/') == 'BODY'
    assert box.show('ActiveState') == 'active'
    clients = knock(box, 8080, 2)
    box.run('systemctl', 'restart', 'goevd')
    box.run('systemctl', 'reload', 'goevd')
    assert_all_were_answered(clients)


def test_sockets_that_do_not_match_are_refused(box):
    box.run('systemctl', 'start', 'goevd.socket')
    box.run('systemctl', 'start', 'goevd', fails=True)
    assert 'systemd has passed sockets that no listener takes: web; let a listener have the ' \
        'address systemd:NAME' in box.journal()
    box.run('systemctl', 'stop', 'goevd.socket', 'goevd')
    box.write('/etc/goevd/goevd.yaml', ACTIVATED)
    box.run('systemctl', 'start', 'goevd', fails=True)
    assert "systemd has passed no socket 'web', and no other" in box.journal()


# ---- The sandbox ---------------------------------------------------------------------------------

def test_the_unit_is_hardened(box):
    said = box.run('systemd-analyze', 'security', '--no-pager', 'goevd')
    exposure = float(re.search(r'Overall exposure level for goevd.service: ([\d.]+)', said)[1])
    assert exposure <= 1.7, said   # 0.2 of it is RestrictSUIDSGID=, which forbids openat2(2)


def test_as_a_dynamic_user(box):
    box.run('userdel', 'goevd')   # it would be taken instead
    box.write('/etc/systemd/system/goevd.service.d/dynamic.conf',
              '[Service]\nUser=\nDynamicUser=yes\n')
    box.run('systemctl', 'daemon-reload')
    box.run('systemctl', 'start', 'goevd')
    assert body(box) == 'BODY'
    status = box.run('cat', f'/proc/{worker(box)}/status')
    assert int(re.search(r'^Uid:\t(\d+)', status, re.M)[1]) > 60000
    assert re.search(r'^CapEff:\t0+$', status, re.M)
    box.write('/etc/goevd/goevd.yaml', CONFIG.replace('BODY', 'NEW'))
    box.run('systemctl', 'reload', 'goevd')
    assert body(box) == 'NEW'
    box.run('systemctl', 'restart', 'goevd')
    assert body(box) == 'NEW'


EVERYTHING = '''
control: {socket: /run/goevd/control.sock}
listeners:
  - name: web
    address: 127.0.0.1:80
    handler:
      http:
        access_log: {target: /var/log/goevd/access.log, format: json}
        gzip: {length_min: 1}
        routes:
          - {path: /, respond: {body: BODY}}
          - {path: /files/*, handler: {download: {root: /srv/www}}}
          - {path: /private/*, handler: [{basic_auth: {users: /srv/users}}, {download: {root: /srv/www}}]}
          - {path: /echo, handler: {websocket: {application: echo}}}
  - {name: echo, address: "127.0.0.1:81", handler: echo}
  - {name: relay, address: "127.0.0.1:82", handler: {relay: {upstreams: ["127.0.0.1:81"]}}}
  - {name: push, address: "127.0.0.1:83", handler: {push: {address: "127.0.0.1:6379", key: lines}}}
'''
PASSWORD = '$6$rounds=1000$abcdefgh$jAxIaiRp9oDJ.CoU2U7rdm1MxaLmzzVIbnA5TByoxmVbJHEFOGQ24vEMjv0aIa3w8SX9Sw89hnB24WyQvTH7h/'


@pytest.fixture
def redis(box, tmp_path):
    """A real Redis, which listens in the machine."""
    server = subprocess.Popen(box.outside('redis-server', '--bind', '127.0.0.1', '--save', '',
                                          '--dir', tmp_path), stdout=subprocess.PIPE, text=True)
    assert any('Ready to accept connections' in line for line in server.stdout)
    yield server
    server.kill()
    server.wait()
    server.stdout.close()


@pytest.mark.usefixtures('redis')
def test_everything_serves_in_the_sandbox(box):
    box.write('/srv/www/page.html', '<p>a page</p>')
    box.write('/srv/users', f'Änn:{PASSWORD}\n')
    box.write('/etc/goevd/goevd.yaml', EVERYTHING)
    box.run('systemctl', 'start', 'goevd')
    assert body(box) == 'BODY'
    assert body(box, 'http://127.0.0.1/files/page.html') == '<p>a page</p>'
    private = ['curl', '-s', 'http://127.0.0.1/private/page.html']
    assert box.client(*private, '-o', '/dev/null', '-w', '%{http_code}') == '401'
    assert box.client(*private, '-u', 'Änn:pässword') == '<p>a page</p>'
    client = Client(box.connect(80), '/echo')
    client.send(frame(TEXT, b'a message'))
    assert client.frame() == (TEXT, b'a message')
    for port, answer in ((81, b'a line\n'), (82, b'a line\n'), (83, b'ok\n')):
        with box.connect(port) as s:
            s.sendall(b'a line\n')
            assert Reader(s).until(b'\n') == answer
    assert box.client('redis-cli', 'lrange', 'lines', '0', '-1') == 'a line\n'
    log = box.path('/var/log/goevd/access.log')
    eventually(lambda: len(log.read_text().splitlines()) == 5, 'requests are not in the log')
    # Each poller writes its own lines, so lines of different connections come in any order.
    assert sorted(json.loads(line)['status'] for line in log.read_text().splitlines()) == [101, 200, 200, 200, 401]
    box.run('systemctl', 'reload', 'goevd')
    assert body(box, 'http://127.0.0.1/files/page.html') == '<p>a page</p>'


def test_the_units_are_without_fault(box):
    assert box.run('systemd-analyze', 'verify', '--man=no', 'goevd.service', 'goevd.socket') == ''
