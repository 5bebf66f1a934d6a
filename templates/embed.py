#!/usr/bin/env python3
"""embed.py FILE... - print the files that `goevd plugin new` writes, as a table in C; each FILE is KIND/NAME."""
import json
import os
import pathlib
import sys

print('#include "cli/scaffold.h"\n\nconst struct scaffold_file scaffold_files[] = {')
for path in map(pathlib.Path, sys.argv[1:]):
    lines = path.read_text().splitlines(keepends=True)
    mode = 0o777 if os.access(path, os.X_OK) else 0o666
    print(f'    {{"{path.parent.name}", "{path.name}", 0{mode:o},')
    print('\n'.join(f'     {json.dumps(line)}' for line in lines) + '},')
print('    {0},\n};')
