# SPDX-License-Identifier: MIT
"""Graphs of the last hour, day and month: of a machine, of the host."""
from urllib.parse import parse_qs

from test_budgets import axe

DAY = 86400


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


def asked(server):
    return [line for line in server.state()["requests"] if line.startswith("history ")]


def test_a_past_beside_that_of_before(page, server):
    """What was a day or a week before is a line of its own, in the table and in words too; the choice goes off again."""
    page.login(place="#/machines/web-1")
    page.button("Day", ".spans").click()
    page.sees("Since ", ".graphs")
    assert "yesterday" not in page.one(".graphs").text
    page.button("Yesterday", ".graphs .spans").click()
    page.sees("yesterday", ".graphs .keys-line")
    page.until(lambda: drawn(page) == 5, "graphs")
    assert "; CPU yesterday mean " in page.one(".graphs .plot").get_attribute("aria-label")
    page.one(".graphs details summary").click()
    page.sees("yesterday", ".graphs table")
    cells = [row.text.split() for row in page.all(".graphs table tbody tr")]
    assert any(row[1] != row[-2] for row in cells), cells      # it is another day's
    assert axe(page) == []
    now, earlier = ({key: int(value[0]) for key, value in parse_qs(query.partition(" ")[2]).items() if key != "what"}
                    for query in asked(server)[-2:])
    assert now["step"] == earlier["step"] == 300 and "to" not in now
    assert 0 <= now["from"] - DAY - earlier["from"] < 300 and earlier["to"] - earlier["from"] in (DAY, DAY + 300)
    page.button("A week ago", ".graphs .spans").click()
    page.sees("a week ago", ".graphs .keys-line")
    # An hour of a week ago is known by minutes.
    page.button("Hour", ".spans").click()
    page.sees("a week ago", ".graphs .keys-line")
    page.until(lambda: "step=60" in asked(server)[-1], "a question by minutes")
    page.button("Month", ".spans").click()
    page.until(lambda: "week" not in page.one(".graphs .keys-line").text, "no week beside a month")
    page.button("Four weeks ago", ".graphs .spans").click()
    page.sees("four weeks ago", ".graphs .keys-line")
    page.button("Four weeks ago", ".graphs .spans").click()
    page.until(lambda: "four" not in page.one(".graphs .keys-line").text, "no comparison")
    page.until(lambda: drawn(page) == 5, "graphs again")


def test_the_host_has_a_past(page):
    page.login(place="#/host")
    page.sees("Free memory", ".graphs")
    page.until(lambda: drawn(page) == 2, "graphs")
    page.button("Month", ".spans").click()
    page.until(lambda: drawn(page) == 2, "graphs of a month")
    page.sees("The CPUs are not used up within 28 days.", '[aria-label="Forecast of host"]')
    page.sees("The free memory is used up between ", '[aria-label="Forecast of host"]')
    page.sees("Since ", ".graphs")


def test_when_something_is_used_up(page):
    page.login(place="#/machines/web-1")
    page.button("Month", ".spans").click()
    page.sees("Its memory is of unknown end: 2 days of history, and 5 up to now are needed.", '[aria-label="Forecast of vm/web-1"]')
    assert axe(page) == []
    page.open("#/volumes")
    page.sees("It is most likely not used up within 20 days, but possibly from ", '[aria-label="Forecast of store/pool"]')
    assert not page.all('[aria-label="Forecast of store/empty"]')
