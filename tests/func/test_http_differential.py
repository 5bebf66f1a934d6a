"""The verdicts of other parsers about the corpus and mutations of it: node's (llhttp), and h11."""
import random
import re
import shutil
import socket
import subprocess
from typing import NamedTuple

import h11
import pytest

from corpus import CASES, statuses
from daemon import PATIENCE_S, ROOT, Daemon, config, listener
from wire import Reader, request

pytestmark = pytest.mark.sequential

MUTATIONS = 5000
AFTER = request('/after')
NODE = shutil.which('node')

# All paths: a reply that is neither 200 nor 405 is a refusal.
EVERYTHING = {'http': {'routes': [{'path': '/*', 'respond': {}}]}}


class Reading(NamedTuple):
    """The verdict of a server about the bytes of a client."""

    whole: int   # requests that it has read to their end
    wrong: str   # why it has read no further; '': there was no more, or it was not whole, or the
                 # connection was to be closed


# ---- The three ----------------------------------------------------------------------------------

def ask_goevd(web, data):
    """Over a connection of its own."""
    with web.connect() as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        out = Reader(s).rest()
    found, _ = statuses(out)
    early = out.endswith(b'the request ends early\n')
    refused = [status for status in found if status not in ('200', '405')]
    assert refused in ([], found[-1:]), (data, found)
    return Reading(len(found) - len(refused), '' if early or not refused else refused[0])


def ask_h11(data):
    """As a server that answers every request."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    server.receive_data(b'')
    whole = 0
    while True:
        try:
            event = server.next_event()
        except h11.RemoteProtocolError as error:
            early = 'without sending complete message body' in str(error) or \
                'unexpectedly closed connection' in str(error)
            return Reading(whole, '' if early else str(error))
        if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
            return Reading(whole, '')
        if isinstance(event, h11.EndOfMessage):
            whole += 1
            server.send(h11.Response(status_code=404, headers=[('Content-Length', '0')]))
            server.send(h11.EndOfMessage())
            if server.our_state is not h11.DONE or server.their_state is not h11.DONE:
                return Reading(whole, '')
            server.start_next_cycle()


def ask_node(inputs):
    """All at once."""
    lines = ''.join(data.hex() + '\n' for data in inputs)
    done = subprocess.run([NODE, ROOT / 'tests' / 'func' / 'differential.js'], input=lines,
                          text=True, capture_output=True, timeout=4 * PATIENCE_S, check=True)
    readings = []
    for line in done.stdout.splitlines():
        whole, wrong = line.split(' ')
        early = wrong in ('HPE_INVALID_EOF_STATE', 'HPE_CLOSED_CONNECTION')
        readings.append(Reading(int(whole), '' if early else wrong))
    assert len(readings) == len(inputs)
    return readings


# ---- Mutations ----------------------------------------------------------------------------------

PIECES = [b'\r', b'\n', b'\r\n', b'\r\n\r\n', b'\0', b' ', b'\t', b'\x0b', b'\x7f', b'\x80', b':', b',',
          b';', b'=', b'"', b'+', b'-', b'_', b'0', b'5', b'f', b'0x', b'/', b'*', b'.', b'%', b'\\',
          b'[', b'@', b'#', b'?', b'close', b'chunked', b'Content-Length: 5\r\n', b'Host: b\r\n',
          b'Transfer-Encoding: chunked\r\n', b'HTTP/1.0', b'\r\n ', b'0\r\n\r\n']


def mutate(dice, data):
    """Data with one thing changed."""
    at = dice.randrange(len(data) + 1)
    end = min(len(data), at + dice.choice([1, 1, 1, 2, 4, 16]))
    how = dice.randrange(5)
    if how == 0:
        return data[:at] + data[end:]
    if how == 1:
        return data[:end] + data[at:]   # some of it twice
    if how == 2:
        return data[:at] + dice.choice(PIECES) + data[at:]
    if how == 3:
        return data[:at] + dice.choice(PIECES) + data[end:]
    lines = data.split(b'\r\n')
    dice.shuffle(lines)
    return b'\r\n'.join(lines)


def inputs():
    """Name -> bytes: the corpus, then mutations, the same each time."""
    found = {case.name: case.data for case in CASES}
    dice = random.Random(9112)
    short = [case for case in CASES if len(case.data) < 1000]
    for i in range(MUTATIONS):
        case = dice.choice(short)
        data = case.data
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            data = mutate(dice, data)
        found[f'{case.name}, mutation {i}'] = data
    return {name: data + AFTER for name, data in found.items()}


# ---- Judgement ----------------------------------------------------------------------------------

# Where goevd goes on and both do not.
BOTH_REFUSE = {
    'extension': 'white space stands before a semicolon in the grammar, RFC 9112 section 7.1.1, and is '
                 'dropped, RFC 9110 section 5.6.3; the size is the same without it',
}

# Where goevd goes on and one of the two does not.
ONE_REFUSES = {
    'empty-line|two-empty-lines': 'a server should pass over them, RFC 9112 section 2.2; h11 does not',
    'chunked-zeros-many': 'a size has any number of digits, RFC 9112 section 7.1; h11 takes 20',
    '-white-space': 'white space round a value is no part of it, RFC 9110 section 5.5; node takes '
                    'no tab behind a length or a coding',
    'version-1-': 'a higher minor version is read as 1.1, RFC 9110 section 2.5; node refuses it',
    'extension-space-after|extension-quoted-then': 'white space stands there in the grammar, RFC 9112 '
                                                   'section 7.1.1; node 20 refuses it',
}

# Requests that goevd alone refuses.
STRICTER = {
    '^host-bad-': 'no uri-host and port, RFC 9112 section 3.2: 400; both take any text',
    '^absolute-form-|^(path|query|target)-': 'no URI of http, or not within the root: 400',
    '-asterisk': 'a form of target that the method does not have, RFC 9112 section 3.2',
    '^chunked-bad-extension-': 'no extension, RFC 9112 section 7.1.1',
    '^chunked-bad-trailer-(host|content)': 'a trailer that frames or routes, RFC 9110 section 6.5.1',
    'end-(bare-lf|lf-cr)': 'a line ends with CR LF, RFC 9112 section 2.2; node 18 and h11 take LF',
    '^coding-1-0': 'framing that HTTP/1.0 does not have is faulty, RFC 9112 section 6.1',
    '^expect-': 'an expectation that is not 100-continue may get 417, RFC 9110 section 10.1.1',
    '-past-the-|-longer-than-|^chunk-overhead-': 'goevd has a limit there',
    '^method-registered': 'goevd does not implement it, RFC 9110 section 9.1',
    '^version-(0|2)': 'another major version, RFC 9110 section 15.6.6',
}

# The answer instead of 100 (Continue) comes before the body is read, and ends the connection: what
# the others find in the body, goevd does not look at.
EARLY = b'100-continue'


@pytest.fixture(scope='module')
def readings(tmp_path_factory):
    """Name -> the request, and the results of goevd, node and h11."""
    asked = {name: data for name, data in inputs().items() if EARLY not in data.lower()}
    web = Daemon(tmp_path_factory.mktemp('goevd'), config(listener(handler=EVERYTHING))).ready()
    try:
        ours = [ask_goevd(web, data) for data in asked.values()]
    finally:
        web.finish()
    theirs = zip(ask_node(asked.values()), map(ask_h11, asked.values()))
    return {name: (data, our, others)
            for (name, data), our, others in zip(asked.items(), ours, theirs)}


def refuses(other, our):
    """Whether other has refused a request that goevd has not."""
    return other.wrong != '' and other.whole < our.whole


def judged(name, judgements):
    """Whether this difference is listed as intended."""
    return any(re.search(pattern, name) for pattern in judgements)


def test_nothing_is_accepted_that_both_refuse(readings):
    wrong = {name: found for name, found in readings.items()
             for _, our, (node, h11_) in [found]
             if refuses(node, our) and refuses(h11_, our) and node.whole == h11_.whole}
    assert not {name for name in wrong if not judged(name, BOTH_REFUSE)}


def test_nothing_is_read_in_a_way_of_its_own(readings):
    """Number of requests, if no parser reports an error."""
    wrong = {name: found for name, found in readings.items()
             for _, our, others in [found]
             if our.wrong == '' and any(other.wrong == '' for other in others)
             and not any(other == our for other in others)}
    assert not wrong


def test_what_one_refuses_is_judged(readings):
    names = {case.name for case in CASES}
    found = {name for name, (_, our, others) in readings.items()
             if name in names and any(refuses(other, our) for other in others)}
    assert found
    assert not {name for name in found if not judged(name, {**ONE_REFUSES, **BOTH_REFUSE})}


def test_what_goevd_alone_refuses_is_judged(readings):
    names = {case.name for case in CASES}
    found = {name for name, (_, our, others) in readings.items()
             if name in names and our.wrong and all(other.whole > our.whole for other in others)}
    assert found
    assert not {name for name in found if not judged(name, STRICTER)}
