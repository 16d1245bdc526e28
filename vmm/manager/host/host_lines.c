/* SPDX-License-Identifier: MIT */
/* Reads the I/O APICs and interrupt overrides of the MADT. Called by machine.c; holds no state. */
#include "vmm/manager/host/host_lines.h"

#include "kernel/abi/syscall.h"
#include "lib/string.h"
#include "vmm/hw/acpi.h"

/*
 * Takes over an interrupt override of the MADT. The flags for "as the bus does" mean
 * edge-triggered, active high on ISA (ACPI table 5.26).
 */
static void host_lines_override(struct host_lines *lines, const struct acpi_madt_override *entry)
{
	if (entry->bus != 0 || entry->source >= HOST_ISA_LINES)
		return;
	lines->isa[entry->source] = (struct host_isa){
		.gsi = entry->gsi,
		.flags = ((entry->flags & ACPI_INTI_TRIGGER) == ACPI_INTI_LEVEL ? IRQ_LEVEL : 0) |
			 ((entry->flags & ACPI_INTI_POLARITY) == ACPI_INTI_ACTIVE_LOW
				  ? IRQ_ACTIVE_LOW
				  : 0),
	};
}

static void host_lines_ioapic(struct host_lines *lines, const struct acpi_madt_ioapic *entry)
{
	u32 at = lines->ioapic_count;

	if (at == HOST_IOAPICS_MAX)
		return;
	for (; at > 0 && lines->ioapic[at - 1].gsi_base > entry->gsi_base; at--)
		lines->ioapic[at] = lines->ioapic[at - 1];
	lines->ioapic[at] = (struct host_ioapic){entry->ioapic_id, entry->gsi_base};
	lines->ioapic_count++;
}

void host_lines_parse(const u8 *table, u32 bytes, struct host_lines *lines)
{
	struct acpi_madt_entry entry;

	*lines = (struct host_lines){.ioapic_count = 0};
	for (u32 line = 0; line < HOST_ISA_LINES; line++)
		lines->isa[line].gsi = line;
	if (table == NULL)
		return;
	for (u32 at = sizeof(struct acpi_madt); at + sizeof(entry) <= bytes; at += entry.length) {
		struct acpi_madt_override override;
		struct acpi_madt_ioapic ioapic;

		memcpy(&entry, table + at, sizeof(entry));
		if (entry.length < sizeof(entry) || entry.length > bytes - at)
			return;
		if (entry.type == ACPI_MADT_OVERRIDE && entry.length >= sizeof(override))
			host_lines_override(lines, memcpy(&override, table + at, sizeof(override)));
		if (entry.type == ACPI_MADT_IOAPIC && entry.length >= sizeof(ioapic))
			host_lines_ioapic(lines, memcpy(&ioapic, table + at, sizeof(ioapic)));
	}
}
