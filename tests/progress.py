"""Plugin of pytest that reports each test to the descriptor GOEVD_PROGRESS_FD as it ends (tests/stage.py).

`total N`, `done`, and `failed NAME`, a line each.
"""
import os

import pytest


class Progress:
    """Of one run; under xdist it lives in the process that hands out the tests."""

    def __init__(self, fd):
        self.fd = fd
        self.failed = set()

    def write(self, line):
        """One line, which tests/stage.py reads."""
        os.write(self.fd, line.encode() + b'\n')

    def pytest_collection_finish(self, session):
        """Without xdist."""
        if session.items:
            self.write(f'total {len(session.items)}')

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        """With xdist, from each worker: all have collected the same."""
        self.write(f'total {len(ids)}')

    def pytest_runtest_logreport(self, report):
        """A test sets up, is called and tears down, and may fail in each."""
        if report.failed and report.nodeid not in self.failed:
            self.failed.add(report.nodeid)
            self.write(f'failed {report.nodeid}')
        if report.when == 'teardown':
            self.write('done')


def pytest_configure(config):
    """A worker of xdist reports through the process that started it."""
    fd = os.environ.get('GOEVD_PROGRESS_FD')
    if fd and not hasattr(config, 'workerinput'):
        config.pluginmanager.register(Progress(int(fd)), 'goevd-progress')
