#!/usr/bin/env python3
"""symbols.py FOLDER - each plugin (*.so) there exports goevd_plugin_entry and nothing else, and
needs nothing that its libraries do not define. Prints TAP.
"""
import pathlib
import subprocess
import sys

WANTED = {'goevd_plugin_entry'}


def exported(path):
    """The symbols that the plugin defines for others."""
    out = subprocess.run(['nm', '-D', '--defined-only', '--format=posix', path], check=True,
                         capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines()}


def undefined(path):
    """Symbols that the dynamic loader would not find."""
    run = subprocess.run(['ldd', '-r', path], capture_output=True, text=True, check=False)
    return [line for line in (run.stdout + run.stderr).splitlines()
            if 'undefined symbol' in line or 'not found' in line]


def main(plugins):
    """Print TAP; 1 if a plugin failed, or there is none."""
    failed = 0
    print(f'1..{2 * len(plugins)}')
    for number, path in enumerate(plugins):
        extra, missing = exported(path) ^ WANTED, undefined(path)
        print(f'{"not ok" if extra else "ok"} {2 * number + 1} - {path.name} exports')
        for name in sorted(extra):
            print(f'# {name}: {"is missing" if name in WANTED else "should be static or hidden"}')
        print(f'{"not ok" if missing else "ok"} {2 * number + 2} - {path.name} needs')
        for line in missing:
            print(f'# {line}')
        failed += bool(extra or missing)
    return 1 if failed or not plugins else 0


if __name__ == '__main__':
    sys.exit(main(sorted(pathlib.Path(sys.argv[1]).glob('*.so'))))
