# SPDX-License-Identifier: MIT
"""What the shelves under pytest share: options, where the image is, and folders that do not stay."""
import shutil
import signal
import sys
from pathlib import Path

import pytest

import long_set

# Seconds for one test: what it waits for in a loop may never come.
LIMIT, LONG_LIMIT = 2400, 4 * 3600

# Files of more than two minutes on two idle cores.
BEGIN = ("test_first_light", "test_guide", "test_fio", "test_ide", "test_linux_vmx", "test_smp", "test_twins",
         "test_snapshot", "test_snapshot_disk", "test_thieves")

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))


def pytest_addoption(parser):
    parser.addoption("--build", default="build", help="where the image is")
    long_set.add_option(parser)


def pytest_configure(config):
    long_set.register(config)


def pytest_collection_modifyitems(config, items):
    """Files that take long come first, as none can be divided among workers."""
    items.sort(key=lambda item: item.path.stem not in BEGIN)
    long_set.leave_out(config, items)


@pytest.fixture(autouse=True)
def time_limit(request):
    """A test that takes too long fails, with the line where it was; the others go on."""
    def give_up(*_):
        raise AssertionError("the test did not end in time")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONG_LIMIT if request.config.getoption("--long") else LIMIT)
    yield
    signal.alarm(0)


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """What skerryctl keeps of hosts is a test's own: the next test's host may have the same port."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


@pytest.fixture
def tmp_path(request, tmp_path):
    """
    A test's folder goes with the test, unless it failed: the disks of all machines together would take ten
    times the space of those that run at one time.
    """
    yield tmp_path
    if not getattr(request.node, "has_failed", False):
        shutil.rmtree(tmp_path, ignore_errors=True)     # some tests remove it themselves


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails shows what the machines of its fixtures had said; its own say it."""
    from machine import Machine

    outcome = yield
    report = outcome.get_result()
    item.has_failed = getattr(item, "has_failed", False) or report.failed
    if report.when == "call" and report.failed:
        report.sections += [("said by a machine of a fixture", said)
                            for said in Machine.unreported()]


@pytest.fixture(scope="session")
def build(request):
    folder = Path(request.config.getoption("--build")).resolve()
    assert (folder / "skerry.elf").exists(), "build the image first: make"
    return folder
