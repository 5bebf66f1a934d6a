"""The shared part of the tests of the whole daemon."""
import pathlib
import re
import tempfile

import pytest

import daemon
from haproxy import Haproxy


def pytest_configure(config):
    """Our marks."""
    config.addinivalue_line('markers', 'heavy: not for sanitizers: it would take too long, or '
                                       'is about others than goevd')
    config.addinivalue_line('markers', 'unsanitized(name…): not with these sanitizers, or with any')
    config.addinivalue_line('markers', 'sequential: not for ThreadSanitizer, for nothing in it '
                                       'happens at the same time')
    config.addinivalue_line('markers', 'long: takes minutes; only ./dev test long runs it')


def fits(item):
    """Whether a test is one for this build, and for this run: long ones are asked for by their mark."""
    if item.get_closest_marker('long') and 'long' not in item.config.getoption('markexpr'):
        return False
    mark = item.get_closest_marker('unsanitized')
    return not mark or not daemon.SANITIZER or mark.args and daemon.SANITIZER not in mark.args


def pytest_collection_modifyitems(config, items):
    """Only those for this build. The longest tests come first: of several workers one begins with
    it, and no other waits."""
    others = [item for item in items if not fits(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if fits(item)]
    items.sort(key=lambda item: item.get_closest_marker('heavy') is None)


@pytest.fixture(autouse=True, scope='session')
def built():
    """Fail once and plainly where there is nothing to test."""
    if not daemon.BINARY.exists():
        pytest.exit(f'no {daemon.BINARY}; build it, or set GOEVD_BUILD to a build directory', 2)


@pytest.fixture
def goevd(tmp_path):
    """start(config, argument…) -> a Daemon that serves; all are stopped in order afterwards."""
    started = []

    def start(content=None, *args, ready=True, **more):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        d = daemon.Daemon(folder, content or daemon.config(), *args, **more)
        started.append(d)
        return d.ready() if ready else d

    yield start
    for d in reversed(started):
        try:
            d.finish()
        finally:
            if d.process.poll() is None:
                d.abandon()


@pytest.fixture
def haproxy(tmp_path):
    """start(…) -> a Haproxy."""
    started = []

    def start(*args, **more):
        started.append(Haproxy(tmp_path, *args, **more))
        return started[-1]
    yield start
    for h in started:
        h.stop()


@pytest.fixture
def open_to_all(tmp_path):
    """So that another user can reach the files in tmp_path."""
    for folder in [tmp_path, *tmp_path.parents]:
        if pathlib.Path(tempfile.gettempdir()) in folder.parents:
            folder.chmod(0o755)


@pytest.fixture
def goevd_run(tmp_path):
    """run(argument…) -> goevd from start to end."""
    return lambda *args, **more: daemon.run(tmp_path, *args, **more)


@pytest.fixture
def refused(tmp_path):
    """refused(config, argument…) -> goevd's output when it refuses to serve.

    It must exit with 78 if it names a place in the configuration, and else with 1, and open nothing: the first listener of a dict is preceded by one on a unix
    socket, whose folder shows that no file was ever made in it.
    """
    def check(content, *args, **more):
        folder = tmp_path / 'sockets'
        folder.mkdir(exist_ok=True)
        if isinstance(content, dict):
            first = daemon.listener('first', 'echo', f'unix:{folder}/first')
            content = {**content, 'listeners': [first, *content['listeners']]}
        path = daemon.write_config(tmp_path, content)
        before = folder.stat().st_mtime_ns
        done = daemon.run(tmp_path, '-c', path, *args, **more)
        placed = re.search(r'^/\S+\.yaml:\d+:\d+: ', done.stderr, re.M)
        assert done.returncode == (daemon.CONFIG_FAULT if placed else 1), done.stderr
        assert folder.stat().st_mtime_ns == before, 'a socket was opened'
        assert 'listener first: ' not in done.stderr
        assert done.stdout == ''
        return done.stderr.replace(str(path), 'goevd.yaml')

    return check


@pytest.fixture
def plugins(tmp_path):
    """A plugin folder with goevd's own and those of tests/plugin; a test may add to it."""
    folder = tmp_path / 'plugins'
    folder.mkdir()
    for source in (daemon.BUILD / 'plugins', daemon.BUILD / 'tests' / 'plugin'):
        for file in source.glob('*.so'):
            (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture
def relay(goevd, tmp_path):
    """relay(upstream…, option=…) -> a goevd with a relay to these.

    front: more of its listener; more: more of its configuration.
    """
    def start(*upstreams, pollers='2', more=None, front=None, **options):
        options['upstreams'] = [getattr(u, 'address', u) for u in upstreams]
        start.daemon = goevd(daemon.config(
            daemon.listener(handler={'relay': options}, **(front or {})),
            reactors=[{'name': 'main', 'pollers': pollers}],
            control={'socket': str(tmp_path / 'control.sock')}, **(more or {})))
        return start.daemon

    return start


@pytest.fixture
def relay_figure(relay):
    """relay_figure(name) -> its total now, in the goevd that relay() has started last.

    The nth upstream's are called upstream.N.NAME.
    """
    names = {'open': 'clients_open', 'connecting': 'clients_connecting',
             'connected': 'clients_connected_total', 'refused': 'clients_refused_total',
             'reset': 'sessions_reset_total', 'idle': 'sessions_idle_total',
             'resting': 'upstreams_resting', 'bytes_up': 'up_bytes_total',
             'bytes_down': 'down_bytes_total', 'failed': 'connects_failed_total'}

    def figure(name):
        of, _, what = name.rpartition('.')
        if not of:
            return relay.daemon.metrics()[f'goevd_relay_{names[name]}']
        family, = (f for f in relay.daemon.told('stats')['metrics']
                   if f['name'] == f'goevd_relay_upstream_{names[what]}')
        return family['series'][int(of.partition('.')[2])]['value']
    return figure
