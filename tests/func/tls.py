"""Certificates, and TLS clients whose every byte a test can see and cut."""
import functools
import pathlib
import socket
import ssl
import subprocess
import tempfile


def openssl(*args, **more):
    """The output of a command of openssl."""
    return subprocess.run(['openssl', *map(str, args)], check=True, capture_output=True, **more).stdout


@functools.lru_cache(maxsize=None)
def folder():
    """Of the certificates of this process; removed with it."""
    return tempfile.TemporaryDirectory(prefix='goevd-tls-')


@functools.lru_cache(maxsize=None)
def certificate(*names, key='ec', days=None, password=None):
    """Files of a self-signed certificate and its key: {'certificate': path, 'key': path}."""
    base = pathlib.Path(folder().name) / f'{len(list(pathlib.Path(folder().name).iterdir()))}'
    kind = {'ec': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
            'rsa': ['-newkey', 'rsa:2048']}[key]
    hide = ['-passout', f'pass:{password}'] if password else ['-nodes']
    san = ','.join(f'DNS:{name}' for name in names)
    openssl('req', '-x509', *kind, *hide, '-subj', '/CN=test', '-addext',
            f'subjectAltName={san}', '-keyout', f'{base}.key', '-out', f'{base}.pem')
    if days:   # openssl req knows no end that has passed
        openssl('x509', '-in', f'{base}.pem', '-signkey', f'{base}.key', '-days', days, '-out', f'{base}.pem')
    return {'certificate': f'{base}.pem', 'key': f'{base}.key'}


@functools.lru_cache(maxsize=None)
def client_certificate(name, issuer):
    """A client's, issued by one of certificate(); issuer is the path of that."""
    base = pathlib.Path(folder().name) / f'{len(list(pathlib.Path(folder().name).iterdir()))}'
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/O=example/CN={name}',
            '-addext', f'subjectAltName=DNS:{name}.example,email:{name}@example', '-keyout', f'{base}.key',
            '-out', f'{base}.csr')
    openssl('x509', '-req', '-in', f'{base}.csr', '-CA', issuer, '-CAkey', issuer.replace('.pem', '.key'),
            '-set_serial', '4711', '-copy_extensions', 'copy', '-out', f'{base}.pem')
    return {'certificate': f'{base}.pem', 'key': f'{base}.key'}


def revocations(issuer, *revoked):
    """The path of a list of revoked certificates."""
    base = pathlib.Path(folder().name) / f'{len(list(pathlib.Path(folder().name).iterdir()))}'
    index = pathlib.Path(f'{base}.index')
    index.write_text('')
    pathlib.Path(f'{base}.cnf').write_text(
        f'[ca]\ndefault_ca=own\n[own]\ndatabase={index}\ndefault_md=sha256\ndefault_crl_days=30\n')
    ca = ['ca', '-config', f'{base}.cnf', '-cert', issuer, '-keyfile', issuer.replace('.pem', '.key')]
    for path in revoked:
        openssl(*ca, '-revoke', path)
    openssl(*ca, '-gencrl', '-out', f'{base}.crl')
    return f'{base}.crl'


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
