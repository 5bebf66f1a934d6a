"""From windows to figures, tables and a plot."""
import dataclasses
import json
import os
import platform
import shutil
import statistics
import subprocess

FIGURES = (('rate', 'requests/s', '{:,.0f}'), ('cpu_us', 'CPU us/request', '{:.2f}'),
           ('switches', 'switches/request', '{:.3f}'))

LATENCIES = {'p50_us': 'p50 us', 'p99_us': 'p99 us', 'p999_us': 'p99.9 us'}


def quartiles(values):
    """First and third quartile."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method='inclusive')
    return low, high


def spread(windows, figures):
    """Median and range of these figures."""
    found = {}
    for figure in figures:
        values = [getattr(w, figure) for w in windows]
        found[figure] = {'median': statistics.median(values), 'min': min(values),
                         'max': max(values)}
    return found


def summary(windows):
    """Median and range of each figure."""
    found = spread(windows, [figure for figure, _, _ in FIGURES])
    for figure in LATENCIES:
        found[figure] = statistics.median(getattr(w, figure) for w in windows)
    found['others'] = max(w.others for w in windows)
    return found


def paired(windows, others, figure):
    """Ratios within each round, with their median and quartiles."""
    ratios = [getattr(a, figure) / getattr(b, figure) for a, b in zip(windows, others)]
    low, high = quartiles(ratios)
    return {'ratios': ratios, 'median': statistics.median(ratios), 'q1': low, 'q3': high}


def judge(shape, rounds):
    """The result for each goal of the shape."""
    judged = []
    for goal in shape.goals:
        if 'goevd' in rounds and goal.other in rounds:
            ratio = paired(rounds['goevd'], rounds[goal.other], goal.figure)
            judged.append({'goal': str(goal), 'met': goal.met(ratio['median']), **ratio})
    return judged


def shape_result(shape, rounds):
    """All that is kept of a shape; rounds: a list of windows for each server's name."""
    result = {'title': shape.title, 'servers': {}, 'ratios': {}, 'goals': judge(shape, rounds)}
    for name, windows in rounds.items():
        result['servers'][name] = {**summary(windows),
                                   'windows': [dataclasses.asdict(w) for w in windows]}
    for other in rounds:
        if 'goevd' in rounds and other != 'goevd':
            result['ratios'][other] = {figure: paired(rounds['goevd'], rounds[other], figure)
                                       for figure in ('cpu_us', 'rate', *LATENCIES)}
    return result


def print_shape(name, result):
    """A block for one shape."""
    print(f'\n{name}: {result["title"]}   (median, range)')
    print(f'  {"":11}' + ''.join(f'{title:>28}' for _, title, _ in FIGURES)
          + ''.join(f'{title:>10}' for title in LATENCIES.values()) + f'{"others":>8}')
    for server, found in result['servers'].items():
        cells = ''
        for figure, _, form in FIGURES:
            median, low, high = (form.format(found[figure][k]) for k in ('median', 'min', 'max'))
            cells += f'{median + " (" + low + "-" + high + ")":>28}'
        cells += ''.join(f'{found[figure]:>10,.0f}' for figure in LATENCIES)
        print(f'  {server:11}{cells}{found["others"]:>8.1%}')
    for other, ratios in result['ratios'].items():
        cells = [f'{title} {ratios[f]["median"]:.3f} ({ratios[f]["q1"]:.3f}-{ratios[f]["q3"]:.3f})'
                 for f, title in (('cpu_us', 'CPU'), ('rate', 'requests/s'))]
        cells += [f'{title.removesuffix(" us")} {ratios[f]["median"]:.2f}'
                  for f, title in LATENCIES.items()]
        print(f'  goevd : {other:11} {"   ".join(cells)}   (median, quartiles)')


def print_goals(results):
    """The table at the end. Returns how many goals were missed."""
    print(f'\n{"shape":12}{"goal":36}{"median":>8}  {"quartiles":15}')
    missed = 0
    for name, result in results.items():
        for goal in result['goals']:
            missed += not goal['met']
            spread = f'{goal["q1"]:.3f}-{goal["q3"]:.3f}'
            print(f'{name:12}{goal["goal"]:36}{goal["median"]:>8.3f}  {spread:15}'
                  f'{"met" if goal["met"] else "MISSED"}')
    return missed


def machine():
    """The machine of the measurement."""
    model = [line.split(':')[1].strip() for line in open('/proc/cpuinfo', encoding='ascii')
             if line.startswith('model name')]
    return {'cpu': model[0] if model else platform.machine(), 'cpus': os.cpu_count(),
            'kernel': platform.release()}


PLOT = '''\
set terminal {terminal} size {size} font "sans,{font}"
set output "{output}"
set multiplot layout 2,1
set style data histograms
set style histogram errorbars gap 1 linewidth 1
set style fill solid 0.7 border -1
set boxwidth 0.9
set key outside right top
set grid ytics
set logscale y
set yrange [0.1:*]
set title "Server CPU per request (us; median, range; logarithmic)"
plot {cpu}
set yrange [10000:*]
set title "Requests per second (median, range; logarithmic)"
set format y "%.0s%c"
plot {rate}
'''


def plot_columns(data, servers, first):
    """A gnuplot plot command: one histogram for each server, three columns each."""
    parts = []
    for i, server in enumerate(servers):
        column = first + 3 * i
        parts.append(f'"{data}" using {column}:{column + 1}:{column + 2}:xtic(1) title "{server}"')
    return ', '.join(parts)


def write_plot(results, out):
    """bench.png and bench.svg beside the JSON, if gnuplot is there."""
    servers = [name for name in ('goevd', 'floor', 'nginx', 'nginx-best')
               if any(name in result['servers'] for result in results.values())]
    lines = []
    for name, result in results.items():
        cells = [name]
        for figure in ('cpu_us', 'rate'):
            for server in servers:
                found = result['servers'].get(server, {}).get(figure)
                cells += [f'{found[k]:.6g}' for k in ('median', 'min', 'max')] if found else '???'
        lines.append(' '.join(cells))
    data = out / 'bench.dat'
    data.write_text('\n'.join(lines) + '\n')
    if not shutil.which('gnuplot'):
        print('no plot: gnuplot is not installed (apt-get install gnuplot-nox)')
        return
    for terminal, size, font in (('png', '1100,900', 11), ('svg', '1100,900', 13)):
        script = PLOT.format(terminal=terminal, size=size, font=font,
                             output=out / f'bench.{terminal}',
                             cpu=plot_columns(data, servers, 2),
                             rate=plot_columns(data, servers, 2 + 3 * len(servers)))
        script = f'set datafile missing "?"\n{script}'
        subprocess.run(['gnuplot'], input=script, text=True, check=True)


def write_json(results, out, name='bench.json', **more):
    """Everything, for a program to read."""
    (out / name).write_text(json.dumps({'machine': machine(), **more, 'results': results},
                                       indent=1) + '\n')
