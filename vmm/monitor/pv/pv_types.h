/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * KVM's paravirtual EOI: while bit 0 of a byte in guest memory is set, the guest may end the
 * interrupt in service by clearing that bit instead of writing to the APIC. The bit is set only
 * while the EOI would have no other effect, and cleared again after each exit.
 */
struct pv_eoi {
	u64 msr;      /* the value of MSR_KVM_PV_EOI: the byte's address and the enable bit */
	bool pending; /* the bit was set before the last VM entry */
};

/*
 * The monitor's state of one vCPU's KVM steal time. A vCPU that sleeps in HLT is marked as
 * preempted, too.
 */
struct steal_time {
	u64 msr; /* the value of MSR_KVM_STEAL_TIME: the record's address and the enable bit */
	/* the value of the vCPU page's waited_tsc that the record in guest RAM contains */
	u64 seen_tsc;
	bool marked; /* the monitor has set the record's `preempted` */
};
