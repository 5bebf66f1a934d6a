"""The plugin relay: which upstream it takes, and how it stops."""
import contextlib
import re
import signal
import threading
import time

import pytest

import daemon
import procfs
from daemon import PATIENCE_S, SANITIZER, config, eventually, listener
from upstreams import Upstream, dead_port, full, is_refused, reset, say_and_hold
from wire import Reader, closed


# ---- Which upstream -----------------------------------------------------------------------------

def test_connections_go_where_the_fewest_are(relay, relay_figure):
    names = [b'a', b'b', b'c']
    with contextlib.ExitStack() as stack:
        ups = [stack.enter_context(Upstream(say_and_hold(n))) for n in names]
        d = relay(*ups, pollers='1')
        held = {n: [] for n in names}
        for _ in range(30):
            s = d.connect()
            held[s.recv(1)].append(s)
        assert [len(held[n]) for n in names] == [10, 10, 10]
        for s in held[b'b']:
            s.close()
        eventually(lambda: relay_figure('upstream.1.open') == 0, 'they have ended')
        again = [d.connect().recv(1) for _ in range(10)]
        assert again == [b'b'] * 10
        assert [relay_figure(f'upstream.{n}.open') for n in range(3)] == [10, 10, 10]
        assert [relay_figure(f'upstream.{n}.connected') for n in range(3)] == [10, 20, 10]
        assert (relay_figure('open'), relay_figure('connected')) == (30, 40)


def test_pollers_count_together(relay, relay_figure):
    with Upstream(say_and_hold(b'a')) as a, Upstream(say_and_hold(b'b')) as b:
        d = relay(a, b, pollers='3')
        for _ in range(60):
            assert d.connect().recv(1)
        assert sorted(relay_figure(f'upstream.{n}.open') for n in range(2)) == [30, 30]


def test_upstream_that_is_down_is_passed_over(relay, relay_figure):
    s, port = dead_port()
    with s, Upstream(say_and_hold(b'a')) as up:
        d = relay(f'127.0.0.1:{port}', up, rest='1h')
        d.may_say = ['does not answer']
        for _ in range(20):
            assert d.connect().recv(1) == b'a'
        assert len(d.log.wait(rf'upstream 127\.0\.0\.1:{port} does not answer: '
                              'Connection refused$')) == 1
        assert relay_figure('upstream.0.failed') == 1   # it was asked once, and rests
        assert (relay_figure('resting'), relay_figure('refused')) == (1, 0)


@pytest.mark.parametrize('end', [lambda s: s.close(), reset], ids=['end', 'reset'])
def test_upstream_that_ends_every_connection_draws_no_more_clients(relay, relay_figure, end):
    """It has the fewest connections, and would get all of them."""
    def serve(s):
        s.recv(1)   # it is connected, and not refused
        end(s)
    with Upstream(serve) as bad, Upstream(say_and_hold(b'a')) as up:
        d = relay(bad, up, rest='1h', pollers='1')
        d.may_say = ['ends its connections without a byte']
        got = []
        for _ in range(20):
            s = d.connect()
            s.sendall(b'x')
            got.append(closed(s))
        assert got.count(True) == 3
        assert relay_figure('upstream.0.failed') == 3
        assert relay_figure('resting') == 1


def test_upstream_that_returns_is_used_again(relay, relay_figure):
    s, port = dead_port()
    with Upstream(say_and_hold(b'a')) as up:
        d = relay(f'127.0.0.1:{port}', up, rest='100ms')
        d.may_say = ['does not answer']
        with s:
            while relay_figure('upstream.0.failed') < 3:   # after each rest
                assert d.connect().recv(1) == b'a'
        with Upstream(say_and_hold(b'b'), port):
            eventually(lambda: d.connect().recv(1) == b'b', 'it is used again')
            d.log.wait(rf'notice: relay: upstream 127\.0\.0\.1:{port} answers again$|'
                       rf'upstream 127\.0\.0\.1:{port} answers again$')
            assert relay_figure('resting') == 0
        assert len(d.log.find('does not answer')) == 1   # logged when the state changed, not each time


def test_one_client_at_a_time_tries_who_has_rested(relay, relay_figure):
    port, clients = full()
    with Upstream(say_and_hold(b'a')) as up:
        d = relay(f'127.0.0.1:{port}', up, rest='400ms', connect_timeout='300ms', pollers='1')
        d.may_say = ['does not answer']
        assert d.connect().recv(1) == b'a'   # perhaps after having waited for the other
        assert d.connect().recv(1) == b'a'
        failed = relay_figure('upstream.0.failed')
        assert failed >= 1
        eventually(lambda: d.connect().recv(1) and relay_figure('connecting') == 0 and
                   relay_figure('upstream.0.failed') > failed, 'it is tried again')
    for c in clients:
        c.close()


def test_log_of_the_upstream_that_is_chosen(relay):
    dead, port = dead_port()
    with dead, Upstream(say_and_hold(b'a')) as up:
        d = relay(up, f'127.0.0.1:{port}', more={'log': {'level': 'debug'}})
        d.may_say = ['does not answer']
        for _ in range(2):   # the second finds the other upstream free, and dead
            assert d.connect().recv(1) == b'a'
        d.log.wait(rf'debug .*: connecting to upstream {re.escape(up.address)}$', 2)
        d.log.wait(rf'info .*: relayed to upstream {re.escape(up.address)}$', 2)
        assert d.log.find(rf'debug .*: connecting to upstream 127\.0\.0\.1:{port}$')


def test_log_of_a_client_that_is_refused(relay):
    dead, port = dead_port()
    with dead:
        d = relay(f'127.0.0.1:{port}', more={'log': {'level': 'info'}})
        d.may_say = ['does not answer']
        assert is_refused(d)
        d.log.wait('info .*: refused: no upstream can be connected to$')


def test_all_down_refuses_with_a_reset(relay, relay_figure):
    (a, port_a), (b, port_b) = dead_port(), dead_port()
    with a, b:
        d = relay(f'127.0.0.1:{port_a}', f'127.0.0.1:{port_b}')
        d.may_say = ['does not answer']
        for n in range(5):   # resting upstreams are tried, too, when no other is left
            assert is_refused(d)
            assert relay_figure('refused') == n + 1
        assert [relay_figure(f'upstream.{n}.failed') for n in range(2)] == [5, 5]
        assert len(d.log.wait('does not answer', 2)) == 2
        assert (relay_figure('open'), relay_figure('connecting')) == (0, 0)
    with Upstream(say_and_hold(b'x'), port_a):   # and one that is back is found at once
        assert d.connect().recv(1) == b'x'


@pytest.mark.parametrize('tries', [1, 2, 3])
def test_tries(relay, relay_figure, tries):
    held = [dead_port() for _ in range(3)]
    d = relay(*(f'127.0.0.1:{port}' for _, port in held), tries=tries)
    d.may_say = ['does not answer']
    assert is_refused(d)
    assert sum(relay_figure(f'upstream.{n}.failed') for n in range(3)) == tries
    for s, _ in held:
        s.close()


def test_name_that_has_no_address(relay, relay_figure):
    with Upstream(say_and_hold(b'a')) as up:
        d = relay('no-such-host.invalid:80', up)
        d.may_say = ['upstream no-such-host.invalid:80 does not answer: ']
        for _ in range(3):
            assert d.connect().recv(1) == b'a'
        assert relay_figure('upstream.0.failed') == 1


def test_upstream_that_never_accepts(relay, relay_figure):
    port, clients = full()
    d = relay(f'127.0.0.1:{port}', connect_timeout='200ms')
    d.may_say = [f'upstream 127.0.0.1:{port} does not answer: Connection timed out']
    assert is_refused(d)
    assert relay_figure('upstream.0.failed') == 1
    for c in clients:
        c.close()


def test_client_that_goes_while_it_waits(relay, relay_figure):
    seen = []

    def handle(sock):
        seen.append(closed(sock))
        sock.close()
    with Upstream(handle) as up:
        port, clients = full()
        d = relay(f'127.0.0.1:{port}', up, connect_timeout='1s', pollers='1')
        d.may_say = [f'upstream 127.0.0.1:{port} does not answer: Connection timed out']
        d.connect().close()
        eventually(lambda: seen, 'the next upstream sees it end')
        assert seen == [True]
        eventually(lambda: relay_figure('open') == 0, 'it is still open')
        for c in clients:
            c.close()


def test_client_that_is_idle_for_too_long_waits_no_more(relay, relay_figure):
    port, clients = full()
    d = relay(f'127.0.0.1:{port}', connect_timeout='1h', front={'idle_timeout': '200ms'})
    sockets = procfs.tcp_sockets(d.worker())
    assert closed(d.connect())
    eventually(lambda: relay_figure('connecting') == 0, 'it still waits')
    eventually(lambda: procfs.tcp_sockets(d.worker()) == sockets, 'an attempt goes on')
    assert (relay_figure('upstream.0.failed'), relay_figure('refused')) == (0, 0)
    for c in clients:
        c.close()


def test_stop_ends_those_that_wait(relay, relay_figure):
    port, clients = full()
    d = relay(f'127.0.0.1:{port}', connect_timeout='1h', more={'stop_timeout': '200ms'})
    d.may_say = ['cut after .*stop_timeout']
    waiting = [d.connect() for _ in range(5)]
    eventually(lambda: relay_figure('connecting') == 5, 'they wait')
    d.signal(signal.SIGTERM)
    assert all(closed(s) for s in waiting)
    assert d.wait() == 0
    for c in clients:
        c.close()


# ---- Many, and the end --------------------------------------------------------------------------

def test_many_connections(relay, relay_figure):
    count = 100 if SANITIZER else 400
    with Upstream() as a, Upstream() as b:
        d = relay(a, b)
        sockets = procfs.tcp_sockets(d.worker())
        for _ in range(2):
            socks = [d.connect() for _ in range(count)]
            for n, s in enumerate(socks):
                s.sendall(b'%d\n' % n)
            for n, s in enumerate(socks):
                assert Reader(s).until(b'\n') == b'%d\n' % n
            assert relay_figure('open') == count
            for s in socks:
                s.close()
            eventually(lambda: procfs.tcp_sockets(d.worker()) == sockets, 'fds are left')
            assert relay_figure('open') == 0
        assert a.accepted + b.accepted == 2 * count
        assert abs(a.accepted - b.accepted) <= 4   # two pollers may choose in one moment


def ends_whole(relay):
    """Whether a stop has let a transfer end; or else, the upstream was quiet itself."""
    go, pauses = threading.Event(), []

    def handle(sock):
        if sock.recv(1) == b't':
            for _ in range(30):
                sent = time.monotonic()
                sock.sendall(bytes(1 << 16))
                threading.Event().wait(0.05)
                pauses.append(time.monotonic() - sent)
            sock.close()
        go.wait(PATIENCE_S)
    with Upstream(handle) as up:
        d = relay(up, stop_quiet='1s', more={'stop_timeout': '30s'})
        quiet, busy = d.connect(), d.connect()
        quiet.sendall(b'q')
        busy.sendall(b't')
        assert len(busy.recv(1)) == 1
        d.signal(signal.SIGTERM)
        assert closed(quiet)
        quiet.close()
        try:
            whole = len(Reader(busy).rest()) == 30 * (1 << 16) - 1
        except ConnectionResetError:
            whole = False
        busy.close()
        go.set()
        assert d.wait() == 0
    assert whole or max(pauses) > 0.9
    return whole


def test_stop_lets_a_transfer_end_and_closes_what_is_quiet(relay):
    assert any(ends_whole(relay) for _ in range(5))


def test_reload_brings_other_upstreams_and_lets_a_transfer_end(relay):
    go = threading.Event()

    def handle(sock):
        sock.sendall(b'begun')
        go.wait(PATIENCE_S)
        sock.sendall(b' and done')
        sock.close()
    with Upstream(handle) as old, Upstream(say_and_hold(b'new')) as new:
        d = relay(old, stop_quiet='1h')
        s = d.connect()
        assert s.recv(5) == b'begun'
        d.config.write_text(d.config.read_text().replace(old.address, new.address))
        d.signal(signal.SIGHUP)
        eventually(lambda: d.connect().recv(3) == b'new', 'the new worker serves')
        go.set()
        assert Reader(s).rest() == b' and done'


def test_reload_ends_no_session_that_is_quiet_but_a_stop_does(relay):
    with Upstream(say_and_hold(b'here')) as up:
        d = relay(up, stop_quiet='20ms', more={'stop_timeout': '60s'})
        s, old = d.connect(), d.worker()
        assert s.recv(4) == b'here'
        d.signal(signal.SIGHUP)
        d.log.wait('reloaded: worker')
        s.settimeout(0.5)   # 25 times as long as it would have
        with pytest.raises(TimeoutError):
            s.recv(1)
        assert old in procfs.children(d.pid)
        s.settimeout(PATIENCE_S)
        d.signal(signal.SIGTERM)
        assert closed(s)
        s.close()
        assert d.wait() == 0


def test_stop_timeout_ends_what_does_not(relay):
    def handle(sock):
        while True:
            sock.sendall(b'tick')
            threading.Event().wait(0.02)
    with Upstream(handle) as up:
        d = relay(up, stop_quiet='200ms', more={'stop_timeout': '500ms'})
        d.may_say = ['connections? cut after .*stop_timeout']
        s = d.connect()
        assert s.recv(4)
        d.signal(signal.SIGTERM)
        assert d.wait() == 0


# ---- Configuration ------------------------------------------------------------------------------

WRONG = '''\
listeners:
  - address: 127.0.0.1:0
    handler:
      relay:
        {options}
'''


@pytest.mark.parametrize('options, error', [
    ('{}', '4:7: listeners[0].handler.relay.upstreams: is missing'),
    ('upstreams: []', '5:20: listeners[0].handler.relay.upstreams: has 0 items; at least 1 needed'),
    ('upstreams: [127.0.0.1:1, nowhere]',
     '5:34: listeners[0].handler.relay.upstreams[1]: \'nowhere\' has no port'),
    ('{upstreams: 127.0.0.1:0}', '5:21: listeners[0].handler.relay.upstreams[0]: port 0'),
    ('{upstreams: 127.0.0.1:1, tries: 0}', '5:41: listeners[0].handler.relay.tries: 0 is below 1'),
    ('{upstreams: 127.0.0.1:1, tries: 65}',
     '5:41: listeners[0].handler.relay.tries: 65 is above 64'),
    ('{upstreams: 127.0.0.1:1, connect_timeout: 0}',
     '5:51: listeners[0].handler.relay.connect_timeout: 0 is below 1ms'),
    ('{upstreams: 127.0.0.1:1, rest: 2d}',
     '5:40: listeners[0].handler.relay.rest: 2d is above 1d'),
    ('{upstreams: 127.0.0.1:1, proxy_protocol: v3}',
     '5:50: listeners[0].handler.relay.proxy_protocol: expected one of none, v1, v2; found "v3"'),
    ('{upstreams: 127.0.0.1:1, stop_quiet: 0}',
     '5:46: listeners[0].handler.relay.stop_quiet: 0 is below 1ms'),
])
def test_errors_name_line_and_column(goevd_run, tmp_path, options, error):
    path = daemon.write_config(tmp_path, WRONG.format(options=options))
    done = goevd_run('-c', path)
    assert done.returncode == daemon.CONFIG_FAULT
    assert f'{path}:{error}' in done.stderr, done.stderr


def test_most_upstreams(relay, relay_figure, goevd_run, tmp_path):
    with Upstream(say_and_hold(b'a')) as up:
        d = relay(*[up] * 64, pollers='1')
        for _ in range(64):
            assert d.connect().recv(1) == b'a'
        assert relay_figure('upstream.0.open') == 64   # one address has one set of metrics
        path = daemon.write_config(tmp_path, config(
            listener(handler={'relay': {'upstreams': [up.address] * 65}})))
        done = goevd_run('-t', '-c', path)
        assert done.returncode == 1
        assert re.search(r'relay\.upstreams: has 65 items; at most 64 allowed', done.stderr)
