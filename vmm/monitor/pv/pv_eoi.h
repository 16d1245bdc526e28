/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vcpu;

/* Linux Documentation/virt/kvm/x86/msr.rst */
#define MSR_KVM_PV_EOI 0x4b564d04u

/*
 * KVM's paravirtual EOI: bit 0 of a byte in guest memory says that the interrupt in service may be
 * ended by clearing that bit instead of writing to the APIC. It is set only while the EOI would
 * have no other effect, and taken back at each exit.
 */
struct pv_eoi {
	u64 msr;      /* the byte's address and the enable bit */
	bool pending; /* the bit was set at the last entry */
};

/* WRMSR; false: #GP. */
bool pv_eoi_write_msr(struct vcpu *vcpu, u64 value) MUST_CHECK;

#define PV_EOI_ENABLED 1u /* in the MSR */

/* Before an entry, with PV_EOI_ENABLED: sets the bit if that is allowed. */
void pv_eoi_offer(struct vcpu *vcpu);

/* After an exit for which it was pending: takes the offer back, or does the EOI. */
void pv_eoi_collect(struct vcpu *vcpu);
