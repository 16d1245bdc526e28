#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The module vm_info: shows VMs, by skerryd's REST interface."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: vm_info
short_description: Shows VMs of a Skerry host
description:
  - Shows the VMs that the token may see, or one of them.
options:
  name:
    description: This VM alone. It is no error if there is none.
    type: str
  state:
    description: Those in this state alone, such as C(running), C(paused), C(stopped), C(crashed) or C(created).
    type: str
  config:
    description: With the keys of each, which takes a request for each VM.
    type: bool
    default: true
extends_documentation_fragment:
  - skerry.host.gateway
  - skerry.host.gateway.info
"""

EXAMPLES = r"""
- name: What has crashed
  skerry.host.vm_info:
    state: crashed
  register: found
"""

RETURN = r"""
vms:
  description: The VMs as C(GET /v1/vms/{vm}) shows them, by name.
  type: list
  elements: dict
  returned: always
"""

from ansible_collections.skerry.host.plugins.module_utils.work import Work


def show(work):
    options = work.options
    if options["name"] is not None:
        found = [work.gateway.vm(options["name"])[0]]
    else:
        found = work.gateway.items("/v1/vms")
        if options["config"]:
            found = [work.gateway.vm(vm["name"])[0] for vm in found if options["state"] in (None, vm["state"])]
    # a VM may have gone between the list and the look at it
    return {"vms": [vm for vm in found if vm and options["state"] in (None, vm["state"])]}


def main():
    Work(name={"type": "str"}, state={"type": "str"}, config={"type": "bool", "default": True}).run(show)


if __name__ == "__main__":
    main()
