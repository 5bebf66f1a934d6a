"""Errors that keep goevd from starting or reloading: reported in full, with exit status 1, and then
nothing has changed."""
import fcntl
import os
import re
import socket
import struct
import subprocess

import pytest

from daemon import (CONFIG_FAULT, ROOT, command, config, environment, eventually, listener, listens, run,
                    write_config)
from wire import get

pytestmark = pytest.mark.sequential


class Case:
    """A valid configuration, its path, and the files that break it."""

    def __init__(self, tmp_path):
        self.tmp_path = tmp_path
        self.sock = tmp_path / 'control.sock'
        self.content = config(control={'socket': str(self.sock)},
                              reactors=[{'name': 'main', 'pollers': '1'}])
        self.path = None
        self.kept = None

    def write(self, **more):
        """The configuration with this in it."""
        write_config(self.path.parent, {**self.content, **more})


def port_in_use(case):
    case.kept = socket.create_server(('127.0.0.1', 0))
    where = f'127.0.0.1:{case.kept.getsockname()[1]}'
    case.write(listeners=[*case.content['listeners'], listener('two', 'echo', where)])
    return (f"listener two: cannot bind to {where}: Address already in use; find who listens there "
            "with 'ss -lptn', or choose another address")


def pid_file_that_is_held(case):
    path = case.tmp_path / 'pid'
    case.kept = path.open('w')
    fcntl.flock(case.kept, fcntl.LOCK_EX)
    path.write_text(f'{os.getpid()}\n')
    case.write(pid_file=str(path))
    return (f'pid_file {path} is held by process {os.getpid()}, which lives; is that another goevd? '
            'Stop it, or choose another file')


def pid_file_without_a_folder(case):
    path = case.tmp_path / 'none' / 'pid'
    case.write(pid_file=str(path))
    return (f'cannot open pid_file {path}: No such file or directory; make its folder, or choose '
            'another file')


def configuration_that_is_gone(case):
    case.path.unlink()
    return f'{case.path}: cannot be read: No such file or directory; name another with -c'


def configuration_that_is_a_directory(case):
    case.path.unlink()
    case.path.mkdir()
    return f'{case.path}: is a directory, not a file; name one with -c'


def configuration_that_is_wrong(case):
    case.path.write_text('listeners: 7\n')
    return f'{case.path}:1:12: listeners: expected a map of keys, found a scalar'


def no_plugin_dir(case):
    case.write(plugin_dir=f'{case.tmp_path}/none')
    return (f"no plugin 'http': the plugin directory {case.tmp_path}/none cannot be read (plugin_dir, "
            '--plugin-dir): No such file or directory')


def no_file_descriptors(case):
    case.write(open_files_max=12, reactors=[{'name': 'main', 'pollers': '8'}])
    return "Too many open files; raise open_files_max or 'ulimit -n', or use fewer pollers"


def no_socket_of_systemd(case):
    case.write(listeners=[*case.content['listeners'], listener('two', 'echo', 'systemd:two')])
    return ("listener two: systemd has passed no socket 'two', and no other; is there a socket unit "
            'with FileDescriptorName=two, and was goevd started with it?')


def full_disk_under_the_log(case):
    case.write(log={'target': '/dev/full'})
    return ('log.target: cannot write to /dev/full: No space left on device; free some space, or choose '
            'another target')


def no_folder_for_the_log(case):
    case.write(log={'target': f'{case.tmp_path}/none/log'})
    return (f'log.target: cannot open {case.tmp_path}/none/log: No such file or directory; make its '
            'folder, or choose another target')


def no_folder_for_a_socket(case):
    where = f'unix:{case.tmp_path}/none/socket'
    case.write(listeners=[*case.content['listeners'], listener('two', 'echo', where)])
    return (f'listener two: cannot bind to {where}: No such file or directory; make its folder, or choose '
            'another address')


def file_that_is_no_socket(case):
    path = case.path
    case.write(listeners=[*case.content['listeners'], listener('two', 'echo', f'unix:{path}')])
    return (f'listener two: {path} exists and is not a socket; it is left alone; remove it, or choose another '
            'address')


def address_of_another_machine(case):
    case.write(listeners=[*case.content['listeners'], listener('two', 'echo', '192.0.2.1:80')])
    return ("listener two: cannot bind to 192.0.2.1:80: Cannot assign requested address; 'ip address' lists "
            'those of this machine')


def cpu_that_is_not_there(case):
    case.write(reactors=[{'name': 'main', 'pollers': '1', 'cpus': [1023]}])
    return ('reactor main: poller 0 cannot run on CPU 1023: goevd may not, or there is none; choose others '
            'with cpus')


BAD = [port_in_use, pid_file_that_is_held, pid_file_without_a_folder, configuration_that_is_gone,
       configuration_that_is_a_directory, configuration_that_is_wrong, no_plugin_dir,
       no_file_descriptors, no_socket_of_systemd, full_disk_under_the_log, no_folder_for_the_log,
       no_folder_for_a_socket, file_that_is_no_socket, address_of_another_machine, cpu_that_is_not_there]


@pytest.fixture
def case(tmp_path):
    """See there; what it keeps is let go of."""
    c = Case(tmp_path)
    yield c
    if c.kept:
        c.kept.close()


def manual():
    """The reasons listed in the manual, as patterns."""
    page = (ROOT / 'man/goevd.8.scd').read_text().split('# DIAGNOSTICS')[1].split('\n# ')[0]
    heads = [head for line in re.findall(r'^\*.*\*$', page, re.M) for head in line[1:-1].split('*, *')]
    return [re.sub(r'\b[A-Z]+\b', '.+', re.escape(head.replace('LISTEN_FDS', 'listen_fds')))
            .replace('listen_fds', 'LISTEN_FDS') for head in heads]


def seen(folder):
    """What is in it."""
    return sorted(map(str, folder.rglob('*')))


@pytest.mark.parametrize('bad', BAD, ids=lambda f: f.__name__)
@pytest.mark.parametrize('args', [[], ['--single']], ids=['supervised', 'single'])
def test_it_does_not_start(case, tmp_path, bad, args):
    folder = tmp_path / 'etc'
    folder.mkdir()
    case.path = write_config(folder, case.content)
    said = bad(case)
    before = seen(tmp_path)
    done = run(tmp_path, '-c', case.path, *args)
    faulty = done.stderr.startswith(str(case.path)) and 'log.target' not in said
    assert (done.returncode, done.stdout) == (CONFIG_FAULT if faulty else 1, '')
    assert said in done.stderr and any(re.search(head, said) for head in manual())
    assert seen(tmp_path) == before   # no socket, no pid file, no log


@pytest.mark.parametrize('bad', BAD, ids=lambda f: f.__name__)
def test_it_is_not_reloaded(case, goevd, tmp_path, bad):
    d = goevd(case.content)
    d.may_say = ['']
    eventually(lambda: listens(case.sock), 'no control socket')
    case.path, worker = d.config, d.worker()
    said = bad(case)
    before = seen(tmp_path)
    done = run(tmp_path, 'ctl', '-s', case.sock, 'reload')
    assert (done.returncode, done.stdout) == (1, '')
    assert said in done.stderr
    d.log.wait(f'the reload failed: worker {worker} goes on serving')
    assert d.worker() == worker and get(d.connect())[0] == 200
    assert seen(tmp_path) == before


# ---- A supervisor that is older ------------------------------------------------------------------

HELLO, WELCOME, FAILED, LOG = 1, 2, 9, 16   # src/proto/proto.h


def older_supervisor(folder, content, minor):
    """The reply of a worker to a supervisor of protocol version 1.`minor`: each message's type, and the error."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        worker = subprocess.Popen(
            command('-c', write_config(folder, content), f'--worker={theirs.fileno()}'),
            env=environment(folder), pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
        theirs.close()
        said, why = [], ''
        while data := ours.recv(65536):
            said.append(struct.unpack_from('I', data)[0])
            if said[-1] == HELLO:
                ours.send(struct.pack('IIQII', WELCOME, 16, 0, 1, minor))
            elif said[-1] == FAILED:
                why = data[8:].rstrip(b'\0').decode()
            else:
                break   # it has passed the code under test
    worker.communicate()
    return said, why, worker.returncode


def test_an_older_supervisor_opens_no_log(tmp_path):
    said, why, status = older_supervisor(tmp_path, config(log={'target': f'{tmp_path}/log'}), 3)
    assert (said, status) == ([HELLO, FAILED], 1) and not (tmp_path / 'log').exists()
    assert why == ('log.target: the supervisor that runs cannot open log files; restart goevd instead of '
                   'reloading it\n')
    said, why, _ = older_supervisor(tmp_path, config(log={'target': 'stderr'}), 3)
    assert LOG not in said and not why
    assert LOG in older_supervisor(tmp_path, config(log={'target': 'stderr'}), 4)[0]
