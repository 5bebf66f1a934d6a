"""The supervisor's main thread makes no other system calls than its design document names."""
import os
import re
import signal
import subprocess

import pytest

import procfs
from daemon import BUILD, PATIENCE_S, ROOT, config, eventually, listener, said, status, write_config

PAGE = ROOT / 'docs' / 'design' / '033-supervisor-waits.md'
DIED = r'worker \d+ was killed by signal'
# How a call that could wait for another process is kept from that.
FLAGS = {'sendmsg': 'MSG_DONTWAIT', 'sendto': 'MSG_DONTWAIT', 'recvmsg': 'MSG_DONTWAIT',
         'recvfrom': 'MSG_DONTWAIT', 'accept4': 'SOCK_NONBLOCK', 'wait4': 'WNOHANG'}


def serving(control):
    """The worker that serves; nothing while there is none."""
    try:
        return status(control)[1].get('serving', [])
    except OSError:
        return []


def calls(trace):
    """Name and arguments of each call since the main thread waited first."""
    found = re.findall(r'^(\w+)\((.*)$', trace, re.M)
    first = next(i for i, (name, _) in enumerate(found) if name == 'poll')
    return found[first:]


@pytest.mark.unsanitized   # LeakSanitizer refuses to be traced, and sanitizers make calls of their own
def test_main_thread_makes_only_calls_that_are_documented(goevd, tmp_path):
    trace, control, log = (tmp_path / name for name in ('trace', 'control', 'log'))
    content = config(listener(), listener('other', 'echo', f'unix:{tmp_path}/other'),
                     control={'socket': str(control)}, log={'target': str(log)},
                     pid_file=str(tmp_path / 'pid'))
    d = goevd(content, wrap=['strace', '-D', '-o', str(trace)], ready=False)
    eventually(lambda: serving(control), 'no worker serves')
    d.signal(signal.SIGUSR1)
    said(control, 'reopen')
    said(control, 'connections')
    content['listeners'].pop()
    write_config(d.folder, content)
    said(control, 'reload')
    old, = serving(control)
    os.kill(old, signal.SIGKILL)
    eventually(lambda: serving(control) not in ([], [old]), 'no other worker serves')
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    made = calls(trace.read_text())
    documented = set(re.findall(r'\b([a-z0-9_]+)\(2\)', PAGE.read_text()))
    assert {name for name, _ in made} - documented == set()
    assert {'poll', 'sendmsg', 'recvmsg', 'wait4', 'clone'} <= {name for name, _ in made}
    waiting = [f'{name}({rest}' for name, rest in made
               if name in FLAGS and FLAGS[name] not in rest]
    assert waiting == []


SLOWFS = BUILD / 'tests' / 'fuse' / 'slowfs'


@pytest.fixture
def hanging(tmp_path):
    """Mount a file system on a folder, where every path hangs until the test ends."""
    mounted = []

    def mount(folder):
        p = subprocess.Popen([SLOWFS, folder, '0', 'paths'], text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        mounted.append(p)
        if p.stdout.readline() != 'mounted\n':
            pytest.skip('FUSE cannot be mounted here')
        return p

    yield mount
    for p in mounted:
        p.send_signal(signal.SIGTERM)
        p.communicate(timeout=PATIENCE_S)


@pytest.mark.unsanitized
@pytest.mark.skipif(not SLOWFS.exists(), reason='built without libfuse3-dev')
@pytest.mark.skipif(not os.access('/dev/fuse', os.R_OK | os.W_OK), reason='no /dev/fuse')
@pytest.mark.parametrize('how', ['control', 'reopen', 'reload'])
def test_a_path_that_hangs_does_not_stop_the_supervisor(goevd, hanging, tmp_path, how):
    folder, control = tmp_path / 'folder', tmp_path / 'control'
    folder.mkdir()
    content = config(listener(), control={'socket': str(control)})
    if how == 'reopen':
        content['log'] = {'target': str(folder / 'log')}
    d = goevd(content, ready=False)
    eventually(lambda: serving(control), 'no worker serves')
    fs = hanging(folder)
    d.may_say = ['was killed by signal 9', 'control.socket: cannot bind', 'waits for a file system',
                 'the reload failed']
    if how == 'control':
        content['control'] = {'socket': str(folder / 'control')}
    if how == 'reload':
        content['log'] = {'target': str(folder / 'log')}
    write_config(d.folder, content)
    d.signal(signal.SIGUSR1 if how == 'reopen' else signal.SIGHUP)
    assert fs.stdout.readline() == 'held\n'
    old = serving(control)
    assert len(old) == 1, old
    os.kill(old[0], signal.SIGKILL)
    eventually(lambda: serving(control) not in ([], old), 'it is not replaced')
    d.signal(signal.SIGTERM)
    eventually(lambda: procfs.children(d.pid) == [], 'it does not stop')
    fs.stdin.write('\n')   # until then the kernel keeps the thread that waits for it
    fs.stdin.flush()
    assert d.wait() == 0
