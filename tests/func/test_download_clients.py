"""Clients that others wrote fetch files, break off, resume and seek; each file arrives whole."""
import hashlib
import os
import shutil
import subprocess
import wave

import pytest

import browser
from daemon import PATIENCE_S, config, eventually, listener

BLOCK = b''.join(hashlib.sha256(i.to_bytes(4, 'big')).digest() for i in range(1 << 15))
COPIES = 17                 # more than 16 pieces of the least size that aria2c has
SIZE = COPIES * len(BLOCK)

# It seeks where nothing can have come by itself yet, and then fetches the whole file.
PAGE = """<title>A page</title><video id=v muted preload=auto></video><script>
v.onloadedmetadata = () => { v.currentTime = v.duration * 0.9; };
v.onseeked = async () => {
    const found = [Math.round(v.duration), Math.round(v.currentTime / v.duration * 100)];
    const content = await (await fetch('/f/sound.wav')).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
    found.push([...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
    tell(found);
};
v.onerror = () => tell(v.error.message);
const tell = (what) => {
    new Image().src = `http://127.0.0.1:${location.search.slice(1)}/${encodeURIComponent(what)}`;
};
v.src = '/f/sound.wav';
</script>"""


@pytest.fixture(name='root', scope='module')
def made_root(tmp_path_factory):
    """A directory with a file."""
    root = tmp_path_factory.mktemp('root')
    (root / 'big.bin').write_bytes(BLOCK * COPIES)
    return root


class Server:
    """goevd with these files."""

    def __init__(self, goevd, root, control):
        self.daemon = goevd(config(
            listener(handler={'http': {'routes': [
                {'path': '/', 'respond': {'headers': {'Content-Type': 'text/html'}, 'body': PAGE}},
                {'path': '/f/*', 'handler': {'download': {'root': str(root)}}}]}}),
            reactors=[{'name': 'main', 'pollers': '2'}], control={'socket': str(control)}))
        self.url = f'http://127.0.0.1:{self.daemon.port()}/'

    def rate(self, rate):
        """Of all downloads, also those that run."""
        name = next(s['name'] for s in self.daemon.told('settings') if s['name'].endswith('.route_rate'))
        assert self.daemon.ctl('set', name, rate).returncode == 0

    def metric(self, name):
        """Its total now."""
        return self.daemon.metrics()[name]


@pytest.fixture
def server(goevd, root, tmp_path):
    """A Server."""
    return Server(goevd, root, tmp_path / 'control.sock')


def begin(argv, folder):
    """The client, in a folder with the files of its previous run."""
    return subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


CLIENTS = {
    'curl': ['curl', '-q', '-sS', '--noproxy', '*', '-C', '-', '-o', 'copy'],
    'wget': ['wget', '--no-config', '--no-proxy', '-q', '-c', '-O', 'copy'],
    'aria2c': ['aria2c', '--no-conf', '-q', '-c', '-x16', '-s16', '-k1M', '--auto-save-interval=1',
               '--file-allocation=none', '-o', 'copy'],
}


@pytest.mark.parametrize('name', CLIENTS)
def test_client_that_is_killed_resumes(server, tmp_path, name):
    if shutil.which(name) is None:
        pytest.skip(f'{name} is not installed')
    copy = tmp_path / 'copy'
    argv = [*CLIENTS[name], server.url + 'f/big.bin']
    server.rate('8MiB/s')
    for _ in range(3):
        have, sent = copy.stat().st_size if copy.exists() else 0, server.metric('goevd_sent_bytes_total')
        client = begin(argv, tmp_path)
        eventually(lambda: copy.exists() and server.metric('goevd_sent_bytes_total') > sent + 500000 and
                   (name == 'aria2c' or copy.stat().st_size > have), 'nothing comes')
        client.kill()
        client.wait()
    server.rate('0')
    assert begin(argv, tmp_path).wait(PATIENCE_S) == 0
    assert copy.read_bytes() == BLOCK * COPIES


@pytest.mark.skipif(shutil.which('aria2c') is None, reason='aria2c is not installed')
def test_sixteen_connections_at_once(server, tmp_path):
    server.rate('8MiB/s')
    client = begin([*CLIENTS['aria2c'], server.url + 'f/big.bin'], tmp_path)
    eventually(lambda: server.metric('goevd_connections_open') >= 16, 'there are fewer')
    server.rate('0')
    assert client.wait(PATIENCE_S) == 0
    assert (tmp_path / 'copy').read_bytes() == BLOCK * COPIES
    assert not os.path.exists(tmp_path / 'copy.aria2')


@pytest.mark.heavy
@browser.needed
def test_chromium_seeks(server, root, tmp_path):
    path = root / 'sound.wav'
    with wave.open(str(path), 'wb') as sound:
        sound.setparams((1, 1, 8000, 0, 'NONE', 'none'))
        sound.writeframes(BLOCK * COPIES)
    server.rate('12MiB/s')
    told = browser.told_by(server.url, tmp_path / 'browser')
    seconds, percent, digest = told.split(',')
    assert (int(seconds), int(percent)) == (round(SIZE / 8000), 90)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    # the beginning, where the seek leads, and the whole
    assert server.metric('goevd_download_files_opened_total') + server.metric('goevd_download_files_reused_total') >= 3
