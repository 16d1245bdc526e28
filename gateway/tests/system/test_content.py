# SPDX-License-Identifier: MIT
"""Uploads into volumes and downloads: whole, in pieces, cut off, with lies; who may."""
import hashlib
import json
import os
import random
import struct
import subprocess

import pytest

from client import Answer, wait_for

POOL = "/v1/stores/pool/volumes"
DATA = random.Random(1).randbytes(300001)
SHA = hashlib.sha256(DATA).hexdigest()
TYPE = "application/octet-stream"


@pytest.fixture(autouse=True)
def stores(fake):
    fake.make_stores()
    fake.content_fails_at = None


def put(server, name, data, query="", content_range=None, token=None, kind=TYPE, **more):
    connection = server.connect()
    headers = {"Authorization": f"Bearer {token or server.token}", "Content-Type": kind, **more}
    if content_range:
        headers["Content-Range"] = content_range
    try:
        connection.request("PUT", f"{POOL}/{name}/content{query}", data, headers)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def piece(server, name, data, first, count, query=""):
    return put(server, name, data[first:first + count], query,
               f"bytes {first}-{first + len(data[first:first + count]) - 1}/{len(data)}")


def cut(server, fake, name, data, count, first=0):
    """An upload that breaks off after so many bytes, once its stream is open."""
    with server.raw() as sock:
        head = (f"PUT {POOL}/{name}/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
                f"Content-Range: bytes {first}-{len(data) - 1}/{len(data)}\r\n"
                f"Content-Type: {TYPE}\r\nContent-Length: {len(data) - first}\r\n\r\n")
        sock.sendall(head.encode() + data[first:first + count])
        wait_for(lambda: not free(fake))


def names(fake):
    return list(fake.stores["pool"])


def free(fake):
    return all(not volume["users"] for volume in fake.stores["pool"].values())


def test_whole(server, fake):
    """A volume is made of what is sent; it has its name once all of it is there and its digest is right."""
    done = put(server, "web", DATA, f"?sha256={SHA.upper()}")
    assert done.status == 200 and done.json() == {"uploaded_bytes": len(DATA), "bytes": len(DATA), "done": True}, done.body
    assert names(fake) == ["web"] and fake.stores["pool"]["web"]["bytes"] == 303104
    assert fake.stores["pool"]["web"]["content"] == DATA + bytes(303104 - len(DATA))
    assert server.tls("GET", f"{POOL}/web/digest").json()["sha256"] == hashlib.sha256(DATA + bytes(303104 - len(DATA))).hexdigest()
    got = server.tls("GET", f"{POOL}/web/content")
    assert got.status == 200 and got.body[:len(DATA)] == DATA and len(got.body) == 303104
    assert got.headers["Content-Length"] == "303104" and got.headers["Content-Type"] == TYPE
    part = server.tls("GET", f"{POOL}/web/content", headers={"Range": "bytes=4096-9999"})
    assert part.status == 206 and part.body == DATA[4096:10000] and part.headers["Content-Range"] == "bytes 4096-9999/303104"
    assert server.tls("GET", f"{POOL}/web/content", headers={"Range": "bytes=299008-"}).body == (DATA + bytes(3103))[299008:]
    lines = {(line["action"], line["target"], line["result"]) for line in server.tls("GET", "/v1/audit").json()["items"]}
    for action in ("volume.upload", "volume.download", "volume.digest"):
        assert (action, "pool/web", "ok") in lines, lines
    large = put(server, "large", DATA[:4096], "?size=1048576")
    assert large.status == 200 and fake.stores["pool"]["large"]["bytes"] == 1 << 20


def test_several_pieces_of_the_disk(server, fake):
    """What is longer than a piece goes into several streams; it arrives as it was."""
    data = random.Random(3).randbytes((8 << 20) + 70001)
    assert put(server, "long", data, f"?sha256={hashlib.sha256(data).hexdigest()}").status == 200
    writes = [words for words, _ in fake.commands if words[:3] == ["volume", "write", "pool/long.part"]]
    assert [words[3:] for words in writes] == [["bytes=8388608", "from=0"], ["bytes=70001", "from=8388608"]]
    assert server.tls("GET", f"{POOL}/long/content", timeout=30).body[:len(data)] == data


def test_in_pieces(server, fake):
    """An upload in requests of its own, one of which is lost, and goes on where it was."""
    first = piece(server, "web", DATA, 0, 65536)
    assert first.json() == {"uploaded_bytes": 65536, "bytes": len(DATA), "done": False}
    assert names(fake) == ["web.part"] and server.tls("GET", f"{POOL}/web.part").json()["uploaded_bytes"] == 65536
    for wrong in (piece(server, "web", DATA, 131072, 65536), piece(server, "web", DATA, 4096, 65536),
                  put(server, "web", DATA[65536:131072], "", f"bytes 65536-131071/{len(DATA) + 1}")):
        assert (wrong.status, wrong.code) == (409, "bad-state") and "come to 65536" in wrong.json()["detail"]
    cut(server, fake, "web", DATA, 50000, 65536)
    wait_for(lambda: free(fake))
    assert server.tls("GET", f"{POOL}/web.part").json()["uploaded_bytes"] == 65536 and names(fake) == ["web.part"]
    # until the gateway has heard of the cut, the lost one is under way
    wait_for(lambda: piece(server, "web", DATA, 65536, 131072).status == 200)
    last = piece(server, "web", DATA, 196608, len(DATA), f"?sha256={SHA}")
    assert last.json()["done"] and names(fake) == ["web"], last.body
    assert "uploaded_bytes" not in server.tls("GET", f"{POOL}/web").json()


def test_cut_off(server, fake):
    """What was cut off has not the name of a volume, is not gone on with unseen, and begins at 0 again."""
    cut(server, fake, "web", DATA, 100000)
    wait_for(lambda: names(fake) == ["web.part"] and free(fake))
    wait_for(lambda: put(server, "web", DATA, f"?sha256={SHA}").json().get("done"))
    assert names(fake) == ["web"]
    # Another volume of that name is not the one that the upload was going into.
    assert piece(server, "db", DATA, 0, 65536).status == 200
    del fake.stores["pool"]["db.part"]
    fake.make_volume("pool", "db.part", 303104)
    other = piece(server, "db", DATA, 65536, 65536)
    assert other.status == 409 and "begin at 0" in other.json()["detail"]
    none = piece(server, "new", DATA, 65536, 65536)
    assert none.status == 404


def test_wrong_digest(server, fake):
    wrong = put(server, "web", DATA, f"?sha256={SHA[:-1]}{'0' if SHA[-1] != '0' else '1'}")
    assert (wrong.status, wrong.code) == (422, "bad-digest") and names(fake) == ["web.part"], wrong.body
    assert put(server, "web", DATA, f"?sha256={SHA}").status == 200 and names(fake) == ["web"]


@pytest.mark.parametrize("query, content_range, count, said", [
    ("?sha256=12", None, 4096, "64 hex digits"), (f"?sha256={63 * 'a'}g", None, 4096, "64 hex digits"),
    ("?size=4095", None, 4096, "hold all"), ("?size=x", None, 4096, "hold all"), ("?size=99999999999999999", None, 4096, "hold all"),
    ("", None, 0, "one byte"), ("", "bytes 0-4095/4095", 4096, "fits"), ("", "bytes 0-4096/8192", 4096, "fits"),
    ("", "bytes 1-4096/8192", 4096, "multiple of 4096"), ("", "bytes 0-99/8192", 100, "multiple of 4096"),
    ("", "bytes 4095-0/8192", 4096, "fits"), ("", "bytes */8192", 4096, "fits"), ("", "bytes 0-4095/*", 4096, "fits"),
    ("", "bytes 0-4095/99999999999999999999999", 4096, "fits"), ("", "pages 0-4095/8192", 4096, "fits"),
    ("", "bytes -1-4094/8192", 4096, "fits"), ("", "bytes 0-4095/8192 ", 4096, None),
])
def test_lies(server, fake, query, content_range, count, said):
    """A sentence for each, and nothing is made."""
    answer = put(server, "web", bytes(count), query, content_range)
    if said:
        assert answer.status == 422 and said in answer.json()["detail"], answer.body
        assert not names(fake)


def test_refusals(server, fake):
    """No space, a name that is taken or too long, a disk that fails, a volume in use, a wrong type."""
    too_large = put(server, "web", bytes(4096), f"?size={(1 << 40) + 4096}")
    assert too_large.status == 422 and not names(fake)
    fake.make_volume("pool", "web", 4096)
    assert (put(server, "web", DATA).code, names(fake)) == ("exists", ["web"])
    assert put(server, 27 * "x", DATA).status == 422
    assert put(server, "a%20b", DATA).status == 404
    assert put(server, "other", DATA, kind="application/json").status == 415
    fake.content_fails_at = 100000
    failed = put(server, "other", DATA)
    assert failed.status == 409 and "cannot read or write" in failed.json()["detail"] and names(fake) == ["web", "other.part"]
    fake.stores["pool"]["other.part"]["users"] = "vm00"
    used = put(server, "other", DATA)
    assert used.status == 409 and "vm00 uses it" in used.json()["detail"]
    fake.stores["pool"]["web"]["users"] = "vm01"
    for path in ("content", "digest"):
        used = server.tls("GET", f"{POOL}/web/{path}")
        assert used.status == 409 and "vm01 uses it" in used.json()["detail"]
    for value in ("bytes=1-", "bytes=4096-", "bytes=0-5,7-9", "bytes=-5", "x=0-", "bytes=99999999999999999999-", "bytes=0-x"):
        assert server.tls("GET", f"{POOL}/web/content", headers={"Range": value}).status == 416, value
    assert server.tls("HEAD", f"{POOL}/web/content").status == 405
    assert server.tls("GET", f"{POOL}/none/content").status == 404


def test_broken_download(server, fake):
    """A download that breaks off ends before the length that was said, so that nobody takes it for whole."""
    put(server, "web", DATA)
    fake.content_fails_at = 200000
    with pytest.raises(Exception, match="IncompleteRead|end"):
        server.tls("GET", f"{POOL}/web/content")
    assert server.tls("GET", f"{POOL}/web/content").body[:len(DATA)] == DATA


def test_roles(server, fake):
    """Content has a role of its own, which no other role has, and needs the scope *; cookies need a page of this server."""
    put(server, "web", DATA)
    admin, few = server.make_token(["admin"]), server.make_token(["content"], "web*")
    alone = server.make_token(["content"])
    for token in (admin, few):
        assert put(server, "new", DATA, token=token).status == 403
        for path in ("content", "digest"):
            assert server.tls("GET", f"{POOL}/web/{path}", token=token).status == 403
    assert put(server, "new", DATA, token=alone).status == 200 and names(fake) == ["web", "new"]
    assert server.tls("GET", f"{POOL}/web/content", token=alone).status == 200
    assert server.tls("DELETE", f"{POOL}/web", token=alone).status == 403
    assert server.tls("POST", "/v1/tokens", {"name": "x", "roles": ["content"], "scope": "*"}, token=admin).status == 403


def test_one_upload_of_a_name(server, fake):
    """A second upload of the same name is refused meanwhile: it would drop the first one's volume under it."""
    with server.raw() as sock:
        sock.sendall((f"PUT {POOL}/web/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
                      f"Content-Type: {TYPE}\r\nContent-Length: 100000\r\n\r\n").encode() + bytes(5000))
        wait_for(lambda: "web.part" in names(fake) and not free(fake))
        assert (put(server, "web", DATA).code, piece(server, "web", DATA, 65536, 4096).code) == ("busy", "busy")
    # until the gateway has heard of the cut, the lost one is under way
    wait_for(lambda: put(server, "web", DATA).status == 200)


def test_names_of_uploads(server, fake):
    """No other volume gets the name of an unfinished upload, which the next upload would drop."""
    fake.make_volume("pool", "web", 4096)
    answers = [put(server, "x.part", DATA), server.tls("POST", POOL, {"name": "x.part", "bytes": 4096}),
               server.tls("POST", f"{POOL}/web/clones", {"name": "x.part"}), server.tls("POST", f"{POOL}/web/snapshots", {"name": ".part"}),
               server.tls("PATCH", f"{POOL}/web", {"name": "x.part"})]
    assert [answer.status for answer in answers] == 5 * [422] and names(fake) == ["web"]


def test_many_at_once(server, fake):
    """Four at a time; places of clients that have gone are free again."""
    socks = []
    for name in "abcd":
        sock = server.raw()
        sock.sendall((f"PUT {POOL}/{name}/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
                      f"Content-Type: {TYPE}\r\nContent-Length: 100000\r\n\r\n").encode() + bytes(5000))
        socks.append(sock)
    wait_for(lambda: sum(volume["users"] != "" for volume in fake.stores["pool"].values()) == 4)
    assert put(server, "e", DATA).code == "busy"
    for sock in socks:
        sock.close()
    # Skerry has let the volumes go before the gateway hears of it
    wait_for(lambda: put(server, "e", DATA).status == 200)
    assert free(fake)
    assert json.dumps(names(fake)) == json.dumps(["a.part", "b.part", "c.part", "d.part", "e"])


def test_lost_link(pair):
    """The link goes while a body comes: the client hears so, and what is there goes on at the next link."""
    fake, server = pair()
    fake.make_stores()
    server.start()
    assert piece(server, "web", DATA, 0, 65536).status == 200
    with server.raw() as sock:
        sock.sendall((f"PUT {POOL}/web/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
                      f"Content-Range: bytes 65536-{len(DATA) - 1}/{len(DATA)}\r\n"
                      f"Content-Type: {TYPE}\r\nContent-Length: {len(DATA) - 65536}\r\n\r\n").encode() + bytes(5000))
        wait_for(lambda: fake.stores["pool"]["web.part"]["users"])
        fake.drop()
        fake.stores["pool"]["web.part"]["users"] = ""
        wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
    assert piece(server, "web", DATA, 65536, len(DATA), f"?sha256={SHA}").json()["done"]


@pytest.fixture
def ctl(server, request, tmp_path):
    program = request.config.getoption("--gateway") + "/skerryctl"

    def run(*words, code=0, path=""):
        done = subprocess.run([program, "--socket", server.socket, *map(str, words)], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "TMPDIR": str(tmp_path), "PATH": f"{path}:{os.environ['PATH']}"})
        assert done.returncode == code, (words, done)
        return done.stdout + done.stderr
    return run


def test_skerryctl(ctl, fake, tmp_path):
    """A file becomes a volume and comes back; what is there is not overwritten; a cut upload goes on."""
    (tmp_path / "image").write_bytes(DATA)
    assert SHA in ctl("volume", "upload", tmp_path / "image", "pool/web", "1M")
    assert names(fake) == ["web"] and fake.stores["pool"]["web"]["bytes"] == 1 << 20
    assert "downloaded" in ctl("volume", "download", "pool/web", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == DATA + bytes((1 << 20) - len(DATA))
    assert "--overwrite" in ctl("volume", "download", "pool/web", tmp_path / "back", code=1)
    ctl("volume", "download", "pool/web", tmp_path / "back", "--overwrite")
    assert not list(tmp_path.glob("*.part"))
    assert "drop it" in ctl("volume", "upload", tmp_path / "image", "pool/web", code=5)
    fake.content_fails_at = 200000
    assert "cannot read or write" in ctl("volume", "upload", tmp_path / "image", "pool/db", code=1)
    assert "begin at 0" not in ctl("volume", "upload", tmp_path / "image", "pool/db", "--continue") and "db" in names(fake)
    assert "no such" in ctl("volume", "upload", tmp_path / "image", "pool/a b", code=3)
    (tmp_path / "empty").write_bytes(b"")
    assert "empty" in ctl("volume", "upload", tmp_path / "empty", "pool/x", code=1)
    assert "No such file" in ctl("volume", "upload", tmp_path / "none", "pool/x", code=1)
    for words in (("upload", "x"), ("upload", "x", "pool"), ("download", "pool/x"), ("download", "pool", "x")):
        ctl("volume", *words, code=2)


TEXT = "#cloud-config\npassword: wl3kVq8Zt\n"


def test_create(ctl, fake, tmp_path):
    """One command makes a volume of an image and a VM of it, which starts; a second VM is of a clone."""
    (tmp_path / "image").write_bytes(DATA)
    (tmp_path / "user").write_text(TEXT)
    create = ("create", "shop", "--image", tmp_path / "image", "--size", "1M", "--net", "lan", "--cloud-init", tmp_path / "user", "vcpus=2")
    assert "several stores" in ctl(*create, code=2)
    create += ("--store", "pool")
    assert "shop: created and started" in ctl(*create)
    assert fake.stores["pool"]["shop"]["bytes"] == 1 << 20 and fake.given["shop"] == TEXT.encode()
    assert fake.vms["shop"].state == "running"
    assert fake.vms["shop"].config.items() >= {"vcpus": "2", "boot": "bios", "firmware": "bios-256k.bin", "disk": "pool/shop",
                                               "memory": "512M", "net": "lan"}.items()
    assert "there is a volume of this name" in ctl(*create, code=5)
    assert "created and started" in ctl("create", "two", "--image", "pool/shop", "--size", "2M", "memory=64M", "boot=uefi")
    assert fake.vms["two"].config.items() >= {"memory": "64M", "boot": "uefi", "firmware": "OVMF.fd", "disk": "pool/two"}.items()
    assert fake.stores["pool"]["two"]["parent"] == fake.stores["pool"]["shop"]["id"] and fake.stores["pool"]["two"]["bytes"] == 2 << 20
    assert "two" not in fake.given
    out = ctl("create", "three", "--image", "pool/shop", "nonsense=1", code=1)
    assert "no such key" in out and "go on with --image pool/three" in out and "three" not in fake.vms
    before = names(fake)
    ctl("create", "three", "--image", "pool/three")
    assert names(fake) == before and fake.vms["three"].config["disk"] == "pool/three"


def test_create_refused(ctl, fake, tmp_path):
    """A text that cloud-init could not read, and an image that is none, make nothing."""
    before = names(fake), list(fake.vms)
    (tmp_path / "image").write_bytes(DATA)
    for text, said in ((b"", "the file is empty"), (b"#" * 12289, "too long"), (bytes(1 << 20), "too long"),
                       (b"a\0b", "a byte 0"), (b"#cloud-config\n\xff", "not UTF-8")):
        (tmp_path / "user").write_bytes(text)
        assert said in ctl("create", "shop", "--image", tmp_path / "image", "--cloud-init", tmp_path / "user", code=1)
    assert "No such file" in ctl("create", "shop", "--image", tmp_path / "image", "--cloud-init", tmp_path / "none", code=1)
    assert "a volume is named STORE/VOLUME" in ctl("create", "shop", "--image", "none.img", code=1)
    assert "no file with an image" in ctl("create", "shop", "--image", tmp_path, code=1)
    assert 'no volume "none"' in ctl("create", "shop", "--image", "pool/none", code=3)
    assert "without firmware of that kind" in ctl("create", "shop", "--image", "pool/x", "boot=kernel", code=1)
    for words in (("shop",), ("--image", "x"), ("a/b", "--image", "x"), ("shop", "x", "--image", "x")):
        ctl("create", *words, code=2)
    assert (names(fake), list(fake.vms)) == before


def test_skerryctl_goes_on(ctl, server, fake, tmp_path):
    (tmp_path / "image").write_bytes(DATA)
    assert piece(server, "web", DATA, 0, 65536).status == 200
    before = len(fake.commands)
    ctl("volume", "upload", tmp_path / "image", "pool/web", "--continue")
    writes = [words for words, _ in fake.commands[before:] if words[:2] == ["volume", "write"]]
    assert [words[4] for words in writes] == ["from=65536"] and names(fake) == ["web"]


def test_images(ctl, fake, tmp_path):
    """qcow2, vmdk and vdi go through qemu-img; an image that needs another file is refused before that."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "qemu-img").write_text('#!/bin/sh\necho "$*" >>"$TMPDIR/said"\n[ "$1 $2 $4 $5 $6" = "convert -f -O raw --" ] || exit 9\n'
                                    '[ "$3" = vdi ] && exit 1\nhead -c 8192 /dev/zero | tr "\\\\0" q >"$8"\n')
    (tools / "qemu-img").chmod(0o755)
    qcow2 = struct.pack(">4sIQI", b"QFI\xfb", 3, 0, 0).ljust(72, b"\0") + struct.pack(">Q", 0)
    images = {"qcow2": qcow2, "vmdk": struct.pack("<4sIIQ", b"KDMV", 1, 3, 2048), "vdi": bytes(64) + struct.pack("<I", 0xBEDA107F)}
    for kind, head in images.items():
        (tmp_path / kind).write_bytes(head.ljust(70000, b"\0"))
    for kind in ("qcow2", "vmdk"):
        ctl("volume", "upload", tmp_path / kind, f"pool/{kind}", path=tools)
        assert fake.stores["pool"][kind]["content"] == b"q" * 8192
    assert "has not converted" in ctl("volume", "upload", tmp_path / "vdi", "pool/vdi", code=1, path=tools)
    assert [line.split()[2] for line in (tmp_path / "said").read_text().splitlines()] == ["qcow2", "vmdk", "vdi"]
    assert not list(tmp_path.glob("skerryctl-*")) and names(fake) == ["qcow2", "vmdk"]
    backed = {"backing": qcow2[:8] + struct.pack(">Q", 104) + qcow2[16:], "data": qcow2[:72] + struct.pack(">Q", 4),
              "parent": images["vmdk"] + b'parentFileNameHint="/etc/shadow"', "extents": struct.pack("<4sIIQ", b"KDMV", 1, 3, 0),
              "descriptor": b"# Disk DescriptorFile\nversion=1\n"}
    for name, head in backed.items():
        (tmp_path / name).write_bytes(head.ljust(70000, b"\0"))
        assert "qemu-img convert" in ctl("volume", "upload", tmp_path / name, "pool/bad", code=1, path=tools), name
    assert len((tmp_path / "said").read_text().splitlines()) == 3
