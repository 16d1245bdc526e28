/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define IOAPIC_MAX 8u

/*
 * Adds an I/O APIC, whose registers are mapped uncached at `registers`, and masks all its inputs;
 * called at most IOAPIC_MAX times.
 */
void ioapic_add(volatile void *registers, u32 gsi_base);

/*
 * Returns true if some I/O APIC has this input. The functions below ignore a GSI that no I/O APIC
 * has.
 */
bool ioapic_has_gsi(u32 gsi);

/*
 * Makes input `gsi` raise `vector` once it is unmasked; masks it. `flags` are IOAPIC_ENTRY_LEVEL,
 * _ACTIVE_LOW and _DELIVERY.
 */
void ioapic_route(u32 gsi, u8 vector, u32 flags);
/* Masks `gsi`. */
void ioapic_mask(u32 gsi);
/*
 * Unmasks input `gsi`, which sends this message from now on: as of an MSI, the address in the upper
 * half, the data in the lower.
 */
void ioapic_unmask(u32 gsi, u64 message);
