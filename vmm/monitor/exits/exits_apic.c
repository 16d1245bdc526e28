/* SPDX-License-Identifier: MIT */
/*
 * Handles exits about the local APIC: its registers, its timer, and the parts of accesses that the
 * CPU does not virtualize. Called through exits_settle.h; changes the vCPU's local APIC.
 */
#include "vmm/monitor/exits/exits_apic.h"

#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/vmx.h"
#include "lib/checked.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/vcpu/vapic.h"
#include "vmm/rt/clock.h"

/* Returns whether the local APIC's timer is the only one that this vCPU serves at present. */
static bool exits_apic_has_one_timer(const struct vcpu *vcpu)
{
	const struct platform *platform = &vcpu->machine->platform;

	for (u32 i = 0; vcpu->id == 0 && i < platform->timed_count; i++)
		if (platform->timed[i]->deadline_ns != DEADLINE_NONE)
			return false;
	return true;
}

bool exits_apic_deadline(struct vcpu *vcpu)
{
	struct lapic *lapic = machine_lapic(vcpu);

	/*
	 * the APIC's page is taken back from the CPU, so that the timer's interrupt can be put into
	 * it and need not be posted
	 */
	lapic_recall(lapic);
	if (exits_apic_has_one_timer(vcpu) &&
	    lapic_timer_expire(lapic, clock_tsc() + vcpu->page->tsc_offset)) {
		vcpu->machine->channel->timer_expirations++;
		vcpu->page->deadline_tsc = 0;
		vcpu->deadline_ns = DEADLINE_NONE;
	} else {
		vcpu_tick_now(vcpu);
	}
	return true;
}

/*
 * Arms the APIC's timer for guest TSC `tsc` without an update of the VM's clock. Returns false,
 * without effect, if such an update is needed.
 */
static bool exits_apic_arm(struct vcpu *vcpu, u64 tsc)
{
	const struct machine_time *time = &vcpu->machine->time;
	u64 host = tsc - vcpu->page->tsc_offset;

	if (tsc == 0 || (s64)(host - clock_tsc()) <= 0 || !exits_apic_has_one_timer(vcpu) ||
	    !lapic_timer_rearm(machine_lapic(vcpu), tsc))
		return false;
	vcpu->page->deadline_tsc = host;
	vcpu->deadline_ns = mul_div(host - time->base_tsc, NS_PER_MS, time->tsc_khz);
	return true;
}

/* Returns the register offset of an x2APIC MSR; 0: another MSR. */
static u32 exits_apic_offset(u32 msr)
{
	return msr - MSR_X2APIC_BASE < 0x100 ? (msr - MSR_X2APIC_BASE) << 4 : 0;
}

/*
 * Returns whether the exit reports the instruction's length; false also if exits of this reason had
 * to be decoded, since exits_handle then resets which registers exits bring along.
 */
static bool exits_apic_has_length(const struct vcpu *vcpu, enum exit_reason reason)
{
	return vcpu->page->exit.instruction_length != 0 && !(vcpu->decoded & BIT(reason));
}

bool exits_apic_wrmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	struct lapic *lapic = machine_lapic(vcpu);
	u32 msr = (u32)page->gpr[GPR_RCX];
	u64 value = page->gpr[GPR_RDX] << 32 | (u32)page->gpr[GPR_RAX];
	u32 offset = exits_apic_offset(msr);

	if (!exits_apic_has_length(vcpu, EXIT_WRMSR))
		return false;
	if (offset == 0)
		return msr == MSR_TSC_DEADLINE && exits_apic_arm(vcpu, value) &&
		       exits_advance(page, page->exit.instruction_length);
	/* sending an IPI needs nothing from the APIC's page; a vCPU's IPI to itself is posted */
	if (offset != LAPIC_ICR)
		exits_apic_take(vcpu, lapic, offset);
	/* a refused write has no effect: exits_handle handles it again, with an exception */
	if (!lapic_msr_write(lapic, msr, value, vcpu->machine->physical_bits))
		return false;
	exits_apic_touched(vcpu, lapic, offset);
	return exits_advance(page, page->exit.instruction_length);
}

bool exits_apic_rdmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u32 msr = (u32)page->gpr[GPR_RCX];
	u32 offset = exits_apic_offset(msr);
	u64 value;

	if (!exits_apic_has_length(vcpu, EXIT_RDMSR) || (msr != MSR_APIC_BASE && offset == 0))
		return false;
	if (unlikely(offset == LAPIC_TIMER_CURRENT))
		vcpu_update_clock(vcpu);
	if (!lapic_msr_read(machine_lapic(vcpu), msr, &value))
		return false;
	page->gpr[GPR_RAX] = (u32)value;
	page->gpr[GPR_RDX] = value >> 32;
	return exits_advance(page, page->exit.instruction_length);
}

bool exits_apic_write(struct vcpu *vcpu)
{
	struct lapic *lapic = machine_lapic(vcpu);
	u32 offset = (u32)(vcpu->page->exit.qualification & APIC_ACCESS_OFFSET);

	exits_apic_take(vcpu, lapic, offset);
	vapic_written(vcpu);
	exits_apic_touched(vcpu, lapic, offset);
	return true;
}

bool exits_apic_eoi(struct vcpu *vcpu)
{
	lapic_recall(machine_lapic(vcpu));
	vapic_ended(vcpu);
	return true;
}
