"""Fixtures of the tests in an empty Debian: its layers, the source tree, and the packages of goevd."""
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'func'))

import debian   # noqa: E402
import machine  # noqa: E402
from snippets import snippets   # noqa: E402

RUN = 'GOEVD_FRESH_RUN'       # names the folder of this run to the workers of pytest
MAKE = './dev deb'             # begins the snippet of README that makes packages and installs them
TREE = pathlib.Path('/root/goevd')
AUTHOR_PACKAGES = ['gcc', 'libc6-dev', 'make', 'curl', 'netcat-openbsd', 'python3']
stack = contextlib.ExitStack()


def pytest_configure():
    """The first process of pytest creates the files that its workers use."""
    if RUN not in os.environ and not debian.missing():
        os.environ[RUN] = str(stack.enter_context(debian.prepared()))


def pytest_unconfigure():
    """In that process; in the others there is nothing to close."""
    stack.close()


def pytest_collection_modifyitems(items):
    """Skips a test that cannot run here, with the reason."""
    if debian.missing():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=debian.missing()))


@pytest.fixture(scope='session')
def run():
    """The folder for the output of this run, shared by its workers."""
    return pathlib.Path(os.environ[RUN])


def once(run, name, make):
    """The folder `name`, which the first that asks for it makes; all others wait meanwhile."""
    folder = run / name
    with (run / f'{name}.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done, failed = run / f'{name}.done', run / f'{name}.failed'
        if failed.exists():
            pytest.fail(f'{name}: {failed.read_text()}')
        if not done.exists():
            folder.mkdir()
            failed.write_text('it could not be made; the test that tried to says why')
            make(folder)
            failed.unlink()
            done.touch()
    return folder


# ---- Layers --------------------------------------------------------------------------------------

@pytest.fixture(scope='session')
def debs(run):
    """A layer with the packages that earlier runs have fetched."""
    return once(run, 'debs', lambda folder: debian.fetched(folder) and None)


def sources():
    """The files of this tree, as ./dev deb takes them."""
    listed = subprocess.run(['git', 'ls-files', '-z', '-co', '--exclude-standard'], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    return [name for name in listed.split('\0') if name and (ROOT / name).exists()]


def copy_tree(folder):
    """The source tree, where a user of the root would have it."""
    tree = folder / TREE.relative_to('/')
    for name in sources():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name, follow_symlinks=False)
    (folder / 'root').chmod(0o700)


@pytest.fixture(scope='session')
def tree(run):
    """A layer with the source tree in TREE."""
    return once(run, 'tree', copy_tree)


@pytest.fixture(scope='session')
def root(run):
    """root(name, layer…) -> a Root on these layers and the base; all end with the session."""
    with contextlib.ExitStack() as roots:
        def start(name, *layers):
            r = debian.Root(run / f'root-{name}', *layers, debian.BASE)
            roots.callback(r.close)
            return r

        yield start


# ---- Packages ------------------------------------------------------------------------------------

@pytest.fixture(scope='session')
def packages(run, root, debs, tree):
    """The folder of files that README's commands create in an empty Debian: NAME.deb, and their output in `said`."""
    def build(folder):
        r = root('deb', debs, tree)
        lines, = [s.text.splitlines() for s in snippets('README.md') if s.text.startswith(f'{MAKE}\n')]
        (folder / 'said').write_text(
            ''.join(r.run('bash', '-c', line, cwd=TREE, stdin='y\n') for line in lines))
        built = r.up / TREE.relative_to('/') / 'build' / 'deb'
        for deb in built.glob('*.deb'):
            shutil.copy(deb, folder / f'{deb.name.split("_")[0]}.deb')
        # Plugins of the tests, for goevd as it is installed.
        for name in ('stuck', 'talking'):
            r.run('gcc', '-shared', '-fPIC', '-fvisibility=hidden', '-Iinclude', '-o', f'/root/{name}.so',
                  f'tests/plugin/{name}.c', cwd=TREE)
            shutil.copy(r.up / 'root' / f'{name}.so', folder)
        r.close()

    return once(run, 'packages', build)


@pytest.fixture(scope='session')
def needed(run, debs, packages):
    """A layer with goevd's packages in /root. Their dependencies are installed or in `debs`, not installed."""
    def fetch(folder):
        r = debian.Root(run / 'root-needed', debs, debian.BOOTING, debian.BASE, up=folder)
        for deb in packages.glob('*.deb'):
            shutil.copy(deb, r.file('root'))
        r.run('apt-get', 'update', '-qq')
        r.run('apt-get', 'install', '-y', '-qq', '--download-only', '--no-install-recommends',
              '/root/goevd.deb')
        r.close()

    return once(run, 'needed', fetch)


@pytest.fixture(scope='session')
def installed(run, needed):
    """A layer of the booting machine, with goevd installed."""
    def install(folder):
        r = debian.Root(run / 'root-installed', needed, debian.BOOTING, debian.BASE, up=folder)
        r.install('/root/goevd.deb')
        r.close()

    return once(run, 'installed', install)


# ---- Machines ------------------------------------------------------------------------------------

@pytest.fixture
def boot(tmp_path, run):
    """boot(layer…) -> a Machine that boots from these layers."""
    with contextlib.ExitStack() as machines:
        def start(*layers):
            m = machine.Machine(tmp_path / 'machine', *layers, debian.BOOTING, debian.BASE)
            machines.callback(m.close)
            return m

        yield start
