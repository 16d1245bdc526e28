/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

#define ACPI_CPU_MAX	   256u
#define ACPI_IOAPIC_MAX	   8u
#define ACPI_ISA_IRQ_COUNT 16u

/*
 * Where [address, address + length) of physical memory can be read for good, NULL where it cannot.
 */
typedef const void *(*acpi_map_t)(hpa_t address, u64 length);

/* What the kernel wants of the firmware's tables: the MADT. */
struct acpi_info {
	hpa_t lapic;
	bool has_pic;
	u32 cpu_count; /* that can be started; more than ACPI_CPU_MAX are left out */
	u32 ioapic_count;
	struct acpi_cpu {
		u32 apic_id;
		u32 uid;
	} cpu[ACPI_CPU_MAX];
	struct acpi_ioapic {
		u32 id;
		u32 gsi_base;
		hpa_t address;
	} ioapic[ACPI_IOAPIC_MAX];
	struct acpi_isa {
		u32 gsi;
		bool level;
		bool active_low;
	} isa[ACPI_ISA_IRQ_COUNT];
};

/*
 * Walks RSDP, XSDT or RSDT, and the MADT; every length and checksum is checked. STATUS_NOT_FOUND:
 * no RSDP (0) or no MADT; STATUS_BAD_ADDRESS: a table lies where `map` gives nothing;
 * STATUS_BAD_FORMAT. On failure *info says what a PC has without tables: one CPU, no I/O APIC, ISA
 * interrupts as GSIs.
 */
enum status acpi_read(hpa_t rsdp, acpi_map_t map, struct acpi_info *info) MUST_CHECK;
