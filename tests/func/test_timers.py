"""Timers of connections and instances through the public header: tests/plugin/timing.c."""
import pytest

import daemon
from daemon import config, listener
from wire import Reader

MANY = 20_000 if daemon.SANITIZER else 100_000


@pytest.fixture
def timing(goevd, plugins):
    """ask(line) -> callbacks that came, and the sum of their numbers."""
    d = goevd(config(listener(handler='timing'), plugin_dir=str(plugins)))

    def ask(line):
        s = d.connect()
        s.sendall(line.encode() + b'\n')
        words = Reader(s).until(b'\n').split()
        return int(words[1]), int(words[3])

    return ask


WHO = pytest.mark.parametrize('who', ['conn', 'own'])


@WHO
@pytest.mark.parametrize('count', [1, 3, 1000, MANY])
def test_any_number_comes_each_once(timing, who, count):
    assert timing(f'{who} once {count}') == (count, count * (count + 1) // 2)


@WHO
def test_periodic_goes_on_until_it_cancels_itself(timing, who):
    assert timing(f'{who} period 5') == (5, 5)


@WHO
def test_one_shot_arms_itself_again(timing, who):
    assert timing(f'{who} again 5') == (5, 5)


@WHO
def test_periodic_becomes_one_shot_in_its_callback(timing, who):
    assert timing(f'{who} slower 2') == (2, 2)


@WHO
def test_callback_cancels_others_that_are_due(timing, who):
    came, number = timing(f'{who} neighbour 50')
    assert came == 1 and 1 <= number <= 50


def test_timer_frees_itself_in_its_callback(timing):
    assert timing('own free 100') == (100, 5050)


@WHO
def test_connection_closes_with_timers_armed(goevd, plugins, who):
    d = goevd(config(listener(handler='timing'), plugin_dir=str(plugins)))
    for _ in range(20):
        s = d.connect()
        s.sendall(f'{who} once 500\n'.encode())
        s.close()
    s = d.connect()
    s.sendall(f'{who} once 10\n'.encode())
    assert Reader(s).until(b'\n') == b'came 10 sum 55\n'
