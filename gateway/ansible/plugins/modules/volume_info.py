#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The module volume_info: shows volumes of a store, by skerryd's REST interface."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: volume_info
short_description: Shows volumes of a Skerry host's store
description:
  - Shows the volumes of a store, snapshots among them, or one with all that is known of it.
options:
  store:
    description: The store. If it is missing, all stores.
    type: str
  name:
    description: This volume of the store alone. It is no error if there is none.
    type: str
extends_documentation_fragment:
  - skerry.host.gateway
  - skerry.host.gateway.info
"""

EXAMPLES = r"""
- name: Who uses which volume
  skerry.host.volume_info:
    store: pool
  register: found
"""

RETURN = r"""
volumes:
  description: The volumes as the REST interface shows them.
  type: list
  elements: dict
  returned: always
stores:
  description: The stores themselves; with a store named, it alone with its quotas.
  type: list
  elements: dict
  returned: always
"""

from ansible_collections.skerry.host.plugins.module_utils.gateway import path_of
from ansible_collections.skerry.host.plugins.module_utils.work import Work


def show(work):
    store, name = work.options["store"], work.options["name"]
    stores = [work.gateway.get(path_of("stores", store))] if store else work.gateway.items("/v1/stores")
    if name:
        found = work.gateway.find(path_of("stores", store, "volumes", name))[0]
        return {"stores": stores, "volumes": [found] if found else []}
    return {"stores": stores, "volumes": [volume for each in stores for volume in work.gateway.items(path_of("stores", each["name"], "volumes"))]}


def main():
    Work(store={"type": "str"}, name={"type": "str"}, required={"required_by": {"name": "store"}}).run(show)


if __name__ == "__main__":
    main()
