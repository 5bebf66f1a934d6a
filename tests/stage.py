"""Run one stage of the tests, show its progress, and report its share of the budget."""
import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time

TICK_S = 1       # the line of a terminal is written anew at least so often
STOP_S = 30      # for an orderly end of an interrupted stage
REPORT_S = 60    # without a terminal, a stage that takes longer reports once in this time

# The lines that runners print as they go: how far, of all; and the name of a failure.
NINJA = (re.compile(r'^\[(\d+)/(\d+)\] '), re.compile(r'^FAILED: (.*)'))
MESON = (re.compile(r'^ *(\d+)/(\d+) .*'), re.compile(
    r'^ *\d+/\d+ (?:goevd:)?(.*?) +(?:FAIL|ERROR|TIMEOUT|INTERRUPT|UNEXPECTEDPASS)\b'))
NONE = (re.compile(r'(?!)'), re.compile(r'(?!)'))


def stop(process):
    """End a program and its own; pytest ends the daemons that its tests have started."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


class Stage:
    """A program that runs, and the counts that it reports."""

    def __init__(self, name, budget_s, out=sys.stdout):
        self.name, self.budget_s, self.out = name, budget_s, out
        self.done = self.total = self.failed = 0
        self.began = self.reported = time.monotonic()
        self.terminal = out.isatty()

    def seconds(self):
        """Since it began."""
        return round(time.monotonic() - self.began)

    # ---- Output ----------------------------------------------------------------------------------

    def counts(self):
        """Done of all, failed so far."""
        of = f'{self.done} of {self.total}, ' if self.total else ''
        return f'{of}{self.failed} failed'

    def show(self):
        """The one line of a terminal, or now and then a line where there is none."""
        text = f'{self.name:<26} {self.counts()}, {self.seconds()} s of {self.budget_s} s'
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.out.write(f'\r\033[K{text[:width]}')
            self.out.flush()
        elif time.monotonic() - self.reported >= REPORT_S:
            self.reported = time.monotonic()
            self.line(text)

    def line(self, text):
        """A line that stays."""
        clear = '\r\033[K' if self.terminal else ''
        self.out.write(f'{clear}{time.strftime("%T")}  {text}\n')
        self.out.flush()

    def fail(self, name):
        """Count a failure and name it at once."""
        self.failed += 1
        self.line(f'FAILED {self.name}: {name}')

    def end(self):
        """The counts and the time; a slow machine exceeds a budget without a fault of goevd's."""
        took = self.seconds()
        late = ': OVER ITS BUDGET' if took > self.budget_s else ''
        self.line(f'{self.name:<26} {self.counts():<26} {took:>4} s of {self.budget_s} s{late}')

    # ---- Input -----------------------------------------------------------------------------------

    def output(self, line, patterns):
        """A line of the program's output."""
        far, failure = patterns
        if m := far.match(line):
            self.done, self.total = int(m[1]), int(m[2])
        if m := failure.match(line):
            self.fail(m[1])

    def event(self, line):
        """A line from tests/progress.py."""
        word, _, rest = line.partition(' ')
        if word == 'total':
            self.total = int(rest)
        elif word == 'done':
            self.done += 1
        elif word == 'failed':
            self.fail(rest)

    def run(self, argv, log, patterns=NONE, limit_s=None, **more):
        """Run a program to its end with its output in the file `log`; its exit status.

        limit_s ends a hanging test: it is no measure of speed.
        """
        events, write = os.pipe()
        env = {**more.pop('env', os.environ), 'GOEVD_PROGRESS_FD': str(write),
               'PYTHONUNBUFFERED': '1'}
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=env, pass_fds=[write],
                              start_new_session=True, **more) as process:
            os.close(write)
            try:
                self.follow(process, events, pathlib.Path(log), patterns, limit_s)
            except BaseException:
                stop(process)
                raise
            finally:
                os.close(events)
        return process.returncode

    def follow(self, process, events, log, patterns, limit_s):
        """Reads until the program has ended, because its orphans may hold its output open."""
        takers = {process.stdout.fileno(): lambda line: self.output(line, patterns),
                  events: self.event}
        rests = dict.fromkeys(takers, b'')
        with selectors.DefaultSelector() as selector, log.open('ab') as file:
            for fd in takers:
                selector.register(fd, selectors.EVENT_READ)
            while True:
                ended = process.poll() is not None
                ready = selector.select(0 if ended else TICK_S)
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd != events:
                        file.write(data)
                    *lines, rests[key.fd] = (rests[key.fd] + data).split(b'\n')
                    for line in lines:
                        takers[key.fd](line.decode(errors='replace'))
                if ended and not ready:
                    return
                if not selector.get_map():
                    process.wait()
                    return
                self.show()
                if limit_s and not ended and self.seconds() > limit_s:
                    self.fail(f'still running after {limit_s} s')
                    stop(process)
                    limit_s = None
