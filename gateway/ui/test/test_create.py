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
