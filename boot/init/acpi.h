/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/ioapic.h"
#include "lib/status.h"
#include "lib/types.h"

#define ACPI_CPU_MAX   256u
#define ACPI_RANGE_MAX 16u
#define ACPI_NODE_MAX  8u

/*
 * Returns a permanent mapping of [address, address + length) of physical memory; NULL if there is
 * none.
 */
typedef const void *(*acpi_map_t)(hpa_t address, u64 length);

/*
 * The facts that the kernel needs from the firmware's tables: the MADT, and the SRAT if there is
 * one.
 */
struct acpi_info {
	hpa_t lapic;
	u32 cpu_count; /* CPUs that can be started; any beyond ACPI_CPU_MAX are left out */
	u32 ioapic_count;
	struct acpi_cpu {
		u32 apic_id;
		u32 node; /* the CPU's NUMA node, an index into `domain` */
	} cpu[ACPI_CPU_MAX];
	struct acpi_ioapic {
		u32 gsi_base;
		hpa_t address;
	} ioapic[IOAPIC_MAX];
	u32 node_count; /* the number of NUMA nodes; 0: nothing is known about nodes */
	/* the SRAT's proximity domain of each node; any further domains go to node 0 */
	u32 domain[ACPI_NODE_MAX];
	u32 range_count;
	struct acpi_range {
		hpa_t base;
		u64 length;
		u32 node;
	} range[ACPI_RANGE_MAX]; /* ranges of memory */
};

/*
 * Walks RSDP, XSDT or RSDT, and the MADT; checks every length and checksum. STATUS_NOT_FOUND: there
 * is no RSDP (`rsdp` is 0) or no MADT; STATUS_BAD_ADDRESS: `map` cannot map a table;
 * STATUS_BAD_FORMAT. On failure *info describes a PC without tables: one CPU, no I/O APIC. A broken
 * SRAT counts as none.
 */
enum status acpi_read(hpa_t rsdp, acpi_map_t map, struct acpi_info *info) MUST_CHECK;
