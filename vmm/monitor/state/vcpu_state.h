/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/state/section_types.h"
#include "vmm/monitor/machine/vcpu.h"

/*
 * The section STATE_VCPU, version 1: a vCPU without its local APIC and its XSAVE image, which are
 * sections of their own, and without values that can be computed from other state.
 */
struct vcpu_saved {
	u64 gpr[GPR_COUNT];
	u64 rip;
	u64 rflags;
	u64 cr0;
	u64 cr2;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 xcr0;
	struct vcpu_segment_state segment[SEG_COUNT];
	struct vcpu_table_state gdtr;
	struct vcpu_table_state idtr;
	u64 dr[8];
	u64 msr[VMSR_COUNT];
	/* the exit that is still to be handled, unless its reason is EXIT_NONE */
	struct vcpu_exit exit;
	struct vcpu_event inject;
	struct vcpu_event event;
	struct vcpu_event held;
	u32 shadow;
	u32 request;
	u32 advance_length;
	u32 tpr_threshold;
	u8 halted;
	u8 unhalted;
	u8 pv_eoi_pending;
	u8 steal_marked;
	u32 reserved;
	u64 tsc_adjust;
	u64 system_time_msr;
	u64 wall_clock_msr;
	u64 pv_eoi_msr;
	u64 steal_msr;
	/*
	 * TSC cycles for which the vCPU has waited for a CPU and that the guest's steal-time record
	 * does not contain yet
	 */
	u64 steal_unseen_tsc;
	struct msr_state kept; /* the MSRs that only keep a value */
};

/*
 * Describe the sections of a vCPU that is not in its guest and has its registers in the page
 * (vcpu_need).
 */
struct state_section vcpu_state_section(struct vcpu *vcpu);
struct state_section vcpu_state_xsave(struct vcpu *vcpu);
