/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Takes an I/O APIC by its mapped (uncached) registers and masks all its inputs. */
void ioapic_add(volatile void *registers, u32 gsi_base);

/* Whether some I/O APIC has this input. The others below ignore a GSI for which it is false. */
bool ioapic_has_gsi(u32 gsi);

/* Makes `gsi` that vector, masked at first. `flags`: IOAPIC_ENTRY_LEVEL, _ACTIVE_LOW, _DELIVERY. */
void ioapic_route(u32 gsi, u8 vector, u32 flags);
void ioapic_mask(u32 gsi);
/* From now on it goes to that CPU; IOAPIC_ALL_CPUS for all. */
void ioapic_unmask(u32 gsi, u32 apic_id);
