"""An author writes plugins for goevd installed from its packages, in an empty Debian."""
import pytest

from conftest import AUTHOR_PACKAGES

pytestmark = pytest.mark.xdist_group('author')


@pytest.fixture(scope='module')
def author(root, needed, debs):
    """A root with goevd, its headers, and the tools that compile and test a plugin."""
    r = root('author', needed, debs)
    r.install('/root/goevd.deb', '/root/goevd-dev.deb', *AUTHOR_PACKAGES)
    return r


@pytest.mark.parametrize('kind', ['stream', 'http', 'websocket'])
def test_a_plugin_for_the_package(author, kind):
    author.run('goevd', 'plugin', 'new', f'my_{kind}', '--kind', kind, cwd='/root')
    said = author.run('make', 'test', 'install', cwd=f'/root/my_{kind}')
    assert said.count(': ok\n') == 4, said
    assert f'my_{kind} ' in author.run('goevd', '--list-plugins')


def test_a_plugin_for_the_package_under_meson(author):
    author.install('meson')
    author.run('goevd', 'plugin', 'new', 'measured', cwd='/root')
    author.run('meson', 'setup', 'build', cwd='/root/measured')
    author.run('meson', 'test', '-C', 'build', cwd='/root/measured')
    author.run('meson', 'install', '-C', 'build', cwd='/root/measured')
    assert 'measured ' in author.run('goevd', '--list-plugins')
