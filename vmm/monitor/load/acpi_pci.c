/* SPDX-License-Identifier: MIT */
/*
 * Writes the ACPI description of the PCI bus: the MCFG table and AML. Called by acpi_tables.c;
 * writes to the table buffer only.
 */
#include "vmm/monitor/load/acpi_pci.h"

#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/pci/pci_bus.h"

#define CRS_BYTES                                                                                  \
	(AML_WORD_RANGE_BYTES + AML_PORTS_BYTES + AML_WORD_RANGE_BYTES + AML_DWORD_RANGE_BYTES)

void acpi_pci_mcfg(struct mcfg *mcfg)
{
	*mcfg = (struct mcfg){.base = LAYOUT_ECAM};
}

/* Writes _PRT: for INTA of each slot, its pin of the I/O APIC (ACPI 6.4, 6.2.13). */
static void acpi_pci_dsdt_interrupts(struct aml *aml)
{
	u32 table;

	aml_byte(aml, AML_NAME);
	aml_name(aml, "_PRT");
	table = aml_open(aml, AML_PACKAGE);
	aml_byte(aml, PCI_SLOTS - 1);
	for (u32 slot = 1; slot < PCI_SLOTS; slot++) {
		u32 row = aml_open(aml, AML_PACKAGE);

		aml_byte(aml, 4);
		/* the address of the device, with FFFFh for all of its functions */
		aml_dword(aml, slot << 16 | 0xffff);
		aml_integer(aml, 0);
		/* a 0 means that there is no link device and that the next number is a pin */
		aml_integer(aml, 0);
		aml_integer(aml, (u8)(PCI_LINE_FIRST + slot % PCI_LINES));
		aml_close(aml, row);
	}
	aml_close(aml, table);
}

static void acpi_pci_dsdt_windows(struct aml *aml, const struct acpi_machine *machine)
{
	u64 high_base = machine->pci_high_base;
	u32 buffer = aml_resources_open(
		aml, (u8)(CRS_BYTES + (high_base != 0 ? AML_QWORD_RANGE_BYTES : 0)));

	aml_range(aml, AML_RANGE_BUS, 2, 0, 1);
	aml_ports(aml, PCI_ADDRESS_PORT, PCI_PORTS);
	aml_range(aml, AML_RANGE_PORTS, 2, LAYOUT_PCI_PORTS, LAYOUT_PCI_PORT_COUNT);
	if (machine->firmware)
		aml_range(aml, AML_RANGE_MEMORY, 4, machine->pci_low_base,
			  LAYOUT_PCI_FIRMWARE_END - machine->pci_low_base);
	else
		aml_range(aml, AML_RANGE_MEMORY, 4, LAYOUT_PCI_LOW, LAYOUT_PCI_LOW_BYTES);
	if (high_base != 0)
		aml_range(aml, AML_RANGE_MEMORY, 8, high_base,
			  machine->firmware ? machine->pci_high_bytes : LAYOUT_PCI_HIGH_BYTES);
	aml_resources_close(aml, buffer);
}

/*
 * Writes the AML of the host bridge. Its id is not PNP0A08: as on conventional PCI, there is
 * nothing that an _OSC could negotiate.
 */
void acpi_pci_dsdt(struct aml *aml, const struct acpi_machine *machine)
{
	u32 device = aml_open(aml, AML_DEVICE);
	u32 buffer;

	aml_name(aml, "PCI0");
	aml_name_eisa(aml, "_HID", "PNP0A03");
	aml_name_integer(aml, "_UID", 0);
	aml_name_integer(aml, "_BBN", 0);
	acpi_pci_dsdt_windows(aml, machine);
	acpi_pci_dsdt_interrupts(aml);
	aml_close(aml, device);
	if (machine->firmware) /* a VM that starts by firmware has no MCFG */
		return;

	/*
	 * software that finds MCFG also expects the memory of configuration space among the
	 * motherboard's resources (PCI Firmware 3.2, 4.1.2)
	 */
	device = aml_open(aml, AML_DEVICE);
	aml_name(aml, "MCFG");
	aml_name_eisa(aml, "_HID", "PNP0C02");
	aml_name_integer(aml, "_UID", 0);
	buffer = aml_resources_open(aml, AML_FIXED_BYTES);
	aml_fixed_memory(aml, LAYOUT_ECAM, LAYOUT_ECAM_BYTES);
	aml_resources_close(aml, buffer);
	aml_close(aml, device);
}
