# SPDX-License-Identifier: MIT
"""Values of a VM's keys and sizes: as YAML has them, as skerryd takes them, and when two are the same. Reads and changes nothing."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.skerry.host.plugins.module_utils.gateway import Problem

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
TIMES = {"ns": 1, "us": 10 ** 3, "ms": 10 ** 6, "s": 10 ** 9, "m": 60 * 10 ** 9, "h": 3600 * 10 ** 9, "d": 86400 * 10 ** 9}
# YAML reads on and off as true and false; these keys take the words.
ON_OFF = ("apic_virtualization", "pci", "preemption_timer", "unrestricted")
SIZES = ("memory", "disk.undo")
# These keys have any text: also `none`, or digits alone, in which a zero in front counts.
TEXTS = ("kernel", "initrd", "cmdline", "firmware", "seed", "smbios.vendor", "smbios.product", "smbios.serial")


def size(text):
    """The bytes of a size such as 10G, or None."""
    found = re.match(r"(\d{1,19})([KMGT]?)\Z", str(text))
    return int(found.group(1)) * UNITS[found.group(2)] if found else None


def text_of(key, value):
    """The text of a value for skerryd; None stays None, which sets a key back. skerryd says `none` for it, which would be a text in some."""
    if isinstance(value, bool):
        return ("on" if value else "off") if key in ON_OFF else "yes" if value else "no"
    if isinstance(value, (list, tuple)) and all(isinstance(each, (str, int)) for each in value):
        return ", ".join(str(each) for each in value) or "none"
    if isinstance(value, dict) or isinstance(value, (list, tuple)):
        raise Problem("%s: give a text, a number, true, false, or a list of texts" % key)
    if value is None:
        return "" if key in TEXTS else None
    return str(value)


def time_of(text):
    """The nanoseconds of a time such as 60s; a text that is none stays as it is."""
    found = re.match(r"(\d+)([a-z]+)\Z", text)
    return int(found.group(1)) * TIMES[found.group(2)] if found and found.group(2) in TIMES else text


def cpus_of(text):
    """The numbers of a list of CPUs such as 0-3,5."""
    cpus = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        cpus.update(range(int(first), min(int(last or first), 4096) + 1))
    return cpus


def devices_of(text):
    """The devices of the keys disk and net, in order, each with its words in any order."""
    found = []
    for part in text.split(","):
        name, *words = part.split() or [""]
        words = {word.lower() if word.startswith("mac=") else word for word in words}
        found.append((name, words - {"ro"} if "cdrom" in words else words))
    return found


def normal(key, text):
    """Makes one value of all ways to write it; what cannot be read stays as it is."""
    text = (text or "").strip()
    if key in TEXTS:
        return text
    if text == "none" or (key == "affinity" and text == "all"):
        text = ""
    try:
        if not text:
            return ""
        if key in SIZES:
            return text if size(text) is None else size(text)
        if key in ("stop_timeout", "reserve", "backup"):
            return [time_of(word) for word in re.split(r"[\s/]+", text)]
        if key == "affinity":
            return cpus_of(text)
        if key in ("disk", "net"):
            return devices_of(text)
        if key == "trap":
            return set(re.split(r"[\s,]+", text))
        if key in ("boot.order", "boot.once", "port", "net.egress", "vsock.peers"):
            return [word for word in re.split(r"[\s,]+", text) if word]
        if key == "smbios.uuid":
            return text.lower()
        return int(text.rstrip("%")) if key == "cap" or text.isdigit() else text
    except ValueError:
        return text


def same(key, wanted, shown):
    """Whether two texts of a key mean the same."""
    return normal(key, wanted) == normal(key, shown)
