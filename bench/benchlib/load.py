"""wrk, and the CPU time of a server while wrk drives it."""
import dataclasses
import os
import pathlib
import subprocess

from . import procfs

SCRIPT = pathlib.Path(__file__).parent.parent / 'wrk.lua'


class LoadError(Exception):
    """wrk failed, or got something else than answers."""


@dataclasses.dataclass
class Window:
    """One run of wrk against one server."""
    requests: int
    seconds: float
    p50_us: int
    p99_us: int
    p999_us: int
    cpu_us: float        # of the server, per request
    switches: float      # of the server, per request
    wrk_cpu: float       # of wrk, CPUs in use
    others: float        # of all other processes, share of the machine
    stolen: float        # by the hypervisor, share of the machine

    @property
    def rate(self):
        """Requests per second."""
        return self.requests / self.seconds


def run_wrk(shape, port, seconds, scheme='http'):
    """Run wrk to its end. Returns its RESULT fields and its CPU seconds."""
    argv = ['wrk', '-t2', f'-c{shape.connections}', f'-d{seconds}s', '-s', str(SCRIPT)]
    if shape.closing:
        argv += ['-H', 'Connection: close']
    argv.append(f'{scheme}://127.0.0.1:{port}{shape.path}')
    wrk = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True,
                           env={**os.environ, 'DEPTH': str(shape.depth),
                                'BODY': str(shape.body)},
                           preexec_fn=lambda: os.sched_setaffinity(0, shape.client_cpus))
    text = wrk.stdout.read()
    _, status, usage = os.wait4(wrk.pid, 0)
    wrk.returncode = os.waitstatus_to_exitcode(status)
    result = [line.split()[1:] for line in text.splitlines() if line.startswith('RESULT')]
    if wrk.returncode != 0 or not result:
        raise LoadError(f'{" ".join(argv)} failed ({wrk.returncode}):\n{text}')
    return [int(field) for field in result[0]], usage.ru_utime + usage.ru_stime


def measure(shape, server, seconds):
    """Drive the server with wrk; the Window that this was."""
    pids = procfs.family(server.pid)
    cpu, switched, (busy, stolen) = procfs.cpu_ns(pids), procfs.switches(pids), procfs.machine_s()
    own = sum(os.times()[:2])
    fields, wrk_s = run_wrk(shape, server.port, seconds, server.scheme)
    own = sum(os.times()[:2]) - own
    after = procfs.machine_s()
    cpu, switched = procfs.cpu_ns(pids) - cpu, procfs.switches(pids) - switched

    requests, duration_us, errors, bad, p50, p99, p999 = fields
    if requests == 0 or errors or bad:
        raise LoadError(f'{server.name}: {requests} answers, {errors} socket errors, '
                        f'{bad} answers with another status than 2xx or 3xx')
    lasted = duration_us / 1e6
    machine = lasted * os.cpu_count()
    others = after[0] - busy - cpu / 1e9 - wrk_s - own
    return Window(requests, lasted, p50, p99, p999, cpu / 1e3 / requests, switched / requests,
                  wrk_s / lasted, max(0, others) / machine, (after[1] - stolen) / machine)
