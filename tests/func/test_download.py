"""The plugin download: files beneath a directory, over HTTP."""
import datetime
import email.utils
import hashlib
import html
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import threading
import time

import pytest

import procfs
import daemon
from daemon import PATIENCE_S, SLOWNESS, config, eventually, listener
from wire import Reader, closed, request

BIG = b''.join(hashlib.sha256(i.to_bytes(4, 'big')).digest() for i in range(1 << 15))
TENS = b'0123456789' * 10
OLD = 1704153600   # Tue, 02 Jan 2024 00:00:00 GMT
FILES = {'tens.txt': TENS, 'big.bin': BIG, 'empty.txt': b'', 'index.html': b'root', 'sub/index.html': b'sub',
         'sub/.hidden': b'no', '.hidden': b'no', '.d/file': b'no', 'bare/file': b'', 'a b%.txt': b'odd',
         'ü\\n.txt': b'odd', 'new\nline': b'odd'}


@pytest.fixture
def root(tmp_path):
    """A directory to serve, beside one that is not to be."""
    path = tmp_path / 'root'
    for name, data in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
        os.utime(path / name, (OLD, OLD))
    (tmp_path / 'secret').write_bytes(b'secret')
    (tmp_path / 'outside').mkdir()
    (tmp_path / 'outside' / 'tens.txt').write_bytes(b'secret')
    return path


@pytest.fixture
def serve(goevd, root, tmp_path):
    """serve(options…) -> a Daemon with the files at /f/*."""
    def start(path='/f/*', front=None, pollers='1', wrap=(), more=None, http=None, **options):
        download = {'download': {'root': str(root), **options}}
        d = goevd(config(listener(handler={'http': {'routes': [
            {'path': path, 'handler': download}], **(http or {})}}, **(front or {})),
            reactors=[{'name': 'main', 'pollers': pollers}],
            control={'socket': str(tmp_path / f'control{len(started)}.sock')}, **(more or {})),
            wrap=wrap)
        started.append(d)
        return d

    started = []
    return start


def ask(d, path, method='GET', **headers):
    """Status, headers and body, on a connection that stays usable."""
    s = d.connect()
    reader = Reader(s)
    s.sendall(request('/f/' + path, method, **headers))
    found = reader.response(head=method == 'HEAD')
    s.sendall(request('/f/sub/index.html'))
    assert reader.response()[2] == b'sub'
    s.close()
    return found


# ---- Names --------------------------------------------------------------------------------------

@pytest.mark.parametrize('path, name', [
    ('tens.txt', 'tens.txt'), ('tens.txt?query', 'tens.txt'), ('sub/index.html', 'sub/index.html'),
    ('', 'index.html'), ('sub/', 'sub/index.html'), ('sub//../tens.txt', 'tens.txt'), ('a%20b%25.txt', 'a b%.txt'),
    ('%C3%BC%5Cn.txt', 'ü\\n.txt'), ('new%0Aline', 'new\nline'), ('sub%2Findex.html', 'sub/index.html'),
    ('empty.txt', 'empty.txt'), ('big.bin', 'big.bin')])
def test_names_are_decoded_once(serve, path, name):
    d = serve()
    assert ask(d, path)[0::2] == (200, FILES[name])
    status, headers, nothing = ask(d, path, 'HEAD')
    assert (status, headers['content-length'], nothing) == (200, str(len(FILES[name])), b'')


@pytest.mark.parametrize('path, status', [
    ('nothing', 404), ('tens.txt/', 404), ('tens.txt/x', 404), ('sub/nothing/', 404), ('a+b%25.txt', 404),
    ('.hidden', 404), ('sub/.hidden', 404), ('.d/file', 404), ('bare/', 403), ('x' * 256, 414),
    ('x/' * 2048, 414), ('fifo', 404), ('socket', 404), ('secret', 404), ('%2e%2e%2fsecret', 404),
    ('..%5csecret', 404), ('%252e%252e/secret', 404)])
def test_names_that_have_no_file(serve, root, path, status):
    os.mkfifo(root / 'fifo')
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.relpath(root / 'socket'))
    assert ask(serve(), path)[0] == status


@pytest.mark.usefixtures('open_to_all')
def test_files_that_cannot_be_read_are_refused(serve, root):
    """Root reads everything, so that its worker is another user then."""
    (root / 'tens.txt').chmod(0)
    d = serve(more={'user': 'nobody'} if os.geteuid() == 0 else None)
    assert ask(d, 'tens.txt')[0] == 403


def test_hidden_files_on_request(serve):
    d = serve(hidden=True)
    assert ask(d, '.d/file')[0::2] == (200, b'no') == ask(d, 'sub/.hidden')[0::2]


def test_directory_without_its_slash_is_redirected(serve, root):
    (root / '<"ü').mkdir()
    d = serve()
    status, headers, _ = ask(d, 'sub?a=%2F/..&b')
    assert (status, headers['location']) == (301, '/f/sub/?a=%2F/..&b')
    assert ask(d, '%3c%22%C3%BC')[1]['location'] == '/f/%3C%22%C3%BC/'
    (root / 'a;b,c').mkdir()
    assert ask(d, 'a%3bb,c')[1]['location'] == '/f/a%3Bb,c/'
    s = d.connect()
    s.sendall(request('//f/%2Fsub'))   # no other server is meant by it
    assert Reader(s).response()[1]['location'] == '/f/sub/'


def test_index_is_the_first_that_is_there(serve, root):
    (root / 'bare/second').write_bytes(b'2')
    d = serve(index=['first', 'second', 'file'])
    assert ask(d, 'bare/')[2] == b'2'
    (root / 'bare/first').mkdir()
    assert ask(d, 'bare/')[0] == 404
    assert ask(serve(index=[]), '')[0] == 403


def test_route_without_a_star_serves_the_index(serve):
    s = serve(path='/home').connect()
    s.sendall(request('/home'))
    assert Reader(s).response()[2] == b'root'


def test_name_that_is_not_there_is_left_to_the_next_handler(goevd, root, tmp_path):
    d = goevd(config(listener(handler={'http': {'routes': [{'path': '/f/*', 'handler': [
        {'download': {'root': str(tmp_path / 'outside')}}, {'download': {'root': str(root)}}]}]}})))
    assert ask(d, 'tens.txt')[2] == b'secret'
    assert ask(d, 'big.bin')[2] == BIG
    assert ask(d, 'nothing')[0] == 404


def test_fallback_is_sent_for_names_that_are_not_there(serve, root):
    d = serve(fallback='sub/index.html')
    page = (root / 'sub/index.html').read_bytes()
    for name in ('nothing', 'users/42', 'users/', 'tens.txt/more', '.hidden'):
        status, headers, body = ask(d, name)
        assert (status, body) == (200, page), name
        assert headers['content-type'] == 'text/html; charset=utf-8'
    assert ask(d, 'tens.txt')[2] == TENS
    assert ask(d, 'bare/')[0] == 403
    for fallback in ('not/there', 'sub'):
        assert ask(serve(fallback=fallback), 'nothing')[0] == 404


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
def test_other_methods_are_not_allowed(serve, root, method):
    status, headers, _ = ask(serve(), 'tens.txt', method, Content_Length='0')
    assert (status, headers['allow']) == (405, 'GET, HEAD')
    assert (root / 'tens.txt').read_bytes() == TENS


# ---- Beneath the root ---------------------------------------------------------------------------

@pytest.mark.parametrize('policy, inner', [('beneath', 200), ('none', 403)])
def test_symbolic_links(serve, root, policy, inner):
    (root / 'sub/up').symlink_to('../tens.txt')
    (root / 'folder').symlink_to('sub')
    (root / 'out').symlink_to('../secret')
    (root / 'over').symlink_to('sub/../../root/tens.txt')
    (root / 'absolute').symlink_to(root / 'tens.txt')
    (root / 'magic').symlink_to('/proc/self/cwd')
    (root / 'loop').symlink_to('loop')
    (root / 'dangling').symlink_to('nothing')
    d = serve(symlinks=policy)
    assert ask(d, 'sub/up')[0] == inner
    assert ask(d, 'folder/index.html')[0] == inner
    for name in ('out', 'over', 'absolute', 'magic/x', 'loop'):
        assert ask(d, name)[0] == 403, name
    assert ask(d, 'dangling')[0] == (404 if policy == 'beneath' else 403)


def test_the_log_tells_why_a_file_is_not_served(serve, root):
    (root / 'out').symlink_to('../secret')
    (root / 'loop').symlink_to('loop')
    d = serve()
    s = d.connect()
    for path, words in (('out', 'out: leads out of root'), ('loop', 'loop: leads over a symbolic link'),
                        ('bare/', 'bare/: has no index that may be read, and is not listed')):
        s.sendall(request(f'/f/{path}'))
        assert Reader(s).response()[0] == 403
        d.log.wait(f'notice .*: 403: {re.escape(str(root))}/{words}')
    # open files stay
    before = resource.prlimit(d.worker(), resource.RLIMIT_NOFILE)
    resource.prlimit(d.worker(), resource.RLIMIT_NOFILE, (3, before[1]))
    d.may_say = ['503: .*Too many open files']
    s.sendall(request('/f/tens.txt'))
    assert Reader(s).response()[0] == 503
    d.log.wait(f'warning .*: 503: {re.escape(str(root))}/tens.txt: Too many open files')
    resource.prlimit(d.worker(), resource.RLIMIT_NOFILE, before)   # a sanitizer has files to open at the end


def test_directory_that_is_swapped_for_a_link_leads_nowhere(serve, root, tmp_path):
    """The name of a directory stands for a link to outside, half of the time."""
    def swap():
        while not done.is_set():
            os.rename(root / 'dir', tmp_path / 'aside')
            os.rename(tmp_path / 'link', root / 'dir')
            os.rename(root / 'dir', tmp_path / 'link')
            os.rename(tmp_path / 'aside', root / 'dir')
            turns.append(1)

    (root / 'dir').mkdir()
    (root / 'dir/tens.txt').write_bytes(b'inside')
    (tmp_path / 'link').symlink_to('../outside')
    done, turns, found = threading.Event(), [], {}
    d = serve(open_max=0)
    s = d.connect()
    reader = Reader(s)
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        while len(turns) < 3000 // SLOWNESS or sum(found.values()) < 3000 // SLOWNESS:
            s.sendall(request('/f/dir/tens.txt'))
            status, _, body = reader.response()
            assert b'secret' not in body
            found[status] = found.get(status, 0) + 1
    finally:
        done.set()
        thread.join()
    assert found.get(200) and set(found) <= {200, 403, 404, 503}, found


# ---- Headers ------------------------------------------------------------------------------------

def test_types_come_from_the_options_and_a_file(serve, tmp_path):
    (tmp_path / 'globs2').write_text(
        '# comment\n80:text/html:*.html\n60:application/x-tar+gzip:*.tar.gz\n50:application/gzip:*.gz\n'
        '50:text/x-c++:*.C:cs\n50:text/x-c:*.c:cs\n40:text/wrong:*.html\n50:text/x-make:makefile\n'
        '50:text/x\x01:*.bad\n50:nothing\n')
    (tmp_path / 'mime.types').write_text('# comment\ntext/html\thtml htm\napplication/none\n\n image/x  png')
    for form in ('globs2', 'mime.types'):
        d = serve(type_file=str(tmp_path / form), charset='latin1', default_type='a/b',
                  types={'md': 'text/markdown; charset=x', '.big.bin': 'text/big'})
        for name in ('a.tar.gz', 'b.gz', 'c.C', 'c.c', 'e.bad', 'f.md', 'g.big.bin', 'h.htm', 'makefile', 'i.png'):
            (d.folder.parent / 'root' / name).write_bytes(b'')
        table = {'index.html': 'text/html; charset=latin1', 'f.md': 'text/markdown; charset=x',
                 'g.big.bin': 'text/big; charset=latin1', 'big.bin': 'a/b', 'makefile': 'a/b', 'e.bad': 'a/b'}
        table |= {'a.tar.gz': 'application/x-tar+gzip', 'b.gz': 'application/gzip',
                  'c.c': 'text/x-c; charset=latin1', 'c.C': 'text/x-c; charset=latin1',
                  'h.htm': 'text/html; charset=latin1', 'i.png': 'image/png'} \
            if form == 'globs2' else {'h.htm': 'text/html; charset=latin1', 'i.png': 'image/x',
                                      'b.gz': 'application/gzip', 'c.c': 'a/b'}
        for name, wanted in table.items():
            assert ask(d, name)[1]['content-type'] == wanted, name


# Types that are the same on every machine.
WEB = {'a.html': 'text/html; charset=utf-8', 'a.js': 'text/javascript; charset=utf-8',
       'a.mjs': 'text/javascript; charset=utf-8', 'a.css': 'text/css; charset=utf-8',
       'a.txt': 'text/plain; charset=utf-8', 'a.json': 'application/json', 'a.wasm': 'application/wasm',
       'a.webmanifest': 'application/manifest+json', 'a.svg': 'image/svg+xml', 'a.avif': 'image/avif',
       'a.jxl': 'image/jxl', 'a.woff2': 'font/woff2', 'a.ts': 'video/mp2t', 'A.HTML': 'text/html; charset=utf-8',
       'unknown.zzz': 'application/octet-stream', 'bare/file': 'application/octet-stream'}


def check_types(d, root, table):
    """The Content-Type of files that have these names."""
    for name, wanted in table.items():
        (root / name).touch()
        assert ask(d, name)[1]['content-type'] == wanted, name


def test_types_of_the_web(serve, root):
    check_types(serve(), root, WEB)


def namespace(script):
    """Words before a command: it runs in a mount namespace of its own, after this script."""
    if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], check=False).returncode != 0:
        pytest.skip('no mount namespace can be made here')
    return ['unshare', '-m', 'sh', '-ec', script + '\nexec "$@"', 'sh']


def hide_tables(tmp_path, mime=b'', globs=b''):
    """Words before a command: it finds these tables of the system, and no others."""
    for path, data in (('mime', mime), ('globs/globs2', globs)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return namespace(f'''
        mkdir -p {tmp_path}/none
        test ! -e /etc/mime.types || mount --bind {tmp_path}/mime /etc/mime.types
        test ! -d /usr/local/share/mime || mount --bind {tmp_path}/none /usr/local/share/mime
        test ! -d /usr/share/mime || mount --bind {tmp_path}/globs /usr/share/mime''')


def test_types_where_the_system_has_no_table(serve, root, tmp_path):
    (tmp_path / 'globs').mkdir()
    wrap = hide_tables(tmp_path)
    (tmp_path / 'globs' / 'globs2').unlink()
    check_types(serve(wrap=wrap), root, WEB | {'a.cc': 'application/octet-stream'})


@pytest.mark.skipif(not os.path.exists('/etc/mime.types') or not os.path.isdir('/usr/share/mime'),
                    reason='the system has not both tables')
def test_tables_of_the_system_are_merged(serve, root, tmp_path):
    wrap = hide_tables(tmp_path, b'text/mime html one both\n', b'50:text/globs:*.ts\n'
                       b'50:text/globs:*.two\n50:text/globs:*.both\n')
    check_types(serve(wrap=wrap, charset='', types={'one': 'text/option'}), root, {
        'a.one': 'text/option', 'a.both': 'text/mime', 'a.two': 'text/globs', 'a.html': 'text/html',
        'a.ts': 'video/mp2t'})


def test_no_default_type_and_no_charset(serve):
    d = serve(default_type='', charset='')
    assert ask(d, 'index.html')[1]['content-type'] == 'text/html'
    assert 'content-type' not in ask(d, 'bare/file')[1]


def test_headers_of_the_options(serve):
    d = serve(cache_control='max-age=60', attachment=True)
    headers = ask(d, 'tens.txt')[1]
    assert headers['cache-control'] == 'max-age=60'
    assert headers['content-disposition'] == 'attachment'
    status, again, _ = ask(d, 'tens.txt', If_None_Match=headers['etag'])
    assert (status, again['cache-control'], again['etag']) == (304, 'max-age=60', headers['etag'])
    assert 'content-disposition' not in again
    assert 'cache-control' not in ask(serve(), 'tens.txt')[1]


def test_conditions(serve):
    """Their table is in test_condition.c of the unit tests; these are the resulting replies."""
    d = serve()
    _, headers, _ = ask(d, 'tens.txt')
    tag, date = headers['etag'], headers['last-modified']
    assert re.fullmatch(r'"[0-9a-f]+-64"', tag) and date == 'Tue, 02 Jan 2024 00:00:00 GMT'
    assert headers['accept-ranges'] == 'bytes'
    for method in ('GET', 'HEAD'):
        status, found, _ = ask(d, 'tens.txt', method, If_None_Match=f'"a", W/{tag}')
        assert (status, found['etag'], found['last-modified']) == (304, tag, date)
        assert 'content-type' not in found and 'content-length' not in found
        assert ask(d, 'tens.txt', method, If_Modified_Since=date)[0] == 304
        assert ask(d, 'tens.txt', method, If_Match='"a"')[0] == 412
        assert ask(d, 'tens.txt', method, If_Match=tag)[0] == 200
    assert ask(d, 'nothing', If_Match='*')[0] == 404


def test_last_modified_is_never_after_date(serve, root):
    d = serve()
    for seconds in (time.time() + 86400, time.time()):
        os.utime(root / 'tens.txt', (seconds, seconds))
        headers = ask(d, 'tens.txt')[1]
        modified, date = (email.utils.parsedate_to_datetime(headers[name]) for name in ('last-modified', 'date'))
        assert modified <= date < modified + datetime.timedelta(minutes=1)


def test_etag_of_the_modification_is_the_same_for_copies(serve, root):
    subprocess.run(['cp', '-p', root / 'tens.txt', root / 'copy.txt'], check=True)
    d = serve(etag='modified', open_time='1ms')
    tag = ask(d, 'tens.txt')[1]['etag']
    assert ask(d, 'copy.txt')[1]['etag'] == tag
    (root / 'tens.txt').chmod(0o640)
    assert ask(d, 'tens.txt')[1]['etag'] == tag
    os.utime(root / 'tens.txt', (OLD, OLD + 1))
    eventually(lambda: ask(d, 'tens.txt')[1]['etag'] != tag, 'a change is not seen')
    other = serve()
    assert ask(other, 'tens.txt')[1]['etag'] != ask(other, 'copy.txt')[1]['etag']


def test_etag_follows_every_change(serve, root):
    d = serve(open_time='1h')
    path = root / 'tens.txt'
    seen = {ask(d, 'tens.txt')[1]['etag']}
    with path.open('r+b') as f:                  # as long as before, and as old
        f.write(b'x')
    os.utime(path, (OLD, OLD))
    _, headers, body = ask(d, 'tens.txt')
    seen.add(headers['etag'])
    assert body == b'x' + TENS[1:]
    with path.open('ab') as f:
        f.write(b'more')
    _, headers, body = ask(d, 'tens.txt')
    seen.add(headers['etag'])
    assert body.endswith(b'more') and len(seen) == 3


# ---- Listings -----------------------------------------------------------------------------------

ODD = ['<b>&"\'.txt', 'a:b', 'a&copy;', 'x%41', 'ü', '\x7f\n', 'two words']


LINKS_OUT = {'absolute': '/etc/passwd', 'out': '../../secret', 'broken': 'nothing', 'fifo link': 'fifo', 'loop': 'loop'}


@pytest.fixture
def folder(root):
    """A directory full of odd names; as listed: (name, type), in order."""
    path = root / 'list'
    for name in ('z dir', 'a<dir'):
        (path / name).mkdir(parents=True)
    for name in ODD:
        (path / name).write_bytes(name.encode())
        os.utime(path / name, (OLD, OLD))
    (path / '.hidden').write_bytes(b'')
    (path / 'to').symlink_to('ü')
    (path / 'to dir').symlink_to('../sub')
    for name, target in LINKS_OUT.items():
        (path / name).symlink_to(target)
    os.mkfifo(path / 'fifo')
    files = sorted([*((name, 'file') for name in ODD), ('to', 'file')], key=lambda f: f[0].encode())
    return [('a<dir', 'directory'), ('to dir', 'directory'), ('z dir', 'directory'), *files]


def follow(d, href):
    """The target of a link in the listing."""
    assert href.startswith('./') and not re.search(r'[<>"& \x00-\x1f\x7f-\xff]', href)
    return ask(d, 'list/' + href)


def test_listing_as_json(serve, folder):
    d = serve(listing='json')
    status, headers, body = ask(d, 'list/')
    found = json.loads(body)
    assert (status, headers['content-type']) == (200, 'application/json')
    assert [(f['name'], f['type']) for f in found] == folder
    for f in found:
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', f['modified'])
        if f['type'] == 'file':
            name = 'ü' if f['name'] == 'to' else f['name']
            assert follow(d, f['href'])[2] == name.encode()
            assert (f['size'], f['modified']) == (len(name.encode()), '2024-01-02T00:00:00Z')
    assert ask(d, 'list/', 'HEAD')[1]['content-length'] == str(len(body))
    assert json.loads(ask(d, 'list/a%3Cdir/')[2]) == []


ROW = re.compile(r'<tr class="(.)"><td><svg aria-hidden="true"><use href="#\1"/></svg><a href="([^"]*)"><bdi>([^<>]*)'
                 r'</bdi>(/?)</a></td><td>(?:<data value="(\d+)" title="\5 bytes">([^<>]*)</data>)?</td>'
                 r'<td><time datetime="([^"]*)" title="\7">([^<>]*)<span> ([^<>]*)</span></time></td></tr>\n')


def test_listing_as_a_page(serve, folder):
    d = serve(listing='html')
    status, headers, body = ask(d, 'list/')
    assert (status, headers['content-type']) == (200, 'text/html; charset=utf-8')
    table = re.search(r'<tbody>\n(.*)</tbody>', body.decode(), re.DOTALL)[1]
    rows = ROW.findall(table)
    assert ROW.sub('', table) == '' and len(rows) == len(folder)
    for (_, href, text, slash, size, shown, modified, *_), (name, kind) in zip(rows, folder):
        assert html.unescape(text) == name and slash == ('/' if kind == 'directory' else '')
        assert html.unescape(href) == href
        if kind == 'file':
            name = 'ü' if name == 'to' else name
            assert follow(d, href)[2] == name.encode()
            assert (size, shown, modified) == (str(len(name.encode())), f'{len(name.encode())} B',
                                               '2024-01-02T00:00:00Z')
    size = sum(len(name.encode()) for name in [*ODD, 'ü'])
    assert f'<p>3 directories, {len(folder) - 3} files, {size} B</p>' in body.decode()


def test_listing_shows_sizes_for_people(serve, root):
    (root / 'list').mkdir()
    for name, size in (('a10', 3 << 20), ('a2', 1536), ('B', 0)):
        (root / 'list' / name).write_bytes(bytes(size))
    rows = ROW.findall(ask(serve(listing='html'), 'list/')[2].decode())
    assert [(row[2], row[5]) for row in rows] == [('a2', '1.5 KiB'), ('a10', '3.0 MiB'), ('B', '0 B')]


@pytest.mark.parametrize('path, heading', [
    ('', '<a href="../">/</a>f/'), ('bare/', '<a href="../../">/</a><a href="../">f</a><i>/</i>bare/'),
    ('list/a%3Cdir/', '<a href="../../../">/</a><a href="../../">f</a><i>/</i><a href="../">list</a><i>/</i>a&lt;dir/')])
def test_listing_links_upwards(serve, root, folder, path, heading):
    (root / 'index.html').rename(root / 'index')
    body = ask(serve(listing='html'), path)[2].decode()
    assert f'<h1>{heading}</h1>' in body


def test_listing_of_an_empty_directory(serve, folder):
    body = ask(serve(listing='html'), 'list/a%3Cdir/')[2].decode()
    assert 'This directory is empty.' in body and '<table>' not in body


def test_listing_of_names_that_are_no_text(serve, root):
    (root / 'list').mkdir()
    names = [b'\xff', b'\xc3', b'\xe0\x80\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xf0\x9f\x92\xa9']
    for name in names:
        with open(os.fsencode(root / 'list') + b'/' + name, 'wb') as f:
            f.write(name)
    d = serve(listing='json')
    found = json.loads(ask(d, 'list/')[2])
    assert [follow(d, f['href'])[2] for f in found] == sorted(names)
    assert [f['name'] for f in found] == ['\ufffd' * len(n) if n != names[-1] else n.decode() for n in sorted(names)]


def test_listing_leaves_out_what_is_not_served(serve, folder):
    for options, names in (({'hidden': True}, {'.hidden', 'to', 'to dir'}), ({'symlinks': 'none'}, set()),
                           ({}, {'to', 'to dir'})):
        found = json.loads(ask(serve(listing='json', **options), 'list/')[2])
        assert {f['name'] for f in found} & {'.hidden', 'to', 'to dir', 'fifo', '.', '..', *LINKS_OUT} == names


def test_listing_at_its_limit_and_one_past_it(serve, folder):
    assert len(json.loads(ask(serve(listing='json', listing_max=len(folder)), 'list/')[2])) == len(folder)
    assert ask(serve(listing='json', listing_max=len(folder) - 1), 'list/')[0] == 403


def test_listing_only_where_there_is_no_index(serve, root):
    (root / 'out').symlink_to('../outside')
    d = serve(listing='json')
    assert ask(d, 'sub/')[2] == b'sub' and ask(d, 'list')[0] == 404
    assert ask(d, 'bare')[1]['location'] == '/f/bare/'
    assert ask(d, 'nothing/')[0] == 404 and ask(d, 'out/')[0] == 403


# ---- Codings ------------------------------------------------------------------------------------

@pytest.fixture
def coded(serve, root):
    """coded(options…) -> a Daemon whose tens.txt is there in three codings, each of its own length."""
    for suffix, data in (('br', b'B'), ('zst', b'ZZ'), ('gz', b'GGG')):
        (root / f'tens.txt.{suffix}').write_bytes(data)
    return lambda **options: serve(**{'precompressed': ['br', 'zst', 'gz'], **options})


@pytest.mark.parametrize('accept, coding, body', [
    ('gzip', 'gzip', b'GGG'), ('gzip, br', 'br', b'B'), ('gzip, br;q=0.9', 'gzip', b'GGG'),
    ('zstd;q=0.2, gzip;q=0.1', 'zstd', b'ZZ'), ('*', 'br', b'B'), ('*;q=0.5, br;q=0', 'zstd', b'ZZ'),
    ('identity', None, TENS), ('identity, gzip;q=0.5', None, TENS), ('gzip;q=0', None, TENS), ('deflate', None, TENS),
    ('identity;q=0', None, TENS)])
def test_coding_is_the_one_that_the_client_prefers(coded, accept, coding, body):
    d = coded()
    status, headers, found = ask(d, 'tens.txt', Accept_Encoding=accept)
    assert (status, headers.get('content-encoding'), found) == (200, coding, body)
    assert headers['vary'] == 'Accept-Encoding'
    assert headers['content-type'].startswith('text/plain')
    assert ask(d, 'tens.txt', 'HEAD', Accept_Encoding=accept)[1]['content-length'] == str(len(body))


def test_codings_are_told_apart(coded):
    d = coded()
    tags = [ask(d, 'tens.txt', Accept_Encoding=accept)[1]['etag'] for accept in ('br', 'zstd', 'gzip', 'x')]
    assert len(set(tags)) == 4
    status, headers, _ = ask(d, 'tens.txt', Accept_Encoding='gzip', If_None_Match=tags[2])
    assert (status, headers['etag'], headers['vary']) == (304, tags[2], 'Accept-Encoding')
    assert ask(d, 'tens.txt', Accept_Encoding='gzip', If_None_Match=tags[3])[0] == 200
    status, headers, body = ask(d, 'tens.txt', Accept_Encoding='gzip', Range='bytes=1-1,2-2', If_Range=tags[2])
    assert [part[0] for part in parts(headers, body)] == ['1-1/3', '2-2/3']
    assert headers['content-encoding'] == 'gzip'
    assert ask(d, 'tens.txt', Accept_Encoding='gzip', Range='bytes=9-')[1]['content-range'] == 'bytes */3'


def test_coding_that_is_missing_or_older_is_passed_over(coded, root):
    d = coded()
    (root / 'tens.txt.br').unlink()
    os.utime(root / 'tens.txt.zst', (OLD - 1, OLD - 1))
    assert ask(d, 'tens.txt', Accept_Encoding='br, zstd, gzip')[2] == b'GGG'
    assert ask(d, 'big.bin', Accept_Encoding='br, zstd, gzip')[2] == BIG
    assert ask(d, 'tens.txt.gz', Accept_Encoding='gzip')[0::2] == (200, b'GGG')
    (root / 'only.txt.gz').write_bytes(b'G')
    assert ask(d, 'only.txt', Accept_Encoding='gzip')[0] == 404


def test_codings_that_are_not_configured_are_not_looked_for(coded):
    d = coded(precompressed='gz')
    assert ask(d, 'tens.txt', Accept_Encoding='br, gzip;q=0.1')[2] == b'GGG'
    status, headers, body = ask(coded(precompressed=[]), 'tens.txt', Accept_Encoding='gzip')
    assert body == TENS and 'vary' not in headers


# ---- Ranges -------------------------------------------------------------------------------------

@pytest.mark.parametrize('value, first, last', [
    ('bytes=0-0', 0, 0), ('bytes=10-19', 10, 19), ('bytes=-1', 99, 99), ('bytes=90-', 90, 99),
    ('bytes=0-', 0, 99), ('bytes=500-,5-7', 5, 7)])
def test_one_range(serve, value, first, last):
    d = serve()
    status, headers, body = ask(d, 'tens.txt', Range=value)
    assert (status, body) == (206, TENS[first:last + 1])
    assert headers['content-range'] == f'bytes {first}-{last}/100'
    assert headers['content-type'].startswith('text/plain') and headers['etag']
    status, headers, body = ask(d, 'tens.txt', 'HEAD', Range=value)   # Range is of GET alone
    assert (status, headers['content-length']) == (200, '100')


def test_no_range(serve):
    d = serve()
    for name, size, first in (('tens.txt', 100, 100), ('empty.txt', 0, 1)):
        status, headers, _ = ask(d, name, Range=f'bytes={first}-')
        assert (status, headers['content-range']) == (416, f'bytes */{size}')
    for value in ('bytes=9-1', 'lines=0-1', 'bytes=-', 'bytes=0-60,30-99'):
        assert ask(d, 'tens.txt', Range=value)[0::2] == (200, TENS)
    for value in ('bytes=-1', 'bytes=0-', 'bytes=0-499'):
        assert ask(d, 'empty.txt', Range=value)[0::2] == (200, b'')


def parts(headers, body):
    """The parts of multipart/byteranges, by their Content-Range."""
    mark = re.fullmatch(r'multipart/byteranges; boundary=([0-9a-f]{16})', headers['content-type'])[1]
    pieces = (b'\r\n' + body).split(b'\r\n--' + mark.encode())
    assert pieces[0] == b'' and pieces[-1] == b'--\r\n'
    found = []
    for piece in pieces[1:-1]:
        head, data = piece.split(b'\r\n\r\n', 1)
        assert re.search(rb'\r\nContent-Type: \S+', head)
        found.append((re.search(rb'\r\nContent-Range: bytes (\S+)', head)[1].decode(), data))
    return found


def test_several_ranges(serve):
    status, headers, body = ask(serve(), 'tens.txt', Range='bytes=5-7, -2, 0-0,1000-')
    assert status == 206 and 'content-range' not in headers
    assert parts(headers, body) == [('5-7/100', b'567'), ('98-99/100', b'89'), ('0-0/100', b'0')]


def test_ranges_at_their_limit_and_one_past_it(serve):
    d = serve(ranges_max=3)
    status, headers, body = ask(d, 'tens.txt', Range='bytes=0-0,2-2,4-4')
    assert status == 206 and len(parts(headers, body)) == 3
    assert ask(d, 'tens.txt', Range='bytes=0-0,2-2,4-4,6-6')[0::2] == (200, TENS)


def test_ranges_through_a_queue_that_is_always_full(serve):
    """Neither heads nor parts have room at once, because unread replies are queued before them."""
    count = 40
    wanted = [(f'{i}-{i + 99999}/{len(BIG)}', BIG[i:i + 100000]) for i in range(0, 1000000, 100000)]
    value = 'bytes=' + ','.join(f'{i}-{i + 99999}' for i in range(0, 1000000, 100000))
    d = serve(front={'output_max': '4KiB', 'output_high': '1KiB', 'output_low': '1KiB', 'send_buffer': '8KiB'})
    s = d.connect(receive_buffer=4096)
    s.sendall(request('/f/big.bin', Range=value) * count)
    reader = Reader(s)
    for _ in range(count):
        status, headers, body = reader.response()
        assert status == 206 and parts(headers, body) == wanted


def test_files_beyond_4_gib(serve, root):
    size = 5 << 30
    with (root / 'large').open('wb') as f:
        f.truncate(size)
        f.seek(size - 5)
        f.write(b'end')
    d = serve()
    assert ask(d, 'large', 'HEAD')[1]['content-length'] == str(size)
    status, headers, body = ask(d, 'large', Range='bytes=4294967296-4294967299,-6')
    assert parts(headers, body) == [(f'4294967296-4294967299/{size}', bytes(4)),
                                    (f'{size - 6}-{size - 1}/{size}', b'\0end\0\0')]
    s = d.connect()
    s.sendall(request('/f/large'))
    assert Reader(s).until(b'\r\n\r\n').count(f'Content-Length: {size}\r\n'.encode()) == 1


# ---- Files that change --------------------------------------------------------------------------

def begun(d, path='big.bin'):
    """A client that reads slowly has the beginning of a reply: a reader, and the length to come."""
    s = d.connect(receive_buffer=4096)
    s.sendall(request('/f/' + path) + request('/f/sub/'))
    reader = Reader(s)
    head = reader.until(b'\r\n\r\n')
    assert reader.exactly(100) == BIG[:100]
    return reader, int(re.search(rb'Content-Length: (\d+)', head)[1])


SLOW = {'send_buffer': '8KiB'}
SHORTER = r'warning goevd: download: big\.bin has become shorter, or cannot be read: a download of it has'


def test_file_that_shrinks_closes_the_connection(serve, root):
    d = serve(front=SLOW)
    d.may_say = [SHORTER]
    reader, size = begun(d)
    os.truncate(root / 'big.bin', 300000)
    rest = b''
    try:
        rest = reader.rest()
    except ConnectionResetError:
        pass
    assert 100 + len(rest) <= 300000 < size     # and nothing of the next reply behind it
    assert BIG[100:].startswith(rest)
    assert ask(d, 'big.bin')[0::2] == (200, BIG[:300000])


def test_parts_of_a_file_that_shrinks_close_the_connection(serve, root):
    """Small parts are copied, here when others have left the queue."""
    size = 15000
    value = 'bytes=' + ','.join(f'{i}-{i + size - 1}' for i in range(0, 10 * size, size))
    d = serve(front={'output_max': '4KiB', 'output_high': '1KiB', 'output_low': '1KiB', **SLOW})
    d.may_say = [SHORTER]
    s = d.connect(receive_buffer=4096)
    s.sendall(request('/f/big.bin', Range=value) * 2)
    reader = Reader(s)
    assert reader.until(b'\r\n\r\n').startswith(b'HTTP/1.1 206 ')
    os.truncate(root / 'big.bin', 0)            # most of the parts are still to come
    try:
        rest = reader.rest()
    except ConnectionResetError:
        rest = reader.buffer
    assert len(rest) < 9 * size and b'HTTP/1.1' not in rest


@pytest.mark.parametrize('size', [16383, 16384, 16385])
def test_files_about_as_large_as_are_copied(serve, root, size):
    (root / 'size').write_bytes(BIG[:size])
    d = serve()
    assert ask(d, 'size')[2] == BIG[:size]
    assert ask(d, 'size', 'HEAD')[1]['content-length'] == str(size)


def test_file_that_grows_is_sent_as_long_as_it_was(serve, root):
    d = serve(front=SLOW)
    reader, size = begun(d)
    with (root / 'big.bin').open('ab') as f:
        f.write(b'more' * 1000)
    assert reader.exactly(size - 100) == BIG[100:]
    assert reader.response()[2] == b'sub'
    assert len(ask(d, 'big.bin')[2]) == size + 4000


def test_file_that_is_replaced_is_sent_as_it_was(serve, root):
    d = serve(front=SLOW, open_time='1ms')
    reader, size = begun(d)
    (root / 'other').write_bytes(b'other')
    os.rename(root / 'other', root / 'big.bin')
    eventually(lambda: ask(d, 'big.bin')[2] == b'other', 'the old file is still served')
    assert reader.exactly(size - 100) == BIG[100:]
    assert reader.response()[2] == b'sub'


def test_client_that_goes_away_leaves_nothing_open(serve):
    d = serve(front=SLOW, open_max=0)
    reader, _ = begun(d)
    assert 'big.bin' in open_files(d)
    reader.sock.close()
    eventually(lambda: not open_files(d), 'the file is still open')


def test_pipelined_requests_that_nobody_reads_pin_few_files(serve, root):
    """Replies of which nothing is read would each hold their file open."""
    (root / 'many').mkdir()
    for i in range(400):
        (root / 'many' / str(i)).write_bytes(BIG[i:i + 20000])
    d = serve(front=SLOW, open_max=0)
    clients = []
    for _ in range(3):
        clients.append(d.connect(receive_buffer=4096))
        clients[-1].sendall(b''.join(request(f'/f/many/{i}') for i in range(400)))
    eventually(lambda: d.metrics()['goevd_download_files_opened_total'] >= 3, 'nothing was opened')
    assert ask(d, 'tens.txt')[2] == TENS             # the bytes sent before have been read
    assert len(open_files(d)) <= 64 + len(clients)
    for s in clients:                                # and all that was asked for comes, in order
        reader = Reader(s)
        for i in range(400):
            assert reader.response()[2] == BIG[i:i + 20000]
    eventually(lambda: not open_files(d), 'files are still open')


# ---- Files that are kept open -------------------------------------------------------------------

def open_files(d):
    """Names of files beneath the root that the worker has open."""
    return sorted(os.path.basename(target) for target in procfs.files(d.worker()).values()
                  if '/root/' in target)


def test_files_are_kept_and_let_go(serve):
    d = serve(open_time='4s')
    for _ in range(3):
        ask(d, 'tens.txt')
    found = d.metrics()
    assert [found[f'goevd_download_files_{name}']
            for name in ('opened_total', 'reused_total', 'kept')] == [2, 4, 2]
    assert open_files(d) == ['index.html', 'tens.txt']
    eventually(lambda: open_files(d) == [], 'they are still open')
    assert d.metrics()['goevd_download_files_kept'] == 0
    assert ask(d, 'tens.txt')[2] == TENS


def test_files_that_are_kept_have_a_bound(serve, root):
    for i in range(5):
        (root / f'{i}.txt').write_text(str(i))
    d = serve(open_max=3, open_time='1h')
    s = d.connect()
    reader = Reader(s)
    for i in range(5):
        s.sendall(request(f'/f/{i}.txt'))
        assert reader.response()[2] == str(i).encode()
        assert len(open_files(d)) == min(i + 1, 3)
    assert open_files(d) == ['2.txt', '3.txt', '4.txt']


def test_name_that_stands_for_another_file_is_noticed_in_time(serve, root):
    d = serve(open_time='1h')
    assert ask(d, 'tens.txt')[2] == TENS
    (root / 'other').write_bytes(b'other')
    os.rename(root / 'tens.txt', root / 'aside')   # it changes the file that is open
    os.rename(root / 'other', root / 'tens.txt')
    assert ask(d, 'tens.txt')[2] == b'other'


# ---- The connection -----------------------------------------------------------------------------

def test_connection_closes_after_the_file_when_asked_to(serve):
    s = serve().connect()
    s.sendall(request('/f/big.bin', Connection='close'))
    reader = Reader(s)
    assert reader.response()[2] == BIG
    assert closed(s)


def test_old_clients_get_files_too(serve):
    s = serve().connect()
    s.sendall(request('/f/tens.txt', version='1.0'))
    assert Reader(s).response()[2] == TENS


def test_many_requests_on_two_pollers(serve):
    d = serve(pollers='2')
    for _ in range(8):
        s = d.connect()
        s.sendall(request('/f/tens.txt') * 50 + request('/f/big.bin') * 3)
        reader = Reader(s)
        for _ in range(50):
            assert reader.response()[2] == TENS
        for _ in range(3):
            assert reader.response()[2] == BIG


# ---- Rates --------------------------------------------------------------------------------------

RATE = 256 << 10
BURST = 128 << 10
SLICE = 64 << 10   # more than one client gets at RATE, in any order
PLACE = 'listeners[0].handler.http.routes[0].handler[0].download.'


def per_s(number):
    return f'{number}B/s'


def tune(d, option, value):
    """At run time."""
    done = d.ctl('set', PLACE + option, value)
    assert done.returncode == 0, done.stderr


def fetch(d, count=1, **headers):
    """Get the big file by so many clients at once. Returns for how long the last one took, s."""
    def get():
        s = d.connect()
        s.sendall(request('/f/big.bin', **headers))
        got.append(Reader(s).response()[2])

    got = []
    threads = [threading.Thread(target=get) for _ in range(count)]
    start = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got == [BIG] * count
    return time.monotonic() - start


@pytest.mark.parametrize('count, options', [
    (1, {'rate': per_s(RATE)}), (2, {'client_rate': per_s(2 * RATE)}), (2, {'route_rate': per_s(2 * RATE)}),
    (2, {'rate': per_s(RATE), 'client_rate': per_s(1 << 30), 'route_rate': per_s(1 << 30)}),
    (2, {'rate': per_s(1 << 30), 'client_rate': per_s(1 << 30), 'route_rate': per_s(2 * RATE)})])
def test_download_takes_as_long_as_its_rates_say(serve, count, options):
    d = serve(pollers='2', burst=BURST, **options)
    assert fetch(d, count) >= (len(BIG) - BURST - SLICE) / RATE


def test_requests_of_one_client_share_his_rate(serve):
    """Whether one after another, on one connection or several."""
    d = serve(client_rate=per_s(RATE))
    start = time.monotonic()
    for _ in range(4):
        s = d.connect()
        s.sendall(request('/f/big.bin', Range='bytes=0-65535') * 2)
        reader = Reader(s)
        for _ in range(2):
            assert reader.response()[2] == BIG[:65536]
    assert time.monotonic() - start >= (8 * 65536 - SLICE) / RATE


def test_clients_have_rates_of_their_own(serve):
    """One has used his up for longer than the test may take; another does not notice."""
    d = serve(client_rate=per_s(1000), burst=200, front={'address': '0.0.0.0:0'})
    first = d.connect()
    first.sendall(request('/f/big.bin'))
    Reader(first).exactly(400)
    with socket.create_connection(('127.0.0.1', d.port()), source_address=('127.0.0.2', 0)) as other:
        other.settimeout(PATIENCE_S)
        other.sendall(request('/f/tens.txt'))
        assert Reader(other).response()[2] == TENS


NETWORKS = pytest.mark.parametrize('other, same', [
    ('2001:db8:0:1:ffff::2', True), ('2001:db8:0:2::1', False), ('192.0.2.1', False)])


def from_client(address, target, **headers):
    """A request that a proxy passes on."""
    return request(target, **{'X-Forwarded-For': address}, **headers)


@NETWORKS
def test_ipv6_network_is_one_client_of_a_rate(serve, other, same):
    """One client usually has all addresses of a network of 64 bits."""
    d = serve(client_rate=per_s(1000), burst=20000, http={'forwarded': {'from': '127.0.0.1'}})
    s = d.connect()
    s.sendall(from_client('2001:db8:0:1::1', '/f/big.bin', Range='bytes=0-19999'))
    reader = Reader(s)
    assert reader.response()[2] == BIG[:20000]
    begin = time.monotonic()
    s.sendall(from_client(other, '/f/big.bin', Range='bytes=0-1999'))
    assert reader.response()[2] == BIG[:2000]
    if same:
        assert time.monotonic() - begin >= 1
    else:   # it has the burst of its own: no wait of 2 s
        assert time.monotonic() - begin < 1.5 * SLOWNESS


def held(d, address, count):
    """Downloads that a client has begun and does not read."""
    clients = []
    for _ in range(count):
        clients.append(d.connect(receive_buffer=4096))
        clients[-1].sendall(from_client(address, '/f/big.bin'))
        assert Reader(clients[-1]).exactly(15) == b'HTTP/1.1 200 OK'
    return clients


@NETWORKS
def test_downloads_of_a_client_have_a_bound(serve, other, same):
    d = serve(client_max=2, front=SLOW, http={'forwarded': {'from': '127.0.0.1'}})
    clients = held(d, '2001:db8:0:1::1', 2)
    s = d.connect()
    reader = Reader(s)
    s.sendall(from_client(other, '/f/big.bin'))
    status, _, body = reader.response()
    assert (status, body == BIG) == ((503, False) if same else (200, True))
    s.sendall(from_client(other, '/f/tens.txt'))     # it waits for no client
    assert reader.response()[2] == TENS
    clients.pop().close()

    def admitted():
        s.sendall(from_client(other, '/f/big.bin'))
        return reader.response()[2] == BIG
    eventually(admitted, 'the place that became free is not given again')


def test_small_downloads_that_wait_for_a_rate_have_the_bound(serve):
    d = serve(client_max=2, rate=per_s(1), front={'idle_timeout': '5m'})
    clients = [d.connect() for _ in range(2)]
    for s in clients:
        s.sendall(request('/f/tens.txt'))
        assert Reader(s).exactly(15) == b'HTTP/1.1 200 OK'

    def admitted():
        s = d.connect()
        s.sendall(request('/f/tens.txt'))
        clients.append(s)
        return Reader(s).exactly(12) == b'HTTP/1.1 200'
    assert not admitted()
    clients[0].close()
    eventually(admitted, 'the place that became free is not given again')


def test_parts_and_small_files_are_paced_too(serve):
    d = serve(rate=per_s(RATE), burst=0)
    start = time.monotonic()
    status, headers, body = ask(d, 'big.bin', Range='bytes=0-99999,200000-299999')
    assert [data for _, data in parts(headers, body)] == [BIG[:100000], BIG[200000:300000]]
    assert time.monotonic() - start >= (200000 - SLICE) / RATE


def test_head_does_not_wait_for_a_rate(serve):
    d = serve(rate=per_s(1), front={'idle_timeout': '5m'})
    s = d.connect()
    s.sendall(request('/f/big.bin', 'HEAD') * 2)
    reader = Reader(s)
    for _ in range(2):
        assert reader.response(head=True)[1]['content-length'] == str(len(BIG))


@pytest.mark.parametrize('option', ['rate', 'client_rate', 'route_rate'])
def test_download_follows_a_rate_that_is_raised(serve, option):
    d = serve(**{option: per_s(1000)})
    s = d.connect()
    s.sendall(request('/f/big.bin'))
    reader = Reader(s)
    reader.until(b'\r\n\r\n')
    assert reader.exactly(100) == BIG[:100]
    tune(d, option, '0')
    assert reader.exactly(len(BIG) - 100) == BIG[100:]   # in 17 minutes else


@pytest.mark.parametrize('option', ['rate', 'client_rate', 'route_rate'])
def test_download_follows_a_rate_that_is_set(serve, root, option):
    """One that had none, and is longer than anybody waits."""
    with (root / 'large').open('wb') as f:
        f.truncate(1 << 40)
    d = serve()
    s = d.connect()
    s.sendall(request('/f/large'))
    reader = Reader(s)
    reader.until(b'\r\n\r\n')
    reader.exactly(1 << 20)
    tune(d, option, per_s(RATE))
    eventually(lambda: takes_a_second(s), 'it goes on as before')


def test_download_of_a_draining_worker_follows(serve):
    d = serve(rate=per_s(1000))
    s = d.connect()
    s.sendall(request('/f/big.bin'))
    reader = Reader(s)
    reader.until(b'\r\n\r\n')
    assert d.ctl('reload').returncode == 0
    tune(d, 'rate', '0')
    assert reader.exactly(len(BIG)) == BIG   # in 17 minutes else
    assert closed(s)


def takes_a_second(s):
    """Whether the next bytes arrive at RATE, which does not apply to queued ones."""
    start, got = time.monotonic(), 0
    while got < RATE:
        got += len(s.recv(1 << 16))
    return time.monotonic() - start >= (RATE - 2 * SLICE) / RATE


def test_slow_client_is_not_in_the_way_of_others(serve):
    """He shares a rate and takes nothing."""
    d = serve(route_rate=per_s(4 * RATE), front=SLOW)
    reader, size = begun(d)
    fetch(d)
    assert reader.exactly(size - 100) == BIG[100:]


def test_client_that_goes_away_waits_for_nothing(serve):
    d = serve(rate=per_s(1000), open_max=0)
    s = d.connect()
    s.sendall(request('/f/big.bin'))
    Reader(s).exactly(100)
    assert 'big.bin' in open_files(d)
    s.close()
    eventually(lambda: not open_files(d), 'the file is still open')


@pytest.mark.parametrize('option, value, good', [
    ('rate', f'{1 << 36}B/s', True), ('rate', f'{(1 << 36) + 1}B/s', False), ('client_rate', '64GiB/s', True),
    ('client_rate', '65GiB/s', False), ('route_rate', '0', True), ('route_rate', '-1B/s', False),
    ('burst', '1GiB', True), ('burst', str((1 << 30) + 1), False)])
def test_rates_have_bounds(goevd_run, tmp_path, option, value, good):
    path = tmp_path / 'goevd.yaml'
    path.write_text(json.dumps(config(listener(handler={'http': {'routes': [
        {'path': '/*', 'handler': {'download': {'root': '/', option: value}}}]}}))))
    done = goevd_run('-t', '-c', path)
    assert (done.returncode == 0) == good and (good or option in done.stderr), done.stderr


# ---- Options ------------------------------------------------------------------------------------

@pytest.mark.parametrize('options, words', [
    ({'root': '/nothing'}, 'root: /nothing: No such file or directory'),
    ({'root': '/etc/passwd'}, 'root: /etc/passwd: Not a directory'),
    ({'index': 'a/b'}, 'index: "a/b" is no name of a file in a directory'),
    ({'types': {'a': 'text'}}, 'types: "text" is no type such as text/plain'),
    ({'default_type': 'a/b\n'}, 'is no type such as text/plain'),
    ({'charset': 'a b'}, 'charset: "a b" is no name of a charset'),
    ({'cache_control': 'a\tb'}, 'cache_control: only printable ASCII'),
    ({'cache_control': 'a '}, 'cache_control: there is a space at an end'),
    ({'type_file': '/nothing'}, 'type_file: /nothing: No such file or directory'),
    ({'type_file': '/'}, 'type_file: /: Is a directory'),
])
def test_options_that_are_refused(goevd_run, tmp_path, options, words):
    path = tmp_path / 'goevd.yaml'
    path.write_text(json.dumps(config(listener(handler={'download': {'root': '/', **options}}))))
    done = goevd_run('-c', path)
    assert done.returncode == daemon.CONFIG_FAULT and words in done.stderr, done.stderr
    assert re.search(r'goevd\.yaml:\d+:\d+: listeners\[0\]\.handler', done.stderr)


def test_type_file_at_its_limit_and_one_past_it(serve, refused, tmp_path):
    path = tmp_path / 'types'
    path.write_text('text/odd txt\n')
    os.truncate(path, 16 << 20)
    d = serve(type_file=str(path))
    assert ask(d, 'tens.txt')[1]['content-type'].startswith('text/odd')
    os.truncate(path, (16 << 20) + 1)
    options = {'root': '/', 'type_file': str(path)}
    assert f'download.type_file: {path}: File too large' in refused(config(listener(handler={'download': options})))


def test_relative_root_is_relative_to_the_file_that_says_so(goevd, goevd_run, tmp_path):
    folder = tmp_path / 'part'
    (folder / 'site').mkdir(parents=True)
    (folder / 'site/index.html').write_text('relative')
    (folder / 'part.yaml').write_text(json.dumps(config(listener(handler={'download': {'root': 'site'}}))))
    d = goevd(json.dumps({'include': str(folder / 'part.yaml')}))
    s = d.connect()
    s.sendall(request('/'))
    assert Reader(s).response()[2] == b'relative'
    assert f'root: {folder}/site\n' in goevd_run('-T', '-c', d.config).stdout


# ---- Clients ------------------------------------------------------------------------------------

@pytest.mark.parametrize('argv', [
    ['curl', '-sS', '-C', '-', '-o', 'copy'], ['wget', '-q', '-c', '-O', 'copy']])
@pytest.mark.parametrize('have', [0, 1, 65536, len(BIG) - 1, len(BIG)])
def test_client_resumes_a_download(serve, tmp_path, argv, have):
    (tmp_path / 'copy').write_bytes(BIG[:have])
    url = f'http://127.0.0.1:{serve().port()}/f/big.bin'
    subprocess.run([*argv, url], cwd=tmp_path, check=have < len(BIG), timeout=PATIENCE_S)
    assert (tmp_path / 'copy').read_bytes() == BIG


@pytest.mark.parametrize('how', ['link', 'directory'])
def test_root_that_is_switched_is_followed(goevd, tmp_path, how):
    """As a deployment does: the name leads to another directory, then the old one is removed."""
    def make(name, text):
        (tmp_path / name / 'sub').mkdir(parents=True)
        (tmp_path / name / 'v.txt').write_text(text)
        (tmp_path / name / 'sub/index.html').write_text('sub')

    def switch(old, new):
        if how == 'directory':
            (tmp_path / 'current').rename(tmp_path / old)
            (tmp_path / new).rename(tmp_path / 'current')
        else:
            (tmp_path / 'next').symlink_to(new)
            (tmp_path / 'next').rename(tmp_path / 'current')

    def text():
        status, _, body = ask(d, 'v.txt')
        return body.decode() if status == 200 else status

    make('rel1', 'v1')
    make('rel2', 'v2')
    if how == 'link':
        (tmp_path / 'current').symlink_to('rel1')
    else:
        (tmp_path / 'rel1').rename(tmp_path / 'current')
    d = goevd(config(listener(handler={'http': {'routes': [{'path': '/f/*', 'handler': {'download': {
        'root': str(tmp_path / 'current'), 'open_time': '10ms', 'listing': 'json'}}}]}})))
    d.may_say = ['cannot open the root']
    assert text() == 'v1'
    switch('rel1', 'rel2')
    eventually(lambda: text() == 'v2', 'the old root is served still')
    time.sleep(0.02)   # open_time has passed at the other pollers, too
    shutil.rmtree(tmp_path / 'rel1')
    assert b'v.txt' in ask(d, '')[2] and text() == 'v2'
    # a root that is away for a moment is served on, and that is logged once
    (tmp_path / 'current').rename(tmp_path / 'away')
    eventually(lambda: text() == 'v2' and d.log.find('cannot open the root .*: No such file'), 'no word of it')
    (tmp_path / 'away').rename(tmp_path / 'current')
    eventually(lambda: text() == 'v2' and d.log.find('can be opened again'), 'no word of it')
    assert len(d.log.find('cannot open the root')) == 1
