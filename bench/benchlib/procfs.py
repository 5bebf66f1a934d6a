"""Figures of the kernel about processes: CPU time, context switches and memory."""
import os
import pathlib

PROC = pathlib.Path('/proc')
TICK_S = 1 / os.sysconf('SC_CLK_TCK')


def parent_of(pid):
    """The parent's pid, or None if the process is gone."""
    try:
        stat = (PROC / str(pid) / 'stat').read_text()
    except OSError:
        return None
    return int(stat[stat.rindex(')') + 2:].split()[1])


def family(root):
    """The pids of root and of all its descendants."""
    children = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            children.setdefault(parent_of(entry.name), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def tasks(pids):
    """The /proc directory of every thread."""
    for pid in pids:
        try:
            yield from (PROC / str(pid) / 'task').iterdir()
        except OSError:
            pass


def cpu_ns(pids):
    """Time on a CPU, in user and kernel mode, of all threads that live."""
    total = 0
    for task in tasks(pids):
        try:
            total += int((task / 'schedstat').read_text().split()[0])
        except OSError:
            pass
    return total


def switches(pids):
    """Context switches, voluntary and not, of all threads that live."""
    total = 0
    for task in tasks(pids):
        try:
            lines = (task / 'status').read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if 'ctxt_switches' in line)
    return total


def pss_bytes(pids):
    """Proportional set size: memory of the processes, with shared pages counted once."""
    total = 0
    for pid in pids:
        for line in (PROC / str(pid) / 'smaps_rollup').read_text().splitlines():
            if line.startswith('Pss:'):
                total += int(line.split()[1]) * 1024
    return total


def machine_s():
    """(busy, stolen): CPU seconds of the whole machine; stolen by the hypervisor."""
    fields = [int(x) for x in (PROC / 'stat').read_text().split('\n', 1)[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq) * TICK_S, steal * TICK_S


def autogroup(pid):
    """The scheduler's group of a process; sessions have one each. '' where there is none."""
    try:
        return (PROC / str(pid) / 'autogroup').read_text().split()[0]
    except (OSError, IndexError):
        return ''
