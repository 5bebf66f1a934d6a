"""Clients that others wrote."""
import http.client
import json
import os
import re
import shutil
import subprocess

import pytest

import browser
from corpus import ROUTES
from daemon import PATIENCE_S, ROOT, config, listener

pytestmark = pytest.mark.heavy

FUNC = ROOT / 'tests' / 'func'
PAGE = '<title>A page</title><p id=p>not run</p><script src="/script"></script>'
SCRIPT = 'document.getElementById("p").textContent = "run";'

WEB = {'http': {'routes': ROUTES + [
    {'path': '/page', 'respond': {'headers': {'Content-Type': 'text/html'}, 'body': PAGE}},
    {'path': '/script', 'respond': {'headers': {'Content-Type': 'text/javascript'},
                                    'body': SCRIPT}},
    {'path': '/favicon.ico', 'respond': {'status': 204}},
]}}


@pytest.fixture
def url(goevd):
    """Where goevd serves."""
    return f'http://127.0.0.1:{goevd(config(listener(handler=WEB))).port()}'


def run(*argv, status=0, **more):
    """A client from start to end; its output."""
    done = subprocess.run(list(map(str, argv)), text=True, capture_output=True, check=False,
                          timeout=2 * PATIENCE_S, **more)
    assert done.returncode == status, done.stderr
    return done.stdout


# ---- curl ---------------------------------------------------------------------------------------

def curl(*argv, **more):
    """curl without settings of the user's."""
    return run('curl', '-q', '-sS', '--noproxy', '*', '--max-time', str(PATIENCE_S), *argv, **more)


def test_curl_keeps_its_connection(url):
    paths = ['/', '/empty', '/nope', '/same', '/']
    out = curl('-o', '/dev/null', '-w', '%{http_code} %{num_connects}\n',
               *[word for path in paths for word in (url + path, '-o', '/dev/null')][:-2])
    assert out.split('\n')[:-1] == ['200 1', '204 0', '404 0', '304 0', '200 0']


def test_curl_head_1_0_and_redirect(url):
    assert 'Content-Length: 13\n' in curl('-I', url + '/').replace('\r', '')
    assert curl('--http1.0', url + '/') == 'Hello, World!'
    assert curl('-L', url + '/old') == 'Hello, World!'
    assert curl('-X', 'OPTIONS', '--request-target', '*', '-w', '%{http_code}', url) == '200'


@pytest.mark.parametrize('expect', ['', '100-continue'])
@pytest.mark.parametrize('chunked', [False, True])
def test_curl_posts(url, expect, chunked, tmp_path):
    body = tmp_path / 'body'
    body.write_bytes(os.urandom(1 << 20))
    more = ['-H', 'Transfer-Encoding: chunked'] if chunked else []
    out = curl('--data-binary', f'@{body}', '-H', f'Expect: {expect}', *more, url + '/form')
    assert out == 'Hello, World!'


def test_curl_gets_the_answer_to_a_body_that_is_too_large(url, tmp_path):
    body = tmp_path / 'body'
    body.write_bytes(bytes(8 << 20))
    for more in [], ['-H', 'Transfer-Encoding: chunked']:
        out = curl('--data-binary', f'@{body}', '-H', 'Expect:', *more, '-o', '/dev/null',
                   '-w', '%{http_code}', url + '/form')
        assert out == '413'


# ---- wget, Python, node, Java -------------------------------------------------------------------

def test_wget(url, tmp_path):
    wget = ['wget', '--no-config', '--no-proxy', '--tries=1', '-q', '-O', '-']
    assert run(*wget, url + '/', url + '/old', cwd=tmp_path) == 'Hello, World!' * 2
    assert run(*wget, '--post-data=hello', url + '/form', cwd=tmp_path) == 'Hello, World!'
    assert run(*wget, '--spider', url + '/', cwd=tmp_path) == ''
    run(*wget, url + '/nope', cwd=tmp_path, status=8)   # an error of the server's


def test_python(url):
    connection = http.client.HTTPConnection(url.removeprefix('http://'), timeout=PATIENCE_S)
    connection.connect()
    connection.auto_open = False   # all on one connection
    for method, path, body, status in [
            ('GET', '/', None, 200), ('HEAD', '/', None, 200), ('POST', '/form', b'hello', 200),
            ('POST', '/form', [b'in ', b'chunks'], 200), ('GET', '/empty', None, 204),
            ('PUT', '/', b'x' * 100000, 405), ('GET', '/same', None, 304), ('GET', '/', None, 200)]:
        connection.request(method, path, body)
        reply = connection.getresponse()
        assert reply.status == status
        text = reply.read()
        assert text == b'Hello, World!' if status == 200 and method != 'HEAD' else True
    connection.close()


def test_node(url):
    env = {**os.environ, 'NODE_PATH': '/usr/share/nodejs'}
    found = json.loads(run('node', FUNC / 'clients.js', url, env=env))
    assert found['fetch'] == ['Hello, World!', 200, 200, True, 204, '13', '']
    assert found['agent'] == [[200, False], [204, True], [404, True], [200, True]]
    assert found['undici'] == {'connections': 1, 'statuses': [200, 204, 404, 200, 304] * 100}


@pytest.mark.skipif(shutil.which('javac') is None, reason='no Java compiler is installed')
def test_java(url):
    out = run('java', '-Xshare:auto', FUNC / 'Clients.java', url)
    assert out.split('\n')[:-1] == ['HTTP_1_1 200 13', 'HTTP_1_1 200 13', 'HTTP_1_1 204 0',
                                    'HTTP_1_1 200 13', 'HTTP_1_1 200 13']


@browser.needed
def test_chromium(url, tmp_path):
    out = run(browser.BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
              '--disable-background-networking', f'--user-data-dir={tmp_path}', '--dump-dom',
              url + '/page')
    assert re.search('<p id="p">run</p>', out)
