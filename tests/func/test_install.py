"""What `meson install` leaves in /etc."""
import os
import re
import subprocess

import pytest

from daemon import BUILD, ROOT

pytestmark = pytest.mark.heavy


def install(folder):
    """As meson does it, beneath folder; the file."""
    subprocess.run([ROOT / 'systemd/install-config', ROOT / 'systemd/goevd.yaml'],
                   env={'PATH': '/usr/bin:/bin', 'DESTDIR': str(folder)}, check=True)
    return folder / 'etc/goevd/goevd.yaml'


def test_the_first_configuration_is_good(goevd_run, tmp_path):
    path = install(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o644
    done = goevd_run('-t', '-c', path)
    assert (done.returncode, done.stderr) == (0, f'{path}: OK\n')


def test_what_the_administrator_has_written_stays(tmp_path):
    install(tmp_path).write_text('mine')
    assert install(tmp_path).read_text() == 'mine'


def test_pkg_config_tells_the_abi():
    """So that builds of plugins can require a compatible version."""
    header = (ROOT / 'include/goevd/version.h').read_text()
    abi = '.'.join(re.search(rf'GOEVD_ABI_{part} (\d+)', header)[1] for part in ('MAJOR', 'MINOR'))
    said = subprocess.run(['pkg-config', '--variable=abi', 'goevd'], text=True, capture_output=True, check=True,
                          env={**os.environ, 'PKG_CONFIG_PATH': str(BUILD / 'meson-private')})
    assert said.stdout == f'{abi}\n'
