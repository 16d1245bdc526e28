# SPDX-License-Identifier: MIT
"""Graphs of the last hour, day and month: of a machine, of the host."""
from test_budgets import axe


def drawn(page):
    return page.js("return document.querySelectorAll('.graph canvas').length")


def test_a_machine_has_a_past(page, server):
    page.login(place="#/machines/web-1")
    page.until(lambda: drawn(page) == 3, "live graphs")
    for label in ("Hour", "Day", "Month"):
        page.button(label, ".spans").click()
        page.sees("Since ", ".graphs")
        page.until(lambda: drawn(page) == 5, label)
        page.sees("highest", ".graphs")
        assert page.button(label, ".spans").get_attribute("aria-pressed") == "true"
    page.sees("Networks, bytes a second", ".graphs")
    said = page.one(".graphs .plot").get_attribute("aria-label")
    assert said.startswith("CPU: CPU mean ") and "highest" in said
    assert axe(page) == []
    page.one(".graphs details summary").click()
    page.sees("/", ".graphs table")
    server.knob(broken=["history"])
    page.button("Hour", ".spans").click()
    page.sees("The history could not be fetched", ".graphs")
    server.knob(broken=[])
    page.button("Live", ".spans").click()
    page.until(lambda: drawn(page) == 3, "live graphs again")


def test_the_host_has_a_past(page):
    page.login(place="#/host")
    page.sees("Free memory", ".graphs")
    page.until(lambda: drawn(page) == 2, "graphs")
    page.button("Month", ".spans").click()
    page.until(lambda: drawn(page) == 2, "graphs of a month")
    page.sees("Since ", ".graphs")
