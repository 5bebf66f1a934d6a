"""The command line: its output and exit statuses."""
import os
import re
import subprocess

import pytest

import daemon
from daemon import config, eventually, listener, run, write_config

pytestmark = pytest.mark.sequential


def test_check_good(goevd_run, tmp_path):
    path = write_config(tmp_path, config())
    for args in (['-t', '-c', path], ['--check', f'--config={path}'], ['-tc', path]):
        done = goevd_run(*args)
        assert (done.returncode, done.stdout, done.stderr) == (0, '', f'{path}: OK\n')


def test_check_quiet(goevd_run, tmp_path):
    path = write_config(tmp_path, config())
    done = goevd_run('-t', '-q', '-c', path)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def test_check_bad(goevd_run, tmp_path):
    path = write_config(tmp_path, 'listeners:\n- address: 127.0.0.1:70000\n  handler: echo\n')
    done = goevd_run('-t', '-c', path)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == f'{path}:2:12: listeners[0].address: port 70000 is above 65535\n'


def test_check_opens_nothing(goevd_run, tmp_path):
    path = write_config(tmp_path, config(listener(address=f'unix:{tmp_path}/sock')))
    before = tmp_path.stat().st_mtime_ns
    assert goevd_run('-t', '-c', path).returncode == 0
    assert tmp_path.stat().st_mtime_ns == before


# Files, and where the plugins of each are besides goevd's own.
SAMPLES = [('conf/minimal.yaml', []), ('systemd/goevd.yaml', []),
           ('examples/demo/demo.yaml', ['--plugin-dir', daemon.EXAMPLES])]


@pytest.mark.parametrize('name, plugins', SAMPLES)
def test_check_samples(goevd_run, name, plugins):
    assert goevd_run('-t', '-c', daemon.ROOT / name, *plugins).returncode == 0


@pytest.mark.parametrize('name, plugins', SAMPLES)
def test_dump_gives_itself_again(goevd_run, tmp_path, name, plugins):
    first = goevd_run('-T', '-c', daemon.ROOT / name, *plugins)
    assert (first.returncode, first.stderr) == (0, '')
    again = goevd_run('-T', '-c', write_config(tmp_path, first.stdout), *plugins)
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, '')


def test_dump_of_odd_values_gives_itself_again(goevd_run, tmp_path):
    odd = 'tab\t "quotes" \'single\' # no comment: {[*&!|>%@`\\ é \U0001f600 line\nbreak '
    first = goevd_run('-T', '-c', write_config(tmp_path, config(
        listener(handler={'http': {'routes': {'path': '/', 'respond': {
            'headers': {'X-Odd': 'yes', 'x-no': 'null', 'x-n': '1e3'}, 'body': odd}}}},
                 idle_timeout='1500ms', tail_max='100KiB', address='unix:/x y',
                 socket_mode='0600'))))
    assert (first.returncode, first.stderr) == (0, '')
    again = goevd_run('-T', '-c', write_config(tmp_path, first.stdout))
    assert (again.stderr, again.stdout) == ('', first.stdout)


def test_dump_hides_passwords(goevd_run, tmp_path):
    push = {'push': {'key': 'k', 'password': 'open sesame'}}
    done = goevd_run('-T', '-c', write_config(tmp_path, config(listener(handler=push))))
    assert (done.returncode, done.stderr) == (0, '')
    assert 'sesame' not in done.stdout
    assert re.search(r'^ +password: "\*\*\*"$', done.stdout, re.M)


def test_dump_bad(goevd_run, tmp_path):
    done = goevd_run('-T', '-c', write_config(tmp_path, 'listeners: 1\n'))
    assert (done.returncode, done.stdout) == (1, '')
    assert re.match(r'\S+/goevd.yaml:1:12: listeners: ', done.stderr)


@pytest.mark.parametrize('args', [
    ['-T'], ['-h'], ['-V'], ['--list-plugins'], ['--describe', 'http'], ['--describe', 'goevd'],
    ['plugin', 'check', str(daemon.BUILD / 'plugins' / 'echo.so')],
])
@pytest.mark.parametrize('closed', [False, True])
def test_print_to_a_full_disk(tmp_path, args, closed):
    """The reader has gone: truncated output must not look complete."""
    shell = 'exec "$@" >&-' if closed else 'exec "$@" >/dev/full'
    argv = daemon.command(*(['-c', write_config(tmp_path, config()), '-T'] if args == ['-T'] else args))
    done = subprocess.run(['sh', '-c', shell, 'sh', *argv], stderr=subprocess.PIPE, text=True, check=False,
                          env=daemon.environment(tmp_path))
    assert done.returncode == 1
    assert done.stderr == \
        f'goevd: cannot print: {"Bad file descriptor" if closed else "No space left on device"}\n'


def test_start_without_standard_files(tmp_path):
    """A file that is opened then must not take their place and get the output."""
    path = tmp_path / 'control.sock'
    argv = daemon.command('-c', write_config(tmp_path, config(control={'socket': str(path)})))
    with subprocess.Popen(['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh', *argv],
                          env=daemon.environment(tmp_path)) as process:
        try:
            eventually(lambda: process.poll() is not None or daemon.listens(path), 'goevd does not serve')
            pids = re.findall(r'^(?:supervisor|worker) +(\d+)', run(tmp_path, 'ctl', '-s', path, 'status').stdout,
                              re.M)
            assert len(pids) == 2
            for pid in pids:
                assert [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in range(3)] == ['/dev/null'] * 3
        finally:
            process.terminate()
        assert process.wait(daemon.PATIENCE_S) == 0


def test_version(goevd_run):
    for flag in ('-V', '--version'):
        done = goevd_run(flag)
        assert done.returncode == 0
        assert re.fullmatch(r'goevd \d+\.\d+\.\d+ \(plugin ABI 1\.\d+(, strict)?\)\n', done.stdout)


def test_help_names_every_flag(goevd_run):
    for flag in ('-h', '--help'):
        done = goevd_run(flag)
        assert (done.returncode, done.stderr) == (0, '')
        for known in ('-c', '-t', '-T', '-V', '-h', '-q', '-v', '--list-plugins', '--describe',
                      '--plugin-dir', '--single', '--strict'):
            assert re.search(rf'{known}\b', done.stdout), known


def test_list_plugins(goevd_run):
    done = goevd_run('--list-plugins')
    assert (done.returncode, done.stderr) == (0, '')
    assert re.search(r'^echo +sends received bytes back\n +\S+/plugins/echo\.so$', done.stdout,
                     re.M)
    assert re.search(r'^http +serves HTTP/1\.1 and HTTP/2$', done.stdout, re.M)


def test_list_plugins_says_which_are_wrong(goevd_run, tmp_path):
    (tmp_path / 'bad.so').write_text('no ELF')
    (tmp_path / 'notes.txt').write_text('no plugin')
    done = goevd_run('--list-plugins', '--plugin-dir', tmp_path)
    assert done.returncode == 1
    assert re.match(rf'bad +WRONG: {tmp_path}/bad\.so is not a shared object', done.stdout)
    assert 'notes' not in done.stdout


def test_list_plugins_of_no_folder(goevd_run, tmp_path):
    done = goevd_run('--list-plugins', '--plugin-dir', tmp_path / 'none')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == f'goevd: cannot list the plugins in {tmp_path}/none: ' \
        'No such file or directory\n'


def test_describe_http(goevd_run):
    done = goevd_run('--describe', 'http')
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('http: serves HTTP/1.1 and HTTP/2\n')
    assert re.search(r'^  header_timeout: a duration .*default 10s$', done.stdout, re.M)


def test_describe_echo(goevd_run):
    done = goevd_run('--describe', 'echo')
    assert (done.returncode, done.stderr) == (0, '')
    assert 'interfaces: goevd.stream, goevd.websocket\noptions: none\n' in done.stdout


def test_describe_goevd(goevd_run):
    done = goevd_run('--describe', 'goevd')
    assert (done.returncode, done.stderr) == (0, '')
    for key in ('log', 'plugin_dir', 'stop_timeout', 'reactors', 'listeners'):
        assert re.search(rf'^  {key}: ', done.stdout, re.M), key


def test_describe_unknown(goevd_run):
    done = goevd_run('--describe', 'htpp')
    assert (done.returncode, done.stdout) == (1, '')
    assert re.fullmatch(r"goevd: no plugin 'htpp' in \S+/plugins \(plugin_dir, --plugin-dir\); "
                        r"did you mean 'http'\?; there are: (\w+, )*http(, \w+)*\n", done.stderr)


@pytest.mark.parametrize('args, why', [
    (['--bogus'], "unrecognized option '--bogus'"),
    (['-x'], "invalid option -- 'x'"),
    (['-c'], "option requires an argument -- 'c'"),
    (['--describe'], "option '--describe' requires an argument"),
    (['surplus'], "unexpected argument 'surplus'"),
    (['--worker=7x'], "--worker is for goevd's own use"),
    (['--worker=0'], "--worker is for goevd's own use"),
])
def test_bad_flags(goevd_run, args, why):
    done = goevd_run(*args)
    assert (done.returncode, done.stdout) == (1, '')
    assert why in done.stderr
    assert re.match(r'(\S*/)?goevd: ', done.stderr)
    assert "Try 'goevd --help'." in done.stderr or '--worker' in why


@pytest.mark.parametrize('flags', [
    ['--check', '--single'], ['--single', '--check'], ['--dump', '--check'], ['--check', '--version'],
    ['--list-plugins', '--describe=echo'], ['--check', '--worker=9'],
])
def test_two_things_to_do(goevd_run, tmp_path, flags):
    done = goevd_run('-c', write_config(tmp_path, config()), *flags)
    first, second = (flag.split('=')[0] for flag in flags)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == f"goevd: {first} and {second} are two things to do; give one of them\n" \
        "Try 'goevd --help'.\n"


@pytest.mark.parametrize('args', [
    ['-h'], ['-t', '-h'], ['-h', '--single'], ['ctl', '-h'], ['ctl', 'stats', '--help'], ['plugin', '--help'],
])
def test_help_wherever_it_is_asked_for(goevd_run, args):
    done = goevd_run(*args)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('Usage: goevd ')


def test_end_of_flags(goevd):
    """The worker gets the same command line and one flag more, which comes before that end."""
    goevd(config(), '--')


def test_many_flags(goevd_run, tmp_path):
    """None of them is lost on the way to the worker."""
    done = goevd_run(*['-c', tmp_path / 'first.yaml'] * 40, '-c', tmp_path / 'last.yaml')
    assert done.returncode == daemon.CONFIG_FAULT
    assert f'{tmp_path}/last.yaml: cannot be read' in done.stderr


def test_worker_fd_that_is_no_socket(goevd_run, tmp_path):
    done = goevd_run('-c', write_config(tmp_path, config()), '--worker=999')
    assert done.returncode == 1
    assert 'the supervisor does not answer: Bad file descriptor' in done.stderr


@pytest.mark.parametrize('args', [['-t'], ['-T'], [], ['--single']])
def test_config_that_is_not_there(goevd_run, tmp_path, args):
    done = goevd_run(*args, '-c', tmp_path / 'none.yaml')
    assert (done.returncode, done.stdout) == (1 if args[:1] in (['-t'], ['-T']) else daemon.CONFIG_FAULT, '')
    assert done.stderr == \
        f'{tmp_path}/none.yaml: cannot be read: No such file or directory; name another with -c\n'


@pytest.mark.parametrize('args', [['-t'], ['-T'], [], ['--single']])
def test_config_that_is_a_directory(goevd_run, tmp_path, args):
    done = goevd_run(*args, '-c', tmp_path)
    assert (done.returncode, done.stdout) == (1 if args[:1] in (['-t'], ['-T']) else daemon.CONFIG_FAULT, '')
    assert done.stderr == f'{tmp_path}: is a directory, not a file; name one with -c\n'


@pytest.mark.usefixtures('open_to_all')
def test_config_that_must_not_be_read(goevd_run, tmp_path):
    """Root may read everything, so that it is another user then."""
    path = write_config(tmp_path, config())
    path.chmod(0)
    other = {'user': 65534, 'group': 65534, 'extra_groups': []} if os.getuid() == 0 else {}
    done = goevd_run('-t', '-c', path, **other)
    assert done.returncode == 1
    assert done.stderr == f'{path}: cannot be read: Permission denied; let goevd read it\n'


def test_default_config_is_named(goevd_run):
    if os.path.exists('/etc/goevd/goevd.yaml'):
        pytest.skip('goevd is installed here')
    done = goevd_run('-t')
    assert done.returncode == 1
    assert done.stderr.startswith('/etc/goevd/goevd.yaml: cannot be read: ')


def test_plugin_dir_flag_beats_the_configuration(goevd_run, tmp_path):
    path = write_config(tmp_path, config(listener(handler='echo'), plugin_dir='/nowhere'))
    done = goevd_run('-t', '-c', path)
    assert done.returncode == 1
    assert "no plugin 'echo': the plugin directory /nowhere cannot be read (plugin_dir, " \
        '--plugin-dir): No such file or directory' in done.stderr
    done = goevd_run('-t', '-c', path, '--plugin-dir', daemon.BUILD / 'plugins')
    assert (done.returncode, done.stderr) == (0, f'{path}: OK\n')
