# SPDX-License-Identifier: MIT
"""Options that the shelves under pytest share."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))


def pytest_addoption(parser):
    parser.addoption("--build", default="build", help="where the image is")
    parser.addoption("--long", action="store_true", help="the full matrix")


@pytest.fixture(scope="session")
def build(request):
    return Path(request.config.getoption("--build")).resolve()
