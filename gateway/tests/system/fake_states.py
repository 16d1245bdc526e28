# SPDX-License-Identifier: MIT
"""The part of the fake Skerry that makes VMs, and knows saves on disks, balloons and the fields of a VM's state."""
import base64
import time

from fake_snapshots import Refused
from fake_volumes import Volumes

DISKS = [{"name": "saves", "driver": "ram0", "state": "ready", "problem": "", "partition": "",
          "first_sector": 0, "bytes": 64 << 20, "read_only": False, "users": ""},
         {"name": "data", "driver": "nvme0", "state": "ready", "problem": "", "partition": "data",
          "first_sector": 2048, "bytes": 1 << 30, "read_only": False, "users": "vm00"}]
NETS = [{"name": "lan", "state": "ready", "problem": "", "uplink": "net0 net1", "link": "up down",
         "mtu": 1500, "ports": 3},
        {"name": "lab", "state": "failed", "problem": "net2 is no network card", "uplink": "-",
         "link": "-", "mtu": 1500, "ports": 0}]
# The keys of a VM that do not change while it runs, as far as tests use them.
KEYS = ("memory vcpus kernel cmdline initrd boot firmware boot.order boot.once boot.menu smbios.uuid smbios.vendor smbios.product "
        "smbios.serial hpet rng balloon vsock clock console disk net").split()
FILES = [{"name": "vmlinuz", "bytes": 8 << 20, "uses": "kernel"},
         {"name": "initrd.gz", "bytes": 2 << 20, "uses": "initrd"},
         {"name": "bios-256k.bin", "bytes": 256 << 10, "uses": "bios"},
         {"name": "OVMF.fd", "bytes": 2 << 20, "uses": "uefi"}]
FIELDS = {"vcpu.0.rip": 0xffffffff81000000, "vcpu.0.rflags": 0x246, "pit.0.channel[1].count": 65535}


class States(Volumes):
    def last(self, *begin):
        """The last command that begins with these words; skerryd asks for states of its own accord between any two."""
        return next(words for words, _ in reversed(self.commands) if words[:len(begin)] == list(begin))

    def traffic(self):
        """Counts that grow: what each running VM has had of its disk and its network card."""
        return [(vm, int((time.monotonic() - vm.began) * 1000)) for vm in self.vms.values() if vm.running()]

    def run_disk_stat(self, _words, _after):
        return [{"disk": "disk0", "vm": vm.name, "requests": ms // 10, "read_bytes": ms * 1024,
                 "written_bytes": ms * 512} for vm, ms in self.traffic()]

    def run_net_stat(self, _words, _after):
        return [{"net": "lan", "port": vm.name, "received_frames": ms, "received_bytes": ms * 64,
                 "sent_frames": ms, "sent_bytes": ms * 128, "dropped": {"bad": 0, "full": 0}}
                for vm, ms in self.traffic()]

    def disk(self, name):
        if name not in [disk["name"] for disk in DISKS]:
            raise Refused("not-found", f'there is no disk "{name}", `disk list` shows them')
        return name

    def place(self, name):
        """A disk, or a volume as STORE/VOLUME."""
        if "/" in name:
            self.volume(name)
        else:
            self.disk(name)

    def run_user_data(self, words, _after):
        if int(words[0]) == 0:
            self.user_data = b""
        if int(words[0]) != len(self.user_data):
            self.user_data = b""
            raise Refused("bad-argument", "the piece has no place there")
        self.user_data += base64.b64decode(self.piece, validate=True)

    def run_vm_create(self, words, after):
        text, self.user_data = self.user_data, b""
        if words[0] in self.vms:
            raise Refused("exists", f"there is a VM {words[0]}")
        if words[1:] and words[1].startswith("user-data="):
            if int(words.pop(1)[10:]) != len(text):
                raise Refused("bad-argument", f"user-data: {len(text)} bytes have come")
            self.given[words[0]] = text
        vm = self.add(words[0], self.keys(words[1:]))
        after.append(lambda: self.event("created", vm))
        return [{"name": vm.name, "state": vm.state}]

    def run_disk_list(self, _words, _after):
        return DISKS

    def run_net_list(self, _words, _after):
        return NETS

    def run_file_list(self, _words, _after):
        return FILES

    def run_disk_restore(self, words, _after):
        """Restores a disk; "data" cannot be restored, as it has a user."""
        for name in words:
            if not name.startswith("at="):
                self.place(name)
        if words[0] == "data":
            raise Refused("bad-state", "data: not restored: disk data: vm00 uses it as disk data")
        return [{"name": words[0], "state": "done", "reason": "", "copied_bytes": 64 << 20,
                 "all_bytes": 64 << 20, "unix_seconds": 1000}]

    def run_vm_save(self, words, after):
        vm, disk = self.vm(words[0]), self.disk(words[1])
        if vm.state not in ("running", "paused"):
            raise Refused("bad-state", f"{vm.name} is {vm.state}", ("running", "paused"))
        if disk == "data" and "overwrite" not in words:
            raise Refused("failed", f"{vm.name}: not saved: the disk holds something else")
        vm.saved = disk
        if "continue" in words:
            return [{"name": vm.name, "state": vm.state}]
        vm.state, vm.reason = "stopped", f"saved on {disk}"
        after.append(lambda: self.event("stopped", vm, vm.reason))
        return [{"name": vm.name, "state": vm.state}]

    def run_vm_restore(self, words, after):
        vm, disk = self.vm(words[0]), self.disk(words[1])
        if getattr(vm, "saved", None) != disk:
            raise Refused("failed", f"{vm.name}: not restored: the disk holds no save")
        vm.state, vm.reason = "running", ""
        after.append(lambda: self.event("started", vm))
        return [{"name": vm.name, "state": vm.state}]

    def run_vm_backup(self, words, _after):
        """Begins a backup, one at a time; it copies until it is cancelled."""
        if words == ["list"]:
            return self.backups_kept()
        named = words[0] in ("list", "cancel", "now")
        vm = self.vm(words[named])
        under_way = getattr(vm, "backup", None)
        if words[0] == "list":
            return [{"name": vm.name, "disk": disk, "target": target, "kind": under_way["kind"], "number": 1,
                     "state": "copying", "copied_bytes": 1 << 20, "all_bytes": 64 << 20, "problem": "", "moment": ""}
                    for disk, target in under_way["disks"]] if under_way else []
        if words[0] == "now":
            if not vm.config.get("backup"):
                raise Refused("bad-state", f"{vm.name}: no backup: it has no schedule")
            return [{"name": vm.name}]
        if words[0] == "cancel":
            if not under_way:
                raise Refused("bad-state", f"{vm.name}: no backup is under way")
            vm.backup = None
            return [{"name": vm.name}]
        if under_way:
            raise Refused("busy", f"{vm.name}: no backup: a backup of it is under way")
        pairs = [word.split("=") for word in words[2:] if word != "overwrite"]
        for _, target in pairs:
            self.place(target)
        vm.backup = {"kind": words[1], "disks": [pair for pair in pairs if pair[0] != "state"]}
        return [{"name": vm.name, "state": vm.state, "held_us": 90}]

    def run_vm_digest(self, words, _after):
        vm = self.vm(words[0])
        if vm.state not in ("running", "paused"):
            raise Refused("bad-state", f"{vm.name} is {vm.state}", ("running", "paused"))
        return [{"name": vm.name, "ram": 64 * "a", "state": 64 * "b"}]

    def drive(self, words):
        """The VM, the place in its key `disk` of a CD-ROM drive, and that drive's medium."""
        vm = self.vm(words[0])
        disks = [disk.strip() for disk in vm.config.get("disk", "").split(",")]
        named = words[1] if len(words) > 1 and "=" not in words[1] else None
        drives = [(place, disk.split()[0]) for place, disk in enumerate(disks) if disk.endswith(" cdrom")
                  and named in (None, disk.split()[0])]
        if len(drives) != 1:
            raise Refused("not-found" if named else "bad-state", f"{vm.name} has {len(drives)} such CD-ROM drives")
        return vm, disks, *drives[0]

    def run_vm_eject(self, words, _after):
        vm, _, _, medium = self.drive(words)
        return [{"name": vm.name, "disk": medium, "inserted": False}]

    def run_vm_insert(self, words, _after):
        vm, disks, place, medium = self.drive(words)
        if words[-1].startswith("medium="):
            medium = words[-1][7:]
            self.place(medium)
            disks[place] = medium + " cdrom"
            vm.config["disk"] = ", ".join(disks)
        return [{"name": vm.name, "disk": medium, "inserted": True}]

    def run_vm_balloon(self, words, _after):
        vm, size = self.vm(words[0]), int(words[1])
        memory = int(vm.config["memory"].rstrip("M")) << 20
        if size % 4096 or not 2 << 20 <= size <= memory:
            raise Refused("bad-argument", f'size: "{size}" is not valid; give whole pages of 4K')
        vm.balloon = (memory - size) // 4096
        return [{"name": vm.name, "memory": memory, "wanted": size, "present": memory,
                 "driver": True}]

    def balloon_rows(self, vm):
        """The rows of the balloon as `vm stat` has them; a guest can say anything of itself."""
        if not hasattr(vm, "balloon"):
            return []
        counts = {"balloon-target-pages": vm.balloon, "balloon-pages": vm.balloon,
                  "balloon-inflated-pages": vm.balloon, "balloon-reported-pages": 16,
                  "guest-free-bytes": 2**64 - 1, "guest-memory-bytes": 123 << 20}
        return [{"reason": name, "count": count, "instructions": None}
                for name, count in counts.items()]

    def run_vm_inspect(self, words, _after):
        vm, path = self.vm(words[0]), words[1] if len(words) > 1 else ""
        if "inspect" not in self.rights:
            raise Refused("no-right", "this channel has not the right inspect")
        found = {key: value for key, value in FIELDS.items() if key.startswith(path)}
        if not found:
            raise Refused("not-found", f'path: there is no "{path}"')
        return [*({"name": vm.name, "path": key, "value": value} for key, value in found.items()),
                {"name": vm.name, "path": "xsave", "hex": "00ff"}]
