"""Kinds of load that servers take turns with, and goals for goevd beside another server."""
import dataclasses
import statistics
import sys

from . import report


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of load, its figures, and the goals for goevd beside another server."""
    title: str
    figures: tuple   # (name in the window, title, format)
    goals: dict      # figure -> (sign, limit)
    window: object   # (server, args) -> a window


def run(kind, running, args):
    """Windows of each server, in an order that rotates."""
    rounds = {server.name: [] for server in running}
    for i in range(args.rounds):
        first = i % len(running)
        for server in running[first:] + running[:first]:
            rounds[server.name].append(kind.window(server, args))
    return rounds


def judged(kind, rounds, beside):
    """Each figure of goevd's divided by the others' within the rounds, and whether that is enough:
    of `beside`, which the goals are about."""
    for other in [name for name in rounds if name != 'goevd']:
        for figure, title, _ in kind.figures:
            ratio = report.paired(rounds['goevd'], rounds[other], figure)
            sign, limit = kind.goals.get(figure, ('', 0)) if other == beside else ('', 0)
            met = not sign or (ratio['median'] >= limit) == (sign == '>=')
            yield {'figure': figure, 'title': title, 'other': other, 'met': met,
                   'goal': f'{sign} {limit}' if sign else '', **ratio}


def show(name, kind, rounds, judgements):
    """A block of the report."""
    print(f'\n{name}: {kind.title}   (median, range)')
    print(f'  {"":15}' + ''.join(f'{title:>26}' for _, title, _ in kind.figures))
    for server, windows in rounds.items():
        cells = ''
        for figure, _, form in kind.figures:
            values = [getattr(w, figure) for w in windows]
            median, low, high = (form.format(f(values)) for f in (statistics.median, min, max))
            cells += f'{f"{median} ({low}-{high})":>26}'
        print(f'  {server:15}{cells}')
    for j in judgements:
        verdict = f'   goal {j["goal"]}: {"met" if j["met"] else "MISSED"}' if j['goal'] else ''
        print(f'  goevd : {j["other"]:15}{j["title"]:15}{j["median"]:.3f} '
              f'({j["q1"]:.3f}-{j["q3"]:.3f}){verdict}')
    sys.stdout.flush()


def measure(kinds, names, running, args, beside):
    """Run and show these kinds. Returns their results for the JSON, and how many goals were missed."""
    results, missed = {}, 0
    for name in names:
        rounds = run(kinds[name], running, args)
        judgements = list(judged(kinds[name], rounds, beside))
        missed += sum(not j['met'] for j in judgements)
        show(name, kinds[name], rounds, judgements)
        results[name] = {'windows': {s: [dataclasses.asdict(w) for w in windows]
                                     for s, windows in rounds.items()}, 'ratios': judgements}
    return results, missed
