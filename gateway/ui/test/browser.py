# SPDX-License-Identifier: MIT
"""A mock server in a thread and a headless Chromium before it."""

import argparse
import asyncio
import json
import os
import queue
import sys
import threading
import time
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import mock  # noqa: E402

DIST = os.path.join(HERE, "..", "dist")


BUTTON = """return [...document.querySelectorAll(arguments[0])].find((one) => arguments[1] ===
    one.getAttribute('aria-label') || arguments[1] === one.innerText.split('\\n')[0].trim())"""
TEXT = "return document.querySelector(arguments[0])?.innerText ?? null"


class Mock:
    def __init__(self, vms=16, period=1.0):
        ready = queue.Queue()
        options = argparse.Namespace(port=0, vms=vms, period=period, files=DIST)
        threading.Thread(target=lambda: asyncio.run(mock.serve(options, ready.put)),
                         daemon=True).start()
        self.url = f"http://localhost:{ready.get(timeout=10)}"

    def knob(self, **what):
        data = json.dumps(what).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + "/mock", data)) as answer:
            answer.read()

    def state(self):
        with urllib.request.urlopen(self.url + "/mock/state") as answer:
            return json.load(answer)


def chromium():
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                 "--force-device-scale-factor=1", "--hide-scrollbars", "--window-size=1280,800",
                 "--disable-background-networking", "--disable-component-update", "--no-first-run"):
        options.add_argument(word)
    options.accept_insecure_certs = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Page(webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options))


class Page:
    """A driver with the verbs that the tests use."""

    def __init__(self, driver):
        self.driver = driver
        self.url = ""
        self.user = None

    def __getattr__(self, name):
        return getattr(self.driver, name)

    def view(self, width=1280, height=800, scheme="dark", motion="no-preference"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion}]})

    def open(self, place=""):
        """Goes to a place by its address; a page that is there already is not loaded anew."""
        self.driver.get(f"{self.url}/{place}")

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector, seconds=6):
        return self.until(lambda: next(iter(self.all(selector)), None), selector, seconds)

    def text(self, selector="main"):
        """Returns the visible text of the first element that fits the selector."""
        return self.until(lambda: [found] if (found := self.js(TEXT, selector)) is not None else None,
                          selector)[0]

    def until(self, condition, what, seconds=6):
        end = time.monotonic() + seconds
        while True:
            try:
                found = condition()
            except Exception as error:  # An element that was just drawn anew.
                if "stale element" not in str(error):
                    raise
                found = None
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}\n{self.text('body')[:1500]}")
            time.sleep(0.05)

    def sees(self, text, selector="main", seconds=6):
        self.until(lambda: text in (self.js(TEXT, selector) or "").replace("\u00a0", " "),
                   f"{text!r} in {selector}", seconds)

    def button(self, label, within=""):
        return self.until(lambda: self.js(BUTTON, f"{within} button, {within} a", label),
                          f"button {label}")

    def press(self, *keys):
        """Keys to whatever has the focus."""
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(key).perform()

    def chord(self, modifier, key):
        webdriver.ActionChains(self.driver).key_down(modifier).send_keys(key).key_up(
            modifier).perform()

    def js(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def login(self, token="sky_admin", place="#/overview"):
        """
        Logs in, or goes on where somebody with this token is logged in already: a page has
        to stand that.
        """
        if self.user == (self.url, token) and self.driver.current_url.startswith(self.url) and \
                self.all(".inside") and not self.all("dialog"):
            self.open(place)
            self.one(".inside main h1")
            return
        self.user = (self.url, token)
        self.driver.delete_all_cookies()
        self.driver.get("about:blank")
        self.open(place)
        self.one("input[name=token]").send_keys(token, Keys.ENTER)
        self.one(".inside main h1")
