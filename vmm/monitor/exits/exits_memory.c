/* SPDX-License-Identifier: MIT */
/*
 * Handles accesses to memory that is a device: plain moves directly, others by the emulator. Called
 * by exits.c and exits_settle.h; reaches devices by the platform's memory bus.
 */
#include "vmm/monitor/exits/exits_memory.h"

#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/exits/exits_apic.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/rt/format.h"

static u64 exits_memory_emulate_read(void *device, gpa_t gpa, u32 size)
{
	struct vcpu *vcpu = device;

	return platform_memory_read(&vcpu->machine->platform, vcpu->id, gpa.value, size);
}

static void exits_memory_emulate_write(void *device, gpa_t gpa, u32 size, u64 value)
{
	struct vcpu *vcpu = device;

	platform_memory_write(&vcpu->machine->platform, vcpu->id, gpa.value, size, value);
}

static u32 exits_memory_emulate_in(void *device, u16 port, u32 size)
{
	struct vcpu *vcpu = device;

	return (u32)bus_read(&vcpu->machine->platform.ports, port, size);
}

static void exits_memory_emulate_out(void *device, u16 port, u32 size, u32 value)
{
	struct vcpu *vcpu = device;

	bus_write(&vcpu->machine->platform.ports, port, size, value);
}

static u8 *exits_memory_emulate_vectors(void *device)
{
	struct vcpu *vcpu = device;

	vcpu_need(vcpu, VCPU_XSAVE);
	return vcpu->xsave_page;
}

static void exits_memory_emulate_tables(void *device)
{
	vcpu_need(device, VCPU_TABLES);
}

const struct emulate_ops exits_emulate_ops = {
	.read = exits_memory_emulate_read,
	.write = exits_memory_emulate_write,
	.in = exits_memory_emulate_in,
	.out = exits_memory_emulate_out,
	.vectors = exits_memory_emulate_vectors,
	.tables = exits_memory_emulate_tables,
};

static bool exits_memory_access_lapic(struct vcpu *vcpu, const struct move *move, u64 gpa)
{
	struct lapic *lapic = machine_lapic(vcpu);
	u32 offset = (u32)(gpa & PAGE_MASK);

	if (move->bytes != 4 || offset % 16 != 0)
		return false;
	exits_apic_take(vcpu, lapic, offset);
	if (move->store) {
		lapic_write(lapic, offset, (u32)moves_value(move, vcpu->page));
		exits_apic_touched(vcpu, lapic, offset);
	} else {
		moves_load(move, vcpu->page, lapic_read(lapic, offset));
	}
	return true;
}

static bool exits_memory_access(struct vcpu *vcpu, const struct move *move, u64 gpa)
{
	struct bus *memory = &vcpu->machine->platform.memory;
	const struct bus_range *range = &memory->recent;
	struct device *device;

	if (lapic_claims(machine_lapic(vcpu), gpa))
		return exits_memory_access_lapic(vcpu, move, gpa);
	if (!bus_find_plain(memory, gpa, move->bytes))
		return false;
	vcpu->machine->platform.clock.stale = CLOCK_STALE;
	device = range->device;
	if (move->store)
		device->ops->write(device, range->region, gpa - range->base, move->bytes,
				   moves_value(move, vcpu->page));
	else
		moves_load(
			move, vcpu->page,
			device->ops->read(device, range->region, gpa - range->base, move->bytes));
	return true;
}

/*
 * Returns whether the move makes just the access that the exit reports, and not one that crosses a
 * page. The CPU itself has reached the address and found the access permitted.
 */
static bool exits_memory_is_of_exit(const struct move *move, const struct vcpu_page *page)
{
	u32 access = move->store ? ACCESS_WRITE : ACCESS_READ;
	u64 within = page->exit.gpa & PAGE_MASK;

	return (page->exit.access & (access | ACCESS_EXECUTE | ACCESS_TABLE_WALK)) == access &&
	       (moves_address(move, page) & PAGE_MASK) == within &&
	       within + move->bytes <= PAGE_SIZE;
}

bool exits_memory_move(struct vcpu *vcpu, enum exit_reason reason)
{
	struct vcpu_page *page = vcpu->page;
	const struct move *move = moves_find(&vcpu->moves, page);

	if (vcpu->event.valid || move == NULL || !exits_memory_is_of_exit(move, page) ||
	    !exits_memory_access(vcpu, move, page->exit.gpa)) {
		page->want[reason] = EXIT_MEMORY_GROUPS;
		return false;
	}
	page->want[reason] = VCPU_CODE;
	return exits_advance(page, move->length);
}

static void exits_memory_unsupported(struct vcpu *vcpu, const char *what)
{
	const struct emulator *emulator = &vcpu->emulator;
	char bytes[3 * X86_LENGTH_MAX + 1] = "";

	for (u32 i = 0; i < MIN(emulator->byte_count, (u8)X86_LENGTH_MAX); i++)
		format(&bytes[3ul * i], 4, " %02x", emulator->bytes[i]);
	machine_crash(vcpu->machine,
		      "%s at 0x%lx by an instruction that is not emulated, rip 0x%lx:%s", what,
		      vcpu->page->exit.gpa, vcpu->page->rip, bytes);
}

void exits_memory_finish(struct vcpu *vcpu, enum emulate_result result,
			 const struct vcpu_event *event, const char *what)
{
	switch (result) {
	case EMULATE_DONE:
	case EMULATE_FAULT:
		if (event->valid)
			inject_raise_event(vcpu, event);
		break;
	case EMULATE_AGAIN:
		break;
	case EMULATE_UNSUPPORTED:
		exits_memory_unsupported(vcpu, what);
		break;
	}
}

u32 exits_memory_groups(const struct vcpu *vcpu)
{
	return VCPU_SEGMENTS | VCPU_CONTROL |
	       ((vcpu->page->rflags & RFLAGS_TF) != 0 ? (u32)VCPU_DEBUG : 0);
}

void exits_memory(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;
	struct vcpu_event event = {0};
	enum emulate_result result;

	if (vcpu->event.valid) {
		machine_crash(vcpu->machine,
			      "delivery of vector %u needs address 0x%lx, where there is no memory",
			      vcpu->event.vector, exit->gpa);
		return;
	}
	if ((exit->access & ACCESS_EXECUTE) != 0) {
		machine_crash(vcpu->machine,
			      "rip 0x%lx lies at address 0x%lx, where there is no memory",
			      vcpu->page->rip, exit->gpa);
		return;
	}
	vcpu_need(vcpu, exits_memory_groups(vcpu));
	result = emulate(&vcpu->emulator, &event);
	exits_memory_finish(vcpu, result, &event, "memory access");
}
