"""permessage-deflate against RFC 7692: offers, and a table of messages that is sent whole, byte by
byte and in odd pieces."""
import itertools
import random
import zlib

import pytest

import daemon
from test_websocket import BAD_TEXT, CUTS, GOOD_TEXT, LIMIT, ask, serve
from websocket import (BINARY, CLOSE, CONTINUATION, PING, PONG, TAIL, TEXT, Deflating, Packer,
                       check, close, frame, handshake)

pytestmark = pytest.mark.sequential

OFFER = 'permessage-deflate'
WIDE = {'compress_server_bits': 15, 'compress_client_bits': 15}
HELLO = bytes.fromhex('f248cdc9c90700')
AGAIN = bytes.fromhex('f200110000')    # the same, with the one before


def packed(data, opcode=TEXT, size=None):
    """A compressed payload as a message, in parts of that size."""
    size = size or len(data) or 1
    cut = [data[i:i + size] for i in range(0, len(data), size)] or [b'']
    return b''.join(frame(CONTINUATION if i else opcode, part, rsv=0 if i else 4,
                          fin=i == len(cut) - 1) for i, part in enumerate(cut))


def message(data, opcode=TEXT, size=None):
    """A message, compressed alone."""
    return packed(Packer()(data), opcode, size)


def words(n, seed=0):
    """Text that can be compressed."""
    r = random.Random(seed)
    return b''.join(b'%x,' % r.randrange(64) for _ in range(n))[:n]


# ---- Offers -------------------------------------------------------------------------------------

PARAMETERS = [
    '; '.join([OFFER, *chosen]) for chosen in itertools.product(
        ['server_no_context_takeover', ''], ['client_no_context_takeover', ''],
        ['', *(f'server_max_window_bits={n}' for n in (9, 10, 12, 15))],
        ['', 'client_max_window_bits', *(f'client_max_window_bits={n}' for n in (8, 9, 11, 15))])]
PARAMETERS = [offer.replace(' ;', '').rstrip('; ') for offer in PARAMETERS]


def names(text):
    """The names of the parameters of an offer or answer, each once."""
    found = [part.strip().partition('=')[0] for part in text.split(';')]
    assert len(found) == len(set(found))
    return set(found)


def talk(d, offer, cut=None):
    """Messages that are like each other, there and back, as these parameters have it."""
    c = Deflating(d.connect(), offer)
    assert names(c.answer) == names(offer)
    bits = [int(part.partition('=')[2] or 15) for part in c.answer.split('; ')
            if part.startswith('client_max_window_bits')]
    pack = Packer(max(9, min(bits or [15])), 'client_no_context_takeover' in c.answer)
    for n, opcode in ((500, TEXT), (500, BINARY), (0, TEXT), (1, TEXT), (127, TEXT), (2000, BINARY),
                      (500, TEXT)):
        data = words(n)
        c.send(packed(pack(data), opcode), cut)
        assert c.frame() == (opcode, data)
    assert [n is not None for n in c.packed] == [True, True, False, False, False, True, True]
    c.send(close())
    assert c.code() == 1000
    c.sock.close()
    return c


@pytest.mark.parametrize('context', [True, False])
def test_every_parameter(goevd, context):
    d = serve(goevd, compress_context=context, **WIDE)
    for offer in PARAMETERS:
        c = talk(d, offer)
        # a window of 9 bits does not reach back so far
        repeated = context and 'server_no_context_takeover' not in offer and c.bits > 9
        assert (c.packed[1] < 40) == repeated
    for offer in PARAMETERS[::9]:
        talk(d, offer, [3, 1, 7, 2])


def test_answer_keeps_to_the_options(goevd):
    d = serve(goevd, compress_server_bits=11, compress_client_bits=10)
    for offer, answer in (
            (OFFER, OFFER),
            (f'{OFFER}; client_max_window_bits', f'{OFFER}; client_max_window_bits=10'),
            (f'{OFFER}; client_max_window_bits=9', f'{OFFER}; client_max_window_bits=9'),
            (f'{OFFER}; server_max_window_bits=15', f'{OFFER}; server_max_window_bits=11'),
            (f'{OFFER}; server_max_window_bits=8', None),
            (f'{OFFER}; server_max_window_bits=8, {OFFER}', OFFER),
            ([f'{OFFER}; what=1', 'x', f'{OFFER}; server_no_context_takeover'],
             f'{OFFER}; server_no_context_takeover'),
            (f'{OFFER}; client_max_window_bits; client_max_window_bits', None)):
        assert Deflating(d.connect(), offer).answer == answer
    for offer in (f'{OFFER};', f'{OFFER}; a="', '='):
        assert ask(d, handshake(Sec_WebSocket_Extensions=offer))[0] == 400


def test_nothing_is_compressed_that_was_not_agreed_upon(goevd):
    c = Deflating(serve(goevd, compress_level=0).connect())
    assert c.answer is None
    c.send(frame(TEXT, words(1000)) + packed(HELLO))
    assert c.frame() == (TEXT, words(1000))
    assert c.packed == [None]
    assert c.code() == 1002


# ---- The table: (name, bytes, frames that come back, code of the close frame or None) -----------

def final(data):
    """A final block."""
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


def examples():
    """Those of section 7.2.3, and others like them."""
    for name, data in (
            ('one block', HELLO.hex()), ('stored', '000500faff48656c6c6f00'),
            ('final block', 'f348cdc9c9070000'), ('nothing behind the final block', 'f348cdc9c90700'),
            ('two blocks', 'f248050000' '00ffffcac9c90700'),
            ('two final blocks', (final(b'He') + final(b'llo')).hex()),
            ('empty stored blocks', '000000ffff' * 5 + HELLO.hex())):
        data = bytes.fromhex(data)
        for size in range(1, len(data) + 1):
            yield f'{name} in parts of {size}', packed(data, size=size) * 2, [(TEXT, b'Hello')] * 2, None
        yield f'{name}, then the next refers to it', packed(data) + packed(AGAIN), [
            (TEXT, b'Hello')] * 2, None
    for data in (b'\0', b'\2\0', b'', b'\3\0', b'\1\0\0\xff\xff\0'):
        for opcode in (TEXT, BINARY):
            yield f'empty as {data.hex()}', packed(data, opcode) * 2, [(opcode, b'')] * 2, None
    yield 'plain ones between', (packed(HELLO) + frame(TEXT, b'plain') + packed(AGAIN)), [
        (TEXT, b'Hello'), (TEXT, b'plain'), (TEXT, b'Hello')], None
    yield 'plain ones in parts between', (
        packed(HELLO) + frame(BINARY, b'a', fin=False) + frame(CONTINUATION, b'b') + packed(AGAIN)), [
            (TEXT, b'Hello'), (BINARY, b'ab'), (TEXT, b'Hello')], None


def lengths():
    """Messages of every kind of length, that get shorter and longer."""
    for n in (1, 2, 16, 64, 125, 126, 127, 128, 129, 255, 1024, 4095, 4096, 4097, 32768, 65535, 65536,
              LIMIT):
        for kind, data in (('text', words(n)), ('one byte', b'x' * n)):
            yield f'{kind} of {n}', message(data), [(TEXT, data)], None
        data = random.Random(n).randbytes(n)
        yield f'random of {n}', message(data, BINARY), [(BINARY, data)], None
        stored = zlib.compressobj(0, zlib.DEFLATED, -15)
        data = (stored.compress(data) + stored.flush(zlib.Z_SYNC_FLUSH))
        yield f'stored of {n}', packed(data.removesuffix(TAIL), BINARY), [
            (BINARY, random.Random(n).randbytes(n))], None


def reserved():
    """RSV1 has its place, and the other bits none."""
    for opcode in (TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG):
        for rsv in range(1, 8):
            if rsv != 4 or opcode not in (TEXT, BINARY):
                yield f'rsv {rsv} on {opcode}', frame(opcode, b'', rsv=rsv), [], 1002
    for first in (0, 4):
        for fin in (True, False):
            yield f'rsv 4 on a continuation after {first}, {fin}', frame(
                TEXT, b'', fin=False, rsv=first) + frame(CONTINUATION, b'', fin=fin, rsv=4), [], 1002
    for opcode in (3, 7, 11, 15):
        yield f'rsv 4 on {opcode}', frame(opcode, b'', rsv=4), [], 1002
    yield 'rsv 4 inside', frame(TEXT, HELLO, rsv=4, fin=False) + packed(HELLO), [], 1002


def fragments():
    """Parts of every size, empty ones too, and control frames between them."""
    text = 'ABC é € 😀 and more of it'.encode() * 2
    data = Packer()(text)
    for size in range(1, len(data)):
        yield f'parts of {size}', packed(data, size=size), [(TEXT, text)], None
    yield 'empty parts', (frame(TEXT, b'', rsv=4, fin=False) + frame(CONTINUATION, b'', fin=False) +
                          frame(CONTINUATION, data, fin=False) + frame(CONTINUATION, b'')), [
                              (TEXT, text)], None
    yield 'only empty parts', frame(TEXT, b'', rsv=4, fin=False) + frame(CONTINUATION, b''), [
        (TEXT, b'')], None
    yield 'pings between', (frame(TEXT, data[:5], rsv=4, fin=False) + frame(PING, b'p') + frame(
        CONTINUATION, data[5:9], fin=False) + frame(PONG, b'q') + frame(PING, b'r') + frame(
            CONTINUATION, data[9:])), [(PONG, b'p'), (PONG, b'r'), (TEXT, text)], None
    yield 'close within', frame(TEXT, data[:5], rsv=4, fin=False) + close(1001), [], 1001
    yield 'thousand parts', packed(Packer()(random.Random(1).randbytes(1000)), BINARY, 1), [
        (BINARY, random.Random(1).randbytes(1000))], None
    pack = Packer()
    yield 'a context over parts', b''.join(packed(pack(text), size=n) for n in range(1, 20)), [
        (TEXT, text)] * 19, None


def texts():
    """UTF-8 is checked behind the inflater."""
    for text in GOOD_TEXT:
        data = text.encode()
        yield f'good {text[:2]!r}', message(data), [(TEXT, data)], None
        yield f'good in parts {text[:2]!r}', message(data, size=1), [(TEXT, data)], None
    for bad in BAD_TEXT:
        for before in (b'', b'x' * 7, b'x' * 5000):
            yield f'bad {bad} after {len(before)}', message(before + bad), [], 1007
            yield f'bad {bad} in parts', message(before + bad, size=3), [], 1007
        yield f'bad {bad} as binary', message(bad, BINARY), [(BINARY, bad)], None
        yield f'bad {bad} after a good one', packed(HELLO) + message(bad), [(TEXT, b'Hello')], 1007


def malformed():
    """Data that no inflater accepts, and data that ends too early."""
    for name, data in (
            ('ones', 'ff' * 20), ('a block of no type', '07'), ('a wrong length', '000500fafe48656c'),
            ('a distance too far', AGAIN.hex()), ('half a code', HELLO[:3].hex()),
            ('half a stored block', '000500faff48'), ('half a head', '0005'),
            ('half a dynamic block', Packer()(words(500))[:40].hex()),
            ('not compressed', b'plain text'.hex())):
        data = bytes.fromhex(data)
        yield name, packed(data), [], 1007
        yield f'{name} after a good one', packed(b'\0') + packed(data), [(TEXT, b'')], 1007
        yield f'{name} in parts', packed(data, size=1), [], 1007
        yield f'{name} as binary', packed(data, BINARY), [], 1007


def limits():
    """Neither more inflated bytes than the limit allows, nor frames that could not be needed."""
    for name, n, code in (('one byte more', LIMIT + 1, 1009), ('a bomb', 1 << 24, 1009)):
        for size in (None, 7000, 11):
            yield f'{name} in parts of {size}', message(b'\0' * n, BINARY, size), [], code
    yield 'parts that come to one byte more', message(words(LIMIT + 1), size=999), [], 1009
    yield 'a long frame of little', b'\xc2\xff' + (LIMIT * 2).to_bytes(8, 'big') + b'mask', [], 1009
    for n in (1 << 32, (1 << 63) - 1):
        yield f'{n} bytes announced', b'\xc2\xff' + n.to_bytes(8, 'big') + b'mask', [], 1009
    for name, opcode in (('text', TEXT), ('binary', BINARY)):
        yield f'{name} at the limit', message(b'x' * LIMIT, opcode), [(opcode, b'x' * LIMIT)], None
    r = random.Random(2).randbytes(LIMIT)
    yield 'what gets longer', message(r, BINARY), [(BINARY, r)], None
    yield 'what gets longer in parts', message(r, BINARY, 999), [(BINARY, r)], None


GROUPS = {f.__name__: f for f in (examples, lengths, reserved, fragments, texts, malformed, limits)}


@pytest.mark.parametrize('group', GROUPS)
def test_conformance(goevd, group):
    d = serve(goevd, compress_context=True, **WIDE)
    cases = list(GROUPS[group]())
    assert len(cases) > 10
    for name, data, frames, code in cases:
        for cut, piece in CUTS.items():
            if cut == 'whole' or len(data) < 3000:
                check(Deflating(d.connect()), f'{name}, {cut}', data, frames, code, piece)


@pytest.mark.parametrize('bad', BAD_TEXT)
def test_wrong_text_is_told_before_its_frame_ends(goevd, bad):
    c = Deflating(serve(goevd).connect())
    data = Packer()(b'plain' + bad + b'\xff') + b'\0' * 1000
    c.send(packed(data)[:-900])
    assert c.code() == 1007


def test_16_mib_there_and_back(goevd):
    d = serve(goevd, {'output_max': '32MiB'}, message_max='16MiB')
    data = words(1 << 14) * (1 << 10)
    check(Deflating(d.connect()), 'whole', message(data), [(TEXT, data)], None)
    check(Deflating(d.connect()), 'parts', message(data, size=3), [(TEXT, data)], None)


# ---- Sent messages -------------------------------------------------------------------------------

def echoed(d, *messages, offer=OFFER):
    """The bytes that each message took on its way back."""
    c = Deflating(d.connect(), offer)
    for data in messages:
        c.send(frame(TEXT, data))
        assert c.frame() == (TEXT, data)
    c.send(close())
    assert c.code() == 1000
    return c.packed


def test_messages_are_compressed_from_a_length_on(goevd):
    d = serve(goevd, compress_min=50)
    assert echoed(d, b'x' * 49)[0] is None
    assert echoed(d, b'x' * 50)[0] < 20


def test_what_gets_no_shorter_is_sent_as_it_is(goevd):
    r = bytes(random.Random(3).sample(range(128), 128)) * 2
    for context in (True, False):
        d = serve(goevd, compress_context=context)
        first, second, third = echoed(d, r[:128], r, r)
        assert first is None
        assert 128 < second < 160
        assert (third < 20) if context else (third == second)


def test_levels(goevd):
    text = words(5000, seed=9)
    took = [echoed(serve(goevd, compress_level=n), text)[0] for n in (1, 9)]
    assert took[0] > took[1]


def test_context_survives_a_message_that_found_no_room(goevd, plugins):
    d = goevd(daemon.config(daemon.listener(
        handler={'websocket': {'application': 'ws_probe', 'compress_context': True}},
        output_low=4096, output_high=8192, output_max=30000, send_buffer=4096)),
        '--plugin-dir', plugins)
    c = Deflating(d.connect(receive_buffer=4096))
    messages = [random.Random(i).randbytes(2000).hex().encode() for i in range(500)]
    pending = b''.join(frame(TEXT, m) for m in messages)
    for m in messages:
        pending = c.offer(pending)
        assert c.frame() == (TEXT, m)
    c.send(close())
    assert c.code() == 1000
    d.log.wait('ws_probe: close 1000 by 0 after 500, some late')


# ---- Memory -------------------------------------------------------------------------------------

def test_beyond_the_memory_no_offer_is_agreed_to(goevd):
    for bits, context, memory in ((15, False, 40960), (12, True, 12288 + 40960)):
        d = serve(goevd, compress_client_bits=bits, compress_context=context,
                  compress_memory_max=memory)
        offer = f'{OFFER}; client_max_window_bits'
        first = Deflating(d.connect(), offer)
        assert first.answer == f'{offer}={bits}'
        assert Deflating(d.connect(), offer).answer is None
        first.sock.close()
        while Deflating(d.connect(), offer).answer is None:
            pass    # until goevd has seen the end of the first
    d = serve(goevd, compress_client_bits=15, compress_memory_max=40959)
    assert Deflating(d.connect(), offer).answer is None


def test_without_memory_for_a_context_each_message_is_alone(goevd):
    text = words(1000)
    for memory, kept in ((40960 + 40960, True), (40960 + 40959, False)):
        first, second = echoed(serve(goevd, compress_context=True, compress_memory_max=memory),
                               text, text)
        assert (second < first / 4) == kept


def test_messages_that_are_alone_need_memory_only_in_parts(goevd):
    offer = f'{OFFER}; client_no_context_takeover'
    for memory, code in ((0, 1011), (40959, 1011), (40960, None)):
        c = Deflating(serve(goevd, compress_memory_max=memory).connect(), offer)
        assert c.answer == offer
        for _ in range(3):
            c.send(packed(HELLO))
            assert c.frame() == (TEXT, b'Hello')
        if code is None:
            for _ in range(3):
                c.send(packed(HELLO, size=2))
                assert c.frame() == (TEXT, b'Hello')
        else:
            c.send(packed(HELLO, size=2))
            assert c.code() == code
