/* SPDX-License-Identifier: MIT */
/*
 * Asserts that the flags which a vCPU caches (quiet, watched and so on) are right. Called by loop.c
 * and fast_path.c through vcpu_check in builds with DEBUG=1; reads only.
 */
#include "vmm/monitor/machine/vcpu_check.h"

#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/start.h"

#ifdef DEBUG
#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (unlikely(!(condition)))                                                        \
			rt_fail("broken promise: " #condition);                                    \
	} while (0)

/*
 * Asserts that the last exit is handled, and that the vCPU page holds the event that the next VM
 * entry delivers.
 */
static void vcpu_check_entry(const struct vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;

	PROMISE(page->exit.reason == EXIT_NONE);
	PROMISE(vcpu->refused == STATUS_OK);
	PROMISE(!vcpu->halted);
	PROMISE(!vcpu->event.valid);
	PROMISE(!vcpu->quiet || !vcpu->held.valid);
	PROMISE(!vcpu->quiet || (page->request & REQUEST_INTERRUPT_WINDOW) == 0);
	PROMISE(vcpu->yield_to <= vcpu->machine->vcpu_count);
	PROMISE(vcpu->place != VCPU_ASLEEP);
	PROMISE(vcpu->place != VCPU_INSIDE || !vcpu->woken);
}

static void vcpu_check_lapic(const struct vcpu *vcpu)
{
	const struct machine *machine = vcpu->machine;
	const struct lapic *lapic = vcpu->lapic;

	PROMISE(lapic->by_cpu == machine->vapic.by_cpu);
	PROMISE(!lapic->lent || lapic->by_cpu);
	PROMISE(!lapic->lent || vcpu->place == VCPU_IN_GUEST);
	PROMISE(lapic->lent || vcpu->place != VCPU_IN_GUEST || !lapic->by_cpu);
	PROMISE(lapic->lent || lapic->posted.words == 0);
	PROMISE(!machine->vapic.late || machine->vapic.by_cpu);
}

/*
 * Asserts that exits whose instructions have to be decoded bring along the register groups for
 * that.
 */
static void vcpu_check_wants(const struct vcpu *vcpu)
{
	const u32 needed = VCPU_SEGMENTS | VCPU_CONTROL;

	for (u64 left = vcpu->decoded; left != 0; left &= left - 1)
		PROMISE((vcpu->page->want[bit_lowest(left)] & needed) == needed);
}

static void vcpu_check_machine(const struct machine *machine)
{
	u32 inside_guest = 0;

	for (u32 i = 0; i < machine->vcpu_count; i++)
		inside_guest += machine->vcpu[i].place == VCPU_IN_GUEST;
	PROMISE(inside_guest == machine->guest_count);
	PROMISE(machine_may_run(machine));
	PROMISE(machine->watched == (machine->trap_wanted != 0 || machine->debugger.attached));
	PROMISE(machine->fast_path == !machine->watched);
	PROMISE(!machine->signal || machine->ports_since_output < CONSOLE_PATIENCE);
	PROMISE(machine->platform.ports.plain <= machine->platform.ports.recent.bytes);
	PROMISE(machine->platform.memory.plain <= machine->platform.memory.recent.bytes);
}

void vcpu_check_promises(const struct vcpu *vcpu)
{
	vcpu_check_entry(vcpu);
	vcpu_check_lapic(vcpu);
	vcpu_check_wants(vcpu);
	vcpu_check_machine(vcpu->machine);
}
#endif
