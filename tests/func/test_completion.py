"""completions/goevd: the completions that bash offers."""
import re
import subprocess

import pytest

import daemon
from daemon import ROOT

pytestmark = pytest.mark.heavy


@pytest.fixture
def offered(tmp_path):
    """offered(word…) -> the completions of the last of these words after goevd."""
    binary = tmp_path / 'goevd'
    binary.write_text(f'#!/bin/sh\nexec {" ".join(daemon.command())} "$@"\n')
    binary.chmod(0o755)

    def ask(*words):
        script = (f'shopt -s extglob; . {ROOT}/completions/goevd; COMP_WORDS=("$@"); '
                  f'COMP_CWORD={len(words)}; compopt() {{ :; }}; _goevd "$1"; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(['bash', '-c', script, 'bash', str(binary), *words], cwd=tmp_path,
                              env=daemon.environment(tmp_path), text=True, capture_output=True,
                              check=True)
        assert done.stderr == ''
        return set(done.stdout.split())
    return ask


def test_every_flag(offered, goevd_run):
    flags = re.findall(r'^  (?:-\w, |    )(--[a-z-]+)', goevd_run('-h').stdout, re.M)
    assert offered('-') == set(flags) != set()
    assert offered('--desc') == {'--describe'}


def test_commands(offered):
    assert offered('') == {'ctl', 'plugin'}
    assert offered('ctl', '') == {'status', 'top', 'stats', 'connections', 'certificates', 'settings', 'set', 'unset', 'reload',
                                  'reopen', 'stop'}
    assert offered('ctl', 'stat') == {'status', 'stats'}
    assert offered('plugin', '') == {'new', 'check', 'test', 'headers', 'folder'}
    assert offered('plugin', 'new', 'x', '--kind', 'h') == {'http'}


def test_commands_behind_flags(offered):
    assert offered('ctl', '-s', 'x.sock', 'sta') == {'status', 'stats'}
    assert offered('-c', 'ctl', '') == {'ctl', 'plugin'}
    assert offered('ctl', '--json', 'se') == {'settings', 'set'}
    assert offered('plugin', '--kind', 'http', 'n') == {'new'}
    assert offered('ctl', 'status', '') == set()
    assert offered('ctl', 'set', 'ctl', '') == set()


def test_plugins(offered):
    assert {'goevd', 'echo', 'http'} <= offered('--describe', '')


def test_files(offered, tmp_path):
    for name in ('a.yaml', 'a.yml', 'a.txt'):
        (tmp_path / name).touch()
    (tmp_path / 'a.d').mkdir()
    assert offered('-c', 'a') == {'a.yaml', 'a.yml', 'a.d'}
    assert offered('plugin', 'test', 'a') == {'a.d'}
    assert offered('plugin', 'check', 'a') == {'a.yaml', 'a.yml', 'a.txt', 'a.d'}
