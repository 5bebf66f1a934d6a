"""Files of gigabytes reach each client whole, also over reloads and after it was killed."""
import concurrent.futures
import hashlib
import os
import subprocess

import pytest

from daemon import config, eventually, listener, listens

pytestmark = [pytest.mark.long, pytest.mark.xdist_group('long_downloads')]

SIZE = int(os.environ.get('GOEVD_LONG_BYTES', str(2 << 30)))
BLOCK = 1 << 20
TRANSFER_S = 1800     # kills a hanging test

CLIENTS = {
    'curl': ['curl', '-q', '-sS', '--noproxy', '*', '-C', '-', '-o', 'copy'],
    'wget': ['wget', '--no-config', '--no-proxy', '-q', '-c', '-O', 'copy'],
    'aria2c': ['aria2c', '--no-conf', '-q', '-c', '-x8', '-s8', '--file-allocation=none', '-o', 'copy'],
}


def digest_of(path):
    """SHA-256."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


@pytest.fixture(scope='module')
def big(tmp_path_factory):
    """A folder with big.bin, no block of which is like another; its digest."""
    folder = tmp_path_factory.mktemp('root')
    digest = hashlib.sha256()
    with (folder / 'big.bin').open('wb') as file:
        for i in range(SIZE // BLOCK):
            block = hashlib.shake_128(i.to_bytes(8, 'big')).digest(64) * (BLOCK // 64)
            digest.update(block)
            file.write(block)
    yield folder, digest.hexdigest()
    (folder / 'big.bin').unlink()


@pytest.fixture
def served(goevd, big, tmp_path):
    """goevd that serves that folder."""
    # Draining must outlast a download, and more workers than usual drain.
    return goevd(config(listener(handler={'http': {'routes': [
        {'path': '/f/*', 'handler': {'download': {'root': str(big[0])}}}]}}),
        control={'socket': str(tmp_path / 'control.sock')},
        processes={'drain_timeout': '1h', 'workers_max': 8}))


def fetch(d, name, folder):
    """Starts a client in a folder with the files of its previous run."""
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([*CLIENTS[name], f'http://127.0.0.1:{d.port()}/f/big.bin'], cwd=folder,
                            stdin=subprocess.DEVNULL)


def arrived(client, folder, digest):
    """It ends well, and the file is right; the disk is wanted for the next."""
    assert client.wait(TRANSFER_S) == 0
    assert digest_of(folder / 'copy') == digest
    (folder / 'copy').unlink()


@pytest.mark.parametrize('name', CLIENTS)
def test_long_client_that_is_killed_resumes(served, big, tmp_path, name):
    folder, copy = tmp_path / 'client', tmp_path / 'client' / 'copy'
    rate = next(s['name'] for s in served.told('settings') if s['name'].endswith('.route_rate'))
    assert served.ctl('set', rate, '64MiB/s').returncode == 0
    for share in (8, 4, 2):
        client = fetch(served, name, folder)
        eventually(lambda: copy.exists() and copy.stat().st_blocks * 512 > SIZE // 8 // share,
                   'nothing comes')
        client.kill()
        client.wait()
    assert served.ctl('set', rate, '0').returncode == 0
    arrived(fetch(served, name, folder), folder, big[1])


def test_long_downloads_outlast_reloads(served, big, tmp_path):
    clients = [fetch(served, name, tmp_path / name) for name in CLIENTS]
    for _ in range(5):
        eventually(lambda: listens(served.control), 'no control socket')
        assert served.ctl('reload').returncode == 0
    for name, client in zip(CLIENTS, clients):
        arrived(client, tmp_path / name, big[1])


def test_long_many_read_one_file(served, big):
    argv = ['curl', '-q', '-sSf', '--noproxy', '*', f'http://127.0.0.1:{served.port()}/f/big.bin']

    def read(_):
        digest = hashlib.sha256()
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as client:
            while data := client.stdout.read(BLOCK):
                digest.update(data)
        return client.returncode, digest.hexdigest()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(8))) == {(0, big[1])}
