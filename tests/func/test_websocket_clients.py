"""WebSocket clients that others wrote."""
import asyncio
import os
import shutil

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

import browser
import daemon
from test_http_clients import FUNC, run

pytestmark = pytest.mark.heavy

# What has come back, it tells the port in its address.
PAGE = """<title>A page</title><script>
const ws = new WebSocket(`ws://${location.host}/ws`), said = [];
ws.onopen = () => ['hello', 'ä€😀', 'é'.repeat(300)].forEach((text) => ws.send(text));
ws.onmessage = (event) => { said.push(event.data); if (said.length === 3) ws.close(4000, 'x'); };
ws.onclose = (event) => {
    const found = encodeURIComponent(`${said} ${event.code} ${event.wasClean} ${ws.extensions}`);
    new Image().src = `http://127.0.0.1:${location.search.slice(1)}/${found}`;
};
</script>"""


@pytest.fixture
def address(goevd):
    """host:port of a goevd that echoes at /ws, with a page at / that tries it."""
    handler = {'http': {'routes': [
        {'path': '/', 'respond': {'headers': {'Content-Type': 'text/html; charset=utf-8'},
                                  'body': PAGE}},
        {'path': '/ws', 'handler': {'websocket': {'application': 'echo'}}},
        {'path': '/context', 'handler': {'websocket': {'application': 'echo', 'compress_min': 1,
                                                       'compress_context': True}}}]}}
    return f'127.0.0.1:{goevd(daemon.config(daemon.listener(handler=handler))).port()}'


# The options of node's ws, and the agreed terms. It compresses nothing below its threshold.
NODE = {
    'false': 'undefined',
    'true': 'permessage-deflate; client_max_window_bits=12',
    '{"threshold": 0}': 'permessage-deflate; client_max_window_bits=12',
    '{"threshold": 0, "serverNoContextTakeover": true, "clientNoContextTakeover": true, '
    '"serverMaxWindowBits": 9, "clientMaxWindowBits": 9}':
        'permessage-deflate; server_no_context_takeover; client_no_context_takeover; '
        'server_max_window_bits=9; client_max_window_bits=9',
}


@pytest.mark.parametrize('path', ['ws', 'context'])
@pytest.mark.parametrize('options', NODE)
def test_node(address, path, options):
    env = {**os.environ, 'NODE_PATH': '/usr/share/nodejs'}
    out = run('node', FUNC / 'websocket.js', f'ws://{address}/{path}', options, env=env)
    assert out.split('\n')[:-1] == [
        f'extensions {NODE[options]}', 'pong are you there', *['text same'] * 8, 'close 4000']


# The client compares the reply with its offer.
PYTHON = [
    {'compression': None}, {'compression': 'deflate'},
    *({'compression': None, 'extensions': [ClientPerMessageDeflateFactory(*offer)]} for offer in (
        (False, False, None, None), (True, True, 10, 9), (True, False, 15, True),
        (False, True, 9, 15)))]


@pytest.mark.parametrize('path', ['ws', 'context'])
@pytest.mark.parametrize('how', PYTHON)
def test_python(address, path, how):
    async def talk():
        async with websockets.connect(f'ws://{address}/{path}', **how) as ws:
            assert len(ws.extensions) == (how != PYTHON[0])
            for message in ('hello', b'\0\xff' * 300, 'ä€😀' * 10000, '', '', 'hello', 'ä€😀' * 10000):
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(['in ', 'some ', 'parts'])
            assert await ws.recv() == 'in some parts'
            await asyncio.wait_for(await ws.ping(), daemon.PATIENCE_S)
            await ws.close(4000, 'enough')
            assert ws.close_code == 4000

    asyncio.run(talk())


@pytest.mark.skipif(shutil.which('javac') is None, reason='no Java compiler is installed')
def test_java(address):
    out = run('java', '-Xshare:auto', FUNC / 'WebSocketClient.java', f'ws://{address}/ws')
    assert out.split('\n')[:-1] == ['text in parts true', 'close 4000']


@browser.needed
def test_chromium(address, tmp_path):
    assert browser.told_by(f'http://{address}/', tmp_path) == (
        f'hello,ä€😀,{"é" * 300} 4000 true permessage-deflate; client_max_window_bits=12')
