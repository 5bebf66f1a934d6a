"""The examples gate and quotes."""
import pytest

from daemon import EXAMPLES, config, listener
from websocket import TEXT, Client, frame, handshake
from wire import Reader

REACTORS = [{'name': 'main', 'pollers': 1, 'cpus': 'none'}, {'name': 'clients', 'pollers': 1, 'cpus': 'none'}]


def gate(goevd, **options):
    return goevd(config(listener(reactor='main', handler={'gate': options}), reactors=REACTORS,
                        plugin_dir=str(EXAMPLES)))


def test_gate_lets_in_who_knows_the_word(goevd):
    d = gate(goevd, allow=['127.0.0.0/8'], reactor='clients')
    s = d.connect()
    for part in (b'he', b'llo', b'you'):
        s.sendall(part)
    assert Reader(s).exactly(3) == b'you'
    other = d.connect()
    other.sendall(b'jello')
    assert Reader(other).rest() == b''
    d.log.wait('the client does not know the word')


def test_gate_keeps_other_addresses_out(goevd):
    assert Reader(gate(goevd, allow=['192.0.2.0/24']).connect()).rest() == b''


@pytest.mark.parametrize('options, said', [
    ({'allow': ['127.0.0.1', '1.2.3.4/99']}, 'gate.allow[1]: '),
    ({'allow': ['unix'], 'reactor': 'none'}, "gate.reactor: there is no reactor 'none'")])
def test_gate_refuses_wrong_options(refused, options, said):
    assert said in refused(config(listener(handler={'gate': options}), plugin_dir=str(EXAMPLES)))


def test_quotes_of_two_names(goevd):
    routes = {'path': '/quotes/{name}', 'handler': {'websocket': {'application': 'quotes'}}}
    d = goevd(config(listener(handler={'http': {'routes': routes}}), reactors=REACTORS[:1],
                     plugin_dir=str(EXAMPLES)))
    with d.connect() as s:
        s.sendall(handshake('/quotes/tin'))
        assert b' 404 ' in Reader(s).until(b'\r\n')
    c = Client(d.connect(), '/quotes/gold')

    def until(begins):
        while not (found := c.raw())[1].startswith(begins):
            assert found[1].startswith((b'gold ', b'silver ', b'last '))
        return found
    until(b'gold ')
    c.send(frame(TEXT, b'+silver'))
    assert until(b'last ') == (TEXT, b'last ')      # a message in two frames
    until(b'silver ')
    c.send(frame(TEXT, b'-silver'))
    until(b'left')
    c.send(frame(TEXT, b'*tin'))
    until((1008).to_bytes(2, 'big'))
