/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/brief.h"

#include "arch/x86_64/hw/lapic.h"
#include "arch/x86_64/hw/msr.h"
#include "lib/checked.h"
#include "vmm/monitor/console.h"
#include "vmm/monitor/exits.h"
#include "vmm/monitor/inject.h"
#include "vmm/monitor/machine.h"
#include "vmm/rt/clock.h"

static bool brief_advance(struct vcpu_page *page, u32 length)
{
	page->advance_length = length;
	page->request |= REQUEST_ADVANCE;
	return true;
}

/* A device that has all of the access, in one piece, and no need of the time. */
static struct device *find_device(struct bus *bus, u64 address, u32 size)
{
	struct device *device = bus_find(bus, address, size);

	return device == NULL || device->ops->tick != NULL || size > device->ops->widest ? NULL
											  : device;
}

static bool brief_port(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u16 port = page->exit.io_port;
	u32 size = page->exit.io_size;
	u32 flags = page->exit.io_flags;
	u64 mask = (2ull << (size * 8 - 1)) - 1;
	u64 *rax = &page->gpr[GPR_RAX];
	struct device *device;

	if ((flags & IO_STRING) != 0 || page->exit.instruction_length == 0)
		return false;
	device = find_device(&vcpu->machine->platform.ports, port, size);
	if (device == NULL)
		return false;
	if ((flags & IO_IN) == 0)
		device->ops->write(device, port, size, *rax & mask);
	else if (size == 4)
		*rax = device->ops->read(device, port, size) & mask;
	else
		*rax = (*rax & ~mask) | (device->ops->read(device, port, size) & mask);
	return brief_advance(page, page->exit.instruction_length);
}

/* Registers whose value or effect depends on the time. */
static bool is_timer_register(u32 offset)
{
	return offset == LAPIC_LVT_TIMER || offset == LAPIC_TIMER_INITIAL ||
	       offset == LAPIC_TIMER_CURRENT || offset == LAPIC_TIMER_DIVIDE;
}

/*
 * After a write the next entry has to be looked at anew when the task priority may be another, or
 * when requests wait for it or for an EOI; a new request kicks.
 */
static void lapic_touched(struct vcpu *vcpu, u32 offset)
{
	if (offset == LAPIC_TPR || machine_lapic(vcpu)->words.requested != 0)
		vcpu->quiet = false;
}

static bool access_lapic(struct vcpu *vcpu, const struct move *move, u64 gpa)
{
	struct lapic *lapic = machine_lapic(vcpu);
	u32 offset = (u32)(gpa & PAGE_MASK);

	if (move->bytes != 4 || offset % 16 != 0 || is_timer_register(offset))
		return false;
	if (move->store) {
		lapic_write(lapic, offset, (u32)moves_value(move, vcpu->page));
		lapic_touched(vcpu, offset);
	} else {
		moves_load(move, vcpu->page, lapic_read(lapic, offset));
	}
	return true;
}

static bool access_device(struct vcpu *vcpu, const struct move *move, u64 gpa)
{
	struct platform *platform = &vcpu->machine->platform;
	struct device *device;

	if (lapic_claims(machine_lapic(vcpu), gpa))
		return access_lapic(vcpu, move, gpa);
	device = find_device(&platform->memory, gpa, move->bytes);
	if (device == NULL)
		return false;
	if (move->store)
		device->ops->write(device, gpa, move->bytes, moves_value(move, vcpu->page));
	else
		moves_load(move, vcpu->page, device->ops->read(device, gpa, move->bytes));
	return true;
}

/*
 * The CPU has come to the address itself and found the access allowed; it remains to make sure that
 * the instruction means that access and no part of one across two pages.
 */
static bool is_of_exit(const struct move *move, const struct vcpu_page *page)
{
	u32 access = move->store ? ACCESS_WRITE : ACCESS_READ;
	u64 within = page->exit.gpa & PAGE_MASK;

	return (page->exit.access & (access | ACCESS_EXECUTE | ACCESS_TABLE_WALK)) == access &&
	       (moves_address(move, page) & PAGE_MASK) == within &&
	       within + move->bytes <= PAGE_SIZE;
}

static bool brief_memory(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	const struct move *move = moves_find(&vcpu->moves, page);

	if (move == NULL || !is_of_exit(move, page) ||
	    !access_device(vcpu, move, page->exit.gpa)) {
		page->want[EXIT_MEMORY] = EXIT_MEMORY_GROUPS;
		return false;
	}
	page->want[EXIT_MEMORY] = VCPU_CODE;
	return brief_advance(page, move->length);
}

/* x2APIC: offset of the register of an MSR, 0: another MSR, or one of the timer's. */
static u32 x2apic_offset(u32 msr)
{
	u32 offset = (msr - MSR_X2APIC_BASE) << 4;

	return msr - MSR_X2APIC_BASE < 0x100 && !is_timer_register(offset) ? offset : 0;
}

/* The local APIC's timer is the only one that this vCPU looks after. */
static bool has_one_timer(const struct vcpu *vcpu)
{
	const struct platform *platform = &vcpu->machine->platform;

	for (u32 i = 0; vcpu->id == 0 && i < platform->timed_count; i++)
		if (platform->timed[i]->deadline_ns != DEADLINE_NONE)
			return false;
	return true;
}

static bool brief_deadline(struct vcpu *vcpu)
{
	if (!has_one_timer(vcpu) ||
	    !lapic_timer_expire(machine_lapic(vcpu), clock_tsc() + vcpu->page->tsc_offset))
		return false;
	vcpu->machine->channel->timer_expirations++;
	vcpu->page->deadline_tsc = 0;
	vcpu->deadline_ns = DEADLINE_NONE;
	return true;
}

/* Arms the timer without asking the clock; not when it is due already, or wakes nobody. */
static bool arm_deadline(struct vcpu *vcpu, u64 tsc)
{
	const struct machine_time *time = &vcpu->machine->time;
	u64 host = tsc - vcpu->page->tsc_offset;

	if (tsc == 0 || (s64)(host - clock_tsc()) <= 0 ||
	    !has_one_timer(vcpu) || !lapic_timer_rearm(machine_lapic(vcpu), tsc))
		return false;
	vcpu->page->deadline_tsc = host;
	vcpu->deadline_ns = mul_div(host - time->base_tsc, NS_PER_MS, time->tsc_khz);
	return true;
}

static bool brief_wrmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u32 msr = (u32)page->gpr[GPR_RCX];
	u64 value = page->gpr[GPR_RDX] << 32 | (u32)page->gpr[GPR_RAX];

	if (page->exit.instruction_length == 0)
		return false;
	if (msr == MSR_TSC_DEADLINE)
		return arm_deadline(vcpu, value) &&
		       brief_advance(page, page->exit.instruction_length);
	if (x2apic_offset(msr) == 0)
		return false;
	/* one that is refused has no effect, and is settled again with an exception */
	if (!lapic_msr_write(machine_lapic(vcpu), msr, value, vcpu->machine->physical_bits))
		return false;
	lapic_touched(vcpu, x2apic_offset(msr));
	return brief_advance(page, page->exit.instruction_length);
}

static bool brief_rdmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u32 msr = (u32)page->gpr[GPR_RCX];
	u64 value;

	if (page->exit.instruction_length == 0 ||
	    (msr != MSR_APIC_BASE && x2apic_offset(msr) == 0) ||
	    !lapic_msr_read(machine_lapic(vcpu), msr, &value))
		return false;
	page->gpr[GPR_RAX] = (u32)value;
	page->gpr[GPR_RDX] = value >> 32;
	return brief_advance(page, page->exit.instruction_length);
}

static bool brief_exit(struct vcpu *vcpu)
{
	switch (vcpu->page->exit.reason) {
	case EXIT_IO:
		return brief_port(vcpu);
	case EXIT_MEMORY:
		return brief_memory(vcpu);
	case EXIT_WRMSR:
		return brief_wrmsr(vcpu);
	case EXIT_RDMSR:
		return brief_rdmsr(vcpu);
	case EXIT_DEADLINE:
		return brief_deadline(vcpu);
	case EXIT_INTERRUPT_WINDOW:
		vcpu->quiet = false;
		return true;
	default:
		return false;
	}
}

bool brief_settle(struct vcpu *vcpu)
{
	struct platform *platform = &vcpu->machine->platform;
	struct vcpu_page *page = vcpu->page;
	u32 reason = page->exit.reason;

	if (page->event.valid || page->cr8 != lapic_get_cr8(machine_lapic(vcpu)))
		return false;
	if (vcpu->pv_eoi.pending)
		pv_eoi_collect(vcpu);
	if (!brief_exit(vcpu))
		return false;
	page->exit.reason = EXIT_NONE;
	if (unlikely(platform->events.pending != 0))
		return false;
	if (unlikely(vcpu->machine->signal) && reason != EXIT_IO) /* output comes in a row */
		console_signal(vcpu->machine);
	if (unlikely((platform->irqchip.kick & ~BIT(vcpu->id)) != 0))
		vcpu_wake_kicked(vcpu);
	if (!vcpu->quiet || platform->irqchip.kick != 0)
		return inject_prepare(vcpu);
	pv_eoi_offer(vcpu);
	return true;
}
