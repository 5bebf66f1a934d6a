"""The demonstration, examples/demo: its page, and the targets of its links."""
import re
import urllib.request

import pytest

import daemon
from daemon import PATIENCE_S, ROOT


@pytest.fixture
def demo(goevd):
    """The URL at which it serves."""
    path = ROOT / 'examples/demo'
    text = re.sub(r'(address: *127\.0\.0\.1):\d+', r'\1:0', (path / 'demo.yaml').read_text())
    text = re.sub(r'\broot: (?=\w)', f'root: {path}/', text)
    d = goevd(text, '--plugin-dir', str(daemon.EXAMPLES), ready=False)
    d.count = 2
    return f'http://127.0.0.1:{d.ready().port()}/'


def fetch(url):
    """Its type and text; it must be there."""
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:
        return reply.headers['Content-Type'], reply.read().decode()


def test_links_of_the_page_lead_somewhere(demo):
    kind, page = fetch(demo)
    assert kind == 'text/html; charset=utf-8'
    found = {link: fetch(demo + link) for link in re.findall(r'href="([^"]+)"', page)}
    assert set(found) == {'chat', 'chat?room=tea', 'files/', 'plaintext', 'json'}
    assert found['plaintext'] == ('text/plain', 'Hello, World!')
    assert found['files/'][1].count('<tr class=') == 2
    assert not re.search(r'(?:src|href)="(?:https?:)?//|url\(|@import', page), 'it needs something else'
