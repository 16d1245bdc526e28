#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The module host_info: shows a Skerry host, by skerryd's REST interface."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: host_info
short_description: Shows a Skerry host
description:
  - Shows the machine, and the lists that C(gather) names of what it has.
options:
  gather:
    description: What to show besides the machine itself. They take a token with the scope C(*).
    type: list
    elements: str
    choices: [disks, files, networks, stores]
    default: []
extends_documentation_fragment:
  - skerry.host.gateway
  - skerry.host.gateway.info
"""

EXAMPLES = r"""
- name: The host and its disks
  skerry.host.host_info:
    gather: [disks, stores]
  register: machine
"""

RETURN = r"""
machine:
  description: The machine as C(GET /v1/host) shows it.
  type: dict
  returned: always
asker:
  description: Whose token it is, with its roles and its scope.
  type: dict
  returned: always
disks:
  description: The disks. C(files), C(networks) and C(stores) are lists in the same way.
  type: list
  elements: dict
  returned: if asked for
"""

from ansible_collections.skerry.host.plugins.module_utils.work import Work

LISTS = {"disks": "/v1/disks", "files": "/v1/files", "networks": "/v1/nets", "stores": "/v1/stores"}


def show(work):
    result = {"machine": work.gateway.get("/v1/host"), "asker": work.gateway.get("/v1/me")}
    result.update((name, work.gateway.items(LISTS[name])) for name in work.options["gather"])
    return result


def main():
    Work(gather={"type": "list", "elements": "str", "choices": sorted(LISTS), "default": []}).run(show)


if __name__ == "__main__":
    main()
