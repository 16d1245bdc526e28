# SPDX-License-Identifier: MIT
"""The wall of consoles: live, read only, a few at a time, at rest when nobody looks."""

from selenium.webdriver import ActionChains

from test_console import HOSTILE, printed, ring

PAGE = 8
HIDE = """Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });
    document.dispatchEvent(new Event('visibilitychange'))"""


def tile(name):
    return f'[data-row="{name}"]'


def open_wall(page, place="#/consoles", token="sky_admin", count=PAGE):
    page.login(token, place=place)
    page.until(lambda: len(page.all('[data-console="live"]')) == count, "all of them live", 12)


def test_live_and_few_at_a_time(page, server):
    open_wall(page)
    page.sees("Machines 1 to 8 of 16")
    first = server.state()["consoles"]
    assert len(first) == PAGE and first == [one.get_attribute("data-row") for one in page.all("[data-row]")]
    page.sees("db: ready", tile("db"))
    printed(server, "db", b"login: \x1b[1;31mroot\x1b[0m\r\n")
    page.sees("login: root", tile("db"))
    assert page.one(f"{tile('db')} .ansi-1.ansi-bold").text == "root"
    assert len(page.all(f"{tile('db')} .line")) <= 12
    page.button("Next").click()
    page.until(lambda: len(page.all('[data-console="live"]')) == PAGE, "the next ones", 12)
    page.until(lambda: len(server.state()["consoles"]) == PAGE, "the first ones left")
    assert not set(first) & set(server.state()["consoles"]) and page.button("Next").get_attribute("disabled")
    page.one("[data-filter]").send_keys("state:crashed")
    page.until(lambda: server.state()["consoles"] == ["legacy"], "the crashed one alone")
    page.one("[data-filter]").send_keys(" nobody")
    page.sees("No machine matches.")
    page.until(lambda: server.state()["consoles"] == [], "no connection")


def test_at_rest_when_nobody_looks(page, server):
    open_wall(page, "#/consoles?q=web", count=2)
    printed(server, "web-1", b"before-1\r\n")
    page.sees("before-1", tile("web-1"))
    tickets = server.state()["requests"].count("POST /v1/vms/web-1/console/tickets")
    page.js(HIDE + ";" + HIDE.replace("arguments[0]", "false"), True)
    for stop, go_on in ((lambda: page.js(HIDE, True), lambda: page.js(HIDE, False)),
                        (page.button("Pause").click, page.button("Pause").click)):
        stop()
        page.until(lambda: server.state()["consoles"] == [], "no connection")
        page.sees("paused", tile("web-1"))
        printed(server, "web-1", b"meanwhile-2\r\n")
        go_on()
        page.until(lambda: len(page.all('[data-console="live"]')) == 2, "live again", 9)
        page.until(lambda: page.text(tile("web-1")).count("meanwhile-2") == 1, "what was missed, once")
        assert page.text(tile("web-1")).count("before-1") == 1
        tickets += 1
        assert server.state()["requests"].count("POST /v1/vms/web-1/console/tickets") == tickets, "a moment's look aside closes nothing"
        printed(server, "web-1", b"\x1b[2J\x1b[Hbefore-1\r\n")
        page.until(lambda: "meanwhile-2" not in page.text(tile("web-1")), "a clear screen")


def test_nothing_is_typed_there_and_a_click_opens_one(page, server):
    printed(server, "mail", HOSTILE)
    open_wall(page, "#/consoles?q=mail", count=1)
    page.sees("shown", tile("mail"))
    before = ring(server, "mail")
    printed(server, "mail", HOSTILE)
    page.until(lambda: page.text(tile("mail")).count("shown") == 2, "live output")
    page.press("y", "e", "s")
    assert ring(server, "mail") == before + HOSTILE
    assert page.title == "Consoles · Skerry" and not page.all(f"{tile('mail')} img, {tile('mail')} script, {tile('mail')} .xterm")
    assert [one.text for one in page.all(f"{tile('mail')} a")] == ["mail"]
    # The link of the tile's name lies over all of the tile.
    ActionChains(page.driver).move_to_element(page.one(f"{tile('mail')} pre")).click().perform()
    page.sees("Console of mail", "h1")
    page.one('[data-console="live"][data-mode="write"]')
    page.until(lambda: server.state()["consoles"] == ["mail"], "one connection")
    page.open("#/consoles?q=mail")
    page.one(f"{tile('mail')} .line")
    page.press("j", "o")
    page.sees("Console of mail", "h1")


def test_what_is_in_the_way_is_said(page, server):
    page.login(place="#/machines")
    page.one("tr[data-row]")
    server.knob(broken=["vms/db/console/tickets"])
    page.open("#/consoles?q=name:db")
    page.sees("not live: The mock was told to fail here.", tile("db"), 9)
    page.sees("db: ready", tile("db"))
    server.knob(broken=[])
    page.one(f'{tile("db")}[data-console="live"]', 12)
    page.login("sky_viewer", place="#/consoles")
    page.sees("Consoles need the role console-read")
    assert not page.all("[data-row], [data-console]")
