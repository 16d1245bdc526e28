#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The module snapshot: takes, drops and goes back to one snapshot of a VM or of a volume, by skerryd's REST interface."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: snapshot
short_description: Takes, drops and goes back to a snapshot of a VM or a volume
description:
  - A snapshot of a VM is its memory and its disks as they were, kept in the host's memory. One of a volume is a read-only volume beside it.
options:
  name:
    description: The snapshot.
    type: str
    required: true
  vm:
    description: The VM. Give this, or I(store) and I(volume).
    type: str
  store:
    description: The store of the volume.
    type: str
  volume:
    description: The volume.
    type: str
  state:
    description:
      - C(present) - it is there; one of that name is left as it is, whatever it holds.
      - C(absent) - it is dropped.
      - C(rolled_back) - the VM or the volume is again as it was then, each time that the task runs.
    type: str
    choices: [present, absent, rolled_back]
    default: present
extends_documentation_fragment:
  - skerry.host.gateway
  - skerry.host.gateway.change
"""

EXAMPLES = r"""
- name: Before the upgrade
  skerry.host.snapshot:
    vm: web
    name: before

- name: Back
  skerry.host.snapshot:
    vm: web
    name: before
    state: rolled_back
"""

RETURN = r"""
snapshot:
  description: The snapshot afterwards, in check mode before. Null if there is none.
  type: dict
  returned: always
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.skerry.host.plugins.module_utils.gateway import Problem, path_of
from ansible_collections.skerry.host.plugins.module_utils.work import Work


class OfVm:
    def __init__(self, work):
        self.work, self.name = work, work.options["name"]
        self.what = work.options["vm"]
        self.place = ("vms", self.what)
        self.taken = path_of(*self.place + ("snapshots",))
        self.dropped = path_of(*self.place + ("snapshots", self.name))
        self.back = path_of(*self.place + ("actions", "reset"))

    def find(self):
        found = [each for each in self.work.gateway.get(self.taken)["items"] if each["name"] == self.name]
        return found[0] if found else None


class OfVolume:
    def __init__(self, work):
        self.work, self.name = work, work.options["name"]
        volume, volumes = work.options["volume"], ("stores", work.options["store"], "volumes")
        self.what = work.options["store"] + "/" + volume
        self.origin = path_of(*volumes + (volume,))
        self.taken = path_of(*volumes + (volume, "snapshots"))
        self.dropped = path_of(*volumes + (self.name,))
        self.back = path_of(*volumes + (volume, "actions", "rollback"))

    def find(self):
        origin = self.work.gateway.get(self.origin)
        found = self.work.gateway.find(self.dropped)[0]
        if found and not (found["snapshot"] and found["parent"] == origin["id"]):
            raise Problem("%s/%s is there, and is no snapshot of %s" % (self.work.options["store"], self.name, self.what))
        return found


def bring(work):
    wanted = work.options["state"]
    thing = OfVm(work) if work.options["vm"] is not None else OfVolume(work)
    found = thing.find()
    work.before = {"of": thing.what, "snapshots": [thing.name] if found else []}
    if wanted == "rolled_back":
        if not found and work.check:
            raise Problem('%s has no snapshot "%s"' % (thing.what, thing.name))
        work.do("roll back", "POST", thing.back, {"snapshot": thing.name})
    elif wanted == "present" and not found:
        work.do("take", "POST", thing.taken, {"name": thing.name})
    elif wanted == "absent" and found:
        work.do("drop", "DELETE", thing.dropped)
    work.after = {"of": thing.what, "snapshots": [] if wanted == "absent" else [thing.name]}
    return {"snapshot": thing.find() if work.actions and not work.check else found}


def main():
    Work(name={"type": "str", "required": True}, vm={"type": "str"}, store={"type": "str"}, volume={"type": "str"},
         state={"type": "str", "default": "present", "choices": ["present", "absent", "rolled_back"]},
         required={"mutually_exclusive": [["vm", "volume"], ["vm", "store"]], "required_one_of": [["vm", "volume"]],
                   "required_together": [["store", "volume"]]}).run(bring)


if __name__ == "__main__":
    main()
