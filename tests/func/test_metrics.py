"""Figures of plugins in goevd ctl stats, through real plugins: counting.c, clashing.c, pooling.c."""
import json
import re

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


def metrics(stats):
    """All by their names."""
    return json.loads(stats('--json'))['metrics']


def lines(stats):
    """Values and units by name."""
    return {m[1]: (int(m[2]), m[3]) for m in
            (re.fullmatch(r'(\S+) +(-?\d+) (\S+)', line) for line in stats('--all').splitlines())}


def test_counters_and_gauges_of_all_pollers_add_up(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    for _ in range(8):   # wherever they land
        assert ask('add 5') == 'done'
        assert ask('gauge -2') == 'done'
    seen = metrics(stats)['counting.lines']
    assert (seen['type'], seen['unit'], seen['help']) == ('counter', 'lines', 'lines added')
    assert (seen['total'], sum(seen['pollers']), len(seen['pollers'])) == (40, 40, 2)
    assert seen['instance'] == 'listeners[0].handler.counting'
    seen = metrics(stats)['counting.depth.now']
    assert (seen['type'], seen['total'], sum(seen['pollers'])) == ('gauge', -16, -16)
    assert lines(stats)['counting.lines'] == (40, 'lines')
    assert lines(stats)['counting.depth.now'] == (-16, 'metres')


def test_a_gauge_is_set_for_each_poller(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    for _ in range(5):
        ask('set 7')
    shares = metrics(stats)['counting.depth.now']['pollers']
    assert set(shares) <= {0, 7} and 7 in shares


def test_histograms(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    assert [v for n, v in lines(stats).items() if n.startswith('counting.size.')] == \
        [(0, 'values')] + [(0, 'bytes')] * 5
    for value in [0] + [100] * 97 + [5000, 1 << 40]:
        ask(f'observe {value}')
    seen = metrics(stats)['counting.size']
    assert (seen['type'], seen['total'], sum(seen['pollers'])) == ('histogram', 100, 100)
    assert seen['sum'] == 9700 + 5000 + (1 << 40)
    assert [(b['max'], b['count']) for b in seen['buckets']] == \
        [(0, 1), (127, 97), (8191, 1), ((2 << 40) - 1, 1)]
    seen = lines(stats)
    assert seen['counting.size.count'] == (100, 'values')
    assert seen['counting.size.sum'] == (9700 + 5000 + (1 << 40), 'bytes')
    assert [seen[f'counting.size.p{q}'][0] for q in (50, 90, 99, 100)] == \
        [127, 127, 8191, (2 << 40) - 1]


def test_instances_are_told_apart(counting):
    start, stats = counting
    ask = start(listener(handler='counting'), listener('second', handler='counting'))
    ask('add 1')
    ask('add 2', 'second')
    seen = {n: (f['total'], f['instance']) for n, f in metrics(stats).items() if '.lines' in n}
    assert seen == {'counting[0].lines': (1, 'listeners[0].handler.counting'),
                    'counting[1].lines': (2, 'listeners[1].handler.counting')}
    ends = {re.match(r'\S+ +-?\d+', line).end() for line in stats('--all').splitlines()}
    assert len(ends) == 1   # however long the names


def test_wrong_metrics_are_refused(counting):
    start, stats = counting
    ask = start(listener(handler='counting'))
    assert ask('wrong') == 'EEXIST' + ', EINVAL' * 6
    assert [n for n in metrics(stats) if n.startswith('counting.')] == \
        ['counting.lines', 'counting.depth.now', 'counting.size']


def test_a_metric_of_goevds_own_name_is_refused(refused, plugins):
    said = refused(config(listener(handler='clashing'), plugin_dir=str(plugins)))
    assert said.endswith("listeners[1].handler.clashing: plugin 'connections' has a metric "
                         'connections.open, and so has goevd itself\n')


def test_metrics_of_connect_pools(counting):
    start, stats = counting
    start(listener(handler={'pooling': {'to': '127.0.0.1:9', 'connections_max': 1}}))
    seen = metrics(stats)
    assert {n: f['type'] for n, f in seen.items() if n.startswith('pooling.')} == {
        'pooling.pools.idle': 'gauge', 'pooling.pools.live': 'gauge',
        'pooling.pools.waiting': 'gauge', 'pooling.pools.acquired': 'counter',
        'pooling.pools.failed': 'counter', 'pooling.pools.dead': 'counter'}
