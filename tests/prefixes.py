#!/usr/bin/env python3
"""prefixes.py ROOT - names in a plugin begin with the plugin's short name.

In each folder of plugins/ these are checked: functions and variables, static functions included;
tags of structs and enums; enum constants; macros of headers. A name that begins with the short name
of one plugin cannot be in another plugin as well. Prints TAP.
"""
import pathlib
import re
import sys

# The short name of each plugin, where it is not that of its folder.
SHORT = {'basic_auth': 'auth', 'download': 'dl', 'websocket': 'ws'}
# Words of the language, as it were.
WORDS = {'ARRAY_LEN', 'MAX', 'MIN', 'NS_PER_S', 'aside', 'cold', 'hot', 'likely', 'unlikely'}

FUNCTION = re.compile(r'^(?!static_assert|_Static_assert|GOEVD_|__attribute__)(\w+)\(', re.M)
EXTERN = re.compile(r'^extern [\w *]+?(\w+)(?:\[\w*\])?;', re.M)
TAG = re.compile(r'\b(?:struct|enum|union) (?!goevd_)(\w+)\s*\{')  # goevd_: of a public header
ENUM = re.compile(r'\benum\s*\w*\s*\{(.*?)\}', re.S)
CONSTANT = re.compile(r'(?:^|,)\s*(\w+)')
MACRO = re.compile(r'^#define (\w+)', re.M)


def code(path):
    """A file without comments and texts."""
    text = re.sub(r'/\*.*?\*/', '', path.read_text(), flags=re.S)
    return re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)


def names(path):
    """Names that a file defines."""
    text = code(path)
    yield from FUNCTION.findall(text)
    yield from TAG.findall(text)
    for body in ENUM.findall(text):
        yield from CONSTANT.findall(re.sub(r'^\s*#.*$', '', body, flags=re.M))
    if path.suffix == '.h':
        yield from EXTERN.findall(text)
        yield from (name for name in MACRO.findall(text) if not name.endswith('_H'))


def complaints(folder):
    """Names of a plugin that belong to none, or to another."""
    prefix = SHORT.get(folder.name, folder.name)
    for path in sorted(folder.rglob('*.[ch]')):
        for name in sorted(set(names(path))):
            if name not in WORDS and not re.match(rf'{prefix}(_|$)', name.lower()):
                yield f'{path}: {name} does not begin with {prefix}_'


def main(root):
    """Print TAP; 1 if a plugin failed."""
    folders = sorted(p for p in (root / 'plugins').iterdir() if p.is_dir())
    failed = 0
    print(f'1..{len(folders) + 1}')
    short = [SHORT.get(p.name, p.name) for p in folders]
    print('ok 1 - short names differ' if len(set(short)) == len(short) else 'not ok 1 - short names differ')
    failed += len(set(short)) != len(short)
    for number, folder in enumerate(folders, 2):
        found = list(complaints(folder))
        print(f'{"not ok" if found else "ok"} {number} - names in plugins/{folder.name}')
        for line in found:
            print(f'# {line}')
        failed += bool(found)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
