#!/usr/bin/env python3
"""callers.py ROOT - each public function has a caller that an author can read.

Each function of include/goevd/*.h is called by a plugin, an example or a template. A call within the
plugin that implements the function does not count. Prints TAP.
"""
import pathlib
import re
import sys

OF_PLUGINS = {'http.h': 'plugins/http', 'websocket.h': 'plugins/websocket'}
FUNCTION = re.compile(r'^static inline [^;{]*?\b(goevd_\w+)\(', re.M | re.S)
CALLERS = ('plugins', 'examples', 'templates')
SOURCES = {'.c', '.h', '.cpp'}


def code(path):
    """A file without comments."""
    return re.sub(r'/\*.*?\*/', '', path.read_text(), flags=re.S)


def without_callers(header, sources, root):
    """Functions of a header that no other code calls."""
    own = OF_PLUGINS.get(header.name)
    texts = [text for path, text in sources.items()
             if not own or root / own not in path.parents]
    for function in FUNCTION.findall(code(header)):
        called = re.compile(rf'\b{function}\(')
        if not any(called.search(text) for text in texts):
            yield function


def main(root):
    """Print TAP; 1 if a function has no caller."""
    headers = sorted((root / 'include/goevd').glob('*.h'))
    sources = {path: code(path) for folder in CALLERS for path in (root / folder).rglob('*')
               if path.suffix in SOURCES}
    found = {header: len(FUNCTION.findall(code(header))) for header in headers}
    print(f'1..{len(headers) + 1}')
    failed = sum(found.values()) < 100
    print('not ok 1 - the headers have functions' if failed else 'ok 1 - the headers have functions')
    for number, header in enumerate(headers, 2):
        bad = list(without_callers(header, sources, root))
        failed |= bool(bad)
        print(f'{"not ok" if bad else "ok"} {number} - {header.name}: {found[header]} functions')
        for function in bad:
            print(f'# {function}() has no caller in plugins/, examples/ or templates/')
    return failed


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
