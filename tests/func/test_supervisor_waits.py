"""The supervisor's main thread makes no other system calls than its design document names."""
import os
import re
import signal

import pytest

from daemon import ROOT, config, eventually, listener, said, status, write_config

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
