#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Makes container images, as OCI layouts or as archives of `docker save`, from nothing but Python: of Debian's busybox, of what
packages have in them, and of whatever a test has in mind.

    oci.py busybox PROGRAM OUT
    oci.py tree FOLDER OUT
"""
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path


def file(name, data=b"", mode=0o644, **how):
    """A member of a layer, and its bytes."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    for key, value in how.items():
        setattr(member, key, value)
    return member, data


def folder(name, mode=0o755):
    return file(name, mode=mode, type=tarfile.DIRTYPE)


def link(name, target, kind=tarfile.SYMTYPE):
    return file(name, linkname=target, type=kind)


def layer(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def put(out, data, kind):
    name = digest(data)
    (out / "blobs/sha256" / name).write_bytes(data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{name}", "size": len(data)}


def configuration(layers, said):
    return json.dumps({"architecture": "amd64", "os": "linux", "config": said,
                       "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(data)}" for data in layers]}}).encode()


def layout(out, layers, **said):
    """An OCI layout of those layers; `said` is the configuration: Cmd, Env and so on."""
    out = Path(out)
    (out / "blobs/sha256").mkdir(parents=True)
    (out / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    parts = [put(out, gzip.compress(data, mtime=0), "layer.v1.tar+gzip") for data in layers]
    config = put(out, configuration(layers, said), "config.v1+json")
    manifest = put(out, json.dumps({"schemaVersion": 2, "config": config, "layers": parts}).encode(), "manifest.v1+json")
    (out / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    return out


def docker_archive(out, layers, **said):
    config = configuration(layers, said)
    names = [f"{digest(data)}/layer.tar" for data in layers]
    manifest = json.dumps([{"Config": f"{digest(config)}.json", "RepoTags": ["test:latest"], "Layers": names}]).encode()
    members = [file(f"{digest(config)}.json", config), file("manifest.json", manifest)]
    Path(out).write_bytes(layer(*members, *map(file, names, layers)))
    return out


def busybox(program):
    """The layers of an image with Debian's static busybox and what it can do as links."""
    names = subprocess.run([program, "--list"], check=True, text=True, stdout=subprocess.PIPE).stdout.split()
    users = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
    members = [folder("bin"), folder("etc"), folder("root", 0o700), file("bin/busybox", Path(program).read_bytes(), 0o755),
               file("etc/passwd", users), file("etc/group", b"root:x:0:\nnogroup:x:65534:\n")]
    return [layer(*members), layer(*(link(f"bin/{name}", "busybox") for name in names if name != "busybox"))]


def tree(place):
    """The one layer of what is in a folder, all of it root's, and a folder for temporary files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path in sorted(Path(place).rglob("*")):
            member = archive.gettarinfo(path, str(path.relative_to(place)))
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            with open(path, "rb") if member.isfile() else io.BytesIO() as data:
                archive.addfile(member, data)
        archive.addfile(*folder("tmp", 0o1777))
    return [out.getvalue()]


if __name__ == "__main__":
    if sys.argv[1] == "busybox":
        layout(sys.argv[3], busybox(sys.argv[2]), Cmd=["sh"], Env=["PATH=/bin"])
    else:
        layout(sys.argv[3], tree(sys.argv[2]), Cmd=["sh"], Env=["PATH=/usr/local/bin:/usr/bin:/bin"])
