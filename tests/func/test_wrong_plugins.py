"""Plugins that are wrong in one way each are refused with an error that names the remedy."""
import os
import re

import pytest

import daemon
from daemon import config, listener
from wire import echo

pytestmark = pytest.mark.sequential

ABI = '1.0'


@pytest.fixture
def said(refused, plugins):
    """said(handler) -> the rest of the path in the config, and the error."""
    def check(handler, *args):
        text = refused(config(listener(handler=handler), plugin_dir=str(plugins)), *args)
        assert text.count('\n') == 1, text
        found = re.fullmatch(r'goevd\.yaml:\d+:\d+: listeners\[1\]\.handler(\S*): (.*)\n', text)
        assert found, text
        return found[1], found[2].replace(f'{plugins}/', 'DIR/')
    return check


def test_missing_file(said, plugins):
    for file in plugins.iterdir():
        if file.stem not in ('echo', 'http'):
            file.unlink()
    assert said('ecco') == ('', f"no plugin 'ecco' in {plugins} (plugin_dir, --plugin-dir); "
                                "did you mean 'echo'?; there are: echo, http")


def test_missing_folder(refused, tmp_path):
    text = refused(config(plugin_dir=f'{tmp_path}/none'))
    assert f"no plugin 'echo': the plugin directory {tmp_path}/none cannot be read " \
        '(plugin_dir, --plugin-dir): No such file or directory\n' in text


@pytest.mark.parametrize('content', [b'#!/bin/sh\n', b'', b'\x7fEL'])
def test_not_an_elf(said, plugins, content):
    (plugins / 'text.so').write_bytes(content)
    assert said('text') == ('', 'DIR/text.so is not a shared object (no ELF header); '
                                'build it with cc -shared -fPIC')


@pytest.mark.parametrize('name, at, value', [
    ('32 bits', 4, b'\x01'), ('the other order of bytes', 5, b'\x02'), ('no known machine', 18, b'\xff\xfe')])
def test_another_machine(said, plugins, name, at, value):
    content = bytearray((daemon.BUILD / 'plugins' / 'echo.so').read_bytes())
    content[at:at + len(value)] = value
    (plugins / 'other.so').write_bytes(content)
    assert said('other') == ('', 'DIR/other.so was built for another machine than this goevd; '
                             'build it for this one')


@pytest.mark.parametrize('part', [0.02, 0.3])
def test_half_a_file(said, plugins, part):
    """A partly copied file: if it were loaded, a signal would end goevd."""
    content = (daemon.BUILD / 'plugins' / 'echo.so').read_bytes()
    (plugins / 'half.so').write_bytes(content[:int(len(content) * part)])
    assert said('half') == ('', 'DIR/half.so ends before its last segment; copy the whole file again')


def test_less_than_a_header(said, plugins):
    (plugins / 'half.so').write_bytes((daemon.BUILD / 'plugins' / 'echo.so').read_bytes()[:40])
    assert said('half') == ('', 'DIR/half.so ends before its last segment; copy the whole file again')


def test_fifo(said, plugins):
    os.mkfifo(plugins / 'pipe.so')
    assert said('pipe') == ('', 'DIR/pipe.so is not a file')


def test_directory(said, plugins):
    (plugins / 'folder.so').mkdir()
    assert said('folder') == ('', 'DIR/folder.so is not a file')


def test_no_entry_symbol(said):
    assert said('no_entry') == ('', 'DIR/no_entry.so has no symbol goevd_plugin_entry; a plugin '
                                    'defines it with GOEVD_PLUGIN() of goevd/plugin.h')


def test_newer_major(said):
    assert said('newer_major') == (
        '', f'DIR/newer_major.so was built for plugin ABI 2.3 and this goevd has {ABI}; upgrade '
            "goevd, or build the plugin against this goevd's headers")


def test_needs_newer_minor(said):
    assert said('newer_minor') == (
        '', f'DIR/newer_minor.so needs a host with plugin ABI 1.5 or newer and this goevd has '
            f'{ABI}; upgrade goevd')


def test_undefined_symbol(said):
    assert said('undefined') == (
        '', 'DIR/undefined.so: undefined symbol: undefined_and_nowhere_else; link it with the '
            'library that has the symbol (with -Wl,-z,defs the linker finds this)')


def test_entry_too_small(said):
    assert said('small_entry') == (
        '', f'DIR/small_entry.so: its goevd_plugin_entry has 16 bytes, too few for ABI {ABI}; '
            'fill it with GOEVD_PLUGIN()')


def test_no_stream_handler(said):
    assert said('no_stream') == (
        '', "plugin 'no_stream' cannot be used here: it has no interface goevd.stream")


def test_framing_with_on_read(said):
    assert said('frameless') == (
        '', 'DIR/frameless.so: goevd_stream.framing is set and on_frame is NULL; set it too')


def test_framing_without_a_delimiter(said):
    assert said('no_delimiter') == (
        '', 'DIR/no_delimiter.so: goevd_framing.delimiter has 0 bytes; give it 1 to 16')


def test_unknown_option(said):
    assert said({'witness': {'nmae': 'x'}}) == ('.witness.nmae',
                                                'unknown key, did you mean name?')


def test_options_to_one_that_takes_none(said):
    where, text = said({'echo': {'loud': True}})
    assert where.startswith('.echo')
    assert 'no options' in text


@pytest.mark.parametrize('args', [[], ['--single']])
def test_create_fails(said, args):
    assert said('create_fails', *args)[1] == \
        "plugin 'create_fails' cannot start: No space left on device"


def test_create_refuses(refused, plugins):
    text = refused('listeners:\n'
                   '- address: 127.0.0.1:0\n'
                   '  handler:\n'
                   '    create_refuses:\n'
                   '      words: [good, bad, fine,\n'
                   '        bad]\n', '--plugin-dir', plugins)
    path = 'listeners[0].handler.create_refuses.words'
    assert text == f"goevd.yaml:5:21: {path}[1]: 'bad' is a bad word\n" \
                   f"goevd.yaml:6:9: {path}[3]: 'bad' is a bad word\n"


def test_check_creates(goevd_run, plugins, tmp_path):
    path = daemon.write_config(tmp_path, config(listener(handler='create_fails')))
    done = goevd_run('-t', '-c', path, '--plugin-dir', plugins)
    assert done.returncode == 1
    assert re.fullmatch(rf"{path}:\d+:\d+: listeners\[0\]\.handler\.create_fails: plugin "
                        r"'create_fails' cannot start: .*\n", done.stderr)


@pytest.mark.parametrize('args', [[], ['--single']])
def test_poller_start_fails(refused, plugins, args):
    text = refused(config(listener(handler='poller_start_fails'), plugin_dir=str(plugins),
                          reactors=[{'name': 'r', 'pollers': '3', 'cpus': 'none'}]), *args)
    assert re.fullmatch(r"\S+ error goevd: plugin 'poller_start_fails' \(listeners\[1\]\.handler"
                        r"\S*\) cannot start on poller 1: Permission denied\n", text), text


def test_older_minor_keeps_loading(goevd, plugins):
    d = goevd(config(listener(handler='older_minor'), plugin_dir=str(plugins)))
    s = d.connect()
    echo(s)
    d.signal(15)   # its on_stop lies behind the end of the table that it knew
    assert s.recv(1) == b''
    s.close()
    assert d.wait() == 0


def test_all_that_is_wrong_is_said_at_once(refused, plugins):
    text = refused(config(listener('a', 'no_entry'), listener('b', 'newer_major'),
                          listener('c', {'witness': {'nmae': 'x'}}), plugin_dir=str(plugins)))
    found = [re.search(r'listeners\[(\d)\]', line)[1] for line in text.splitlines()]
    assert found == ['1', '2', '3'], text


def test_refused_late_destroys_what_was_created(refused, plugins):
    text = refused(config(listener('a', {'witness': {'name': 'one'}}),
                          listener('b', {'witness': {'name': 'two'}}),
                          listener('c', 'create_fails'), plugin_dir=str(plugins)))
    calls = re.findall(r'witness: #\d+ (\w+ \w+)', text)
    assert calls == ['one create', 'two create', 'two destroy', 'one destroy']


def test_list_says_what_is_wrong_with_each(goevd_run, plugins):
    done = goevd_run('--list-plugins', '--plugin-dir', plugins)
    assert done.returncode == 1
    assert done.stderr == f'goevd: not every plugin in {plugins} can be loaded\n'
    for name in ('newer_major', 'newer_minor', 'no_entry', 'small_entry', 'undefined'):
        assert re.search(rf'^{name} +WRONG: ', done.stdout, re.M), name
    assert re.search(r'^witness +writes every call to the log$', done.stdout, re.M)
