#!/usr/bin/env python3
"""abi.py [--write] ROOT - plugins that are built already still fit the headers.

tests/abi/NAME-MAJOR.MINOR.txt holds the facts that a plugin was compiled with: each member of a
struct with its place and type, each enumerator, function type and constant. NAME is goevd (all
headers but two), http or websocket, each with a version of its own in the headers. The facts of the
present version must be exactly those of its file, so that no change goes unnoticed. The facts of
each earlier minor version must still hold. --write writes the files of the present versions anew:
after a step of the version, or as long as that version is not released. Prints TAP.
"""
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

OWN = {'http': 'GOEVD_HTTP_ABI', 'websocket': 'GOEVD_WEBSOCKET_ABI'}    # versions of their own
FUNCTION = r'\(\*(\w+)\)\('


def text_of(header):
    """A header without comments."""
    return re.sub(r'/\*.*?\*/', '', header.read_text(), flags=re.S)


def plain(text):
    """A declaration on one line, without what only compilers of today read."""
    text = re.sub(r'\s*GOEVD_PRINTF\([^)]*\)', '', text)
    return re.sub(r'\s+', ' ', text).strip()


def bodies(kind, text):
    """(name, what stands between the braces) of each struct or enumeration that is defined."""
    return re.findall(rf'^{kind} (\w+) \{{\n(.*?)^\}};', text, re.M | re.S)


def members(body):
    """(name, declaration) of a struct's members, in order."""
    for declaration in body.split(';')[:-1]:
        declaration = plain(declaration)
        function = re.search(FUNCTION, declaration)
        if function:
            yield function[1], declaration
        else:
            for name in re.findall(r'(\w+)(?:\[\w+\])?\s*(?:,|$)', declaration):
                yield name, declaration


def questions(text):
    """(key, expression in C or None, words) of each fact in a header."""
    for name, body in bodies('struct', text):
        if not body.lstrip().startswith('struct goevd_version version;'):
            yield f'struct {name}', f'sizeof(struct {name})', 'bytes'
        for member, declaration in members(body):
            yield (f'struct {name}.{member}', f'offsetof(struct {name}, {member})', declaration)
    for name, body in bodies('enum', text):
        for value in re.findall(r'^ *(GOEVD_\w+)', body, re.M):
            if not value.endswith('_COUNT'):
                yield f'enum {name}.{value}', value, ''
    for declaration, name in re.findall(rf'^(typedef [^;]*?{FUNCTION}[^;]*;)', text, re.M):
        yield f'type {name}', None, plain(declaration)
    for name, value in re.findall(r'^#define (GOEVD_\w+) ("[^"]*"|\([^)]*\)|[^\s\\_][^\s\\]*)\s*$', text, re.M):
        if not re.search(r'_ABI_(MAJOR|MINOR)$', name):
            yield (f'constant {name}', None if value[0] == '"' else name, value if value[0] == '"' else '')


def facts(compiler, include, names):
    """key -> fact, of these headers."""
    found, numbers = collections.OrderedDict(), []
    for name in names:
        for key, expression, words in questions(text_of(include / 'goevd' / f'{name}.h')):
            assert key not in found, key
            found[key] = words
            if expression:
                numbers.append((key, expression))
    lines = ['#include <stddef.h>', '#include <stdio.h>', '#include <sys/socket.h>']
    lines += [f'#include <goevd/{name}.h>' for name in names]
    # What the headers assert of themselves is not what is asked here.
    lines[:0] = ['#define _Static_assert(condition, text) struct goevd_unused_assert']
    lines += ['int main(void) {']
    lines += [f'printf("%lld\\n", (long long)({expression}));' for _, expression in numbers]
    lines += ['return 0; }']
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / 'facts'
        subprocess.run([compiler, '-x', 'c', '-std=gnu11', '-w', '-I', include, '-o', program, '-'],
                       input='\n'.join(lines) + '\n', text=True, check=True)
        values = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    for (key, _), value in zip(numbers, values, strict=True):
        found[key] = f'{value} {found[key]}'.strip()
    return found


def version(include, prefix, name):
    """MAJOR, MINOR as a header has them."""
    text = text_of(include / 'goevd' / f'{name}.h')
    return [int(re.search(rf'^#define {prefix}_{part} (\d+)', text, re.M)[1])
            for part in ('MAJOR', 'MINOR')]


def read(path):
    """key -> fact, of a file."""
    return dict(line.split(': ', 1) for line in path.read_text().splitlines())


def complaints(path, found, present):
    """What does not hold of a file; `present`: it is that of the present version."""
    then = read(path)
    for key, fact in then.items():
        if found.get(key) != fact:
            yield f'{key}: was "{fact}", is "{found.get(key, "gone")}": plugins that are built ' \
                  'already would break. Leave it as it was, and add what is new at the end of a ' \
                  'struct that begins with a version, or raise the major version'
    if present:
        for key in found.keys() - then.keys():
            yield f'{key}: is new: raise the minor version, and write its facts with tests/abi.py ' \
                  '--write'


def main(root, write):
    """Print TAP; 1 if something has changed."""
    compiler = shutil.which('gcc') or shutil.which('clang')
    include, folder = root / 'include', root / 'tests' / 'abi'
    every = sorted(path.stem for path in (include / 'goevd').glob('*.h'))
    groups = {'goevd': ('GOEVD_ABI', 'version', [name for name in every if name not in OWN])}
    groups |= {name: (prefix, name, [name]) for name, prefix in OWN.items()}
    cases = []
    for group, (prefix, header, names) in groups.items():
        found = facts(compiler, include, names)
        major, minor = version(include, prefix, header)
        if write:
            folder.mkdir(exist_ok=True)
            (folder / f'{group}-{major}.{minor}.txt').write_text(
                ''.join(f'{key}: {fact}\n' for key, fact in found.items()))
        for older in range(minor + 1):
            cases.append((folder / f'{group}-{major}.{older}.txt', found, older == minor))
    print(f'1..{len(cases)}')
    failed = 0
    for number, (path, found, present) in enumerate(cases, 1):
        bad = (sorted(complaints(path, found, present)) if path.is_file() else
               ['is missing: the version is new, and tests/abi.py --write writes its facts'])
        print(f'{"not ok" if bad else "ok"} {number} - {path.name}')
        for line in bad:
            print(f'# {line}')
        failed += bool(bad)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[-1]).resolve(), '--write' in sys.argv[1:-1]))
