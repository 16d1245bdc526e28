#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The module vm: brings one VM into the wanted state, by skerryd's REST interface."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: vm
short_description: Makes, changes, starts, stops and destroys a VM of a Skerry host
description:
  - Brings a VM into the state that the task names. What is so already is left alone.
options:
  name:
    description: The VM.
    type: str
    required: true
  state:
    description:
      - C(present) - the VM is there, in whatever state.
      - C(running) - it runs; one that is paused goes on.
      - C(stopped) - it does not run. One that has crashed or was never started does not run either.
      - C(paused) - it stands still, and is started for that if it does not run.
      - C(absent) - it is destroyed. Its volumes stay.
      - C(reset) - it is reset, each time that the task runs.
    type: str
    choices: [present, running, stopped, paused, absent, reset]
    default: present
  config:
    description:
      - Keys of the VM and their values, as C(skerryctl vm set) takes them. Keys that are not named stay as they are.
      - A list becomes a text with commas; true and false become C(yes) and C(no), or C(on) and C(off) where the key has these.
      - An empty value or C(none) is none, for the keys that can have none.
    type: dict
    default: {}
  user_data:
    description: A text for cloud-init, for the first boot of a VM that this task makes. It is in no log.
    type: str
  restart:
    description: A VM that runs is stopped and started again if keys change that cannot change while it runs.
    type: bool
    default: false
  kill:
    description: The VM ends at once, where else it is asked to shut down and has until its key C(stop_timeout).
    type: bool
    default: false
  force:
    description: Also if it is the VM in which the gateway itself runs.
    type: bool
    default: false
extends_documentation_fragment:
  - skerry.host.gateway
  - skerry.host.gateway.change
"""

EXAMPLES = r"""
- name: The web server runs
  skerry.host.vm:
    host: https://skerry.example:8443
    fingerprint: "{{ skerry_fingerprint }}"
    token: "{{ skerry_token }}"
    name: web
    state: running
    config:
      boot: uefi
      firmware: OVMF.fd
      memory: 2G
      vcpus: 2
      disk: [pool/web, pool/data optional]
      net: lan address=10.0.2.20
      autostart: true

- name: It is gone
  skerry.host.vm:
    name: web
    state: absent
"""

RETURN = r"""
vm:
  description: The VM as C(GET /v1/vms/{vm}) shows it afterwards, in check mode before. Null if there is none.
  type: dict
  returned: always
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.skerry.host.plugins.module_utils.gateway import Problem, path_of
from ansible_collections.skerry.host.plugins.module_utils.values import same, text_of
from ansible_collections.skerry.host.plugins.module_utils.work import Work

LIVE = ("running", "paused")


class Vm:
    """The VM of a task: what it is, and the way from there to what it shall be."""

    def __init__(self, work):
        self.work, self.name, self.wanted = work, work.options["name"], work.options["state"]
        self.path = path_of("vms", self.name)
        self.config = {key: text_of(key, value) for key, value in work.options["config"].items()}
        self.query = "?force=true" if work.options["force"] else ""
        self.found, self.tag = work.gateway.vm(self.name)
        self.state = self.found["state"] if self.found else None

    def shown(self, key):
        return self.found["config"].get(key, {}).get("value") or ""

    def act(self, verb, state):
        self.work.do(verb, "POST", "%s/actions/%s%s" % (self.path, verb, self.query if verb in ("stop", "kill", "reset") else ""))
        self.state = state

    def stop(self):
        self.act("kill" if self.work.options["kill"] else "stop", "stopped")

    def make(self):
        given = self.work.options["config"]
        body = {"name": self.name, "config": {key: value for key, value in self.config.items() if given[key] is not None}}
        if self.work.options["user_data"] is not None:
            body["user_data"] = self.work.options["user_data"]
        self.work.do("create", "POST", "/v1/vms", body)
        self.state = "created"

    def change(self):
        """Sets the keys that differ; returns whether the VM was stopped for that."""
        keys = sorted(key for key, value in self.config.items() if not same(key, value, self.shown(key)))
        if not keys:
            return False
        later = [key for key in keys if self.found["config"].get(key, {}).get("applies") == "next-start"]
        stopped = bool(later and self.state in LIVE and self.work.options["restart"])
        if stopped:
            self.stop()
        if self.work.check and later and self.state in LIVE:
            raise Problem("%s is %s: skerryd would refuse to change %s before it has stopped; restart: true stops and starts it"
                          % (self.name, self.state, ", ".join(later)))
        try:
            self.work.do("set " + " ".join(keys), "PATCH", self.path, {"config": {key: self.config[key] for key in keys}}, If_Match=self.tag)
        except Problem:
            if stopped:
                self.start_again()
            raise
        return stopped

    def start_again(self):
        """Starts a VM that was stopped for a change that is refused; why that is, is the more important sentence."""
        try:
            self.act("start", "running")
        except Problem as why:
            self.work.module.warn("%s was not started again: %s" % (self.name, why.sentence))

    def go(self, again):
        """Brings the VM into the wanted state; `again`: it ran, and was stopped for a change."""
        if self.wanted in ("running", "paused") or again:
            if self.state == "paused" and self.wanted == "running":
                self.act("resume", "running")
            elif self.state not in LIVE:
                self.act("start", "running")
        if self.wanted == "paused" and self.state != "paused":
            self.act("pause", "paused")
        if self.wanted == "reset" and not again:
            self.act("reset", "running")

    def check_config(self):
        """Refuses in check mode a key that skerryd does not know, and a word that such a key does not take."""
        keys = self.work.gateway.get("/v1/openapi.json")["components"]["schemas"]["VmConfig"]["properties"]
        for key, value in self.config.items():
            if key not in keys:
                raise Problem("config: there is no key %s; the keys are %s" % (key, " ".join(sorted(keys))))
            words = [word for word in keys[key].get("enum", ()) if isinstance(word, str)]
            if words and value is not None and value not in words:
                raise Problem('config: %s: "%s" is not valid; use one of %s' % (key, value, " ".join(words)))

    def bring(self):
        work = self.work
        if self.found is None and self.wanted == "reset":
            raise Problem("there is no VM %s to be reset" % self.name)
        if work.check and self.config:
            self.check_config()
        if self.found is None:
            self.make()
            self.go(False)
        else:
            if self.wanted == "stopped" and self.state in LIVE:
                self.stop()
            self.go(self.change())

    def side(self, state, value_of, keys):
        """Returns one side of the difference: the VM in this state, with what value_of(key) gives; {}: there is no VM."""
        if state is None:
            return {}
        return {"name": self.name, "state": state, "config": {key: value_of(key) for key in sorted(keys)}}


def bring(work):
    vm = Vm(work)
    if vm.wanted == "absent":
        keys = vm.found["config"] if vm.found else ()
        work.before = vm.side(vm.state, vm.shown, keys)
        if vm.found:
            work.do("destroy", "DELETE", vm.path + vm.query)
        return {"vm": vm.found if work.check else None}
    work.before = vm.side(vm.state, vm.shown, vm.config)
    old = vm.found
    vm.bring()
    changed = [key for key, value in vm.config.items() if not old or not same(key, value, vm.shown(key))]
    work.after = vm.side(vm.state, lambda key: vm.config[key] or "" if key in changed else vm.shown(key), vm.config)
    if not work.check and work.actions:
        vm.found = work.gateway.vm(vm.name)[0]
    return {"vm": vm.found}


def main():
    Work(name={"type": "str", "required": True},
         state={"type": "str", "default": "present", "choices": ["present", "running", "stopped", "paused", "absent", "reset"]},
         config={"type": "dict", "default": {}}, user_data={"type": "str", "no_log": True},
         restart={"type": "bool", "default": False}, kill={"type": "bool", "default": False},
         force={"type": "bool", "default": False}).run(bring)


if __name__ == "__main__":
    main()
