"""The shapes of load, the servers that are measured in them, and the goals for goevd."""
import dataclasses
import os

from . import servers


@dataclasses.dataclass(frozen=True)
class Goal:
    """goevd's figure divided by the other's, median of the paired ratios."""
    figure: str   # cpu_us or rate
    other: str    # floor, nginx, nginx-best
    limit: float

    def met(self, ratio):
        """CPU must not be above the limit, a rate not below it."""
        return ratio <= self.limit if self.figure == 'cpu_us' else ratio >= self.limit

    def __str__(self):
        name, sign = {'cpu_us': ('CPU', '<='), 'rate': ('requests/s', '>=')}[self.figure]
        return f'{name} {sign} {self.limit} x {self.other}'


@dataclasses.dataclass(frozen=True)
class Shape:
    """One kind of load, and how the servers are laid out for it."""
    name: str
    title: str
    connections: int
    goals: tuple
    threads: int = 2
    pinned: bool = True
    apart: bool = False      # servers on the first CPU, wrk on the second
    depth: int = 1           # requests that wrk sends in one write
    closing: bool = False    # Connection: close
    logged: bool = False     # with the access logs of goevd and nginx
    path: str = '/plaintext'
    body: int = 0            # bytes of a POST; 0: GET

    @property
    def cpus(self):
        """Where the servers are pinned, or None."""
        if self.apart:
            return CPUS[:1]
        return CPUS if self.pinned else None

    @property
    def client_cpus(self):
        """Where wrk may run."""
        return CPUS[1:] if self.apart else CPUS

    def starters(self):
        """For each server's name, the function that starts it."""
        if self.logged:
            return {'goevd': lambda: servers.goevd(self.threads, self.cpus, logged=True),
                    'nginx': lambda: servers.nginx(self.threads, self.cpus, servers.NGINX_LOG),
                    'nginx-best': lambda: servers.nginx(self.threads, self.cpus,
                                                        servers.NGINX_LOG_BUFFERED)}
        if self.body:
            return {'goevd': lambda: servers.goevd(self.threads, self.cpus, answer=servers.POSTED),
                    'nginx': lambda: servers.nginx(self.threads, self.cpus)}
        found = {'goevd': lambda: servers.goevd(self.threads, self.cpus),
                 'floor': lambda: servers.floor(self.threads, self.cpus),
                 'nginx': lambda: servers.nginx(self.threads, self.cpus if self.apart else None)}
        if not self.apart:
            found['nginx-best'] = lambda: servers.nginx(self.threads, CPUS)
        return found


CPUS = sorted(os.sched_getaffinity(0))[:2]

SPLIT_GOALS = (Goal('cpu_us', 'floor', 1.05), Goal('cpu_us', 'nginx', 0.87))
PINNED_GOALS = (Goal('cpu_us', 'floor', 1.07), Goal('rate', 'nginx-best', 1.7))
FREE_GOALS = (Goal('cpu_us', 'floor', 1.07), Goal('rate', 'nginx', 1.0))
PIPELINED_GOALS = (Goal('cpu_us', 'floor', 1.3), Goal('cpu_us', 'nginx-best', 0.15))
LOGGED_GOALS = (Goal('cpu_us', 'nginx', 1.0), Goal('cpu_us', 'nginx-best', 1.0))
POST_GOALS = (Goal('cpu_us', 'nginx', 1.0),)
CLOSE_GOALS = (Goal('cpu_us', 'floor', 1.07), Goal('cpu_us', 'nginx-best', 0.9))

SHAPES = (
    Shape('apart64', 'server on one CPU, wrk on the other, 64 connections', 64, SPLIT_GOALS,
          threads=1, apart=True),
    Shape('logged', 'as apart64, with access logs of JSON', 64, LOGGED_GOALS, threads=1, apart=True,
          logged=True),
    Shape('post', 'as apart64, POST of 1 KiB that is read and thrown away', 64, POST_GOALS,
          threads=1, apart=True, body=1024),
    Shape('pinned64', '64 connections, pinned and steered', 64, PINNED_GOALS),
    Shape('pinned512', '512 connections, pinned and steered', 512, PINNED_GOALS),
    Shape('free64', '64 connections, unpinned', 64, FREE_GOALS, pinned=False),
    Shape('free512', '512 connections, unpinned', 512, FREE_GOALS, pinned=False),
    Shape('pipelined', '64 connections, 16 requests in one write, pinned and steered', 64,
          PIPELINED_GOALS, depth=16),
    Shape('close', '64 connections, Connection: close, pinned and steered', 64, CLOSE_GOALS,
          closing=True),
)
