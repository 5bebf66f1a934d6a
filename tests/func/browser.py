"""Chromium, without a window."""
import asyncio
import contextlib
import json
import re
import shutil
import socket
import subprocess
import urllib.parse

import pytest
import websockets

from daemon import PATIENCE_S
from wire import Reader

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')

needed = pytest.mark.skipif(BROWSER is None, reason='Chromium is not installed')


@contextlib.contextmanager
def started(url, folder, *options, stderr=subprocess.DEVNULL):
    """Its process, with a page."""
    browser = subprocess.Popen(
        [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
         '--disable-background-networking', '--autoplay-policy=no-user-gesture-required',
         f'--user-data-dir={folder}', '--remote-debugging-port=0', *options, url],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, text=True)
    try:
        yield browser
    finally:
        browser.terminate()
        browser.communicate(timeout=PATIENCE_S)


def told_by(url, folder, *options):
    """The report of a page, which gets a port in its address, http://…/?PORT, and asks it for a path."""
    with socket.create_server(('127.0.0.1', 0)) as told:
        told.settimeout(2 * PATIENCE_S)
        with started(f'{url}?{told.getsockname()[1]}', folder, *options):
            with told.accept()[0] as s:
                path = Reader(s).until(b'\r\n').decode().split()[1]
    return urllib.parse.unquote(path[1:])


# ---- Driven by the DevTools protocol -------------------------------------------------------------

@contextlib.contextmanager
def devtools(folder):
    """The address at which it is driven."""
    with started('about:blank', folder, stderr=subprocess.PIPE) as browser:
        yield next(m[1] for line in browser.stderr
                   if (m := re.search(r'DevTools listening on (ws://\S+)', line)))


async def ask(ws, method, **params):
    """Call a method of the DevTools."""
    await ws.send(json.dumps({'id': 1, 'method': method, 'params': params}))
    while True:
        said = json.loads(await asyncio.wait_for(ws.recv(), PATIENCE_S))
        if said.get('id') == 1:
            assert 'result' in said, said
            return said['result']


class Page:
    """A page of a browser that is driven."""

    def __init__(self, address, target):
        self.address = f'{address.rsplit("/", 2)[0]}/page/{target}'

    @classmethod
    async def new(cls, address, url):
        """One at that URL, whole."""
        async with websockets.connect(address) as ws:
            page = cls(address, (await ask(ws, 'Target.createTarget', url=''))['targetId'])
        async with websockets.connect(page.address) as ws:
            await ask(ws, 'Page.enable')
            await ws.send(json.dumps({'id': 2, 'method': 'Page.navigate', 'params': {'url': url}}))
            while json.loads(await ws.recv()).get('method') != 'Page.loadEventFired':
                pass
        return page

    async def run(self, script):
        """The value of a script, when it has one."""
        async with websockets.connect(self.address) as ws:
            return (await ask(ws, 'Runtime.evaluate', expression=script, awaitPromise=True,
                              returnByValue=True))['result']['value']
