/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define IOAPIC_MAX 8u

/*
 * Adds an I/O APIC, one of at most IOAPIC_MAX, whose registers are mapped (uncached), and masks all
 * its inputs.
 */
void ioapic_add(volatile void *registers, u32 gsi_base);

/* Whether some I/O APIC has this input. The others below ignore a GSI for which it is false. */
bool ioapic_has_gsi(u32 gsi);

/* Routes `gsi` to `vector`, masked. `flags`: IOAPIC_ENTRY_LEVEL, _ACTIVE_LOW, _DELIVERY. */
void ioapic_route(u32 gsi, u8 vector, u32 flags);
void ioapic_mask(u32 gsi);
/* From now on `gsi` raises the message: its address in the upper half, as of an MSI. */
void ioapic_unmask(u32 gsi, u64 message);
