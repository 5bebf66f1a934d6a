"""The plugin push, against a real Redis that writes every line to its disk."""
import itertools
import re
import signal
import socket
import threading

import pytest

import daemon
from daemon import config, eventually, listener
from redis import BINARY, Redis
from wire import Reader, closed, full, port_of, server

pytestmark = pytest.mark.skipif(not BINARY, reason='no redis-server')


@pytest.fixture
def redis(tmp_path):
    folder = tmp_path / 'redis'
    folder.mkdir()
    server = Redis(folder)
    yield server
    server.kill()


@pytest.fixture
def serve(goevd):
    """serve(port, …) -> a goevd that pushes to the list `lines` of the Redis there."""
    def start(port, pollers='2', frame_max=0, **options):
        options = {'address': f'127.0.0.1:{port}', 'key': 'lines', **options}
        return goevd(config(listener(handler={'push': options}, frame_max=frame_max),
                            reactors=[{'name': 'main', 'pollers': pollers}]))
    return start


def answers(reader, count):
    return [reader.line() for _ in range(count)]


def push(d, data, count):
    """The answers to these bytes, which have so many lines."""
    s = d.connect()
    s.sendall(data)
    return answers(Reader(s), count)


def test_lines_are_in_the_list_in_order_when_they_are_acknowledged(serve, redis):
    d = serve(redis.port)
    lines = [b'one', b'', b'two words', b'\xff\x00 bytes', b'x' * 8192]
    assert push(d, b''.join(line + b'\n' for line in lines), 5) == ['ok'] * 5
    assert redis.list() == lines
    assert push(d, b'crlf\r\n', 1) == ['ok']
    assert redis.list()[-1] == b'crlf'


def test_lines_that_come_in_pieces(serve, redis):
    d = serve(redis.port)
    s = d.connect()
    reader = Reader(s)
    for piece in (b'a', b'b\nc', b'd\n', b'\n'):
        s.sendall(piece)
    assert answers(reader, 3) == ['ok'] * 3
    assert redis.list() == [b'ab', b'cd', b'']


def test_many_lines_of_many_clients(serve, redis):
    d = serve(redis.port)

    def client(n):
        s = d.connect()
        threading.Thread(target=s.sendall, daemon=True,
                         args=(b''.join(b'%d:%d\n' % (n, i) for i in range(5000)),)).start()
        return Reader(s)
    readers = [client(n) for n in range(8)]
    for reader in readers:
        assert set(answers(reader, 5000)) == {'ok'}
    got = redis.list()
    assert len(got) == 40000
    for n in range(8):
        mine = [line for line in got if line.startswith(b'%d:' % n)]
        assert mine == [b'%d:%d' % (n, i) for i in range(5000)]


def test_client_that_ends_gets_all_its_answers(serve, redis):
    d = serve(redis.port)
    s = d.connect()
    s.sendall(b'a\nb\nno end')
    s.shutdown(socket.SHUT_WR)
    assert Reader(s).rest().decode().split('\n') == \
        ['ok', 'ok', 'error the last line has no end', '']
    assert redis.list() == [b'a', b'b']


def test_client_that_goes_without_waiting(serve, redis):
    d = serve(redis.port)
    for n in range(50):
        s = d.connect()
        s.sendall(b'%d\n' % n * 20)
        s.close()
    assert push(d, b'last\n', 1) == ['ok']
    assert b'last' in redis.list()
    d.signal(signal.SIGTERM)    # lines of the other clients are still on their way
    assert d.wait() == 0


def test_line_at_the_limit_and_one_past_it(serve, redis):
    d = serve(redis.port, frame_max=10)
    s = d.connect()
    s.sendall(b'0123456789\r\n01234567890\nafter\n')
    assert Reader(s).rest() == b'ok\nerror the line is too long\n'
    s = d.connect()
    s.sendall(b'x' * 12)
    assert Reader(s).rest() == b'error the line is too long\n'
    assert redis.list() == [b'0123456789']


def test_unanswered_max_changes_for_a_client_that_is_connected(goevd, goevd_run, redis, tmp_path):
    path = tmp_path / 'control.sock'
    options = {'address': f'127.0.0.1:{redis.port}', 'key': 'lines', 'unanswered_max': 1000}
    d = goevd(config(listener(handler={'push': options}), control={'socket': str(path)}))
    s = d.connect()
    reader = Reader(s)
    s.sendall(b'one\n')
    assert answers(reader, 1) == ['ok']
    for key, value in (('unanswered_max', '2'), ('hold', '5s')):
        done = goevd_run('ctl', '-s', path, 'set', f'listeners[web].handler.push.{key}', value)
        assert (done.returncode, done.stderr) == (0, '')
    redis.process.send_signal(signal.SIGSTOP)
    s.sendall(b'two\n' * 10)
    eventually(lambda: 'paused' in goevd_run('ctl', '-s', path, 'connections').stdout,
               'he is still read')
    redis.process.send_signal(signal.SIGCONT)
    assert answers(reader, 10) == ['ok'] * 10
    assert redis.list() == [b'one'] + [b'two'] * 10


def test_client_is_not_read_above_unanswered_max(serve, redis):
    d = serve(redis.port, unanswered_max=3)
    assert push(d, b'x\n' * 1000, 1000) == ['ok'] * 1000
    assert len(redis.list()) == 1000


def resp(*words):
    return b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in words)


@pytest.mark.parametrize('extra, answer', [(0, 'no connection to redis: Connection timed out'),
                                           (1, 'redis does not keep up')])
def test_queue_max_and_one_past_it(serve, extra, answer):
    with server(backlog=0) as s:
        held = full(s)
        d = serve(port_of(s), pollers='1', queue_max=1024, connect_timeout='200ms', idle_min=0)
        d.may_say = ['no connection to redis']
        around = len(resp(b'RPUSH', b'lines', b'x' * 100)) - 100
        line = b'x' * (1024 - around + extra)
        assert len(resp(b'RPUSH', b'lines', line)) == 1024 + extra
        assert push(d, line + b'\n', 1) == ['error ' + answer]
        for c in held:
            c.close()


def test_metrics(goevd, goevd_run, redis, tmp_path):
    path = tmp_path / 'control.sock'
    options = {'address': f'127.0.0.1:{redis.port}', 'key': 'lines'}
    d = goevd(config(listener(handler={'push': options}), control={'socket': str(path)}))
    push(d, b'one\ntwo\n', 2)
    redis.ask('SET', 'lines', 'not a list')
    push(d, b'three\n', 1)
    shown = goevd_run('ctl', '-s', path, 'stats', 'goevd_push_lines').stdout
    assert re.findall(r'goevd_push_lines_(\w+).* (\d+)\n', shown) == \
        [('acknowledged_total', '2'), ('failed_total', '1')]


def test_error_of_redis_reaches_the_line(serve, redis):
    redis.ask('SET', 'lines', 'not a list')
    d = serve(redis.port)
    [answer] = push(d, b'a\n', 1)
    assert answer.startswith('error redis replied: WRONGTYPE')
    redis.ask('DEL', 'lines')
    assert push(d, b'b\n', 1) == ['ok']


def test_redis_that_is_down_is_told_and_its_return_is_noticed(serve, redis):
    redis.kill()
    d = serve(redis.port)
    d.may_say = ['no connection to redis: Connection refused', 'cannot connect to']
    s = d.connect()
    reader = Reader(s)
    s.sendall(b'a\n')
    assert answers(reader, 1) == ['error no connection to redis: Connection refused']
    redis.start()
    s.sendall(b'b\n')
    assert answers(reader, 1) == ['ok']
    assert redis.list() == [b'b']


def test_no_acknowledged_line_is_lost_when_redis_is_killed(serve, redis):
    """At least once: each acknowledged line survives every crash."""
    d = serve(redis.port)
    d.may_say = ['no connection to redis', 'cannot connect to', 'redis replied: LOADING']
    acknowledged, refused, stop = [set(), set(), set(), set()], [0] * 4, threading.Event()

    def client(n):
        s = d.connect()
        reader = Reader(s)
        for batch in itertools.count():
            if stop.is_set():
                return
            lines = [b'%d-%d-%d' % (n, batch, i) for i in range(20)]
            s.sendall(b''.join(line + b'\n' for line in lines))
            for line, answer in zip(lines, answers(reader, 20)):
                if answer == 'ok':
                    acknowledged[n].add(line)
                else:
                    assert answer.startswith('error '), answer
                    refused[n] += 1

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        seen = sum(map(len, acknowledged))
        eventually(lambda: sum(map(len, acknowledged)) > seen + 500, 'lines are acknowledged')
        redis.kill()
        before = sum(refused)
        eventually(lambda: sum(refused) > before, 'lines are refused')
        redis.start()
    seen = sum(map(len, acknowledged))
    eventually(lambda: sum(map(len, acknowledged)) > seen + 500, 'lines are acknowledged again')
    stop.set()
    for t in threads:
        t.join()
    there = set(redis.list())
    for mine in acknowledged:
        assert mine <= there


def test_connection_goes_back_to_the_pool_when_there_is_nothing_to_push(serve, redis):
    d = serve(redis.port, hold='50ms', idle_min=0, idle_timeout='50ms')
    assert push(d, b'a\n', 1) == ['ok']
    eventually(lambda: redis.connections() == 0, 'it is given back, and closed')
    assert push(d, b'b\n', 1) == ['ok']


def test_pool_is_the_limit(serve, redis):
    d = serve(redis.port, connections_max=1, hold='20ms', pollers='2')
    for n in range(20):
        assert push(d, b'%d\n' % n, 1) == ['ok']
    assert redis.connections() == 1


def test_password_and_database(serve, tmp_path):
    folder = tmp_path / 'locked'
    folder.mkdir()
    server = Redis(folder, '--requirepass', 'secret')
    try:
        d = serve(server.port, password='secret', database=3)
        assert push(d, b'a\n', 1) == ['ok']
        with socket.create_connection(('127.0.0.1', server.port)) as s:
            s.sendall(b'AUTH secret\r\nSELECT 3\r\nLLEN lines\r\n')
            assert Reader(s).until(b':1\r\n')
        d = serve(server.port, password='wrong')
        d.may_say = ['redis replied: WRONGPASS']
        [answer] = push(d, b'b\n', 1)
        assert answer.startswith('error redis replied: WRONGPASS')
    finally:
        server.kill()


def test_who_is_not_redis(serve):
    with socket.create_server(('127.0.0.1', 0)) as s:
        def answer():
            conn, _ = s.accept()
            conn.recv(100)
            conn.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            closed(conn)
            conn.close()
        threading.Thread(target=answer, daemon=True).start()

        d = serve(port_of(s), idle_min=0)
        d.may_say = ["not Redis's protocol"]
        assert push(d, b'a\n', 1) == ['error the connection to redis was lost']


def test_lines_wait_for_room_beyond_output_max(goevd, redis):
    """The queue is bounded by queue_max alone, and leaves in pieces."""
    d = goevd(config(listener(handler={'push': {'address': f'127.0.0.1:{redis.port}', 'key': 'lines',
                                                'unanswered_max': 10000, 'idle_min': 0}}),
                     connectors={'output_max': '8KiB', 'output_high': '4KiB', 'output_low': '1KiB'},
                     reactors=[{'name': 'main', 'pollers': '1'}]))
    lines = [b'%d' % n * 500 for n in range(10, 99)] * 50
    redis.process.send_signal(signal.SIGSTOP)   # the kernel still accepts for it
    with d.connect() as s:
        s.sendall(b''.join(line + b'\n' for line in lines))
        redis.process.send_signal(signal.SIGCONT)
        assert answers(Reader(s), len(lines)) == ['ok'] * len(lines)
    assert redis.list() == lines


def test_redis_that_does_not_answer_is_left(serve, redis):
    d = serve(redis.port, reply_timeout='200ms')
    d.may_say = ['redis does not answer', 'cannot connect to']
    assert push(d, b'a\n', 1) == ['ok']
    redis.process.send_signal(signal.SIGSTOP)
    assert push(d, b'b\nc\n', 2) == ['error redis does not answer'] * 2
    redis.process.send_signal(signal.SIGCONT)
    eventually(lambda: push(d, b'd\n', 1) == ['ok'], 'it has come back')


def test_replica_is_left_for_the_master(goevd, tmp_path):
    """The address leads to another server after a fail-over; the old one lives on as its replica."""
    servers = []
    try:
        for name in ('old', 'new'):
            (tmp_path / name).mkdir()
            servers.append(Redis(tmp_path / name, '--unixsocket', str(tmp_path / name / 's')))
        old, new = servers
        (tmp_path / 'master').symlink_to('old/s')
        d = goevd(config(listener(handler={'push': {'address': f'unix:{tmp_path}/master',
                                                    'key': 'lines'}})))
        d.may_say = ['READONLY', 'cannot connect to']
        assert push(d, b'a\n', 1) == ['ok']
        assert old.ask('REPLICAOF', '127.0.0.1', str(new.port)) == b'+OK'
        (tmp_path / 'next').symlink_to('new/s')
        (tmp_path / 'next').rename(tmp_path / 'master')
        s = d.connect()
        s.sendall(b'b\n')
        reader = Reader(s)
        assert answers(reader, 1)[0].startswith('error redis replied: READONLY')
        s.sendall(b'c\n')
        assert answers(reader, 1) == ['ok']
        assert new.list()[-1] == b'c'
    finally:
        for server in servers:
            server.kill()


def test_more_pollers_than_connections_take_turns(goevd, redis):
    d = goevd(config(listener(handler={'push': {'address': f'127.0.0.1:{redis.port}', 'key': 'lines',
                                                'connections_max': 1, 'hold': '1h'}},
                              mode='acceptor'),
                     reactors=[{'name': 'main', 'pollers': '3', 'cpus': 'none'}]))
    done, wrong = [0] * 6, []

    def client(n):
        s = d.connect()
        reader = Reader(s)
        while min(done) < 5 and not wrong:
            s.sendall(b'%d\n' % n)
            if answers(reader, 1) != ['ok']:
                wrong.append(n)
            done[n] += 1
    threads = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert redis.connections() == 1


def test_password_is_never_repeated(serve, tmp_path):
    """Servers that do not know AUTH repeat its arguments in their error."""
    (tmp_path / 'old').mkdir()
    server = Redis(tmp_path / 'old', '--rename-command', 'AUTH', '')
    try:
        d = serve(server.port, password='hunter2')
        d.may_say = ['redis replied: ERR', 'cannot connect to']
        assert push(d, b'a\n', 1) == ['error redis replied: ERR']
        assert 'hunter2' not in d.log.text()
    finally:
        server.kill()


def test_stop_answers_what_was_sent(serve, redis):
    d = serve(redis.port)
    s = d.connect()
    s.sendall(b'x\n' * 2000)
    reader = Reader(s)
    answers(reader, 1)
    d.signal(signal.SIGTERM)
    rest = reader.rest()
    assert set(rest.split(b'\n')) <= {b'ok', b''}
    assert len(redis.list()) >= rest.count(b'ok') + 1
    assert d.wait() == 0


@pytest.mark.parametrize('options, error', [
    ({'address': 'nowhere'}, 'has no port'), ({'idle_min': 3, 'connections_max': 2},
     'above connections_max'),
    ({'growth': 3, 'connections_max': 2}, 'above connections_max')])
def test_wrong_options_are_refused(goevd_run, tmp_path, options, error):
    content = config(listener(handler={'push': {'key': 'lines', **options}}))
    (tmp_path / 'wrong.yaml').write_text(str(content).replace("'", '"'))
    done = goevd_run('-c', tmp_path / 'wrong.yaml')
    assert done.returncode == daemon.CONFIG_FAULT and error in done.stderr, done.stderr
