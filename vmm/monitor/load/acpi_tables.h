/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The VM that the tables describe. */
struct acpi_machine {
	u32 vcpu_count; /* the number of vCPUs, 1 to 255 */
	bool hpet;
	bool pci;
	/*
	 * for VMs that start by firmware: the address at which the PCI bus's 32-bit window begins
	 */
	u64 pci_low_base;
	/* for VMs that start by firmware: the size of the PCI bus's 64-bit window, in bytes */
	u64 pci_high_bytes;
	bool firmware; /* the VM starts by firmware, and its PCI bus is laid out for that */
	/* the address at which the PCI bus's 64-bit window begins; 0: there is none */
	u64 pci_high_base;
};

/*
 * Writes RSDP, RSDT, XSDT, FADT, FACS, MADT, WDAT and DSDT into the guest's RAM, which starts at
 * `ram`: the RSDP to LAYOUT_RSDP, the others from LAYOUT_ACPI on. HPET and MCFG are written if the
 * VM has the devices that they describe.
 */
void acpi_tables_write(u8 *ram, const struct acpi_machine *machine);
