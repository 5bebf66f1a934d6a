#!/usr/bin/env python3
"""tally.py DIR - add up what the runners left in DIR, and report failures.

NAME.xml     JUnit, from meson test or pytest
NAME.failed  that runner exited non-zero: some test of NAME.xml must have failed
NAME.crash   something beside the tests went wrong: one failure, with this text

Ends with `N passed, N failed`, and exits 1 if anything failed or nothing ran. A test that was skipped
is named. Root can run every test, so that it fails there.
"""
import os
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

OUTPUT_MAX = 6000   # characters shown of one failure's output


def short(name):
    """Without the project's name, which meson puts in front."""
    return re.sub(r'^(goevd[.: ]*)+', '', name)


class Tally:
    """The counts, and the failures with their output."""

    def __init__(self):
        self.passed = 0
        self.skipped = []
        self.failures = []

    def fail(self, name, text):
        """Count a failure."""
        self.failures.append((name, text.strip()[-OUTPUT_MAX:]))

    def skip(self, name, why):
        """Count a test that did not run."""
        if os.geteuid() == 0:
            self.fail(name, f'skipped: {why}')
        else:
            self.skipped.append(f'{name}: {why}')

    def case(self, step, suite, case):
        """One testcase element. Returns True if it failed."""
        name = f'{step}: {short(case.get("classname", "") + " " + case.get("name"))}'
        skipped = case.find('skipped')
        bad = case.find('failure') if case.find('failure') is not None else case.find('error')
        if bad is not None:
            said = [bad.text, *(case.findtext(tag) for tag in ('system-out', 'system-err')),
                    *(suite.findtext(tag) for tag in ('system-out', 'system-err'))]
            self.fail(name, '\n'.join(text for text in said if text))
        elif skipped is not None:
            self.skip(name, skipped.get('message') or skipped.text or 'no reason is given')
        else:
            self.passed += 1
        return bad is not None

    def suite(self, step, suite):
        """One testsuite element; a TAP program that dies leaves fewer cases than it planned."""
        cases = suite.findall('testcase')
        failed = [case for case in cases if self.case(step, suite, case)]
        said = suite.findtext('system-out') or ''
        planned = re.search(r'^\s*1\.\.(\d+)', said, re.M)
        status = re.search(r'exited with status code (-?\d+)', suite.findtext('system-err') or '')
        name = f'{step}: {short(suite.get("name"))}'
        if planned and len(cases) < int(planned[1]):
            self.fail(name, f'{said}\nended after {len(cases)} of {planned[1]} tests'
                            + (f', status {status[1]}' if status else ''))
        elif status and status[1] != '0' and not failed:
            self.fail(name, f'{said}\nexited with status {status[1]} though no test of it failed')

    def xml(self, path):
        """A JUnit file."""
        before = len(self.failures)
        try:
            root = ET.parse(path).getroot()
        except ET.ParseError as e:
            self.fail(path.stem, f'{path} is not XML: {e}')
            return
        for suite in root.iter('testsuite'):
            self.suite(path.stem, suite)
        mark = path.with_suffix('.failed')
        if mark.exists() and len(self.failures) == before:
            log = path.with_suffix('.log')
            self.fail(path.stem, f'{mark.read_text()}\n{log.read_text() if log.exists() else ""}')


def main(folder):
    """Add up, print, exit."""
    tally = Tally()
    for path in sorted(folder.glob('*.xml')):
        tally.xml(path)
    for path in sorted(folder.glob('*.crash')):
        tally.fail(path.stem, path.read_text())
    shown = set()
    for name, text in tally.failures:
        print(f'\nFAILED {name}')
        print('    (as above)' if text in shown else re.sub('^', '    ', text, flags=re.M))
        shown.add(text)
    if tally.failures:
        print(f'\nfailed (logs: {folder}):')
        for name, _ in tally.failures:
            print(f'  {name}')
    if tally.skipped:
        print('\nskipped:\n  ' + '\n  '.join(tally.skipped))
    skipped = f', {len(tally.skipped)} skipped' if tally.skipped else ''
    print(f'\n{tally.passed} passed, {len(tally.failures)} failed{skipped}')
    return 1 if tally.failures or not tally.passed else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1])))
