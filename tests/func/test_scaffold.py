"""goevd plugin: a plugin begun, checked and tested."""
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

import daemon
from daemon import PATIENCE_S, ROOT, config

pytestmark = pytest.mark.sequential

KINDS = ['stream', 'http', 'websocket']
STEPS = ['start: ok', 'drive: ok', 'test: ok', 'stop: ok']


class Author:
    """A user at a shell with goevd in the PATH. Only goevd itself reports the path of its headers."""

    def __init__(self, folder):
        self.folder = folder
        tools = folder / 'bin'
        tools.mkdir()
        (tools / 'goevd').write_text(f'#!/bin/sh\nexec {" ".join(daemon.command())} "$@"\n')
        (tools / 'goevd').chmod(0o755)
        self.env = daemon.environment(folder, {
            'PATH': f'{tools}:{os.environ["PATH"]}', 'LC_ALL': 'C.UTF-8'})

    def run(self, *argv, cwd='.'):
        """A command from start to end."""
        return subprocess.run(argv, cwd=self.folder / cwd, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=3 * PATIENCE_S,
                              check=False)

    def begin(self, name, kind):
        """goevd plugin new; its source."""
        done = self.run('goevd', 'plugin', 'new', name, '--kind', kind)
        assert (done.returncode, done.stderr) == (0, '')
        assert done.stdout == (f'{name}: a plugin, its configuration and its test; next: '
                               f'cd {name} && make test\n')
        return self.folder / name / f'{name}.c'


@pytest.fixture
def author(tmp_path):
    """See there."""
    return Author(tmp_path)


# ---- new ------------------------------------------------------------------------------------------

@pytest.mark.parametrize('kind', KINDS)
def test_a_new_plugin_passes_its_test(author, tmp_path, kind):
    author.begin('first', kind)
    assert sorted(p.name for p in (tmp_path / 'first').iterdir()) == \
        ['Makefile', 'first.c', 'first.yaml', 'meson.build', 'test', 'test.yaml']
    assert '@NAME@' not in ''.join(p.read_text() for p in (tmp_path / 'first').iterdir())
    done = author.run('make', 'test', 'CFLAGS=-std=gnu11 -Wall -Wextra -Werror', cwd='first')
    assert (done.returncode, done.stderr) == (0, ''), done.stdout
    assert done.stdout.splitlines()[-4:] == STEPS
    done = author.run('goevd', '-t', '-c', 'first.yaml', cwd='first')
    assert (done.returncode, done.stderr) == (0, 'first.yaml: OK\n')


@pytest.mark.heavy
def test_a_new_plugin_passes_its_test_under_meson(author):
    author.begin('first', 'http')
    done = author.run('meson', 'setup', 'build', cwd='first')
    assert done.returncode == 0, done.stdout
    done = author.run('meson', 'test', '-C', 'build', cwd='first')
    assert done.returncode == 0, done.stdout
    assert re.search(r'^Ok: +1 *$', done.stdout, re.M)


def test_make_install(author, tmp_path):
    """The path that goevd reports; none without goevd."""
    author.begin('first', 'stream')
    root = tmp_path / 'root'
    made = ['make', '-s', f'DESTDIR={root}']
    assert author.run(*made, cwd='first').returncode == 0
    assert author.run(*made, 'install', 'GOEVD=/nowhere', cwd='first').returncode == 2
    assert not root.exists()
    done = author.run(*made, 'install', cwd='first')
    assert done.returncode == 0, done.stderr
    assert [p for p in root.rglob('*') if p.is_file()] == \
        [root / f'{daemon.BUILD}/plugins/first.so'.lstrip('/')]


def test_a_plugin_begun_by_path_is_built_with_that_goevd(author, tmp_path):
    """No other setting names the headers, and no goevd is in PATH."""
    author.env['PATH'] = os.environ['PATH']
    done = author.run(*daemon.command('plugin', 'new', 'first'))
    assert done.returncode == 0, done.stderr
    assert f'\nGOEVD ?= {daemon.BINARY}\n' in (tmp_path / 'first' / 'Makefile').read_text()
    assert author.run('make', cwd='first').returncode == 0


def test_a_plugin_begun_by_name_is_built_with_what_is_in_path(author, tmp_path):
    (tmp_path / 'bin' / 'goevd').unlink()
    (tmp_path / 'bin' / 'goevd').symlink_to(daemon.BINARY)
    author.begin('first', 'http')
    assert '\nGOEVD ?= goevd\n' in (tmp_path / 'first' / 'Makefile').read_text()
    assert author.run('make', cwd='first').returncode == 0


def test_headers_and_folder(author, tmp_path):
    assert author.run('goevd', 'plugin', 'headers').stdout == f'{ROOT}/include\n'
    assert author.run('goevd', 'plugin', 'folder').stdout == f'{daemon.BUILD}/plugins\n'


def test_headers_that_are_not_there(author, tmp_path):
    """As for a package without that of its headers: no build directory is around the binary."""
    (tmp_path / 'headers').write_text(f'{tmp_path}/none\n')
    shutil.copy(daemon.BINARY, tmp_path / 'goevd')
    done = author.run(tmp_path / 'goevd', 'plugin', 'headers')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == (f'goevd: plugin headers: cannot read {tmp_path}/none/goevd/plugin.h: No such '
                           'file or directory; Debian has the headers in the package goevd-dev\n')


@pytest.mark.parametrize('name', ['', 'Upper', '1st', 'with-dash', 'a/b', 'é', 'x' * 41])
def test_names_that_are_none(author, tmp_path, name):
    before = sorted(tmp_path.iterdir())
    done = author.run('goevd', 'plugin', 'new', name)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == (f"goevd: plugin new: '{name}' is no name for a plugin: it is 1 to 40 of a-z, "
                           "0-9 and _, and begins with a letter\n")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize('name', ['test', 'http', 'websocket'])
@pytest.mark.parametrize('kind', ['stream', 'http', 'websocket'])
def test_names_that_are_taken(author, tmp_path, name, kind):
    """By a file of the folder, and by files that handlers and applications need."""
    done = author.run('goevd', 'plugin', 'new', name, '--kind', kind)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == f"goevd: plugin new: the name '{name}' is taken; choose another\n"
    assert not (tmp_path / name).exists()


def test_the_longest_name(author):
    assert author.begin('x' * 40, 'stream').exists()


def test_nothing_is_overwritten(author, tmp_path):
    (tmp_path / 'first').mkdir()
    done = author.run('goevd', 'plugin', 'new', 'first')
    assert (done.returncode, done.stderr) == (1, 'goevd: cannot make the folder first: File exists\n')
    assert not list((tmp_path / 'first').iterdir())


@pytest.mark.parametrize('args, why', [
    ([], 'plugin needs a command: new, check, test, headers or folder'),
    (['make', 'x'], "plugin: no command 'make'; there are new, check, test, headers and folder"),
    (['new'], 'plugin new needs a name'),
    (['new', 'a', 'b'], 'plugin new needs a name'),
    (['check'], 'plugin check needs the file of a plugin'),
    (['test'], 'plugin test needs the folder of a plugin'),
    (['headers', 'x'], 'plugin headers needs nothing else'),
    (['new', 'x', '--kind', 'smtp'], "plugin new: no kind 'smtp'; there are stream, http and websocket"),
    (['new', 'x', '--json'], '--json is for goevd ctl'),
])
def test_wrong_commands(author, args, why):
    done = author.run('goevd', 'plugin', *args)
    assert (done.returncode, done.stdout) == (1, '')
    assert why in done.stderr


def test_kind_is_for_new_plugins(author):
    done = author.run('goevd', '-t', '--kind', 'http')
    assert done.returncode == 1 and '--kind is for goevd plugin new' in done.stderr


# ---- check ----------------------------------------------------------------------------------------

def test_check_says_what_it_is(goevd_run):
    path = daemon.BUILD / 'plugins' / 'echo.so'
    done = goevd_run('plugin', 'check', path)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout == goevd_run('--describe', path).stdout != ''


@pytest.mark.parametrize('name, why', [
    ('no_entry', 'has no symbol goevd_plugin_entry'),
    ('newer_major', 'upgrade goevd'),
    ('undefined', 'undefined symbol'),
])
def test_check_says_what_is_wrong(goevd_run, name, why):
    done = goevd_run('plugin', 'check', daemon.BUILD / 'tests' / 'plugin' / f'{name}.so')
    assert (done.returncode, done.stdout) == (1, '')
    assert why in done.stderr


@pytest.mark.parametrize('name, why', [
    ('ws_major', 'its goevd.websocket is of ABI 2.0 and needs 2.0, and this goevd has 1.0; '),
    ('ws_minor', 'its goevd.websocket is of ABI 1.0 and needs 1.1, and this goevd has 1.0; '),
])
def test_check_looks_at_the_abi_of_interfaces(goevd_run, name, why):
    path = daemon.BUILD / 'tests' / 'plugin' / f'{name}.so'
    done = goevd_run('plugin', 'check', path)
    assert done.returncode == 1
    assert done.stderr.startswith(f'goevd: {path}: {why}')


@pytest.fixture
def checked(author, tmp_path):
    """checked(what is added to a plugin, argument of cc…) -> goevd plugin check of it."""
    def check(text='', *args, options='', name='mine'):
        source = tmp_path / 'mine.c'
        source.write_text(f'''
            #include <goevd/plugin.h>
            #include <string.h>
            {text}
            struct record {{ bool a; const void *map; }};
            static const struct goevd_option rows[] = {{ {options} {{.type = GOEVD_OPTION_END}} }};
            static const struct goevd_schema schema = GOEVD_SCHEMA(struct record, rows);
            static int create(struct goevd_self *self, const void *o, void **ret) {{ return 0; }}
            static const void *interface(const char *id) {{ return NULL; }}
            GOEVD_PLUGIN(.name = "{name}", .description = "-", .options = &schema,
                         .create = create, .interface = interface);''')
        done = author.run('cc', f'-I{ROOT}/include', '-shared', '-fPIC', '-o', 'mine.so', 'mine.c', *args)
        assert (done.returncode, done.stderr) == (0, '')
        done = author.run('goevd', 'plugin', 'check', 'mine.so')
        assert not daemon.findings(tmp_path)
        return done.returncode, done.stderr.replace('goevd: ./mine.so: ', '')
    return check


def test_check_finds_no_fault_with_a_plain_plugin(checked):
    assert checked('static int mine(void) { return 1; }') == (0, '')


@pytest.mark.parametrize('count', [1, 8, 9])
def test_check_names_what_is_exported_besides(checked, count):
    status, said = checked(' '.join(f'int f{i}(void) {{ return {i}; }}' for i in range(count)))
    found = re.fullmatch('warning: it exports (.*?)( and 1 more)?, and a library with the same name would '
                         'take its place; make them static, or build with -fvisibility=hidden\n', said)
    assert status == 0 and found, said
    named = found[1].split(', ')
    assert len(named) == min(count, 8) and set(named) <= {f'f{i}' for i in range(count)}
    assert bool(found[2]) == (count > 8)


def test_check_names_variables_and_nothing_hidden(checked):
    assert checked('int mine = 1;')[1].startswith('warning: it exports mine, ')
    assert checked('int mine = 1;', '-fvisibility=hidden') == (0, '')


def test_check_names_all_that_is_missing(checked):
    text = ('int one(void); int two(void);'
            '__attribute__((used)) static int both(void) { return one() + two(); }')
    status, said = checked(text, '-Wl,-z,lazy')
    assert status == 1
    warning, error = said.splitlines()
    assert re.fullmatch('warning: no library provides (one, two|two, one)', warning)
    assert 'undefined symbol: ' in error


def test_check_names_a_library_that_is_not_found(checked, author, tmp_path):
    (tmp_path / 'help.c').write_text('int helps(void) { return 1; }')
    assert author.run('cc', '-shared', '-fPIC', '-o', 'libhelp.so', 'help.c').returncode == 0
    text = 'int helps(void); __attribute__((used)) static int both(void) { return helps(); }'
    args = ('-L.', '-Wl,-rpath,' + str(tmp_path), '-Wl,--no-as-needed', '-lhelp')
    assert checked(text, *args) == (0, '')
    (tmp_path / 'libhelp.so').unlink()
    done = author.run('goevd', 'plugin', 'check', 'mine.so')
    assert done.returncode == 1
    assert done.stderr == ('goevd: cannot load ./mine.so: it needs a library that is not found: libhelp.so: cannot '
                    'open shared object file: No such file or directory; install that, or link with '
                    '-Wl,-rpath,DIR\n')


def test_check_finds_an_executable_stack(checked):
    # Newer C libraries do not even load it.
    assert re.fullmatch('warning: it makes the stack executable, for all of goevd; .*\n|'
                        '.*cannot enable executable stack.*\n', checked('', '-Wl,-z,execstack')[1])


@pytest.mark.parametrize('name', ['', 'My Plugin', 'x' * 65, r'a\"b'])
def test_check_refuses_names_that_figures_and_logs_cannot_have(checked, name):
    status, said = checked(name=name)
    assert status == 1
    assert said == (f"goevd_plugin_entry.name is '{name[:64]}'; make it 1 to 64 of a-z, 0-9, _ and -\n"
                    .replace('\\', ''))


def test_check_tells_two_names(checked):
    assert checked(name='x' * 64) == (0, "warning: its name is '" + 'x' * 64 + "', which logs and metrics have, and "
                                         "the file's, which configurations have, is 'mine'; make them the same\n")


BOOL = '{{.name = "{}", .type = GOEVD_OPTION_BOOL, .help = "{}"}}, '


@pytest.mark.parametrize('names, status, said', [
    (['fine_1', 'Fine-2'], 0, ''),
    (['a.b'], 1, "its options are described wrongly: the option 'a.b' has a name that no path in "
                 'goevd.yaml can have; it is 1 to 64 letters, digits, _ and -'),
    (['a', 'a'], 1, 'its options are described wrongly: there are two options a'),
])
def test_check_looks_at_the_names_of_options(checked, names, status, said):
    assert checked(options=''.join(BOOL.format(name, 'help') for name in names)) == \
        (status, said and said + '\n')


def test_check_misses_help_wherever_it_is(checked):
    text = ('static const struct goevd_option below[] = {' + BOOL.format('b', '') +
            '{.type = GOEVD_OPTION_END}};'
            'static const struct goevd_schema item = {8, sizeof(below[0]), below};')
    options = ('{.name = "a", .type = GOEVD_OPTION_BOOL},'
               '{.name = "map", .type = GOEVD_OPTION_RECORD, .item = &item, .help = "here",'
               ' .offset = offsetof(struct record, map)},')
    status, said = checked(text, options=options)
    assert (status, said) == (0, "warning: the option 'a' has no help for --describe to print\n"
                                 "warning: the option 'map.b' has no help for --describe to print\n")


def test_a_name_without_a_slash_is_a_file(author, tmp_path):
    shutil.copy(daemon.BUILD / 'plugins' / 'echo.so', tmp_path / 'mine.so')
    assert author.run('goevd', 'plugin', 'check', 'mine.so').returncode == 0


# ---- test -----------------------------------------------------------------------------------------

@pytest.fixture
def built(author):
    """A plugin `bad` that was built with one line of it replaced."""
    def build(old, new, kind='stream'):
        source = author.begin('bad', kind)
        assert source.read_text().count(old) == 1
        source.write_text(source.read_text().replace(old, new))
        assert author.run('make', cwd='bad').returncode == 0
        return author.run('goevd', 'plugin', 'test', 'bad')
    return build


def test_its_own_test_fails(built):
    done = built('line[len - 1 - i]', 'line[i]')
    assert done.returncode == 1
    assert done.stdout.endswith('drive: ok\nwanted: < olleh\n< dlrow\ngot: < hello\n< world\n')
    assert done.stderr == 'goevd: test: it ended with status 1\n'


@pytest.mark.parametrize('text, mode, why', [
    ('#!/bin/sh\n', 0o644, 'Permission denied; let it be executable, with chmod +x'),
    ('#!/nowhere\n', 0o755, 'No such file or directory'),
])
def test_its_own_test_cannot_be_executed(author, text, mode, why):
    """That it is left out would look as if it had passed."""
    test = author.begin('first', 'stream').with_name('test')
    test.write_text(text)
    test.chmod(mode)
    done = author.run('make', '-s', 'test', cwd='first')
    assert done.returncode != 0
    assert done.stdout.endswith('drive: ok\n')
    assert done.stderr.startswith(f'goevd: test: cannot execute ./test: {why}\n'
                                  'goevd: test: it ended with status 127\n')


def test_it_cannot_be_created(built):
    done = built('    *ret_instance =', '    return -22;\n    *ret_instance =')
    assert done.returncode == 1
    assert done.stderr.endswith('goevd: start: goevd ended with status 78\n')


@pytest.mark.unsanitized   # a sanitizer takes the signal
def test_it_crashes(built):
    done = built('return -EMSGSIZE;', '__builtin_trap();')
    assert done.returncode == 1
    assert re.search(r'goevd: (drive|test): goevd was killed by signal \d+ ', done.stderr)


@pytest.mark.unsanitized   # one sanitizer at a time
def test_a_sanitizer_finds_what_strangers_break(author):
    source = author.begin('bad', 'stream')
    assert author.run('make', 'asan', cwd='bad').returncode == 0
    source.write_text(source.read_text().replace('len > LINE_MAX_BYTES', 'len > 100000'))
    done = author.run('make', 'asan', cwd='bad')
    assert done.returncode != 0
    # The report is in the file that the environment of the tests names, or on standard error.
    assert 'stack-buffer-overflow' in done.stderr + daemon.findings(author.folder)
    for report in author.folder.glob('sanitizer*'):
        report.unlink()


def test_no_plugin_yet(author):
    author.begin('first', 'stream')
    done = author.run('goevd', 'plugin', 'test', 'first')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == ('goevd: no plugin in first; build it first, or name its folder with '
                           '--plugin-dir\n')


def test_no_folder(author):
    done = author.run('goevd', 'plugin', 'test', 'none')
    assert (done.returncode, done.stderr) == \
        (1, 'goevd: cannot look into none: No such file or directory\n')


# ---- Prerequisites -------------------------------------------------------------------------------

def test_a_worker_alone_tells_a_service_manager(goevd, tmp_path):
    path = str(tmp_path / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE_S)
        d = goevd(config(), '--single', env={'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '200000'})
        assert [manager.recv(4096) for _ in range(3)] == [b'READY=1', b'WATCHDOG=1', b'WATCHDOG=1']
        d.signal(signal.SIGTERM)
        while (said := manager.recv(4096)) == b'WATCHDOG=1':
            pass
        assert said == b'STOPPING=1'
