# SPDX-License-Identifier: MIT
"""The page sizes of a second stage: 1 GiB where guest, free memory and CPU allow it, and others."""
import pytest

import bundle
from machine import Bochs, Qemu

GIB = 1 << 18 # the pages in a GiB

# For each value of `pages`: how much of the GiB touched is mapped by leaves of 2 MiB or more, and
# of 1 GiB
LEAVES = {"auto": (GIB, GIB), "1g": (GIB, GIB), "2m": (GIB, 0), "4k": (0, 0)}


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_leaves(build, tmp_path, emulator):
    """Guests touch the second of their two GiB: leaves of the right size map it; all comes back."""
    conf = "".join(f"[vm by-{pages}]\nkernel = fill.bin\ncmdline = first=1024 end=2048\n"
                   f"memory = 2G\npages = {pages}\n" for pages in LEAVES)
    files = bundle.make(tmp_path / "fill.cpio", conf, bundle.tiny(build, "fill"))
    # A random image might lie in the only GiB that is entirely free under Bochs.
    with emulator(build, bundle=files, memory="4G", cmdline="nokaslr") as machine:
        machine.wait_prompt()
        free = machine.free_pages()
        for pages, (large, huge) in LEAVES.items():
            name = f"by-{pages}"
            machine.command(f"vm create {name}")
            machine.command(f"vm start {name}")
            machine.attach(name)
            machine.wait("PASS clear")
            machine.wait("PASS kept")
            machine.leave()
            found = machine.objects("audit")[-1]
            assert found["guest_huge_pages"] == huge and found["findings"] == 0
            assert large <= found["guest_large_pages"] <= large * 2
            machine.command(f"vm destroy {name}")
            machine.wait_free(free)
