"""The Debian packages: built, installed, upgraded and purged in a machine of its own."""
import re
import shutil
import subprocess

import pytest

from daemon import PATIENCE_S, eventually
from knocking import assert_all_were_answered, knock

pytestmark = pytest.mark.xdist_group('package')


@pytest.fixture(scope='module')
def newer(packages, tmp_path_factory):
    """A package of a goevd that is newer."""
    folder = tmp_path_factory.mktemp('newer')
    subprocess.run(['dpkg-deb', '-R', packages / 'goevd.deb', folder / 'tree'], check=True)
    control = folder / 'tree' / 'DEBIAN' / 'control'
    control.write_text(re.sub('^Version: .*', r'\g<0>+newer', control.read_text(), flags=re.M))
    subprocess.run(['dpkg-deb', '--root-owner-group', '-Znone', '-b', folder / 'tree', folder / 'newer.deb'],
                   check=True, stdout=subprocess.DEVNULL)
    return folder / 'newer.deb'


@pytest.fixture
def box(boot, needed, debs):
    """A machine that has never seen goevd, with the packages in /root."""
    return boot(needed, debs)


def install(box, *debs):
    """By apt, from files in the machine, which has no network."""
    return box.run('apt-get', 'install', '-y', '--no-install-recommends', *debs)


def test_lintian_finds_nothing(packages):
    said = (packages / 'said').read_text()
    assert not re.search('^[EW]: ', said, re.M), said


def body(box):
    """The reply to a client with the configuration of the package."""
    return box.client('curl', '-sS', '--max-time', PATIENCE_S, 'http://127.0.0.1:8080/')


def processes(box):
    """Supervisor and worker."""
    said = box.run('goevd', 'ctl', '-s', '/run/goevd/control.sock', 'status')
    return [re.search(rf'^{who}', said, re.M)[1] for who in (r'supervisor +(\d+)$', r'worker +(\d+): serving ')]


def test_install_upgrade_purge(box, newer):
    install(box, '/root/goevd.deb')
    assert box.show('ActiveState') == 'active' and box.show('UnitFileState') == 'enabled'
    assert body(box) == 'goevd works. What it serves is in /etc/goevd/goevd.yaml.\n'
    assert box.run('goevd', '-t') == ''
    files = box.run('dpkg', '-L', 'goevd').split('\n')
    supervisor, worker = processes(box)

    clients = knock(box, 8080)
    shutil.copy(newer, box.path('/root'))
    box.run('dpkg', '-i', '/root/newer.deb')
    after = processes(box)
    assert after[0] == supervisor and after[1] != worker
    assert_all_were_answered(clients)

    box.run('dpkg', '-r', 'goevd')
    assert box.show('ActiveState') == 'inactive'
    assert box.path('/etc/goevd/goevd.yaml').exists()
    box.run('dpkg', '-P', 'goevd')
    left = [f for f in files if f and (box.path(f).is_file() or 'goevd' in f and box.path(f).exists())]
    assert left == []
    assert not box.path('/var/log/goevd').exists()


def test_logs_are_rotated(box):
    install(box, '/root/goevd.deb')
    with box.path('/etc/goevd/goevd.yaml').open('a') as conf:
        conf.write('log: {target: /var/log/goevd/goevd.log}\n')
    box.run('systemctl', 'reload', 'goevd')
    log = box.path('/var/log/goevd/goevd.log')
    begins = log.read_text()
    assert begins
    box.run('logrotate', '--force', '/etc/logrotate.d/goevd')
    eventually(lambda: log.exists() and log.read_text(), 'no new log')
    assert box.path('/var/log/goevd/goevd.log.1').read_text().startswith(begins)
    box.run('dpkg', '-P', 'goevd')
    assert not box.path('/var/log/goevd').exists() and not box.path('/etc/logrotate.d/goevd').exists()
