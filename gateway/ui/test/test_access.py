# SPDX-License-Identifier: MIT
"""The screen of access: oneself, what roles allow, users, tokens, one's own password."""

from selenium.webdriver.common.keys import Keys

from test_flows import fill


def user_button(page, text):
    return page.until(lambda: next((one for one in page.all(".users button") if one.get_attribute("textContent") == text), None), text)


def test_who_is_no_admin_sees_himself(page, server):
    for token, name, seen, unseen in (("sky_foreign", "frank", "web-*", "audrey"), ("sky_chain", "chris", "auditor", "viewer ✓")):
        page.login(token, place="#/access")
        page.sees(name, '[aria-label="You"]')
        page.sees(seen, '[aria-label="You"]')
        page.sees("reads the audit", '[aria-label="Roles"]')
        page.sees("shown to the role admin")
        assert unseen not in page.text("main") and not page.all("main button, main input")
    asked = server.state()["requests"]
    assert "GET /v1/users" not in asked and "GET /v1/tokens" not in asked


def test_roles_are_those_of_the_server(page):
    """Each role of the description of the API is explained."""
    page.login(place="#/access")
    page.sees("viewer", '[aria-label="Roles"]')
    roles = page.js("""return fetch('/v1/openapi.json').then((answer) => answer.json()).then((api) => [...new Set(
        Object.values(api.paths).flatMap((path) => Object.values(path)).flatMap((one) => one['x-skerry-roles'] ?? []))].sort())""")
    assert sorted(one.text.split()[0] for one in page.all('[aria-label="Roles"] tbody th')) == roles


def test_tokens(page):
    """A new token is shown once; the last token cannot be revoked."""
    page.execute_cdp_cmd("Browser.grantPermissions", {
        "origin": page.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    page.login(place="#/access")
    page.sees("first", ".tokens")
    tile = '[aria-label="Tokens"]'
    page.one(f"{tile} summary").click()
    page.one(f"{tile} input[name=name]").send_keys("ci")
    page.one(f"{tile} input[value=viewer]").click()
    page.button("Make token").click()
    page.sees("sky_0000", f"{tile} [role=status]")
    page.sees("ci", ".tokens")
    assert page.js("const box = document.querySelector('.tokens').parentElement;"
                   "return box.scrollWidth <= box.clientWidth"), "Revoke is in sight"
    secret = page.text(f"{tile} [role=status] code")
    page.button("Copy", tile).click()
    page.sees("Copied.", f"{tile} [role=status]")
    assert page.js("return navigator.clipboard.readText()") == secret
    page.js("navigator.clipboard.writeText = () => Promise.reject(new Error('denied'))")
    page.button("Copy", tile).click()
    page.sees("press Ctrl-C", f"{tile} [role=status]")
    assert page.js("return getSelection().toString()") == secret
    page.js("delete navigator.clipboard.writeText")
    page.button("I have it", tile).click()
    page.until(lambda: not page.all(f"{tile} [role=status]"), "the secret is gone")
    for name, seen in (("ci", None), ("first", "make another token first")):
        next(one for one in page.all(".tokens button") if name in one.get_attribute("textContent")).click()
        page.button("Revoke", "dialog").click()
        if seen:
            page.sees(seen, f"{tile} [role=alert]")
        else:
            page.until(lambda: name not in page.text(".tokens"), f"{name} is gone")


def test_login_by_password_and_users(page):
    """
    A user logs in with name and password; users are made and removed; one's own password is
    changed, and the login ends.
    """
    page.delete_all_cookies()
    page.open()
    page.js("localStorage.clear()")
    page.refresh()
    page.button("Use a name and a password").click()
    page.one("input[name=user]").send_keys("alice")
    page.one("input[name=password]").send_keys("wrong", Keys.ENTER)
    page.sees("The name or the password is not valid.", "#login-error")
    fill(page.one("input[name=password]"), "correct horse")
    page.button("Log in").click()
    page.sees("alice", ".user")
    page.open("#/access")
    page.sees("admin, auditor, console-write", ".users")
    page.one('[aria-label="Users"] summary').click()
    page.one('[aria-label="Users"] input[name=name]').send_keys("bob")
    page.one('[aria-label="Users"] input[name=password]').send_keys("another horse")
    page.button("Make user").click()
    page.sees("roles, and scope", '[aria-label="Users"] [role=alert]')
    page.one('[aria-label="Users"] input[value=operator]').click()
    page.button("Make user").click()
    page.sees("bob", ".users")
    user_button(page, "Change bob").click()
    change = '[aria-label="Change bob"]'
    page.one(f"{change} input[value=operator]").click()
    page.button("Save", change).click()
    page.sees("must be a list of roles", '[aria-label="Users"] [role=alert]')
    page.one(f"{change} input[value=auditor]").click()
    fill(page.one(f"{change} input[name=scope]"), "test-*")
    page.button("Save", change).click()
    page.until(lambda: not page.all(change), "saved")
    page.sees("auditor\ttest-*", ".users")
    page.sees("alice, bob, first (token)", '[aria-label="Roles"]')
    user_button(page, "Remove bob").click()
    page.button("Remove", "dialog").click()
    page.until(lambda: "bob" not in page.text(".users"), "bob is gone")
    mine = '[aria-label="Your password"]'
    page.one(f"{mine} input[name=old]").send_keys("x")
    page.one(f"{mine} input[name=new]").send_keys("a third horse", Keys.ENTER)
    page.sees("the old password is wrong", f"{mine} [role=alert]")
    fill(page.one(f"{mine} input[name=old]"), "correct horse")
    page.button("Change", mine).click()
    page.sees("Log in with the new one", ".login")
    page.button("Use a token").click()
    page.one("input[name=token]")
