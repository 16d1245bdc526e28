/* SPDX-License-Identifier: MIT */
/*
 * Creates a vCPU's kernel object and maps the pages that it shares with the kernel. Called by
 * machine_setup.c and rebuild.c; makes system calls and changes that vCPU.
 */
#include "vmm/monitor/life/vcpu_setup.h"

#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/hypercall.h"
#include "vmm/monitor/vcpu/trace.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define VCPU_BYTES (VCPU_PAGES_MAX * PAGE_SIZE)

enum queue_key { KEY_WAKE = 2 };

static enum status vcpu_setup_queue(struct vcpu *vcpu)
{
	handle_t group = start_handle(START_GROUP);
	enum status status = STATUS_OK;

	if (vcpu->id == 0)
		vcpu->queue = vcpu->machine->queue;
	else
		status = sys_queue_create(group, &vcpu->queue);
	if (status == STATUS_OK)
		status = sys_event_create(group, &vcpu->wake_event);
	if (status == STATUS_OK)
		status = sys_object_bind(vcpu->wake_event, vcpu->queue, KEY_WAKE);
	vcpu->machine->lock.event[vcpu->id] = vcpu->wake_event;
	return status;
}

enum status vcpu_setup_pages(struct vcpu *vcpu)
{
	handle_t memory;
	u64 address;
	enum status status;

	status = memory_take(VCPU_BYTES, MEMORY_PINNED, &memory, &address);
	if (status != STATUS_OK)
		return status;
	vcpu->page = (struct vcpu_page *)(uintptr_t)address;
	vcpu->lapic_page = (struct lapic_page *)(uintptr_t)(address + VCPU_APIC_PAGE * PAGE_SIZE);
	vcpu->cpuid_page =
		(struct vcpu_cpuid_entry *)(uintptr_t)(address + VCPU_CPUID_PAGE * PAGE_SIZE);
	vcpu->xsave_page = (u8 *)(uintptr_t)(address + VCPU_XSAVE_PAGE * PAGE_SIZE);
	vcpu->emulator = (struct emulator){
		.page = vcpu->page,
		.memory = &vcpu->machine->memory,
		.ops = &exits_emulate_ops,
		.device = vcpu,
		.xsave = &vcpu->machine->xsave,
	};
	status = sys_vcpu_create(start_handle(START_VM), memory, 0, vcpu->queue, &vcpu->handle);
	sys_handle_close(memory);
	return status;
}

enum status vcpu_setup(struct vcpu *vcpu, struct machine *machine, u32 id)
{
	enum status status;

	vcpu->machine = machine;
	vcpu->id = id;
	vcpu->lapic = &machine->platform.irqchip.lapic[id];
	status = vcpu_setup_queue(vcpu);
	if (status == STATUS_OK)
		status = vcpu_setup_pages(vcpu);
	if (status != STATUS_OK)
		return status;
	trace_init(&vcpu->trace);
	vcpu_set_wants(vcpu->page);
	hypercall_setup(vcpu->page);
	return STATUS_OK;
}
