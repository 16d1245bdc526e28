#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""The module volume: makes, enlarges and drops one volume of a store, by skerryd's REST interface."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: volume
short_description: Makes, enlarges and drops a volume of a Skerry host's store
description:
  - Brings a volume into the state that the task names. What is so already is left alone.
options:
  name:
    description: The volume.
    type: str
    required: true
  store:
    description: The store that it is in.
    type: str
    required: true
  state:
    description: C(absent) drops it, with what it holds. Skerry refuses that while something uses it.
    type: str
    choices: [present, absent]
    default: present
  size:
    description:
      - Bytes, or a size such as C(10G), in steps of 4K. A volume that is smaller is enlarged; none is ever made smaller.
      - A new volume needs it, unless it has a source.
    type: str
  source:
    description: A volume of the same store whose content a new volume begins with. Of one that is there already it changes nothing.
    type: str
  read_only:
    description: A new volume is a snapshot of its source, to which nobody can write. One that is there cannot become the other.
    type: bool
extends_documentation_fragment:
  - skerry.host.gateway
  - skerry.host.gateway.change
"""

EXAMPLES = r"""
- name: A disk for the web server, as the image has it, but larger
  skerry.host.volume:
    store: pool
    name: web
    source: debian-12
    size: 20G
"""

RETURN = r"""
volume:
  description: The volume as C(GET /v1/stores/{store}/volumes/{volume}) shows it afterwards, in check mode before. Null if there is none.
  type: dict
  returned: always
actions:
  description: What was done, or in check mode would be done, in order.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.skerry.host.plugins.module_utils.gateway import Problem, path_of
from ansible_collections.skerry.host.plugins.module_utils.values import size
from ansible_collections.skerry.host.plugins.module_utils.work import Work


def make(work, place, bytes_):
    """Makes the volume; returns how many bytes it has, or None if that is not known yet."""
    options = work.options
    name, source = options["name"], options["source"]
    if options["read_only"] and not source:
        raise Problem("read_only: a new volume to which nobody can write needs a source")
    if bytes_ is None and not source:
        raise Problem("size: a new volume needs a size such as 10G, or a source")
    if source and (options["read_only"] or bytes_ is None):
        origin = work.gateway.get(path_of(*place + (source,)))
        kind = "snapshots" if options["read_only"] else "clones"
        work.do("create", "POST", path_of(*place + (source, kind)), {"name": name})
        return origin["bytes"]
    body = {"name": name, "bytes": bytes_}
    if source:
        body["from"] = source
    work.do("create", "POST", path_of(*place), body)
    return bytes_


def bring(work):
    options = work.options
    place = ("stores", options["store"], "volumes")
    path = path_of(*place + (options["name"],))
    bytes_ = size(options["size"]) if options["size"] is not None else None
    if options["size"] is not None and not bytes_:
        raise Problem('size: "%s" is no size; use bytes, or a number with K, M, G or T' % options["size"])
    found = work.gateway.find(path)[0]
    shown = ("bytes", "read_only")
    if found:
        work.before = dict({key: found[key] for key in shown}, name=options["name"])
    elif options["state"] == "absent":
        work.gateway.get(path_of("stores", options["store"]))      # a store that is not there is an error
    if options["state"] == "absent":
        if found:
            work.do("drop", "DELETE", path)
        return {"volume": found if work.check else None}
    if not found:
        has = make(work, place, bytes_)
        read_only = bool(options["read_only"])
    else:
        has, read_only = found["bytes"], found["read_only"]
        if options["read_only"] is not None and options["read_only"] != read_only:
            raise Problem("%s/%s is %s, and stays so: make another volume of it" % (
                options["store"], options["name"], "read-only" if read_only else "no snapshot, and can be written"))
    if bytes_ is not None and has != bytes_:
        if work.check and bytes_ < has:
            raise Problem("size: %s/%s has %d bytes, and a volume never shrinks" % (options["store"], options["name"], has))
        work.do("resize", "PATCH", path, {"bytes": bytes_})
        has = bytes_
    work.after = {"name": options["name"], "bytes": has, "read_only": read_only}
    return {"volume": work.gateway.get(path) if work.actions and not work.check else found}


def main():
    Work(name={"type": "str", "required": True}, store={"type": "str", "required": True},
         state={"type": "str", "default": "present", "choices": ["present", "absent"]},
         size={"type": "str"}, source={"type": "str"}, read_only={"type": "bool"}).run(bring)


if __name__ == "__main__":
    main()
