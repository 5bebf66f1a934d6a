"""CPUs and stacks of threads; names are in test_hang.py."""
import os

import pytest

import procfs
from daemon import config, listener
from wire import Reader, closed, echo

ALLOWED = sorted(os.sched_getaffinity(0))


def pinned(d, name='main'):
    """The CPUs that each poller of a reactor may run on, in order."""
    cpus = {}
    for task, comm in procfs.tasks(d.worker()).items():
        if comm.startswith(f'{name}/'):
            cpus[int(comm.split('/')[1])] = sorted(os.sched_getaffinity(int(task)))
    return [cpus[i] for i in range(len(cpus))]


def test_pollers_are_pinned_to_the_cpus_that_are_listed(goevd):
    last = ALLOWED[-1]
    d = goevd(config(reactors=[{'name': 'main', 'pollers': '3', 'cpus': [ALLOWED[0], last]}]))
    assert pinned(d) == [[ALLOWED[0]], [last], [ALLOWED[0]]]


def test_as_many_pollers_as_cpus_are_pinned_one_to_each(goevd):
    d = goevd(config(reactors=[{'name': 'main'}]))
    assert pinned(d) == [[cpu] for cpu in ALLOWED]


@pytest.mark.parametrize('reactor', [
    {'cpus': 'none'}, {'pollers': str(len(ALLOWED) + 1)}, {'pollers': '1', 'cpus': 'none'},
])
def test_others_run_where_the_kernel_likes(goevd, reactor):
    d = goevd(config(reactors=[{'name': 'main', **reactor}]))
    assert all(cpus == ALLOWED for cpus in pinned(d))


def test_each_reactor_has_its_own(goevd):
    d = goevd(config(listener(reactor='one'),
                     reactors=[{'name': 'one', 'pollers': '1', 'cpus': ALLOWED[-1]},
                               {'name': 'two', 'pollers': '1', 'cpus': 'none'}]))
    assert pinned(d, 'one') == [[ALLOWED[-1]]]
    assert pinned(d, 'two') == [ALLOWED]
    assert 'one/0' in procfs.threads(d.worker())


@pytest.mark.parametrize('where', ['', 'job '])
def test_stack_is_as_large_as_configured(goevd, plugins, where):
    """Nearly all of each size is used; a use beyond the smaller one is the crash below."""
    for size, used in (('256KiB', 160), ('4MiB', 3900)):
        d = goevd(config(listener(handler='stuck'), plugin_dir=str(plugins),
                         reactors=[{'name': 'main', 'pollers': '1', 'stack': size}],
                         work_pool={'threads': 1, 'stack': size}))
        s = d.connect()
        s.sendall(f'{where}deep {used}\n'.encode())
        assert Reader(s).until(b'\n') == b'done\n'


@pytest.mark.unsanitized   # a sanitizer handles faults itself
def test_stack_is_no_larger_than_configured(goevd, plugins):
    d = goevd(config(listener(handler='stuck'), listener('echo', 'echo'), plugin_dir=str(plugins),
                     reactors=[{'name': 'main', 'pollers': '1', 'stack': '256KiB'}]))
    d.may_say = [r'worker \d+: (SIGSEGV |#\d+ |for the lines: )', r'worker \d+ was killed by signal 11 ']
    lines = len(d.log.lines)
    s = d.connect()
    s.sendall(b'deep 300\n')
    assert closed(s)
    d.log.wait(r'SIGSEGV .* in thread main/0: plugin stuck ')
    d.ready(lines)
    echo(d.connect('echo'))
