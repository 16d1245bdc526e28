/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define HOST_ISA_LINES	 16u
#define HOST_IOAPICS_MAX 8u

/* The lines of the host's I/O APICs, as the MADT says. */
struct host_lines {
	struct host_isa {
		u32 gsi;
		u32 flags; /* enum irq_flag: trigger and polarity */
	} isa[HOST_ISA_LINES];
	u32 ioapic_count;
	struct host_ioapic {
		u32 id; /* by which DMAR and IVRS know it */
		u32 gsi_base;
	} ioapic[HOST_IOAPICS_MAX]; /* by their GSIs */
};

/*
 * `table`: a MADT with a good checksum; NULL: there is none, and an ISA line is the GSI of its
 * number. What cannot be true is left out.
 */
void host_lines_parse(const u8 *table, u32 bytes, struct host_lines *lines);
