/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Writes RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT into the guest's RAM, which starts at `ram`:
 * the RSDP to LAYOUT_RSDP, the others from LAYOUT_ACPI on. vcpu_count is 1 to 255. `hpet`: an HPET
 * table too.
 */
void acpi_tables_write(u8 *ram, u32 vcpu_count, bool hpet);
