"""Marks and limits, each listener's its own, through the public header: tests/plugin/filling.c."""
import pytest

from daemon import config, listener
from wire import Reader, closed

HIGH, MOST = 8192, 16384


@pytest.fixture
def start(goevd, plugins):
    """Two listeners on one poller; the limits of 'wide' are twice those of 'tight'."""
    tight = {'output_low': '1KiB', 'output_high': HIGH, 'output_max': MOST, 'tail_max': 256}
    wide = {'output_low': '1KiB', 'output_high': 2 * HIGH, 'output_max': 2 * MOST, 'tail_max': 512}
    return lambda idle=0: goevd(config(
        listener('tight', 'filling', idle_timeout=idle, **tight),
        listener('wide', 'filling', idle_timeout=0, **wide),
        plugin_dir=str(plugins), reactors=[{'name': 'main', 'pollers': '1'}]))


@pytest.fixture
def two(start):
    """The same with idle times below the limit."""
    return start()


def write(d, name, *sizes):
    """The result of each of these writes of one callback, and how often on_drained came."""
    s = d.connect(name)
    reader = Reader(s)
    s.sendall(('write ' + ' '.join(map(str, sizes)) + '\n').encode())
    most = MOST if name == 'tight' else 2 * MOST
    taken = 0
    for size in sizes:
        taken += size if taken + size <= most else 0
    assert reader.exactly(taken) == bytes(taken)
    s.sendall(b'report\n')
    *results, _, drained = reader.until(b'\n').decode().split()
    return results, int(drained)


@pytest.mark.parametrize('name, high', [('tight', HIGH), ('wide', 2 * HIGH)])
def test_high_mark_at_the_limit_and_one_past_it(two, name, high):
    assert write(two, name, high) == (['good'], 0)
    assert write(two, name, high + 1) == (['high'], 1)
    assert write(two, name, high, 1) == (['good', 'high'], 1)


@pytest.mark.parametrize('name, most', [('tight', MOST), ('wide', 2 * MOST)])
def test_cap_at_the_limit_and_one_past_it(two, name, most):
    assert write(two, name, most - 1, 1) == (['high', 'high'], 1)
    assert write(two, name, most - 1, 2) == (['high', 'full'], 1)
    assert write(two, name, most, 1) == (['high', 'full'], 1)


@pytest.mark.parametrize('name, most', [('tight', 256), ('wide', 512)])
def test_tail_at_the_limit_and_one_past_it(two, name, most):
    s = two.connect(name)
    s.sendall(b'y' * (most - 1) + b'\n')
    assert Reader(s).until(b'\n') == b'what?\n'
    s.sendall(b'y' * most)
    assert closed(s)


def test_idle_timeout_is_each_listeners_own(start):
    two = start('300ms')
    wide = two.connect('wide')
    assert closed(two.connect('tight'))
    wide.sendall(b'hello\n')
    assert Reader(wide).until(b'\n') == b'what?\n'
