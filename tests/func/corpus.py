"""The raw requests of tests/http; its README.md describes their format."""
import re
from typing import NamedTuple

from daemon import ROOT

SINGLE = {'r': b'\r', 'n': b'\n', 't': b'\t', '\\': b'\\'}
ESCAPE = re.compile(r'\\(?:([rnt\\])|x([0-9a-f]{2})|\{(\d+) )')

ROUTES = [
    {'path': '/', 'respond': {'body': 'Hello, World!'}},
    {'path': '/plaintext', 'respond': {'body': 'Hello, World!'}},
    {'path': '/sub/*', 'respond': {'body': 'Hello, World!'}},
    {'path': '/empty', 'respond': {'status': 204}},
    {'path': '/same', 'respond': {'status': 304}},
    {'path': '/old', 'redirect': {'to': '/'}},
    {'path': '/form', 'methods': ['POST'], 'respond': {'body': 'Hello, World!'}},
]


class Case(NamedTuple):
    """One of them."""

    area: str
    name: str
    section: str
    verdict: str
    data: bytes


def expand(text, stop=''):
    """The bytes that text stands for, and its rest: from `stop`, or a last backslash."""
    out = b''
    while text and text != '\\' and not (stop and text[0] == stop):
        found = ESCAPE.match(text)
        if found is None:
            out += text[0].encode()
            text = text[1:]
            continue
        text = text[found.end():]
        single, code, times = found.groups()
        if times is None:
            out += SINGLE[single] if single else bytes([int(code, 16)])
        else:
            once, text = expand(text, '}')
            out += once * int(times)
            text = text[1:]
    return out, text


def parse(area, text):
    """The cases of one file."""
    cases = []
    for line in text.splitlines():
        if line.startswith('== '):
            name, section, verdict = line[3:].split(' | ')
            cases.append(Case(area, name, section, verdict, b''))
        elif not line.startswith('#'):
            data, left = expand(line)
            cases[-1] = cases[-1]._replace(data=cases[-1].data + data + (b'' if left else b'\r\n'))
    return cases


CASES = [case for path in sorted((ROOT / 'tests' / 'http').glob('*.txt'))
         for case in parse(path.stem, path.read_text('ascii'))]


def statuses(data):
    """The statuses of the replies in a server's output, and whether the last one is complete."""
    found = []
    while data.startswith(b'HTTP/1.1 ') and b'\r\n\r\n' in data:
        head, data = data.split(b'\r\n\r\n', 1)
        found.append(head[9:12].decode())
        length = re.search(rb'\r\nContent-Length: (\d+)', head)
        if length and data and not data.startswith(b'HTTP/1.1 '):   # none comes to HEAD
            data = data[int(length[1]):]
    return found, data == b''
