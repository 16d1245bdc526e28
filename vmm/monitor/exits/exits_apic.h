/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/lapic_guest.h"
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/machine/machine.h"

/* Returns whether the value or effect of the APIC register at `offset` depends on the time. */
static inline bool exits_apic_is_timer(u32 offset)
{
	return offset == LAPIC_LVT_TIMER || offset == LAPIC_TIMER_INITIAL ||
	       offset == LAPIC_TIMER_CURRENT || offset == LAPIC_TIMER_DIVIDE;
}

/*
 * Takes the local APIC's page back from the CPU; for a register that depends on the time also
 * updates the VM's clock.
 */
static ALWAYS_INLINE void exits_apic_take(struct vcpu *vcpu, struct lapic *lapic, u32 offset)
{
	lapic_recall(lapic);
	if (exits_apic_is_timer(offset))
		vcpu_update_clock(vcpu);
}

/*
 * Notes a write to the local APIC's register at `offset`. The next VM entry has to be prepared anew
 * if the task priority may have changed, or if requests wait for a lower priority or for an EOI; a
 * new request kicks the vCPU. The timer may have another deadline.
 */
static ALWAYS_INLINE void exits_apic_touched(struct vcpu *vcpu, const struct lapic *lapic,
					     u32 offset)
{
	if (offset == LAPIC_TPR || offset == LAPIC_SVR || lapic->words.requested != 0 ||
	    (lapic->by_cpu && lapic->moved))
		vcpu->quiet = false;
	if (exits_apic_is_timer(offset))
		vcpu_tick(vcpu);
}

/*
 * The guest's operations on its local APIC. Each function takes the APIC's page back if it needs
 * the page; the next VM entry lends it to the CPU again. The functions return false, without
 * effect, if exits_handle has to handle the exit.
 */

/*
 * Handle EXIT_RDMSR and EXIT_WRMSR of the x2APIC's registers, the TSC deadline, and the APIC's
 * base.
 */
bool exits_apic_rdmsr(struct vcpu *vcpu);
bool exits_apic_wrmsr(struct vcpu *vcpu);
/* Handles EXIT_DEADLINE: a timer of this vCPU is due, most often the local APIC's. */
bool exits_apic_deadline(struct vcpu *vcpu);
/* Handle EXIT_APIC_WRITE and EXIT_EOI: do the part of the access that the CPU has left. */
bool exits_apic_write(struct vcpu *vcpu);
bool exits_apic_eoi(struct vcpu *vcpu);
