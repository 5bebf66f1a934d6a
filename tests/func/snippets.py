"""The snippets of documents.

A snippet is a literal block with a word before it for its kind: after the backquotes in
Markdown, on a line `; word` above them in a manual page.

    console     commands after `$ `, and what they print. `$ cat FILE` of a file that is not there
                writes it. `$ goevd … &` starts a daemon, on ports that the kernel chooses.
    yaml        a whole configuration: goevd -t accepts it
    c FILE      appended to FILE
    session X   typed to a daemon that serves: a test of its own has it
    debug       commands for a plugin with a fault in it: test_docs_debugging.py has them
    sh          lines for a shell in the source tree: tests/fresh types them
    prototypes H  the functions of the header H: test_docs.py compares them
    text        not looked at
"""
import re

from daemon import ROOT

KINDS = {'console', 'yaml', 'c', 'session', 'debug', 'sh', 'prototypes', 'text'}

# Parts that differ from one run or machine to the next.
VARYING = [
    (r'^Date: .*', 'Date: …'),
    (r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ', 'TIME '),
    (r'\d+ pollers?( on CPUs? [\d, -]+|, not pinned)$', 'N pollers'),
    (r', \d+ sockets?, ', ', N sockets, '),
    (r'^file: /.*/', 'file: /…/'),
    (r'goevd [\d.]+ is serving (.*) \(pid \d+\)$', r'goevd VERSION is serving \1 (pid N)'),
]


class Snippet:
    """A literal block of a document."""

    def __init__(self, path, line, words, text):
        self.where = f'{path}:{line}'
        self.kind, *self.names = words
        self.text = text


def snippets(path):
    """All of a document, in order."""
    text = (ROOT / path).read_text()
    manual = path.endswith('.scd')
    start = r'^(?:; (?P<above>.*)\n)?```\n' if manual else r'^```(?P<behind>.*)\n'
    found = []
    for m in re.finditer(start + r'(?P<text>(?:.*\n)*?)```\n', text, re.M):
        label = m['above'] if manual else m['behind']
        line = text.count('\n', 0, m.start()) + 1
        assert label and label.split()[0] in KINDS, f'{path}:{line}: what is this snippet?'
        body = re.sub(r'\\(.)', r'\1', m['text']) if manual else m['text']
        found.append(Snippet(path, line, label.split(), body))
    assert text.count('\n```') == 2 * len(found)
    return found


def normal(text):
    """Text without the parts that may differ."""
    lines = text.replace('\r', '').rstrip().split('\n')
    for pattern, words in VARYING:
        lines = [re.sub(pattern, words, line) for line in lines]
    return [line.rstrip() for line in lines]
