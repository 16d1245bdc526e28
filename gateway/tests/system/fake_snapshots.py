# SPDX-License-Identifier: MIT
"""The part of the fake Skerry that knows snapshots and clones."""


class Refused(Exception):
    """A refused command; with rows the reply had begun when the command failed."""
    def __init__(self, code, text, states=None, rows=None):
        super().__init__(text)
        self.code, self.states, self.rows = code, states, rows


class Snapshots:
    room = 1000     # the VMs that there can be, clones among them

    def run_vm_snapshot(self, words, _after):
        if words[0] == "list":
            return [{"name": vm.name, "snapshot": name, "age_ns": 1500000000, "state_bytes": 40960, "disk_bytes": 8192,
                     "clones": sum(clone.clone_of == (vm.name, name) for clone in self.vms.values()), "reset": name == vm.snapshots[-1]}
                    for vm in ([self.vm(words[1])] if words[1:] else list(self.vms.values())) for name in vm.snapshots]
        drop = words[0] == "drop"
        vm, name = self.vm(words[drop]), words[drop + 1]
        if not drop and name in vm.snapshots:
            raise Refused("exists", f"{vm.name}: there is a snapshot {name}")
        if drop and name not in vm.snapshots:
            raise Refused("not-found", f'{vm.name} has no snapshot "{name}"')
        if drop:
            vm.snapshots.remove(name)
            return []
        vm.snapshots.append(name)
        return [{"name": vm.name, "snapshot": name, "state": vm.state, "held_us": 90}]

    def source_may_end(self, vm):
        """The VM, unless clones need its memory."""
        clones = [clone.name for clone in self.vms.values() if clone.clone_of and clone.clone_of[0] == vm.name]
        if clones:
            raise Refused("failed", f"{vm.name}: its memory is that of its clones; first destroy or stop {' '.join(clones)}")
        return vm

    def run_vm_reset(self, words, after):
        if "--to" not in words:
            return self.act("reset", words, after)
        vm = self.vm(words[0])
        if words[2] not in vm.snapshots:
            raise Refused("not-found", f'{vm.name} has no snapshot "{words[2]}"')
        return [{"name": vm.name, "snapshot": words[2], "state": vm.state, "held_us": 80}]

    def run_runs_give(self, words, _after):
        vm = self.vm(words[0])
        if not vm.run_of:
            raise Refused("bad-state", f"{vm.name} is no run; make a clone with run=OWNER, which is one")
        vm.run_of = words[1]
        return [{"name": vm.name, "owner": vm.run_of}]

    def run_vm_clone(self, words, after):
        vm, snapshot = words[0].split("@")
        if snapshot not in self.vm(vm).snapshots:
            raise Refused("not-found", f'{vm} has no snapshot "{snapshot}"')
        if any(not word.startswith(("net=", "egress=", "volume=", "run=")) for word in words[2:]):
            raise Refused("bad-argument", f'"{words[2]}" is not valid; use net=NAME, and egress=LIST, volume=STORE/VOLUME and run=OWNER behind it')
        if len(self.vms) >= self.room:
            raise Refused("failed", "there is no room for it")
        clone = self.add(words[1], {})
        clone.state, clone.boots, clone.clone_of = "running", 1, (vm, snapshot)
        clone.run_of = "".join(word[4:] for word in words[2:] if word.startswith("run="))
        after.append(lambda: self.event("created", clone))
        return [{"name": clone.name, "state": clone.state, "uuid": clone.uuid}]
