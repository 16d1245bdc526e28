/* SPDX-License-Identifier: MIT */
/*
 * Handles RDMSR and WRMSR: finds the owner of the MSR (time, local APIC, KVM interface, msr.c).
 * Called by exits.c; changes the vCPU, or injects #GP.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/pv_eoi.h"
#include "vmm/monitor/pv/steal_time.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/vcpu/msr.h"

/* Returns whether this file handles the MSR: it is one of time, or of the KVM interface. */
static bool exits_is_own(u32 index)
{
	return index == MSR_TSC || index == MSR_TSC_ADJUST || index == MSR_KVM_PV_EOI ||
	       index == MSR_KVM_STEAL_TIME || pvclock_owns_msr(index);
}

static bool exits_read_own(const struct vcpu *vcpu, u32 index, u64 *value)
{
	const struct machine *machine = vcpu->machine;

	if (index == MSR_TSC)
		*value = machine->platform.clock.guest_tsc;
	else if (index == MSR_TSC_ADJUST)
		*value = vcpu->tsc_adjust;
	else if (index == MSR_KVM_PV_EOI)
		*value = vcpu->pv_eoi.msr;
	else if (index == MSR_KVM_STEAL_TIME)
		*value = vcpu->steal_time.msr;
	else
		*value = pvclock_read_msr(&vcpu->pvclock, index);
	return true;
}

/*
 * Moves the guest's TSC: a write to IA32_TIME_STAMP_COUNTER or IA32_TSC_ADJUST moves the other by
 * as much (SDM vol. 3, 18.17.3).
 */
static void exits_move_tsc(struct vcpu *vcpu, u64 adjust)
{
	vcpu->tsc_adjust = adjust;
	vcpu_set_tsc_offset(vcpu);
	vcpu_update_clock(vcpu);
	vcpu_update_pvclock(vcpu, false);
}

static bool exits_write_own(struct vcpu *vcpu, u32 index, u64 value)
{
	struct machine *machine = vcpu->machine;
	const struct machine_clock *clock = &machine->platform.clock;

	if (index == MSR_TSC)
		exits_move_tsc(vcpu, vcpu->tsc_adjust + value - clock->guest_tsc);
	else if (index == MSR_TSC_ADJUST)
		exits_move_tsc(vcpu, value);
	else if (index == MSR_KVM_PV_EOI)
		return pv_eoi_write_msr(vcpu, value);
	else if (index == MSR_KVM_STEAL_TIME)
		return steal_time_write_msr(vcpu, value);
	else
		pvclock_write_msr(&vcpu->pvclock, &machine->memory, clock, index, value);
	return true;
}

void exits_rdmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u32 index = (u32)page->gpr[GPR_RCX];
	u64 value = 0;
	bool known;

	if (lapic_owns_msr(index)) {
		known = lapic_msr_read(machine_lapic(vcpu), index, &value);
	} else if (exits_is_own(index)) {
		known = exits_read_own(vcpu, index, &value);
	} else {
		vcpu_need(vcpu, msr_groups(index));
		known = msr_read(&vcpu->msr, &vcpu->machine->cpuid, page, index, &value);
	}
	if (!known) {
		inject_raise(vcpu, VECTOR_GP, 0);
		return;
	}
	page->gpr[GPR_RAX] = (u32)value;
	page->gpr[GPR_RDX] = value >> 32;
	vcpu_advance(vcpu);
}

void exits_wrmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	struct machine *machine = vcpu->machine;
	u32 index = (u32)page->gpr[GPR_RCX];
	u64 value = page->gpr[GPR_RDX] << 32 | (u32)page->gpr[GPR_RAX];
	bool allowed;

	if (lapic_owns_msr(index)) {
		allowed =
			lapic_msr_write(machine_lapic(vcpu), index, value, machine->physical_bits);
		if (index == MSR_APIC_BASE)
			vcpu_show_cpuid(vcpu);
	} else if (exits_is_own(index)) {
		allowed = exits_write_own(vcpu, index, value);
	} else {
		/* CR0 is needed for some MSRs, too: EFER.LME must not change while paging is on */
		vcpu_need(vcpu, msr_groups(index));
		allowed = msr_write(&vcpu->msr, &machine->cpuid, page, index, value);
	}
	if (allowed)
		vcpu_advance(vcpu);
	else
		inject_raise(vcpu, VECTOR_GP, 0);
}
