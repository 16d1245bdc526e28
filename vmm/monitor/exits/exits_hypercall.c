/* SPDX-License-Identifier: MIT */
/*
 * Handles hypercalls in KVM's convention: kicks, yields and IPIs. Called by exits.c; sends
 * interrupts through the VM's irqchip and changes registers of the calling vCPU.
 */
#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/hypercall.h"

enum kvm_error {
	KVM_NO_PERMISSION = -1,
	KVM_INVALID = -22,
};

struct kvm_arguments {
	u64 word[4]; /* the arguments of the hypercall: RBX, RCX, RDX, RSI */
	/* bits of each argument register in the caller's mode: 64 in 64-bit mode, otherwise 32 */
	u32 word_bits;
};

/*
 * Ends the present or next HLT of the vCPU with that APIC ID, with any value of its interrupt flag.
 */
static s64 exits_kick_cpu(struct vcpu *vcpu, u64 apic_id)
{
	struct machine *machine = vcpu->machine;
	struct vcpu *target;

	if (apic_id >= machine->vcpu_count)
		return KVM_INVALID;
	target = &machine->vcpu[apic_id];
	target->unhalted = true;
	if (target->halted)
		vcpu_wake(target);
	vcpu->yield_to = target->id + 1;
	return 0;
}

/* Yields to the vCPU with that APIC ID, which does not run and for which this vCPU waits. */
static s64 exits_yield_to(struct vcpu *vcpu, u64 apic_id)
{
	if (apic_id < vcpu->machine->vcpu_count && apic_id != vcpu->id)
		vcpu->yield_to = (u32)apic_id + 1;
	return 0;
}

/*
 * Sends an IPI to the targets in one word of the bitmap, whose bit 0 is APIC ID `first`; returns
 * how many took the interrupt.
 */
static s64 exits_send_to(struct irqchip *irqchip, u64 bitmap, u64 first, u64 icr)
{
	u32 mode = (u32)bits_get(icr, 10, 8);
	s64 count = 0;

	for (; bitmap != 0; bitmap &= bitmap - 1) {
		u64 id = first + bit_lowest(bitmap);

		if (id < irqchip->cpu_count &&
		    lapic_deliver(&irqchip->lapic[id], mode, (u32)(icr & LAPIC_ICR_VECTOR), false))
			count++;
	}
	return count;
}

/*
 * Sends an IPI: argument words 0 and 1 are a bitmap of APIC IDs from word 2 on, word 3 is like the
 * low half of the ICR.
 */
static s64 exits_send_ipi(struct machine *machine, const struct kvm_arguments *arguments)
{
	struct irqchip *irqchip = &machine->platform.irqchip;
	u64 first = (u32)arguments->word[2];
	u64 icr = arguments->word[3];
	u32 mode = (u32)bits_get(icr, 10, 8);

	if ((icr & (LAPIC_ICR_LOGICAL | LAPIC_ICR_SHORTHAND)) != 0 ||
	    (mode != APIC_FIXED && mode != APIC_NMI))
		return KVM_INVALID;
	return exits_send_to(irqchip, arguments->word[0], first, icr) +
	       exits_send_to(irqchip, arguments->word[1], first + arguments->word_bits, icr);
}

static s64 exits_obey_call(struct vcpu *vcpu, u64 number, const struct kvm_arguments *arguments)
{
	switch (number) {
	case KVM_KICK_CPU:
		return exits_kick_cpu(vcpu, arguments->word[1]);
	case KVM_SEND_IPI:
		return exits_send_ipi(vcpu->machine, arguments);
	case KVM_SCHED_YIELD:
		return exits_yield_to(vcpu, arguments->word[0]);
	default:
		return HYPERCALL_UNKNOWN;
	}
}

void exits_hypercall(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	const u64 *gpr = page->gpr;
	struct kvm_arguments arguments;
	bool wide;
	u64 mask;
	s64 result = KVM_NO_PERMISSION;

	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
	wide = (page->efer & EFER_LMA) != 0 && (page->segment[SEG_CS].access & SEGMENT_L) != 0;
	mask = wide ? ~0ull : ~0u;
	arguments = (struct kvm_arguments){
		.word = {gpr[GPR_RBX] & mask, gpr[GPR_RCX] & mask, gpr[GPR_RDX] & mask,
			 gpr[GPR_RSI] & mask},
		.word_bits = wide ? 64 : 32,
	};
	/* only CPL 0 may make hypercalls; SS.DPL is the privilege level (SDM vol. 3, 25.4.1) */
	if (bits_get(page->segment[SEG_SS].access, 6, 5) == 0)
		result = exits_obey_call(vcpu, gpr[GPR_RAX] & mask, &arguments);
	page->gpr[GPR_RAX] = (u64)result & mask;
	vcpu_advance(vcpu);
}
