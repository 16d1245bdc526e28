# SPDX-License-Identifier: MIT
"""
Where tests of what ring 3 alone does run: on QEMU, and on Bochs in the long set.

A store, a driver's layers, the gateway's channel or a console's words do the same work whichever vendor's
virtualization is below. What touches a guest's registers, its memory's tables, interrupts or the host's own
devices says both emulators itself.
"""
import pytest

from machine import Bochs, Qemu

EMULATORS = (Qemu, pytest.param(Bochs, marks=pytest.mark.long))
