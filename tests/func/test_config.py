"""Errors of the configuration, from the file to the terminal, and files that include files."""
import pytest

import daemon

pytestmark = pytest.mark.sequential

WRONG = '''\
log:
  level: loud
stop_timeout: 10 parsecs
raectors:
  - name: main
reactors:
  - {name: main, pollers: 0}
listeners:
  - name: web
    address: 127.0.0.1:70000
    idle_timeout: -1s
    connections_max: many
    reactor: mian
    handler:
      http:
        header_timeout: 1
        routes:
          - path: /a
          - path: /b
            respond: {status: 999}
            redirect: {to: /}
          - respond: {body: x}
  - address: 127.0.0.1:0
'''


def test_all_errors_at_once_with_their_lines(refused):
    said = refused(WRONG)
    assert [line.split(': ')[0] + ' ' + line.split(': ')[1] for line in said.splitlines()] == [
        'goevd.yaml:2:10 log.level',
        'goevd.yaml:3:15 stop_timeout',
        'goevd.yaml:4:1 raectors',
        'goevd.yaml:7:27 reactors[0].pollers',
        'goevd.yaml:10:14 listeners[0].address',
        'goevd.yaml:11:19 listeners[0].idle_timeout',
        'goevd.yaml:12:22 listeners[0].connections_max',
        'goevd.yaml:13:14 listeners[0].reactor',
        'goevd.yaml:16:25 listeners[0].handler.http.header_timeout',
        'goevd.yaml:18:13 listeners[0].handler.http.routes[0]',
        'goevd.yaml:20:31 listeners[0].handler.http.routes[1].respond.status',
        'goevd.yaml:21:13 listeners[0].handler.http.routes[1]',
        'goevd.yaml:22:13 listeners[0].handler.http.routes[2].path',
        'goevd.yaml:23:5 listeners[1].handler',
    ], said
    assert "raectors: unknown key, did you mean reactors?\n" in said
    assert 'address: port 70000 is above 65535\n' in said


def test_single_says_the_same(refused):
    assert refused(WRONG) == refused(WRONG, '--single')


def test_check_says_the_same(goevd_run, refused, tmp_path):
    done = goevd_run('-t', '-c', daemon.write_config(tmp_path, WRONG))
    assert done.stderr.replace(f'{tmp_path}/', '') == refused(WRONG)


def test_duplicate_routes(refused):
    said = refused('listeners:\n'
                   '- address: 127.0.0.1:0\n'
                   '  handler: {http: {routes: [\n'
                   '    {path: /a, respond: {body: x}},\n'
                   '    {path: /a, respond: {body: y}}]}}\n')
    assert said.startswith('goevd.yaml:5:')
    assert '/a' in said


def test_broken_yaml(refused):
    said = refused('listeners:\n  - address: "127.0.0.1:0\n')
    assert said.startswith('goevd.yaml:3:1: not YAML: ')
    assert said.count('\n') == 1


def test_empty_file(refused):
    assert refused('') == 'goevd.yaml:1:1: listeners: is missing\n'


def test_unknown_user(refused):
    said = refused('listeners: {address: "unix:/tmp/goevd-test", handler: echo,\n'
                   '            socket_owner: no-such-user}\n')
    assert said == "goevd.yaml:2:27: listeners[0].socket_owner: there is no user 'no-such-user'\n"


def test_include(goevd, tmp_path):
    (tmp_path / 'conf.d').mkdir()
    for name in 'ab':
        (tmp_path / 'conf.d' / f'{name}.yaml').write_text(
            f'listeners: {{name: {name}, address: "127.0.0.1:0", handler: echo}}\n')
    d = goevd(f'include: {tmp_path}/conf.d/*.yaml\n', ready=False)
    d.count = 2
    d.ready()
    assert set(d.listeners) == {'a', 'b'}


def test_error_in_an_included_file_names_it(refused, tmp_path):
    (tmp_path / 'part.yaml').write_text('listeners:\n- {address: "127.0.0.1:0"}\n')
    said = refused('include: part.yaml\n')
    assert said == f'{tmp_path}/part.yaml:2:3: listeners[0].handler: is missing\n'


def test_every_list_of_one_may_be_written_alone(goevd):
    d = goevd('listeners: {name: web, address: "127.0.0.1:0", handler: {http: {routes: '
              '{path: /*, respond: {body: hi}}}}}\n')
    assert d.listeners['web']['plugin'] == 'http'
