"""Targets and formats of the log, and lines that cannot be written."""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading

import pytest

import procfs
from daemon import BINARY, SERVING, config, eventually, listener, listens, run, write_config
from wire import Reader, get

ONE = [{'name': 'main', 'pollers': '1'}]
HOSTILE = [b'plain', b'say "hi"', b'back\\slash', b'a=b c=d', b'\x1b[31mred\x07', b'\xff\xfe\xc3',
           'höher 😀'.encode(), b'{"msg":"forged"}', b'x\r2026-01-01T00:00:00.000Z error goevd: forged',
           b'\xc2\x9bK', b'%s%n', b'q' * 4000]


@pytest.fixture
def start(goevd, plugins, tmp_path):
    """start(log options…) -> goevd with a control socket, a file that is its log, and a talker."""
    def begin(*args, fmt='text', single=False, path=None, log=None, **more):
        path = path or tmp_path / 'goevd.log'
        d = goevd(config(listener('web', 'talking'), listener('http'), plugin_dir=str(plugins),
                         control={'socket': str(tmp_path / 'control.sock')}, reactors=ONE,
                         log={'target': str(path), 'format': fmt, **(log or {})}, **more),
                  *args, *(['--single'] if single else []), ready=False)
        d.path = pathlib.Path(path)

        def serves():
            assert d.process.poll() is None, d.log.text()
            return (d.path.exists() and re.search(SERVING, d.path.read_text())
                    and listens(tmp_path / 'control.sock'))
        eventually(serves, 'it does not log')
        found = re.findall(r'listener (web|http): (127\.0\.0\.1:\d+), ', d.path.read_text())
        d.listeners = {name: {'address': address} for name, address in found}
        return d
    return begin


def talk(d, *lines):
    """Makes the plugin log them; returns afterwards."""
    s = d.connect('web')
    reader = Reader(s)
    for line in lines:
        s.sendall(line if isinstance(line, bytes) else line.encode())
        s.sendall(b'\n')
        assert reader.until(b'\n') == b'done\n'
    return s.getsockname()


def plain(data):
    """These bytes as text in the log."""
    text = data.decode('utf-8', 'replace')
    return re.sub(r'[\x00-\x1f\x7f-\x9f]', ' ', text)


# ---- Formats -------------------------------------------------------------------------------------

def test_text_is_one_clean_line(start):
    d = start()
    for data in HOSTILE[:-1]:
        talk(d, b'say ' + data)
    lines = re.findall(' notice goevd: talking: (.*)\n', d.path.read_text())
    # Python counts the bytes of one broken character otherwise.
    assert [re.sub('\ufffd+', '\ufffd', x) for x in lines] == \
        [re.sub('\ufffd+', '\ufffd', plain(data)) for data in HOSTILE[:-1]]


def test_json_is_valid_whatever_is_said(start):
    d = start(fmt='json')
    for data in HOSTILE:
        host, port = talk(d, b'conn ' + data)
    lines = [json.loads(line) for line in d.path.read_bytes().decode().splitlines()]
    said = [line for line in lines if line.get('plugin') == 'talking' and 'client' in line]
    assert len(said) == len(HOSTILE)
    for data, line in zip(HOSTILE[:-1], said):
        assert re.sub('\ufffd+', '\ufffd', line['msg']) == \
            re.sub('\ufffd+', '\ufffd', 'it says ' + data.decode('utf-8', 'replace'))
    assert said[-1]['msg'].startswith('it says qqqq') and len(said[-1]['msg']) > 2000
    last = said[-1]
    assert list(last) == ['time', 'level', 'pid', 'plugin', 'listener', 'client', 'connection', 'msg']
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', last['time'])
    assert (last['level'], last['listener'], last['client'], last['pid']) == \
        ('warning', 'web', f'{host}:{port}', d.worker())
    assert re.fullmatch('0x[0-9a-f]+', last['connection'])


def values(line):
    """The keys and values of a line, and nothing between them."""
    found, rest = {}, line
    while rest:
        m = re.match(r'([a-z]+)=("(?:[^"\\]|\\["\\nu])*"|[^\s"=\\]+)(?: |$)', rest)
        assert m and m[1] not in found, (line, rest)
        found[m[1]] = json.loads(m[2]) if m[2].startswith('"') else m[2]
        rest = rest[m.end():]
    return found


def test_no_value_forges_a_key(start):
    d = start(fmt='keyvalue')
    for data in HOSTILE:
        talk(d, b'conn ' + data)
    said = [values(line) for line in d.path.read_bytes().decode().splitlines()]
    said = [v['msg'] for v in said if v.get('plugin') == 'talking' and 'client' in v]
    assert len(said) == len(HOSTILE)
    for data, msg in zip(HOSTILE[:-1], said):
        assert re.sub('\ufffd+', '\ufffd', msg) == \
            re.sub('\ufffd+', '\ufffd', 'it says ' + data.decode('utf-8', 'replace'))


def test_text_names_client_and_connection(start):
    d = start()
    host, port = talk(d, 'conn hello')
    assert re.search(rf'warning goevd: talking: listener web: client {host}:{port} \(0x[0-9a-f]+\): '
                     'it says hello$', d.path.read_text(), re.M)


def test_stderr_in_json(goevd):
    d = goevd(config(log={'target': 'stderr', 'format': 'json'}), ready=False)
    d.log.wait(SERVING)
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    lines = [json.loads(line) for line in d.log.lines]
    assert lines[-1]['msg'] == 'SIGTERM: stopping' and lines[-1]['pid'] == d.pid


@pytest.mark.unsanitized   # a sanitizer handles faults itself
@pytest.mark.parametrize('fmt', ['json', 'keyvalue', 'text'])
def test_a_crash_is_told_in_every_format(start, fmt):
    d = start(fmt=fmt)
    worker = d.worker()
    os.kill(worker, signal.SIGSEGV)
    eventually(lambda: 'was killed by signal 11' in d.path.read_text(), 'it did not die')
    lines = d.path.read_text().splitlines()
    if fmt == 'json':
        lines = [json.loads(line)['msg'] for line in lines]
    elif fmt == 'keyvalue':
        lines = [values(line)['msg'] for line in lines]
    assert any(f'worker {worker}: SIGSEGV (Segmentation fault) in thread goevd: ' in x for x in lines)
    frames = [x for x in lines if re.search(rf'worker {worker}: #\d+ \S+ 0x[0-9a-f]+$', x)]
    assert len(frames) > 2 and any('/goevd(+0x' in x for x in frames)


# ---- Files ---------------------------------------------------------------------------------------

def test_the_file_is_made_and_is_not_for_everybody(start):
    d = start()
    assert d.path.stat().st_mode & 0o777 == 0o640 & ~umask()
    assert d.path.read_text().split('\n')[0].endswith(' notice goevd: the log begins in this file')
    assert d.log.lines == []
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert re.search(' notice goevd: SIGTERM: stopping$', d.path.read_text(), re.M)   # supervisor's


def umask():
    """Of this process."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize('single', [False, True])
@pytest.mark.parametrize('how', ['signal', 'ctl'])
def test_reopen_makes_a_new_file(start, single, how):
    d = start(single=single)
    old = d.path.with_suffix('.1')
    d.path.rename(old)
    if how == 'ctl':
        done = d.ctl('reopen')
        assert (done.returncode, done.stdout, done.stderr) == (0, 'reopened\n', '')
        assert old.read_text().endswith('goevd ctl reopen: reopening the log\n')
    else:
        d.signal(signal.SIGUSR1)
        eventually(d.path.exists, 'no new file')
        assert d.ctl('reopen').returncode == 0   # the worker has taken it then
        assert old.read_text().endswith('SIGUSR1: reopening the log\n')
    talk(d, 'say after')
    assert re.findall('talking: after$', d.path.read_text(), re.M)
    assert 'after' not in old.read_text()
    assert held_files(d, 'goevd.log.1') == []


def held_files(d, name):
    """The processes that still have a file of that name open."""
    found = []
    for pid in (d.pid, *procfs.children(d.pid)):
        try:
            found += [pid for path in procfs.files(pid).values() if os.path.basename(path) == name]
        except FileNotFoundError:
            pass   # an old worker that ends
    return found


@pytest.mark.parametrize('single', [False, True])
def test_reopen_that_fails_changes_nothing(start, single, tmp_path):
    folder = tmp_path / 'logs'
    folder.mkdir()
    d = start(single=single, path=folder / 'log')
    gone = tmp_path / 'gone'
    folder.rename(gone)
    done = d.ctl('reopen')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == (f'goevd: log.target: cannot open {folder}/log: No such file or directory; '
                           'make its folder, or choose another target\n')
    d.signal(signal.SIGUSR1)
    eventually(lambda: re.search(f'error goevd: SIGUSR1: log.target: cannot open {folder}/log: No '
                                 'such file or directory; .*; the log goes on as it is$',
                                 (gone / 'log').read_text(), re.M), 'it is not said')
    talk(d, 'say still here')
    assert 'still here' in (gone / 'log').read_text()


def test_reopen_without_a_file_says_so(goevd, tmp_path):
    path = tmp_path / 'control.sock'
    for args in ([], ['--single']):
        d = goevd(config(control={'socket': str(path)}), *args)
        d.may_say = ['nothing to reopen']
        eventually(lambda: listens(path), 'no control socket')
        done = d.ctl('reopen')
        assert done.returncode == 1
        assert done.stderr == 'goevd: the log goes to no file: there is nothing to reopen\n'
        d.signal(signal.SIGUSR1)
        d.log.wait('SIGUSR1: the log goes to no file: there is nothing to reopen')
        d.signal(signal.SIGTERM)
        assert d.wait() == 0


def test_rotation_loses_no_line(start, tmp_path):
    d = start(log={'repeats': {'max': 0}})
    rotations, per_thread = 12, 4000
    writers = [threading.Thread(target=talk, args=(d, f'count {per_thread}')) for _ in range(3)]
    for t in writers:
        t.start()
    for i in range(rotations):   # the supervisor writes a line each time, beside the worker
        d.path.rename(tmp_path / f'rotated.{i}')
        assert d.ctl('reopen').returncode == 0
    for t in writers:
        t.join()
    files = [tmp_path / f'rotated.{i}' for i in range(rotations)] + [d.path]
    lines = [line for f in files for line in f.read_text().splitlines()]
    numbers = sorted(int(m[1]) for line in lines if (m := re.search(
        rf'Z notice goevd: talking: line (\d+) of {per_thread}$', line)))
    assert numbers == sorted(list(range(per_thread)) * 3)
    assert len([x for x in lines if x.endswith(': goevd ctl reopen: reopening the log')]) == rotations
    assert all(re.match(r'\d{4}-\d\d-\d\dT[\d:.]+Z \w+ goevd: ', line) for line in lines)


def test_reload_goes_over_to_another_file(start, tmp_path):
    d = start()
    other = tmp_path / 'other.log'
    text = d.config.read_text()
    write_config(d.folder, text.replace(str(d.path), str(other)).replace('"text"', '"json"'))
    assert d.ctl('reload').returncode == 0
    eventually(lambda: 'reloaded: worker ' in other.read_text(), 'the supervisor writes elsewhere')
    lines = [json.loads(line)['msg'] for line in other.read_text().splitlines()]
    assert lines[0] == 'the log begins in this file'
    write_config(d.folder, text.replace('"talking"', '"nonesuch"'))
    before = d.path.read_text()
    assert d.ctl('reload').returncode == 1   # and its request for the log is dropped
    eventually(lambda: 'the reload failed' in other.read_text(), 'it is not logged')
    assert d.path.read_text() == before
    assert d.ctl('reopen').returncode == 0


def test_reload_keeps_the_file_that_is_open(start):
    d = start()
    moved = d.path.with_suffix('.1')
    d.path.rename(moved)
    assert d.ctl('reload').returncode == 0
    eventually(lambda: 'reloaded: worker ' in moved.read_text(), 'it is not logged')
    assert not d.path.exists()
    assert d.ctl('reopen').returncode == 0
    eventually(lambda: held_files(d, moved.name) == [], 'somebody keeps the old file')   # a process that ends may


def test_reopen_reaches_a_worker_that_drains(goevd, plugins, tmp_path):
    path, sock = tmp_path / 'goevd.log', tmp_path / 'control.sock'
    d = goevd(config(listener('web', {'witness': {'name': 'w', 'stays': True}}, f'unix:{tmp_path}/web'),
                     plugin_dir=str(plugins), reactors=ONE, control={'socket': str(sock)},
                     log={'target': str(path)}), ready=False)
    eventually(lambda: listens(sock), 'no control socket')
    d.listeners = {'web': {'address': f'unix:{tmp_path}/web'}}
    s = d.connect()
    s.sendall(b'x')
    assert s.recv(1) == b'x'
    assert d.ctl('reload').returncode == 0
    old = path.rename(tmp_path / 'goevd.log.1')
    assert len(procfs.children(d.pid)) == 2
    assert d.ctl('reopen').returncode == 0
    assert held_files(d, old.name) == []
    s.close()   # the old worker logs it at its end
    eventually(lambda: 'conn 1 on_close' in path.read_text(), 'it does not say so there')
    assert 'on_close' not in old.read_text()


def test_reopen_waits_for_a_worker_that_does_not_listen(start, tmp_path):
    d = start()
    worker = d.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        for n in range(1, 400):   # more than its socket holds
            d.signal(signal.SIGUSR1)
            eventually(lambda n=n: d.path.read_text().count('SIGUSR1: reopening') >= n, 'it is not heard')
        old = d.path.rename(tmp_path / 'goevd.log.1')
        reopen = subprocess.Popen([BINARY, 'ctl', '-s', tmp_path / 'control.sock', 'reopen'])
        eventually(d.path.exists, 'no new file')
        # The file is there before the supervisor lets go of the old one.
        eventually(lambda: held_files(d, old.name) == [worker], 'the supervisor keeps the old file')
    finally:
        os.kill(worker, signal.SIGCONT)
    assert reopen.wait(60) == 0
    assert held_files(d, old.name) == []


def test_a_worker_that_starts_meanwhile_takes_the_new_file(goevd, plugins, tmp_path):
    path, sock = tmp_path / 'goevd.log', tmp_path / 'control.sock'
    content = config(listener('web', 'starting'), plugin_dir=str(plugins), reactors=ONE,
                     control={'socket': str(sock)}, log={'target': str(path)})
    d = goevd(content, ready=False)
    eventually(lambda: listens(sock), 'no control socket')
    content['listeners'][0]['handler'] = {'starting': {'sleep': '1500ms'}}
    write_config(d.folder, content)
    d.signal(signal.SIGHUP)
    eventually(lambda: path.read_text().count('starting: starting') == 2, 'it does not start')
    path.rename(tmp_path / 'goevd.log.1')
    assert d.ctl('reopen').returncode == 0
    # Both write there: the one that was starting has become the one that serves.
    eventually(lambda: 'reloaded: worker ' in path.read_text(), 'it is not logged')
    eventually(lambda: held_files(d, 'goevd.log.1') == [], 'somebody keeps the old file')


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
@pytest.mark.parametrize('single', [False, True])
@pytest.mark.usefixtures('open_to_all')
def test_whoever_gave_root_up_logs_where_only_root_may(start, tmp_path, single):
    tmp_path.chmod(0o777)   # for the control socket
    folder = tmp_path / 'private'
    folder.mkdir(0o700)
    d = start(single=single, path=folder / 'log', user='nobody')
    talk(d, 'say hello')
    assert 'talking: hello' in d.path.read_text()
    d.path.rename(folder / 'log.1')
    done = d.ctl('reopen')
    if not single:   # the supervisor is still root
        assert done.returncode == 0
        talk(d, 'say again')
        assert 'talking: again' in d.path.read_text()
    else:
        assert done.returncode == 1
        assert f'cannot open {folder}/log: Permission denied; let goevd write there' in done.stderr
        talk(d, 'say again')
        assert 'talking: again' in (folder / 'log.1').read_text()


# ---- Unwritable logs -----------------------------------------------------------------------------

@pytest.mark.parametrize('target, why', [
    ('/dev/full', 'cannot write to /dev/full: No space left on device; free some space, or choose '
                  'another target'),
    ('{}/none/log', 'cannot open {}/none/log: No such file or directory; make its folder, or choose '
                    'another target'),
    ('{}', 'cannot open {}: Is a directory; look at that file, or choose another target'),
])
@pytest.mark.parametrize('single', [False, True])
def test_a_log_that_cannot_be_written_is_refused(refused, tmp_path, target, why, single):
    text = refused(config(log={'target': target.format(tmp_path)}), *(['--single'] if single else []))
    assert re.search(rf'error goevd: log\.target: {re.escape(why.format(tmp_path))}$', text, re.M)


def test_a_reload_to_a_full_disk_changes_nothing(start):
    d = start()
    text = d.config.read_text()
    write_config(d.folder, text.replace(str(d.path), '/dev/full'))
    d.may_say = ['log.target: cannot write to /dev/full']
    worker = d.worker()
    done = d.ctl('reload')
    assert done.returncode == 1
    assert 'log.target: cannot write to /dev/full: No space left on device; free some space' \
        in done.stderr
    assert d.worker() == worker and get(d.connect('http'))[0] == 200
    talk(d, 'say on we go')
    assert 'on we go' in d.path.read_text()


def dropped(d):
    """Lines that the worker could not write."""
    return d.metrics()['goevd_log_lines_dropped_total']


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root, to mount a small file system')
def test_a_disk_that_fills_up_stops_nobody(start, tmp_path):
    folder = tmp_path / 'disk'
    folder.mkdir()
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], check=False)
    if mounted.returncode != 0:
        pytest.skip('cannot mount a tmpfs here')
    try:
        d = start(path=folder / 'log', log={'repeats': {'max': 0}})
        talk(d, 'count 3000')
        lost = dropped(d)
        assert 0 < lost < 3000 and get(d.connect('http'))[0] == 200
        done = d.ctl('reopen')
        assert done.returncode == 1 and 'cannot write to' in done.stderr
        os.truncate(d.path, 0)
        talk(d, 'say room again')
        lines = d.path.read_text().splitlines()
        assert [x for x in lines if x.endswith('talking: room again')]
        assert [x for x in lines if x.endswith(
            f'warning goevd: lines of the log that could not be written are lost: {lost}')]
        assert dropped(d) == lost
        d.signal(signal.SIGTERM)
        assert d.wait() == 0
    finally:
        subprocess.run(['umount', '-l', folder], check=True)


def test_a_log_that_nobody_reads_holds_nobody_up(goevd, plugins, tmp_path):
    fifo = tmp_path / 'fifo'
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sock = tmp_path / 'control.sock'
    d = goevd(config(listener('web', 'talking', f'unix:{tmp_path}/talk'), plugin_dir=str(plugins),
                     reactors=ONE, control={'socket': str(sock)},
                     log={'target': str(fifo), 'repeats': {'max': 0}}), ready=False)
    eventually(lambda: listens(sock), 'no control socket')
    d.listeners = {'web': {'address': f'unix:{tmp_path}/talk'}}
    talk(d, 'count 9000')   # a pipe has room for some hundreds, and goevd for some thousands
    lost = dropped(d)
    assert 0 < lost < 9000
    os.set_blocking(reader, True)
    read = b''
    while not (report := re.search(rb'are lost: (\d+)\n', read)):
        read += os.read(reader, 65536)
    assert int(report[1]) == lost == dropped(d)
    assert len(re.findall(rb'talking: line \d+ of 9000\n', read)) == 9000 - lost
    os.close(reader)


def test_a_fifo_without_a_reader_is_refused(refused, tmp_path):
    os.mkfifo(tmp_path / 'fifo')
    text = refused(config(log={'target': str(tmp_path / 'fifo')}))
    assert f'log.target: cannot open {tmp_path}/fifo: No such device or address; ' in text


# ---- Lines that are held back --------------------------------------------------------------------

def test_repeats_are_held_back_and_counted(start):
    d = start(log={'repeats': {'max': 3, 'interval': '1s'}})
    talk(d, 'count 50', 'info not wanted')
    like = r'talking: (?:line (\d+) of 50|held back: (\d+) more lines? like: line \d+ of 50)$'

    def said():
        return re.findall(like, d.path.read_text(), re.M)

    def held():
        return [int(count) for _, count in said() if count]
    # The repetitions are logged when the interval is over, even if no line follows.
    eventually(lambda: held() and len(said()) - len(held()) + sum(held()) == 50,
               'how many there were is not told')
    assert [line for line, _ in said()[:3]] == ['0', '1', '2']
    assert len(said()) <= 4 * len(held()) + 3   # one interval, unless it has slept between two lines
    assert d.metrics()['goevd_log_lines_suppressed_total'] == sum(held())


def test_what_was_held_back_is_told_at_the_end(start):
    d = start(log={'repeats': {'max': 1, 'interval': '1h'}})
    talk(d, 'count 5')
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert 'held back: 4 more lines like: line 4 of 5\n' in d.path.read_text()


def test_no_limit_and_less_urgent_lines_hold_nothing_back(start):
    d = start(log={'repeats': {'max': 0}})
    talk(d, 'count 500')
    assert d.path.read_text().count(' of 500\n') == 500
    e = start(log={'repeats': {'max': 2}, 'level': 'info'}, path=d.path.with_suffix('.info'))
    talk(e, *['info hello'] * 20)
    assert e.path.read_text().count('it says hello\n') == 20


# ---- No file descriptors left --------------------------------------------------------------------

def test_without_file_descriptors_it_serves_on(goevd, goevd_run, tmp_path):
    path = tmp_path / 'control.sock'
    log = tmp_path / 'goevd.log'
    d = goevd(config(reactors=ONE, control={'socket': str(path)}, log={'target': str(log)},
                     open_files_max=64), ready=False)
    eventually(lambda: listens(path), 'no control socket')
    m = eventually(lambda: re.search(r'listener (web): (\S+), plugin', log.read_text()), 'no listener')
    d.listeners = {'web': {'address': m[2]}}
    worker = d.worker()
    clients = [d.connect() for _ in range(70)]
    eventually(lambda: 'cannot accept connections: Too many open files' in log.read_text(),
               'it has enough')
    done = d.ctl('reopen')
    assert done.returncode == 1
    assert f'worker {worker} cannot go over to the new log file: Too many open files' in done.stderr
    done = d.ctl('stats')
    assert done.returncode == 1 and 'closed before the reply' in done.stderr
    eventually(lambda: 'cannot answer a client of the control socket: Too many open files' in log.read_text(),
               'it is not logged')
    assert d.worker() == worker and get(clients[0])[0] == 200
    for s in clients:
        s.close()
    eventually(lambda: 'accepts connections again' in log.read_text(), 'it does not accept again')
    assert get(d.connect())[0] == 200 and d.worker() == worker
