"""TLS of outgoing connections: relay to upstreams, the authorities that it trusts, and refusals."""
import os
import re
import socket

import pytest

import tls
from daemon import config, listener
from wire import Reader

LOCAL = tls.certificate('localhost')
AUTHORITY = tls.certificate('authority')
OWN = tls.client_certificate('relay', AUTHORITY['certificate'])


@pytest.fixture
def upstream(goevd):
    """start(option of tls…) -> an echo server with TLS."""
    def start(**options):
        return goevd(config(listener(handler='echo', tls={'certificates': LOCAL, **options}), log={'level': 'info'}))
    return start


def relay(goevd, *ports, connect_timeout='5s', **options):
    """A relay to these ports of localhost."""
    return goevd(config(listener(handler={'relay': {
        'upstreams': [f'localhost:{port}' for port in ports], 'connect_timeout': connect_timeout,
        'tls': {'ca': LOCAL['certificate'], **options}}}), log={'level': 'info'}))


def echoes(d):
    """Whether bytes come back; False: the relay refused."""
    data = os.urandom(200000)
    with d.connect() as s:
        try:
            s.sendall(data[:1000])
            if Reader(s).exactly(1000) != data[:1000]:
                return False
            for at in range(1000, len(data), 19900):
                s.sendall(data[at:at + 19900])
                assert Reader(s).exactly(19900) == data[at:at + 19900]
        except (ConnectionError, EOFError):
            return False
    return True


def test_upstream_with_tls(goevd, upstream):
    d = relay(goevd, upstream().port())
    assert echoes(d) and echoes(d)


def test_end_of_the_client_reaches_the_upstream(goevd, upstream):
    d = relay(goevd, upstream().port())
    with d.connect() as s:
        s.sendall(b'last')
        s.shutdown(socket.SHUT_WR)
        assert Reader(s).exactly(4) == b'last' and s.recv(1) == b''


@pytest.mark.parametrize('options, why', [
    ({'ca': AUTHORITY['certificate']}, 'the certificate of the server is refused: self-signed certificate'),
    ({'name': 'elsewhere'}, 'the certificate of the server is refused: hostname mismatch'),
    ({'ca': AUTHORITY['certificate'], 'verify': False}, None),
    ({'name': 'elsewhere', 'verify': False}, None),
    ({'name': 'localhost'}, None),
])
def test_verification(goevd, upstream, options, why):
    d = relay(goevd, upstream().port(), **options)
    d.may_say += ['TLS with', 'upstream']
    assert echoes(d) == (why is None)
    if why:
        d.log.wait(f'TLS with {options.get("name", "localhost")} failed: {why}')
        d.log.wait('refused: no upstream can be connected to')


def test_own_certificate(goevd, upstream):
    up = upstream(client={'ca': AUTHORITY['certificate']}, versions=['1.2'])
    assert echoes(relay(goevd, up.port(), **OWN))
    d = relay(goevd, up.port())
    d.may_say += ['TLS with', 'upstream']
    assert not echoes(d)


def test_next_upstream_when_the_first_has_no_tls(goevd, upstream):
    plain = goevd(config(listener(handler='echo')))
    d = relay(goevd, plain.port(), upstream().port())
    d.may_say += ['TLS with', 'upstream']
    assert all(echoes(d) for _ in range(4))


def test_upstream_that_does_not_answer(goevd, upstream):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        d = relay(goevd, silent.getsockname()[1], upstream().port(), connect_timeout='300ms')
        d.may_say += ['TLS with', 'upstream']
        assert all(echoes(d) for _ in range(3))
        d.log.wait('TLS with localhost failed: no whole handshake')


@pytest.mark.parametrize('options, words', [
    ({'ca': LOCAL['key']}, r'relay\.tls\.ca: \S+ holds no certificate in PEM'),
    ({'ca': '/nowhere'}, r'relay\.tls\.ca: cannot read /nowhere: No such file'),
    ({'certificate': LOCAL['certificate'], 'key': AUTHORITY['key']}, r'relay\.tls\.key: is not the key'),
])
def test_wrong_options(refused, options, words):
    text = refused(config(listener(handler={'relay': {'upstreams': ['localhost:1'], 'tls': options}})))
    assert re.search(words, text), text


def test_proxy_header_inside_tls_is_refused(refused):
    text = refused(config(listener(handler={'relay': {'upstreams': ['localhost:1'], 'tls': {},
                                                      'proxy_protocol': 'v1'}})))
    assert 'proxy_protocol: is not sent to upstreams with TLS' in text
