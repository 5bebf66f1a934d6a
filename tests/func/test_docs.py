"""The manual: it renders, and agrees with the program."""
import re
import subprocess

import pytest

from daemon import ROOT
from snippets import snippets

pytestmark = pytest.mark.heavy

PAGES = sorted(path.stem for path in (ROOT / 'man').glob('*.scd'))

# Where the keys beneath a heading of a page belong. OPTIONS belongs to the plugin of its page.
HEADINGS = {
    ('goevd.yaml.5', 'TOP LEVEL'): 'goevd:',
    ('goevd.yaml.5', 'LOG'): 'goevd:log.',
    ('goevd.yaml.5', 'CONTROL'): 'goevd:control.',
    ('goevd.yaml.5', 'WORK POOL'): 'goevd:work_pool.',
    ('goevd.yaml.5', 'CONNECTORS'): 'goevd:connectors.',
    ('goevd.yaml.5', 'HANG'): 'goevd:hang.',
    ('goevd.yaml.5', 'PROCESSES'): 'goevd:processes.',
    ('goevd.yaml.5', 'REACTORS'): 'goevd:reactors.',
    ('goevd.yaml.5', 'LISTENERS'): 'goevd:listeners.',
    ('goevd.yaml.5', 'TLS'): 'goevd:listeners.tls.',
    ('goevd-http.7', 'HOSTS'): 'http:hosts.',
    ('goevd-http.7', 'ROUTES'): 'http:routes.',
    ('goevd-http.7', 'GZIP'): 'http:gzip.',
    ('goevd-http.7', 'HEADERS'): 'http:headers.',
}
WITHOUT_OPTIONS = ['echo']      # described in goevd.yaml(5)

# Keys that stand in several places, and where the others are.
AGAIN = {'http:routes.': ['http:hosts.routes.'],
         'http:gzip.': ['http:hosts.gzip.', 'http:routes.gzip.', 'http:hosts.routes.gzip.'],
         'http:headers.': ['http:hosts.headers.', 'http:routes.headers.',
                           'http:hosts.routes.headers.']}


def source(page):
    """A manual page as it is written."""
    return (ROOT / 'man' / f'{page}.scd').read_text()


def prose(page):
    """It without its literal blocks and escapes."""
    text = re.sub(r'^```\n.*?^```\n', '', source(page), flags=re.M | re.S)
    return re.sub(r'\\(.)', r'\1', text)


@pytest.mark.parametrize('page', PAGES)
def test_page_renders_without_a_warning(page, tmp_path):
    made = subprocess.run(['scdoc'], input=source(page), text=True, capture_output=True, check=False)
    assert (made.returncode, made.stderr) == (0, '')
    path = tmp_path / page
    path.write_text(made.stdout)
    for argv in (['groff', '-man', '-ww', '-Tutf8', '-t', str(path)],
                 ['man', '--warnings=w', '-l', str(path)]):
        done = subprocess.run(argv, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, ''), argv
        assert 'SEE ALSO' in re.sub('.\b|\x1b[^m]*m', '', done.stdout)


@pytest.mark.parametrize('page', PAGES)
def test_page_has_its_name_and_sections(page):
    name, section = page.rsplit('.', 1)
    lines = source(page).split('\n')
    assert lines[0] == f'{name}({section})'
    assert lines[lines.index('# NAME') + 2].startswith(f'{name} - ')
    headings = [line[2:] for line in lines if line.startswith('# ')]
    kind = 'options' if section == '7' and page not in PAGE_OF.values() else section
    wanted = {'8': ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'EXAMPLES', 'OPTIONS', 'SIGNALS',
                    'EXIT STATUS', 'ENVIRONMENT', 'FILES', 'SEE ALSO'],
              '5': ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'EXAMPLES', 'FILES', 'SEE ALSO'],
              '7': ['NAME', 'DESCRIPTION', 'FILES', 'EXAMPLES', 'SEE ALSO'],
              'options': ['NAME', 'DESCRIPTION', 'EXAMPLES', 'OPTIONS', 'SEE ALSO']}[kind]
    assert [h for h in headings if h in wanted] == wanted


def test_every_page_is_built():
    built = re.findall(r"'(goevd[a-z.-]*\.\d)'", (ROOT / 'man/meson.build').read_text())
    assert sorted(built) == PAGES != []


def test_pages_refer_to_pages_that_are_there():
    for text in [*map(source, PAGES), (ROOT / 'README.md').read_text()]:
        for name, section in re.findall(r'\b(goevd[a-z.-]*)\((\d)\)', text):
            assert f'{name}.{section}' in PAGES


# ---- Keys ---------------------------------------------------------------------------------------

def described(name, text):
    """'goevd:listeners.mode' -> type, range and default in the output of --describe."""
    found, stack, help_follows, same = {}, [], False, []
    for line in text.split('\n'):
        if help_follows:
            help_follows = False
            assert re.match(r' +\S', line), f'no help after {stack}'
            continue
        m = re.match(r' +as under ([a-z0-9_.]+)$', line)
        if m:
            same.append((f'{name}:{".".join(stack)}.', f'{name}:{m[1]}.'))
        m = re.match(r'( {2,})([a-z0-9_]+): (.*)$', line)
        if not m:
            continue
        depth = (len(m[1]) - 2) // 4
        stack[depth:] = [m[2]]
        found[f'{name}:{".".join(stack)}'] = re.sub(r' such as [\w/]+( or [\w/]+)?', '', m[3])
        help_follows = True
    assert name != 'http' or ('http:hosts.routes.', 'http:routes.') in same
    for here, there in sorted(same, reverse=True):
        found |= {here + key[len(there):]: said for key, said in found.items()
                  if key.startswith(there)}
    return found


def documented():
    """The same of the manual; every key has a sentence beneath."""
    found = {}
    for page in PAGES:
        found |= documented_on(page)
    return found


def documented_on(page):
    """The same of one page."""
    found, prefix = {}, None
    lines = prose(page).split('\n')
    for i, line in enumerate(lines):
        heading = re.match(r'##? (.*)', line)
        if heading:
            prefix = HEADINGS.get((page, heading[1]))
            if heading[1] == 'OPTIONS' and page.endswith('.7'):
                prefix = page.removeprefix('goevd-').removesuffix('.7').replace('-', '_') + ':'
            continue
        m = re.match(r'\*([a-z0-9_.]+)\*: (.*)$', line)
        if m and prefix:
            assert m[1] and prefix + m[1] not in found
            assert re.match(r'\t\S', lines[i + 1]), f'nothing is said about {m[1]}'
            found[prefix + m[1]] = m[2]
            for other in AGAIN.get(prefix, []):
                found[other + m[1]] = m[2]
    return found


def test_every_key_is_documented_and_no_other(goevd_run):
    keys = {}
    for name in ('goevd', 'http', 'echo', 'push', 'relay', 'download',
                 'websocket', 'basic_auth', 'certificate_auth', 'cors', 'health', 'metrics'):
        done = goevd_run('--describe', name)
        assert done.returncode == 0
        keys |= described(name, done.stdout)
    assert len(keys) > 60
    assert documented() == keys


def test_every_kind_of_value_is_explained():
    section = prose('goevd.yaml.5').split('# VALUES\n')[1].split('\n# ')[0]
    explained = set(re.findall(r'^\*([a-z ]+)\*$', section, re.M))
    kinds = set()
    for said in documented().values():
        kind = re.sub(r'^list of: ', '', said).split(',')[0]
        kinds.add(re.sub(r'^(one of|a map|a plugin|list)\b.*', r'\1', kind).replace('list', 'a list'))
    assert kinds | {'a list'} == explained


def test_every_plugin_is_in_the_readme_and_the_manual(goevd_run):
    done = goevd_run('--list-plugins')
    names = re.findall(r'^(\S+) ', done.stdout, re.M)
    table = re.findall(r'^\| `(\w+)` \|', (ROOT / 'README.md').read_text(), re.M)
    assert sorted(table) == sorted(names) != []
    others = source('goevd.yaml.5').split('# PLUGINS\n')[1].split('\n# ')[0]
    for name in names:
        assert f'*{name}*' in others
        assert name in WITHOUT_OPTIONS or f'goevd-{name.replace("_", "-")}(7)' in others
    said = source('goevd.8').split('come with goevd: ')[1].split('goevd.yaml(5)')[0]
    assert sorted(set(re.findall(r'\*(\w+)\*', said))) == sorted(names)


def test_every_example_is_in_the_manual():
    said = ''.join(source(page).split('# EXAMPLES')[1]
                   for page in ('goevd-plugin.7', 'goevd-http-handler.7', 'goevd-websocket-app.7'))
    folders = [path.name for path in (ROOT / 'examples').iterdir() if path.is_dir()]
    assert folders
    for name in folders:
        assert f'_{name}_' in said, name


# ---- The command line ---------------------------------------------------------------------------

def flags(goevd_run):
    """(short, long, argument) of every flag in -h."""
    done = goevd_run('-h')
    assert done.returncode == 0
    return set(re.findall(r'^  (?:(-\w), |    )(--[a-z-]+)(?: ([A-Z]+))?  ', done.stdout, re.M))


def test_every_flag_is_documented_and_no_other(goevd_run):
    lines = re.findall(r'^(\*-.*)\n\t\S', source('goevd.8'), re.M)
    found = [re.fullmatch(r'(?:\*(-\w)\*, )?\*(--[a-z-]+)\*(?: _([A-Z]+)_)?', x) for x in lines]
    assert all(found), lines
    assert {tuple(x or '' for x in m.groups()) for m in found} == flags(goevd_run)


def test_flags_that_are_mentioned_are_there(goevd_run):
    known = flags(goevd_run)
    known = {short for short, _, _ in known} | {name for _, name, _ in known} | {'--args'}
    synopsis = prose('goevd.8').split('# SYNOPSIS')[1].split('# DESCRIPTION')[0]
    assert {f for flag in flags(goevd_run) for f in flag[:2]} & set(
        re.findall(r'-+[a-zA-Z-]+', synopsis)) == set(re.findall(r'-+[a-zA-Z-]+', synopsis))
    for page in ('goevd.8', 'goevd.yaml.5'):
        mentioned = set(re.findall(r'(?<![\w*-])\*?(-[A-Za-z]|--[a-z-]+)\b', prose(page)))
        assert mentioned <= known, mentioned - known
    assert re.findall(r'^\*goevd\*', synopsis, re.M)


def test_exit_statuses_are_documented_and_no_others():
    numbers = re.findall(r'EXIT_\w+ = (\d+)', (ROOT / 'src/process/exit.h').read_text())
    section = source('goevd.8').split('# EXIT STATUS')[1].split('\n# ')[0]
    assert re.findall(r'^\*(\d+)\*$', section, re.M) == numbers != []


def test_signals_are_documented_and_no_others():
    text = (ROOT / 'src/process/signals.c').read_text()
    handled = set(re.findall(r'sigaddset\(&mask, (SIG\w+)\)', text)) - {'SIGCHLD'}
    section = source('goevd.8').split('# SIGNALS')[1].split('\n# ')[0]
    heads = ' '.join(re.findall(r'^\*SIG.*$', section, re.M))
    assert set(re.findall(r'SIG\w+', heads)) == handled != set()


def test_environment_is_documented_and_no_other():
    read = set()
    for path in (ROOT / 'src').rglob('*.c'):
        read |= set(re.findall(r'(?:getenv|notify_number)\("(\w+)"\)', path.read_text()))
    section = source('goevd.8').split('# ENVIRONMENT')[1].split('\n# ')[0]
    assert set(re.findall(r'\*([A-Z_]+)\*', section)) == read != set()


# ---- The plugin interface -----------------------------------------------------------------------

HEADERS = {path.stem: path.read_text() for path in (ROOT / 'include/goevd').glob('*.h')}
OF_PLUGINS = ('http', 'websocket')      # the others are goevd's own
PAGE_OF = {'plugin': 'goevd-plugin.7', 'http': 'goevd-http-handler.7',
           'websocket': 'goevd-websocket-app.7'}


def headers(name):
    """The text of a header; of `plugin`, the core and all optional ones."""
    own = [stem for stem in sorted(HEADERS) if stem not in OF_PLUGINS]
    return ''.join(HEADERS[stem] for stem in (own if name == 'plugin' else [name]))


@pytest.mark.parametrize('name', ['plugin', *OF_PLUGINS])
def test_plugin_functions_are_documented_and_no_others(name):
    header = headers(name)
    page = source(PAGE_OF[name])
    functions = set(re.findall(r'^(goevd_\w+)\(', header, re.M))
    section = page.split('# FUNCTIONS')[1].split('\n# ')[0]
    assert set(re.findall(r'^\*(goevd_\w+)\*\(\)|, \*(goevd_\w+)\*\(\)', section, re.M)) != set()
    assert set(re.findall(r'\*(goevd_\w+)\*\(\)', section)) == functions != set()
    known = header + headers('plugin')
    used = set(re.findall(r'\b(?:goevd|GOEVD)_\w+', re.sub(r'\\(.)', r'\1', page)))
    assert all(re.search(rf'\b{word}\b', known) for word in used), used


def prototypes(header):
    """The functions of a header, each on one line."""
    found = re.findall(r'^static inline ([^\n;{}]*)\n(goevd_\w+\((?:[^(){}]|\([^()]*\))*\))\s*\{',
                       (ROOT / 'include' / header).read_text(), re.M)
    return [re.sub(r'\s+', ' ', f'{returns} {rest};').replace('* goevd', '*goevd')
            for returns, rest in found]


@pytest.mark.parametrize('name', sorted(HEADERS))
def test_the_manual_has_the_prototypes_of_the_header(name):
    header = f'goevd/{name}.h'
    wanted = prototypes(header)
    shown = [s for page in PAGE_OF.values() for s in snippets(f'man/{page}.scd')
             if s.kind == 'prototypes' and s.names == [header]]
    assert len(shown) == (1 if wanted else 0), f'no block of prototypes of {header}'
    for block in shown:
        lines = re.sub(r'\n +', ' ', block.text).strip().split('\n')
        assert lines == wanted, block.where


def threads(name):
    """The functions of a header, and the thread that the comment of each names."""
    header = headers(name)
    found = re.findall(r'/\*((?:(?!\*/).)*)\*/\n(?:#define [^\n]*\n|GOEVD_PRINTF[^\n]*\n)*'
                       r'static inline [^(]*?\b(goevd_\w+)\(', header, re.S)
    return {function: re.findall(r'^ \* Thread +(\[\w+\])', comment, re.M) for comment, function in found}


@pytest.mark.parametrize('name', ['plugin', *OF_PLUGINS])
def test_every_function_says_its_thread(name):
    wrong = {function for function, tags in threads(name).items() if len(tags) != 1}
    assert not wrong


@pytest.mark.parametrize('name', sorted(HEADERS))
def test_every_function_says_what_it_returns(name):
    """Unless that is nothing."""
    for comment, words in re.findall(r'/\*((?:(?!\*/).)*)\*/\n(?:GOEVD_PRINTF[^\n]*\n)*'
                                     r'static inline ([^(]*?\bgoevd_\w+)\(', HEADERS[name], re.S):
        says = re.findall(r'^ \* Returns +\S', comment, re.M)
        assert len(says) == (not re.match(r'void\s+goevd', words)), words


def test_the_core_names_every_optional_header():
    named = set(re.findall(r'^ \*   goevd/(\w+)\.h ', HEADERS['plugin'], re.M))
    assert named == set(HEADERS) - {'plugin', 'options', 'stream', 'version'}


@pytest.mark.parametrize('name', ['plugin', *OF_PLUGINS])
def test_tags_begin_their_lines(name):
    """A formatter may have filled them up like text."""
    header = headers(name)
    assert not re.findall(r'^ \* .*\S (?:Thread|Returns|Source|Calls) +[\[0a-z].*', header, re.M)


def test_manual_names_the_threads_of_the_header():
    section = prose('goevd-plugin.7').split('# WHICH THREAD MAY CALL WHAT\n')[1].split('\n# ')[0]
    parts = re.findall(r'^\*(\[\w+\])\*\n((?:\t.*\n)+)', section, re.M)
    assert [tag for tag, _ in parts] == ['[main]', '[poller]', '[any]']
    said = {}
    for tag, text in parts:
        for function in re.findall(r'\*(goevd_\w+)\*\(\)', text):
            said.setdefault(function, []).append(tag)
    said['goevd_conn_call'].remove('[poller]')  # the exception from a family of names
    family = re.compile(r'goevd_(conn|timer|watch)_')
    for function, tags in threads('plugin').items():
        assert said.get(function, ['[poller]'] if family.match(function) else None) == tags, function
    assert not set(said) - set(threads('plugin'))


def callbacks_documented(name, struct):
    """goevd/NAME.h, and its page, which has all callbacks of the struct."""
    header = (ROOT / f'include/goevd/{name}.h').read_text()
    page = prose(PAGE_OF[name])
    handler = header.split(f'struct {struct} {{')[1].split('\n};')[0]
    callbacks = re.findall(r'\(\*(on_\w+)\)', handler)
    assert set(re.findall(r'^\*(on_\w+)\*$', page, re.M)) == set(callbacks) != set()
    return header, page


def test_websocket_callbacks_and_ends_are_documented():
    header, page = callbacks_documented('websocket', 'goevd_websocket_app')
    who = header.split('enum goevd_websocket_who {')[1].split('};')[0]
    for word in re.findall(r'\bGOEVD_WEBSOCKET_[A-Z]+\b', who):
        assert word in page, word


def test_http_callbacks_and_reasons_are_documented():
    header, page = callbacks_documented('http', 'goevd_http_handler')
    for word in set(re.findall(r'\bGOEVD_HTTP_REASON_[A-Z]+\b', header)):
        assert word in page or word == 'GOEVD_HTTP_REASON_COUNT', word


def test_plugin_callbacks_reasons_and_types_are_documented():
    header = headers('plugin')
    page = prose('goevd-plugin.7')
    stream = header.split('struct goevd_stream {')[1].split('\n};')[0]
    callbacks = re.findall(r'\(\*(on_\w+)\)', stream)
    assert re.findall(r'^\*(on_\w+)\*$', page, re.M) and callbacks
    assert set(re.findall(r'^\*(on_\w+)\*$', page, re.M)) == set(callbacks)
    for word in set(re.findall(r'\bGOEVD_(?:OPTION|REASON)_[A-Z]+\b', header)):
        if word not in ('GOEVD_OPTION_RUNTIME', 'GOEVD_REASON_COUNT'):
            assert word in page, word


# ---- The architecture ---------------------------------------------------------------------------

def capabilities():
    """(name, files, tests) of each row of the table."""
    text = (ROOT / 'docs/capabilities.md').read_text()
    rows = re.findall(r'^\| ([^|`]+) \| (`[^|]+) \| (`[^|]+) \|$', text, re.M)
    assert len(rows) == text.count('\n|') - 2, 'a row is not like the others'
    return [(name, *(re.findall(r'`([^`]+)`', cell) for cell in cells)) for name, *cells in rows]


def test_capabilities_are_where_they_are_said_to_be_and_tested():
    table = capabilities()
    assert len(table) >= 14
    for name, files, tests in table:
        assert files and tests, name
        for file in files:
            assert (ROOT / file).is_file(), f'{name}: {file}'
        for test in tests:
            file, function = test.split('::')
            start = 'def ' if file.endswith('.py') else ''
            assert re.search(rf'^{start}{function}\(', (ROOT / file).read_text(), re.M), test


def test_architecture_links_to_every_design_page_and_no_other():
    links = re.findall(r'\]\((design/[^)]+)\)', (ROOT / 'docs/ARCHITECTURE.md').read_text())
    assert set(links) == {f'design/{path.name}' for path in (ROOT / 'docs/design').iterdir()}


# ---- The README ---------------------------------------------------------------------------------

def test_readme_shows_the_minimal_configuration():
    text = (ROOT / 'conf/minimal.yaml').read_text()
    assert f'```yaml\n{text}```\n' in (ROOT / 'README.md').read_text()


def test_limits_that_the_page_about_security_names_are_there():
    table = (ROOT / 'SECURITY.md').read_text().split('## Limits')[1].split('## ')[0]
    named = set(re.findall(r'`([a-z_]+)`', table))
    assert named and named <= {key.split(':')[1].split('.')[-1] for key in documented()}


NAMING = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md', 'docs/ARCHITECTURE.md',
          *sorted(f'docs/design/{path.name}' for path in (ROOT / 'docs/design').iterdir())]


@pytest.mark.parametrize('name', NAMING)
def test_files_that_a_document_names_are_there(name):
    """From the root, from the document, or inside a plugin."""
    text = (ROOT / name).read_text()
    for path in re.findall(r'`((?:\w[\w.-]*/)+[\w.-]*)`', text):
        if not path.startswith('build/') and not path.endswith('_'):
            assert (ROOT / path).exists() or ((ROOT / name).parent / path).exists() \
                or any((ROOT / 'plugins').glob(f'*/{path}')), path


def test_commands_of_dev_that_the_readme_names_are_there():
    done = subprocess.run([ROOT / 'dev', 'help'], text=True, capture_output=True, check=True)
    known = set(re.findall(r'^  (\w+)', done.stdout, re.M))
    for name in ('README.md', 'CONTRIBUTING.md'):
        assert set(re.findall(r'\./dev (\w+)', (ROOT / name).read_text())) <= known
