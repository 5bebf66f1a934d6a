"""TLS with clients that others wrote: Chromium, curl, Node, Python's websockets."""
import asyncio
import hashlib
import json
import shutil
import subprocess

import pytest
import websockets

import browser
import tls
from daemon import PATIENCE_S, ROOT, config, listener

pytestmark = pytest.mark.heavy

LOCAL = tls.certificate('localhost')
BIG = bytes(range(256)) * 4096    # 1 MiB

PAGE = '''<!doctype html><script>
const report = (text) => fetch(`http://127.0.0.1:${location.search.slice(1)}/${encodeURIComponent(text)}`);

async function length(response) {
  return (await (await response).arrayBuffer()).byteLength;
}

async function cancelled() {
  const control = new AbortController();
  const reader = (await fetch('/f/big', {signal: control.signal})).body.getReader();
  await reader.read();
  control.abort();
  return reader.read().then(() => 'went on', (error) => error.name);
}

function chat() {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://${location.host}/ws`);
    ws.onopen = () => ws.send('hello');
    ws.onmessage = (event) => { resolve(event.data); ws.close(); };
    ws.onerror = reject;
  });
}

async function all() {
  const downloads = await Promise.all([...Array(100).keys()].map((i) => length(fetch(`/f/big?${i}`))));
  const upload = await length(fetch('/do/echo-stream', {method: 'POST', body: new Uint8Array(1 << 20)}));
  const protocol = performance.getEntriesByType('navigation')[0].nextHopProtocol;
  return [protocol, new Set(downloads).size, downloads[0], upload, await cancelled(), await chat()];
}

all().then((found) => report(found.join(' ')), (error) => report(`failed: ${error}`));
</script>'''


@pytest.fixture
def d(goevd, plugins, tmp_path):
    (tmp_path / 'files').mkdir()
    (tmp_path / 'files/big').write_bytes(BIG)
    (tmp_path / 'files/index.html').write_text(PAGE)
    http = {'http': {'routes': [
        {'path': '/', 'handler': {'download': {'root': str(tmp_path / 'files')}}},
        {'path': '/f/*', 'handler': {'download': {'root': str(tmp_path / 'files')}}},
        {'path': '/do/{id}', 'handler': {'http_probe': {'stream': 'echo'}}},
        {'path': '/ws', 'handler': {'websocket': {'application': 'echo'}}}]}}
    return goevd(config(listener(handler=http, tls={'certificates': LOCAL}), plugin_dir=str(plugins)))


@browser.needed
def test_chromium(d, tmp_path):
    key = tls.openssl('x509', '-in', LOCAL['certificate'], '-noout', '-pubkey')
    der = tls.openssl('pkey', '-pubin', '-outform', 'der', input=key)
    spki = tls.openssl('enc', '-base64', input=hashlib.sha256(der).digest()).decode().strip()
    told = browser.told_by(f'https://localhost:{d.port()}/', tmp_path / 'browser',
                           f'--ignore-certificate-errors-spki-list={spki}')
    assert told == f'h2 1 {len(BIG)} 1048576 AbortError hello'


@pytest.mark.skipif(shutil.which('node') is None, reason='Node is not installed')
def test_node(d):
    done = subprocess.run(['node', ROOT / 'tests/func/tls.js', f'https://localhost:{d.port()}',
                           LOCAL['certificate']], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {'https': [200, 'TLSv1.3'], 'http2': ['h2', [len(BIG)]]}


@pytest.mark.parametrize('version', ['--http1.1', '--http2'])
def test_curl(d, version, tmp_path):
    done = subprocess.run(['curl', '-sS', version, '--cacert', LOCAL['certificate'], '--write-out', '%{http_version}',
                           '-o', tmp_path / 'big', f'https://localhost:{d.port()}/f/big'],
                          capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout == {'--http1.1': '1.1', '--http2': '2'}[version]
    assert (tmp_path / 'big').read_bytes() == BIG


def test_python_websockets(d):
    async def talk():
        async with websockets.connect(f'wss://localhost:{d.port()}/ws', ssl=tls.context(trusted=LOCAL)) as ws:
            for n in (1, 1000, 100000):
                await ws.send('x' * n)
                assert await ws.recv() == 'x' * n
    asyncio.run(talk())
