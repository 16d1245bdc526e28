# SPDX-License-Identifier: MIT
"""Consoles: no byte lost or doubled, and nothing that a guest prints leaves the screen."""

import base64
import time
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

LEAVE = "]"


def open_console(page, name, token="sky_admin"):
    page.login(token, place=f"#/machines/{name}/console")
    page.one('[data-console="live"]')


def typed(page, *keys):
    page.one(".xterm-helper-textarea").send_keys(*keys)


def screen(page):
    return page.text(".xterm-rows")


def printed(server, name, data):
    server.knob(print={"vm": name, "base64": base64.b64encode(data).decode()})


def ring(server, name):
    request = urllib.request.Request(f"{server.url}/v1/vms/{name}/console?from=0",
                                     headers={"Authorization": "Bearer sky_admin"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def test_typing_comes_back(page):
    open_console(page, "web-1")
    page.sees("web-1: ready", ".xterm-rows")
    typed(page, "echo me", Keys.ENTER)
    page.until(lambda: screen(page).count("echo me") == 2, "the line and its echo")
    page.sees("typing goes to the guest", ".console-state")
    page.one("select[aria-label='Send a key']").send_keys("Ctrl-C", Keys.ENTER)
    page.chord(Keys.CONTROL, LEAVE)
    assert not page.js("return Boolean(document.activeElement.closest('.xterm'))")


def test_beside_the_graphs_it_only_reads_until_asked(page):
    page.login(place="#/machines/web-2")
    page.one('[data-console="live"][data-mode="read"]')
    typed(page, "zzz", Keys.ENTER)
    page.button("Type").click()
    page.one('[data-console="live"][data-mode="write"]')
    page.sees("web-2: ready", ".xterm-rows")
    typed(page, "yes", Keys.ENTER)
    page.until(lambda: screen(page).count("yes") == 2, "an echo")
    assert screen(page).count("zzz") == 0


def test_a_break_loses_and_doubles_nothing(page, server):
    open_console(page, "cache")
    printed(server, "cache", b"before-1\r\n")
    page.sees("before-1", ".xterm-rows")
    server.knob(drop=True)
    printed(server, "cache", b"meanwhile-2\r\n")
    page.one('[data-console="live"]', 10)
    page.sees("meanwhile-2", ".xterm-rows", 8)
    page.one('[data-console="live"]', 10)
    printed(server, "cache", b"after-3\r\n")
    page.sees("after-3", ".xterm-rows")
    for word in ("before-1", "meanwhile-2", "after-3"):
        assert screen(page).count(word) == 1


def test_lost_output_is_told_and_credit_returns(page, server):
    printed(server, "proxy", b"x" * 99 + b"\n" * 1)
    printed(server, "proxy", b"old\r\n" * 20000)
    open_console(page, "proxy")
    page.sees("earlier output lost:", ".console-state")
    for part in range(5):
        printed(server, "proxy", b"%06d\r\n" % part * 7000 + b"END%d\r\n" % part)
        page.sees(f"END{part}", ".xterm-rows", 10)


HOSTILE = (
    b"\x1b]0;owned\x07\x1b]2;owned\x07"
    b"\x1b]52;c;b3duZWQ=\x07"
    b"\x1b]8;;https://example.invalid/\x07click\x1b]8;;\x07 https://example.invalid/plain\r\n"
    b"\x1b]10;?\x07\x1b]11;?\x07\x1b]4;1;?\x07"
    b"\x1b[c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[?6n\x1b[?2004$p\x1b[4$p\x1bP$qm\x1b\\\x1b[>q\x05"
    b"\x1b[21t\x1b[18t\x1b[14t\x1b[38;2;1;2;3mrgb\x1b[58:2::9:9:9m\x1b[4:3mcurl\x1b[0m\r\n"
    b"<img src=x onerror=alert(1)><script>alert(1)</script>\r\nshown\r\n")


def test_what_was_printed_before_types_nothing(page, server):
    printed(server, "metrics", HOSTILE)
    open_console(page, "metrics")
    page.sees("shown", ".xterm-rows")
    before = ring(server, "metrics")
    time.sleep(0.5)
    assert ring(server, "metrics") == before
    assert page.title == "Console of metrics · Skerry"
    assert page.all(".xterm a") == [] and page.all(".xterm img") == []


def test_live_output_stays_on_the_screen(page, server):
    open_console(page, "queue")
    page.execute_cdp_cmd("Browser.grantPermissions", {
        "origin": server.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    handles = page.window_handles
    printed(server, "queue", HOSTILE)
    page.sees("shown", ".xterm-rows")
    page.one(".xterm-screen").click()
    assert page.title == "Console of queue · Skerry"
    assert page.window_handles == handles
    assert page.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0], () => arguments[0](''))") != "owned"
    # A guest may have the cursor's place told, as a shell asks for it; nothing may tell titles or
    # colours.
    answers = ring(server, "queue").split(b"shown\r\n")[1]
    assert b"rgb:" not in answers and b"owned" not in answers
    assert page.js("return getComputedStyle(document.querySelector('.console-box')).backgroundColor") \
        == "rgb(11, 16, 21)"


def test_a_reader_answers_nothing(page, server):
    open_console(page, "build", "sky_operator")
    printed(server, "build", HOSTILE)
    page.sees("shown", ".xterm-rows")
    before = ring(server, "build")
    typed(page, "no")
    time.sleep(0.4)
    assert ring(server, "build") == before
    page.sees("read only", ".console-state")
    assert not [one for one in page.all(".toolbar button") if one.text == "Type"]


def test_one_writer(page, server):
    open_console(page, "dns")
    first = page.current_window_handle
    page.driver.switch_to.new_window("tab")
    try:
        page.view()
        page.open("#/machines/dns/console")
        page.one('[data-console="live"][data-mode="read"]')
        page.sees("somebody else types here", ".console-state")
        page.button("Take over").click()
        page.one('[data-console="live"][data-mode="write"]')
        second = page.current_window_handle
        page.driver.switch_to.window(first)
        page.one('[data-console="live"][data-mode="read"]', 10)
        page.driver.switch_to.window(second)
    finally:
        page.close()
        page.driver.switch_to.window(first)


def test_much_or_more_than_a_line_is_asked_before_it_is_pasted(page):
    open_console(page, "mail")
    paste = """const data = new DataTransfer(); data.setData('text', arguments[0]);
        document.querySelector('.xterm-helper-textarea').dispatchEvent(new ClipboardEvent('paste',
            { clipboardData: data, bubbles: true, cancelable: true }))"""
    page.js(paste, "short")
    page.sees("short", ".xterm-rows")
    page.js(paste, "rm -rf\nall")
    page.sees("Paste 10 characters?", "dialog")
    page.button("Cancel").click()
    page.js(paste, "made sure\n")
    page.button("Paste", "dialog").click()
    page.until(lambda: screen(page).count("made sure") == 2, "pasted")
    assert "rm -rf" not in screen(page)


def test_a_console_is_left_before_it_is_there(page):
    """
    A user who goes through the machines fast leaves panes whose terminal is still being loaded.
    """
    page.login(place="#/machines/web-1")
    page.one('[data-console="live"]', 10)
    page.driver.execute_async_script("""const done = arguments[0];
        const places = ['#/machines/db', '#/machines/mail', '#/machines', '#/machines/web-1', '#/log'];
        let left = 100;
        const step = () => {
            if (!left--) {
                return done();
            }
            location.hash = places[left % places.length];
            left % 2 ? setTimeout(step, left % 7 * 5) : requestAnimationFrame(step);
        };
        step();""")
    page.open("#/machines/db")
    page.one('[data-console="live"]', 10)


def test_no_right_to_consoles(page):
    page.login("sky_viewer", place="#/machines/web-1/console")
    page.sees("Consoles need the role console-read")
    assert page.driver.find_elements(By.CSS_SELECTOR, ".xterm") == []
