"""Histograms of durations (option durations of http), over HTTP/1.1 and HTTP/2."""
import pytest

from daemon import config, listener
from http2 import Peer
from wire import Reader, get, request

prometheus = pytest.importorskip('prometheus_client.parser')

WHOLE, FIRST, ROUTE = ('goevd_http_request_duration_seconds', 'goevd_http_first_byte_seconds',
                       'goevd_http_route_duration_seconds')
TIMER = '/do/timer'   # a reply after 10 ms, in two steps


@pytest.fixture
def serve(goevd, plugins):
    """serve(durations) -> goevd with tests/plugin/http_probe.c at /do/, and metrics."""
    def start(**http):
        routes = [{'path': '/do/{id}', 'handler': 'http_probe'}, {'path': '/metrics', 'handler': 'metrics'},
                  {'path': '/', 'respond': {'body': 'here'}}, {'path': '/hello', 'handler': {'health': {'probe': 'live'}}},
                  {'path': '/long', 'respond': {'body': 'x' * 20000}}]
        return goevd(config(listener(handler={'http': {
            'routes': routes, 'http2': {'cleartext': True}, **http}}), plugin_dir=str(plugins)))
    return start


def figures(d):
    """Values by the name, and by the route or the bound if there is one."""
    _, _, body = get(d.connect(), '/metrics')
    found = {}
    for family in prometheus.text_string_to_metric_families(body.decode()):
        for s in family.samples:
            key = s.name, s.labels.get('le') or s.labels.get('route')
            found[key] = found.get(key, 0) + s.value
    return found


def requests_total(found):
    return sum(v for (name, _), v in found.items() if name == 'goevd_http_requests_total')


def by_route(found):
    return {route: v for (name, route), v in found.items() if name == f'{ROUTE}_count' and v}


def ask(d):
    """Requests of every kind; how many."""
    s = d.connect()
    reader = Reader(s)
    s.sendall(request() * 3 + request('/hello') * 4 + request('/none') + request('/do/sized') + request('/long'))
    for _ in range(10):
        reader.response()
    s.sendall(request('/do/gather', 'POST', Content_Length='3') + b'abc' + request('/do/fail'))
    assert [reader.response()[0] for _ in range(2)] == [200, 500]
    s = d.connect()
    s.sendall(request('/', 'POST', Content_Length='3'))   # its content is discarded
    s.sendall(b'abc')
    assert Reader(s).response()[0] == 405
    s = d.connect()
    s.sendall(b'nonsense\r\n\r\n')
    assert Reader(s).response()[0] == 400
    peer = Peer(d.connect())
    replies = [peer.get(path).status for path in ('/', '/hello', '/none', '/do/sized', '/do/fail')]
    assert replies == [200, 200, 404, 200, 500]
    s = d.connect()
    s.sendall(request(TIMER))
    assert Reader(s).response()[0] == 200
    assert peer.get(TIMER).status == 200
    return 21


@pytest.mark.parametrize('routes', [False, True], ids=['listener', 'routes'])
def test_each_reply_is_in_each_histogram_once(serve, routes):
    d = serve(durations={'bounds': ['9ms', '1h'], 'routes': routes})
    d.may_say = ['handler of the route /do/{id} has failed']
    asked = ask(d)
    found = figures(d)
    assert requests_total(found) == asked
    for name in (WHOLE, FIRST):
        assert [found[f'{name}_bucket', '+Inf'], found[f'{name}_count', None]] == [asked, asked]
    # two replies come after 10 ms
    assert (found[f'{WHOLE}_bucket', '3600.0'], found[f'{WHOLE}_sum', None] >= 0.02) == (asked, True)
    assert found[f'{WHOLE}_bucket', '0.009'] <= asked - 2
    assert ((f'{ROUTE}_count', '/') in found) == routes
    if routes:
        assert by_route(found) == {route: v for (name, route), v in found.items()
                                   if name == 'goevd_http_requests_total' and v}


def test_a_first_byte_may_come_long_before_the_end(serve):
    d = serve(durations={'bounds': ['1ms', '1h']})
    assert get(d.connect(), '/hello')[0] == 200
    found = figures(d)
    assert found[f'{FIRST}_sum', None] <= found[f'{WHOLE}_sum', None]


def test_default_bounds(serve):
    d = serve(durations={})
    found = figures(d)
    assert [float(bound) for name, bound in found if name == f'{WHOLE}_bucket'] == \
        [.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, float('inf')]


def test_without_the_option_there_are_none(serve):
    d = serve()
    get(d.connect())
    assert not [name for name, _ in figures(d) if 'duration' in name or 'first_byte' in name]


def test_bounds_that_do_not_grow_are_refused(refused):
    said = refused(config(listener(handler={'http': {'durations': {'bounds': ['1ms', '1s', '1s']}}})))
    assert 'durations.bounds' in said and 'bound 3 is not greater than the one before it' in said
