"""Roots of an empty Debian, of the release and architecture that this machine runs.

`base` is what debootstrap makes of its smallest variant; `booting` is what systemd and the like add
to it. Both are kept between runs, and so are the packages that apt has fetched, beneath
$XDG_CACHE_HOME/goevd or /var/cache/goevd. A Root writes to an overlay on top, which is thrown away.
"""
import contextlib
import errno
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

CACHE = pathlib.Path(os.environ.get('XDG_CACHE_HOME') or '/var/cache') / 'goevd' / 'debian'
BASE, BOOTING, DEBS = CACHE / 'base', CACHE / 'booting', CACHE / 'debs'
AGE_MAX_S = 14 * 24 * 3600   # then it is made anew
VERSION = 1                  # of how it is made
ARCHIVES = 'var/cache/apt/archives'
BOOT_PACKAGES = ['systemd', 'systemd-sysv', 'logrotate']
ENVIRONMENT = {'PATH': '/run/tools:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
               'HOME': '/root', 'LANG': 'C.UTF-8', 'DEBIAN_FRONTEND': 'noninteractive'}
WAIT_S = 600                 # for any one command

# apt reaches the archive by this machine's network; all else has only a loopback of its own.
APT = '''#!/bin/sh
exec nsenter --net=/run/network /usr/bin/{name} "$@"
'''


def missing():
    """Why there can be none here; None if there can."""
    if os.geteuid() != 0:
        return 'needs root'
    for program in ('debootstrap', 'systemd-nspawn', 'setpriv'):
        if not shutil.which(program):
            return f'needs {program}'
    made = subprocess.run(['unshare', '-m', '-n', '-p', '-f', 'true'], capture_output=True, check=False)
    return None if made.returncode == 0 else 'needs namespaces'


# ---- The machine's release, and its access to Debian ---------------------------------------------

def output(*argv):
    """Output of a command."""
    return subprocess.run(argv, check=True, text=True, capture_output=True).stdout


def release():
    """The code name, such as bookworm."""
    text = pathlib.Path('/etc/os-release').read_text()
    return re.search(r'^VERSION_CODENAME="?(\w+)', text, re.M)[1]


def sources():
    """(URI, suite, component) of each of Debian's archives that this machine's apt reads."""
    form = '$(REPO_URI)|$(SUITE)|$(CODENAME)|$(COMPONENT)'
    wanted = ['apt-get', 'indextargets', '--format', form, 'Created-By: Packages', 'Origin: Debian']
    lines = output(*wanted).split()
    if not lines:
        subprocess.run(['apt-get', 'update', '-qq'], check=True)
        lines = output(*wanted).split()
    found = (line.split('|') for line in lines)
    return list(dict.fromkeys((uri, codename or suite, component)
                              for uri, suite, codename, component in found))


def settings():
    """Settings of this machine's apt: proxies, time-outs, checks."""
    return '\n'.join(line for line in output('apt-config', 'dump').splitlines()
                     if line.startswith('Acquire::'))


def proxy():
    """The environment in which debootstrap fetches as apt does."""
    names = {'http_proxy': 'Acquire::http::Proxy', 'https_proxy': 'Acquire::https::Proxy'}
    text = output('apt-config', 'dump')
    found = {}
    for name, key in names.items():
        m = re.search(rf'^{key} "(.+)";', text, re.M)
        if m:
            found[name] = m[1]
    return found


def keyrings():
    """Key files that the sources of this machine name in Signed-By."""
    found = set()
    for path in [pathlib.Path('/etc/apt/sources.list'),
                 *pathlib.Path('/etc/apt/sources.list.d').glob('*.[ls]*')]:
        if path.exists():
            found |= set(re.findall(r'[Ss]igned-[Bb]y[:=] *(/\S+?)[\s\]]', path.read_text()))
    return found


# ---- A root --------------------------------------------------------------------------------------

SETUP = '''
    mount --make-rprivate /
    {mount}
    cd {path}
    mkdir -p dev proc sys run tmp
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t tmpfs -o mode=755 tmpfs dev
    mount -t tmpfs -o mode=755 tmpfs run
    for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
        set -- $node
        mknod "dev/$1" c "$2" "$3"
        chmod 666 "dev/$1"
    done
    mkdir -m 1777 dev/shm run/lock
    mkdir dev/pts run/tools
    mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    : >run/network
    mount --bind /proc/{pid}/ns/net run/network
    ip link set lo up
    echo ready
    exec chroot . sleep infinity
'''


class Root:
    """One that commands run in, until close(): by chroot, in namespaces of its own.

    `layers` are the lower layers, the uppermost first; writes go to `up`. Without
    layers it goes to that alone, and packages to where they are kept.
    """

    def __init__(self, folder, *layers, up=None):
        self.up, self.path, work = up or folder / 'up', folder / 'root', folder / 'work'
        for path in (self.up, work, self.path):
            path.mkdir(parents=True, exist_ok=True)
        self.up.chmod(0o755)
        if layers:
            mount = ('mount -t overlay overlay -o '
                     f'lowerdir={":".join(map(str, layers))},upperdir={self.up},workdir={work} {self.path}')
        else:
            mount = f'mount --bind {self.up} {self.path}; mount --bind {DEBS} {self.path}/{ARCHIVES}'
        setup = SETUP.format(mount=mount, path=self.path, pid=os.getpid())
        self.init = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', 'unshare', '-m', '-n', '-p', '-f', '--kill-child',
             'sh', '-ec', setup], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            stderr=(folder / 'log').open('w'))
        assert self.init.stdout.readline() == 'ready\n', (folder / 'log').read_text()
        self.leader = pathlib.Path(
            f'/proc/{self.init.pid}/task/{self.init.pid}/children').read_text().split()[0]
        for name in ('apt', 'apt-get'):
            self.write(f'/run/tools/{name}', APT.format(name=name), 0o755)
        for name in ('/etc/resolv.conf', '/etc/hosts'):
            self.write(name, pathlib.Path(name).read_text())

    def command(self, *argv, cwd='/'):
        """The command line that runs one inside."""
        proxies = {k: v for k, v in os.environ.items() if k.lower() in
                   ('http_proxy', 'https_proxy', 'no_proxy')}
        pairs = [f'{k}={v}' for k, v in {**proxies, **ENVIRONMENT}.items()]
        return ['nsenter', '-t', self.leader, '-m', '-n', '-p', 'chroot', str(self.path),
                'env', '-i', '-C', str(cwd), *pairs, *map(str, argv)]

    def outside(self, *argv):
        """The command line that runs a program of this machine in the network of the root."""
        return ['nsenter', '-t', self.leader, '-n', *map(str, argv)]

    def run(self, *argv, cwd='/', stdin='', fails=False):
        """Output of a command, stdout and stderr; `fails`: it must not succeed."""
        done = subprocess.run(self.command(*argv, cwd=cwd), input=stdin, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_S)
        assert (done.returncode != 0) == fails, f'{argv} exited with {done.returncode}:\n{done.stdout}'
        return done.stdout

    def file(self, path):
        """A file of it, as this machine reaches it."""
        return pathlib.Path(f'/proc/{self.leader}/cwd/{path}')

    def write(self, path, text, mode=0o644):
        """A file inside."""
        target = self.file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def install(self, *packages):
        """Packages, as a user does it."""
        return self.run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', *packages)

    def close(self):
        """End all that runs in it, and keep the packages that it has fetched."""
        subprocess.run(['kill', '-KILL', self.leader], check=False, capture_output=True)
        self.init.wait()
        self.init.stdout.close()
        for deb in (self.up / ARCHIVES).glob('*.deb'):
            link(deb, DEBS / deb.name)


def link(source, target):
    """A file under another name; a copy where that is on another file system."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(source, target)
        except OSError as e:
            if e.errno != errno.EXDEV:
                raise
            part = target.with_name(f'.{target.name}.{os.getpid()}')
            shutil.copy(source, part)
            part.rename(target)


def fetched(folder):
    """A layer with every package that is kept."""
    archives = folder / ARCHIVES
    archives.mkdir(parents=True)
    for path in (folder, *(p for p in folder.rglob('*') if p.is_dir())):
        path.chmod(0o755)
    for deb in DEBS.glob('*.deb'):
        link(deb, archives / deb.name)
    return folder


# ---- Kept layers ---------------------------------------------------------------------------------

def kept(layer, made_for):
    """Whether a layer is whole, not too old, and was made for this."""
    mark = layer.with_suffix('.json')
    if not mark.exists() or time.time() - mark.stat().st_mtime > AGE_MAX_S:
        return False
    return mark.read_text() == made_for


@contextlib.contextmanager
def made(layer, made_for, folder):
    """A layer anew, and the mark that it is whole; `folder` for a layer that is not kept."""
    mark = layer.with_suffix('.json')
    mark.unlink(missing_ok=True)
    shutil.rmtree(layer, ignore_errors=True)
    layer.mkdir(parents=True)
    folder.mkdir()
    yield
    mark.write_text(made_for)


def make_base(folder):
    """debootstrap, and all that has been mended since the release."""
    mirror = next(uri for uri, suite, _ in sources() if suite == release())
    DEBS.mkdir(parents=True, exist_ok=True)
    subprocess.run(['debootstrap', '--variant=minbase', f'--cache-dir={DEBS}', release(), BASE, mirror],
                   check=True, env={**os.environ, **proxy()}, stdout=sys.stderr)
    for path in (BASE / ARCHIVES).glob('*.deb'):
        path.unlink()
    for name in keyrings():
        shutil.copy(name, BASE / 'etc/apt/trusted.gpg.d')
    root = Root(folder, up=BASE)
    root.write('/etc/apt/sources.list', ''.join(f'deb {" ".join(s)}\n' for s in sources()))
    root.write('/etc/apt/apt.conf.d/80machine', settings() + '\n')
    root.write('/etc/apt/apt.conf.d/90keep', 'APT::Keep-Downloaded-Packages "true";\n')
    root.write('/etc/dpkg/dpkg.cfg.d/fast', 'force-unsafe-io\n')
    root.run('apt-get', 'update', '-qq')
    root.run('apt-get', 'dist-upgrade', '-y', '-qq')
    root.run('apt-get', 'autoclean', '-qq')
    root.close()


def make_booting(folder):
    """The layer of a booting machine above the base."""
    root = Root(folder, fetched(folder / 'debs'), BASE, up=BOOTING)
    root.install(*BOOT_PACKAGES)
    root.close()
    for path in (BOOTING / ARCHIVES).glob('*.deb'):
        path.unlink()


def base_words():
    """The key of a valid base."""
    return json.dumps([VERSION, release(), sources()])


def booting_words():
    """The key of a valid layer above it."""
    return json.dumps([VERSION, BOOT_PACKAGES])


def make_what_is_missing(folder):
    """Creates both layers unless they are kept. A new base implies a new layer above it."""
    if not kept(BASE, base_words()):
        BOOTING.with_suffix('.json').unlink(missing_ok=True)
        with made(BASE, base_words(), folder / 'base'):
            make_base(folder / 'base')
    if not kept(BOOTING, booting_words()):
        with made(BOOTING, booting_words(), folder / 'booting'):
            make_booting(folder / 'booting')


def take(lock, folder):
    """Hold the lock with all others that run, when the layers are there.

    With the exclusive lock, the leftovers of killed runs are removed and missing layers created.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if kept(BASE, base_words()) and kept(BOOTING, booting_words()):
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
    for left in CACHE.glob('run-*'):
        shutil.rmtree(left, ignore_errors=True)
    folder.mkdir()
    make_what_is_missing(folder)
    fcntl.flock(lock, fcntl.LOCK_SH)


@contextlib.contextmanager
def prepared():
    """A folder for the uppers and layers of a run, while a shared lock protects the layers below them."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f'run-{os.getpid()}'
    with (CACHE / 'lock').open('w') as lock:
        take(lock, folder)
        folder.mkdir(exist_ok=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
