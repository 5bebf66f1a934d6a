#!/usr/bin/env python3
"""layers.py ROOT - no file includes one of a layer above its own, and no headers go in a circle.

Reads the #include lines of src/, plugins/ and include/. Prints TAP.
"""
import pathlib
import re
import sys

# What each layer may include besides itself.
BELOW = {
    'base': set(),
    'ev': {'base'},
    'net': {'ev', 'base'},
    'conf': {'base'},
    'plug': {'conf', 'net', 'ev', 'base'},
    **{part: {'cli', 'supervisor', 'worker', 'ctl', 'process', 'proto', 'plug', 'conf', 'net', 'ev',
              'base'}
       for part in ['proto', 'process', 'ctl', 'supervisor', 'worker', 'cli']},
}
NO_PUBLIC_HEADERS = {'base', 'ev'}   # these know nothing of plugins
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    """(line number, in quotes?, name) of every #include line."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1] == '"', found[2]


def sources(folder):
    """The C files of a folder."""
    return sorted(p for p in folder.rglob('*') if p.suffix in ('.c', '.h'))


def check_layer(src, layer):
    """What is wrong in one layer of src/."""
    for path in sources(src / layer):
        for number, quoted, name in includes(path):
            where, other = f'{path}:{number}', name.split('/')[0]
            if not quoted:
                if other == 'goevd' and layer in NO_PUBLIC_HEADERS:
                    yield f'{where}: {layer} includes <{name}>, but knows nothing of plugins'
            elif '/' not in name or not (src / name).is_file():
                yield f'{where}: "{name}" is not a file of src/; write "layer/file.h"'
            elif other != layer and other not in BELOW[layer]:
                yield f'{where}: {layer} includes "{name}", which is not below it'


def check_plugin(folder):
    """A plugin sees the public headers, its own files, and what all have in common."""
    for path in sources(folder):
        for number, quoted, name in includes(path):
            own = name.split('/')[0] in (folder.name, 'common')
            if quoted and not (own and (folder.parent / name).is_file()):
                yield f'{path}:{number}: "{name}" is not a file of this plugin; it may include ' \
                      f'<goevd/...>, "{folder.name}/file.h" and "common/file.h"'


def check_public(folder):
    """The public headers are leaves: the C library's headers, and each other."""
    for path in sources(folder):
        for number, quoted, name in includes(path):
            if quoted or (name.startswith('goevd/') and not (folder.parent / name).is_file()):
                yield f'{path}:{number}: a public header includes "{name}"'


def graph(root):
    """For each file under src, plugins and include, the files of ours that it includes."""
    found = {}
    for path in [*sources(root / 'src'), *sources(root / 'plugins'), *sources(root / 'include')]:
        targets = found[path] = []
        for _, quoted, name in includes(path):
            for base in ([root / 'src', root / 'plugins'] if quoted else [root / 'include']):
                if (base / name).is_file():
                    targets.append((base / name).resolve())
                    break
    return found


def check_circles(root):
    """Circles of #include lines."""
    edges = graph(root)
    done, path = set(), []

    def visit(node):
        if node in path:
            circle = path[path.index(node):] + [node]
            yield 'a circle: ' + ' -> '.join(str(p.relative_to(root)) for p in circle)
        elif node not in done:
            path.append(node)
            for target in edges.get(node, []):
                yield from visit(target)
            path.pop()
            done.add(node)

    for node in edges:
        yield from visit(node)


def main(root):
    """Print TAP; 1 if a check failed."""
    checks = [(f'layer {layer}', check_layer(root / 'src', layer)) for layer in BELOW]
    checks += [('a folder of src that is no layer', (
        f'{p}: not a layer' for p in sorted((root / 'src').iterdir())
        if p.is_dir() and p.name not in BELOW))]
    checks += [(f'plugin {p.name}', check_plugin(p))
               for p in sorted((root / 'plugins').iterdir()) if p.is_dir()]
    checks += [('public headers', check_public(root / 'include' / 'goevd')),
               ('circles', check_circles(root))]
    failed = 0
    print(f'1..{len(checks)}')
    for number, (name, complaints) in enumerate(checks, 1):
        complaints = list(complaints)
        print(f'{"not ok" if complaints else "ok"} {number} - {name}')
        for complaint in complaints:
            print(f'# {complaint}')
        failed += bool(complaints)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
