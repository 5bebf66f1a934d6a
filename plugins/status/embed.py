#!/usr/bin/env python3
"""embed.py NAME=FILE... - a C header with each file as a text."""
import pathlib
import sys

print('/* Made by embed.py. */')
for argument in sys.argv[1:]:
    name, path = argument.split('=', 1)
    print(f'static const char {name}[] =')
    for line in pathlib.Path(path).read_text(encoding='ascii').splitlines():
        escaped = line.replace('\\', '\\\\').replace('"', '\\"')
        print(f'    "{escaped}\\n"')
    print('    ;')
