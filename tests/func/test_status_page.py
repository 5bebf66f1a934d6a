"""The handler status: its page, its JSON, and how a browser shows it."""
import asyncio
import html
import json
import re
import time

import pytest

import browser
from daemon import HELLO, config, eventually, listener, write_config
from wire import Reader, get, request

ROUTES = [*HELLO['http']['routes'], {'path': '/status/*', 'handler': 'status'}]
WEB = {'http': {'routes': ROUTES}}
LOAD = 400   # connections


@pytest.fixture
def serve(goevd, tmp_path):
    """serve(listener…) -> goevd with the handler at /status/ of its listener web."""
    def start(*more, **web):
        return goevd(config(listener(handler=WEB, **web), *more,
                            control={'socket': str(tmp_path / 'control.sock')}))
    return start


class Asked:
    """Asks on one connection, so that it counts as one."""

    def __init__(self, d):
        self.s = d.connect()

    def page(self, path='/status/'):
        code, headers, body = get(self.s, path)
        assert code == 200, body
        return headers, body.decode()

    def json(self):
        headers, text = self.page('/status/status.json')
        assert headers['content-type'] == 'application/json'
        return json.loads(text)

    def problems(self):
        return [p['text'] for p in self.json()['problems']]


def load(d, count=LOAD):
    """So many connections, one after the other."""
    for _ in range(count):
        s = d.connect()
        assert get(s)[0] == 200
        s.close()


def test_page_is_one_file_that_runs_only_its_own_script(serve):
    headers, text = Asked(serve()).page()
    assert headers['content-type'] == 'text/html; charset=utf-8'
    nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", headers['content-security-policy'])[1]
    assert "default-src 'none'" in headers['content-security-policy']
    assert 'unsafe' not in headers['content-security-policy']
    assert re.findall(r'<(?:script|style)[^>]*>', text) == [f'<style nonce="{nonce}">', f'<script nonce="{nonce}">']
    assert not re.search(r'\s(?:src|style|on\w+)=|href=(?!status\.json)', text.split('<script')[0])
    assert headers['cache-control'] == 'no-store'


def test_each_page_has_a_nonce_of_its_own(serve):
    asked = Asked(serve())
    assert asked.page()[0]['content-security-policy'] != asked.page()[0]['content-security-policy']


@pytest.mark.parametrize('path, method, code', [
    ('/status/', 'HEAD', 200), ('/status/status.json', 'HEAD', 200), ('/status/', 'POST', 405),
    ('/status/other', 'GET', 404), ('/status', 'GET', 301)])
def test_paths_and_methods(serve, path, method, code):
    s = serve().connect()
    s.sendall(request(path, method))
    assert Reader(s).until(b'\r\n\r\n').startswith(f'HTTP/1.1 {code} '.encode())


def test_rates_are_those_of_the_load(serve):
    d = serve()
    asked = Asked(d)
    asked.json()
    time.sleep(1.1)   # a sample is a second old before there is another one
    load(d)
    time.sleep(1.1)
    found = asked.json()
    assert found['now']['accepted'] * found['seconds'] == pytest.approx(LOAD + 1, rel=0.05)
    assert found['history'][-1]['ago'] < 60
    web, = found['listeners']
    assert (web['listener'], web['handler'], web['max']) == ('web', 'http', 100000)
    assert 1 <= web['open'] <= 3   # the last ones may still be closing
    worker, = found['workers']
    assert (worker['pid'], worker['state']) == (str(d.worker()), 'serving')


def test_problems_are_said_in_words_and_the_worst_come_first(serve):
    d = serve(connections_max=20)
    d.may_say = ['the reload failed']
    asked = Asked(d)
    assert asked.problems() == []
    assert 'No problems.' in asked.page()[1]
    kept = [d.connect() for _ in range(18)]
    for s in kept:
        assert get(s)[0] == 200
    assert asked.problems() == ['listener web: 95% of connections_max (19 of 20)']
    good = d.config.read_text()
    write_config(d.folder, 'listeners: {address: "<img src=x>", handler: echo}')
    assert d.ctl('reload').returncode == 1
    found = eventually(lambda: len(asked.problems()) == 2 and asked.problems(), 'no second problem')
    assert re.match(r'last reload failed \d s ago: .*<img src=x>', found[0])
    text = asked.page()[1]
    assert '<img' not in text and '<img src=x>' in html.unescape(text)
    d.config.write_text(good)
    assert d.ctl('reload').returncode == 0
    assert not any('reload' in p for p in Asked(d).problems())


def test_names_are_escaped(serve, tmp_path):
    d = serve(listener('unix', 'echo', f'unix:{tmp_path}/<b>&"'))
    asked = Asked(d)
    text = asked.page()[1]
    assert '<b>&' not in text and '/<b>&"' in html.unescape(text)
    assert any('/<b>&"' in row['address'] for row in asked.json()['listeners'])


def test_plots_go_on_after_a_reload(serve):
    d = serve()
    asked = Asked(d)
    load(d, 100)
    eventually(lambda: sum(p['accepted'] for p in asked.json()['history']) > 10, 'no point has the load')
    assert d.ctl('reload').returncode == 0
    found = Asked(d).json()
    assert sum(p['accepted'] for p in found['history']) > 10
    assert (found['now']['accepted'] or 0) * found['seconds'] < 10   # nothing of it was by the new worker


# ---- In a browser --------------------------------------------------------------------------------

ORDER = 'Array.from(document.querySelectorAll("#listeners tbody tr"), r => r.cells[0].textContent)'
SORT = '(document.getElementById("listeners-0").click(), 0)'
FOUND = '["accepted", "seconds"].map(id => Number(document.getElementById(id).value))'
TIME = 'document.getElementById("workers").tBodies[0].rows[0].cells[2].dataset.value'


async def until(page, script, good):
    """The value of a script when it is good."""
    while not good(value := await page.run(script)):
        await asyncio.sleep(0.05)
    return value


@pytest.mark.heavy
@browser.needed
def test_a_browser_refreshes_and_sorts(serve, tmp_path):
    d = serve(listener('b', 'echo'), listener('c', 'echo'), listener('a', 'echo'))

    async def drive(address):
        page = await browser.Page.new(address, f'http://127.0.0.1:{d.port()}/status/')
        assert await page.run(ORDER) == ['web', 'b', 'c', 'a']
        await page.run(SORT)
        assert await page.run(ORDER) == ['a', 'b', 'c', 'web']
        await page.run(SORT)
        began = await page.run(TIME)
        await asyncio.to_thread(load, d)
        await until(page, TIME, lambda age: age != began)   # it has refreshed itself
        assert await page.run(ORDER) == ['web', 'c', 'b', 'a']
        rate, seconds = await until(page, FOUND, lambda f: f[0] * f[1] > LOAD * 0.95)
        assert rate * seconds == pytest.approx(LOAD, rel=0.05)

    with browser.devtools(tmp_path / 'profile') as address:
        asyncio.run(drive(address))
