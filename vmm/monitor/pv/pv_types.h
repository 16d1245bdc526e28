/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * KVM's paravirtual EOI: bit 0 of a byte in guest memory says that the interrupt in service may be
 * ended by clearing that bit instead of writing to the APIC. It is set only while the EOI would
 * have no other effect, and taken back at each exit.
 */
struct pv_eoi {
	u64 msr;      /* the MSR's value: the byte's address and the enable bit */
	bool pending; /* the bit was set at the last entry */
};

/* One vCPU's side of KVM's steal time. A vCPU that sleeps in HLT is marked as preempted, too. */
struct steal_time {
	u64 msr;      /* the MSR's value: the record's address and the enable bit */
	u64 seen_tsc; /* the value of waited_tsc that the record contains */
	bool marked;  /* the monitor has set the record's `preempted` */
};
