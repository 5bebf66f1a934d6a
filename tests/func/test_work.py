"""The work pool, through a real plugin: tests/plugin/working.c."""
import signal

import pytest

from daemon import config, listener
from wire import Reader


@pytest.fixture
def serve(goevd, plugins):
    """serve(workers) -> a goevd with the plugin working, on one poller if no other number is named."""
    def start(pollers='1', **workers):
        return goevd(config(listener(handler='working'), plugin_dir=str(plugins), work_pool=workers,
                            reactors=[{'name': 'main', 'pollers': pollers, 'cpus': 'none'}]))
    return start


@pytest.fixture
def end(tmp_path):
    """The file that a job waits for; touch() it."""
    return tmp_path / 'end'


def say(d, text):
    s = d.connect()
    s.sendall(text.encode())
    return s, Reader(s)


def lines(reader, count):
    return [reader.line() for _ in range(count)]


def test_ordered_jobs_answer_in_order_and_others_when_they_end(serve, end):
    d = serve(threads=4)
    _, reader = say(d, f'order {end} a\norder 1 b\nsleep 100 c\norder 50 d\n')
    assert lines(reader, 1) == ['c 100']
    end.touch()
    assert lines(reader, 3) == ['a 0', 'b 1', 'd 50']


def test_order_is_kept_for_each_connection_alone(serve, end):
    d = serve(threads=4)
    _, slow = say(d, f'order {end} slow\n')
    _, quick = say(d, 'order 1 quick\nnow\n')
    assert sorted(lines(quick, 2)) == ['now', 'quick 1']
    end.touch()
    assert lines(slow, 1) == ['slow 0']


def test_the_poller_serves_while_jobs_sleep(serve, end):
    d = serve(threads=2)
    s, reader = say(d, f'sleep {end} long\nsleep {end} long\nsleep 1 waits\n')
    s.sendall(b'now\n')
    assert lines(reader, 1) == ['now']
    _, other = say(d, 'now\n')
    assert lines(other, 1) == ['now']
    end.touch()
    assert sorted(lines(reader, 3)) == ['long 0', 'long 0', 'waits 1']


def test_done_runs_on_the_poller_that_owns_the_connection(serve):
    d = serve(pollers='3', threads=2)
    clients = [say(d, 'where 0 a\nwhere 0 b\n') for _ in range(12)]
    pollers = set()
    for _, reader in clients:
        answers = sorted(line.split() for line in lines(reader, 2))
        assert [answer[:2] for answer in answers] == [['a', 'home'], ['b', 'home']]
        assert answers[0][2] == answers[1][2]
        pollers.add(answers[0][2])
    assert pollers == {'0', '1', '2'}


def test_queue_at_its_limit_and_one_past_it(serve, end):
    d = serve(threads=1, queue_max=1)
    s, reader = say(d, f'sleep {end} first\nnow\n')
    assert lines(reader, 1) == ['now']
    s.sendall(b'sleep 1 waits\nnow\n')
    while lines(reader, 1) == ['busy']:   # the first has yet to leave the queue
        assert lines(reader, 1) == ['now']
        s.sendall(b'sleep 1 waits\nnow\n')
    s.sendall(b'sleep 1 more\n')
    assert lines(reader, 1) == ['busy']
    end.touch()
    assert lines(reader, 2) == ['first 0', 'waits 1']
    s.sendall(b'sleep 1 again\n')
    assert lines(reader, 1) == ['again 1']


def test_connection_that_closes_first_and_a_stop(serve):
    d = serve(threads=1)
    s, reader = say(d, 'now\norder 300 gone\norder 1 gone\nsleep 1 gone\n')
    assert lines(reader, 1) == ['now']
    s.close()
    s, reader = say(d, 'now\norder 1 later\n')
    assert lines(reader, 2) == ['now', 'later 1']
    s.sendall(b'order 300 x\norder 1 x\nnow\n')
    assert lines(reader, 1) == ['now']
    s.close()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
