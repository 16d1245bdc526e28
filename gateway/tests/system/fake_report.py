# SPDX-License-Identifier: MIT
"""The part of the fake Skerry that answers what only a report asks: version, configuration, scheduled backups."""
import time

from fake_snapshots import Refused

COMMIT = "0123456789"
LEAKS = [{"leak": "meltdown", "state": "not applicable", "by": "the CPU says so"},
         {"leak": "spectre-v2", "state": "closed", "by": "ibrs, ibpb"},
         {"leak": "mds", "state": "closed", "by": "verw"}]


def moment(ago_s):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() - ago_s))


class Reports:
    leaks, findings, encrypt = LEAKS, [], {}    # `encrypt`: the key's name of each disk
    kept = {}           # seconds since each backup that is kept, by VM
    password_set, lock_after = True, "10m"
    unanswered = ()     # the first words of commands that fail

    def may_answer(self, word):
        if word in self.unanswered:
            raise Refused("failed", f"the test wants no answer to {word}")

    def run_version(self, _words, _after):
        self.may_answer("version")
        return [{"name": "Skerry", "version": "0.1", "abi": 9, "backend": "svm", "build": "gcc 12", "commit": COMMIT}]

    def run_config_show(self, _words, _after):
        self.may_answer("config")
        return [{"section": "host", "log": "info", "lock_after": self.lock_after, "password_set": self.password_set},
                *({"section": "disk", "name": name, "encrypt": key} if key else {"section": "disk", "name": name}
                  for name, key in {"saves": "", "data": "", **self.encrypt}.items()),
                {"section": "channel", "name": "com2", "rights": "view operate"},
                {"section": "vm", "name": "vm00", "cmdline": "secret=of-the-guest"}]

    def run_audit(self, _words, _after):
        self.may_answer("audit")
        return [*({"found": text} for text in self.findings),
                {"pages": 256560, "objects": 200, "leaves": 1000, "device_pages": 0, "device_guest_pages": 0,
                 "guest_pages": 65536, "guest_large_pages": 60000, "guest_huge_pages": 0,
                 "findings": len(self.findings)}]

    def backups_kept(self):
        """The rows of `vm backup list` for all VMs."""
        self.may_answer("vm")
        return [{"name": vm, "disk": "", "target": "pool", "kind": "full", "number": 0, "state": "planned",
                 "copied_bytes": 0, "all_bytes": 0, "problem": "", "moment": ""} for vm in self.kept] + [
                {"name": vm, "disk": f"pool/{vm}", "target": f"pool/{vm}@{moment(ago_s)}.0", "kind": "full", "number": 0,
                 "state": "kept", "copied_bytes": 1 << 20, "all_bytes": 1 << 20, "problem": "",
                 "moment": moment(ago_s)} for vm, agos in self.kept.items() for ago_s in agos]
