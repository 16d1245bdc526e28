# SPDX-License-Identifier: MIT
"""The part of the fake Skerry that knows stores of volumes, and what volumes hold."""
import base64
import hashlib

from fake_snapshots import Refused

STEP, MOST = 4096, 1 << 40


class Volumes:
    OWNER = "0b1f3c5e-89ab-4cde-8f01-23456789abcd"

    def make_stores(self):
        """Makes a store without volumes, and one whose disk holds nothing yet."""
        self.forget_stores()
        self.stores = {"pool": {}, "empty": None}

    def forget_stores(self):
        self.stores = {}
        self.volume_last, self.rekey, self.copy = 0, None, None
        self.quotas, self.damaged, self.store_room = [], [], 0
        # the states that the store shows from now on, one a look, the last one for good; and those after it is taken
        self.store_shows, self.store_taken = [], ["ready"]

    def run_store_quota_set(self, words, _after):
        """Takes pattern and bytes, without units."""
        self.store(words[0])
        parts = [part.split() for part in words[1].split(",")] if words[1] != "none" else []
        if any(len(part) != 2 or not part[1].isdigit() for part in parts):
            raise Refused("bad-argument", "the quota of store pool is not valid")
        self.quotas = [{"pattern": pattern, "bytes": int(size), "used_bytes": 0} for pattern, size in parts]
        return self.quotas

    def run_store_list(self, words, _after):
        rows = self.store_rows()
        if not words:
            return rows
        self.store(words[0])
        return [row | {"quotas": self.quotas, "damaged": self.damaged} for row in rows if row["name"] == words[0]]

    def store_state(self):
        return self.store_shows.pop(0) if len(self.store_shows) > 1 else (self.store_shows or ["ready"])[0]

    def store_rows(self):
        shown = self.store_state()
        return [{"name": name, "disk": "raw", "state": shown if volumes is not None else "empty",
                 "problem": ("" if shown == "ready" else f"it belongs to host {self.OWNER}") if volumes is not None
                            else "its disk holds no store; `store format` makes one",
                 "overcommit": False, "bytes": 1 << 30, "free_bytes": 1 << 29, "reserved_bytes": 1 << 20,
                 "room_bytes": self.store_room, "chunk_bytes": 65536, "volumes": len(volumes or {}), "generation": 7, "checksum": True,
                 "scrub": "ended", "scrub_chunks": 9, "scrub_without_sum": 2, "scrub_faults": len(self.damaged),
                 "owner": self.OWNER, "own": False, "epoch": 3, "lease_seconds": 20}
                for name, volumes in self.stores.items()]

    def run_store_format(self, words, _after):
        volumes = self.store(words[0])
        if volumes is not None and "overwrite" not in words:
            raise Refused("exists", f"{words[0]}: there is a store already")
        self.stores[words[0]] = {}
        return [{"store": words[0], "said": "done"}]

    def run_store_grow(self, words, _after):
        self.store(words[0])
        if self.store_room == 0:
            raise Refused("bad-state", f"{words[0]}: its disk has no more than the store; `driver restart` looks at a disk anew")
        self.store_room = 0
        return [{"store": words[0], "said": "done"}]

    def run_store_scrub(self, words, _after):
        self.store(words[0])
        self.damaged = [{"volume": name, "offset": 65536, "bytes": 65536} for name in list(self.stores[words[0]] or {})[:1]]
        return [{"store": words[0], "said": "done"}]

    def run_store_take(self, words, _after):
        self.store(words[0])
        self.store_shows = list(self.store_taken)
        return [{"store": words[0], "said": "done"}]

    def store(self, name):
        if name not in self.stores:
            raise Refused("not-found", f'there is no store "{name}", `store list` shows them')
        return self.stores[name]

    def volume(self, word, free=False):
        store, name = word.split("/")
        volumes = self.store(store)
        if not volumes or name not in volumes:
            raise Refused("not-found", f'store {store} has no volume "{name}", `volume list` shows them')
        if free and volumes[name]["users"]:
            raise Refused("bad-state", f"{volumes[name]['users']} uses it; stop that VM first")
        return volumes, volumes[name]

    def run_volume_list(self, words, _after):
        if words and "/" in words[0]:
            return [self.shown(self.volume(words[0])[1])]
        if words:
            self.store(words[0])
        return [self.shown(row) for name in self.stores if words in ([], [name]) for row in (self.stores[name] or {}).values()]

    def run_volume_stat(self, words, _after):
        volumes, volume = self.volume(words[0])
        made = [[row["name"] for row in volumes.values() if row["parent"] == volume["id"] and row["snapshot"] == snapshot]
                for snapshot in (True, False)]
        source = [row["name"] for row in volumes.values() if row["id"] == volume["parent"]]
        return [{**self.shown(volume), "shared_bytes": 65536, "source": "".join(source), "checksum": False,
                 "requests": 7, "read_bytes": 4096, "written_bytes": 8192, "snapshots": made[0], "snapshot_count": len(made[0]),
                 "clones": made[1], "clone_count": len(made[1])}]

    @staticmethod
    def shown(volume):
        return {key: value for key, value in volume.items() if key != "content"}

    def make_volume(self, store, name, size, parent=0, snapshot=False):
        volumes = self.store(store)
        if name in volumes:
            raise Refused("exists", f"{store}: a volume of that name exists")
        self.volume_last += 1
        volumes[name] = {"store": store, "name": name, "id": self.volume_last, "parent": parent, "bytes": size,
                         "own_bytes": 0, "made_unix_seconds": 1700000000, "read_only": snapshot,
                         "snapshot": snapshot, "encrypt": "", "key_id": "", "users": ""}
        return [volumes[name]]

    def run_volume_create(self, words, _after):
        store, name = words[0].split("/")
        if int(words[1]) % STEP or not 0 < int(words[1]) <= MOST:
            raise Refused("bad-argument", f'"{words[1]}" is not valid; use a size in steps of 4K up to 1T')
        parent = self.volume(f"{store}/{words[2].split('=')[1]}")[1]["id"] if len(words) > 2 else 0
        return self.make_volume(store, name, int(words[1]), parent)

    def run_volume_clone(self, words, _after):
        source = self.volume(words[0])[1]
        return self.make_volume(words[0].split("/")[0], words[1], source["bytes"], source["id"])

    def run_volume_snapshot(self, words, _after):
        source = self.volume(words[0])[1]
        return self.make_volume(words[0].split("/")[0], words[1], source["bytes"], source["id"], True)

    def run_volume_resize(self, words, _after):
        volume = self.volume(words[0])[1]
        if int(words[1]) < volume["bytes"]:
            raise Refused("bad-argument", "a volume never shrinks")
        volume["bytes"] = int(words[1])
        return [{"store": volume["store"], "said": "done"}]

    def run_volume_rename(self, words, _after):
        volumes, volume = self.volume(words[0], free=True)
        if words[1] in volumes:
            raise Refused("exists", f"{volume['store']}: a volume of that name exists")
        volumes[words[1]] = volumes.pop(volume["name"])
        volume["name"] = words[1]
        return [{"store": volume["store"], "said": "done"}]

    def run_volume_drop(self, words, _after):
        volumes, volume = self.volume(words[0], free=True)
        del volumes[volume["name"]]
        return [{"store": volume["store"], "said": "done"}]

    def run_volume_rekey_list(self, _words, _after):
        return [self.rekey] if self.rekey else []

    def run_volume_rekey_cancel(self, words, _after):
        volume = self.volume(words[0])[1]
        if self.rekey is None or self.rekey["state"] != "copies":
            raise Refused("bad-state", f"{volume['name']} does not get another key now")
        self.rekey.update(state="failed", reason="it keeps its key: it was cancelled")
        return [{"store": volume["store"], "said": ""}]

    def run_volume_rekey(self, words, _after):
        _, volume = self.volume(words[0])
        if not volume["encrypt"]:
            raise Refused("bad-state", f"{volume['name']} is not encrypted")
        volume["encrypt"], volume["key_id"] = words[1], f"{int(volume['key_id'], 16) + 1:016x}"
        self.rekey = {"store": volume["store"], "volume": volume["name"], "key": words[1], "state": "done", "round": 3,
                      "copied_bytes": 65536, "all_bytes": volume["bytes"], "reason": ""}
        return [{"store": volume["store"], "said": ""}]

    def run_volume_export(self, words, _after):
        _, volume = self.volume(words[0])
        if volume["users"]:
            raise Refused("bad-state", f"{volume['name']}: {volume['users']} uses it; a volume has one writer, or readers only")
        return self.copied("export", volume, words[1])

    def run_volume_import(self, words, _after):
        store, name = words[0].split("/")
        if name in self.store(store):
            raise Refused("bad-state", f"{name}: a volume of that name exists; use another name")
        return self.copied("import", self.make_volume(store, name, 8192)[0], words[1])

    def copied(self, copy, volume, disk):
        self.copy = {"store": volume["store"], "volume": volume["name"], "disk": disk, "copy": copy, "state": "done",
                     "copied_bytes": volume["bytes"], "all_bytes": volume["bytes"], "reason": ""}
        return [{"store": volume["store"], "said": ""}]

    def run_volume_copy_list(self, _words, _after):
        return [self.copy] if self.copy else []

    def run_volume_copy_cancel(self, _words, _after):
        if self.copy is None or self.copy["state"] != "copies":
            raise Refused("bad-state", "no volume is being copied; `volume copy list` shows the last copy")
        self.copy.update(state="failed", reason="it was cancelled")
        return [{"store": self.copy["store"], "said": ""}]

    def run_volume_rollback(self, words, _after):
        store = words[0].split("/")[0]
        _, volume = self.volume(words[0], free=True)
        volume["bytes"] = self.volume(f"{store}/{words[1]}")[1]["bytes"]
        return [{"store": store, "said": "done"}]

    # --- what volumes hold ---

    def span(self, words, writes=False):
        """Returns the volume that words name, and which of its bytes."""
        volume = self.volume(words[0])[1]
        if volume["users"] or (writes and volume["read_only"]):
            raise Refused("bad-state", f"{words[0]}: {volume['users']} uses it; a volume has one writer, or readers only")
        options = {key: int(value) for key, value in (word.split("=") for word in words[1:])}
        first = options.get("from", 0)
        count = options.get("bytes", volume["bytes"] - first)
        if first % STEP or first + count > volume["bytes"]:
            raise Refused("bad-argument", "so many bytes do not fit")
        volume.setdefault("content", bytearray(volume["bytes"]))
        return volume, first, count

    def run_volume_digest(self, words, _after):
        volume, first, count = self.span(words)
        return [{"sha256": hashlib.sha256(volume["content"][first:first + count]).hexdigest()}]

    def open_content(self, words, after, writes):
        volume, first, count = self.span(words, writes)
        number = next(n for n in range(1, 99) if n not in self.streams)
        self.streams[number] = {"vm": None, "port": None, "write": False, "volume": volume, "at": 0, "first": first,
                                "count": count, "credit": 0, "writes": writes}
        volume["users"] = "volume write" if writes else ""
        if writes:
            after.append(lambda: self.send({"credit": number, "bytes": 24576}))
        return [{"name": words[0], "stream": number}]

    def run_volume_write(self, words, after):
        return self.open_content(words, after, True)

    def run_volume_read(self, words, after):
        return self.open_content(words, after, False)

    def close_content(self, number, error=None):
        stream = self.streams.pop(number)
        stream["volume"]["users"] = ""
        self.send({"closed": number, "reason": "failed", "error": error} if error else {"closed": number, "reason": "done"})

    def take_vsock(self, number, stream, line):
        if not stream or "volume" not in stream:
            return super().take_vsock(number, stream, line)
        if "refused" in line:
            return self.close_content(number, f"the store refuses it: {line['refused']}")
        if "end" in line:
            return self.close_content(number, None if stream["at"] == line["end"] == stream["count"] else "a wrong end")
        data = base64.b64decode(line["data"])
        if line["at"] != stream["at"] or stream["at"] + len(data) > stream["count"] or len(data) > 24576:
            return self.close_content(number, "a piece came at a wrong place")
        if self.content_fails_at is not None and stream["first"] + stream["at"] + len(data) > self.content_fails_at:
            self.content_fails_at = None
            return self.close_content(number, "its disk cannot read or write there")
        first = stream["first"] + stream["at"]
        stream["volume"]["content"][first:first + len(data)] = data
        stream["at"] += len(data)
        return self.send({"credit": number, "bytes": len(data)})

    content_fails_at = None

    def push_vsock(self, number, stream):
        if not stream or "volume" not in stream:
            return super().push_vsock(number, stream)
        while not stream["writes"] and stream["credit"] and stream["at"] < stream["count"]:
            first = stream["first"] + stream["at"]
            data = stream["volume"]["content"][first:first + min(3072, stream["credit"], stream["count"] - stream["at"])]
            self.send({"stream": number, "at": stream["at"], "data": base64.b64encode(data).decode()})
            stream["at"] += len(data)
            stream["credit"] -= len(data)
            if self.content_fails_at is not None and first + len(data) > self.content_fails_at:
                self.content_fails_at = None
                return self.close_content(number, "its disk cannot read or write there")
            if stream["at"] == stream["count"]:
                self.send({"stream": number, "end": stream["at"]})
        return None
