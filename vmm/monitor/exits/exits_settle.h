/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/exits/exits_apic.h"
#include "vmm/monitor/exits/exits_memory.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/vcpu/vapic.h"

/*
 * Handles an exit of one of the commonest reasons, if that needs neither an up-to-date clock nor a
 * register that the exit has not brought along. The fast path handles no other exits. Returns
 * false, without effect, if exits_handle has to do it.
 */
static ALWAYS_INLINE bool exits_settle(struct vcpu *vcpu)
{
	struct platform *platform = &vcpu->machine->platform;

	switch (vcpu->page->exit.reason) {
	case EXIT_IO:
		return exits_port_plain(&platform->ports, vcpu->page, &platform->clock.stale);
	case EXIT_APIC_ACCESS:
		vapic_accessed(vcpu);
		return exits_memory_move(vcpu, EXIT_APIC_ACCESS);
	case EXIT_MEMORY:
		return exits_memory_move(vcpu, EXIT_MEMORY);
	case EXIT_EOI:
		return exits_apic_eoi(vcpu);
	case EXIT_APIC_WRITE:
		return exits_apic_write(vcpu);
	case EXIT_WRMSR:
		return exits_apic_wrmsr(vcpu);
	case EXIT_RDMSR:
		return exits_apic_rdmsr(vcpu);
	case EXIT_DEADLINE:
		return exits_apic_deadline(vcpu);
	case EXIT_INTERRUPT_WINDOW:
		vcpu->quiet = false;
		return true;
	default:
		return false;
	}
}
