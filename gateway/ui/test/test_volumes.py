# SPDX-License-Identifier: MIT
"""The screen of volumes: made, cloned, kept, dropped, uploaded; what is wrong is said beside it."""
import os


def test_life_of_a_volume(page, server):
    page.login(place="#/volumes")
    page.sees("monday", "table")
    page.one('input[name="name"]').send_keys("db")
    page.one('input[name="size"]').send_keys("much")
    page.button("Create volume").click()
    page.sees("is no size")
    page.one('input[name="size"]').clear()
    page.one('input[name="size"]').send_keys("2G")
    page.button("Create volume").click()
    page.sees("2 GiB", "table")
    page.button("Clone db").click()
    page.sees("db-2", "table")
    page.button("Snapshot of db").click()
    page.sees("db-3", "table")
    page.button("Drop web").click()
    page.one("dialog input").send_keys("web")
    page.button("Drop", "dialog").click()
    page.sees("web-1 uses it")
    page.button("Drop db-2").click()
    page.one("dialog input").send_keys("db-2")
    page.button("Drop", "dialog").click()
    page.until(lambda: "db-2" not in page.text("table"), "the volume to go")
    page.button("Format").click()
    page.one("dialog input").send_keys("spare")
    page.button("Format", "dialog").click()
    page.sees("No volumes yet.")
    assert server.state()["csp"] == []


def test_details(page, server):
    """What is known of a volume is shown beside it, also to who only looks; a store takes the room by which its disk has grown."""
    page.login("sky_viewer", place="#/volumes")
    page.button("Details of web").click()
    for words in ("3 MiB", "debian", "1234", "7 snapshots: monday, tuesday, ...", "no clones"):
        page.sees(words, "table")
    page.button("Details of web").click()
    page.until(lambda: "debian" not in page.text("table"), "the details to go")
    assert "has 4\u00a0GiB more than the store" in page.text("main") and "Grow the store" not in page.text("main")
    page.login(place="#/volumes")
    page.button("Grow the store").click()
    page.until(lambda: "more than the store" not in page.text("main"), "the store to grow")
    assert server.state()["csp"] == []


def test_quotas(page, server):
    """What volumes of such names may come to is shown with what is used, and set by who may."""
    page.login(place="#/volumes")
    page.sees("team-*", "main")
    field = page.one('input[name="quota"]')
    for text, said in (("web", "the quota of store pool is not valid"), ("web 4G, db 20G", "too much")):
        field.clear()
        field.send_keys(text)
        page.button("Set quotas").click()
        page.sees(said, "main")
    assert "team-*" not in page.text("main")
    assert server.state()["csp"] == []


def test_upload(page, tmp_path):
    """Two pieces, whose digest the server compares; an image that only skerryctl converts; a full store."""
    for name, data in (("my disk.img", os.urandom((8 << 20) + 12345)), ("other.qcow2", b"QFI\xfb".ljust(4096, b"\0")), ("full.raw", b"x" * 5000),
                       ("empty.img", b"")):
        (tmp_path / name).write_bytes(data)
    page.login(place="#/volumes")
    page.sees("monday", "table")
    choose = page.one('input[type="file"]')
    for name, said in (("my disk.img", "my-disk: uploaded, its digest is right"), ("other.qcow2", "skerryctl volume upload converts it"),
                       ("full.raw", "there is no room for it"), ("empty.img", "The file is empty.")):
        choose.send_keys(str(tmp_path / name))
        page.sees(said, seconds=20)
    assert "my-disk" in page.text("table") and "8.0\u00a0MiB" in page.text("table")


def test_who_may(page):
    """A viewer reads; uploads need the role content; who sees a few machines only sees no store."""
    page.login("sky_viewer", place="#/volumes")
    page.sees("monday", "table")
    assert {button.text for button in page.all("main button")} == {"Details"} and page.all('input[type="file"]') == []


def test_who_sees_a_few_machines(page):
    page.login("sky_foreign", place="#/volumes")
    page.sees("Only who sees all machines")
