# SPDX-License-Identifier: MIT
"""iso/image.py: container images as disks of templates, and images that are not what they say."""
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "iso"))
import oci  # noqa: E402


def imported(source, out, *options):
    return subprocess.run([sys.executable, ROOT / "iso/image.py", source, out, *options], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def taken(source, out, *options):
    """What is on the disk, as (kind and mode, owner, name and target) of each file."""
    done = imported(source, out, *options)
    assert done.returncode == 0, done.stdout
    listed = subprocess.run(["unsquashfs", "-lln", out], check=True, text=True, stdout=subprocess.PIPE).stdout
    rows = (line.split(None, 5) for line in listed.splitlines() if "squashfs-root/" in line)
    return {row[5].removeprefix("squashfs-root/"): (row[0], row[1]) for row in rows}


def content(disk, name):
    return subprocess.run(["unsquashfs", "-cat", disk, name], check=True, stdout=subprocess.PIPE).stdout


LAYERS = [oci.layer(oci.folder("a"), oci.file("a/one", b"1"), oci.file("a/two", b"2"), oci.folder("b"), oci.file("b/old"),
                    oci.folder("usr"), oci.folder("usr/bin"), oci.link("bin", "usr/bin"), oci.file("etc/passwd", b"me:x:7:8::/:\n"),
                    oci.file("secret", mode=0o4750, uid=3, gid=4)),
          oci.layer(oci.file("a/.wh.one"), oci.file("b/.wh..wh..opq"), oci.file("b/new"), oci.file("bin/tool", b"tool"),
                    oci.link("a/hard", "a/two", tarfile.LNKTYPE), oci.link("away", "/../../etc"),
                    oci.file("dev/null", type=tarfile.CHRTYPE))]
SAID = {"Entrypoint": ["/bin/tool"], "Cmd": ["-x"], "Env": ["A=1", "B= 2"], "WorkingDir": "/a", "User": "me"}


@pytest.mark.parametrize("make", [oci.layout, oci.docker_archive])
def test_layers(tmp_path, make):
    """Layers over each other, files that a later one hides, links, owners; what the image says of commands."""
    disk = tmp_path / "disk"
    found = taken(make(tmp_path / "image", LAYERS, **SAID), disk)
    assert sorted(found) == [".skerry", ".skerry/words", "a", "a/hard", "a/two", "away -> /../../etc", "b", "b/new",
                             "bin -> usr/bin", "etc", "etc/passwd", "secret", "usr", "usr/bin", "usr/bin/tool"]
    assert found["secret"] == ("-rwsr-x---", "3/4")
    assert content(disk, "a/hard") == b"2" and content(disk, "usr/bin/tool") == b"tool"
    assert content(disk, ".skerry/words") == b"x/bin/tool\0a-x\0eA=1\0eB= 2\0d/a\0u7:8\0"
    first = disk.read_bytes()
    time.sleep(1.1)  # a squashfs has times in it
    taken(tmp_path / "image", disk)
    assert disk.read_bytes() == first


def first_layer(image):
    """The path of a layout's largest blob but one: its layer."""
    return max((image / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)


def test_digest(tmp_path):
    """One byte of a layer is another one."""
    image = oci.layout(tmp_path / "image", [oci.layer(oci.file("a", bytes(range(256)) * 64))])
    path = first_layer(image)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = imported(image, tmp_path / "disk")
    assert done.returncode == 1 and "is not what its digest says" in done.stdout
    assert not (tmp_path / "disk").exists()


BAD = {
    "leads out of the image": [oci.file("a/../../out")],
    "which leads out": [oci.file("/out")],
    "which is outside of the image": [oci.link("a", "../out", tarfile.LNKTYPE)],
    "is no file of the image": [oci.link("a", "b", tarfile.LNKTYPE)],
    "too many links": [oci.link("a", "b"), oci.link("b", "a"), oci.file("a/x")],
    "unpacks to more than": [oci.file("a", bytes(200000))],
}


@pytest.mark.parametrize("why", BAD)
def test_refused(tmp_path, why):
    """Each is refused in words, and nothing is left behind."""
    image = oci.layout(tmp_path / "image", [oci.layer(*BAD[why])])
    done = imported(image, tmp_path / "disk", "--size-limit", "100000")
    assert done.returncode == 1 and why in done.stdout, done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_other_refusals(tmp_path):
    """What is no image, has words with a NUL, a user that is not there, or JSON of another form."""
    plain = [oci.layer(oci.file("a"))]
    (tmp_path / "no").write_bytes(b"nothing")
    assert "neither a folder nor a tar archive" in imported(tmp_path / "no", tmp_path / "disk").stdout
    for number, (said, why) in enumerate([({"Env": ["A=\0"]}, "has a NUL"), ({"User": "you"}, "is not in its etc/passwd"),
                                          ({"Env": ["A=" + "x" * 70000]}, "more than 65536 bytes"),
                                          ({"Cmd": [3.5], "Env": 7}, "another form")]):
        done = imported(oci.layout(tmp_path / f"image{number}", plain, **said), tmp_path / "disk")
        assert done.returncode == 1 and why in done.stdout, done.stdout
    image = oci.layout(tmp_path / "index", plain)
    (image / "index.json").write_text('{"manifests": [{"digest": "sha256:../../x"}]}')
    assert "is no digest" in imported(image, tmp_path / "disk").stdout
    assert not (tmp_path / "disk").exists()
