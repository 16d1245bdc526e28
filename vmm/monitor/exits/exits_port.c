/* SPDX-License-Identifier: MIT */
/*
 * Handles port accesses that the fast path leaves: string instructions, and ports of several
 * devices or none. Called by exits.c; reaches devices by the platform's port bus.
 */
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/exits/exits_memory.h"
#include "vmm/monitor/machine/machine.h"

static void exits_port_string(struct vcpu *vcpu)
{
	struct vcpu_event event = {0};
	enum emulate_result result;

	/* INS may write to the local APIC's registers, and so cause an interrupt */
	vcpu->quiet = false;
	vcpu_need(vcpu, exits_memory_groups(vcpu));
	result = emulate_io_string(&vcpu->emulator, &event);
	exits_memory_finish(vcpu, result, &event, "string port access");
}

void exits_port(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;
	struct bus *ports = &vcpu->machine->platform.ports;
	u64 *rax = &vcpu->page->gpr[GPR_RAX];
	u64 mask = BITS((exit->io_size & 7u) * 8 - 1, 0);
	u64 value;

	if ((exit->io_flags & IO_STRING) != 0) {
		exits_port_string(vcpu);
		return;
	}
	if ((exit->io_flags & IO_IN) != 0) {
		value = bus_read(ports, exit->io_port, exit->io_size) & mask;
		/* a result of 32 bits clears the upper half (SDM vol. 1, 3.4.1.1) */
		*rax = exit->io_size == 4 ? value : (*rax & ~mask) | value;
	} else {
		bus_write(ports, exit->io_port, exit->io_size, *rax & mask);
	}
	vcpu_advance(vcpu);
}
