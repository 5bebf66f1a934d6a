"""The functions of goevd/plugin.h, through a real plugin: tests/plugin/sender.c."""
import re
import signal

import pytest

from daemon import SANITIZER, config, listener
from wire import Reader


@pytest.fixture
def sender(goevd, plugins):
    """A goevd with the plugin sender on two pollers."""
    file = plugins / 'content'
    file.write_bytes(bytes(range(256)))
    return goevd(config(listener(handler={'sender': {'file': str(file)}}), plugin_dir=str(plugins),
                        reactors=[{'name': 'main', 'pollers': '2', 'cpus': 'none'}]))


def ask(d, command):
    """A new connection that has sent a command."""
    s = d.connect()
    s.sendall(command + b'\n')
    return s, Reader(s)


def metrics(d):
    """The counts of the plugin over its life."""
    for s in d.sockets:
        s.close()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    found = d.log.find(r'sender: accepted (\d+) completed (\d+) gone (\d+) released (\d+)$')[0]
    return [int(n) for n in found.groups()]


def test_send_keeps_the_order(sender):
    _, reader = ask(sender, b'send 1000')
    assert reader.rest() == b''.join(b'line %d\n' % i for i in range(1000))
    assert metrics(sender)[:3] == [1000, 1000, 0]


def test_sends_to_many_and_to_those_that_leave(sender):
    clients = [ask(sender, b'send 2000') for _ in range(20)]
    for s, _ in clients[::2]:
        s.close()
    for _, reader in clients[1::2]:
        assert reader.rest() == b''.join(b'line %d\n' % i for i in range(2000))
    accepted, completed, gone, _ = metrics(sender)   # some clients may still be sending, without a reader
    assert 20000 <= accepted <= 40000
    assert completed + gone == accepted   # each exactly once


def test_stop_while_threads_send(sender):
    count = 5 if SANITIZER else 20
    for _ in range(count):
        _, reader = ask(sender, b'send 1000000')
        assert reader.until(b'\n') == b'line 0\n'
    accepted, completed, gone, _ = metrics(sender)
    assert count <= accepted < count * 1000000
    assert completed + gone == accepted


def test_connection_timer(sender):
    _, reader = ask(sender, b'tick 5')
    assert reader.exactly(35) == b''.join(b'tick %d\n' % i for i in (4, 3, 2, 1, 0))


def test_poller_timer(sender):
    _, reader = ask(sender, b'poller')
    assert reader.until(b'\n') == b"from the poller's timer\n"


def test_deadline(sender):
    _, reader = ask(sender, b'deadline')
    assert reader.until(b'\n') == b'deadline\n'


def test_write_file_between_other_writes(sender):
    _, reader = ask(sender, b'shared\nfile\nplace\nfile\nshared')
    part = bytes(range(64))
    assert reader.exactly(7 + 64 + 9 + 64 + 7) == b'shared\n' + part + b'in place\n' + part + \
        b'shared\n'
    assert metrics(sender)[3] == 4


def test_info(sender):
    s, reader = ask(sender, b'info')
    found = re.fullmatch(rb'peer (\d+) local (\d+) in 5 out 0 queued 0 nodelay 0 poller [01]\n',
                         reader.until(b'\n'))
    assert int(found[1]) == s.getsockname()[1] and int(found[2]) == sender.port()


def test_need(sender):
    s, reader = ask(sender, b'need')
    assert reader.until(b'\n') == b'needing\n'
    for byte in b'123456789':
        s.sendall(bytes([byte]))
    s.sendall(b'0')
    assert reader.until(b'\n') == b'got 10 at once\n'


def test_pause_and_resume(sender):
    s, reader = ask(sender, b'pause')
    assert reader.until(b'\n') == b'paused\n'
    s.sendall(b'shared\n')
    assert reader.until(b'\n') == b'resumed\n'
    assert reader.until(b'\n') == b'shared\n'


def test_what_a_paused_handler_left_comes_again(sender):
    _, reader = ask(sender, b'pause\nshared')
    assert reader.exactly(22) == b'paused\nresumed\nshared\n'


def test_half_close_leaves_the_other_way_open(sender):
    s, reader = ask(sender, b'shared\nhalf')
    assert reader.rest() == b'shared\n'
    s.sendall(b'drop\n')   # read still, or the connection would stay


def test_drop_sends_nothing(sender):
    _, reader = ask(sender, b'drop')
    try:
        assert reader.rest() == b''
    except ConnectionResetError:
        pass


def test_unknown_command_closes(sender):
    _, reader = ask(sender, b'nonsense')
    assert reader.rest() == b''


def test_refuses_a_file_that_is_not_there(refused, plugins):
    text = refused(config(listener(handler={'sender': {'file': '/nowhere'}}),
                          plugin_dir=str(plugins)))
    assert text.endswith('.sender.file: cannot open /nowhere: No such file or directory\n')
