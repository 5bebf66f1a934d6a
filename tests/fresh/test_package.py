"""The Debian packages: built, installed, upgraded and purged in a machine of its own."""
import re
import shutil
import subprocess

import pytest

import machine
from daemon import PATIENCE_S, ROOT, SANITIZER, eventually
from knocking import assert_all_were_answered, knock

WHY_NOT = machine.missing() or (SANITIZER and 'packages have no sanitizer')
pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group('package'),
              pytest.mark.skipif(bool(WHY_NOT), reason=str(WHY_NOT))]


@pytest.fixture(scope='module')
def packages(tmp_path_factory):
    """The .deb files by name, those that ./dev deb makes; and `newer`, a goevd that is."""
    done = subprocess.run([ROOT / 'dev', 'deb'], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search('^[EW]: ', done.stdout, re.M), done.stdout   # lintian's
    found = {p.name.split('_')[0]: p for p in (ROOT / 'build' / 'deb').glob('*.deb')}
    folder = tmp_path_factory.mktemp('newer')
    subprocess.run(['dpkg-deb', '-R', found['goevd'], folder / 'tree'], check=True)
    control = folder / 'tree' / 'DEBIAN' / 'control'
    control.write_text(re.sub('^Version: .*', r'\g<0>+newer', control.read_text(), flags=re.M))
    subprocess.run(['dpkg-deb', '--root-owner-group', '-Znone', '-b', folder / 'tree', folder / 'newer.deb'],
                   check=True, stdout=subprocess.DEVNULL)
    return {**found, 'newer': folder / 'newer.deb'}


@pytest.fixture
def box(tmp_path, packages):
    """A machine that has never seen goevd, with the packages in /root."""
    (tmp_path / 'nothing').mkdir()
    m = machine.Machine(tmp_path / 'machine', tmp_path / 'nothing')
    m.run('rm', '-f', '/usr/sbin/policy-rc.d')   # images for containers forbid to start services
    for name, path in packages.items():
        shutil.copy(path, m.path(f'/root/{name}.deb'))
    yield m
    m.close()


def body(box):
    """What a client is told by the configuration that comes with the package."""
    return box.run('curl', '-sS', '--max-time', PATIENCE_S, 'http://127.0.0.1:8080/')


def processes(box):
    """Supervisor and worker."""
    said = box.run('goevd', 'ctl', '-s', '/run/goevd/control.sock', 'status')
    return [re.search(rf'^{who} +(\d+)$', said, re.M)[1] for who in ('supervisor', 'worker')]


def test_install_upgrade_purge(box):
    box.run('dpkg', '-i', '/root/goevd.deb')
    assert box.show('ActiveState') == 'active' and box.show('UnitFileState') == 'enabled'
    assert body(box) == 'goevd works. What it serves is in /etc/goevd/goevd.yaml.\n'
    assert box.run('goevd', '-t') == ''
    files = box.run('dpkg', '-L', 'goevd').split('\n')
    supervisor, worker = processes(box)

    clients = knock(box, 8080)
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


def test_a_plugin_for_the_package(box):
    box.run('dpkg', '-i', '/root/goevd.deb', '/root/goevd-dev.deb')
    box.run('sh', '-c', 'cd / && goevd plugin new mine --kind http')
    said = box.run('make', '-C', '/mine', 'test', 'install')
    assert said.count(': ok') == 4
    assert 'mine ' in box.run('goevd', '--list-plugins')


def test_logs_are_rotated(box):
    box.run('dpkg', '-i', '/root/goevd.deb')
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
