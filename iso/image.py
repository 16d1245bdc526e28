#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Makes the disk of a template from a container image:

    image.py SOURCE OUT.squashfs [--tag TAG] [--size-limit BYTES]

SOURCE is an OCI layout (a folder, or a tar archive of one) or an archive of `docker save`. Each blob is compared with its digest.
Nothing is unpacked on this machine: layers are merged as lists of names, and go to sqfstar as one archive. What the image says
about commands (entry point, command, environment, directory, user) is in the disk's file /.skerry/words, in the form that
iso/init/words.h describes.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import posixpath
import re
import subprocess
import sys
import tarfile
import tempfile

MEMBERS_MAX = 1_000_000
JSON_MAX = 4 << 20
LINKS_MAX = 40
SIZE_LIMIT = 8 << 30
WORDS_MAX = 1 << 16
DIGEST = re.compile(r"sha256:([0-9a-f]{64})$")


class Refused(Exception):
    """The image cannot be taken; the words say why."""


class Source:
    """The files of a layout, in a folder or in a tar archive."""

    def __init__(self, path):
        self.path = path
        self.archive = None
        if os.path.isdir(path):
            return
        try:
            self.archive = tarfile.open(path)
            self.members = {posixpath.normpath(member.name): member for member in self.archive if member.isfile()}
        except (tarfile.TarError, OSError, EOFError) as error:
            raise Refused(f"{path} is neither a folder nor a tar archive: {error}") from None

    def open(self, name):
        name = posixpath.normpath(name)
        if name.startswith(("/", "../")):
            raise Refused(f"{name} is outside of the layout")
        if self.archive:
            if name not in self.members:
                raise Refused(f"{self.path} has no {name}")
            return self.archive.extractfile(self.members[name])
        path = os.path.join(self.path, name)
        if os.path.realpath(path) != os.path.join(os.path.realpath(self.path), name):
            raise Refused(f"{name} is a link, or outside of the layout")
        try:
            return open(path, "rb")
        except OSError as error:
            raise Refused(f"{self.path} has no {name}: {error.strerror}") from None

    def has(self, name):
        return name in self.members if self.archive else os.path.isfile(os.path.join(self.path, name))

    def json(self, name, digest=None):
        with self.open(name) as file:
            text = file.read(JSON_MAX + 1)
        if len(text) > JSON_MAX:
            raise Refused(f"{name} has more than {JSON_MAX} bytes")
        if digest:
            compare(name, hashlib.sha256(text).hexdigest(), digest)
        try:
            value = json.loads(text)
        except ValueError as error:
            raise Refused(f"{name} is no JSON: {error}") from None
        return value


def compare(name, found, wanted):
    if found != wanted:
        raise Refused(f"{name} is not what its digest says: it is sha256:{found}, not sha256:{wanted}")


def of_digest(value):
    """The hexadecimal digits of a digest."""
    found = DIGEST.match(value) if isinstance(value, str) else None
    if not found:
        raise Refused(f"{value!r} is no digest of SHA-256")
    return found[1]


def file_digest(file):
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def blob(descriptor):
    digest = of_digest(descriptor["digest"])
    return f"blobs/sha256/{digest}", digest


def choose(manifests, tag):
    """The one manifest of an index that is meant."""
    if tag:
        manifests = [entry for entry in manifests
                     if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag]
    manifests = [entry for entry in manifests
                 if entry.get("platform", {}).get("architecture", "amd64") == "amd64"]
    if len(manifests) != 1:
        raise Refused(f"{len(manifests)} images for amd64 are in the index{' with that tag' if tag else ''}: "
                      "name one with --tag")
    return manifests[0]


def read_layout(source, tag):
    """The configuration of an image, and (name, digest or None) of each layer as it lies there."""
    entry = choose(source.json("index.json")["manifests"], tag)
    for _ in range(4):
        manifest = source.json(*blob(entry))
        if "manifests" not in manifest:
            break
        entry = choose(manifest["manifests"], None)
    config = source.json(*blob(manifest["config"]))
    return config, [blob(layer) for layer in manifest["layers"]]


def read_docker(source, tag):
    entries = source.json("manifest.json")
    if tag:
        entries = [entry for entry in entries if tag in (entry.get("RepoTags") or [])]
    if len(entries) != 1:
        raise Refused(f"{len(entries)} images are in the archive: name one with --tag")
    name = entries[0]["Config"]
    # The name is the digest, with .json behind it or in blobs/sha256.
    digest = re.search(r"([0-9a-f]{64})(\.json)?$", name)
    return source.json(name, digest[1] if digest else None), [(layer, None) for layer in entries[0]["Layers"]]


class Tree:
    """What the layers so far amount to: members of tar archives by their paths."""

    def __init__(self, limit):
        self.members = {}   # path: (member, file with its bytes or None)
        self.limit = limit
        self.size = 0
        self.dropped = []

    def resolve(self, path, depth=0):
        """A path of which no folder is a link, as the guest would see it; it never leads out of the image."""
        done = ""
        parts = path.split("/")
        for place, part in enumerate(parts):
            if part in ("", "."):
                continue
            if part == "..":
                done = posixpath.dirname(done)
                continue
            here = posixpath.join(done, part)
            member = self.members.get(here, (None,))[0]
            if member is not None and member.issym() and place < len(parts) - 1:
                if depth == LINKS_MAX:
                    raise Refused(f"{path}: too many links one behind the other")
                target = posixpath.join("/" + done, member.linkname)
                return self.resolve("/".join([target, *parts[place + 1:]]), depth + 1)
            done = here
        return done

    def remove(self, path):
        below = path + "/" if path else ""
        for name in [name for name in self.members if name == path or name.startswith(below)]:
            del self.members[name]

    def add(self, member, archive, opened):
        name = member.name
        if ".." in name.split("/") or name.startswith("/"):
            raise Refused(f"a layer has the name {name!r}, which leads out of the image")
        path = self.resolve(name)
        folder, last = posixpath.split(path)
        if last == ".wh..wh..opq":
            hidden = [other for other in self.members if (not folder or other.startswith(folder + "/")) and other not in opened]
            for other in hidden:
                del self.members[other]
        elif last.startswith(".wh."):
            self.remove(posixpath.join(folder, last[4:]))
        elif member.ischr() or member.isblk():
            self.dropped.append(path)
        elif path:
            self.put(path, member, archive)
            opened.add(path)

    def put(self, path, member, archive):
        file = None
        if member.islnk():
            if member.linkname.startswith("/") or ".." in member.linkname.split("/"):
                raise Refused(f"{path} is a link to {member.linkname!r}, which is outside of the image")
            target = self.members.get(self.resolve(member.linkname))
            if target is None or not target[0].isfile():
                raise Refused(f"{path} is a link to {member.linkname!r}, which is no file of the image")
            member, file = target
        elif member.isfile():
            file = archive
            self.size += member.size
        elif not (member.isdir() or member.issym() or member.isfifo()):
            raise Refused(f"{path} is neither a file, a folder nor a link")
        old = self.members.get(path)
        if old is not None and not (old[0].isdir() and member.isdir()):
            self.remove(path)
        self.members[path] = (member, file)
        if self.size > self.limit:
            raise Refused(f"the files have more than {self.limit} bytes: --size-limit allows more")
        if len(self.members) > MEMBERS_MAX:
            raise Refused(f"there are more than {MEMBERS_MAX} files")

    def text(self, path):
        """What a small file has in it; empty when there is none."""
        member, archive = self.members.get(self.resolve(path), (None, None))
        return archive.extractfile(member).read(1 << 20).decode("utf-8", "replace") if archive else ""


def unpack(source, name, digest, diff, limit):
    """A layer as a temporary file that has no name, once both of its digests are right."""
    with source.open(name) as file:
        if digest:
            compare(name, file_digest(file), digest)
            file.seek(0)
        magic = file.read(4)
        file.seek(0)
        if magic == b"\x28\xb5\x2f\xfd":
            raise Refused(f"{name} is compressed with zstd: copy the image with gzip")
        out = tempfile.TemporaryFile()
        unpacked = hashlib.sha256()
        stream = gzip.GzipFile(fileobj=file) if magic[:2] == b"\x1f\x8b" else file
        count = 0
        try:
            while piece := stream.read(1 << 20):
                count += len(piece)
                if count > limit:
                    raise Refused(f"{name} unpacks to more than {limit} bytes: --size-limit allows more")
                unpacked.update(piece)
                out.write(piece)
        except (OSError, EOFError) as error:
            raise Refused(f"{name} cannot be unpacked: {error}") from None
    compare(f"{name}, unpacked,", unpacked.hexdigest(), diff)
    out.seek(0)
    return out


def merge(source, config, layers, limit):
    """The tree of all layers."""
    tree = Tree(limit)
    diffs = config.get("rootfs", {}).get("diff_ids", [])
    if len(diffs) != len(layers):
        raise Refused(f"the image has {len(layers)} layers and {len(diffs)} digests of layers")
    for (name, digest), diff in zip(layers, diffs):
        opened = set()
        try:
            archive = tarfile.open(fileobj=unpack(source, name, digest, of_digest(diff), limit))
            for member in archive:
                if member.sparse is not None:
                    raise Refused(f"{member.name} is a sparse file: pack it as a whole")
                tree.add(member, archive, opened)
        except tarfile.TarError as error:
            raise Refused(f"{name} is no tar archive: {error}") from None
    return tree


def find_number(tree, file, name):
    for line in tree.text(file).splitlines():
        parts = line.split(":")
        if len(parts) > 3 and parts[0] == name:
            return parts[2], parts[3]
    raise Refused(f"the image's user or group {name!r} is not in its {file}")


def user_word(tree, text):
    """UID:GID of "name", "name:group" or numbers."""
    user, _, group = text.partition(":")
    own = "0"
    if user and not user.isdecimal():
        user, own = find_number(tree, "etc/passwd", user)
    if group and not group.isdecimal():
        group = find_number(tree, "etc/group", group)[0]
    return f"u{user or 0}:{group or own}"


def words(tree, config):
    """The file /.skerry/words."""
    said = config.get("config") or {}
    parts = [f"x{word}" for word in said.get("Entrypoint") or []]
    parts += [f"a{word}" for word in said.get("Cmd") or []]
    parts += [f"e{word}" for word in said.get("Env") or [] if "=" in word]
    parts.append(f"d{said.get('WorkingDir') or '/'}")
    parts.append(user_word(tree, said.get("User") or ""))
    if any("\0" in part for part in parts):
        raise Refused("a word of the image's configuration has a NUL in it")
    text = "".join(part + "\0" for part in parts).encode()
    if len(text) >= WORDS_MAX:
        raise Refused(f"the image's environment and command have more than {WORDS_MAX} bytes")
    return text


def folder_member(name):
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    return member


def write_tree(tree, config, out):
    """All of it as one archive: folders before what is in them."""
    tree.remove(".skerry")
    for path in list(tree.members):
        while path := posixpath.dirname(path):
            tree.members.setdefault(path, (folder_member(path), None))
    text = words(tree, config)
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(tree.members):
            member, file = tree.members[path]
            member.name = path
            member.pax_headers = {key: value for key, value in member.pax_headers.items()
                                  if key.startswith("SCHILY.xattr.security.capability")}
            archive.addfile(member, file.extractfile(member) if file else None)
        archive.addfile(folder_member(".skerry"))
        member = tarfile.TarInfo(".skerry/words")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))


def write_disk(tree, config, path):
    """A squashfs, which is there once all of it is; the same image gives the same bytes."""
    part = f"{path}.part"
    if os.path.exists(part):
        os.unlink(part)
    # The root's own time, which would be now, is that of the newest file.
    newest = max([0, *(int(member.mtime) for member, _ in tree.members.values())])
    squash = subprocess.Popen(["sqfstar", "-comp", "lz4", "-Xhc", "-quiet", "-no-progress", "-root-mode", "755", "-processors", "1",
                               part], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              env=os.environ | {"SOURCE_DATE_EPOCH": str(min(newest, 0xffffffff))})
    try:
        write_tree(tree, config, squash.stdin)
        squash.stdin.close()
        if squash.wait() != 0:
            raise Refused("sqfstar has failed")
        os.rename(part, path)
    finally:
        if squash.poll() is None:
            squash.kill()
            squash.wait()
        if os.path.exists(part):
            os.unlink(part)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--tag")
    parser.add_argument("--size-limit", type=int, default=SIZE_LIMIT)
    given = parser.parse_args()
    try:
        source = Source(given.source)
        read = read_layout if source.has("index.json") else read_docker
        config, layers = read(source, given.tag)
        tree = merge(source, config, layers, given.size_limit)
        write_disk(tree, config, given.out)
    except Refused as error:
        sys.exit(f"image.py: {error}")
    except (KeyError, TypeError, AttributeError) as error:
        sys.exit(f"image.py: the image's JSON has another form than it should: {error!r}")
    for path in tree.dropped:
        print(f"image.py: the device /{path} is left out")
    print(f"image.py: {given.out}: {len(tree.members)} files, {os.path.getsize(given.out)} bytes")


if __name__ == "__main__":
    main()
