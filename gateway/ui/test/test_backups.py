# SPDX-License-Identifier: MIT
"""The page of a machine's backups: what its schedule keeps, the schedule itself, one at once, and the way back."""
import pytest
from selenium.webdriver.common.keys import Keys

from test_budgets import VIEWS, axe, settle

SCHEDULE, KEPT = '[aria-label="Schedule"]', '[aria-label="Kept backups"]'


@pytest.fixture(autouse=True)
def vault(server):
    """A store for backups, beside that of the machines' own disks."""
    server.knob(stores={"vault": "ready"})


def press(page, label, within):
    """Presses a button as soon as it can be pressed, wherever the page has been scrolled to."""
    page.js("arguments[0].click()", page.until(lambda: (found := page.button(label, within)).is_enabled() and found, f"{label} to be possible"))


def choose(page, label, value):
    field = page.until(lambda: next((each for each in page.all(f"{SCHEDULE} label") if each.text.startswith(label)), None), label)
    next(each for each in field.find_elements("css selector", "option") if each.get_property("value") == str(value)).click()


def bodies(page):
    """Notes the bodies of changes from now on."""
    page.js("""window.sent = []; window.plainFetch ??= window.fetch;
        window.fetch = (path, given) => { given.method !== "GET" && window.sent.push([given.method, path, given.body]); return window.plainFetch(path, given); }""")


def test_what_is_kept(page):
    """The newest first, each with its age and until when it is kept; a viewer may do nothing with them, and is told."""
    page.login("sky_viewer", place="#/machines/web-1/backups")
    page.sees("5 h ", f"{KEPT} tbody tr")
    rows = page.all(f"{KEPT} tbody tr")
    assert len(rows) == 14
    assert "changes 1" in rows[0].text and "64 GiB" in rows[0].text.replace("\u00a0", " ") and "vault/web-1:pool:data@" in rows[0].text
    assert "full" in rows[2].text
    page.button("Show all 32").click()
    page.until(lambda: len(page.all(f"{KEPT} tbody tr")) == 32, "all rows")
    restore = page.one(f"{KEPT} tbody button")
    assert restore.get_attribute("aria-disabled") == "true"
    page.js("arguments[0].click()", restore)
    assert page.all("dialog") == []
    page.sees("Restoring needs the roles admin and content for all machines.", KEPT)
    page.sees("Every day to vault: a full backup, then 6 with what has changed since the one before.", SCHEDULE)
    page.sees("at least 21 days and at most 28 days", SCHEDULE)
    page.sees("in 18 h ", SCHEDULE)
    page.sees("Changing it needs the role admin", SCHEDULE)
    assert page.all(f"{SCHEDULE} select") == []


def test_one_at_once(page, server):
    page.login(place="#/machines/web-1/backups")
    press(page, "Back up now", SCHEDULE)
    page.sees("under way: 1 GiB of 8 GiB copied", SCHEDULE, 8)
    page.sees("None since the machine was started", '[aria-label="Backup"]')
    press(page, "Cancel the backup", SCHEDULE)
    page.button("Back up now", SCHEDULE)
    assert server.state()["requests"].count("POST /v1/vms/web-1/actions/backup-now") == 1
    page.open("#/machines/scratch/backups")
    page.sees("None: nothing of the machine is backed up by itself.", SCHEDULE)
    page.sees("it has none.", SCHEDULE)
    page.sees("None: the machine has no schedule.", KEPT)


def test_a_schedule_is_made_changed_and_removed(page):
    """Nothing is typed: stores, times and numbers are chosen; what that means is said before it is saved."""
    page.login(place="#/machines/dns/backups")
    page.sees("Every day to vault", SCHEDULE)
    bodies(page)
    press(page, "Begin this schedule", SCHEDULE)
    page.sees("Every day to vault", f"{SCHEDULE} p")
    page.sees("None yet. The first one is made as soon as the machine runs.", KEPT)
    page.until(lambda: not page.button("Change the schedule", SCHEDULE).is_enabled(), "nothing to save")
    choose(page, "Every", 3600)
    choose(page, "to the store", "pool")
    page.sees("who loses the store loses both", SCHEDULE)
    press(page, "Change the schedule", SCHEDULE)
    page.sees("Not saved: backup: quota web* of store pool allows less", SCHEDULE)
    choose(page, "Every", 14400)
    choose(page, "a full one", 1)
    choose(page, "keep", 12)
    page.sees("Every 4 hours to pool: a full backup each time. Of these chains the newest 12 are kept, so one can go back at least 44 hours and at most 2 days.",
              SCHEDULE)
    press(page, "Change the schedule", SCHEDULE)
    page.sees("Every 4 hours to pool", f"{SCHEDULE} p")
    press(page, "Remove", SCHEDULE)
    page.sees("stay in pool, as volumes that nobody drops but you", "dialog")
    page.button("Remove", "dialog").click()
    page.sees("None: nothing of the machine is backed up by itself.", SCHEDULE)
    assert [body for method, _, body in page.js("return window.sent") if method == "PATCH"] == [
        f'{{"config":{{"backup":"{plan}"}}}}' for plan in (
            "vault every 1d chain 7 keep 4", "pool every 1h chain 7 keep 4", "pool every 4h chain 1 keep 12", "none")]


def test_restore(page):
    """The machine has to stand still; the confirmation says what is overwritten by what, and takes the disk's name."""
    page.login(place="#/machines/web-1/backups")
    page.sees("Stop the machine first: a restore writes its disk anew.", KEPT)
    page.js("fetch('/v1/vms/web-1/actions/kill', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' })")
    page.until(lambda: "Stop the machine first" not in page.text(KEPT), "the machine to stop")
    bodies(page)
    rows = page.all(f"{KEPT} tbody tr")
    page.js("arguments[0].click()", rows[3].find_element("css selector", "button"))
    page.sees("All that pool/web holds now is overwritten by what it held at", "dialog")
    page.sees("1 d 5 h ago. What was written since is lost.", "dialog")
    page.sees("The machine's other disks stay as they are: pool/data.", "dialog")
    assert not page.button("Restore", "dialog").is_enabled()
    page.one("dialog input").send_keys("pool/web", Keys.ENTER)
    page.until(lambda: page.js("return window.sent.length"), "the request")
    (method, path, body), = page.js("return window.sent")
    assert (method, path) == ("POST", "/v1/disks/restore") and '"disk":"pool/web","at":"20' in body
    page.js("arguments[0].click()", page.all(f"{KEPT} tbody button")[2])
    page.one("dialog input").send_keys("pool/data", Keys.ENTER)
    page.sees("pool/data: not restored: web-1 uses it", f"{KEPT} [role=alert]")
    page.sees("or when the machine runs then", SCHEDULE)


def test_what_cannot_be_fetched_is_said(page, server):
    page.login()
    server.knob(broken=["vms/db/backups", "stores"])
    page.open("#/machines/db/backups")
    page.sees("This could not be fetched.", '[aria-label="Backup"]')
    page.sees("The mock was told to fail here.")
    page.button("Try again", '[aria-label="Backup"]')
    server.knob(broken=[])
    page.sees("None since the machine was started", '[aria-label="Backup"]', 10)


@pytest.mark.parametrize("view", VIEWS)
def test_accessible_without_a_schedule(page, view):
    page.login(place="#/machines/dns/backups")
    page.view(*VIEWS[view][:3])
    settle(page)
    assert axe(page) == []
    assert page.js("return document.documentElement.scrollWidth") <= VIEWS[view][0]
