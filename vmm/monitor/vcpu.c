/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/vcpu.h"

#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/console.h"
#include "vmm/monitor/cpuid_table.h"
#include "vmm/monitor/exits.h"
#include "vmm/monitor/inject.h"
#include "vmm/monitor/machine.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define VCPU_BYTES (VCPU_PAGES_MAX * PAGE_SIZE)

static enum status create(struct vcpu *vcpu)
{
	handle_t memory;
	u64 address;
	enum status status;

	status = sys_memory_create(start_handle(START_GROUP), VCPU_BYTES, MEMORY_PINNED, &memory);
	if (status != STATUS_OK)
		return status;
	status = sys_space_map(start_handle(START_SPACE), 0, memory, 0, VCPU_BYTES,
			       RIGHT_READ | RIGHT_WRITE, &address);
	if (status != STATUS_OK)
		return status;
	vcpu->page = (struct vcpu_page *)(uintptr_t)address;
	vcpu->lapic_page = (struct lapic_page *)(uintptr_t)(address + VCPU_APIC_PAGE * PAGE_SIZE);
	vcpu->cpuid_page = (struct vcpu_cpuid_entry *)(uintptr_t)(address +
								  VCPU_CPUID_PAGE * PAGE_SIZE);
	return sys_vcpu_create(start_handle(START_VM), memory, 0, vcpu->queue, &vcpu->handle);
}

enum status vcpu_init(struct vcpu *vcpu, struct machine *machine, u32 id)
{
	enum status status;

	vcpu->machine = machine;
	vcpu->id = id;
	vcpu->queue = machine->queue;
	status = create(vcpu);
	if (status != STATUS_OK)
		return status;
	exits_set_wants(vcpu->page);
	vcpu->emulator = (struct emulator){
		.page = vcpu->page,
		.memory = &machine->memory,
		.ops = &exits_emulate_ops,
		.device = vcpu,
	};
	return STATUS_OK;
}

void vcpu_reset(struct vcpu *vcpu)
{
	vcpu->halted = false;
	vcpu->quiet = false;
	vcpu->event.valid = 0;
	vcpu->held.valid = 0;
	vcpu->page->exit.reason = EXIT_NONE;
	vcpu->page->request = 0;
	vcpu->page->inject.valid = 0;
	vcpu->pvclock = (struct pvclock){0};
	msr_reset(&vcpu->msr, &vcpu->machine->cpuid);
	vcpu_show_cpuid(vcpu);
	vcpu_set_tsc_offset(vcpu);
}

void vcpu_show_cpuid(struct vcpu *vcpu)
{
	const struct machine *machine = vcpu->machine;

	cpuid_table_fill(vcpu->cpuid_page, &machine->cpuid, vcpu->id,
			 lapic_mode(&machine->platform.irqchip.lapic[vcpu->id]) != LAPIC_OFF);
}

void vcpu_set_tsc_offset(struct vcpu *vcpu)
{
	vcpu->page->tsc_offset = machine_time_tsc_offset(&vcpu->machine->time);
	vcpu->page->dirty |= VCPU_TSC;
}

void vcpu_need(struct vcpu *vcpu, u32 groups)
{
	/* what the monitor has changed itself is newer than what the kernel has */
	u32 missing = groups & ~(vcpu->page->valid | vcpu->page->dirty);

	if (missing != 0 && sys_vcpu_get(vcpu->handle, missing) != STATUS_OK)
		machine_crash(vcpu->machine, "the kernel does not give its registers");
}

void vcpu_advance(struct vcpu *vcpu)
{
	struct vcpu_event event = {0};
	u32 length = vcpu->page->exit.instruction_length;

	if (length == 0) {
		/* a CPU that does not tell: next time they come along at once */
		vcpu->page->want[vcpu->page->exit.reason] |= VCPU_SEGMENTS | VCPU_CONTROL;
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

/* Signals only say that there is something to look at: machine_attend looks. */
static void drain_queue(struct vcpu *vcpu)
{
	u64 key;

	while (sys_queue_wait(vcpu->queue, 0, &key) == STATUS_OK)
		;
}

static void run(struct vcpu *vcpu)
{
	enum status status = sys_vcpu_run(vcpu->handle);

	if (status != STATUS_OK) {
		vcpu->page->exit.reason = EXIT_NONE;
		machine_crash(vcpu->machine, "the kernel refuses to run its vCPU: %s",
			      status_text(status));
		return;
	}
	if (vcpu->page->event.valid)
		vcpu->event = vcpu->page->event;
	if (vcpu->page->exit.reason == EXIT_KICK)
		drain_queue(vcpu);
}

/* Nothing to run: until the next timer, a signal, or for ever. */
static void sleep(struct vcpu *vcpu, u64 deadline_tsc)
{
	u64 key;
	enum status status =
		sys_queue_wait(vcpu->queue, deadline_tsc != 0 ? deadline_tsc : ~0ull, &key);

	if (status != STATUS_OK && status != STATUS_TIMED_OUT)
		rt_fail("queue");
}

/* Whether the vCPU has something to run; the page then says how. */
static bool prepare(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;

	if (machine->state != VM_RUNNING || !inject_prepare(vcpu))
		return false;
	vcpu->page->deadline_tsc = machine_time_to_host(&machine->time, machine->deadline_ns);
	return true;
}

void vcpu_thread(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;

	for (;;) {
		u32 reason = vcpu->page->exit.reason;
		u64 deadline_tsc = 0;
		bool runnable;

		machine_lock(machine);
		machine_update_clock(machine);
		if (machine->state == VM_RUNNING)
			exits_settle(vcpu);
		machine_attend(machine);
		/* ports and CPUID do not reach the local APIC; what a device sends there kicks */
		if (reason != EXIT_IO && reason != EXIT_CPUID)
			vcpu->quiet = false;
		runnable = prepare(vcpu);
		if (!runnable && machine->state == VM_RUNNING)
			deadline_tsc = machine_time_to_host(&machine->time, machine->deadline_ns);
		if (!runnable || reason != EXIT_IO)
			console_signal(machine);
		machine_unlock(machine);

		if (runnable)
			run(vcpu);
		else
			sleep(vcpu, deadline_tsc);
	}
}
