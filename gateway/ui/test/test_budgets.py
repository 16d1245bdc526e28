# SPDX-License-Identifier: MIT
"""How the pages are built: accessible in both themes and at 320 px, small, quick, from one place."""

import os
import time
from urllib.parse import urlsplit

import pytest

from browser import HERE, Mock

FIRST_BYTES = 80_000
CONSOLE_BYTES = 95_000
REQUESTS = 12
ELEMENTS = 2500          # the most elements of a page with 64 machines
# the most CPU time of a page, as a share of a core, with 64 machines sampled once a second
CPU_SHARE = 0.20
SCREENS = ("overview", "machines", "machines/batch", "machines/web-1/state", "machines/web-1/backups", "machines/web-1/configuration",
           "machines/web-1/inside", "machines/web-1/console", "consoles", "volumes", "images", "networks", "events", "alerts", "log", "audit", "report", "access", "host")
SHIFT = 0.05             # how far a screen's parts may move as its answers come, in Chromium's measure of layout shifts
# for each view: width, height, theme, and a machine that runs until then
VIEWS = {"dark": (1280, 800, "dark", "web-1"), "light": (1280, 800, "light", "web-2"),
         "narrow": (320, 640, "dark", "cache")}


def axe(page):
    if not page.js("return Boolean(window.axe)"):
        with open(os.path.join(HERE, "..", "node_modules", "axe-core", "axe.min.js")) as stream:
            page.js(stream.read() + ";window.axe = axe;")
    found = page.execute_async_script("""
        axe.run(document, { resultTypes: ['violations'] }).then((found) => arguments[0](found.violations.map(
            (one) => `${one.id}: ${one.nodes.map((node) => node.target + ' ' + node.failureSummary).slice(0, 4).join(' | ')}`)))""")
    return found


def settle(page):
    page.one("main h1")
    page.until(lambda: not page.all(".skeleton"), "data")
    if page.all("[data-console]"):
        page.one('[data-console="live"]')


@pytest.mark.parametrize("view", VIEWS)
def test_accessible(page, view):
    page.login()
    page.one(".tiles")
    page.view(*VIEWS[view][:3])
    wrong = {}
    for screen in SCREENS:
        page.open(f"#/{screen}")
        settle(page)
        wrong[screen] = axe(page)
        wide = page.js("return document.documentElement.scrollWidth")
        if wide > VIEWS[view][0]:
            wrong[screen].append(f"{wide} pixels wide")
    page.open("#/machines")
    settle(page)
    page.one(f'tr[data-row="{VIEWS[view][3]}"] input').click()
    page.button("Pause", ".bulk").click()
    page.one(".result")
    page.one(".palette-button").click()
    page.one("dialog")
    wrong["palette"] = axe(page)
    page.press("\ue00c")
    page.button("Keys").click()
    page.one("dialog table")
    wrong["help"] = axe(page)
    page.press("\ue00c")
    page.button("Log out").click()
    page.one(".login")
    wrong["login"] = axe(page)
    assert {screen: found for screen, found in wrong.items() if found} == {}


def test_states_are_accessible(page, server):
    page.login("sky_viewer", place="#/audit")
    page.sees("do not allow")
    assert axe(page) == []
    server.knob(link="lost")
    page.open("#/machines")
    page.one(".banner")
    for scheme in ("dark", "light"):
        page.view(scheme=scheme)
        assert axe(page) == []


def entries(page):
    return page.js("return performance.getEntriesByType('navigation').concat("
                   "performance.getEntriesByType('resource')).map((e) => [e.name, e.transferSize])")


def test_weight(page, server):
    page.login()
    page.js("performance.clearResourceTimings()")
    page.execute_cdp_cmd("Network.clearBrowserCache", {})
    page.refresh()
    page.one(".tiles .events")
    first = entries(page)
    assert len(first) <= REQUESTS, first
    assert sum(size for _, size in first) <= FIRST_BYTES, first
    page.open("#/machines/web-1/console")
    page.one('[data-console="live"]')
    more = entries(page)[len(first):]
    assert sum(size for _, size in more) <= CONSOLE_BYTES, more
    page.open("#/machines/web-1")
    page.one(".plot canvas")
    own = urlsplit(server.url).netloc
    assert {urlsplit(name).netloc for name, _ in entries(page)} == {own}
    print(f"first {sum(size for _, size in first)} B in {len(first)} requests, "
          f"console {sum(size for _, size in more)} B")


def metrics(page):
    told = page.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return {metric["name"]: metric["value"] for metric in told}


def test_load_with_64_machines(page):
    many = Mock(vms=64)
    page.url = many.url
    page.login(place="#/machines")
    page.until(lambda: len(page.all("tr[data-row]")) == 64, "64 rows")
    assert page.js("return document.querySelectorAll('*').length") <= ELEMENTS
    page.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    before = metrics(page)
    time.sleep(3)
    after = metrics(page)
    page.execute_cdp_cmd("Performance.disable", {})
    share = (after["TaskDuration"] - before["TaskDuration"]) / 3
    print(f"main thread {100 * share:.1f} %, scripts "
          f"{100 * (after['ScriptDuration'] - before['ScriptDuration']) / 3:.1f} %")
    assert share <= CPU_SHARE
    shift = page.js("""return new Promise((done) => { let sum = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((e) => { sum += e.hadRecentInput ? 0 : e.value; }))
            .observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => done(sum), 100); })""")
    assert shift <= 0.02


def test_screens_stand_still(page, server):
    """Skeletons leave about as much room as what comes in their place."""
    page.login()
    server.knob(slow=0.15)
    moved = {}
    for screen in ("events", "consoles", "access", "images"):
        page.js("""window.shifts?.disconnect(); window.moved = [];
            window.shifts = new PerformanceObserver((list) => list.getEntries().forEach((e) => window.moved.push([e.value,
                ...e.sources.map(({ node, previousRect, currentRect }) => [node?.className, previousRect.y, currentRect.y])])));
            window.shifts.observe({ type: 'layout-shift' })""")
        page.open(f"#/{screen}")
        page.one("main li, main tbody tr")
        page.until(lambda: not page.all(".skeleton"), "data")
        page.js("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        moved[screen] = page.js("return window.moved")
    assert {screen: found for screen, found in moved.items() if sum(one[0] for one in found) > SHIFT} == {}


def test_reduced_motion(page):
    page.view(motion="reduce")
    page.login()
    assert page.js("""document.querySelector('main').innerHTML; const e = document.createElement('div');
        e.className = 'skeleton'; e.append(document.createElement('div')); document.body.append(e);
        const name = getComputedStyle(e.firstChild).animationName; e.remove(); return name""") == "none"
