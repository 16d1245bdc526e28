# SPDX-License-Identifier: MIT
"""skerryd and a fake Skerry for each module of tests; a test undoes what it has changed."""
import signal
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE / "system"), str(ROOT / "tests")]

import long_set  # noqa: E402
from client import Server  # noqa: E402
from fake_runs import FakeRuns  # noqa: E402
from fake_skerry import FakeSkerry  # noqa: E402

LIMIT = 180     # seconds for a test


def pytest_addoption(parser):
    parser.addoption("--gateway", default=str(ROOT / "gateway/build"), help="where skerryd is")
    parser.addoption("--build", default=str(ROOT / "build"), help="where the image is")
    long_set.add_option(parser)


def pytest_configure(config):
    long_set.register(config)


def pytest_collection_modifyitems(config, items):
    long_set.leave_out(config, items)


@pytest.fixture(autouse=True)
def time_limit():
    def give_up(*_):
        raise AssertionError("the test did not end in time")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)


@pytest.fixture(scope="module")
def program(request):
    return str(Path(request.config.getoption("--gateway")) / "skerryd")


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    fake = FakeSkerry(str(tmp_path_factory.mktemp("fake") / "skerry.sock"),
                      rights=["view", "operate", "console", "configure", "host", "inspect", "guest"])
    for name in ("vm00", "vm01", "vm02", "vm03"):
        fake.act("start", [name], [])
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def server(program, fake, tmp_path_factory):
    server = Server(program, tmp_path_factory.mktemp("skerryd"), fake.path).start()
    yield server
    server.stop()


@pytest.fixture
def line(program, tmp_path):
    """A fake whose clones can be runs, and a server at it."""
    fake = FakeRuns(str(tmp_path / "skerry.sock"))
    server = Server(program, tmp_path, fake.path).start()
    yield fake, server
    server.stop()
    fake.close()


@pytest.fixture
def pair(program, tmp_path):
    """A fake and a server of a test's own, which the test starts and may break."""
    made = []

    def make(*options, **keys):
        fake = FakeSkerry(str(tmp_path / "skerry.sock"), **keys)
        fake.act("start", ["vm00"], [])
        server = Server(program, tmp_path, fake.path, *options)
        made.extend((fake.close, server.stop))
        return fake, server

    yield make
    for close in reversed(made):
        close()
