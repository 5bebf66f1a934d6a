#!/usr/bin/env python3
"""headers.py ROOT - each public header compiles alone, as C11 and C++17, with gcc and clang.

Prints TAP. A compiler that is not there is not asked.
"""
import pathlib
import shutil
import subprocess
import sys

LANGUAGES = (('c', 'c11'), ('c++', 'c++17'))
FLAGS = ['-fsyntax-only', '-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wundef', '-Werror']


def main(root):
    """Print TAP; 1 if a header failed."""
    compilers = [c for c in ('gcc', 'clang') if shutil.which(c)]
    headers = sorted((root / 'include' / 'goevd').glob('*.h'))
    cases = [(h, c, lang) for h in headers for c in compilers for lang in LANGUAGES]
    failed = 0
    print(f'1..{len(cases)}')
    for number, (header, compiler, (language, standard)) in enumerate(cases, 1):
        include = f'#include <goevd/{header.name}>\n'
        run = subprocess.run([compiler, '-x', language, f'-std={standard}', *FLAGS,
                              '-I', root / 'include', '-'], input=include * 2, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        bad = run.returncode != 0
        print(f'{"not ok" if bad else "ok"} {number} - {header.name} {compiler} {standard}')
        for line in run.stdout.splitlines():
            print(f'# {line}')
        failed += bad
    return 1 if failed or not cases else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
