/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define HOST_ISA_LINES	 16u
#define HOST_IOAPICS_MAX 8u

/* The lines of the host's I/O APICs, according to the MADT. */
struct host_lines {
	struct host_isa {
		u32 gsi;
		u32 flags; /* enum irq_flag: trigger and polarity */
	} isa[HOST_ISA_LINES];
	u32 ioapic_count;
	struct host_ioapic {
		u32 id; /* the I/O APIC's id, as DMAR and IVRS name it */
		u32 gsi_base;
	} ioapic[HOST_IOAPICS_MAX]; /* the host's I/O APICs, sorted by their first GSIs */
};

/*
 * Reads a MADT with a good checksum. If `table` is NULL there is none, and an ISA line is the GSI
 * of the same number. Impossible entries are left out.
 */
void host_lines_parse(const u8 *table, u32 bytes, struct host_lines *lines);
