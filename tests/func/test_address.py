"""Every form of address, and addresses that are taken."""
import os
import socket
import stat

import pytest

import daemon
import procfs
from daemon import config, listener
from wire import echo, get, refused as nobody_listens

pytestmark = pytest.mark.sequential


@pytest.mark.parametrize('form, host', [('127.0.0.1:0', '127.0.0.1'), ('localhost:0', None),
                                        ('[::1]:0', '::1'), (':0', '127.0.0.1'), (':0', '::1'),
                                        ('*:0', '127.0.0.1'), ('*:0', '::1')])
def test_tcp(goevd, form, host):
    d = goevd(config(listener(address=form)))
    host = host or d.address()[1][0]
    with socket.create_connection((host, d.port()), daemon.PATIENCE_S) as s:
        assert get(s)[0] == 200


def test_ipv6_only_serves_no_ipv4(goevd):
    d = goevd(config(listener(address='[::]:0', ipv6_only=True)))
    assert nobody_listens(socket.AF_INET, ('127.0.0.1', d.port()))
    with socket.create_connection(('::1', d.port()), daemon.PATIENCE_S) as s:
        assert get(s)[0] == 200


def test_port_0_of_several_listeners(goevd):
    d = goevd(config(*(listener(f'n{i}', 'echo') for i in range(5))))
    assert len({d.port(f'n{i}') for i in range(5)}) == 5
    for i in range(5):
        echo(d.connect(f'n{i}'), f'n{i}'.encode())


def test_unix_path(goevd, tmp_path):
    path = tmp_path / 'sock'
    d = goevd(config(listener(address=f'unix:{path}')))
    assert d.listeners['web']['address'] == f'unix:{path}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert get(d.connect())[0] == 200
    d.finish()
    assert not path.exists()


def test_unix_mode_and_owner(goevd, tmp_path):
    path = tmp_path / 'sock'
    user = 65534 if os.getuid() == 0 else os.getuid()
    group = 65534 if os.getuid() == 0 else os.getgid()
    goevd(config(listener(address=f'unix:{path}', socket_mode='0606', socket_owner=str(user),
                          socket_group=str(group))))
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o606, user, group)


def test_unix_stale_socket_is_replaced(goevd, tmp_path):
    path = tmp_path / 'sock'
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen()
    assert path.exists()
    d = goevd(config(listener(address=f'unix:{path}')))
    assert get(d.connect())[0] == 200


def test_unix_live_socket_is_left_alone(refused, tmp_path):
    path = tmp_path / 'sock'
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen()
        inode = path.stat().st_ino
        said = refused(f'listeners: {{name: web, address: "unix:{path}", handler: echo}}\n')
        assert f'listener web: cannot bind to unix:{path}: Address already in use; ' in said
        assert path.stat().st_ino == inode
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_unix_regular_file_is_left_alone(refused, tmp_path):
    path = tmp_path / 'sock'
    path.write_text('precious')
    said = refused(f'listeners: {{name: web, address: "unix:{path}", handler: echo}}\n')
    assert f'listener web: {path} exists and is not a socket; it is left alone' in said
    assert path.read_text() == 'precious'


def test_unix_folder_that_is_not_there(refused, tmp_path):
    said = refused(
        f'listeners: {{name: web, address: "unix:{tmp_path}/none/sock", handler: echo}}\n')
    assert f'listener web: cannot bind to unix:{tmp_path}/none/sock: No such file or directory' \
        in said


def test_unix_abstract(goevd):
    name = f'goevd-test-{os.getpid()}'
    d = goevd(config(listener(address=f'unix:@{name}')))
    assert d.listeners['web']['address'] == f'unix:@{name}'
    assert get(d.connect())[0] == 200


def test_unix_abstract_in_use(refused):
    name = f'goevd-test-{os.getpid()}'
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f'\0{name}')
        s.listen()
        said = refused(f'listeners: {{name: web, address: "unix:@{name}", handler: echo}}\n')
    assert f'listener web: cannot bind to unix:@{name}: Address already in use; ' in said


@pytest.mark.parametrize('shared', [False, True])
@pytest.mark.parametrize('args', [[], ['--single']])
def test_port_in_use(refused, shared, args):
    with socket.socket() as s:
        if shared:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(('127.0.0.1', 0))
        s.listen()
        port = s.getsockname()[1]
        said = refused(f'listeners: {{name: web, address: "127.0.0.1:{port}", handler: echo}}\n',
                       *args)
        assert f'listener web: cannot bind to 127.0.0.1:{port}: Address already in use; find ' \
            "who listens there with 'ss -lptn', or choose another address" in said
        assert procfs.listeners(port) == 1


def test_port_in_use_by_another_goevd(goevd, refused):
    first = goevd()
    before = procfs.listeners(first.port())
    said = refused(
        f'listeners: {{name: web, address: "127.0.0.1:{first.port()}", handler: echo}}\n')
    assert f'cannot bind to 127.0.0.1:{first.port()}: Address already in use' in said
    assert procfs.listeners(first.port()) == before
    for _ in range(20):
        with socket.create_connection(('127.0.0.1', first.port())) as s:
            assert get(s)[0] == 200


def test_second_address_in_use_opens_nothing_for_long(refused, tmp_path):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen()
        path = tmp_path / 'gone'
        refused('listeners:\n'
                f'- {{address: "unix:{path}", handler: echo}}\n'
                f'- {{address: "127.0.0.1:{s.getsockname()[1]}", handler: echo}}\n')
        assert not path.exists()


def test_restarts_on_its_port_at_once(goevd):
    first = goevd()
    port = first.port()
    s = first.connect()
    assert get(s)[0] == 200
    first.signal(15)   # it closes first: TIME_WAIT stays on its side
    assert first.wait() == 0
    second = goevd(config(listener(address=f'127.0.0.1:{port}')))
    assert get(second.connect())[0] == 200


@pytest.mark.parametrize('address, why', [
    ('127.0.0.1:70000', 'port 70000 is above 65535'),
    ('127.0.0.1', 'has no port'),
    ('nowhere.invalid:80', 'nowhere.invalid'),
    ('unix:', ''),
    ('unix:' + 'x' * 200, ''),
    ('[::1:80', ''),
    ('127.0.0.1:http', ''),
])
def test_bad_address(refused, address, why):
    said = refused(f'listeners:\n- {{address: "{address}", handler: echo}}\n')
    assert said.startswith('goevd.yaml:2:13: listeners[0].address: ')
    assert why in said
    assert said.count('\n') == 1
