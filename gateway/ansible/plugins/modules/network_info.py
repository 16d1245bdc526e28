#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The module network_info: shows the networks of a host, by skerryd's REST interface."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: network_info
short_description: Shows the networks of a Skerry host
description:
  - Networks are made in the host's configuration alone, so there is no module that makes one. A VM's cards are its key C(net).
options:
  name:
    description: This network alone. It is no error if there is none.
    type: str
extends_documentation_fragment:
  - skerry.host.gateway
  - skerry.host.gateway.info
"""

EXAMPLES = r"""
- name: The network is there and has a cable
  skerry.host.network_info:
    name: lan
  register: lan
  failed_when: lan.networks | length == 0 or 'up' not in lan.networks[0].link
"""

RETURN = r"""
networks:
  description: The networks as C(GET /v1/nets) shows them.
  type: list
  elements: dict
  returned: always
"""

from ansible_collections.skerry.host.plugins.module_utils.work import Work


def show(work):
    return {"networks": [net for net in work.gateway.items("/v1/nets") if work.options["name"] in (None, net["name"])]}


def main():
    Work(name={"type": "str"}).run(show)


if __name__ == "__main__":
    main()
