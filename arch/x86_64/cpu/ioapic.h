/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define IOAPIC_MAX 8u

/*
 * Adds an I/O APIC, one of at most IOAPIC_MAX, whose registers are mapped (uncached), and masks all
 * its inputs.
 */
void ioapic_add(volatile void *registers, u32 gsi_base);

/*
 * Returns true if some I/O APIC has this input. The functions below ignore a GSI that no I/O APIC
 * has.
 */
bool ioapic_has_gsi(u32 gsi);

/* Routes `gsi` to `vector`, masked. `flags` are IOAPIC_ENTRY_LEVEL, _ACTIVE_LOW and _DELIVERY. */
void ioapic_route(u32 gsi, u8 vector, u32 flags);
/* Masks `gsi`. */
void ioapic_mask(u32 gsi);
/* Unmasks `gsi`, which raises this message from now on: an MSI's address is in the upper half. */
void ioapic_unmask(u32 gsi, u64 message);
