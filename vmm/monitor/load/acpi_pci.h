/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/acpi.h"
#include "vmm/monitor/load/acpi_tables.h"
#include "vmm/monitor/load/aml.h"

/*
 * The MCFG table, with the address at which PCI configuration space is mapped: PCI Firmware 3.2,
 * table 4-2.
 */
struct mcfg {
	struct acpi_header header; /* the header, whose signature is "MCFG" */
	u64 reserved;
	u64 base;
	u16 segment;
	u8 bus_first;
	u8 bus_last;
	u32 reserved2;
} PACKED;
_Static_assert(sizeof(struct mcfg) == 60, "PCI Firmware 4.1.2");

/* Fills in all of the MCFG table but its header. */
void acpi_pci_mcfg(struct mcfg *mcfg);
/*
 * Writes the host bridge and the ranges that it decodes, for the DSDT's scope \_SB. In a VM that
 * starts by firmware the bridge's 32-bit window is larger, and there is no MCFG.
 */
void acpi_pci_dsdt(struct aml *aml, const struct acpi_machine *machine);
