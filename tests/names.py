#!/usr/bin/env python3
"""names.py ROOT - no identifier and no key of the configuration has a name that was retired.

Looks at C tokens outside comments and strings, and at the names of options. Prints TAP.
"""
import pathlib
import re
import sys

# Patterns that no identifier may match, and their replacements.
RETIRED = {
    r'.*(?<!con)figure.*': 'metric',
    r'author_\w+': 'scaffold_',
    r'sockets_\w+': 'parent_, or the name of what holds the sockets',
    r'proxies_\w+': 'proxy_log_',
    r'inherited_\w+': 'passed_fds_',
    r'networks?|networks?_\w+|(ret|schema)_network\w*': 'cidr',
    r'\w+_hear': '_receive',
    r'supervisor_tell_\w+': 'supervisor_notify_, supervisor_reply_',
    r'author|inherited|turn|later|canned\w*|heads|heads_\w+':
        'scaffold, passed, batch, by_id, prerendered, head_cache',
    r'http_(hosts|marks?|heads|turn|canned|later|live)_\w+':
        'virtual_hosts, request_info, head_cache, batch, prerendered, by_id, keepalive',
    r'lines_\w+': 'host_logfile_, or the prefix of the file',
    r'max_(live|connections\w*|open_files)|min_idle': 'the limit first: _max, _min',
    r'config_workers': 'config_work_pool',
    r'_Static_assert': 'static_assert',
}
# Where identifiers are looked at; and where one may stand nevertheless.
TOPS = ('src', 'plugins', 'include', 'examples', 'templates', 'bench', 'tests/plugin')
ALLOWED = {('_Static_assert', 'include/goevd/version.h'),   # what GOEVD_STATIC_ASSERT() is in C11
           ('NETWORK', 'src/ctl/metrics.c')}   # refused by the network, NET_REFUSED_NETWORK
# Patterns that no key may match, and their replacements.
KEYS = {
    r'workers': 'work_pool',
    r'(?!max_age$)max_\w+': 'a name that ends in _max',
    r'min_\w+': 'a name that ends in _min',
    r'events|accepts|messages|mailbox|queue|buffer_cache|room_backlog|compress_memory':
        'a name that ends in _max',
}
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|([A-Za-z_]\w*)',
                   re.S)
KEY = re.compile(r'\.name = "(\w+)",\s*\\?\s*\.type = GOEVD_OPTION_'
                 r'|GOEVD_OPTION\([^"()]*"(\w+)",')


# The name of a duration in a struct of options has its unit.
DURATION = re.compile(r'GOEVD_OPTION\([^,]+,\s*(\w+),\s*"\w+",\s*DURATION\)'
                      r'|\.type = GOEVD_OPTION_DURATION,\s*\\?\s*\.?\w+(?: = \w+)?'
                      r'\((?:[^(),]+,\s*)?([\w.]+)\)')


def identifiers(text):
    """(line, name) of every identifier."""
    for found in TOKEN.finditer(text):
        if found[1]:
            yield text.count('\n', 0, found.start()) + 1, found[1]


def better(name, table):
    """The replacement of a name; None: the name is valid."""
    return next((b for pattern, b in table.items() if re.fullmatch(pattern, name, re.I)), None)


def complaints(root):
    """Retired names that are in use."""
    paths = [p for top in TOPS for p in sorted((root / top).rglob('*'))
             if p.suffix in ('.c', '.h', '.cpp')]
    for path in paths:
        text, known = path.read_text(), {}
        for line, name in identifiers(text):
            if name not in known:
                known[name] = better(name, RETIRED)
            if known[name] and (name, str(path.relative_to(root))) not in ALLOWED:
                yield f'{path}:{line}: {name}: write {known[name]}'
        for found in KEY.finditer(text):
            name = found[1] or found[2]
            if better(name, KEYS):
                yield f'{path}: key {name}: write {better(name, KEYS)}'
        for found in DURATION.finditer(text):
            name = found[1] or found[2]
            if not name.endswith('_ns'):
                yield f'{path}: duration {name}: write {name}_ns'


def main(root):
    """Print TAP; 1 if a name is retired."""
    wrong = list(complaints(root))
    print(f'1..1\n{"not ok" if wrong else "ok"} 1 - retired names')
    for complaint in wrong:
        print(f'# {complaint}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
