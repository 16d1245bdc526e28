# SPDX-License-Identifier: MIT
"""What a user does with the pages, by mouse and by keys."""

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


def rows(page):
    return page.js("return [...document.querySelectorAll('tr[data-row]')].map((row) => row.dataset.row)")


def row(page, name):
    return page.one(f'tr[data-row="{name}"]')


def results(page):
    return page.js("""return Object.fromEntries([...document.querySelectorAll('.result')].map((line) =>
        [...line.querySelectorAll('.result-name, .result-text')].map((one) => one.textContent)))""")


def fill(element, text):
    element.send_keys(Keys.CONTROL, "a")
    element.send_keys(text)


def test_login_and_out(page):
    page.delete_all_cookies()
    page.open()
    page.js("localStorage.clear()")
    page.refresh()
    page.one("input[name=token]").send_keys("sky_wrong", Keys.ENTER)
    page.sees("not known here", "[role=alert]")
    fill(page.one("input[name=token]"), "sky_admin" + Keys.ENTER)
    page.sees("Overview", "h1")
    page.sees("alice", ".top")
    page.refresh()
    page.sees("Overview", "h1")
    page.button("Log out").click()
    page.sees("You are logged out", ".login")
    page.refresh()
    page.one("input[name=token]")
    assert page.all(".notice") == []


def test_overview_leads_to_a_filtered_list(page):
    page.login()
    page.one(".counts .state-crashed")
    page.sees("db It uses all that its cap allows", ".attention")
    assert "batch" in page.text(".tops table:nth-of-type(2) tbody tr")
    assert page.js("return document.documentElement.scrollHeight") <= 800
    page.one(".counts .state-crashed").click()
    page.until(lambda: rows(page) == ["legacy"], "only the crashed one")
    assert page.one("[data-filter]").get_attribute("value") == "state:crashed"
    page.sees("triple fault", "tr[data-row]")
    page.open("#/overview")
    page.button("All events").click()
    page.sees("console attached", "table.log")


def test_filter_and_order(page):
    page.login(place="#/machines")
    page.until(lambda: len(rows(page)) == 16, "all machines")
    fill(page.one("[data-filter]"), "web")
    page.until(lambda: rows(page) == ["web-1", "web-2"], "two machines")
    page.button("Name ↑").click()
    page.until(lambda: rows(page) == ["web-2", "web-1"], "the other order")
    assert page.one("th[aria-sort=descending]").text.startswith("Name")
    fill(page.one("[data-filter]"), "nothing")
    page.sees("No machine matches")
    page.button("Show all 16").click()
    page.button("CPU, 2 min").click()
    page.until(lambda: rows(page)[0] == "build", "the busiest first")
    page.until(lambda: page.js("return document.querySelector('tr[data-row=build] .spark path')"
                               ".getAttribute('d').includes('L')"), "a line of the last minutes")


def test_bulk_actions_tell_each_result(page):
    page.login(place="#/machines")
    for name in ("proxy", "queue", "legacy"):
        row(page, name).find_element(By.CSS_SELECTOR, "input").click()
    page.sees("3 machines selected", ".bulk")
    page.button("Pause", ".bulk").click()
    page.until(lambda: len(results(page)) == 3 and "under way" not in str(results(page)), "results")
    told = results(page)
    assert told["Pause proxy"] == told["Pause queue"] == "paused"
    assert "failed: legacy is crashed" in told["Pause legacy"]
    assert "Allowed when it is running" in told["Pause legacy"]
    page.sees("paused", 'tr[data-row="proxy"] .state')
    page.sees("Pause: 2 of 3 done", "[role=status]", 8)
    page.button("Close results").click()
    assert page.all(".results") == []


def test_bulk_actions_keep_to_the_servers_pace(page, server):
    page.login(place="#/machines")
    server.knob(changes=5)
    names = ("web-1", "web-2", "db", "batch", "mail", "dns", "metrics")
    for name in names:
        row(page, name).find_element(By.CSS_SELECTOR, "input").click()
    page.button("Pause", ".bulk").click()
    page.until(lambda: sorted(results(page).values()) == ["paused"] * len(names), "all paused", 9)
    server.knob(changes=0)
    for name in names:
        row(page, name).find_element(By.CSS_SELECTOR, "input").click()
    page.button("Resume", ".bulk").click()
    page.until(lambda: sorted(results(page).values()) == ["resumed"] * len(names), "all resumed")


def test_stop_can_be_undone_and_what_is_not_allowed(page, server):
    page.login(place="#/machines/cache")
    page.button("Stop", ".machine-title").click()
    page.one(".result button").click()
    page.sees("not done", ".results")
    page.open("#/machines/backup")
    page.sees("backup", "h1")
    start = page.one(".machine-title .actions button")
    assert start.get_attribute("aria-disabled") == "true"
    assert "created or stopped or crashed" in start.get_attribute("title")
    start.click()
    assert list(results(page)) == ["Stop cache"]
    page.button("Stop", ".machine-title").click()
    page.sees("stopped", ".machine-title .state", 8)
    page.one(".machine-title .actions button").click()
    page.sees("running", ".machine-title .state")
    asked = server.state()["requests"]
    assert asked.count("POST /v1/vms/backup/actions/stop") == 1
    assert "POST /v1/vms/cache/actions/stop" not in asked


def test_snapshots_of_a_machine(page):
    page.login(place="#/machines/mail/state")
    page.sees("None. They are kept in memory", '[aria-label="Snapshots"]', 10)
    name = page.one('[aria-label="Name of a snapshot"]')
    name.send_keys("ready", Keys.ENTER)
    page.sees("ready", ".snapshots tbody tr")
    name.send_keys("ready", Keys.ENTER)
    page.sees("has that snapshot already", '[aria-label="Snapshots"] [role=alert]')
    page.button("Reset to", ".snapshots").click()
    page.button("Reset", "dialog").click()
    page.until(lambda: not page.all("dialog"), "the dialog is closed", 5)
    net = page.one('[aria-label="Snapshots"] label input')
    net.send_keys("no")
    page.button("Clone", ".snapshots").click()
    page.sees('there is no network "no"', '[aria-label="Snapshots"] [role=alert]')
    fill(net, "lan")
    page.button("Clone", ".snapshots").click()
    page.until(lambda: page.js("return fetch('/v1/vms/mail-2').then((answer) => answer.status)") == 200, "mail-2", 9)
    page.button("Drop", ".snapshots").click()
    page.sees("None. They are kept", '[aria-label="Snapshots"]')


def test_saved_on_a_disk_and_taken_up_again(page):
    page.login(place="#/machines/metrics/state")
    tile = '[aria-label="Save"]'
    page.sees("encrypted by the host", tile, 10)
    assert [each.text for each in page.all(f"{tile} option")] == ["saves (1 GiB)", "scratch (256 MiB)"]
    page.all(f"{tile} option")[1].click()
    page.button("Save", tile).click()
    page.button("Save", "dialog").click()
    page.sees("holds something else", f"{tile} [role=alert]")
    page.all(f"{tile} input[type=checkbox]")[1].click()  # the first: the machine goes on
    page.button("Save", tile).click()
    assert not page.button("Save", "dialog").is_enabled()
    page.one("dialog input").send_keys("scratch", Keys.ENTER)
    page.sees("stopped", ".machine-title .state")
    page.all(f"{tile} option")[0].click()
    page.button("Restore", tile).click()
    page.sees("holds no save of it", f"{tile} [role=alert]")
    page.all(f"{tile} option")[1].click()
    page.button("Restore", tile).click()
    page.sees("running", ".machine-title .state")


def test_backup_of_a_disk(page):
    page.login(place="#/machines/db/backups")
    tile = '[aria-label="Backup"]'
    page.sees("None since the machine was started", tile, 10)
    page.sees("saves (1 GiB)", tile, 10)
    page.button("What has changed", tile).click()
    page.sees("make a full one", f"{tile} [role=alert]")
    page.button("All of it", tile).click()
    page.sees("full 1", ".backups tbody tr")
    page.sees("1 MiB of 16 GiB", ".backups tbody tr")
    page.button("Cancel the backup", tile).click()
    page.sees("cancelled", ".backups tbody tr")
    page.one(f"{tile} input[type=checkbox]").click()
    page.button("All of it", tile).click()
    page.one("dialog input").send_keys("saves", Keys.ENTER)
    page.sees("copying", ".backups tbody tr")
    page.button("Cancel the backup", tile).click()
    page.sees("cancelled", ".backups tbody tr")
    page.all(f"{tile} select")[-1].find_element("css selector", "option[value=scratch]").click()
    page.button("All of it", tile).click()
    page.sees("Whatever saves and scratch holds is gone", "dialog")
    page.one("dialog input").send_keys("saves", Keys.ENTER)
    page.sees("copying", ".backups tbody tr")


def test_a_disk_goes_back_to_a_backup(page):
    page.login(place="#/host")
    tile = '[aria-label="Disks"]'
    page.sees("the full backup", tile, 10)

    def choose(place, name):
        page.all(f"{tile} select")[place].find_element("css selector", f"option[value='{name}']").click()

    assert not page.button("Restore", tile).is_enabled()
    choose(0, "saves")
    choose(1, "scratch")
    page.button("Restore", tile).click()
    page.sees("Whatever saves holds is gone.", "dialog")
    page.one("dialog input").send_keys("saves", Keys.ENTER)
    page.sees("saves: not restored: scratch holds no backup", f"{tile} [role=alert]")
    choose(1, "")
    choose(0, "scratch")
    choose(1, "saves")
    page.button("Restore", tile).click()
    page.one("dialog input").send_keys("scratch", Keys.ENTER)
    page.until(lambda: not page.button("Restore", tile).is_enabled() and not page.all(f"{tile} [role=alert]"), "the end")


def test_networks(page):
    page.login(place="#/networks")
    page.sees("net0 up: plugged in", '[aria-label="Network lan"]', 10)
    page.sees("net1 blocked: held back", '[aria-label="Network lan"]')
    page.sees("net2 is no network card", '[aria-label="Network dmz"]')
    page.sees("none: its machines reach each other only", '[aria-label="Network lab"]')


def test_alerts(page):
    """A rule is looked at beforehand, made, seen to fire, and dropped."""
    page.login(place="#/alerts")
    page.sees("There are no rules yet.", "main", 10)
    for label, text in (("Name of the rule", "busy"), ("Name of the thing, with * and ?", "*"), ("Threshold", "90"),
                        ("Web hook", "https://hooks.example/x"), ("Mail to", "ops@mail.example")):
        page.one(f'[aria-label="{label}"]').send_keys(text)
    page.button("Preview", '[aria-label="New rule"]').click()
    page.sees("It would have fired 3 times in the last week:", '[aria-label="New rule"]')
    page.sees("and still", '[aria-label="New rule"]')
    page.button("Make rule", '[aria-label="New rule"]').click()
    page.sees("skh_made-up", '[aria-label="New rule"]')
    page.sees("✗ firing", "table")
    page.sees("Mail: sendmail has taken it for ops@mail.example", "table")
    page.sees("vm/db: 91 %, for 1 min", "table")
    page.sees("vm/web-1: 90.5 %, not yet for long enough", "table")
    page.one('[aria-label="Drop busy"]').click()
    page.button("Drop", "dialog").click()
    page.sees("There are no rules yet.", "main")


def test_balloon_and_fields(page):
    page.login(place="#/machines/db/inside")
    page.sees("It has none.", '[aria-label="Balloon"]', 10)
    page.open("#/machines/web-1/inside")
    page.sees("192 MiB", '[aria-label="Balloon"]', 10)
    page.sees("45 MiB", '[aria-label="Balloon"]')
    size = page.one('[aria-label="MiB to keep"]')
    size.send_keys("128", Keys.ENTER)
    page.sees("128 MiB", '[aria-label="Balloon"] dl')
    path = page.one('[aria-label="State"] input')
    path.send_keys("nothing", Keys.ENTER)
    page.sees("there is no \"nothing\"", '[aria-label="State"] [role=alert]')
    fill(path, "vcpu.0")
    page.button("Show", '[aria-label="State"]').click()
    page.sees("0xffffffff81000000", ".fields")


def test_digest(page):
    """A digest is shown when it is answered, at once or by an operation."""
    for name in ("web-2", "web-1"):
        page.login(place=f"#/machines/{name}/inside") if name == "web-2" else page.open(f"#/machines/{name}/inside")
        page.button("Digest", '[aria-label="Digest"]').click()
        page.sees(64 * "a", ".digest", 10)
        page.sees(64 * "b", ".digest")


def test_a_dialog_is_open_as_soon_as_it_is_there(page):
    page.login()
    page.js("""window.opened = []; new MutationObserver(() => {
        const one = document.querySelector('dialog');
        one && window.opened.push(one.open);
    }).observe(document.body, { childList: true, subtree: true })""")
    page.press("?")
    page.one("dialog[open]")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog"), "it is closed")
    assert page.js("return window.opened[0]")


def test_machine_says_why_it_is_slow(page):
    page.login(place="#/machines/batch")
    page.sees("waits for a CPU", ".findings", 10)
    page.sees("build (", ".findings")
    page.sees("deadline", ".exits tbody tr")
    assert len(page.all(".plot canvas")) == 3
    beyond = page.js("const right = (name) => document.querySelector(name).getBoundingClientRect().right;"
                     "return right('.plot canvas') - right('.plot .u-over')")
    assert beyond >= 27, "there is room for half a time beyond the right edge"
    assert "steal now" in page.one(".plot").get_attribute("aria-label")
    page.one(".graph summary").click()
    page.until(lambda: len(page.all(".graph details tbody tr")) >= 1, "the data as a table")
    for name, words in (("db", "cap allows: 50"), ("mail", "mostly for io"), ("dns", "not short of"),
                        ("staging", "It is paused"), ("legacy", "triple fault")):
        page.open(f"#/machines/{name}")
        page.sees(name, "h1")
        page.sees(words, ".findings", 10)


def test_configuration_is_saved_unless_somebody_was_faster(page):
    page.login(place="#/machines/dns/configuration")
    for close in page.all(".results-head button"):
        close.click()  # what other tests did is told for a while, above the button that this one presses
    page.sees("a number from 1 to 65535", seconds=10)
    assert [one.text for one in page.all('select[aria-label="on_crash of dns"] option')] == ["hold", "restart", "destroy", "restore"]
    weight = page.one('input[aria-label="weight of dns"]')
    fill(weight, "0")
    page.sees("weight: 256 → 0 applies at once", ".diff")
    page.button("Save", "form").click()
    page.sees("Not saved: weight: 1 to 10000.", ".config ~ .inline-error, form > .inline-error")
    fill(weight, "512")
    page.button("Save", "form").click()
    page.until(lambda: not page.all(".diff"), "saved")
    page.js("""const done = arguments[0];
        return fetch('/v1/vms/dns', { method: 'PATCH', body: '{"config":{"weight":"300"}}',
            headers: { 'Content-Type': 'application/json', 'If-Match': '"2"' } }).then((r) => r.status)""")
    fill(page.one('input[aria-label="weight of dns"]'), "700")
    page.button("Save", "form").click()
    page.sees("Somebody else changed it meanwhile.", "form > .inline-error")
    page.button("Load it anew").click()
    page.until(lambda: page.one('input[aria-label="weight of dns"]').get_attribute("value") == "300",
               "the other's value")


def test_log_audit_host(page):
    page.login(place="#/log?level=error")
    page.until(lambda: len(page.all("tr[data-row]")) == 1, "one error")
    page.open("#/log")
    page.until(lambda: len(page.all("tr[data-row]")) > 40, "all lines")
    fill(page.one("[data-filter]"), "flush")
    page.until(lambda: page.all("tr[data-row]") and all("flush" in line.text
                                                        for line in page.all("tr[data-row]")), "some")
    page.open("#/audit")
    page.sees("vm.pause", "table")
    page.sees("anchored in the machine", ".chain")
    fill(page.one("[data-filter]"), "forbidden")
    page.until(lambda: all("forbidden" in line.text for line in page.all("tbody tr")), "refused")
    page.open("#/host")
    page.sees("Rotate the log")
    page.button("Power off").click()
    assert not page.button("Power off", "dialog").is_enabled()
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog"), "closed")


def focused(page):
    return page.js("return document.activeElement.textContent || document.activeElement.value")


def test_keys_only(page):
    """
    All of a visit works without a mouse: log in, go, filter, select, pause, resume, palette,
    help, log out.
    """
    page.delete_all_cookies()
    page.open()
    page.js("localStorage.clear()")
    page.refresh()
    page.one("input[name=token]")
    page.js("document.activeElement.blur()")
    for _ in range(6):
        if page.js("return document.activeElement.name") == "token":
            break
        page.press(Keys.TAB)
    page.press(*"sky_admin", Keys.ENTER)
    page.sees("Overview", "h1")
    page.press("g", "m")
    page.sees("Machines", "h1")
    page.until(lambda: focused(page) == "Machines", "focus on the title")
    page.press("/")
    page.press(*"web", Keys.ESCAPE)
    page.until(lambda: rows(page) == ["web-1", "web-2"], "two machines")
    page.press("j", "j")
    assert focused(page) == "web-2"
    page.press("k")
    assert focused(page) == "web-1"
    page.press("x")
    page.sees("1 machine selected", ".bulk")
    page.press("p")
    page.sees("paused", 'tr[data-row="web-1"] .state')
    page.press("o")
    page.sees("web-1", "h1")
    page.press("p")
    page.sees("running", ".machine-title .state")
    page.chord(Keys.CONTROL, "k")
    page.one("dialog input")
    page.press(*"log of db", Keys.ENTER)
    page.sees("Log", "h1")
    assert page.js("return location.hash") == "#/log?vm=db"
    page.press("?")
    page.sees("Keys of a single letter", "dialog")
    page.one("dialog input").send_keys(" ")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog"), "closed")
    page.press("g", "h")
    page.sees("Log", "h1")
    page.chord(Keys.CONTROL, "k")
    page.press(*"show keys", Keys.ENTER)
    page.one("dialog input[type=checkbox]").send_keys(" ")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog"), "closed")
    page.press("g", "h")
    page.sees("Host", "h1")
    page.press("g", "m")
    page.sees("Machines", "h1")
    page.until(lambda: rows(page), "the machines")
    page.press("j", "c")
    page.sees("Console of", "h1")
