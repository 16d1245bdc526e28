# SPDX-License-Identifier: MIT
"""The screen of images: what machines can be started from, and a machine begun from there."""


def rows(page, tile):
    return {row.text.split()[0]: row.text for row in page.all(f'[aria-label="{tile}"] tbody tr')}


def test_what_there_is(page, server):
    page.login(place="#/images")
    page.sees("monday", '[aria-label="Images of pool"]')
    images = rows(page, "Images of pool")
    assert set(images) == {"trixie", "monday"}, "the volume that web-1 writes to is none"
    assert "read-only" in images["trixie"] and " web " in images["trixie"] and "2025-11-24" in images["trixie"]
    assert "snapshot" in images["monday"] and "nothing" in images["monday"]
    page.sees("text for cloud-init", '[aria-label="Files"]')
    assert "kernel or initial RAM disk" in rows(page, "Files")["flat.bin"]
    page.sees("Import of pool/trixie from the disk usb: under way, 75 %.")
    server.knob(broken=["files"])
    page.open("#/volumes")
    page.open("#/images")
    page.sees("told to fail", '[aria-label="Files"]')
    page.sees("monday", '[aria-label="Images of pool"]')


def test_a_machine_from_there(page):
    """The dialog has the image chosen, and what was chosen there is forgotten for the next one."""
    chosen = "return [...document.querySelectorAll('dialog .field select')].map((one) => one.value)"
    page.login(place="#/volumes")
    page.open("#/images")
    page.one('[aria-label="New machine from monday"]').click()
    page.until(lambda: "monday" in page.js(chosen), "the snapshot is chosen")
    assert page.one("dialog input[value=copy]").is_selected()
    page.button("Cancel", "dialog").click()
    page.one('[aria-label="New machine from flat.bin"]').click()
    page.until(lambda: "flat.bin" in page.js(chosen), "the kernel is chosen")
    assert page.one("dialog input[value=kernel]").is_selected()
    page.button("Cancel", "dialog").click()
    page.open("#/machines")
    page.button("New machine").click()
    page.one("dialog input[name=name]")
    assert not {"monday", "flat.bin"} & set(page.js(chosen))
    page.button("Cancel", "dialog").click()


def test_who_may(page):
    page.login("sky_viewer", place="#/images")
    page.sees("monday", '[aria-label="Images of pool"]')
    assert not page.all("main button, main input")
    page.login("sky_foreign", place="#/images")
    page.sees("Only who sees all machines")
