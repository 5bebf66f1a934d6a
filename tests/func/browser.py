"""Chromium, without a window."""
import shutil
import socket
import subprocess
import urllib.parse

import pytest

from daemon import PATIENCE_S
from wire import Reader

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')

needed = pytest.mark.skipif(BROWSER is None, reason='Chromium is not installed')


def told_by(url, folder):
    """What the page tells: it gets a port in its address, http://…/?PORT, and asks that for a path."""
    with socket.create_server(('127.0.0.1', 0)) as told:
        told.settimeout(2 * PATIENCE_S)
        browser = subprocess.Popen(
            [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
             '--disable-background-networking', '--autoplay-policy=no-user-gesture-required',
             f'--user-data-dir={folder}', '--remote-debugging-port=0',
             f'{url}?{told.getsockname()[1]}'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with told.accept()[0] as s:
                path = Reader(s).until(b'\r\n').decode().split()[1]
        finally:
            browser.terminate()
            browser.wait(PATIENCE_S)
    return urllib.parse.unquote(path[1:])
