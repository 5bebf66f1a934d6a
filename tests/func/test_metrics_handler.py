"""The handler metrics, read as Prometheus does, through reloads and crashes."""
import os
import signal

import pytest

from daemon import config, eventually, listener, status, totals
from wire import Reader, get, request

prometheus = pytest.importorskip('prometheus_client.parser')
openmetrics = pytest.importorskip('prometheus_client.openmetrics.parser')

DIED = r'worker \d+ was killed by signal'
ROUTES = [{'path': '/metrics', 'handler': 'metrics'}, {'path': '/', 'respond': {'body': 'here'}}]


@pytest.fixture
def serve(goevd, tmp_path):
    """serve() -> goevd with the handler at /metrics of its listener web."""
    return lambda: goevd(config(listener(handler={'http': {'routes': ROUTES}}),
                                reactors=[{'name': 'main', 'pollers': 2}],
                                control={'socket': str(tmp_path / 'control.sock')}))


def scrape(d, accept='text/plain'):
    """The content type and the text."""
    s = d.connect()
    s.sendall(request('/metrics', Accept=accept))
    code, headers, body = Reader(s).response()
    assert code == 200, body
    return headers['content-type'], body.decode()


def samples(text, parse=None):
    """Values by name and labels."""
    families = (parse or prometheus.text_string_to_metric_families)(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def serving(d):
    """The worker that serves; nothing while there is none."""
    return status(d.control)[1].get('serving', [])


ACCEPTED = ('goevd_connections_accepted_total', ())


def test_prometheus_reads_every_line(serve):
    d = serve()
    for _ in range(3):
        get(d.connect())
    kind, text = scrape(d)
    assert kind == 'text/plain; version=0.0.4; charset=utf-8'
    found = samples(text)
    assert found[ACCEPTED] == 4
    assert found['goevd_connections_open', ()] >= 1   # that of the scrape
    assert found['goevd_http_handler_errors_total', (('handler', 'http'), ('listener', 'web'))] == 0
    assert {name for name, _ in found} == \
        {name.partition('{')[0] for name in totals(d.told('stats'))}


def http_counts(found):
    """Requests by route and status class, without those that are 0."""
    return {tuple(value for name, value in labels if name in ('route', 'status')): count
            for (name, labels), count in found.items() if name == 'goevd_http_requests_total' and count}


def http_methods(found):
    return {dict(labels)['method']: count for (name, labels), count in found.items()
            if name == 'goevd_http_requests_by_method_total' and count}


def test_requests_count_by_route_class_and_method(serve):
    d = serve()
    for path, method in (('/', 'GET'), ('/', 'HEAD'), ('/none', 'GET'), ('/', 'DELETE'), ('/', 'BREW')):
        s = d.connect()
        s.sendall(request(path, method))
        Reader(s).response(head=method == 'HEAD')
    s = d.connect()
    s.sendall(request() * 10)   # in one turn
    reader = Reader(s)
    assert [reader.response()[0] for _ in range(10)] == [200] * 10
    _, text = scrape(d)
    first = samples(text)
    assert http_counts(first) == {('/', '2xx'): 12, ('none', '4xx'): 2, ('none', '5xx'): 1}
    assert http_methods(first) == {'GET': 13, 'HEAD': 1, 'DELETE': 1, 'other': 1}
    for i in range(200):   # names that clients choose make no series
        s = d.connect()
        s.sendall(request(f'/{i}', f'M{i}', host=f'h{i}'))
        Reader(s).response()
    found = samples(scrape(d)[1])
    assert found.keys() == first.keys()
    assert http_methods(found)['other'] == 201 and http_counts(found)[('/metrics', '2xx')] == 1


def test_requests_total_is_what_clients_got_through_reloads(serve):
    d = serve()
    for _ in range(3):
        kept = [d.connect() for _ in range(5)]
        for s in kept:
            get(s)
        assert d.ctl('reload').returncode == 0
        for s in kept:
            get(s)
            s.close()
    assert http_counts(samples(scrape(d)[1]))[('/', '2xx')] == 30


def test_counted_is_between_received_and_sent_through_kill(serve):
    d = serve()
    d.may_say = [DIED]
    sent = received = 0
    for _ in range(2):
        socks = [d.connect() for _ in range(40)]
        for n, s in enumerate(socks):
            s.sendall(request())
            sent += 1
            if n == 20:
                os.kill(eventually(lambda: serving(d), 'no worker serves')[0], signal.SIGKILL)
        for s in socks:
            try:
                received += Reader(s).response()[0] == 200
            except (AssertionError, ConnectionError, EOFError, ValueError, IndexError):
                pass
            s.close()
        eventually(lambda: serving(d), 'no worker serves')
    counted = http_counts(samples(scrape(d)[1])).get(('/', '2xx'), 0)
    assert received <= counted <= sent


@pytest.mark.parametrize('method, code', [('HEAD', 200), ('POST', 405), ('PUT', 405)])
def test_methods(serve, method, code):
    s = serve().connect()
    s.sendall(request('/metrics', method))
    head = Reader(s).until(b'\r\n\r\n').decode()
    assert head.startswith(f'HTTP/1.1 {code} ') and ('Allow: GET, HEAD' in head) == (code == 405)


def test_openmetrics_is_read_as_well(serve):
    d = serve()
    kind, text = scrape(d, 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
    assert kind == 'application/openmetrics-text; version=1.0.0; charset=utf-8'
    found = samples(text, openmetrics.text_string_to_metric_families)
    assert found[ACCEPTED] == 1


def test_no_counter_falls_through_reloads_and_crashes(serve):
    d = serve()
    d.may_say = [DIED]
    counters, seen = {}, 0
    for step in range(6):
        for _ in range(2):
            get(d.connect())
        _, text = scrape(d)
        seen += 3
        found = samples(text)
        assert found[ACCEPTED] == seen
        fell = {name for name, value in counters.items() if found[name] < value}
        assert not fell, step
        counters = {n: v for n, v in found.items() if n[0].endswith('_total')}
        if step % 2:
            old, = serving(d)
            os.kill(old, signal.SIGKILL)
            eventually(lambda: serving(d) not in ([], [old]), 'no other worker serves')
        else:
            assert d.ctl('reload').returncode == 0
    _, text = scrape(d)
    found = samples(text)
    assert found['goevd_worker_crashes_total', ()] == 3
    assert found['goevd_reloads_total', (('result', 'served'),)] == 3


def test_a_scrape_that_a_worker_answers_while_it_drains_has_all_counts(serve):
    d = serve()
    kept = d.connect()
    get(kept)
    assert d.ctl('reload').returncode == 0
    get(d.connect())
    kept.sendall(request('/metrics'))
    reader = Reader(kept)
    head = reader.until(b'\r\n\r\n')
    if not head:
        return   # it closed the idle connection before the request came
    length = int(head.lower().split(b'content-length: ')[1].split(b'\r')[0])
    assert samples(reader.exactly(length).decode())[ACCEPTED] == 2
