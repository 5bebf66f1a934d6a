#!/usr/bin/env python3
"""names.py ROOT - no identifier of src/, and no key of the configuration, has a name that was retired.

Looks at C tokens outside comments and strings, and at the names of options. Prints TAP.
"""
import pathlib
import re
import sys

# What an identifier must not match, and what to write instead.
RETIRED = {
    r'.*figure.*': 'metric',
    r'author_\w+': 'scaffold_',
    r'sockets_\w+': 'parent_, or the name of what holds the sockets',
    r'proxies_\w+': 'proxy_log_',
    r'inherited_\w+': 'passed_fds_',
    r'network_(parse|any|has)': 'cidr_',
    r'supervisor_(hear|tell_\w+)': 'supervisor_receive, supervisor_notify_, supervisor_reply_',
    r'config_workers': 'config_work_pool',
    r'_Static_assert': 'static_assert',
}
KEYS = {'workers': 'work_pool'}
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|([A-Za-z_]\w*)',
                   re.S)
KEY = re.compile(r'\.name = "(\w+)"')


def identifiers(text):
    """(line, name) of every identifier."""
    for found in TOKEN.finditer(text):
        if found[1]:
            yield text.count('\n', 0, found.start()) + 1, found[1]


def complaints(root):
    """Retired names that are in use."""
    retired = re.compile('|'.join(f'(?:{pattern})' for pattern in RETIRED), re.I)
    for path in sorted((root / 'src').rglob('*.[ch]')):
        text = path.read_text()
        for line, name in identifiers(text):
            if retired.fullmatch(name):
                better = next(b for p, b in RETIRED.items() if re.fullmatch(p, name, re.I))
                yield f'{path}:{line}: {name}: write {better}'
        for found in KEY.finditer(text):
            if found[1] in KEYS and 'conf' in path.parts:
                yield f'{path}: key {found[1]}: write {KEYS[found[1]]}'


def main(root):
    """Print TAP; 1 if a name is retired."""
    wrong = list(complaints(root))
    print(f'1..1\n{"not ok" if wrong else "ok"} 1 - retired names')
    for complaint in wrong:
        print(f'# {complaint}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
