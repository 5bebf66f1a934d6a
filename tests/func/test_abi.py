"""A change of the public headers that plugins which are built already would not survive is found."""
import shutil
import subprocess

import pytest

from daemon import ROOT

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize('name, old, new, what', [
    ('plugin.h', 'struct goevd_plugin *to, const void *state,\n                        size_t len);',
     'struct goevd_plugin *to, const void *state);',
     'struct goevd_host: conn_upgrade has moved or has another type'),
    ('plugin.h', '    uint64_t (*now)(void);\n', '', 'struct goevd_host: now has moved or has another type'),
    ('plugin.h', '    size_t len;\n};', '    size_t len;\n    int hash;\n};',
     'struct goevd_str has another size, and no version'),
    ('plugin.h', 'GOEVD_REASON_EOF,  ', 'GOEVD_REASON_END, GOEVD_REASON_EOF,  ',
     'GOEVD_REASON_EOF has another value'),
    ('plugin.h', '(*goevd_release_fn)(void *arg, int result)', '(*goevd_release_fn)(void *arg)',
     'goevd_release_fn is another type'),
    ('plugin.h', 'HEADER_MAX 232', 'HEADER_MAX 300', 'GOEVD_PROXY_HEADER_MAX is not 232'),
    ('http.h', '"goevd.http"', '"goevd.http2"', 'GOEVD_HTTP is not "goevd.http"'),
    ('websocket.h', '    uint32_t websocket_minor; ', '    uint64_t websocket_minor; ',
     'struct goevd_websocket_app: websocket_minor has moved or has another type'),
])
def test_a_change_that_breaks_plugins_is_found(tmp_path, name, old, new, what):
    shutil.copytree(ROOT / 'include', tmp_path / 'include')
    shutil.copytree(ROOT / 'include', tmp_path / 'tests' / 'abi' / 'now')
    header = tmp_path / 'include' / 'goevd' / name
    text = header.read_text()
    assert text.count(old) == 1
    # What the headers assert of themselves is not what is looked at here.
    text = text.replace(old, new).replace('#if UINTPTR_MAX == UINT64_MAX', '#if 0')
    header.write_text(text)
    done = subprocess.run([ROOT / 'tests' / 'abi.py', tmp_path], text=True, capture_output=True,
                          check=False)
    assert done.returncode == 1
    assert f'# {what}: plugins that are built already would break. Leave it as it was, ' in done.stdout
    assert '"How the ABI grows" in docs/ARCHITECTURE.md' in done.stdout
