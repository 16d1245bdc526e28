/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What the tables say about the machine; its devices use the same numbers. */
enum acpi_machine {
	ACPI_MACHINE_PM1_EVENT = 0x600,
	ACPI_MACHINE_PM1_CONTROL = 0x604,
	ACPI_MACHINE_PM_TIMER = 0x608,
	ACPI_MACHINE_GPE0 = 0x620,
	ACPI_MACHINE_GPE0_BYTES = 4,
	ACPI_MACHINE_RESET = 0xcf9,
	ACPI_MACHINE_RESET_VALUE = 6,
	ACPI_MACHINE_SCI = 9,
	ACPI_MACHINE_S5 = 5, /* SLP_TYP of soft-off */
	ACPI_MACHINE_CENTURY = 0x32, /* CMOS register */
};

/*
 * Writes RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT into the guest's RAM, which starts at `ram`:
 * the RSDP to LAYOUT_RSDP, the others from LAYOUT_ACPI on. vcpu_count is 1 to 255.
 */
void acpi_tables_write(u8 *ram, u32 vcpu_count);
