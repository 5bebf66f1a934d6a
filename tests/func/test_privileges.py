"""The user of the worker and its rights; the pid file."""
import fcntl
import os
import pathlib
import pwd
import re
import signal

import pytest

import daemon
import procfs
from daemon import HELLO, config, eventually, listener, listens, write_config
from wire import get

ROOT = os.geteuid() == 0
AS_ROOT = pytest.mark.skipif(not ROOT, reason='needs root')
NOBODY = pwd.getpwnam('nobody')
# One after another: each takes the first that is free.
LOW_PORT = pytest.mark.xdist_group('low_ports')
DIED = r'worker \d+ was killed by signal'


def about(pid):
    """/proc/PID/status by its names."""
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    return dict(line.split(':\t', 1) for line in lines if ':\t' in line)


# ---- User and group ------------------------------------------------------------------------------

@AS_ROOT
@pytest.mark.parametrize('who', ['nobody', str(NOBODY.pw_uid)])
def test_root_becomes_the_user_with_nothing_left(goevd, who):
    d = goevd(config(user=who))
    worker = about(d.worker())
    assert worker['Uid'].split() == [str(NOBODY.pw_uid)] * 4
    assert worker['Gid'].split() == [str(NOBODY.pw_gid)] * 4
    assert worker['Groups'].split() in ([], [str(NOBODY.pw_gid)])
    for kind in 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb':
        assert int(worker[kind], 16) == 0, kind
    assert worker['NoNewPrivs'] == '1'
    assert about(d.pid)['Uid'].split() == ['0'] * 4
    assert get(d.connect())[0] == 200


@AS_ROOT
def test_every_thread_has_become_the_user(goevd):
    d = goevd(config(user='nobody', work_pool={'threads': 2}))
    for task in pathlib.Path(f'/proc/{d.worker()}/task').iterdir():
        thread = about(f'{d.worker()}/task/{task.name}')
        assert thread['Uid'].split()[1] == str(NOBODY.pw_uid)
        assert int(thread['CapPrm'], 16) == int(thread['CapEff'], 16) == 0


@AS_ROOT
def test_a_group_of_its_own(goevd):
    d = goevd(config(user='nobody', group='daemon'))
    worker = about(d.worker())
    assert worker['Uid'].split()[1] == str(NOBODY.pw_uid)
    assert worker['Gid'].split()[1] == '1'


@AS_ROOT
def test_a_user_without_an_entry(goevd):
    d = goevd(config(user='54321'))
    worker = about(d.worker())
    assert worker['Uid'].split()[1] == worker['Gid'].split()[1] == '54321'
    assert worker['Groups'].split() == []


@AS_ROOT
@LOW_PORT
def test_ports_below_1024_are_bound_before(goevd):
    port = next(p for p in range(700, 1000) if not procfs.listeners(p))
    d = goevd(config(listener(address=f'127.0.0.1:{port}'), user='nobody'))
    assert get(d.connect())[0] == 200
    d.may_say = [DIED]
    os.kill(d.worker(), signal.SIGKILL)   # and the next worker has them too
    assert get(d.connect())[0] == 200


@AS_ROOT
@LOW_PORT
def test_a_worker_alone_keeps_the_capability_to_bind(goevd):
    port = next(p for p in range(700, 1000) if not procfs.listeners(p))
    d = goevd(config(listener(address=f'127.0.0.1:{port}'), user='nobody'), '--single')
    worker = about(d.pid)
    assert worker['Uid'].split()[1] == str(NOBODY.pw_uid)
    assert int(worker['CapEff'], 16) == 1 << 10
    assert get(d.connect())[0] == 200


def test_who_starts_it_stays_where_nobody_is_named(goevd):
    d = goevd()
    worker = about(d.worker())
    assert worker['Uid'].split()[1] == str(os.geteuid())
    assert worker['NoNewPrivs'] == '1'


def test_wrong_names(refused):
    said = refused({**config(), 'user': 'no-such-user', 'group': 'no-such-group'})
    assert re.search(r"^goevd.yaml:\d+:\d+: user: there is no user 'no-such-user'$", said, re.M)
    assert re.search(r"^goevd.yaml:\d+:\d+: group: there is no group 'no-such-group'$", said, re.M)


@AS_ROOT
@pytest.mark.usefixtures('open_to_all')
def test_somebody_else_may_not_become_another(refused):
    said = refused({**config(), 'user': 'root'}, user=NOBODY.pw_uid)
    assert f'wants user 0 and group 0, but goevd runs as user {NOBODY.pw_uid} and may not' in said
    assert 'start it as root, or leave user and group out' in said


@AS_ROOT
@pytest.mark.usefixtures('open_to_all')
def test_somebody_else_is_told_what_he_cannot_bind(tmp_path):
    start = int(pathlib.Path('/proc/sys/net/ipv4/ip_unprivileged_port_start').read_text())
    if start <= 1:
        pytest.skip('every port is free for all here')
    port = next(p for p in range(start - 1, 0, -1) if not procfs.listeners(p))
    path = write_config(tmp_path, config(listener(address=f'127.0.0.1:{port}')))
    done = daemon.run(tmp_path, '-c', path, user=NOBODY.pw_uid)
    assert done.returncode == 1
    assert (f'listener web: cannot bind to 127.0.0.1:{port}: Permission denied; ports below 1024 '
            'are for root and for processes with CAP_NET_BIND_SERVICE') in done.stderr


# ---- The pid file --------------------------------------------------------------------------------

@pytest.mark.parametrize('args', [[], ['--single']])
def test_pid_file_is_there_while_it_runs(goevd, tmp_path, args):
    path = tmp_path / 'goevd.pid'
    d = goevd(config(pid_file=str(path)), *args)
    assert path.read_text() == f'{d.pid}\n'
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert not path.exists()


def test_pid_file_of_a_process_that_lives(goevd, refused, tmp_path):
    path = tmp_path / 'goevd.pid'
    d = goevd(config(pid_file=str(path)))
    said = refused({**config(), 'pid_file': str(path)})
    assert f'pid_file {path} is held by process {d.pid}, which lives; is that another goevd?' in said
    assert path.read_text() == f'{d.pid}\n'
    assert get(d.connect())[0] == 200


def test_pid_file_that_was_left_behind(goevd, tmp_path):
    path = tmp_path / 'goevd.pid'
    d = goevd(config(pid_file=str(path)))
    d.status = -signal.SIGKILL
    d.may_say = ['the supervisor is gone']
    os.kill(d.pid, signal.SIGKILL)
    d.wait()
    assert path.exists()
    d = goevd(config(pid_file=str(path)))
    assert path.read_text() == f'{d.pid}\n'


@pytest.mark.parametrize('make, said', [
    (lambda p: p.mkdir(), 'Is a directory'),
    (lambda p: p.symlink_to('/dev/null'), 'Too many levels of symbolic links'),
    (lambda p: None, None),
])
def test_pid_file_that_cannot_be(refused, tmp_path, make, said):
    path = tmp_path / 'sub' / 'goevd.pid' if said is None else tmp_path / 'goevd.pid'
    make(path)
    text = refused({**config(), 'pid_file': str(path)})
    assert f'cannot open pid_file {path}: {said or "No such file or directory"}' in text


def test_pid_file_moves_with_a_reload_that_succeeds(goevd, tmp_path):
    one, two, taken = (tmp_path / name for name in ('one', 'two', 'taken'))
    d = goevd(config(pid_file=str(one)))
    d.may_say = ['is held by process', 'the reload failed']
    with taken.open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_config(d.folder, config(pid_file=str(taken)))
        d.signal(signal.SIGHUP)
        d.log.wait('the reload failed')
        assert one.read_text() == f'{d.pid}\n'
    write_config(d.folder, config(pid_file=str(two)))
    d.signal(signal.SIGHUP)
    d.log.wait('reloaded')
    eventually(lambda: not one.exists(), 'the old file stays')
    assert two.read_text() == f'{d.pid}\n'
    write_config(d.folder, config())
    d.signal(signal.SIGHUP)
    d.log.wait('reloaded', 2)
    eventually(lambda: not two.exists(), 'the old file stays')


@AS_ROOT
@pytest.mark.usefixtures('open_to_all')
def test_root_follows_no_link_of_another_user_to_a_log(goevd, refused, tmp_path):
    folder, secret = tmp_path / 'theirs', tmp_path / 'secret'
    folder.mkdir()
    secret.write_text('secret')
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    http = {'http': {**HELLO['http'], 'access_log': {'target': str(folder / 'access')}}}
    d = goevd(config(listener(handler=http), user='nobody', log={'target': str(tmp_path / 'log')},
                     control={'socket': str(tmp_path / 'control')}), ready=False)
    d.may_say = ['could have been made by another user']
    eventually(lambda: listens(tmp_path / 'control'), 'it does not start')
    (folder / 'access').unlink()
    (folder / 'access').symlink_to(secret)
    assert 'could have been made by another user' in d.ctl('reopen').stderr
    (folder / 'away').symlink_to(tmp_path)
    for target in (folder / 'access', folder / 'away' / 'new'):
        assert 'log.target: a link on the way' in refused(config(log={'target': str(target)}))
    assert secret.read_text() == 'secret' and not (tmp_path / 'new').exists()


@AS_ROOT
@pytest.mark.usefixtures('open_to_all')
def test_root_follows_its_own_links_to_a_log(goevd, tmp_path):
    (tmp_path / 'real').mkdir()
    (tmp_path / 'link').symlink_to('real')
    goevd(config(log={'target': str(tmp_path / 'link' / 'log')}, control={'socket': str(tmp_path / 'c')}),
          ready=False)
    eventually(lambda: listens(tmp_path / 'c'), 'it does not start')
    assert (tmp_path / 'real' / 'log').exists()
