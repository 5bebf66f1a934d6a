"""Metrics of plugins in goevd ctl stats, through real plugins: counting.c, clashing.c, pooling.c."""
import json

import pytest

from daemon import config, eventually, listener
from wire import ask as ask_on

TWO = [{'name': 'main', 'pollers': 2}]


@pytest.fixture
def counting(goevd, goevd_run, plugins, tmp_path):
    """start(listener…) -> ask(command, listener's name), stats(argument…)."""
    path = tmp_path / 'control.sock'

    def start(*listeners):
        d = goevd(config(*listeners, plugin_dir=str(plugins), reactors=TWO,
                         control={'socket': str(path)}))

        def ask(command, name='web'):
            with d.connect(name) as s:
                return ask_on(s, command)

        return ask

    def stats(*args):
        done = eventually(lambda: (r := goevd_run('ctl', '-s', path, 'stats', *args))
                          and r.returncode == 0 and r, 'no metrics')
        return done.stdout

    return start, stats


def series(stats, name):
    """The series of a metric."""
    return next(f for f in json.loads(stats('--json'))['metrics'] if f['name'] == name)


def lines(stats):
    """Values by name and labels."""
    return dict(line.rsplit(None, 1) for line in stats('--all', 'goevd_counting').splitlines())


BLUE = '{listener="web",handler="counting",color="blue"}'
PLAIN = '{listener="web",handler="counting"}'


def test_counters_and_gauges_of_all_pollers_add_up(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    for _ in range(8):   # wherever they land
        assert ask('add 5') == 'done'
        assert ask('gauge -2') == 'done'
    seen = series(stats, 'goevd_counting_lines_total')
    assert (seen['type'], seen['help']) == ('counter', 'Lines added.')
    only, = seen['series']
    assert (only['value'], sum(only['pollers']), len(only['pollers'])) == (40, 40, 2)
    assert only['labels'] == {'listener': 'web', 'handler': 'counting', 'color': 'blue'}
    seen = series(stats, 'goevd_counting_depth')
    only, = seen['series']
    assert (seen['type'], only['value'], sum(only['pollers'])) == ('gauge', -16, -16)
    assert lines(stats)['goevd_counting_lines_total' + BLUE] == '40'
    assert lines(stats)['goevd_counting_depth' + PLAIN] == '-16'


def test_a_gauge_is_set_for_each_poller(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    for _ in range(5):
        ask('set 7')
    shares = series(stats, 'goevd_counting_depth')['series'][0]['pollers']
    assert set(shares) <= {0, 7} and 7 in shares


def test_histograms(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    assert [v for n, v in lines(stats).items() if 'counting_size' in n] == ['0', '0']
    for value in [0] + [100] * 97 + [5000, 1 << 40]:
        ask(f'observe {value}')
    seen = series(stats, 'goevd_counting_size_bytes')
    only, = seen['series']
    assert (seen['type'], only['count'], only['sum']) == ('histogram', 100, 14700 + (1 << 40))
    assert only['buckets'] == [{'max': 0, 'count': 1}, {'max': 100, 'count': 97},
                               {'max': 5000, 'count': 1}, {'count': 1}]
    seen = lines(stats)
    assert [seen[f'goevd_counting_size_bytes_{what}{PLAIN}'] for what in
            ('count', 'sum', 'p50', 'p90', 'p99')] == ['100', str(14700 + (1 << 40)), '100', '100',
                                                       '5000']


def test_instances_are_told_apart(counting):
    start, stats = counting
    ask = start(listener(handler='counting'), listener('second', handler='counting'))
    ask('add 1')
    ask('add 2', 'second')
    assert {s['labels']['listener']: s['value'] for s in
            series(stats, 'goevd_counting_lines_total')['series']} == {'web': 1, 'second': 2}


def test_wrong_metrics_are_refused(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    assert ask('wrong') == 'EEXIST' + ', EINVAL' * 10
    assert [f['name'] for f in json.loads(stats('goevd_counting', '--json'))['metrics']] == \
        ['goevd_counting_lines_total', 'goevd_counting_depth', 'goevd_counting_size_bytes']


def test_a_metric_of_goevds_own_name_is_refused(refused, plugins):
    said = refused(config(listener(handler='clashing'), plugin_dir=str(plugins)))
    assert "plugin 'clashing' cannot start: Invalid argument" in said


def test_metrics_of_connect_pools(counting):
    start, stats = counting
    start(listener(handler={'pooling': {'to': '127.0.0.1:9', 'connections_max': 1}}))
    assert {f['name']: f['type'] for f in json.loads(stats('goevd_pool_', '--json'))['metrics']} == {
        'goevd_pool_connections_idle': 'gauge', 'goevd_pool_connections': 'gauge',
        'goevd_pool_requests_waiting': 'gauge', 'goevd_pool_requests_acquired_total': 'counter',
        'goevd_pool_requests_failed_total': 'counter',
        'goevd_pool_connections_dead_total': 'counter'}
