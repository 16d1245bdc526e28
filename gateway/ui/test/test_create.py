# SPDX-License-Identifier: MIT
"""The steps to a new machine: what there is is offered, what is missing is said, and what was asked of the server."""

from selenium.webdriver.common.keys import Keys

from test_flows import fill


def test_create_and_destroy(page):
    page.login(place="#/machines")
    page.button("New machine").click()
    page.button("Next", "dialog").click()
    page.sees("Give the machine a name.", "dialog")
    page.one("dialog input[name=name]").send_keys("bad name")
    page.one("dialog input[value=kernel]").click()
    assert [one.text for one in page.all("dialog select")[0].find_elements("css selector", "option")] == ["vmlinuz", "flat.bin"]
    for _ in range(2):
        page.button("Next", "dialog").click()
    page.one("dialog input[name=start]").click()
    page.button("Create", "dialog").click()
    page.sees("not one that a VM can have", "dialog")
    for _ in range(2):
        page.button("Back", "dialog").click()
    fill(page.one("dialog input[name=name]"), "fresh")
    for _ in range(2):
        page.button("Next", "dialog").click()
    page.button("Create", "dialog").click()
    page.sees("fresh", "h1")
    page.sees("created", ".machine-title .state")
    page.button("Destroy", ".machine-title").click()
    confirm = page.button("Destroy fresh", "dialog")
    assert not confirm.is_enabled()
    page.one("dialog input").send_keys("fresh", Keys.ENTER)
    page.sees("no machine of this name")


def choose(page, label, words):
    """Chooses of a list in the dialog."""
    page.js("""const list = [...document.querySelectorAll('dialog label')].find((one) => one.innerText.startsWith(arguments[0]))
        .querySelector('select'); list.value = [...list.options].find((one) => one.text === arguments[1]).value;
        list.dispatchEvent(new Event('change', { bubbles: true }))""", label, words)


def test_create_from_an_image(page, server):
    """A machine boots from a copy of an uploaded image: volume, firmware, network and cloud-init are chosen, none is typed."""
    page.login(place="#/machines")
    page.button("New machine").click()
    page.one("dialog input[name=name]").send_keys("shop")
    page.button("Next", "dialog").click()
    page.sees("Choose a volume", "dialog")
    choose(page, "Volume", "monday")
    choose(page, "Firmware", "UEFI (OVMF)")
    page.button("Next", "dialog").click()
    page.sees("vCPUs", "dialog")
    page.button("Next", "dialog").click()
    page.one("dialog fieldset input").click()
    page.one("dialog textarea[name=userData]").send_keys("#" * 3)  # for this machine alone, unless a text of the host's is chosen
    choose(page, "cloud-init", "web.yaml")
    page.button("Create", "dialog").click()
    page.sees("shop", "h1")
    asked = [one for one in server.state()["requests"] if one.startswith("POST") and not one.endswith("tickets")]
    assert asked[-3:] == ["POST /v1/stores/pool/volumes/monday/clones", "POST /v1/vms", "POST /v1/vms/shop/actions/start"]
    assert server.state()["made"]["shop"] == {"boot": "uefi", "firmware": "OVMF.fd", "disk": "pool/shop", "seed": "web.yaml", "net": "lan",
                                              "memory": server.state()["made"]["shop"]["memory"], "vcpus": "1"}


def test_create_from_an_upload(page, server, tmp_path):
    """An ISO that is dropped into the dialog becomes the CD; the next step waits for it, and a failure is said there."""
    (tmp_path / "installer.iso").write_bytes(b"x" * ((8 << 20) + 4096))
    (tmp_path / "full.iso").write_bytes(b"x" * 4096)
    page.login(place="#/machines")
    page.button("New machine").click()
    page.one("dialog input[name=name]").send_keys("box")
    page.one("dialog input[value=empty]").click()
    page.one('dialog input[type="file"]').send_keys(str(tmp_path / "full.iso"))
    page.sees("there is no room for it", "dialog")
    page.one('dialog input[type="file"]').send_keys(str(tmp_path / "installer.iso"))
    page.sees("installer: uploaded, its digest is right", "dialog", 20)
    page.until(lambda: page.js("""return [...document.querySelectorAll('dialog select')].some((one) => one.value === 'installer')"""), "the CD is chosen")
    for _ in range(2):
        page.button("Next", "dialog").click()
    page.button("Create", "dialog").click()
    page.sees("box", "h1")
    assert server.state()["made"]["box"]["disk"] == "pool/box, pool/installer cdrom"


def test_drives(page):
    """A CD leaves its drive and another one comes while the machine runs; what the guest refuses is said beside it."""
    page.login(place="#/machines/web-1/configuration")
    page.button("Eject tools").click()
    page.until(lambda: page.all("[aria-label='Eject tools']:enabled"), "done")
    page.button("Insert tools").click()
    page.until(lambda: page.all("[aria-label='Eject tools']:enabled"), "done")
    page.js("""const list = document.querySelector("select[aria-label='Another CD in place of tools']"); list.value = 'pool/monday';
        list.dispatchEvent(new Event('change', { bubbles: true }))""")
    page.button("Put it in").click()
    page.button("Eject pool/monday").click()
    page.sees("keeps the medium locked", "[aria-label='CD-ROM drives']")
    page.open("#/machines/db/configuration")
    page.one("[aria-label='Configuration'] form")
    assert page.all("[aria-label='CD-ROM drives']") == []
