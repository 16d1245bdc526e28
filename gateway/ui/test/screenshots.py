#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Takes pictures of the screens at 1280x800: screenshots.py DIRECTORY [--all]"""

import base64
import os
import sys
import time

from browser import Mock, chromium
from png import shrink

PERIOD_S = 0.25
WARM_S = 31              # 124 samples: the lines of two minutes are full
# name: (place, scheme, seconds to wait)
PUBLISHED = {
    "overview-dark": ("#/overview", "dark", 0), "machines-dark": ("#/machines?sort=-cpu", "dark", 0),
    "machine-dark": ("#/machines/batch", "dark", 2), "console-dark": ("#/machines/web-1/console", "dark", 2),
    "consoles-dark": ("#/consoles?q=state:running", "dark", 3), "events-light": ("#/events", "light", 1),
    "access-light": ("#/access", "light", 1), "images-dark": ("#/images", "dark", 1),
    "new-machine-dark": ("#/machines", "dark", 0), "configuration-light": ("#/machines/web-1/configuration", "light", 1),
    "overview-light": ("#/overview", "light", 0), "machine-light": ("#/machines/mail", "light", 2),
    "log-light": ("#/log", "light", 0), "host-light": ("#/host", "light", 0),
    "backups-light": ("#/machines/web-1/backups", "light", 1),
}
OTHERS = {
    "machines-light": ("#/machines", "light", 0), "log-dark": ("#/log", "dark", 0),
    "console-light": ("#/machines/web-1/console", "light", 2), "host-dark": ("#/host", "dark", 0),
    "audit-dark": ("#/audit", "dark", 0), "audit-light": ("#/audit", "light", 0),
    "palette-dark": ("#/overview", "dark", 0), "login-dark": (None, "dark", 0), "login-light": (None, "light", 0),
}
NARROW = {f"narrow-{place.split('/')[-1]}": (place, "dark", 1) for place in (
    "#/overview", "#/machines", "#/machines/batch", "#/machines/web-1/console", "#/log", "#/audit", "#/host")}


def take(page, path, tall=False):
    shot = page.execute_cdp_cmd("Page.captureScreenshot", {
        "format": "png", "captureBeyondViewport": tall})
    with open(path, "wb") as stream:
        stream.write(shrink(base64.b64decode(shot["data"])))


def main():
    folder, everything = sys.argv[1], "--all" in sys.argv
    os.makedirs(folder, exist_ok=True)
    server, page = Mock(period=PERIOD_S), chromium()
    page.url = server.url
    try:
        page.view()
        page.login()
        time.sleep(WARM_S)
        wanted = {**PUBLISHED, **(OTHERS if everything else {}), **(NARROW if everything else {})}
        for name, (place, scheme, seconds) in wanted.items():
            narrow = name.startswith("narrow")
            page.view(320 if narrow else 1280, 700 if narrow else 800, scheme)
            if place is None:
                continue
            if name.startswith("backups"):
                server.knob(stores={"vault": "ready"})
            page.open(place)
            page.one("main h1")
            time.sleep(0.7 + seconds)
            if name.startswith("palette"):
                page.one(".palette-button").click()
                time.sleep(0.2)
            if name.startswith("new-machine"):
                page.button("New machine").click()
                page.one("dialog input[name=name]").send_keys("shop")
                time.sleep(0.3)
            take(page, os.path.join(folder, f"ui-{name}.png"))
            if name.startswith("palette"):
                page.press("\ue00c")
        if everything:
            page.button("Log out").click()
            page.one(".login")
            for scheme in ("dark", "light"):
                page.view(scheme=scheme)
                take(page, os.path.join(folder, f"ui-login-{scheme}.png"))
        print([entry["message"] for entry in page.get_log("browser")], server.state()["csp"])
    finally:
        page.quit()


if __name__ == "__main__":
    main()
