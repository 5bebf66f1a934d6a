"""Outgoing connections, through a real plugin: tests/plugin/connecting.c."""
import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import threading

import pytest

from daemon import PATIENCE_S, config, eventually, listener
from wire import Reader, Talker, full, port_of, server

REASON_EOF = 1
SND_WND = 228   # offset of tcpi_snd_wnd in struct tcp_info


@pytest.fixture
def serve(goevd, plugins):
    """serve(...) -> a client of a goevd with the plugin connecting."""
    def start(**more):
        more.setdefault('reactors', [{'name': 'main', 'pollers': '1'}])
        d = goevd(config(listener(handler='connecting'), plugin_dir=str(plugins), **more))
        return d, Client(d)
    return start


class Client(Talker):
    """Sends commands, reads their results."""

    def ask(self, line):
        """The result, whichever attempt ends meanwhile."""
        self.say(line)
        while (heard := self.hear())[0] == 'close':
            pass
        return heard


def accept(s):
    peer, _ = s.accept()
    peer.settimeout(PATIENCE_S)
    return peer


def unused_port(family=socket.AF_INET, address='127.0.0.1'):
    """Nothing listens on this address, and no other process gets it while the socket lives."""
    s = socket.socket(family)
    s.bind((address, 0))
    return s, port_of(s)


def test_tcp4_opens_with_its_state_and_both_addresses(serve):
    _, client = serve()
    with server() as s:
        word, _, peer, local, hello = client.ask(f'connect 127.0.0.1:{port_of(s)} hello=hi')
        with accept(s) as there:
            assert (word, hello) == ('open', 'hi')
            assert peer == f'127.0.0.1:{port_of(s)}'
            assert local == f'127.0.0.1:{there.getpeername()[1]}'
            assert there.recv(2) == b'hi'
            there.sendall(b'answer\n')
            assert client.hear() == ['answer']
        assert client.hear() == ['close', str(REASON_EOF)]


def test_tcp6(serve):
    _, client = serve()
    with server(socket.AF_INET6, ('::1', 0)) as s:
        to = f'[::1]:{port_of(s)}'
        assert client.ask(f'connect {to}')[2] == to
        held, port = unused_port(socket.AF_INET6, '::1')
        held.close()
        assert client.ask(f'connect {to} from=[::1]:{port}')[3] == f'[::1]:{port}'


@pytest.mark.parametrize('name', ['/path', '@abstract'])
def test_unix(serve, tmp_path, name):
    path = str(tmp_path / 'socket') if name == '/path' else f'@{tmp_path}'
    _, client = serve()
    with server(socket.AF_UNIX, path.replace('@', '\0', 1) if path[0] == '@' else path) as s:
        assert client.ask(f'connect unix:{path} hello=x')[2] == 'unix'
        with accept(s) as there:
            assert there.recv(1) == b'x'


def test_name_is_looked_up_and_its_addresses_are_tried_in_turn(serve):
    _, client = serve()
    with server() as s:   # localhost may be ::1 first, where nothing listens
        assert client.ask(f'connect localhost:{port_of(s)}')[2] == f'127.0.0.1:{port_of(s)}'


def test_name_that_has_no_address(serve):
    _, client = serve()
    word, _, error, _ = client.ask('connect no-such-host.invalid:80')
    assert word == 'fail' and error in ('EADDRNOTAVAIL', 'EAGAIN')


def test_refusal(serve, tmp_path):
    _, client = serve()
    s, port = unused_port()
    with s:
        assert client.ask(f'connect 127.0.0.1:{port} hello=me') == \
            ['fail', '0', 'ECONNREFUSED', 'me']
    assert client.ask(f'connect unix:{tmp_path}/none')[2] == 'ENOENT'


def test_time_out(serve):
    _, client = serve()
    with server(backlog=0) as s:
        others = full(s)
        assert client.ask(f'connect 127.0.0.1:{port_of(s)} timeout=200')[2] == 'ETIMEDOUT'
        for c in others:
            c.close()


def test_time_out_is_the_configured_one_where_none_is_named(serve):
    _, client = serve(connectors={'timeout': '100ms'})
    with server(backlog=0) as s:
        others = full(s)
        assert client.ask(f'connect 127.0.0.1:{port_of(s)}')[2] == 'ETIMEDOUT'
        for c in others:
            c.close()


def test_full_unix_socket_is_tried_again(serve, tmp_path):
    _, client = serve()
    with server(socket.AF_UNIX, str(tmp_path / 'socket'), backlog=0) as s:
        others = full(s)
        assert client.ask(f'connect unix:{tmp_path}/socket timeout=100')[2] == 'ETIMEDOUT'
        client.say(f'connect unix:{tmp_path}/socket hello=x')
        accept(s).close()   # so there is room
        assert client.hear()[0] == 'open'
        for c in others:
            c.close()


def test_cancel(serve):
    _, client = serve()
    with server(backlog=0) as s:
        others = full(s)
        client.say(f'connect 127.0.0.1:{port_of(s)} hello=a')
        client.say('cancel')
        assert client.hear() == ['fail', '0', 'ECANCELED', 'a']
        client.say('cancel')   # there is nothing to cancel any more
        for c in others:
            c.close()
        assert client.ask(f'both 127.0.0.1:{port_of(s)} hello=b') == \
            ['fail', '0', 'ECANCELED', 'b']
        assert client.ask('both localhost:1 hello=c') == ['fail', '0', 'ECANCELED', 'c']


def test_source_address(serve):
    _, client = serve()
    with server() as s:
        to = f'connect 127.0.0.1:{port_of(s)}'
        assert client.ask(f'{to} from=127.0.0.7:0')[3].startswith('127.0.0.7:')
        with accept(s) as there:
            assert there.getpeername()[0] == '127.0.0.7'
        held, port = unused_port()
        held.close()
        assert client.ask(f'{to} from=127.0.0.8:{port}')[3] == f'127.0.0.8:{port}'
        assert client.ask(f'{to} from=192.0.2.1:0')[2] == 'EADDRNOTAVAIL'
        assert client.ask(f'{to} from=[::1]:0')[0] == 'fail'


def test_socket_options_are_set_before_connecting(serve):
    _, client = serve()
    with server() as s:
        assert client.ask(f'connect 127.0.0.1:{port_of(s)} rcvbuf=4096')[0] == 'open'
        with accept(s) as there:
            window = there.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            assert struct.unpack_from('<I', window, SND_WND)[0] < 8192


def test_reactor_that_serves(serve):
    _, client = serve(reactors=[{'name': 'main', 'pollers': '1'}, {'name': 'out', 'pollers': '2'}])
    with server() as s:
        here = client.ask(f'connect 127.0.0.1:{port_of(s)}')
        pollers = {client.ask(f'connect 127.0.0.1:{port_of(s)} reactor=out')[1] for _ in range(4)}
        assert here[:2] == ['open', '0']
        assert pollers == {'1', '2'}   # the least loaded, in turn


@pytest.mark.parametrize('words, error', [
    ('127.0.0.1', 'EINVAL'), ('127.0.0.1:0', 'EINVAL'), (':80', 'EINVAL'), ('unix:x', 'EINVAL'),
    ('127.0.0.1:80 from=name:0', 'EINVAL'), ('127.0.0.1:80 reactor=none', 'EINVAL')])
def test_wrong_request_is_refused_at_once(serve, words, error):
    _, client = serve()
    assert client.ask(f'connect {words}') == ['refused', error]


def test_connecting_to_oneself_is_a_refusal(serve):
    """A closed port of the ephemeral range can be chosen as the source."""
    _, client = serve()
    held, port = unused_port()
    held.close()
    assert client.ask(f'connect 127.0.0.1:{port} from=127.0.0.1:{port}')[2] == 'ECONNREFUSED'


def test_many_at_once_all_end_once(serve):
    _, client = serve()
    held, dead = unused_port()
    with server(backlog=512) as s, held:
        for n in range(200):
            client.say(f'connect 127.0.0.1:{port_of(s) if n % 2 else dead} hello=n{n}')
        heard = [client.hear() for _ in range(200)]
        assert sorted(h[-1] for h in heard) == sorted(f'n{n}' for n in range(200))
        assert sum(h[0] == 'open' for h in heard) == 100


def test_success_refusal_time_out_and_cancel_each_end_once(serve):
    _, client = serve()
    held, dead = unused_port()
    with server(backlog=128) as s, server(backlog=0) as stuck, held:
        others = full(stuck)
        kinds = {'open': f'connect 127.0.0.1:{port_of(s)}',
                 'ECONNREFUSED': f'connect 127.0.0.1:{dead}',
                 'ETIMEDOUT': f'connect 127.0.0.1:{port_of(stuck)} timeout=100',
                 'ECANCELED': f'both 127.0.0.1:{port_of(stuck)}'}
        for n in range(10):
            for kind, line in kinds.items():
                client.say(f'{line} hello={kind}{n}')
        heard = [client.hear() for _ in range(40)]
        ends = [(h[0] if h[0] == 'open' else h[2], h[-1]) for h in heard]
        assert sorted(ends) == sorted((kind, f'{kind}{n}') for kind in kinds for n in range(10))
        # Whatever came twice would have come before this, which waits longer than they did.
        assert client.ask(f'connect 127.0.0.1:{port_of(stuck)} timeout=300 hello=last')[-1] == 'last'
        for c in others:
            c.close()


def test_cancel_that_may_come_too_late_is_one_end_all_the_same(serve):
    _, client = serve()
    with server(backlog=512) as s:
        for n in range(200):
            client.say(f'connect 127.0.0.1:{port_of(s)} hello=n{n}')
            client.say('cancel')
            heard = client.hear()
            assert heard[-1] == f'n{n}' and (heard[0] == 'open' or heard[2] == 'ECANCELED')


class NameServer:
    """A name server on an address of its own, which knows good.test. It may be silent, or wait."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = None
        while not self.address:
            address = f'127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.53'
            with contextlib.suppress(OSError):
                self.sock.bind((address, 53))
                self.address = address
        self.asked, self.silent, self.go = [], False, threading.Event()
        self.go.set()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.sock.recvfrom(512)
                end = data.index(b'\0', 12) + 5
                name, kind = data[12:end - 4], struct.unpack('>H', data[end - 4:end - 2])[0]
                self.asked.append((name.replace(b'\4', b'.')[1:-1], kind))
                self.go.wait(PATIENCE_S)
                known = b'good' in name and kind == 1
                answer = b'\xc0\x0c' + struct.pack('>HHIH', 1, 1, 0, 4) + b'\x7f\0\0\1'
                if not self.silent:
                    self.sock.sendto(data[:2] + struct.pack('>HHHHH', 0x8180, 1, known, 0, 0) +
                                     data[12:end] + answer * known, peer)

    def count(self):
        """How often good.test was asked for."""
        return self.asked.count((b'good.test', 1))


@pytest.fixture
def names(tmp_path):
    """A name server, and the words before the command of a daemon that asks it."""
    if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], check=False).returncode != 0:
        pytest.skip('no mount namespace can be made here')
    there = NameServer()
    (tmp_path / 'resolv.conf').write_text(f'nameserver {there.address}\n')
    there.wrap = ['unshare', '-m', 'sh', '-ec',
                  f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf; exec "$@"', 'sh']
    yield there
    there.sock.close()


@pytest.fixture
def serve_names(goevd, plugins, names):
    """serve_names(keep) -> a client of a daemon that asks the name server, and one for jobs."""
    def start(keep):
        d = goevd(config(listener(handler='connecting'), listener('jobs', 'working'),
                         plugin_dir=str(plugins), connectors={'name_keep': keep},
                         work_pool={'name_threads': 1},
                         reactors=[{'name': 'main', 'pollers': '1'}]), wrap=names.wrap)
        return Client(d), d.connect('jobs')
    return start


def test_one_lookup_serves_all_who_ask_and_is_kept(serve_names, names):
    client, _ = serve_names('1h')
    with server() as s:
        names.go.clear()
        client.say(*[f'connect good.test:{port_of(s)} hello=h{n}' for n in range(5)])
        eventually(names.count, 'it is asked')
        client.say('connect wrong')
        assert client.hear() == ['refused', 'EINVAL']   # all have begun
        names.go.set()
        assert {client.hear()[-1] for _ in range(5)} == {f'h{n}' for n in range(5)}
        assert client.ask(f'connect good.test:{port_of(s)} hello=x')[-1] == 'x'
        assert names.count() == 1
    assert client.ask('connect bad.test:1')[2] == 'EADDRNOTAVAIL'


def test_name_server_that_is_silent_stops_nobody_who_has_an_address(serve_names, names):
    """Neither its own clients, for a while, nor others, nor jobs of plugins."""
    client, jobs = serve_names('0')
    with server() as s:
        assert client.ask(f'connect good.test:{port_of(s)} hello=a')[-1] == 'a'
        names.silent = True
        assert client.ask(f'connect good.test:{port_of(s)} hello=b')[-1] == 'b'
        client.say('connect bad.test:1')
        jobs.sendall(b'now\n')
        assert Reader(jobs).until(b'\n') == b'now\n'
        assert client.ask(f'connect good.test:{port_of(s)} hello=c')[-1] == 'c'
        assert client.ask(f'connect 127.0.0.1:{port_of(s)} hello=d')[-1] == 'd'


def test_stop_ends_attempts_and_connections(serve):
    d, client = serve(stop_timeout='300ms')
    d.may_say = ['connections? cut after .*stop_timeout']
    with server() as s, server(backlog=0) as stuck:
        others = full(stuck)
        assert client.ask(f'connect 127.0.0.1:{port_of(s)}')[0] == 'open'
        client.say(f'connect 127.0.0.1:{port_of(stuck)}')
        client.say(f'connect 127.0.0.1:{port_of(s)} hello=x')
        assert client.hear()[0] == 'open'
        d.signal(signal.SIGTERM)
        assert d.wait() == 0
        for c in others:
            c.close()
