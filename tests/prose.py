#!/usr/bin/env python3
"""prose.py ROOT [PATH…] - counts words that make a sentence hard to read, and long sentences.

Looks at comments, strings of C, manual pages and documents. Without PATH it prints one table, the
worst files and the longest sentences. With files or folders it prints each place in them. The exit
status is 1 if the counts over all files are above a limit. With --tap it prints TAP, and each area
has to keep the limits.
"""
import argparse
import io
import pathlib
import re
import sys
import tokenize

# What is counted, and how many are allowed in 1000 words.
LIMITS = {
    'what': (r'what', 2),
    'who': (r'who|whoever|whom', 0.3),
    'nobody': (r'nobody|somebody', 0.3),
    'say': (r'tells?|telling|told|says?|saying|said|hears?|hearing|heard', 1),
}
LONG = 35           # words of a sentence
LONG_PERCENT = 3    # sentences that may be longer
WORST = 20          # lines of each list

AREAS = ('include', 'src', 'plugins', 'examples', 'templates', 'bench', 'tests', 'man', 'docs')
SKIPPED = {'LICENSE', 'tests/fuzz/corpus', 'tests/prose.py', 'tests/abi'}
TEXTS = {'.c': 'c', '.h': 'c', '.cpp': 'c', '.cc': 'c', '.js': 'c', '.java': 'c', '.py': 'python',
         '.md': 'markdown', '.scd': 'manual', '.html': 'html', '.yaml': 'hash', '.build': 'hash',
         '.in': 'hash', '.service': 'hash', '.socket': 'hash', '.sh': 'hash'}

C = re.compile(r'/\*(?P<block>.*?)\*/|//(?P<line>[^\n]*(?:\n[ \t]*//[^\n]*)*)'
               r'|(?P<text>"(?:\\.|[^"\\\n])*"(?:\s*(?:PRI\w+\s*)?"(?:\\.|[^"\\\n])*")*)'
               r"|'(?:\\.|[^'\\\n])*'", re.S)
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
NOT_A_WORD = re.compile(r'`[^`]*`|"[^"\n]{1,40}"|\S*[_/<>=\\@%]\S*|\S*\w\.\w\S*|\S*\(\)?\S*')
# A sentence ends here: at a full stop, and where an item, a row, a tag or a paragraph begins.
END = re.compile(r'(?<=[.?!])[)"\'*_`]*\s|\n\s*\n|\s\|\s'
                 r'|\n\s*(?=[-*+|]\s|\d+\. |\||\S[^\n]*\S {2,}\S)')
MARKUP = re.compile(r'<[/!]?\w|[{};]\s*(?:\\n|$)')     # a string of HTML, CSS or a program


# ---- What is prose in a file: (line, text) of each piece -----------------------------------------

def of_c(text):
    """Comments, and strings that have a blank."""
    for m in C.finditer(text):
        line = text.count('\n', 0, m.start()) + 1
        if m['block'] is not None:
            yield line, re.sub(r'^[ \t]*\*+[ ]?', '', m['block'], flags=re.M)
        elif m['line'] is not None:
            yield line, re.sub(r'^[ \t]*//', '', m['line'], flags=re.M)
        elif m['text'] and ' ' in m['text'] and not MARKUP.search(m['text']):
            yield line, re.sub(r'"\s*(?:PRI\w+\s*)?"', lambda x: '\n' * x[0].count('\n'),
                               m['text'])[1:-1].replace(r'\n', ' | ')


def of_python(text):
    """Comments and docstrings."""
    before, comment = None, []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if comment and comment[-1][0] != token.start[0] - 1:
                yield comment[0][0], '\n'.join(words for _, words in comment)
                comment = []
            comment.append((token.start[0], token.string.lstrip('#!')))
        elif token.type == tokenize.STRING and before in (None, tokenize.INDENT, tokenize.NEWLINE):
            yield token.start[0], token.string.strip('"\'')
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    if comment:
        yield comment[0][0], '\n'.join(words for _, words in comment)


def of_hash(text):
    """Comments after #."""
    for m in re.finditer(r'(?:^|(?<=\s))#(?!!)(.*(?:\n[ \t]*#.*)*)', text, re.M):
        yield text.count('\n', 0, m.start()) + 1, re.sub(r'^[ \t]*#', '', m[1], flags=re.M)


def blank(m):
    """As many lines without text."""
    return '\n' * m[0].count('\n')


def of_markdown(text):
    """All but literal blocks, and the table of examples in CONTRIBUTING."""
    text = re.sub(r'^```.*?^```$', blank, text, flags=re.M | re.S)
    text = re.sub(r'^\| instead of \|.*?\n\n', blank, text, flags=re.M | re.S)
    yield 1, re.sub(r'\]\([^)]*\)', ']', text)


def of_manual(text):
    """All but literal blocks and the types of options."""
    text = re.sub(r'^```$.*?^```$', blank, text, flags=re.M | re.S)
    text = re.sub(r'^(\*[a-z0-9_.]+\*): .*$', '', text, flags=re.M)
    text = re.sub(r'^#.*$|^; .*$', '', text, flags=re.M)
    text = re.sub(r'^(?=[^\t\n].*\n\t)(.*)$', r'\1 |', text, flags=re.M).replace('++\n', ' |\n')
    yield 1, re.sub(r'\\(.)', r'\1', text).replace('*', '').replace('\n\t', '\n')


def of_html(text):
    """The text of a page."""
    yield 1, re.sub(r'<(script|style).*?</\1>|<[^>]*>', blank, text, flags=re.S)


READERS = {'c': of_c, 'python': of_python, 'hash': of_hash, 'markdown': of_markdown,
           'manual': of_manual, 'html': of_html}


# ---- Counts -------------------------------------------------------------------------------------

class Count:
    """What was counted in a file or a tree."""

    def __init__(self):
        self.words = self.sentences = 0
        self.places = {rule: [] for rule in (*LIMITS, 'long')}    # (path, line, text)

    def add(self, other):
        """Count that as well."""
        self.words += other.words
        self.sentences += other.sentences
        for rule, places in other.places.items():
            self.places[rule] += places

    def rate(self, rule):
        """Of 1000 words, or of 100 sentences."""
        if rule == 'long':
            return 100 * len(self.places[rule]) / max(1, self.sentences)
        return 1000 * len(self.places[rule]) / max(1, self.words)

    def too_many(self, rule):
        """Whether a limit is broken."""
        return self.rate(rule) > (LONG_PERCENT if rule == 'long' else LIMITS[rule][1])


def count_piece(count, path, line, text):
    """Words and sentences of one piece of prose."""
    text = NOT_A_WORD.sub(' x ', text.replace('\t', ' '))
    start = 0
    for end in [*(m.start() for m in END.finditer(text)), len(text)]:
        sentence = text[start:end]
        words = WORD.findall(sentence)
        at = line + text.count('\n', 0, start + len(sentence) - len(sentence.lstrip()))
        start = end
        count.words += len(words)
        count.sentences += len(words) > 2
        if len(words) > LONG:
            count.places['long'].append((path, at, f'{len(words)} words: ' + ' '.join(words[:9])))
    for rule, (pattern, _) in LIMITS.items():
        for m in re.finditer(rf"(?<![\w'-])(?:{pattern})(?![\w-])", text, re.I):
            begin, end = text.rfind('\n', 0, m.start()) + 1, (text + '\n').index('\n', m.end())
            count.places[rule].append((path, line + text.count('\n', 0, m.start()),
                                       text[begin:end].strip()))


def kind_of(path):
    """How a file is read; None: not at all."""
    if path.suffix in TEXTS:
        return TEXTS[path.suffix]
    if path.suffix or not path.is_file():
        return None
    first = path.read_bytes()[:40]
    return 'python' if b'python' in first else 'hash' if first.startswith(b'#!') else None


def count_tree(root, folder):
    """path -> count of each file beneath a folder, or of one file."""
    found = {}
    for path in sorted(folder.rglob('*')) if folder.is_dir() else [folder]:
        name = str(path.relative_to(root))
        if name.startswith(('.git/', 'build')) or any(name.startswith(s) for s in SKIPPED):
            continue
        kind = kind_of(path)
        if kind:
            count = found[name] = Count()
            for line, text in READERS[kind](path.read_text()):
                count_piece(count, name, line, text)
    return found


# ---- Output -------------------------------------------------------------------------------------

def row(name, count):
    """A line of the table."""
    rates = ''.join(f'{count.rate(rule):>8.2f}{"!" if count.too_many(rule) else " "}'
                    for rule in count.places)
    return f'{name:<12}{count.words:>8}{count.sentences:>10}{rates}'


def by_area(counts):
    """The count of each area that has files."""
    areas = {name: Count() for name in (*AREAS, 'other')}
    for name, count in counts.items():
        top = name.split('/')[0]
        areas[top if top in AREAS else 'other'].add(count)
    return {name: count for name, count in areas.items() if count.words}


def table(counts):
    """Areas, and all together."""
    whole = Count()
    print(f'{"":<12}{"words":>8}{"sentences":>10}' + ''.join(f'{r:>8} ' for r in whole.places))
    for name, count in by_area(counts).items():
        print(row(name, count))
        whole.add(count)
    print(row('all', whole))
    print(f'{"limit":<30}' + ''.join(f'{n:>8.2f} ' for _, n in LIMITS.values()) +
          f'{LONG_PERCENT:>8.2f}   (of 1000 words; long: of 100 sentences)')
    return whole


def tap(counts):
    """One test for each area; returns whether one fails."""
    areas = by_area(counts)
    print(f'1..{len(areas)}')
    for i, (name, count) in enumerate(areas.items(), 1):
        broken = [rule for rule in count.places if count.too_many(rule)]
        print(f'{"not ok" if broken else "ok"} {i} - prose of {name}')
        for rule in broken:
            print(f'# {rule}: {count.rate(rule):.2f}, for example')
            for path, line, text in count.places[rule][:WORST]:
                print(f'#   {path}:{line}: {text}')
    return any(count.too_many(rule) for count in areas.values() for rule in count.places)


def worst(counts, whole):
    """Where work is worth most."""
    weights = {name: sum(len(places) for places in count.places.values())
               for name, count in counts.items()}
    print('\nfiles with the most places:')
    for name in sorted(weights, key=weights.get, reverse=True)[:WORST]:
        each = ' '.join(f'{rule} {len(places)}' for rule, places in counts[name].places.items())
        print(f'{weights[name]:>5}  {name}: {each}')
    print('\nlongest sentences:')
    longest = sorted(whole.places['long'], key=lambda p: -int(p[2].split()[0]))
    for path, line, text in longest[:WORST]:
        print(f'{path}:{line}: {text} …')


def each(counts):
    """Every place, in the order of the files."""
    for count in counts.values():
        places = [(line, rule, text) for rule, ps in count.places.items() for _, line, text in ps]
        for line, rule, text in sorted(places):
            print(f'{next(p for ps in count.places.values() for p, _, _ in ps)}:{line}: '
                  f'{rule}: {text}')


def main():
    """1 if a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--tap', action='store_true')
    parser.add_argument('root', type=pathlib.Path)
    parser.add_argument('paths', type=pathlib.Path, nargs='*')
    args = parser.parse_args()
    root = args.root.resolve()
    counts = {}
    for path in args.paths or [root]:
        counts |= count_tree(root, path.resolve())
    if args.tap:
        return 1 if tap(counts) else 0
    if args.paths:
        each(counts)
        print()
    whole = table(counts)
    if not args.paths:
        worst(counts, whole)
    return 1 if any(map(whole.too_many, whole.places)) else 0


if __name__ == '__main__':
    sys.exit(main())
