"""Certificates, and TLS clients whose every byte a test can see and cut."""
import functools
import hashlib
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

from daemon import ROOT


def openssl(*args, **more):
    """The output of a command of openssl."""
    return subprocess.run(['openssl', *map(str, args)], check=True, capture_output=True, **more).stdout


def kept(make, *facts):
    """The folder that make(folder) has filled, in this run or an earlier one of the day.

    Keys take long to make, and each worker of pytest needs the same ones.
    """
    name = hashlib.sha1(repr((make.__name__, time.strftime('%F'), *facts)).encode()).hexdigest()
    folder = ROOT / 'build' / 'test-certificates' / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
        make(fresh, *facts)
        try:
            fresh.rename(folder)
        except OSError:   # another process was faster
            shutil.rmtree(fresh)
    return {'certificate': f'{folder}/pem', 'key': f'{folder}/key'}


def make_certificate(folder, names, key, days, password):
    """A self-signed certificate and its key."""
    kind = {'ec': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
            'rsa': ['-newkey', 'rsa:2048']}[key]
    hide = ['-passout', f'pass:{password}'] if password else ['-nodes']
    san = ','.join(f'DNS:{name}' for name in names)
    openssl('req', '-x509', *kind, *hide, '-subj', '/CN=test', '-addext', f'subjectAltName={san}', '-keyout',
            folder / 'key', '-out', folder / 'pem')
    if days:   # openssl req knows no end that has passed
        openssl('x509', '-in', folder / 'pem', '-signkey', folder / 'key', '-days', days, '-out', folder / 'pem')


@functools.lru_cache(maxsize=None)
def certificate(*names, key='ec', days=None, password=None):
    """Files of a certificate and its key: {'certificate': path, 'key': path}."""
    return kept(make_certificate, names, key, days, password)


def make_client_certificate(folder, name, issuer, days, serial):
    """A certificate that another one, a path, has signed."""
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/O=example/CN={name}',
            '-addext', f'subjectAltName=DNS:{name}.example,email:{name}@example', '-keyout', folder / 'key',
            '-out', folder / 'csr')
    openssl('x509', '-req', '-in', folder / 'csr', '-CA', issuer, '-CAkey', issuer.removesuffix('pem') + 'key',
            '-set_serial', serial, '-days', days, '-copy_extensions', 'copy', '-out', folder / 'pem')


@functools.lru_cache(maxsize=None)
def client_certificate(name, issuer, days=30, serial=4711):
    """A client's, issued by one of certificate(); issuer is the path of that."""
    return kept(make_client_certificate, name, issuer, days, serial)


def revocations(folder, issuer, *revoked):
    """The path of a list of revoked certificates, made in a folder."""
    (folder / 'index').write_text('')
    (folder / 'ca.cnf').write_text(f'[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\n'
                                   'default_md=sha256\ndefault_crl_days=30\n')
    ca = ['ca', '-config', folder / 'ca.cnf', '-cert', issuer, '-keyfile', issuer.removesuffix('pem') + 'key']
    for path in revoked:
        openssl(*ca, '-revoke', path)
    openssl(*ca, '-gencrl', '-out', folder / 'crl')
    return str(folder / 'crl')


def context(trusted=None, alpn=None, version=None, own=None):
    """A client's; version is 'TLSv1_2' or 'TLSv1_3'."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusted:
        c.load_verify_locations(trusted['certificate'])
    else:
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if own:
        c.load_cert_chain(own['certificate'], own['key'])
    if alpn:
        c.set_alpn_protocols(alpn)
    if version:
        c.minimum_version = c.maximum_version = ssl.TLSVersion[version]
    return c


def connect(d, name='web', server_name='localhost', session=None, **more):
    """A client of a Daemon whose handshake is done."""
    plain = d.connect(name)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c = more.pop('context', None) or context(**more)
    s = c.wrap_socket(plain, server_hostname=server_name, session=session)
    d.sockets.append(s)
    return s


class Client:
    """TLS in memory: what it sends is bytes, which the caller may cut, join and drop."""

    def __init__(self, server_name='localhost', **more):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context(**more).wrap_bio(self.incoming, self.outgoing, server_hostname=server_name)

    def begin(self):
        """The ClientHello."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def go_on(self, sock):
        """Read until the handshake is done; the bytes that finish it."""
        while True:
            try:
                self.tls.do_handshake()
                return self.outgoing.read()
            except ssl.SSLWantReadError:
                if rest := self.outgoing.read():
                    sock.sendall(rest)
                self.feed(sock)

    def feed(self, sock):
        """Some bytes of the server."""
        data = sock.recv(1 << 16)
        if not data:
            raise EOFError('the server has closed the connection')
        self.incoming.write(data)

    def seal(self, data):
        """The bytes that carry this plaintext."""
        self.tls.write(data)
        return self.outgoing.read()

    def end(self):
        """The bytes of close_notify."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def read(self, sock):
        """Some plaintext; empty: close_notify."""
        while True:
            try:
                return self.tls.read(1 << 16)
            except ssl.SSLWantReadError:
                self.feed(sock)
            except ssl.SSLZeroReturnError:
                return b''

    def read_all(self, sock):
        """Until close_notify."""
        data = b''
        while more := self.read(sock):
            data += more
        return data
