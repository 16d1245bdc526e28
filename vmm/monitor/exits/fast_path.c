/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/exits/fast_path.h"

#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/vmx.h"
#include "lib/checked.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/machine/rebuild_due.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

static bool fast_path_advance(struct vcpu_page *page, u32 length)
{
	page->advance_length = length;
	page->request |= REQUEST_ADVANCE;
	return true;
}

static u64 fast_path_low_bytes(u64 value, u32 size)
{
	return size == 1 ? (u8)value : size == 2 ? (u16)value : (u32)value;
}

/* SDM vol. 1, 3.4.1.1: 32 bits clear the upper half, fewer leave what is above them. */
static void fast_path_load_bytes(u64 *reg, u64 value, u32 size)
{
	if (likely(size == 1))
		__builtin_memcpy(reg, &value, 1);
	else if (size == 2)
		__builtin_memcpy(reg, &value, 2);
	else
		*reg = (u32)value;
}

/* Reads fields of the page again rather than save registers across the device's function. */
static ALWAYS_INLINE bool fast_path_port(struct bus *ports, struct vcpu_page *page, u32 *stale)
{
	const struct vcpu_exit *exit = &page->exit;
	u64 *rax = &page->gpr[GPR_RAX];
	struct device *device;
	u64 offset;

	if (unlikely((exit->io_flags & IO_STRING) != 0) || unlikely(exit->instruction_length == 0))
		return false;
	if (!bus_find_plain(ports, exit->io_port, exit->io_size))
		return false;
	(void)fast_path_advance(page, exit->instruction_length);
	*stale = CLOCK_STALE;
	device = ports->recent.device;
	offset = exit->io_port - ports->recent.base;
	if (likely((exit->io_flags & IO_IN) != 0))
		fast_path_load_bytes(
			rax, device->ops->read(device, ports->recent.region, offset, exit->io_size),
			exit->io_size);
	else
		device->ops->write(device, ports->recent.region, offset, exit->io_size,
				   fast_path_low_bytes(*rax, exit->io_size));
	return true;
}

/* Registers whose value or effect depends on the time. */
static bool fast_path_is_timer_register(u32 offset)
{
	return offset == LAPIC_LVT_TIMER || offset == LAPIC_TIMER_INITIAL ||
	       offset == LAPIC_TIMER_CURRENT || offset == LAPIC_TIMER_DIVIDE;
}

/* Takes the page back; for a register that depends on the time also updates the clock. */
static ALWAYS_INLINE void fast_path_lapic_taken(struct vcpu *vcpu, struct lapic *lapic, u32 offset)
{
	lapic_recall(lapic);
	if (fast_path_is_timer_register(offset))
		vcpu_update_clock(vcpu);
}

/*
 * After a write the next entry has to be prepared anew if the task priority may have changed, or if
 * requests wait for that or for an EOI; a new request kicks. Timers may have moved.
 */
static ALWAYS_INLINE void fast_path_lapic_touched(struct vcpu *vcpu, const struct lapic *lapic,
						  u32 offset)
{
	if (offset == LAPIC_TPR || offset == LAPIC_SVR || lapic->words.requested != 0 ||
	    (lapic->by_cpu && lapic->moved))
		vcpu->quiet = false;
	if (fast_path_is_timer_register(offset))
		vcpu_tick(vcpu);
}

static bool fast_path_access_lapic(struct vcpu *vcpu, const struct move *move, u64 gpa)
{
	struct lapic *lapic = machine_lapic(vcpu);
	u32 offset = (u32)(gpa & PAGE_MASK);

	if (move->bytes != 4 || offset % 16 != 0)
		return false;
	fast_path_lapic_taken(vcpu, lapic, offset);
	if (move->store) {
		lapic_write(lapic, offset, (u32)moves_value(move, vcpu->page));
		fast_path_lapic_touched(vcpu, lapic, offset);
	} else {
		moves_load(move, vcpu->page, lapic_read(lapic, offset));
	}
	lapic_lend(lapic);
	return true;
}

static bool fast_path_access_device(struct vcpu *vcpu, const struct move *move, u64 gpa)
{
	struct bus *memory = &vcpu->machine->platform.memory;
	const struct bus_range *range = &memory->recent;
	struct device *device;

	if (lapic_claims(machine_lapic(vcpu), gpa))
		return fast_path_access_lapic(vcpu, move, gpa);
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
 * The CPU itself has reached the address and found the access allowed; it remains to check that the
 * instruction makes just that access, and not one that crosses a page.
 */
static bool fast_path_is_of_exit(const struct move *move, const struct vcpu_page *page)
{
	u32 access = move->store ? ACCESS_WRITE : ACCESS_READ;
	u64 within = page->exit.gpa & PAGE_MASK;

	return (page->exit.access & (access | ACCESS_EXECUTE | ACCESS_TABLE_WALK)) == access &&
	       (moves_address(move, page) & PAGE_MASK) == within &&
	       within + move->bytes <= PAGE_SIZE;
}

/* The next exit for the same reason brings along what this one needed. */
static bool fast_path_memory(struct vcpu *vcpu, enum exit_reason reason)
{
	struct vcpu_page *page = vcpu->page;
	const struct move *move = moves_find(&vcpu->moves, page);

	if (move == NULL || !fast_path_is_of_exit(move, page) ||
	    !fast_path_access_device(vcpu, move, page->exit.gpa)) {
		page->want[reason] = EXIT_MEMORY_GROUPS;
		return false;
	}
	page->want[reason] = VCPU_CODE;
	return fast_path_advance(page, move->length);
}

/* x2APIC: offset of the register of an MSR, 0: another MSR. */
static u32 fast_path_x2apic_offset(u32 msr)
{
	return msr - MSR_X2APIC_BASE < 0x100 ? (msr - MSR_X2APIC_BASE) << 4 : 0;
}

/* The local APIC's timer is the only one that this vCPU serves at present. */
static bool fast_path_has_one_timer(const struct vcpu *vcpu)
{
	const struct platform *platform = &vcpu->machine->platform;

	for (u32 i = 0; vcpu->id == 0 && i < platform->timed_count; i++)
		if (platform->timed[i]->deadline_ns != DEADLINE_NONE)
			return false;
	return true;
}

static void fast_path_tick_now(struct vcpu *vcpu)
{
	vcpu_update_clock(vcpu);
	vcpu_tick(vcpu);
	if (vcpu->id == 0) /* its next run ends in time */
		vcpu->machine->platform.events.pending &= ~(u32)MACHINE_DEADLINE;
}

/* With an interrupt, fast_path_prepare_entry() needs the page first, and lends it then. */
static void fast_path_lend_unless_kicked(struct vcpu *vcpu)
{
	if ((vcpu->machine->platform.irqchip.kick & BIT(vcpu->id)) == 0)
		lapic_lend(machine_lapic(vcpu));
}

static bool fast_path_deadline(struct vcpu *vcpu)
{
	struct lapic *lapic = machine_lapic(vcpu);

	lapic_recall(lapic); /* so that nothing has to be posted */
	if (fast_path_has_one_timer(vcpu) &&
	    lapic_timer_expire(lapic, clock_tsc() + vcpu->page->tsc_offset)) {
		vcpu->machine->channel->timer_expirations++;
		vcpu->page->deadline_tsc = 0;
		vcpu->deadline_ns = DEADLINE_NONE;
	} else {
		fast_path_tick_now(vcpu);
	}
	fast_path_lend_unless_kicked(vcpu);
	return true;
}

/* Arms the timer without updating the clock. False, without effect: it takes more than that. */
static bool fast_path_arm_deadline(struct vcpu *vcpu, u64 tsc)
{
	const struct machine_time *time = &vcpu->machine->time;
	u64 host = tsc - vcpu->page->tsc_offset;

	if (tsc == 0 || (s64)(host - clock_tsc()) <= 0 || !fast_path_has_one_timer(vcpu) ||
	    !lapic_timer_rearm(machine_lapic(vcpu), tsc))
		return false;
	vcpu->page->deadline_tsc = host;
	vcpu->deadline_ns = mul_div(host - time->base_tsc, NS_PER_MS, time->tsc_khz);
	return true;
}

/* False also after an exit that had to be decoded: the long way resets what exits bring along. */
static bool fast_path_has_length(const struct vcpu *vcpu, enum exit_reason reason)
{
	return vcpu->page->exit.instruction_length != 0 && !(vcpu->decoded & BIT(reason));
}

static bool fast_path_wrmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	struct lapic *lapic = machine_lapic(vcpu);
	u32 msr = (u32)page->gpr[GPR_RCX];
	u64 value = page->gpr[GPR_RDX] << 32 | (u32)page->gpr[GPR_RAX];
	u32 offset = fast_path_x2apic_offset(msr);

	if (!fast_path_has_length(vcpu, EXIT_WRMSR))
		return false;
	if (offset == 0)
		return msr == MSR_TSC_DEADLINE && fast_path_arm_deadline(vcpu, value) &&
		       fast_path_advance(page, page->exit.instruction_length);
	/* sending needs nothing from the page; an IPI to itself is posted */
	if (offset != LAPIC_ICR)
		fast_path_lapic_taken(vcpu, lapic, offset);
	/* a refused write has no effect, and is settled again with an exception */
	if (!lapic_msr_write(lapic, msr, value, vcpu->machine->physical_bits))
		return false;
	fast_path_lapic_touched(vcpu, lapic, offset);
	lapic_lend(lapic);
	return fast_path_advance(page, page->exit.instruction_length);
}

static bool fast_path_rdmsr(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u32 msr = (u32)page->gpr[GPR_RCX];
	u32 offset = fast_path_x2apic_offset(msr);
	u64 value;

	if (!fast_path_has_length(vcpu, EXIT_RDMSR) || (msr != MSR_APIC_BASE && offset == 0))
		return false;
	if (unlikely(offset == LAPIC_TIMER_CURRENT))
		vcpu_update_clock(vcpu);
	if (!lapic_msr_read(machine_lapic(vcpu), msr, &value))
		return false;
	page->gpr[GPR_RAX] = (u32)value;
	page->gpr[GPR_RDX] = value >> 32;
	return fast_path_advance(page, page->exit.instruction_length);
}

static bool fast_path_apic_write(struct vcpu *vcpu)
{
	struct lapic *lapic = machine_lapic(vcpu);
	u32 offset = (u32)(vcpu->page->exit.qualification & APIC_ACCESS_OFFSET);

	fast_path_lapic_taken(vcpu, lapic, offset);
	vapic_written(vcpu);
	fast_path_lapic_touched(vcpu, lapic, offset);
	lapic_lend(lapic);
	return true;
}

static bool fast_path_eoi(struct vcpu *vcpu)
{
	lapic_recall(machine_lapic(vcpu));
	vapic_ended(vcpu);
	lapic_lend(machine_lapic(vcpu));
	return true;
}

static bool fast_path_exit(struct vcpu *vcpu)
{
	switch (vcpu->page->exit.reason) {
	case EXIT_APIC_ACCESS:
		vapic_accessed(vcpu);
		return fast_path_memory(vcpu, EXIT_APIC_ACCESS);
	case EXIT_MEMORY:
		return fast_path_memory(vcpu, EXIT_MEMORY);
	case EXIT_EOI:
		return fast_path_eoi(vcpu);
	case EXIT_APIC_WRITE:
		return fast_path_apic_write(vcpu);
	case EXIT_WRMSR:
		return fast_path_wrmsr(vcpu);
	case EXIT_RDMSR:
		return fast_path_rdmsr(vcpu);
	case EXIT_DEADLINE:
		return fast_path_deadline(vcpu);
	case EXIT_INTERRUPT_WINDOW:
		vcpu->quiet = false;
		return true;
	default:
		return false;
	}
}

/* The next entry may be like the last: there is nothing to deliver, to offer or to tell others. */
static ALWAYS_INLINE bool fast_path_is_quiet(const struct vcpu *vcpu,
					     const struct platform *platform)
{
	return likely((platform->events.pending | platform->irqchip.kick) == 0) &&
	       likely(vcpu->quiet) && likely((vcpu->pv_eoi.msr & PV_EOI_ENABLED) == 0);
}

/* What an access to a device with a clock may make necessary. False: there is more than that. */
static NOINLINE bool fast_path_after_access(struct vcpu *vcpu)
{
	struct machine_events *events = &vcpu->machine->platform.events;
	u32 pending = events->pending;

	if ((pending & ~(u32)(MACHINE_DEADLINE | MACHINE_ROOM)) != 0)
		return false;
	events->pending = 0;
	if ((pending & MACHINE_ROOM) != 0)
		console_input(vcpu->machine);
	pending |= events->pending; /* input may have moved it */
	events->pending = 0;
	if ((pending & MACHINE_DEADLINE) == 0)
		return true;
	if (vcpu->id != 0) {
		vcpu_wake_for_deadline(vcpu);
	} else {
		lapic_recall(machine_lapic(vcpu));
		fast_path_tick_now(vcpu);
		fast_path_lend_unless_kicked(vcpu);
	}
	return true;
}

/* If not: an interrupt may go with it, others have to be told, or an EOI need not exit. */
static bool fast_path_prepare_entry(struct vcpu *vcpu)
{
	struct platform *platform = &vcpu->machine->platform;

	if (platform->events.pending != 0 && !fast_path_after_access(vcpu))
		return false;
	if (vcpu->quiet && platform->irqchip.kick == 0) {
		pv_eoi_offer(vcpu);
		return true;
	}
	if ((platform->irqchip.kick & ~BIT(vcpu->id)) != 0)
		vcpu_wake_kicked(vcpu);
	if (!inject_prepare(vcpu))
		return false;
	lapic_lend(machine_lapic(vcpu));
	return true;
}

/* Takes over the EOI that the guest has done without an exit. */
static void fast_path_take_eoi(struct vcpu *vcpu)
{
	if (vcpu->pv_eoi.pending)
		pv_eoi_collect(vcpu);
}

static NOINLINE bool fast_path_prepare_after_port(struct vcpu *vcpu)
{
	fast_path_take_eoi(vcpu);
	return fast_path_prepare_entry(vcpu);
}

/*
 * A port's device does not look at the state of the local APIC. So that is brought up to date after
 * the access, and only if the next entry needs it.
 */
static ALWAYS_INLINE bool fast_path_handle_port(struct vcpu *vcpu, struct machine *machine,
						struct vcpu_page *page)
{
	struct platform *platform = &machine->platform;

	if (unlikely(page->event.valid) ||
	    unlikely(!fast_path_port(&platform->ports, page, &platform->clock.stale)))
		return false;
	page->exit.reason = EXIT_NONE;
	console_after_port(machine);
	return likely(fast_path_is_quiet(vcpu, platform)) ||
	       likely(fast_path_prepare_after_port(vcpu));
}

/* Not inlined, so that the registers it uses cost a port's exit nothing. */
static NOINLINE bool fast_path_handle_other(struct vcpu *vcpu, struct machine *machine,
					    struct vcpu_page *page)
{
	if (page->event.valid)
		return false;
	fast_path_take_eoi(vcpu);
	if (!fast_path_exit(vcpu))
		return false;
	page->exit.reason = EXIT_NONE;
	if (unlikely(machine->signal)) /* output comes in bursts */
		console_signal(machine);
	return fast_path_is_quiet(vcpu, &machine->platform) || fast_path_prepare_entry(vcpu);
}

/* True: the exit is settled and the guest can go on. A waiter for the lock goes first. */
static ALWAYS_INLINE bool fast_path_between_runs(
	struct vcpu *vcpu, struct machine *machine, struct vcpu_page *page,
	bool (*settle)(struct vcpu *vcpu, struct machine *machine, struct vcpu_page *page))
{
	if (unlikely(rebuild_is_due(vcpu)) ||
	    unlikely(__atomic_load_n(&machine->lock.waiting, __ATOMIC_RELAXED) != 0) ||
	    unlikely(!mutex_try(&machine->lock)))
		return false;
	if (unlikely(!machine->fast_path) || unlikely(!settle(vcpu, machine, page))) {
		mutex_unlock(&machine->lock);
		return false;
	}
	mutex_unlock(&machine->lock);
	return true;
}

/*
 * All that a port's exit goes through is inlined here, even the system call: with calls, and what
 * they save and look up again, it took half as many instructions again.
 */
void fast_path_run(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	struct vcpu_page *page = vcpu->page;
	enum status status;
	u64 nothing;
	u32 reason;

	trace_handled(&vcpu->trace);
	for (;;) {
		status = syscall_short(SYS_VCPU_RUN, vcpu->handle, 0, &nothing);
		if (unlikely(status != STATUS_OK)) {
			if (status == STATUS_AGAIN)
				continue;
			page->event.valid = 0;
			page->exit.reason = EXIT_NONE;
			vcpu->refused = status;
			return;
		}
		reason = page->exit.reason;
		trace_exit(&vcpu->trace, page);
		if (unlikely(reason == EXIT_IO ? !fast_path_between_runs(vcpu, machine, page,
									 fast_path_handle_port)
					       : !fast_path_between_runs(vcpu, machine, page,
									 fast_path_handle_other)))
			return;
		trace_just_handled(&vcpu->trace);
	}
}
