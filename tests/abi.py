#!/usr/bin/env python3
"""abi.py ROOT - the headers still say what plugins that are built already were told.

Each folder of tests/abi has the headers of a released version, in goevd/. Of every member of a
struct, enumerator, function type and constant in them, the compiler is asked whether the present
one is the same and in the same place. Prints TAP. A compiler that is not there is not asked.
"""
import pathlib
import re
import shutil
import subprocess
import sys

MEND = ('plugins that are built already would break. Leave it as it was, and add what is new at the '
        'end of a struct that begins with a version ("How the ABI grows" in docs/ARCHITECTURE.md)')
FUNCTION = r'\(\*(\w+)\)\('


class Checks:
    """Lines of C, each of which compiles only if something holds, and what it means if not."""

    def __init__(self):
        self.lines = ['#include <stddef.h>', '#include <goevd/http.h>',
                      '#include <goevd/websocket.h>']
        self.meaning = {}

    def add_text(self, text):
        """What the old headers say, under other names."""
        self.lines += text.split('\n')

    def add(self, condition, what):
        """A condition; `what` is no longer so if it does not hold."""
        self.lines.append(f'_Static_assert({condition}, "");')
        self.meaning[len(self.lines)] = what

    def broken(self, compiler, include):
        """What does not hold, in sentences."""
        run = subprocess.run([compiler, '-x', 'c', '-std=gnu11', '-fsyntax-only', '-w',
                              '-fmax-errors=0' if compiler == 'gcc' else '-ferror-limit=0',
                              '-I', include, '-'], input='\n'.join(self.lines) + '\n', text=True,
                             capture_output=True, check=False)
        errors = re.findall(r'^<stdin>:(\d+):\d+: error: (.*)', run.stderr, re.M)
        if run.returncode and not errors:
            return [run.stderr]
        found = [self.meaning.get(int(line), f'{self.lines[int(line) - 1].strip()}: {error}')
                 for line, error in errors]
        return list(dict.fromkeys(found))


def bodies(kind, text):
    """(name, what stands between the braces) of each struct or enumeration that is defined."""
    return re.findall(rf'^{kind} (\w+) \{{\n(.*?)^\}};', text, re.M | re.S)


def members(body):
    """The names of a struct's members, in order."""
    for declaration in body.split(';')[:-1]:
        function = re.search(FUNCTION, declaration)
        if function:
            yield function[1]
        else:
            yield from re.findall(r'(\w+)(?:\[\w+\])?\s*(?:,|$)', declaration)


def add_structs(checks, text):
    """Each member where it was and of its type; what has no version is as large as it was."""
    for name, body in bodies('struct', text):
        checks.add_text(f'struct then_{name} {{\n{body}}};')
        for member in members(body):
            now, then = (f'__typeof__((({kind} *)0)->{member})'
                         for kind in (f'struct {name}', f'struct then_{name}'))
            checks.add(f'offsetof(struct {name}, {member}) == offsetof(struct then_{name}, {member})'
                       f' && __builtin_types_compatible_p({now}, {then})',
                       f'struct {name}: {member} has moved or has another type')
        grows = body.lstrip().startswith('struct goevd_version version;')
        checks.add(f'sizeof(struct {name}) {">=" if grows else "=="} sizeof(struct then_{name})',
                   f'struct {name} has {"shrunk" if grows else "another size, and no version"}')


def add_enums(checks, text):
    """Each enumerator has its value; how many there are may change."""
    for name, body in bodies('enum', text):
        checks.add_text(f'enum then_{name} {{' + re.sub(r'\bGOEVD_', 'THEN_GOEVD_', body) + '};')
        for value in re.findall(r'^ *(GOEVD_\w+)', body, re.M):
            if not value.endswith('_COUNT'):
                checks.add(f'(int){value} == (int)THEN_{value}', f'{value} has another value')


def add_functions(checks, text):
    """Each type of a function."""
    for declaration, name in re.findall(rf'^(typedef [^;]*?{FUNCTION}[^;]*;)', text, re.M):
        checks.add_text(declaration.replace(f'(*{name})', f'(*then_{name})'))
        checks.add(f'__builtin_types_compatible_p({name}, then_{name})', f'{name} is another type')


def add_constants(checks, text):
    """What a plugin has been compiled with, but for the version."""
    for name, value in re.findall(r'^#define (GOEVD_\w+) ("[^"]*"|\w+)\s*$', text, re.M):
        if not name.endswith('_ABI_MINOR'):
            checks.add(f'__builtin_strcmp({name}, {value}) == 0' if value[0] == '"' else
                       f'{name} == {value}', f'{name} is not {value}')


def checks_of(snapshot):
    """All that the headers of one folder have promised."""
    checks = Checks()
    for header in sorted((snapshot / 'goevd').glob('*.h')):
        text = re.sub(r'/\*.*?\*/', '', header.read_text(), flags=re.S)
        for add in (add_structs, add_enums, add_functions, add_constants):
            before = len(checks.meaning)
            add(checks, text)
            assert len(checks.meaning) > before or add is add_functions, (header, add)
    return checks


def main(root):
    """Print TAP; 1 if something has changed."""
    compilers = [c for c in ('gcc', 'clang') if shutil.which(c)]
    snapshots = sorted(p.parent for p in (root / 'tests' / 'abi').glob('*/goevd'))
    cases = [(s, c) for s in snapshots for c in compilers]
    failed = 0
    print(f'1..{len(cases)}')
    for number, (snapshot, compiler) in enumerate(cases, 1):
        broken = checks_of(snapshot).broken(compiler, root / 'include')
        print(f'{"not ok" if broken else "ok"} {number} - ABI {snapshot.name} {compiler}')
        for what in broken:
            print('\n'.join(f'# {line}' for line in f'{what}: {MEND}'.splitlines()))
        failed += bool(broken)
    return 1 if failed or not cases else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
