# SPDX-License-Identifier: MIT
"""The screen of events: what the host keeps, then live, filtered, paused, and whole after a break."""


def rows(page):
    return [row.text for row in page.all("tr[data-row]")]


def choose(page, label, value):
    page.js("""const box = [...document.querySelectorAll('.choice')].find((one) => one.innerText.startsWith(arguments[0])).querySelector('select');
        box.value = arguments[1]; box.dispatchEvent(new Event('change'));""", label, value)


def test_kept_then_live_and_filtered(page, server):
    page.login(place="#/events")
    page.sees("triple fault", "table")
    before = len(rows(page))
    server.knob(event={"event": "store_damaged", "reason": "<b>pool</b>: 64 KiB of web"})
    page.until(lambda: len(rows(page)) == before + 1, "one more")
    assert "error" in rows(page)[0] and "store damaged" in rows(page)[0] and "<b>pool</b>" in rows(page)[0]
    server.knob(event={"event": "alert_firing", "vm": "db", "sequence": "0", "severity": "warning", "alert": "busy",
                       "reason": "busy: cpu_percent of vm/db is 91, above 90 for 60 s"})
    page.sees("busy: cpu_percent of vm/db is 91", "tr[data-row] .text")
    assert "warning" in rows(page)[0]
    choose(page, "Severity", "error")
    page.until(lambda: rows(page) and all("error" in row for row in rows(page)), "errors only")
    assert page.js("return location.hash") == "#/events?severity=error"
    choose(page, "Machine", "legacy")
    page.until(lambda: len(rows(page)) == 1 and "crashed" in rows(page)[0], "its crash")
    choose(page, "Event", "paused")
    page.sees("None of")
    page.button("Show all").click()
    page.until(lambda: len(rows(page)) == before + 2, "all")
    page.open("#/events?q=OVERLAY")
    page.until(lambda: len(rows(page)) == 1 and "disk full" in rows(page)[0], "by a word")


def test_pause(page, server):
    page.login(place="#/events")
    page.until(lambda: rows(page), "events")
    page.button("Pause").click()
    before = rows(page)
    for name in ("web-1", "web-2"):
        server.knob(event={"event": "reset", "vm": name})
    page.sees("2 newer events waiting")
    assert rows(page) == before
    page.button("Pause").click()
    page.until(lambda: rows(page)[2:] == before and "web-2" in rows(page)[0], "what was missed")


def test_a_break_misses_and_doubles_nothing(page, server):
    page.login(place="#/events?kind=configuration")
    page.one("h1")
    server.knob(event={"event": "configuration", "vm": "mail", "reason": "one"})
    page.until(lambda: len(rows(page)) == 1, "the first")
    server.knob(drop=True, broken=["events"])
    server.knob(event={"event": "configuration", "vm": "mail", "reason": "two"})
    page.sees("Not up to date: The mock was told to fail here.")
    server.knob(broken=[])
    page.until(lambda: [row.split()[-1] for row in rows(page)] == ["two", "one"], "both", 10)
    assert not page.all(".inline-error")
    page.login("sky_foreign", place="#/events")
    page.until(lambda: rows(page), "events")
    assert {link.text for link in page.all("tr[data-row] a")} == {"web-1", "web-2"}


def test_error_empty_and_started_anew(page, server):
    page.login(place="#/overview")
    server.knob(broken=["events"])
    page.open("#/events")
    page.sees("This could not be fetched.")
    server.knob(broken=[], forget=3)
    page.button("Try again").click()
    page.sees("3 earlier events not kept any more", "table")
    server.knob(forget=0, boot=True)
    page.until(lambda: not rows(page), "no events")
    page.sees("The host was started anew", "table")
    server.knob(event={"event": "started", "vm": "db"})
    page.until(lambda: len(rows(page)) == 1, "the first of this boot")
    page.open("#/log")
    page.sees("Log", "h1")
    server.knob(boot=True)
    page.open("#/events")
    page.sees("Nothing has happened yet.")
    assert server.state()["csp"] == []
