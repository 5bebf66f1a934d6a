"""docs/http-conformance.md names tests; they are there."""
import fnmatch
import re

import pytest

from corpus import CASES
from daemon import ROOT

pytestmark = pytest.mark.heavy

NAMES = [case.name for case in CASES]
UNIT = '\n'.join(path.read_text() for path in sorted((ROOT / 'tests' / 'unit').rglob('test_*.c')))
WITHOUT_TEST = re.compile(r'(does not arise|not yet|not held): \S')


def rows():
    """(section, requirement, the test that checks it) of the two tables of requirements."""
    text = (ROOT / 'docs' / 'http-conformance.md').read_text()
    text = text[text.index('## RFC 9112'):text.index('## Where others differ')]
    found = [[cell.strip() for cell in line.strip('|').split('|')]
             for line in text.splitlines() if line.startswith('|')]
    return [row for row in found if row[0] not in ('section', '---')]


def there(name):
    """Whether a test has this name."""
    if '::' in name:
        file, function = name.split('::')
        return f'\ndef {function}(' in (ROOT / 'tests' / 'func' / file).read_text()
    if name.startswith('test_'):
        return f'\n{name}(void **state)' in UNIT
    return any(fnmatch.fnmatchcase(case, name) for case in NAMES)


@pytest.mark.parametrize('section, requirement, holds', rows())
def test_row(section, requirement, holds):
    tests = re.findall(r'`([^`]+)`', holds)
    assert re.fullmatch(r'\d+(\.\d+)*(, \d+(\.\d+)*)*', section)
    assert requirement
    assert tests or WITHOUT_TEST.search(holds) or holds.startswith('as RFC 9112, section ')
    assert [name for name in tests if not there(name)] == []


def test_sections_come_in_their_order():
    numbers = [[int(n) for n in row[0].split(',')[0].split('.')] for row in rows()]
    start = next(i for i in range(1, len(numbers)) if numbers[i] < numbers[i - 1])
    assert numbers[:start] == sorted(numbers[:start])
    assert numbers[start:] == sorted(numbers[start:])
