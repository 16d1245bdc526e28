# SPDX-License-Identifier: MIT
"""One browser for all tests; after each, nothing may have been complained about."""

import re

import pytest

from browser import Mock, chromium

# The browser's own lines about answers that a test asked for.
NETWORK = re.compile(r"Failed to load resource|WebSocket connection to .* failed")


@pytest.fixture(scope="session")
def browser():
    page = chromium()
    yield page
    page.quit()


@pytest.fixture(scope="module")
def server():
    return Mock(period=0.25)


@pytest.fixture
def page(browser, server):
    browser.url = server.url
    browser.view()
    browser.get_log("browser")
    yield browser
    said = [entry["message"] for entry in browser.get_log("browser")
            if not NETWORK.search(entry["message"])]
    server.knob(link="up", slow=0, broken=[], refuse=False, changes=0)
    assert said == []
    assert server.state()["csp"] == []
