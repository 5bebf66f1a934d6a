"""A worker that replaces a dead one uses the configuration that served last, even if the disk has changed."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import threading

import pytest

import procfs
from daemon import BINARY, PATIENCE_S, config, eventually, listener, write_config
from wire import closed, echo, get, refused, request

DIED = r'worker \d+ was killed by signal'
FAILED = r'the reload failed: worker \d+ goes on serving'
HASH = '$5$rounds=1000$abcdefgh$XIppta5rT8zJUu4vAOKQXrwq9uY4Ijlz6VjyOmkx5i4'
OFTEN = {'crashes_max': 1000, 'crash_window': '1s'}


def crash(d, number=signal.SIGKILL):
    """The worker dies, and another serves; its number."""
    start, old = len(d.log.lines), d.worker()
    os.kill(old, number)
    d.ready(start)
    d.log.wait('starting from the configuration that last served, not from the disk', start=start)
    assert d.worker() != old
    return d.worker()


def reload(d):
    """From the disk; the worker before has ended."""
    start = len(d.log.lines)
    d.signal(signal.SIGHUP)
    d.log.wait(r'reloaded: worker \d+ serves', start=start)
    eventually(lambda: len(procfs.children(d.pid)) == 1, 'the old worker drains')


def says(text):
    """A handler."""
    return {'http': {'routes': [{'path': '/', 'respond': {'body': text}}]}}


def body(d, path='/'):
    """Of a reply."""
    return get(d.connect(), path)[2]


def spoil_by_fifo(path):
    """Any process that opens it waits."""
    path.unlink()
    os.mkfifo(path)


SPOILED = {
    'broken': lambda path: path.write_text('listeners: 7\n'),
    'removed': pathlib.Path.unlink,
    'fifo': spoil_by_fifo,
    'other': lambda path: write_config(path.parent, config(listener(handler='echo'))),
}


@pytest.mark.parametrize('how', SPOILED)
@pytest.mark.parametrize('number', [
    signal.SIGKILL, pytest.param(signal.SIGSEGV, marks=pytest.mark.unsanitized)])   # of which it reports
def test_configuration_is_the_one_that_served(goevd, how, number):
    d = goevd(config(listener(handler=says('one')), processes=OFTEN))
    d.may_say = [DIED, r'worker \d+: (SIGSEGV|#)']
    SPOILED[how](d.config)
    crash(d, number)
    assert body(d) == b'one'
    crash(d, number)
    assert body(d) == b'one'


def test_a_reload_puts_another_in_its_place(goevd):
    d = goevd(config(listener(handler=says('one'))))
    d.may_say = [DIED]
    write_config(d.folder, config(listener(handler=says('two'))))
    crash(d)
    assert body(d) == b'one'
    reload(d)
    assert body(d) == b'two'
    d.config.unlink()
    crash(d)
    assert body(d) == b'two'


def test_ten_crashes_after_a_refused_reload(goevd):
    d = goevd(config(listener(handler=says('one')), processes=OFTEN))
    d.may_say = [DIED, 'the reload failed: ']
    d.config.write_text('listeners: 7\n')
    d.signal(signal.SIGHUP)
    d.log.wait(FAILED)
    for _ in range(10):
        crash(d)
        assert body(d) == b'one'


def test_includes_are_those_that_served(goevd, tmp_path):
    (tmp_path / 'conf.d').mkdir()
    own, new = tmp_path / 'conf.d' / 'own.yaml', tmp_path / 'conf.d' / 'new.yaml'
    own.write_text('listeners: {name: echo, address: "127.0.0.1:0", handler: echo}\n')
    d = goevd({**config(listener(handler=says('one'))), 'include': f'{tmp_path}/conf.d/*.yaml'},
              ready=False)
    d.count = 2
    d.ready()
    d.may_say = [DIED]
    new.write_text('unknown: key\n')
    own.write_text('listeners: [')
    crash(d)
    echo(d.connect('echo'))
    shutil.rmtree(tmp_path / 'conf.d')
    crash(d)
    echo(d.connect('echo'))
    assert body(d) == b'one'


def test_files_of_plugins_are_those_that_served(goevd, tmp_path):
    """Users, pages of errors and types."""
    users, page, types = (tmp_path / name for name in ('users', 'page', 'types'))
    users.write_text(f'eve:{HASH}\n')
    page.write_text('the page')
    types.write_text('x/kept kept\n')
    (tmp_path / 'root').mkdir()
    (tmp_path / 'root' / 'file.kept').write_text('file')
    d = goevd(config(listener(handler={'http': {
        'routes': [{'path': '/in', 'handler': [{'basic_auth': {'users': str(users)}},
                                               {'download': {'root': str(tmp_path / 'root')}}]},
                   {'path': '/*', 'handler': {'download': {'root': str(tmp_path / 'root'),
                                                           'type_file': str(types)}}}],
        'error_pages': [{'status': 404, 'file': str(page)}]}})))
    d.may_say = [DIED]
    users.unlink()
    page.write_text('another')
    spoil_by_fifo(types)
    for _ in range(2):
        crash(d)
        assert get(d.connect(), '/in')[0] == 401
        assert get(d.connect(), '/none')[::2] == (404, b'the page')
        s = d.connect()
        s.sendall(request('/file.kept'))
        assert b'\r\nContent-Type: x/kept\r\n' in s.recv(4096)


def test_status_names_the_configuration_that_serves(goevd, tmp_path):
    d = goevd(config(listener(handler=says('one')), control={'socket': str(tmp_path / 'ctl')}))
    d.may_say = [DIED, 'the reload failed: ']

    def shown():
        return re.search(r'^config +(.*)', d.ctl('status').stdout, re.M)[1]

    def told():
        return json.loads(d.ctl('status', '--json').stdout)

    assert shown() == str(d.config) and told()['config_file'] == 'as loaded'
    loaded = told()['config_since']
    d.config.write_text('listeners: 7\n')
    assert d.ctl('reload').returncode == 1
    crash(d)

    def changed():   # a second later: that is how exactly it is known when a file was read
        d.config.touch()
        return shown() == f'{d.config} (changed on disk)'
    eventually(changed, shown())
    assert told()['config_since'] == loaded and told()['last_reload']['ok'] is False
    d.config.unlink()
    assert shown() == f'{d.config} (missing on disk)' and told()['config_file'] == 'missing'


# ---- Plugins -------------------------------------------------------------------------------------

@pytest.fixture
def editions(goevd, plugins):
    """A goevd with a plugin that replies with its edition, and the plugin's file."""
    file = plugins / 'starting.so'
    file.unlink()
    shutil.copy(BINARY.parent / 'tests' / 'plugin' / 'starting.so', file)
    d = goevd(config(listener(handler={'starting': {}}), plugin_dir=str(plugins), processes=OFTEN))
    d.may_say = [DIED]
    return d, file


def edition(d):
    """Its reply."""
    return d.connect().recv(5)


def test_plugin_is_the_one_that_served(editions):
    d, file = editions
    assert f'{file}' in pathlib.Path(f'/proc/{crash(d)}/maps').read_text()
    other = file.with_suffix('.new')
    shutil.copy(BINARY.parent / 'tests' / 'plugin' / 'starting_next.so', other)
    other.rename(file)
    for _ in range(2):
        crash(d)
        assert edition(d) == b'first'
    file.unlink()
    crash(d)
    assert edition(d) == b'first'
    shutil.copy(BINARY.parent / 'tests' / 'plugin' / 'starting_next.so', file)
    reload(d)
    assert edition(d) == b'next'
    file.unlink()
    crash(d)
    assert edition(d) == b'next'


def test_each_plugin_that_is_gone_is_loaded_as_itself(goevd, plugins):
    """From descriptors, of which no two lead to the same file."""
    names = ['echo', 'starting', 'basic_auth', 'cors']
    for name in names:
        file = plugins / f'{name}.so'
        source = file.resolve()
        file.unlink()
        shutil.copy(source, file)
    d = goevd(config(listener('starting', {'starting': {}}), listener('echo', 'echo'),
                     listener('web', {'http': {'routes': [{'path': '/', 'handler': [
                         {'cors': {'origins': ['https://example.com']}}, {'download': {'root': '/'}}]}]}}),
                     plugin_dir=str(plugins)))
    d.may_say = [DIED]
    for name in names:
        (plugins / f'{name}.so').unlink()
    for _ in range(2):
        crash(d)
        assert d.connect('starting').recv(5, socket.MSG_WAITALL) == b'first'
        echo(d.connect('echo'))
        assert get(d.connect('web'))[0] in (403, 404)


@pytest.mark.unsanitized
def test_crash_in_a_plugin_that_is_gone_names_its_path(goevd, plugins):
    file = plugins / 'stuck.so'
    source = file.resolve()
    file.unlink()
    shutil.copy(source, file)
    d = goevd(config(listener(handler='stuck'), plugin_dir=str(plugins)))
    d.may_say = [DIED, r'worker \d+: ']
    file.unlink()
    worker = crash(d)
    d.connect().sendall(b'crash segv\n')
    d.log.wait(rf'error goevd: worker {worker}: #\d+ {file}\(\+0x')
    assert not d.log.find('/proc/self/fd')


# ---- The binary ----------------------------------------------------------------------------------

def copied(tmp_path, name):
    """The binary under another name."""
    shutil.copy(BINARY, tmp_path / name)
    return tmp_path / name


def run_as(path):
    """For wrap=: the command is that path instead of the binary."""
    return ['sh', '-c', 'shift; exec "$0" "$@"', str(path)]


def binary_of(pid):
    """Where the kernel has it from."""
    return os.readlink(f'/proc/{pid}/exe')


@pytest.mark.unsanitized('tsan')
def test_symbolic_link_leads_a_reload_to_another_binary(goevd, plugins, tmp_path):
    one, two, link = copied(tmp_path, 'goevd-1'), copied(tmp_path, 'goevd-2'), tmp_path / 'goevd'
    link.symlink_to(one)
    d = goevd(config(listener(handler='echo'), plugin_dir=str(plugins), processes=OFTEN),
              wrap=run_as(link))
    d.may_say = [DIED]
    assert binary_of(d.pid) == binary_of(d.worker()) == str(one)
    link.unlink()
    link.symlink_to(two)
    assert binary_of(crash(d)) == str(one)   # the other one was not announced
    reload(d)
    assert binary_of(d.worker()) == str(two)
    one.unlink()
    assert binary_of(crash(d)) == str(two)
    two.unlink()
    assert binary_of(crash(d)) == f'{two} (deleted)'
    echo(d.connect())


@pytest.mark.unsanitized('tsan')
@pytest.mark.parametrize('name', ['goevd-1', '../goevd-1'])
def test_binary_that_is_gone_goes_on(goevd, plugins, tmp_path, name):
    """Found by PATH, or by a path from where it was started."""
    one = copied(tmp_path, 'goevd-1')
    folder = tmp_path / 'folder'
    folder.mkdir()
    d = goevd(config(listener(handler='echo'), plugin_dir=str(plugins), processes=OFTEN),
              wrap=run_as(name), cwd=folder, env={'PATH': f'{tmp_path}:{os.environ["PATH"]}'})
    d.may_say = [DIED, 'goevd-1 is gone; the binary that served last is started again']
    one.unlink()
    worker = crash(d)
    assert pathlib.Path(f'/proc/{worker}/comm').read_text() == 'goevd-1\n'
    reload(d)
    crash(d)
    echo(d.connect())


# ---- Files that can be read once -----------------------------------------------------------------

@pytest.mark.parametrize('name', ['/dev/stdin', '/dev/fd/{}'])
def test_configuration_that_can_be_read_once(goevd, tmp_path, name):
    """As by `-c /dev/stdin` and `-c <(command)`."""
    content = write_config(tmp_path, config(listener(handler=says('one')), processes=OFTEN))
    read, write = os.pipe()
    os.write(write, content.read_bytes())
    os.close(write)
    d = goevd(config(), '-c', name.format(read), pass_fds=[read],
              wrap=['bash', '-c', f'exec "$@" <&{read}', '-'])
    os.close(read)
    d.may_say = [DIED, 'the reload failed: ']
    for _ in range(2):
        crash(d)
        assert body(d) == b'one'
    d.signal(signal.SIGHUP)
    d.log.wait(FAILED)
    crash(d)
    assert body(d) == b'one'


# ---- No worker can start -------------------------------------------------------------------------

NO_ROOT = r'worker \d+( ended with status 78$|: /.*goevd\.yaml:\d+:)'
RETRY = r'no worker serves; starting another in \d+\.\d s$'


@pytest.fixture
def rooted(goevd, plugins, tmp_path):
    """rooted(processes) -> a goevd whose workers need a folder, and that folder, which is not kept."""
    def start(*listeners, env=None, **processes):
        root = tmp_path / 'root'
        root.mkdir()
        (root / 'file').write_text('text')
        d = goevd(config(listener(handler={'http': {'routes': [
            {'path': '/*', 'handler': {'download': {'root': str(root)}}}]}}), *listeners,
            processes=processes, plugin_dir=str(plugins), control={'socket': str(tmp_path / 'ctl')}),
            env=env)
        d.may_say = [DIED, NO_ROOT, 'giving up$', 'the reload failed: ']
        return d, root
    return start


def lose(d, root):
    """The folder goes, and with it the worker."""
    root.rename(root.with_name('lost'))
    os.kill(d.worker(), signal.SIGKILL)


def test_starts_that_fail_are_no_crashes(rooted):
    d, root = rooted(crashes_max=2)
    lose(d, root)
    d.log.wait(RETRY, 3)
    start = len(d.log.lines)
    root.with_name('lost').rename(root)
    d.ready(start)
    assert body(d, '/file') == b'text'
    pauses = [float(m[0].split()[-2]) for m in d.log.find(RETRY)]
    assert pauses[:3] == [0.1, 0.2, 0.4]


def until_stopping(manager, said):
    """A service manager: receives notifications, and closes the sockets that come with them."""
    while 'STOPPING=1' not in said:
        said.extend(manager.recv(4096).decode().split('\n'))


def test_sockets_that_nobody_serves_are_closed(rooted, tmp_path):
    """After a time-out; the service manager is notified of it, and never that goevd is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        said = []
        manager.bind(str(tmp_path / 'notify'))
        manager.settimeout(PATIENCE_S)
        reader = threading.Thread(target=until_stopping, args=(manager, said))
        reader.start()
        d, root = rooted(restart_timeout='3s', env={'NOTIFY_SOCKET': str(tmp_path / 'notify')})
        waiting = d.connect()
        lose(d, root)
        d.log.wait(RETRY)
        d.config.write_text('listeners: 7\n')
        reply = d.ctl('reload')
        assert reply.returncode == 1 and 'listeners: ' in reply.stderr
        d.status = 3
        assert d.wait() == 3
        d.log.wait(r'no worker could be started for 3 s \(processes.restart_timeout\): giving up$')
        reader.join()
        assert said.count('READY=1') == 1
    assert closed(waiting)
    assert refused(*d.address())


def test_giving_up_lets_those_that_drain_finish(rooted, tmp_path):
    """A connection of the worker before is not cut off."""
    stays = {'witness': {'name': 'w', 'stays': True}}
    d, root = rooted(listener('stays', stays), restart_timeout='1s')
    held = d.connect('stays')
    echo(held)
    d.signal(signal.SIGHUP)
    serves = d.log.wait(r'reloaded: worker (\d+) serves$')[0][1]
    root.rename(tmp_path / 'lost')
    os.kill(int(serves), signal.SIGKILL)
    d.log.wait('giving up: stopping')
    echo(held)
    held.close()
    d.status = 3
    assert d.wait() == 3
