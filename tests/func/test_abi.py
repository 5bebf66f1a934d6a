"""A change of the public headers that plugins which are built already would not survive is found."""
import shutil
import subprocess

import pytest

from daemon import ROOT

pytestmark = pytest.mark.heavy


@pytest.fixture
def abi(tmp_path):
    """abi(header, old, new) -> what tests/abi.py reports after such a change."""
    shutil.copytree(ROOT / 'include', tmp_path / 'include')
    shutil.copytree(ROOT / 'tests' / 'abi', tmp_path / 'tests' / 'abi')

    def change(name, old, new):
        header = tmp_path / 'include' / 'goevd' / name
        text = header.read_text()
        assert text.count(old) == 1
        header.write_text(text.replace(old, new))
        return subprocess.run([ROOT / 'tests' / 'abi.py', tmp_path], text=True, capture_output=True,
                              check=False)
    return change


@pytest.mark.parametrize('name, old, new, what', [
    ('threads.h', 'int (*close)(uint64_t conn_id, unsigned flags);',
     'int (*close)(uint64_t conn_id, unsigned long flags);', 'struct goevd_host_threads.close'),
    ('plugin.h', '    uint64_t (*now)(void);\n', '    void *spare;\n    uint64_t (*now)(void);\n',
     'struct goevd_host.now'),
    ('version.h', '    size_t len;\n};', '    size_t len;\n    int hash;\n};', 'struct goevd_str'),
    ('stream.h', 'GOEVD_REASON_EOF,  ', 'GOEVD_REASON_END, GOEVD_REASON_EOF,  ',
     'enum goevd_reason.GOEVD_REASON_EOF'),
    ('plugin.h', '(*goevd_release_fn)(void *arg, int result)', '(*goevd_release_fn)(void *arg)',
     'type goevd_release_fn'),
    ('proxy.h', 'HEADER_MAX 232', 'HEADER_MAX 300', 'constant GOEVD_PROXY_HEADER_MAX'),
    ('http.h', '"goevd.http"', '"goevd.http2"', 'constant GOEVD_HTTP'),
    ('websocket.h', '    uint32_t websocket_minor; ', '    uint64_t websocket_minor; ',
     'struct goevd_websocket_app.websocket_minor'),
])
def test_a_change_that_breaks_plugins_is_found(abi, name, old, new, what):
    done = abi(name, old, new)
    assert done.returncode == 1
    assert f'# {what}: was "' in done.stdout
    assert 'plugins that are built already would break. Leave it as it was, ' in done.stdout


NEW = ('metrics.h', 'GOEVD_METRIC_GAUGE,  ', 
       'GOEVD_METRIC_OTHER = 9,\n    GOEVD_METRIC_GAUGE = 2,  ')


def test_what_is_new_needs_a_minor_version(abi, tmp_path):
    done = abi(*NEW)
    assert done.returncode == 1
    assert '# enum goevd_metric_type.GOEVD_METRIC_OTHER: is new: raise the minor version' in done.stdout
    done = abi('version.h', 'ABI_MINOR 0', 'ABI_MINOR 1')
    assert done.returncode == 1
    assert 'not ok 2 - goevd-1.1.txt\n# is missing: the version is new' in done.stdout
    subprocess.run([ROOT / 'tests' / 'abi.py', '--write', tmp_path], check=True, capture_output=True)
    assert 'GOEVD_METRIC_OTHER' in (tmp_path / 'tests/abi/goevd-1.1.txt').read_text()
    assert 'GOEVD_METRIC_OTHER' not in (tmp_path / 'tests/abi/goevd-1.0.txt').read_text()
