"""goevd ctl connections: open connections of all pollers; no client waits for its reader."""
import json
import re
import socket

import pytest

from daemon import PATIENCE_S, config, eventually, listener, listens
from wire import Reader, echo, stuff

TWO = [{'name': 'main', 'pollers': 2}]


@pytest.fixture
def path(tmp_path):
    """Where the control socket is."""
    return tmp_path / 'control.sock'


@pytest.fixture
def started(goevd, path):
    """start(listener…, argument=…) -> a Daemon of two pollers with a control socket."""
    def start(*listeners, args=(), ready=True, **more):
        d = goevd(config(*listeners, reactors=TWO, control={'socket': str(path)}, **more), *args,
                  ready=ready)
        eventually(lambda: listens(path), 'no control socket')
        return d
    return start


@pytest.fixture
def ctl(goevd_run, path):
    """ctl(argument…) -> the output of goevd ctl connections."""
    def ask(*args):
        done = goevd_run('ctl', '-s', path, 'connections', *args)
        assert (done.returncode, done.stderr) == (0, '')
        return done.stdout
    return ask


def rows(ctl, *args):
    """The list."""
    return json.loads(ctl('--json', *args))


def text(address):
    """As goevd writes an IPv4 one."""
    return f'{address[0]}:{address[1]}'


@pytest.mark.parametrize('args', [[], ['--single']])
def test_every_connection_is_listed_as_it_is(started, ctl, args):
    d = started(listener('echo', 'echo'), listener('web'), args=args)
    assert rows(ctl) == []
    seen = {}
    for name, plugin in [('echo', 'echo'), ('web', 'http'), ('echo', 'echo')]:
        s = d.connect(name)
        if plugin == 'echo':
            echo(s, b'12345')
        seen[text(s.getsockname())] = (name, plugin, text(s.getpeername()),
                                       5 if plugin == 'echo' else 0)
    found = eventually(lambda: len(r := rows(ctl)) == 3 and r, 'not all are listed')
    assert len({row['id'] for row in found}) == 3
    for row in found:
        name, plugin, local, count = seen.pop(row['peer'])
        assert re.fullmatch('0x[0-9a-f]{16}', row['id'])
        assert (row['listener'], row['plugin'], row['local']) == (name, plugin, local)
        assert (row['bytes_in'], row['bytes_out']) == (count, count)
        assert (row['queued_bytes'], row['state']) == (0, '-')
        assert 0 <= row['age_ms'] < PATIENCE_S * 1000 and 0 <= row['idle_ms'] < PATIENCE_S * 1000
    assert not seen


def test_lines_have_the_columns_that_their_head_names(started, ctl):
    d = started(listener('echo', 'echo'))
    s = d.connect('echo')
    echo(s)
    head, line, total = ctl().splitlines()
    assert head.split() == ['LISTENER', 'PLUGIN', 'PEER', 'AGE', 'IDLE', 'IN', 'OUT', 'QUEUED', 'STATE']
    words = dict(zip(head.split(), line.split(), strict=True))
    assert (words['LISTENER'], words['PLUGIN'], words['IN'], words['OUT'], words['STATE']) == \
        ('echo', 'echo', '5', '5', '-')
    assert words['PEER'] == text(s.getsockname())
    assert total == '1 connection, bytes: 5 in, 5 out, 0 queued'
    assert re.fullmatch(r'\d+\.\ds', words['AGE']) and re.fullmatch(r'\d+\.\ds', words['IDLE'])


def test_age_and_idle_time_grow(started, ctl):
    d = started(listener('echo', 'echo'))
    s = d.connect('echo')
    echo(s)
    first = rows(ctl)[0]
    later = eventually(lambda: (r := rows(ctl)[0])['age_ms'] >= first['age_ms'] + 100 and r,
                       'it does not grow older')
    assert later['idle_ms'] > first['idle_ms']

    def is_idle_from_then_on():
        echo(s)
        return rows(ctl)[0]['idle_ms'] < later['idle_ms']
    eventually(is_idle_from_then_on, 'its idle time goes on')


def test_unix_sockets_and_ipv6(started, ctl, tmp_path):
    d = started(listener('unix', 'echo', f'unix:{tmp_path}/a"quoted"name'),
                listener('six', 'echo', '[::1]:0'))
    for name in ('unix', 'six'):
        echo(d.connect(name))
    found = {row['listener']: row for row in rows(ctl)}
    assert found['unix']['peer'] == 'unix:'
    assert found['unix']['local'] == f'unix:{tmp_path}/a"quoted"name'
    assert found['six']['peer'].startswith('[::1]:')
    assert found['six']['local'] == f'[::1]:{d.port("six")}'


def test_state_and_queue_of_who_does_not_read(started, ctl):
    d = started(listener('echo', 'echo', output_low='4KiB', output_high='64KiB', send_buffer='4KiB'))
    s = d.connect('echo', receive_buffer=4096)
    stuff(s)
    row = eventually(lambda: (r := rows(ctl)[0])['state'] == 'throttled,blocked' and r, 'it goes on')
    assert row['queued_bytes'] > 4096


def test_connections_that_plugins_open_have_no_listener(started, ctl, plugins):
    d = started(listener('front', 'connecting'), listener('back', 'echo'), plugin_dir=str(plugins))
    s = d.connect('front')
    s.sendall(f'connect 127.0.0.1:{d.port("back")}\n'.encode())
    found = eventually(lambda: len(r := rows(ctl)) == 3 and r, 'there are not three')
    assert sorted((row['listener'] or '', row['plugin']) for row in found) == \
        [('', 'connecting'), ('back', 'echo'), ('front', 'connecting')]
    out = next(row for row in found if not row['listener'])
    assert out['peer'] == f'127.0.0.1:{d.port("back")}'
    assert [line.split()[0] for line in ctl().splitlines()].count('-') == 1


def test_filters(started, ctl, goevd_run, path):
    d = started(listener('one', 'echo'), listener('two', 'echo', output_low='4KiB', output_high='64KiB',
                                                  send_buffer='4KiB'))
    first, slow = d.connect('one'), d.connect('two', receive_buffer=4096)
    echo(first)
    stuff(slow)
    eventually(lambda: rows(ctl, 'state=blocked'), 'it goes on')
    peer = text(first.getsockname())
    for args, found in [(['plugin=echo'], ['one', 'two']), (['listener=one'], ['one']),
                        (['peer=127.0.0.'], ['one', 'two']), ([f'peer={peer}'], ['one']),
                        (['state=-'], ['one']), (['state=throttled', 'plugin=echo'], ['two']),
                        (['state=block'], []), ([f'worker={d.worker()}'], ['one', 'two']),
                        (['worker=1'], [])]:
        assert sorted(row['listener'] for row in rows(ctl, *args)) == found, args
    assert ctl('worker=1') == '0 connections, bytes: 0 in, 0 out, 0 queued\n'
    done = goevd_run('ctl', '-s', path, 'connections', 'listner=one')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith("goevd: connections: 'listner=one' is no filter; it is KEY=VALUE")


def test_lines_fit_80_columns_and_mapped_addresses_are_short(started, ctl):
    d = started(listener('a-listener-with-a-long-name', 'echo', '[::]:0', output_low='4KiB',
                         output_high='64KiB', send_buffer='4KiB'))
    port = d.port('a-listener-with-a-long-name')
    slow = socket.create_connection(('127.0.0.1', port))
    slow.settimeout(PATIENCE_S)
    with slow, socket.create_connection(('::1', port)) as six:
        stuff(slow)
        six.sendall(b'x')
        eventually(lambda: len(rows(ctl)) == 2 and rows(ctl, 'state=blocked'), 'not both are there')
        assert sorted(row['peer'] for row in rows(ctl)) == \
            sorted([text(slow.getsockname()), f'[::1]:{six.getsockname()[1]}'])
        lines = ctl().splitlines()
        assert len(lines) == 4 and max(map(len, lines)) <= 80, lines
        assert text(slow.getsockname()) in '\n'.join(lines)


def test_thousand_connections_of_several_listeners(started, ctl):
    names = ['one', 'two', 'three']
    d = started(*(listener(name, 'echo') for name in names))
    peers = {name: set() for name in names}
    for i in range(1000):
        name = names[i % 3]
        s = d.connect(name)
        peers[name].add(text(s.getsockname()))
    found = eventually(lambda: len(r := rows(ctl)) == 1000 and r, 'not all are listed')
    for name in names:
        assert {row['peer'] for row in found if row['listener'] == name} == peers[name]
        assert {row['peer'] for row in rows(ctl, '--listener', name)} == peers[name]
    assert len(ctl().splitlines()) == 1002
    assert len(ctl('--listener', 'two').splitlines()) == 2 + len(peers['two'])
    assert len({row['id'] for row in found}) == 1000


def test_listener_without_a_name_goes_by_its_address(started, ctl, tmp_path):
    address = f'unix:{tmp_path}/with a space'
    d = started({'address': address, 'handler': 'echo'}, ready=False)
    d.log.wait('listener ')
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(address[5:])
        echo(s)
        assert [row['listener'] for row in rows(ctl, '--listener', address)] == [address]
    assert d.process.poll() is None


def test_unknown_listener(started, goevd_run, path):
    started(listener('web'), listener('metrics', 'echo'))
    for name, said in [
            ('metric', "there is no listener 'metric'; did you mean 'metrics'?; there are: web, metrics"),
            ('x', "there is no listener 'x'; there are: web, metrics"),
            ('web 2', "there is no listener 'web 2'; there are: web, metrics"),
            ('', "there is no listener ''; there are: web, metrics")]:
        done = goevd_run('ctl', '-s', path, 'connections', '--listener', name)
        assert (done.returncode, done.stdout, done.stderr) == (1, '', f'goevd: {said}\n')


def test_who_does_not_read_the_list_holds_up_nobody(started, ctl, path):
    d = started(listener('echo', 'echo'), listener('other', 'echo'))
    for _ in range(1500):
        d.connect('echo')
    eventually(lambda: len(rows(ctl)) == 1500, 'not all are open')
    slow = []
    for _ in range(12):
        s = socket.socket(socket.AF_UNIX)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        s.connect(str(path))
        s.settimeout(PATIENCE_S)
        s.sendall(b'connections\n')
        slow.append(s)
    echo(d.connect('other'))
    assert len(rows(ctl)) == 1501
    for s in slow:
        assert Reader(s).until(b'\n') == b'parts\n'
    for s in slow:
        while s.recv(1 << 16):   # closed in time, without the part of length 0 that would end it
            pass
