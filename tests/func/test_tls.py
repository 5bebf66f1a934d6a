"""TLS of listeners: certificates by name, versions, bytes in any pieces, ends, refusals."""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

import procfs
import tls
from daemon import ROOT, config, eventually, listener
from http2 import Peer
from wire import Reader, request

pytestmark = pytest.mark.sequential

LOCAL = tls.certificate('localhost')
BIG = bytes(range(256)) * 4096 * 4    # 4 MiB


def secured(*certificates, handler=None, name='web', options=None, **more):
    """A listener with TLS."""
    return listener(name, handler, tls={'certificates': list(certificates or [LOCAL]), **(options or {})},
                    **more)


@pytest.fixture
def serve(goevd, plugins, tmp_path):
    """serve(certificate…, option of tls…) -> a Daemon."""
    (tmp_path / 'files').mkdir()
    (tmp_path / 'files/big').write_bytes(BIG)

    def start(*certificates, listeners=(), wrap=(), user=None, **options):
        probe = {'http_probe': {'stream': 'echo'}}
        http = {'http': {'routes': [
            {'path': '/', 'respond': {'body': 'Hello, World!'}},
            {'path': '/do/{id}', 'handler': probe},
            {'path': '/f/*', 'handler': {'download': {'root': str(tmp_path / 'files')}}}]}}
        more = {'user': user} if user else {}
        return goevd(config(secured(*certificates, handler=http, options=options), *listeners,
                            plugin_dir=str(plugins), log={'level': 'info'},
                            control={'socket': str(tmp_path / 'control')},
                            reactors=[{'name': 'main', 'pollers': '1'}], stop_timeout='5s', **more),
                     wrap=wrap)
    return start


@pytest.fixture
def d(serve):
    return serve()


def get(sock, path='/'):
    """Status and content of a reply."""
    sock.sendall(request(path))
    found = Reader(sock).response()
    return found[0], found[2]


def handshakes(d):
    """How they ended: numbers by result."""
    return {k.split('result=')[1].rstrip('}'): v for k, v in d.metrics().items()
            if k.startswith('goevd_tls_handshakes_total') and v}


# ---- Requests -----------------------------------------------------------------------------------

@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_requests(d, version):
    assert d.log.find(r'is serving https://127\.0\.0\.1:\d+/')
    s = tls.connect(d, trusted=LOCAL, version=version, alpn=['http/1.1'])
    assert s.selected_alpn_protocol() == 'http/1.1' and s.version() == version.replace('_', '.')
    for _ in range(3):
        assert get(s) == (200, b'Hello, World!')
    status, body = get(s, '/f/big')
    assert status == 200 and hashlib.sha1(body).digest() == hashlib.sha1(BIG).digest()
    assert get(s, 'https://localhost/') == (200, b'Hello, World!')


def test_http2(d):
    s = tls.connect(d, alpn=['h2', 'http/1.1'])
    assert s.selected_alpn_protocol() == 'h2'
    peer = Peer(s)
    assert peer.get('/').body == b'Hello, World!'
    assert peer.get('/f/big').body == BIG
    assert tls.connect(d, alpn=['http/1.1', 'spdy/1']).selected_alpn_protocol() == 'http/1.1'
    assert tls.connect(d).selected_alpn_protocol() is None


def test_other_protocols_are_refused(serve):
    d = serve()
    with pytest.raises(ssl.SSLError, match='no application protocol'):
        tls.connect(d, alpn=['imap'])
    d.log.wait('failed: the client offers no protocol of `alpn`')
    assert handshakes(d) == {'alpn': 1}


def test_alpn_of_the_configuration(serve):
    d = serve(alpn=['x/1', 'http/1.1'])
    assert tls.connect(d, alpn=['http/1.1', 'x/1']).selected_alpn_protocol() == 'x/1'


def test_handler_that_echoes(goevd):
    d = goevd(config(secured(handler='echo')))
    s = tls.connect(d)
    reader = Reader(s)
    data = os.urandom(300000)
    for at in range(0, len(data), 50000):
        s.sendall(data[at:at + 50000])
        assert reader.exactly(50000) == data[at:at + 50000]


def test_proxy_header_comes_before_tls(goevd):
    d = goevd(config(secured(proxy_protocol={'from': '127.0.0.1'})))
    s = d.connect()
    s.sendall(b'PROXY TCP4 192.0.2.7 192.0.2.1 50000 443\r\n')
    s = tls.context().wrap_socket(s)
    d.sockets.append(s)
    assert get(s)[0] == 200


# ---- Certificates -------------------------------------------------------------------------------

def served(d, server_name, **more):
    """The certificate that a client gets."""
    s = tls.connect(d, server_name=server_name, **more)
    return ssl.DER_cert_to_PEM_cert(s.getpeercert(True))


def pem(certificate):
    """Of its file."""
    return open(certificate['certificate']).read()


def test_certificate_by_name(serve):
    one, wild = tls.certificate('one.example'), tls.certificate('*.example', 'two.example')
    d = serve(LOCAL, one, wild)
    for name, wanted in [('localhost', LOCAL), ('one.example', one), ('ONE.example', one),
                         ('other.example', wild), ('two.example', wild), ('a.b.example', LOCAL),
                         ('example', LOCAL), ('nowhere', LOCAL), (None, LOCAL)]:
        assert served(d, name) == pem(wanted), name


def test_certificate_by_type_of_key(serve):
    rsa = tls.certificate('localhost', key='rsa')
    d = serve(LOCAL, rsa)
    assert served(d, 'localhost') == pem(LOCAL)
    old = tls.context(version='TLSv1_2')
    old.set_ciphers('ECDHE-RSA-AES128-GCM-SHA256')
    assert served(d, 'localhost', context=old) == pem(rsa)


def test_strict_sni(serve):
    d = serve(strict_sni=True)
    assert served(d, 'localhost') == pem(LOCAL)
    for name in ('nowhere', None):
        with pytest.raises(ssl.SSLError, match='UNRECOGNIZED_NAME'):
            tls.connect(d, server_name=name)
    d.log.wait('failed: no certificate has the name that the client asked for')


def test_versions(serve):
    d = serve(versions=['1.3'])
    assert tls.connect(d).version() == 'TLSv1.3'
    with pytest.raises(ssl.SSLError, match='PROTOCOL_VERSION'):
        tls.connect(d, version='TLSv1_2')
    d.log.wait('failed: the client speaks no version of TLS of `versions`')


def test_client_that_does_not_trust_the_certificate(d):
    with pytest.raises(ssl.SSLCertVerificationError):
        tls.connect(d, trusted=tls.certificate('elsewhere'))
    d.log.wait('failed: the client does not trust the issuer of the certificate')
    assert handshakes(d) == {'certificate': 1}


def test_new_certificate_after_a_reload(serve, tmp_path):
    mine = {k: str(shutil.copy(v, tmp_path / k)) for k, v in LOCAL.items()}
    d = serve(mine)
    old = tls.connect(d)
    assert get(old)[0] == 200
    other = tls.certificate('localhost', key='rsa')
    for k, v in other.items():
        shutil.copy(v, mine[k])
    d.signal(signal.SIGHUP)
    d.log.wait(r'reloaded: worker \d+ serves$')
    assert get(old)[0] == 200    # it goes on with the old one
    eventually(lambda: served(d, 'localhost') == pem(other), 'it is not served')


def test_worker_that_replaces_a_dead_one_has_its_certificate(serve, tmp_path):
    mine = {k: str(shutil.copy(v, tmp_path / k)) for k, v in LOCAL.items()}
    d = serve(mine)
    d.may_say.append('.')
    (tmp_path / 'key').write_text('broken')
    os.kill(d.worker(), signal.SIGKILL)
    d.log.wait('is serving', count=2)
    assert served(d, 'localhost') == pem(LOCAL)


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become another user')
def test_key_that_only_root_can_read(serve, tmp_path, open_to_all):
    mine = {k: str(shutil.copy(v, tmp_path / k)) for k, v in LOCAL.items()}
    os.chmod(mine['key'], 0o400)
    d = serve(mine, user='nobody')
    assert get(tls.connect(d))[0] == 200


# ---- Resumption ---------------------------------------------------------------------------------

@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_sessions_are_resumed(d, version):
    """Also by the worker of a reload, and by the one that replaces a dead one."""
    c = tls.context(version=version)
    first = tls.connect(d, context=c)
    assert get(first)[0] == 200 and not first.session_reused
    session = first.session
    again = tls.connect(d, context=c, session=session)
    assert again.session_reused and get(again)[0] == 200
    assert handshakes(d) == {'full': 1, 'resumed': 1}
    d.signal(signal.SIGHUP)
    d.log.wait(r'reloaded: worker \d+ serves$')
    d.log.wait('is serving', count=2)
    with tls.connect(d, context=c, session=session) as later:
        assert later.session_reused
    first.close()
    again.close()
    eventually(lambda: len(procfs.children(d.pid)) == 1, 'the old worker lives on')
    d.may_say.append('.')
    os.kill(d.worker(), signal.SIGKILL)
    d.log.wait('is serving', count=3)
    assert tls.connect(d, context=c, session=session).session_reused


def test_sessions_of_another_listener_are_not_resumed(goevd):
    d = goevd(config(secured(), secured(name='other')))
    c = tls.context(version='TLSv1_2')
    first = tls.connect(d, context=c)
    assert get(first)[0] == 200
    assert not tls.connect(d, 'other', context=c, session=first.session).session_reused


def test_no_tickets(serve):
    d = serve(tickets={'lifetime': '0'})
    c = tls.context(version='TLSv1_2')
    first = tls.connect(d, context=c)
    assert get(first)[0] == 200 and not first.session.has_ticket


def test_ticket_keys_of_a_file(serve, goevd, tmp_path):
    """Two goevds that share a file resume each other's sessions, and tickets of an old key count."""
    old, new = os.urandom(80), os.urandom(80)
    (tmp_path / 'one').write_bytes(old)
    (tmp_path / 'two').write_bytes(new + old)
    c = tls.context(version='TLSv1_2')
    found = [goevd(config(secured(options={'tickets': {'file': str(tmp_path / name)}})))
             for name in ('one', 'two')]
    first = tls.connect(found[0], context=c)
    again = tls.connect(found[1], context=c, session=first.session)
    assert again.session_reused and get(again)[0] == 200
    assert not tls.connect(found[0], context=c, session=again.session).session_reused   # sealed anew


def test_access_log(goevd, tmp_path):
    log = tmp_path / 'access.log'
    d = goevd(config(secured(handler={'http': {'routes': [{'path': '/', 'respond': {'body': 'x'}}],
                                               'access_log': {'target': str(log), 'format': 'json'}}})))
    c = tls.context(version='TLSv1_2')
    first = tls.connect(d, context=c)
    assert get(first)[0] == 200
    assert get(tls.connect(d, context=c, session=first.session))[0] == 200
    assert Peer(tls.connect(d, alpn=['h2'])).get('/').status == 200
    eventually(lambda: log.exists() and log.read_text().count('\n') == 3, 'three lines are missing')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted((line['protocol'], line['tls'], line['resumed']) for line in lines) == [
        ('HTTP/1.1', 'TLSv1.2', False), ('HTTP/1.1', 'TLSv1.2', True), ('HTTP/2.0', 'TLSv1.3', False)]
    assert sum('ECDHE-ECDSA' in line['cipher'] for line in lines) == 2


# ---- Certificates of clients ----------------------------------------------------------------------

AUTHORITY = tls.certificate('authority')
ALICE = tls.client_certificate('alice', AUTHORITY['certificate'])
MALLORY = tls.client_certificate('alice', tls.certificate('mallory')['certificate'])


def facts(sock):
    """The facts that a handler sees."""
    return dict(line.split('=', 1) for line in get(sock, '/do/tls')[1].decode().splitlines())


@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_clients_have_certificates(serve, version):
    d = serve(client={'ca': AUTHORITY['certificate']})
    c = tls.context(version=version, own=ALICE)
    first = tls.connect(d, context=c)
    wanted = {'subject': 'CN=alice,O=example', 'issuer': 'CN=test', 'serial': '1267', 'name': 'localhost',
              'names': 'DNS:alice.example, email:alice@example', 'version': version.replace('_', '.')}
    seen = facts(first)
    assert wanted.items() <= seen.items()
    der = ssl.PEM_cert_to_DER_cert(pem(ALICE))
    assert seen['fingerprint'] == hashlib.sha256(der).hexdigest() and int(seen['bytes']) == len(der)
    again = tls.connect(d, context=c, session=first.session)
    assert wanted.items() <= facts(again).items() and facts(again)['resumed'] == 'resumed'


@pytest.mark.parametrize('mode', ['required', 'optional'])
def test_clients_without_a_good_certificate(serve, mode):
    expired = tls.client_certificate('expired', AUTHORITY['certificate'], days=-1)
    d = serve(client={'ca': AUTHORITY['certificate'], 'mode': mode})
    for own, why in [(MALLORY, 'unable to get local issuer certificate'), (expired, 'certificate has expired')]:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            get(tls.connect(d, own=own))
        d.log.wait('the certificate of the client is refused: ' + why)
    if mode == 'optional':
        assert 'subject' not in facts(tls.connect(d))
        return
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(tls.connect(d))
    d.log.wait('failed: the client has no certificate')
    assert handshakes(d) == {'client': 3}


def test_revoked_certificates(serve, tmp_path):
    bob = tls.client_certificate('bob', AUTHORITY['certificate'], serial=4712)
    crl = tls.revocations(tmp_path, AUTHORITY['certificate'], ALICE['certificate'])
    d = serve(client={'ca': AUTHORITY['certificate'], 'crl': crl})
    assert get(tls.connect(d, own=bob))[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get(tls.connect(d, own=ALICE))
    d.log.wait('the certificate of the client is refused: certificate revoked')


@pytest.mark.parametrize('user, allowed', [
    ('subject', 'CN=alice,O=example'), ('names', 'DNS:alice.example, email:alice@example'), ('serial', '1267')])
def test_routes_that_demand_a_certificate(goevd, user, allowed):
    respond = {'respond': {'body': 'for friends'}}
    def guarded(path, **options):
        return {'path': path, 'handler': [{'certificate_auth': options}, {'metrics': {}}]}
    d = goevd(config(secured(handler={'http': {'routes': [
        {'path': '/', **respond}, guarded('/any', user=user), guarded('/some', user=user, allow=['x', allowed]),
        guarded('/none', user=user, allow=['x', allowed + 'x', allowed[:-1]])]}},
        options={'client': {'ca': AUTHORITY['certificate'], 'mode': 'optional'}})))
    wanted = [('/', 200, 200), ('/any', 200, 403), ('/some', 200, 403), ('/none', 403, 403)]
    known, unknown = tls.connect(d, own=ALICE), tls.connect(d)
    assert [(path, get(known, path)[0], get(unknown, path)[0]) for path, _, _ in wanted] == wanted


def test_facts_without_a_certificate_of_the_client(d):
    seen = facts(tls.connect(d, alpn=['http/1.1']))
    assert seen['alpn'] == 'http/1.1' and seen['cipher'] and seen['bytes'] == '0' and 'subject' not in seen


# ---- Bytes in any pieces ------------------------------------------------------------------------

def test_each_byte_alone(d):
    s, client = d.connect(), tls.Client()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def drip(data):
        for i in range(len(data)):
            s.sendall(data[i:i + 1])
    drip(client.begin())
    drip(client.go_on(s))
    drip(client.seal(request('/')))
    assert client.read(s).startswith(b'HTTP/1.1 200 ')


@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_cut_after_each_byte(d, version):
    hello = tls.Client(version=version).begin()
    for n in range(0, len(hello), 3):
        with d.connect() as s:
            s.sendall(hello[:n])
    whole = len(tls.Client(version=version).begin())
    for n in (0, 1, 5, 6, 40):
        with d.connect() as s:
            client = tls.Client(version=version)
            s.sendall(client.begin())
            s.sendall(client.go_on(s)[:n])
    assert whole and get(tls.connect(d))[0] == 200


def test_request_behind_the_handshake(d):
    s, client = d.connect(), tls.Client()
    s.sendall(client.begin())
    last = client.go_on(s)
    sealed = client.seal(request('/') * 3) + client.end()
    s.sendall(last + sealed)
    assert client.read_all(s).count(b'HTTP/1.1 200 ') == 3


def test_many_records_at_once(goevd):
    d = goevd(config(secured(handler='echo')))
    s, client = d.connect(), tls.Client()
    s.sendall(client.begin())
    s.sendall(client.go_on(s))
    s.sendall(b''.join(client.seal(b'%05d' % i) for i in range(5000)) + client.end())
    assert client.read_all(s) == b''.join(b'%05d' % i for i in range(5000))


def test_slow_reader_gets_every_byte(d):
    s, client = d.connect(), tls.Client()
    s.sendall(client.begin())
    s.sendall(client.go_on(s) + client.seal(request('/f/big') + request('/f/big', connection='close')))
    eventually(lambda: int(d.connections()[0]['queued_bytes']) > 0, 'nothing waits')
    body = client.read_all(s)
    assert body.count(b'HTTP/1.1 200 ') == 2 and body.endswith(BIG)
    assert body.split(b'\r\n\r\n', 1)[1].startswith(BIG)


def test_record_that_is_too_long(d):
    s, client = d.connect(), tls.Client()
    s.sendall(client.begin())
    s.sendall(client.go_on(s))
    s.sendall(b'\x17\x03\x03' + struct.pack('>H', 0x4200) + b'x' * 0x4200)
    with pytest.raises(ssl.SSLError, match='RECORD_OVERFLOW|record overflow'):
        client.read(s)


def test_bytes_that_do_not_decrypt(d):
    s, client = d.connect(), tls.Client()
    s.sendall(client.begin())
    s.sendall(client.go_on(s))
    sealed = bytearray(client.seal(request('/')))
    sealed[-1] ^= 1
    s.sendall(sealed)
    with pytest.raises(ssl.SSLError, match='BAD_RECORD_MAC|bad record mac'):
        client.read(s)


# ---- Ends ---------------------------------------------------------------------------------------

def test_close_is_notified(d):
    s, client = d.connect(), tls.Client()
    s.sendall(client.begin())
    s.sendall(client.go_on(s) + client.seal(request('/', connection='close')))
    assert client.read_all(s).startswith(b'HTTP/1.1 200 ')
    assert s.recv(1) == b''


def test_end_without_close_notify_is_counted(d):
    s = tls.connect(d)
    assert get(s)[0] == 200
    s.close()
    eventually(lambda: d.metrics()['goevd_tls_truncated_total'] == 1, 'it is not counted')


def test_relay_passes_on_that_bytes_may_be_missing(goevd):
    with socket.create_server(('127.0.0.1', 0)) as upstream:
        host, port = upstream.getsockname()
        relay = {'relay': {'upstreams': [f'{host}:{port}']}}
        d = goevd(config(secured(handler=relay)))
        for cut in (False, True):
            s, client = d.connect(), tls.Client()
            s.sendall(client.begin())
            s.sendall(client.go_on(s) + client.seal(b'bytes') + (b'' if cut else client.end()))
            behind, _ = upstream.accept()
            with behind:
                behind.settimeout(60)
                assert behind.recv(5) == b'bytes'
                if not cut:
                    assert behind.recv(1) == b''
                    continue
                s.shutdown(socket.SHUT_WR)
                with pytest.raises(ConnectionResetError):
                    behind.recv(1)


# ---- Refusals -----------------------------------------------------------------------------------

def test_http_without_tls(d):
    s = d.connect()
    s.sendall(b'GE')
    s.sendall(b'T / HTTP/1.1\r\nHost: x\r\n\r\n')
    status, fields, body = Reader(s).response()
    assert status == 400 and body == b'This port speaks TLS: use https:// instead of http://.\n'
    assert s.recv(1) == b''
    d.log.wait('failed: the client sent HTTP without TLS')
    assert handshakes(d) == {'clear': 1}


@pytest.mark.parametrize('sent, location', [
    (b'GET /a?b=c HTTP/1.1\r\nHost: example.org:80\r\n\r\n', b'https://example.org:80/a?b=c'),
    (b'GET / HTTP/1.0\r\n\r\n', None),
    (b'GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n', None),
    (b'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', None),
    (b'GET //evil HTTP/1.1\r\nHost: x\r\n\r\n', b'https://x//evil'),
    (b'GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n', None),
    (b'G' * 9000, None),
])
def test_http_is_redirected(serve, sent, location):
    s = serve(plain_http='redirect').connect()
    s.sendall(sent)
    status, fields, body = Reader(s).response()
    assert status == (308 if location else 400)
    assert fields.get('location', '').encode() == (location or b'')


def test_something_else_than_tls(d):
    for sent in (b'\x00' * 20, b'\x16\x03\x01\xff\xff' + b'x' * 100, b'quit\r\n' * 10, os.urandom(1000)):
        s = d.connect()
        s.sendall(sent)
        s.shutdown(socket.SHUT_WR)
        while s.recv(4096):
            pass
    assert get(tls.connect(d))[0] == 200


@pytest.mark.parametrize('sent', [b'', b'\x16', b'GET /', 'hello'])
def test_handshake_timeout(serve, sent):
    d = serve(handshake_timeout='200ms')
    s = d.connect()
    s.sendall(tls.Client().begin() if sent == 'hello' else sent)
    while s.recv(65536):
        pass
    assert d.log.wait('failed: no whole handshake within handshake_timeout')
    assert handshakes(d) == {'timeout': 1}


def test_key_updates_are_bounded(d):
    p = subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{d.port()}', '-tls1_3'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for _ in range(150):
            p.stdin.write(b'k\n')
            p.stdin.flush()
            time.sleep(0.001)
        p.stdin.write(b'GET / HTTP/1.0\n\n')
        p.stdin.flush()
        out, _ = p.communicate(timeout=60)
    except BrokenPipeError:
        out = p.communicate(timeout=60)[0]
    assert b'HTTP/1.1 200' not in out
    assert get(tls.connect(d))[0] == 200


def test_renegotiation_is_refused(d):
    p = subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{d.port()}', '-tls1_2'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = p.communicate(b'R\nGET / HTTP/1.0\n\n', timeout=60)
    assert b'RENEGOTIATING' in out and b'no renegotiation' in out


# ---- Configurations -----------------------------------------------------------------------------

OTHER = tls.certificate('other')
SECRET = tls.certificate('secret', password='geheim')


@pytest.mark.parametrize('options, words', [
    ({'certificates': [{**LOCAL, 'key': OTHER['key']}]},
     r'certificates\[0\]\.key: \S+ is not the key of this certificate'),
    ({'certificates': [{'certificate': LOCAL['key']}]}, r'certificate: \S+ holds no certificate in PEM'),
    ({'certificates': [{'certificate': LOCAL['certificate']}]},
     r'certificate: \S+ holds no private key in PEM'),
    ({'certificates': [{**LOCAL, 'certificate': '/nowhere'}]},
     r'certificates\[0\]\.certificate: cannot read /nowhere: No such file'),
    ({'certificates': [SECRET]}, r'\.key: \S+ is encrypted; name the file of its password in password_file'),
    ({'certificates': [{**SECRET, 'password_file': LOCAL['key']}]},
     r'\.password_file: \S+ is encrypted with another password'),
    ({'certificates': []}, r'certificates'),
    ({'certificates': [LOCAL, LOCAL]}, r'localhost is a name of two certificates with EC keys'),
    ({'ciphers': 'NONE-OF-THESE'}, r'tls\.ciphers: OpenSSL refuses this'),
    ({'groups': 'P-999'}, r'tls\.groups: OpenSSL refuses this'),
    ({'versions': ['1.1']}, r'tls\.versions'),
    ({'client': {'ca': LOCAL['key']}}, r'tls\.client\.ca: \S+ holds no certificate in PEM'),
    ({'client': {'ca': LOCAL['certificate'], 'crl': LOCAL['key']}},
     r'tls\.client\.crl: \S+ holds no revocation list in PEM'),
    ({'tickets': {'file': '/nowhere'}}, r'tls\.tickets\.file: cannot read /nowhere: No such file'),
    ({'tickets': {'file': LOCAL['key']}}, r'\d+ bytes; 1 to 64 keys of 80 bytes are expected'),
])
def test_wrong_configuration(refused, options, words):
    text = refused(config(listener(tls={'certificates': [LOCAL], **options})))
    assert re.search(words, text), text
    assert re.match(r'goevd\.yaml:\d+:\d+: listeners\[1\]\.tls\.', text), text


def test_encrypted_key(serve, tmp_path):
    (tmp_path / 'password').write_text('geheim\n')
    d = serve({**SECRET, 'password_file': str(tmp_path / 'password')})
    assert get(tls.connect(d))[0] == 200


def test_warnings(serve, tmp_path):
    mine = {k: str(shutil.copy(v, tmp_path / k)) for k, v in LOCAL.items()}
    os.chmod(mine['key'], 0o644)
    expired, late = tls.certificate('old', days=-1), tls.certificate('late', 'x', key='rsa', days=20)
    d = serve(mine, expired, late)
    d.may_say += ['every user of this machine can read the key', 'expired at', 'expires in']
    d.log.wait(r'every user of this machine can read the key \S+; chmod o-r it')
    d.log.wait(r'the certificate \S+ expired at 20\d\d-\d\d-\d\dT\d\d:\d\dZ; clients will not accept it')
    d.log.wait(r'the certificate \S+ expires in (19|20) days, at 20\S+$')
    assert len(d.log.find('certificate|key')) == 3
    lines = d.ctl('certificates').stdout.splitlines()
    assert re.fullmatch(rf'localhost  EC-256  20\S+Z  (29|30)d  web  {mine["certificate"]}', lines[0])
    assert re.match(r'old  EC-256  20\S+Z  -[12]d  web  ', lines[1])
    assert re.match(r'late \(\+1\)  RSA-2048  20\S+Z  (19|20)d  web  ', lines[2])
    told = d.told('certificates')
    assert [c['name'] for c in told] == ['localhost', 'old', 'late'] and told[2]['bits'] == 2048
    assert told[0]['not_after'] - told[0]['not_before'] == 30 * 86400


def test_sample(goevd, tmp_path):
    """conf/tls.yaml works after the command in its head."""
    sample = (ROOT / 'conf/tls.yaml').read_text()
    command = re.search(r'^# (openssl .*)', sample, re.M)[1]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True)
    text = re.sub(r'\b(certificate|key|root): (?=[.\w])', rf'\1: {tmp_path}/', sample).replace(':8443', ':0')
    d = goevd(text, ready=False)
    d.ready()
    s = tls.connect(d, '127.0.0.1:0', trusted={'certificate': tmp_path / 'localhost.pem'}, alpn=['h2'])
    assert Peer(s).get('/localhost.pem').status == 200
