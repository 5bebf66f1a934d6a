"""A process dies: the reaction of the other one."""
import os
import signal
import socket

import procfs
from daemon import config, eventually, listener
from wire import closed, echo, get, refused

DIED = r'worker \d+ was killed by signal'


def replaced(d, old):
    """The worker that has come instead."""
    def other():
        pids = procfs.children(d.pid)
        return pids and pids[0] != old and pids[0]
    return eventually(other, 'no other worker')


def test_killed_worker_is_replaced(goevd):
    d = goevd(config(listener(), listener('two', 'echo')))
    d.may_say = [DIED]
    before, lines = dict(d.listeners), len(d.log.lines)
    s = d.connect('web')
    assert get(s)[0] == 200   # else it would wait in the queue and be served by the next worker
    worker = d.worker()
    os.kill(worker, signal.SIGKILL)
    assert closed(s)
    assert d.log.wait(rf'error goevd: worker {worker} was killed by signal 9 \(Killed\)$')
    assert d.log.wait('notice goevd: starting another worker$')
    d.ready(lines)
    for name, m in before.items():
        assert d.listeners[name]['address'] == m['address']   # the ports stay
    assert get(d.connect('web'))[0] == 200
    echo(d.connect('two'))
    assert d.worker() != worker


def test_started_by_who_ignores_children(goevd):
    """Ignored SIGCHLD is inherited, and then the kernel reports no exit status."""
    d = goevd(config(listener(handler='echo')), preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    d.may_say = [DIED]
    worker = d.worker()
    os.kill(worker, signal.SIGKILL)
    assert d.log.wait(rf'error goevd: worker {worker} was killed by signal 9 \(Killed\)$')
    replaced(d, worker)
    echo(d.connect())


def test_connections_made_meanwhile_wait_and_are_served(goevd):
    d = goevd(config(listener(handler='echo')))
    d.may_say = [DIED]
    worker = d.worker()
    echo(d.connect())
    os.kill(d.pid, signal.SIGSTOP)   # no replacement yet
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: not procfs.alive(worker), 'it lives')
    waiting = [d.connect() for _ in range(40)]
    for s in waiting:
        s.sendall(b'ping')
    os.kill(d.pid, signal.SIGCONT)
    for s in waiting:
        assert s.recv(4, socket.MSG_WAITALL) == b'ping'


def test_port_0_of_several_listeners_keeps_each_port(goevd):
    d = goevd(config(*(listener(f'n{i}', 'echo') for i in range(4))))
    d.may_say = [DIED]
    ports = [d.port(f'n{i}') for i in range(4)]
    lines = len(d.log.lines)
    os.kill(d.worker(), signal.SIGKILL)
    d.ready(lines)
    assert [d.port(f'n{i}') for i in range(4)] == ports


def test_unix_socket_survives_a_worker(goevd, tmp_path):
    path = tmp_path / 'sock'
    d = goevd(config(listener(handler='echo', address=f'unix:{path}')))
    d.may_say = [DIED]
    inode = path.stat().st_ino
    lines = len(d.log.lines)
    os.kill(d.worker(), signal.SIGKILL)
    d.ready(lines)
    echo(d.connect())
    assert path.stat().st_ino == inode


def test_ten_deaths_end_the_supervisor(goevd):
    d = goevd(config(processes={'crash_window': '10m'}))
    d.status = 3
    d.may_say = [DIED, r'10 workers died within 600 s \(processes.crashes_max\): giving up']
    family, address = d.address()
    worker = d.worker()
    for death in range(10):
        if death:
            worker = replaced(d, worker)
        os.kill(worker, signal.SIGKILL)
        d.log.wait(DIED, death + 1)
    assert d.wait() == 3
    assert d.log.find(r'10 workers died within 600 s \(processes.crashes_max\): giving up$')
    assert refused(family, address)


def test_second_death_is_followed_by_a_pause(goevd):
    d = goevd(config())
    d.may_say = [DIED]
    worker = d.worker()
    os.kill(worker, signal.SIGKILL)
    d.log.wait('starting another worker$')
    os.kill(replaced(d, worker), signal.SIGKILL)
    d.log.wait(r'starting another (worker after a pause|in 0\.1 s)$')
    assert get(d.connect())[0] == 200


def test_stop_during_the_pause(goevd):
    d = goevd(config())
    d.may_say = [DIED]
    worker = d.worker()
    for death in range(5):
        os.kill(worker, signal.SIGKILL)
        d.log.wait(DIED, death + 1)
        if death < 4:
            worker = replaced(d, worker)
    d.signal(signal.SIGTERM)   # 800 ms before the next one
    assert d.wait() == 0


def test_worker_notices_that_the_supervisor_is_gone(goevd):
    d = goevd(config(stop_timeout='1m'))
    d.status = -signal.SIGKILL
    d.may_say = ['the supervisor is gone: stopping']
    worker = d.worker()
    half = d.connect()
    half.sendall(b'GET / HTTP/1.1\r\nHo')
    assert get(idle := d.connect())[0] == 200
    idle.close()
    family, address = d.address()
    os.kill(d.pid, signal.SIGKILL)
    d.log.wait('the supervisor is gone: stopping')
    half.sendall(b'st: a\r\n\r\n')
    assert half.recv(12) == b'HTTP/1.1 200'   # in order even so
    half.close()
    eventually(lambda: not procfs.alive(worker), 'it goes on alone')
    assert refused(family, address)


def test_worker_that_fails_at_its_replacement_says_why(goevd, tmp_path):
    """The copy of a configuration does not contain folders."""
    root = tmp_path / 'root'
    root.mkdir()
    (root / 'file').write_text('text')
    d = goevd(config(listener(handler={'http': {
        'routes': [{'path': '/*', 'handler': {'download': {'root': str(root)}}}]}})))
    d.may_say = [DIED, r'worker \d+ ended with status 78$', r'worker \d+: /\S+goevd.yaml:']
    root.rename(tmp_path / 'elsewhere')
    os.kill(d.worker(), signal.SIGKILL)
    d.log.wait(rf'goevd.yaml:\d+:\d+: .*root: {root}: No such file')
    d.log.wait(r'worker \d+ ended with status 78$')
    lines = len(d.log.lines)
    (tmp_path / 'elsewhere').rename(root)
    d.ready(lines)
    assert get(d.connect(), '/file')[0] == 200


def test_last_death_waits_for_the_worker_that_starts(goevd, tmp_path):
    """The new worker is held while it reads its configuration, which is a FIFO by then."""
    d = goevd(config(listener(handler='echo'), processes={'crashes_max': 1},
                     control={'socket': str(tmp_path / 'ctl')}))
    d.may_say = [DIED]
    content, old = d.config.read_text(), d.worker()
    d.config.unlink()
    os.mkfifo(d.config)
    d.signal(signal.SIGHUP)
    with open(d.config, 'w') as fifo:   # returns when the new worker reads
        os.kill(old, signal.SIGKILL)
        d.log.wait(DIED)
        fifo.write(content)
    d.log.wait(r'reloaded: worker \d+ serves$')
    echo(d.connect())
    d.config.unlink()
    d.config.write_text(content)
    reply = d.ctl('reload')
    assert reply.returncode == 0, reply.stderr
    assert not d.log.find('giving up')
