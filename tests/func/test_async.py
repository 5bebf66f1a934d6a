"""The example async: a job on the work pool for each line."""
import hashlib
import itertools
import os
import signal
import socket
import struct

import pytest

from daemon import EXAMPLES, config, eventually, listener
from wire import Talker


@pytest.fixture
def serve(goevd, tmp_path):
    """serve(workers, option…) -> a goevd with async, and a function that reads a metric of it."""
    def start(workers=None, reactor=None, listening=None, **options):
        d = goevd(config(listener(handler={'async': options}, **(listening or {})),
                         plugin_dir=str(EXAMPLES), work_pool=workers or {}, control={'socket': str(tmp_path / 'control.sock')},
                         reactors=[{'name': 'main', 'pollers': 1, **(reactor or {})}]))
        return d, lambda name: d.metrics()[f'goevd_async_{name}']
    return start


class Client(Talker):
    """Sends lines, reads answers."""

    def hear(self, count=1):
        """So many answers."""
        return [self.reader.line() for _ in range(count)]

    def ask(self, line):
        self.say(line)
        return self.hear()[0]


def occupy(client, metric, ms):
    """The only thread sleeps, and a job waits in the queue of one. How many were refused first:
    those that came before the thread had taken the sleep."""
    client.say(f'long sleep {ms}')
    for refused in itertools.count():
        client.say('waits sleep 0')
        known = eventually(lambda: metric('jobs') == 2 and 'waits' or
                           metric('lines_refused_total') > refused and 'refused', 'it is decided')
        if known == 'waits':
            return refused
        assert client.hear() == ['waits error too many jobs wait']


def test_order_of_the_lines(serve):
    d, _ = serve({'threads': 4})
    client = Client(d)
    client.say('a sleep 300', 'b sleep 1', 'c nonsense', 'd sleep 50')
    answers = client.hear(4)
    assert [a[:4] for a in answers] == ['a ok', 'b ok', 'c er', 'd ok']


def test_order_of_completion(serve):
    d, _ = serve({'threads': 4}, order='completion')
    client = Client(d)

    def in_that_order():   # all end at once where it has slept meanwhile
        client.say('a sleep 900', 'b sleep 400', 'c sleep 1')
        return client.hear(3) == ['c ok', 'b ok', 'a ok']
    eventually(in_that_order, 'another order')


@pytest.mark.parametrize('order', ['request', 'completion'])
def test_ten_thousand_lines_in_one_go(serve, order):
    d, metric = serve({'threads': 4}, order=order, jobs_max=100, reactor={'pollers': 2})
    clients = [Client(d) for _ in range(2)]
    text = ''.join(f'{n} sleep 0\n' for n in range(10000)).encode()
    for client in clients:
        client.sock.sendall(text)
    for client in clients:
        answers = client.hear(10000)
        expected = [f'{n} ok' for n in range(10000)]
        assert answers == expected if order == 'request' else sorted(answers) == sorted(expected)
    assert metric('jobs_done_total') == 20000
    assert metric('jobs') == 0


def test_order_of_each_of_many_clients(serve):
    d, _ = serve({'threads': 4, 'queue_max': 10000})
    clients = [Client(d) for _ in range(200)]
    for part in range(3):
        for client in clients:
            client.say(*(f'{part}-{n} sleep {n % 2}' for n in range(10)))
    for client in clients:
        assert client.hear(30) == [f'{part}-{n} ok' for part in range(3) for n in range(10)]


def test_no_answer_is_lost_where_mailboxes_are_full(serve):
    """A reply that cannot be sent from the thread of the pool comes from the poller."""
    d, _ = serve({'threads': 8}, reactor={'mailbox_max': 16}, order='completion', jobs_max=1000)
    client = Client(d)
    client.say(*(f'{n} sleep 0' for n in range(10000)))
    assert {*client.hear(10000)} == {f'{n} ok' for n in range(10000)}


@pytest.mark.parametrize('order', ['request', 'completion'])
def test_client_that_does_not_read_his_answers_is_closed_at_output_max(serve, order):
    d, metric = serve(order=order, jobs_max=1000, listening={
        'output_low': 4096, 'output_high': 4096, 'output_max': 4096, 'send_buffer': 4096})
    client = Client(d, receive_buffer=4096)
    line = b'x' * 64 + b' sleep 0\n'
    with pytest.raises(OSError):
        while True:
            client.sock.sendall(line * 1000)
    eventually(lambda: metric('jobs') == 0, 'his jobs end')
    assert Client(d).ask('a sleep 0') == 'a ok'


def test_jobs_max_of_one_client_and_one_more(serve):
    d, _ = serve({'threads': 8}, order='completion', jobs_max=3)
    client = Client(d)

    def c_is_first():   # all end at once where it has slept meanwhile
        client.say('a sleep 300', 'b sleep 300', 'c sleep 0')
        return client.hear(3)[0] == 'c ok'
    eventually(c_is_first, 'another order')
    client.say('a sleep 300', 'b sleep 300', 'c sleep 300', 'd sleep 0')
    answers = client.hear(4)
    assert answers[0] != 'd ok' and 'd ok' in answers


def test_jobs_max_is_each_client_s_own(serve):
    d, _ = serve({'threads': 4}, jobs_max=1)
    slow, quick = Client(d), Client(d)
    slow.say('slow sleep 1000', 'next sleep 0')
    assert quick.ask('quick sleep 0') == 'quick ok'
    assert slow.hear(2) == ['slow ok', 'next ok']


def test_full_queue_is_told_at_once_in_order_of_completion(serve):
    d, metric = serve({'threads': 1, 'queue_max': 1}, order='completion')
    client = Client(d)
    refused = occupy(client, metric, 5000)
    assert client.ask('more sleep 0') == 'more error too many jobs wait'
    assert client.hear(2) == ['long ok', 'waits ok']
    assert metric('lines_refused_total') == refused + 1
    assert client.ask('now sleep 0') == 'now ok'


def test_full_queue_is_told_in_turn_in_order_of_lines(serve):
    d, metric = serve({'threads': 1, 'queue_max': 2})
    client = Client(d)
    client.say('a sleep 300', 'b sleep 0', 'c sleep 0', 'd sleep 0', 'e sleep 0', 'f sleep 0')
    answers = client.hear(6)
    assert [a[0] for a in answers] == list('abcdef')
    refused = sum(a.endswith(' error too many jobs wait') for a in answers)
    assert answers[0] == 'a ok' and refused >= 1
    assert metric('lines_refused_total') == refused


def test_client_that_goes_while_jobs_run(serve):
    d, metric = serve({'threads': 2})

    def goes_in_time():
        client, before = Client(d), metric('jobs_abandoned_total')
        done = metric('jobs_done_total')
        client.say('a sleep 500', 'b sleep 500', 'c sleep 0')
        eventually(lambda: metric('jobs') == 3 or metric('jobs_done_total') > done, 'no jobs')
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.sock.close()   # a reset: an orderly end would be that of his lines alone
        eventually(lambda: metric('jobs') == 0, 'the jobs do not end without him')
        return metric('jobs_abandoned_total') == before + 3
    eventually(goes_in_time, 'the jobs are not abandoned')
    assert Client(d).ask('next sleep 0') == 'next ok'


@pytest.mark.parametrize('order', ['request', 'completion'])
def test_client_that_ends_gets_all_his_answers(serve, order):
    d, _ = serve({'threads': 2}, order=order, jobs_max=2)
    client = Client(d)
    client.say(*(f'{n} sleep {n % 3}' for n in range(20)))
    client.sock.sendall(b'x sleep')
    client.sock.shutdown(socket.SHUT_WR)
    answers = client.reader.rest().decode().splitlines()
    assert sorted(answers) == sorted([f'{n} ok' for n in range(20)] +
                                     ['x error the last line has no end'])


def test_lines_in_pieces_and_with_crlf(serve):
    d, _ = serve()
    client = Client(d)
    for piece in (b'a sl', b'eep 0\r', b'\nb sleep 0\nc ', b'sleep 0\n'):
        client.sock.sendall(piece)
    assert client.hear(3) == ['a ok', 'b ok', 'c ok']


def test_line_at_the_limit_and_one_past_it(serve):
    d, _ = serve(listening={'frame_max': 16})
    client = Client(d)
    client.say('1 sleep 00000000', '2 sleep 000000000', '3 sleep 0')
    assert client.reader.rest() == b'1 ok\n2 error the line is too long\n'
    client = Client(d)
    client.sock.sendall(b'4' + b' ' * 17)
    assert client.reader.rest() == b'4 error the line is too long\n'


def test_sleep(serve):
    d, _ = serve(sleep_max='20ms')
    client = Client(d)
    assert client.ask('a sleep 20') == 'a ok'
    ran, = (f for f in d.told('stats')['metrics'] if f['name'] == 'goevd_async_run_seconds')
    assert ran['series'][0]['count'] == 1 and ran['series'][0]['sum'] >= 0.02
    assert client.ask('a sleep 21') == 'a error no sleep is longer than 20 ms'
    for argument in ('-1', '', '1s', '99999999999999999999'):
        assert client.ask(f'a sleep {argument}').startswith('a error ')


def test_resolve(serve):
    d, _ = serve(resolve=True)
    client = Client(d)
    assert '127.0.0.1' in client.ask('a resolve localhost').split(' ')[2:]
    assert client.ask('b resolve ::1') == 'b ok ::1'
    assert client.ask('c resolve no-such-host.invalid').startswith('c error ')


def test_digest(serve, tmp_path):
    root = tmp_path / 'root'
    (root / 'in').mkdir(parents=True)
    (root / 'in' / 'most').write_bytes(os.urandom(50000))
    (root / 'more').write_bytes(b'x' * 50001)
    (root / 'empty').touch()
    (root / 'link').symlink_to('in/most')
    (root / 'out').symlink_to('../outside')
    (tmp_path / 'outside').write_text('secret')
    os.mkfifo(root / 'fifo')
    d, _ = serve(root=str(root), digest_max=50000)
    client = Client(d)
    for path in ('in/most', 'empty', 'link'):
        expected = hashlib.sha256((root / path).read_bytes()).hexdigest()
        assert client.ask(f'a digest {path}') == f'a ok {expected}'
    for path, error in (('more', 'File too large'), ('none', 'No such file or directory'),
                        ('in', 'Is a directory'), ('fifo', 'Invalid argument'),
                        ('out', 'Invalid cross-device link'),
                        ('../outside', 'Invalid cross-device link'),
                        (f'{tmp_path}/outside', 'Invalid cross-device link')):
        assert client.ask(f'b digest {path}') == f'b error {error}'


def test_what_is_not_allowed_and_what_is_not_a_command(serve):
    d, _ = serve()
    client = Client(d)
    assert client.ask('a resolve localhost') == 'a error resolve is off'
    assert client.ask('b digest x') == 'b error there is no root'
    for line, tag in (('', '-'), ('c', 'c'), ('d sleep', 'd'), ('e sleepy 0', 'e')):
        answer = client.ask(line)
        assert answer.startswith(f'{tag} error a line is ')
    for line in (' sleep 0', 'x' * 65 + ' sleep 0'):   # a word that is no tag is not sent back
        assert client.ask(line) == '- ok'
    assert client.ask('x' * 64 + ' sleep 0') == 'x' * 64 + ' ok'


def test_stop_answers_what_has_begun(serve):
    d, metric = serve({'threads': 2})
    client = Client(d)
    client.say('a sleep 300', 'b sleep 0', 'c sleep 300')
    eventually(lambda: metric('jobs') + metric('jobs_done_total') >= 2, 'they have begun')
    d.signal(signal.SIGTERM)
    assert client.reader.rest() == b'a ok\nb ok\nc ok\n'
    assert d.wait() == 0


def test_stop_while_more_waits_than_ends_in_time(goevd):
    d = goevd(config(listener(handler='async'), plugin_dir=str(EXAMPLES), stop_timeout='200ms', work_pool={'threads': 1},
                     reactors=[{'name': 'main', 'pollers': '2'}]))
    d.may_say = ['connections? cut after .*stop_timeout']
    client = Client(d)
    client.say('a sleep 0', *(f'{n} sleep 700' for n in range(60)))
    assert client.hear() == ['a ok']
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def test_root_that_is_not_there_is_refused(refused):
    said = refused(config(listener(handler={'async': {'root': '/no/such/folder'}}),
                          plugin_dir=str(EXAMPLES)))
    assert 'listeners[1].handler.async.root: No such file or directory' in said
