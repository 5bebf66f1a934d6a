"""The corpus of raw requests, over real sockets."""
import socket

import pytest

from corpus import CASES, ROUTES, statuses
from daemon import config, listener
from wire import Reader, request

pytestmark = pytest.mark.sequential

GOOD = request()


# no verdict depends on the handling of a request
OPTIONS = {
    'plain': {},
    'combined': {'access_log': {'target': 'log'}, 'request_id': {},
                 'forwarded': {'from': '127.0.0.1'}, 'headers': {'set': {'X-All': 'all'}}},
    'json': {'access_log': {'target': 'log', 'format': 'json'}, 'error_pages': {'status': '4xx', 'body': 'no'},
             'hosts': {'names': 'no.example', 'routes': {'path': '/', 'respond': {'body': 'no'}}}},
}


@pytest.fixture(params=OPTIONS)
def web(request, goevd):
    """A goevd with the routes that the verdicts are about."""
    return goevd(config(listener(handler={'http': {'routes': ROUTES, **OPTIONS[request.param]}})))


def replies(web, data):
    """All that comes back, up to EOF."""
    with web.connect() as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        found, whole = statuses(Reader(s).rest())
    assert whole
    return found


def ways(case):
    """The bytes to send, and the expected statuses before EOF."""
    words = case.verdict.split()
    found = [word for word in words if word.isdigit()]
    if words[-1] == 'more':   # an incomplete request is a bad request
        return [(case.data, found + ['400'] * bool(case.data.strip()))]
    if words[-1] != 'close':
        found.append('200')
    return [(case.data + GOOD, found), (GOOD + case.data + GOOD, ['200', *found])]


@pytest.mark.parametrize('area', sorted({case.area for case in CASES}))
def test_verdicts(web, area):
    wrong = []
    for case in CASES:
        if case.area == area:
            wrong += [f'{case.name}: {found} instead of {wanted}' for data, wanted in ways(case)
                      if (found := replies(web, data)) != wanted]
    assert not wrong
