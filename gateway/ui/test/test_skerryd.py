# SPDX-License-Identifier: MIT
"""The same pages before skerryd itself, with a made-up machine behind it; skipped where it is not built.

SKERRYD names another binary than gateway/build/skerryd.
"""

import os
import re
import socket
import subprocess
import sys
import time

import pytest
from selenium.webdriver.common.keys import Keys

from browser import DIST, HERE

SKERRYD = os.environ.get("SKERRYD", os.path.join(HERE, "..", "..", "build", "skerryd"))
FAKE = os.path.join(os.path.dirname(SKERRYD), "..", "tests", "system", "fake_skerry.py")

pytestmark = pytest.mark.skipif(not (os.path.exists(SKERRYD) and os.path.exists(FAKE)),
                                reason="skerryd is not built")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Returns (address, first token)."""
    folder = tmp_path_factory.mktemp("skerryd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    link = str(folder / "link")
    fake = subprocess.Popen([sys.executable, FAKE, link, "--vms", "16", "--running", "12"],
                            stdout=subprocess.PIPE, text=True)
    assert fake.stdout.readline() == "ready\n"
    daemon = subprocess.Popen(
        [SKERRYD, "--link", f"unix:{link}", "--state", str(folder / "state"), "--listen",
         f"127.0.0.1:{port}", "--name", "localhost", "--ui", DIST], stdout=subprocess.PIPE, text=True)
    try:
        token = None
        while not token:
            token = re.search(r"sky_\w+", daemon.stdout.readline())
        end = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < end:
            time.sleep(0.05)
        yield f"https://localhost:{port}", token[0]
    finally:
        for process in (daemon, fake):
            process.terminate()
            process.wait()


def test_all_flows_before_the_real_server(browser, real):
    page = browser
    page.url, token = real
    page.view()
    page.get_log("browser")
    page.login(token)
    page.sees("running", ".counts")
    colours = page.js("return [...document.querySelectorAll('.memory .swatch')].map("
                      "(one) => getComputedStyle(one).backgroundColor)")
    assert len(set(colours)) == len(colours), "each owner of memory has a colour of its own"
    page.open("#/machines/vm01/console")
    page.one('[data-console="live"][data-mode="write"]', 10)
    page.one(".xterm-helper-textarea").send_keys("hello", Keys.ENTER)
    page.sees("hello", ".xterm-rows")
    page.open("#/consoles")
    page.until(lambda: len(page.all('[data-console="live"]')) == 8, "a page of consoles", 15)
    page.sees("hello", '[data-row="vm01"]')
    page.open("#/images")
    page.sees("kernel", '[aria-label="Files"]')
    page.open("#/access")
    page.sees("first", ".tokens")
    page.open("#/machines/vm02")
    page.one(".plot canvas")
    page.sees("io", ".exits tbody", 10)
    for action, state in (("Pause", "paused"), ("Resume", "running"), ("Stop", "stopped")):
        page.button(action, ".machine-title").click()
        page.sees(state, ".machine-title .state", 15)
    page.open("#/machines/vm02/configuration")
    weight = page.one('input[aria-label="weight of vm02"]')
    weight.send_keys(Keys.CONTROL, "a")
    weight.send_keys("300")
    page.button("Save").click()
    page.until(lambda: not page.all(".diff"), "saved")
    page.open("#/log")
    page.one("tr[data-row]")
    page.open("#/events")
    page.sees("paused", "table")
    page.open("#/audit")
    page.sees("vm.pause", "table")
    page.open("#/report")
    page.button("Make the report").click()
    page.sees("✓ passes", "table", 15)
    page.open("#/host")
    page.button("Audit every page").click()
    page.sees("found no fault", '[aria-label="Audit of pages"]', 12)
    page.button("Log out").click()
    page.sees("You are logged out", ".login")
    said = [entry["message"] for entry in page.get_log("browser")]
    assert said == []
