# SPDX-License-Identifier: MIT
"""What the shelves under pytest share: options, and where the image is."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))


def pytest_addoption(parser):
    parser.addoption("--build", default="build", help="where the image is")
    parser.addoption("--long", action="store_true", help="the full matrix")


@pytest.fixture(scope="session")
def build(request):
    folder = Path(request.config.getoption("--build")).resolve()
    assert (folder / "skerry.elf").exists(), "build the image first: make"
    return folder


@pytest.fixture(scope="session")
def long_run(request):
    return request.config.getoption("--long")
