# SPDX-License-Identifier: MIT
"""The inventory plugin: the VMs of a Skerry host become hosts of Ansible. ansible-inventory and ansible-playbook load it."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: skerry
short_description: VMs of a Skerry host
description:
  - Makes a host of each VM that the token may see, and a group C(skerry_STATE) for each state that one is in.
  - VMs named C(localhost), C(127.0.0.1), C(all), C(ungrouped) or C(skerry_...) are left out, with a warning.
  - The file's name ends in C(skerry.yml) or C(skerry.yaml).
  - A host has C(ansible_host) if the VM's key C(net) names an address for a card, and the VM as skerryd shows it in C(skerry_vm).
author: Skerry (@skerry)
options:
  plugin:
    description: C(skerry.host.skerry).
    type: str
    required: true
    choices: [skerry.host.skerry]
  host:
    description: Where skerryd is, such as C(https://skerry.example:8443). Without a host its Unix socket is asked.
    type: str
    env:
      - name: SKERRY_HOST
  socket:
    description: skerryd's Unix socket; it counts before I(host).
    type: path
  token:
    description: A token (C(sky_...)); the role C(viewer) is enough.
    type: str
    env:
      - name: SKERRY_TOKEN
  fingerprint:
    description: SHA-256 of skerryd's certificate, as C(skerryctl host) shows it.
    type: str
    env:
      - name: SKERRY_FINGERPRINT
  ca:
    description: A file of certificates that are trusted, in place of the system's.
    type: path
  validate_certs:
    description: False sends the token to whoever answers. Use I(fingerprint) instead.
    type: bool
    default: true
  timeout:
    description: Seconds for each request.
    type: int
    default: 60
extends_documentation_fragment:
  - constructed
"""

EXAMPLES = r"""
# web.skerry.yml; the token comes from the environment
plugin: skerry.host.skerry
host: https://skerry.example:8443
fingerprint: 5d1c...
keyed_groups:
  - key: skerry_vm.config.net.value.split(' ')[0]
    prefix: net
"""

import re

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.skerry.host.plugins.module_utils.gateway import Gateway, Problem

# Names that mean something to Ansible: a VM of that name would stand in for the machine on which playbooks run, or for all.
TAKEN = ("all", "localhost", "127.0.0.1", "ungrouped")
OPTIONS = ("host", "socket", "token", "fingerprint", "ca", "validate_certs", "timeout")


def address_of(vm):
    """The first address that the VM's key net names for a card, or None."""
    net = (vm["config"].get("net") or {}).get("value") or ""
    found = re.search(r"(?:^|[\s,])address=(\d{1,3}(?:\.\d{1,3}){3})(?=[\s,]|\Z)", net)
    return found.group(1) if found else None


class InventoryModule(BaseInventoryPlugin, Constructable):
    NAME = "skerry.host.skerry"

    def verify_file(self, path):
        return BaseInventoryPlugin.verify_file(self, path) and path.endswith(("skerry.yml", "skerry.yaml"))

    def vms(self):
        options = {name: self.get_option(name) for name in OPTIONS}
        gateway = None
        try:
            gateway = Gateway(**dict(options, host=None if options["socket"] else options["host"]))
            found = [gateway.vm(vm["name"])[0] for vm in gateway.items("/v1/vms")]
        except Problem as why:
            raise AnsibleParserError(why.sentence)
        except (KeyError, TypeError, AttributeError) as why:
            raise AnsibleParserError("%s answered what this collection does not understand: %r" % (gateway and gateway.place, why))
        finally:
            if gateway:
                gateway.close()
        # a VM may have gone between the list and the look at it
        return [vm for vm in found if vm]

    def add(self, vm):
        name = vm["name"]
        self.inventory.add_host(name)
        # what a VM's keys hold is text, and no template
        self.inventory.set_variable(name, "skerry_vm", wrap_var(vm))
        if address_of(vm):
            self.inventory.set_variable(name, "ansible_host", address_of(vm))
        group = self.inventory.add_group("skerry_" + re.sub(r"\W", "_", vm["state"]))
        self.inventory.add_child(group, name)
        variables = self.inventory.get_host(name).get_vars()
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def parse(self, inventory, loader, path, cache=True):
        BaseInventoryPlugin.parse(self, inventory, loader, path, cache)
        self._read_config_data(path)
        for vm in self.vms():
            if vm["name"] in TAKEN or vm["name"].startswith("skerry_"):
                self.display.warning("the VM %s is left out, as the name means something else to Ansible" % vm["name"])
            else:
                self.add(vm)
