/* SPDX-License-Identifier: MIT */
/*
 * A vCPU: its wake-ups, the register groups it needs, its clock and interrupts. Called by the exit
 * handlers and loop.c under the machine's lock; changes that vCPU and its page.
 */
#include "vmm/monitor/machine/vcpu.h"

#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/cpuid/cpuid_table.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

void vcpu_wake(struct vcpu *vcpu)
{
	if (vcpu->woken || vcpu->place == VCPU_INSIDE)
		return;
	vcpu->woken = true;
	if (vcpu->place == VCPU_IN_GUEST)
		(void)sys_vcpu_kick(vcpu->handle);
	else
		(void)sys_event_signal(vcpu->wake_event);
}

void vcpu_show_cpuid(struct vcpu *vcpu)
{
	const struct machine *machine = vcpu->machine;

	if (machine->debugger.attached) {
		memset(vcpu->cpuid_page, 0, PAGE_SIZE);
		return;
	}
	cpuid_table_fill(vcpu->cpuid_page, &machine->cpuid, vcpu->id,
			 lapic_mode(machine_lapic(vcpu)) != LAPIC_OFF);
}

void vcpu_set_tsc_offset(struct vcpu *vcpu)
{
	vcpu->page->tsc_offset = machine_time_tsc_offset(&vcpu->machine->time) + vcpu->tsc_adjust;
	vcpu->page->dirty |= VCPU_TSC;
}

void vcpu_update_clock(struct vcpu *vcpu)
{
	vcpu->machine->platform.clock.tsc_adjust = vcpu->tsc_adjust;
	machine_update_clock(vcpu->machine);
}

void vcpu_update_pvclock(struct vcpu *vcpu, bool stopped)
{
	struct machine *machine = vcpu->machine;
	struct machine_clock clock = {.tsc_adjust = vcpu->tsc_adjust};

	machine_time_update(&machine->time, &clock, clock_tsc());
	pvclock_update(&vcpu->pvclock, &machine->memory, &clock, stopped);
}

void vcpu_need(struct vcpu *vcpu, u32 groups)
{
	/*
	 * register groups that the monitor has changed in the page are newer than those in the
	 * kernel
	 */
	u32 missing = groups & ~(vcpu->page->valid | vcpu->page->dirty);

	if (missing != 0 && sys_vcpu_get(vcpu->handle, missing) != STATUS_OK)
		machine_crash(vcpu->machine, "the kernel does not hand over its registers");
}

void vcpu_set_wants(struct vcpu_page *page)
{
	memset(page->want, 0, sizeof(page->want));
	page->want[EXIT_MEMORY] = EXIT_MEMORY_GROUPS;
	page->want[EXIT_APIC_ACCESS] = EXIT_MEMORY_GROUPS;
	page->want[EXIT_HYPERCALL] = VCPU_SEGMENTS | VCPU_CONTROL;
}

/*
 * If the exit has reported no instruction length, so that the monitor had to decode the
 * instruction, makes later exits for the same reason bring along the registers that decoding needs.
 */
static void vcpu_want_for_length(struct vcpu *vcpu, u32 length)
{
	u32 reason = vcpu->page->exit.reason;

	if (likely((length == 0) == (vcpu->decoded >> reason & 1)))
		return;
	if (length == 0) {
		vcpu->decoded |= BIT(reason);
		vcpu->page->want[reason] |= VCPU_SEGMENTS | VCPU_CONTROL;
	} else {
		vcpu->decoded = 0;
		vcpu_set_wants(vcpu->page);
	}
}

void vcpu_advance(struct vcpu *vcpu)
{
	struct vcpu_event event = {0};
	u32 length = vcpu->page->exit.instruction_length;

	vcpu_want_for_length(vcpu, length);
	if (length == 0) {
		vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
		if (emulate_instruction_length(&vcpu->emulator, &length, &event) != EMULATE_DONE) {
			machine_crash(vcpu->machine,
				      "the instruction at rip 0x%lx cannot be decoded",
				      vcpu->page->rip);
			return;
		}
	}
	vcpu->page->advance_length = length;
	vcpu->page->request |= REQUEST_ADVANCE;
}

void vcpu_tick(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	struct platform *platform = &machine->platform;

	vcpu->deadline_ns = platform_deadline(platform, vcpu->id);
	if (vcpu->deadline_ns <= platform->clock.now_ns) {
		machine->channel->timer_expirations++;
		platform_tick(platform, vcpu->id);
		vcpu->deadline_ns = platform_deadline(platform, vcpu->id);
	}
	vcpu->page->deadline_tsc = machine_time_to_host(&machine->time, vcpu->deadline_ns);
}

void vcpu_tick_now(struct vcpu *vcpu)
{
	vcpu_update_clock(vcpu);
	vcpu_tick(vcpu);
	if (vcpu->id == 0) /* vCPU 0's next run ends at the new deadline anyway */
		vcpu->machine->platform.events.pending &= ~(u32)MACHINE_DEADLINE;
}

void vcpu_wake_for_deadline(struct vcpu *vcpu)
{
	struct platform *platform = &vcpu->machine->platform;
	struct vcpu *first = &vcpu->machine->vcpu[0];

	platform->events.pending &= ~(u32)MACHINE_DEADLINE;
	if (platform_deadline(platform, 0) < first->deadline_ns)
		vcpu_wake(first);
}

void vcpu_wake_kicked(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	struct irqchip *irqchip = &machine->platform.irqchip;
	u64 kick = irqchip->kick & ~BIT(vcpu->id);

	irqchip->kick &= BIT(vcpu->id);
	for (; kick != 0; kick &= kick - 1) {
		struct vcpu *other = &machine->vcpu[bit_lowest(kick)];

		other->quiet = false;
		vcpu_wake(other);
	}
}

/*
 * Notes to yield this CPU to the vCPU after the one to which this vCPU yielded last: any of them
 * may wait for a CPU.
 */
void vcpu_spins(struct vcpu *vcpu)
{
	u32 count = vcpu->machine->vcpu_count;

	if (count == 1)
		return;
	vcpu->spun_for = (vcpu->spun_for + 1) % count;
	if (vcpu->spun_for == vcpu->id)
		vcpu->spun_for = (vcpu->spun_for + 1) % count;
	vcpu->yield_to = vcpu->spun_for + 1;
}

void vcpu_wait_for_bell(struct vcpu *vcpu)
{
	struct platform *platform = &vcpu->machine->platform;

	platform->events.pending &= ~(u32)MACHINE_WAIT;
	platform->window->state.waiting |= BIT(vcpu->id);
	/* with TF set, the single-step trap ends the wait at once, as a HLT's */
	vcpu->halted = (vcpu->page->rflags & RFLAGS_TF) == 0;
}

bool vcpu_is_svm(void)
{
	return string_starts_with(start_info->backend, "SVM");
}

u64 vcpu_debug_bits(const struct vcpu *vcpu)
{
	return vcpu_is_svm() ? vcpu->page->dr[6] : vcpu->page->exit.qualification;
}
