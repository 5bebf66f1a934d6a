"""Connect pools, through a real plugin: tests/plugin/pooling.c."""
import concurrent.futures
import contextlib
import signal
import socket
import threading
import time

import pytest

import wire
import daemon
from daemon import PATIENCE_S, config, eventually, listener
from wire import Talker

HANDLER, RELEASED = 0, 8   # why a connection has ended


class Server:
    """A server for the pool, which answers pings and sends everything else back."""

    def __init__(self, port=0):
        self.sock = socket.create_server(('127.0.0.1', port or wire.kept_port()), backlog=128)
        self.port = self.sock.getsockname()[1]
        self.conns, self.accepted, self.pings, self.mute = [], 0, 0, False
        self.closing = False   # it accepts, and closes at once
        self.changed = threading.Condition()
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            with self.changed:
                self.conns.append(conn)
                self.accepted += 1
                self.changed.notify_all()
            threading.Thread(target=self.answer, args=(conn,), daemon=True).start()

    def answer(self, conn):
        try:
            while not self.closing and (data := conn.recv(4096)):
                with self.changed:
                    self.pings += data.count(b'ping\n')
                    self.changed.notify_all()
                if not self.mute:
                    conn.sendall(data.replace(b'ping\n', b'pong\n'))
        except OSError:
            pass
        with self.changed:
            self.conns.remove(conn)
            self.changed.notify_all()
        conn.close()

    def wait(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), len(self.conns)

    def count(self, n):
        """Until so many connections are there."""
        self.wait(lambda: len(self.conns) == n)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the listener. A thread that waits in accept(2) would go on with the next socket of this number."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.sock.close()

    def kill(self):
        """Every connection ends, too."""
        self.close()
        with self.changed:
            for conn in self.conns:
                conn.shutdown(socket.SHUT_RDWR)


class Client(Talker):
    """Sends commands, reads their results."""

    def get(self, word):
        """A connection, and the poller that it came to."""
        heard = self.ask(f'get {word}')
        assert heard[0] == 'open' and heard[2] == word, heard
        return heard[1]

    def metrics(self):
        """idle, live, waiting, acquired, failed, dead."""
        return [int(n) for n in self.ask('metrics')[1:]]

    def until(self, **expected):
        """Until the pool's metrics are these."""
        names = ('idle', 'live', 'waiting', 'acquired', 'failed', 'dead')
        eventually(lambda: expected.items() <= dict(zip(names, self.metrics())).items(), expected)


@pytest.fixture
def server():
    s = Server()
    yield s
    s.close()


@pytest.fixture
def serve(goevd, plugins):
    """serve(to, …) -> a goevd with the plugin pooling on one poller."""
    def start(to, pollers='1', **options):
        to = f'127.0.0.1:{to}' if isinstance(to, int) else to
        return goevd(config(listener(handler={'pooling': {'to': to, **options}}),
                            plugin_dir=str(plugins),
                            reactors=[{'name': 'main', 'pollers': pollers}]))
    return start


def test_min_idle_are_ready_before_anybody_asks(serve, server):
    d = serve(server.port, idle_min=3)
    server.count(3)
    client = Client(d)
    client.until(idle=3, live=3)
    client.get('a')
    client.until(idle=3, live=4)   # another one takes its place


def test_same_socket_serves_one_after_the_other(serve, server):
    client = Client(serve(server.port))
    for n in range(3):
        client.get(f'w{n}')
        client.say(f'say w{n} x\x01')
        assert client.reader.exactly(2) == b'x\x01'
        assert client.ask(f'put w{n}') == ['close', str(RELEASED), f'w{n}']
        client.until(idle=1, live=1, acquired=n + 1)
    assert len(server.conns) == 1


def test_growth_makes_several_at_once_up_to_max_live(serve, server):
    client = Client(serve(server.port, growth=4, connections_max=6))
    client.get('a')
    client.until(idle=3, live=4)
    for word in 'bcd':
        client.get(word)
    client.get('e')
    client.until(idle=1, live=6)   # two were made, for there was no room for four
    client.get('f')
    client.say('get g')
    client.until(idle=0, live=6, waiting=1)
    client.say('put a')
    assert sorted([client.hear()[0], client.hear()[0]]) == ['close', 'open']


def test_who_waits_longest_is_first(serve, server):
    d = serve(server.port, connections_max=1, pollers='2')
    clients = [Client(d) for _ in range(6)]
    clients[0].get('x')
    for n, client in enumerate(clients[1:], 1):
        client.say(f'get w{n}')
        clients[0].until(waiting=n)
    holder, word = clients[0], 'x'
    for n, client in enumerate(clients[1:], 1):
        assert holder.ask(f'put {word}') == ['close', str(RELEASED), word]
        heard = client.hear()
        assert heard[0] == 'open' and heard[2] == f'w{n}'
        holder, word = client, f'w{n}'
    assert len(server.conns) == 1


def test_both_pollers_share_the_pool(serve, server):
    d = serve(server.port, connections_max=1, pollers='2')
    clients = [Client(d) for _ in range(8)]
    pollers = set()
    for n, client in enumerate(clients):
        pollers.add(client.get(f'w{n}'))
        client.ask(f'put w{n}')
    assert pollers == {'0', '1'}
    assert len(server.conns) == 1


def test_waiting_has_a_deadline(serve, server):
    client = Client(serve(server.port, connections_max=1))
    client.get('a')
    assert client.ask('get b 50')[:2] == ['fail', 'ETIMEDOUT']
    client.until(waiting=0, failed=1)


def test_waiting_has_a_limit(serve, server):
    client = Client(serve(server.port, connections_max=1, waiting=2))
    client.get('a')
    client.say('get b\nget c')
    client.until(waiting=2)
    assert client.ask('get d')[:2] == ['fail', 'EAGAIN']


def test_dead_ones_leave_and_others_take_their_place(serve, server):
    client = Client(serve(server.port, idle_min=3))
    server.count(3)
    client.until(idle=3)
    for conn in list(server.conns):
        conn.shutdown(socket.SHUT_RDWR)
    client.until(dead=3, idle=3, live=3)
    client.get('a')


def test_one_that_speaks_unasked_leaves(serve, server):
    client = Client(serve(server.port, idle_min=1))
    server.count(1)
    client.until(idle=1)
    server.conns[0].sendall(b'?')
    client.until(dead=1, idle=1)


def test_upstream_down_is_told_to_each_and_its_return_is_noticed(serve):
    first = Server()
    d = serve(first.port, idle_min=2)
    d.may_say = ['cannot connect to .*: Connection refused']
    client = Client(d)
    client.until(idle=2)
    client.get('a')
    first.kill()
    assert client.hear()[0] == 'close'
    client.until(idle=0, live=0)
    for word in ('b', 'c'):
        assert client.ask(f'get {word}')[:2] == ['fail', 'ECONNREFUSED']
    second = Server(first.port)
    client.until(idle=2, live=2)   # without anybody asking
    client.get('d')
    second.close()


def test_those_that_failed_are_made_again_though_another_succeeds(goevd, plugins, tmp_path):
    """Two wait for room at the server for as long as they may; a third, which began later, gets it."""
    with wire.server(socket.AF_UNIX, str(tmp_path / 'socket'), backlog=0) as s:
        held = wire.full(s)
        to = {'to': f'unix:{tmp_path}/socket', 'idle_min': 2}
        d = goevd(config(listener(handler={'pooling': to}),
                         plugin_dir=str(plugins), connectors={'timeout': '1s'},
                         reactors=[{'name': 'main', 'pollers': '1'}]))
        client = Client(d)
        client.until(live=2)
        time.sleep(0.5)
        client.say('get x 60000')
        assert client.hear()[:2] == ['fail', 'ETIMEDOUT']
        accepted = []

        def two_are_ready():
            s.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                accepted.append(s.accept())
            return client.metrics()[0] == 2
        eventually(two_are_ready, 'one is missing')
        for c in held + [conn for conn, _ in accepted]:
            c.close()


def test_unresolvable_is_told(serve):
    client = Client(serve('no-such-host.invalid:80'))
    assert client.ask('get a')[1] in ('EADDRNOTAVAIL', 'EAGAIN')


def test_idle_ones_above_min_idle_are_closed(serve, server):
    client = Client(serve(server.port, idle_min=1, growth=3, idle_timeout='200ms'))
    client.get('a')
    server.wait(lambda: server.accepted == 3)
    client.until(idle=1, live=2, dead=0)


def test_check_passes(serve, server):
    client = Client(serve(server.port, idle_min=2, check_interval='50ms', check_timeout='1h'))
    server.wait(lambda: server.pings >= 6)
    assert client.metrics()[5] == 0
    client.get('a')
    client.ask('put a')


def test_check_finds_who_does_not_answer(serve, server):
    client = Client(serve(server.port, idle_min=2, check_interval='50ms', check_timeout='100ms'))
    server.mute = True   # connected, and not well
    eventually(lambda: client.metrics()[5] >= 2, 'both are found')
    server.mute = False
    client.until(idle=2)
    client.get('b')


def test_one_with_unread_bytes_is_not_lent_again(serve, server):
    client = Client(serve(server.port))
    client.get('a')
    assert client.ask('say a keep') == ['kept', '4', 'a']
    assert client.ask('put a') == ['close', str(RELEASED), 'a']
    client.until(live=0, idle=0)
    client.get('b')


def test_dropped_ones_leave(serve, server):
    client = Client(serve(server.port, idle_min=1))
    client.get('a')
    assert client.ask('drop a') == ['close', str(HANDLER), 'a']
    client.until(idle=1, live=1)


def test_server_that_closes_every_connection_is_not_stormed(serve):
    """Ready ones are made again after a pause, and so are those that a caller waits for."""
    with Server() as s:
        s.closing = True
        d = serve(s.port, idle_min=2)
        d.may_say = ['cannot connect to .*: the connections end at once']
        d.log.wait(d.may_say[0])
        assert s.accepted <= 6
        client, before, start = Client(d), s.accepted, time.monotonic()
        for _ in range(4):
            assert client.get('x') == '0'
            assert client.hear()[0] == 'close'
        took = time.monotonic() - start
        assert took > 0.05   # two of them may be made after one pause
        assert s.accepted - before <= 4 + took / 0.05   # a pause before each attempt
        s.closing = False
        client.until(idle=2)


def test_server_that_the_handler_rejects_is_not_stormed(serve, server):
    client = Client(serve(server.port))
    client.get('a')
    start = time.monotonic()
    assert client.ask('reject a') == ['close', str(HANDLER), 'a']
    client.get('b')
    assert time.monotonic() - start > 0.09
    server.wait(lambda: server.accepted == 2)


def test_many_clients_on_few_connections(serve, server):
    d = serve(server.port, connections_max=4, growth=2, pollers='2')

    def use(client, n):
        for _ in range(10):
            client.get(f'w{n}')
            assert client.ask(f'put w{n}')[:2] == ['close', str(RELEASED)]
        return n
    clients = [Client(d) for _ in range(40)]
    with concurrent.futures.ThreadPoolExecutor(40) as threads:
        assert list(threads.map(use, clients, range(40))) == list(range(40))
    assert len(server.conns) <= 4
    clients[0].until(acquired=400, waiting=0)


def test_stop_with_waiters_and_lent_ones(serve, server):
    d = serve(server.port, connections_max=1, idle_min=1)
    client = Client(d)
    client.get('a')
    client.say('get b')
    client.until(waiting=1)
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


@pytest.mark.parametrize('options', [
    {'to': '127.0.0.1'}, {'idle_min': 2, 'connections_max': 1}, {'growth': 3, 'connections_max': 2},
    {'connections_max': 65537}])
def test_wrong_pool_is_refused(goevd_run, plugins, tmp_path, options):
    content = config(listener(handler={'pooling': {'to': '127.0.0.1:1', **options}}),
                     plugin_dir=str(plugins))
    (tmp_path / 'wrong.yaml').write_text(str(content).replace("'", '"'))
    done = goevd_run('-c', tmp_path / 'wrong.yaml')
    assert done.returncode == daemon.CONFIG_FAULT and 'no pool: EINVAL' in done.stderr
