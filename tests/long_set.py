# SPDX-License-Identifier: MIT
"""The tests that belong to the long set alone: conftest.py here and the gateway's have them left out without --long."""


def add_option(parser):
    parser.addoption("--long", action="store_true", help="also the tests and lengths marked long")


def register(config):
    config.addinivalue_line("markers", "long: belongs to the long set alone")


def leave_out(config, items):
    """Without --long the tests marked so are not there, rather than skipped."""
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
