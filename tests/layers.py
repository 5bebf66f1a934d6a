#!/usr/bin/env python3
"""layers.py ROOT - a file includes its own room and those on lower floors, and files go in no circle.

Reads the #include lines of src/, plugins/ and include/. Prints TAP.
"""
import pathlib
import re
import sys

# The floors of src, and the parts that each part may include besides itself.
BELOW = {
    'base': set(),                                                             # 0
    'metrics': {'base'},                                                       # 1
    'ev': {'base'},                                                            # 1
    'conf': {'base'},                                                          # 1
    'net': {'ev', 'base'},                                                     # 2
    'plug': {'metrics', 'conf', 'net', 'ev', 'base'},                                     # 3
    'proto': {'net', 'ev', 'base'},                                            # 4
    'process': {'proto', 'net', 'ev', 'base'},                                 # 4
    'ctl': {'metrics', 'process', 'plug', 'net', 'ev', 'base'},                # 5
    'supervisor': {'metrics', 'ctl', 'process', 'proto', 'net', 'ev', 'base'},   # 6
    'worker': {'metrics', 'ctl', 'process', 'proto', 'plug', 'conf', 'net', 'ev', 'base'},   # 6
    'cli': {'supervisor', 'worker', 'ctl', 'metrics', 'process', 'proto', 'plug', 'conf', 'net', 'ev',
            'base'},                                                           # 7
}
# Parts that a part must not include, even indirectly.
NEVER = {'supervisor': {'conf', 'plug', 'worker', 'cli'}, 'process': {'conf', 'plug'},
         'proto': {'conf', 'plug'}}
# The floors inside a folder, lowest first. A room is a subfolder, or the group that a file and its parts
# (NAME.c, NAME_x.c) are called; or several of these, with spaces between them. Rooms on one floor do
# not include each other.
ROOMS = {
    'plugins/http': [['options'], ['message'], ['route', 'log'], ['exchange'], ['h1'], ['h2'],
                     ['schema', 'connection'], ['http']],
    'plugins/http/message': [['util'], ['text'], ['request', 'rows', 'status', 'verdict'], ['uri'],
                             ['semantics'], ['coding']],
    'plugins/http/route': [['match'], ['reply'], ['counts', 'handlers'], ['routes']],
    'plugins/http/h1': [['format'], ['prepared'], ['local', 'state'], ['output'], ['link'], ['body'],
                        ['quick'], ['request'], ['connection'], ['h1', 'wire']],
    'src/net': [['address', 'tally', 'bytes'], ['conn'], ['proxy', 'tls'], ['accept', 'connect']],
    'src/conf': [['yaml', 'snapshot'], ['schema'], ['config'], ['setting']],
    'src/ctl': [['record', 'json'], ['control', 'metrics'], ['stats', 'status', 'overview'], ['client']],
    'src/plug': [['loader'], ['instance plug_metric tables'], ['host'], ['strict'],
                 ['plugins']],
    'plugins/websocket': [['message'], ['options'],
                          ['conn compress incoming keepalive limit metrics send'],
                          ['rooms'], ['api by_id parts receive strict'], ['websocket']],
    'plugins/download': [['options', 'bytes'], ['root', 'types', 'throttle'], ['file'],
                         ['cache', 'sending'],
                         ['download find listing refusal reply']],
    'plugins/basic_auth': [['credentials', 'users'], ['verified'], ['basic_auth']],
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
    """The errors in one layer of src/."""
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
    """A plugin sees the public headers and its own files."""
    for path in sources(folder):
        for number, quoted, name in includes(path):
            own = name.split('/')[0] == folder.name
            if quoted and not (own and (folder.parent / name).is_file()):
                yield f'{path}:{number}: "{name}" is not a file of this plugin; it may include ' \
                      f'<goevd/...> and "{folder.name}/file.h"'


def check_public(folder):
    """The public headers are leaves: the C library's headers, and each other."""
    for path in sources(folder):
        for number, quoted, name in includes(path):
            if quoted or (name.startswith('goevd/') and not (folder.parent / name).is_file()):
                yield f'{path}:{number}: a public header includes "{name}"'


def room_of(name, rooms):
    """The room that a path beneath its folder belongs to, or None."""
    first, inside = name.split('/')[0], '/' in name
    stem = first if inside else first.rsplit('.', 1)[0]
    fits = [(len(part), room) for room in rooms for part in room.split()
            if stem == part or (not inside and stem.startswith(part + '_'))]
    return max(fits)[1] if fits else None


def check_rooms(root, folder, floors):
    """The errors between the rooms of one folder."""
    floor_of = {room: floor for floor, rooms in enumerate(floors) for room in rooms}
    prefix = folder.split('/', 1)[1] + '/'
    for path in sources(root / folder):
        room = room_of(str(path.relative_to(root / folder)), floor_of)
        if room is None:
            yield f'{path}: lies in no room that ROOMS names'
            continue
        for number, quoted, name in includes(path):
            if not quoted or not name.startswith(prefix):
                continue
            other = room_of(name[len(prefix):], floor_of)
            if other is None:
                yield f'{path}:{number}: "{name}" lies in no room that ROOMS names'
            elif other != room and floor_of[other] >= floor_of[room]:
                yield f'{path}:{number}: {room} includes "{name}", which is not on a lower floor'


def check_never(root):
    """Parts that a part must not reach."""
    edges = graph(root)
    for part, others in NEVER.items():
        for start in sources(root / 'src' / part):
            todo, seen = [(start, [start])], {start}
            while todo:
                node, way = todo.pop()
                for target in edges.get(node, []):
                    if target in seen:
                        continue
                    seen.add(target)
                    where = target.relative_to(root)
                    if where.parts[0] == 'src' and where.parts[1] in others:
                        yield f'{start}: reaches {where} by ' + \
                            ' -> '.join(str(p.relative_to(root)) for p in way[1:] + [target])
                    else:
                        todo.append((target, way + [target]))


def check_own_header(root):
    """A file includes its own header first, or that of its family."""
    for path in [*sources(root / 'src'), *sources(root / 'plugins')]:
        if path.suffix != '.c':
            continue
        base = root / path.relative_to(root).parts[0]
        stem = str(path.relative_to(base))[:-2]
        wanted = [f'{stem}{end}.h' for end in ('_parts', '')]
        wanted = [w for w in wanted if (base / w).is_file()]
        first = next((name for _, quoted, name in includes(path)), None)
        if wanted and first not in wanted:
            yield f'{path}: includes {first} first, instead of "{wanted[-1]}"'


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


def files_graph(root):
    """As graph(), where a file and its header are one."""
    found = {}
    for path, targets in graph(root).items():
        node = path.with_suffix('')
        found.setdefault(node, set()).update(
            t.with_suffix('') for t in targets if t.with_suffix('') != node)
    return found


def circles(edges):
    """The sets of nodes that reach each other."""
    number, low, stack, on_stack = {}, {}, [], set()

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        on_stack.add(node)
        for target in sorted(edges.get(node, ())):
            if target not in number:
                yield from visit(target)
                low[node] = min(low[node], low[target])
            elif target in on_stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            circle = []
            while not circle or circle[-1] != node:
                circle.append(stack.pop())
                on_stack.discard(circle[-1])
            if len(circle) > 1:
                yield sorted(circle)

    for node in sorted(edges):
        if node not in number:
            yield from visit(node)


def is_family(circle):
    """Whether a header of theirs begins with a map that names all others."""
    for node in circle:
        header = node.with_suffix('.h')
        if not header.is_file():
            continue
        first = header.read_text().split('*/', 1)[0]
        named = set(re.findall(r'^ \*   (\w+)\.[ch]\b', first, re.M))
        family = {node.name, node.name.removesuffix('_parts'), node.name + '_parts'}
        if all(p.parent == node.parent and p.name in named | family for p in circle):
            return True
    return False


def check_circles(root):
    """Circles of files, but inside a family whose header has a map of it."""
    for circle in circles(files_graph(root)):
        if not is_family(circle):
            yield 'a circle: ' + ', '.join(str(p.relative_to(root)) for p in circle)


def main(root):
    """Print TAP; 1 if a check failed."""
    checks = [(f'layer {layer}', check_layer(root / 'src', layer)) for layer in BELOW]
    checks += [('a folder of src that is no layer', (
        f'{p}: not a layer' for p in sorted((root / 'src').iterdir())
        if p.is_dir() and p.name not in BELOW))]
    checks += [(f'rooms of {folder}', check_rooms(root, folder, floors))
               for folder, floors in ROOMS.items()]
    checks += [('what a part must not reach', check_never(root))]
    checks += [(f'plugin {p.name}', check_plugin(p))
               for p in sorted((root / 'plugins').iterdir()) if p.is_dir()]
    checks += [('public headers', check_public(root / 'include' / 'goevd')),
               ('own header first', check_own_header(root)),
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
