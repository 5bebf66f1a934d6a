"""The functions for pollers, through a real plugin: tests/plugin/pollers.c."""
import threading

import pytest

from daemon import config, listener
from wire import ask as ask_on

POLLERS = 3


MAILBOX = 16   # sends that may wait


@pytest.fixture
def ask(goevd, plugins):
    """ask(command) -> the line that answers it."""
    d = goevd(config(listener(handler='pollers'), plugin_dir=str(plugins),
                     reactors=[{'name': 'main', 'pollers': str(POLLERS), 'cpus': 'none',
                                'mailbox_max': MAILBOX}]))

    def one(command):
        with d.connect() as s:
            return ask_on(s, command)

    return one


def test_cache_is_set_for_all_pollers_while_they_run(ask):
    assert ask('get 7') == '- - -'
    assert ask('set 7 one') == 'set'
    assert ask('get 7') == 'one one one'
    assert ask('set 7 two') == 'set'
    assert ask('get 7') == 'two two two'
    assert ask('get 8') == '- - -'
    assert ask('unset 7') == 'set'
    assert ask('get 7') == '- - -'


def test_cache_that_create_set_is_there_in_poller_start(ask):
    assert ask('get 1') == 'early early early'
    assert ask('count') == '1early 1early 1early'


def test_cache_ends_alike_on_all_pollers_whoever_sets_it(ask):
    def setter(word):
        for i in range(50):
            assert ask(f'set 9 {word}{i}') == 'set'

    threads = [threading.Thread(target=setter, args=(word,)) for word in 'ab']
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    words = ask('get 9').split()
    assert len(words) == POLLERS
    assert set(words) in ({'a49'}, {'b49'})


def test_call_runs_on_the_poller_it_names(ask):
    for i in range(POLLERS):
        assert ask(f'call {i}') == f'on {i}'
    assert ask(f'call {POLLERS}') == 'no such poller'


def test_call_from_a_thread_that_is_no_poller(ask):
    for i in range(POLLERS):
        assert ask(f'away {i}') == f'on {i}'


def test_call_to_a_full_mailbox_is_refused_and_the_others_run(ask):
    assert ask('fill') == f'{MAILBOX} fitted, {MAILBOX} ran'


def test_call_all_runs_once_on_each_with_its_own_storage(ask):
    for i in range(1, 4):
        assert ask('count') == ' '.join([f'{i}early'] * POLLERS)


def test_foreign_fds_are_watched(ask):
    assert ask('pipe') == 'byte x events 1'
    assert ask('write') == 'room events 2'
    assert ask('hangup') == 'hung up 5'
    assert ask('pipe') == 'byte x events 1'


def test_a_regular_file_cannot_be_watched(ask):
    assert ask('file') == 'Operation not permitted, Invalid argument'
