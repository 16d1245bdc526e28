# SPDX-License-Identifier: MIT
"""States that others forget: loading, empty, error, no right, out of reach, login ended."""

from browser import Mock


def test_loading_then_data_and_old_data_stays(page, server):
    page.login(place="#/overview")
    server.knob(slow=1.0)
    page.open("#/audit")
    page.one(".skeleton", 1)
    page.sees("vm.pause", "table")


def test_error_can_be_tried_again(page, server):
    page.login()
    server.knob(broken=["audit"])
    page.open("#/audit")
    page.sees("This could not be fetched.")
    page.sees("told to fail")
    server.knob(broken=[])
    page.button("Try again").click()
    page.sees("vm.pause", "table")


def test_no_machines(browser, page):
    empty = Mock(vms=0, period=0.25)
    browser.url = empty.url
    page.login()
    page.sees("There are no machines yet.")
    page.open("#/machines")
    page.sees("skerryctl vm create")
    assert empty.state()["csp"] == []


def test_what_a_role_lacks_is_told(page):
    page.login("sky_viewer", place="#/machines/web-1/configuration")
    stop = next(one for one in page.all(".machine-title button") if one.text.startswith("Stop"))
    assert stop.get_attribute("aria-disabled") == "true"
    assert stop.get_attribute("title") == "Stop needs the role operator."
    stop.click()
    assert page.all(".result") == []
    page.sees("vmlinuz", ".config")
    assert page.all(".config input, .config select") == []
    page.open("#/audit")
    page.sees("Your roles do not allow this.")
    page.open("#/host")
    page.sees("Speculation")
    assert page.one(".actions button").get_attribute("title") == "This needs the role admin."
    page.open("#/machines")
    assert page.button("New machine").get_attribute("aria-disabled") == "true"


def test_an_operator_changes_what_applies_at_once(page):
    page.login("sky_operator", place="#/machines/web-1/configuration")
    page.sees("vmlinuz", ".config")
    names = [field.get_attribute("aria-label") for field in page.all(".config input, .config select")]
    assert sorted(names) == ["cap of web-1", "on_crash of web-1", "weight of web-1"]


def test_what_is_not_known_is_no_number(page, server):
    page.login()
    server.knob(blind=True)
    try:
        page.sees("the guests' share is not known", ".legend-line")
        page.open("#/host")
        page.until(lambda: page.text("section[aria-label=CPUs] tbody tr").split("\t")[2:] == ["–", "–"],
                   "no share")
    finally:
        server.knob(blind=False)


def test_who_may_only_audit_sees_only_that(page, server):
    before = server.state()["requests"].count("GET /v1/stream")
    page.login("sky_chain")
    page.sees("Seeing machines needs the role viewer.")
    page.button("Go to the audit").click()
    page.sees("vm.pause", "table")
    assert page.all(".banner") == []
    assert server.state()["requests"].count("GET /v1/stream") == before


def test_others_machines_are_not_there(page):
    page.login("sky_foreign", place="#/machines")
    page.until(lambda: len(page.all("tr[data-row]")) == 2, "own machines")
    page.open("#/machines/db")
    page.sees("not yours to see")
    page.open("#/nowhere")
    page.sees("There is no such page.")


def test_link_lost_and_back(page, server):
    page.login(place="#/machines/web-1")
    page.one(".machine")
    server.knob(link="lost")
    page.sees("The link to the machine is lost", ".banner")
    page.sees("link lost", ".pill")
    assert page.all(".machine.stale")
    stop = next(one for one in page.all(".machine-title button") if one.text.startswith("Stop"))
    assert stop.get_attribute("title") == "Not now: the machine is out of reach."
    server.knob(link="up")
    page.until(lambda: not page.all(".banner"), "no banner")
    page.sees("live", ".pill")
    assert not page.all(".stale")


def test_server_lost_and_back_without_reload(page, server):
    page.login(place="#/machines")
    page.one("tr[data-row]")
    page.js("window.kept = true")
    server.knob(refuse=True, drop=True)
    page.sees("The server does not answer", ".banner", 8)
    page.sees("server lost", ".pill")
    assert page.all(".stale")
    retry = page.button("Try now")
    server.knob(refuse=False)
    page.js("arguments[0].click(); arguments[0].click()", retry)
    page.until(lambda: not page.all(".banner"), "no banner", 12)
    assert page.js("return window.kept") and not page.all(".stale")
    page.until(lambda: server.state()["streams"] == 1, "one stream")


def test_a_login_that_ended_comes_back_to_the_same_place(page, server):
    page.login(place="#/machines/db")
    page.one(".machine")
    server.knob(expire=True, drop=True)
    page.sees("Your login has ended", ".login", 8)
    page.one("input[name=token]").send_keys("sky_admin\n")
    page.sees("db", "h1")
    page.one(".machine")


def test_delayed_samples_are_told(page):
    slow = Mock(vms=2, period=60)
    page.url = slow.url
    page.login()
    page.sees("delayed", ".pill", 8)
