/* SPDX-License-Identifier: MIT */
/*
 * Runs a guest and handles its commonest exits without exits_handle (fast_path.h). Called by
 * life/loop.c under the machine's lock; uses the same handlers as exits.c by exits_settle.h.
 */
#include "vmm/monitor/exits/fast_path.h"

#include "vmm/monitor/exits/exits_settle.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/machine/vcpu_check.h"
#include "vmm/monitor/pv/pv_eoi.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/vcpu/trace.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/*
 * Returns whether the next VM entry may be like the last: no event to inject, no EOI to offer to
 * the guest, no other vCPU to wake.
 */
static ALWAYS_INLINE bool fast_path_is_quiet(const struct vcpu *vcpu,
					     const struct platform *platform)
{
	return likely((platform->events.pending | platform->irqchip.kick) == 0) &&
	       likely(vcpu->quiet) && likely((vcpu->pv_eoi.msr & PV_EOI_ENABLED) == 0);
}

/*
 * Handles the events (deadline, room for input) that an access to a device has caused. Returns
 * false if the fast path must end.
 */
static NOINLINE bool fast_path_after_access(struct vcpu *vcpu)
{
	struct machine_events *events = &vcpu->machine->platform.events;
	u32 pending = events->pending;

	if (unlikely((pending & MACHINE_WAIT) != 0))
		vcpu_wait_for_bell(vcpu);
	if ((pending & ~(u32)(MACHINE_DEADLINE | MACHINE_ROOM)) != 0)
		return false;
	events->pending = 0;
	if ((pending & MACHINE_ROOM) != 0)
		console_input(vcpu->machine);
	pending |= events->pending; /* the console's input may have moved the deadline */
	events->pending = 0;
	if ((pending & MACHINE_DEADLINE) == 0)
		return true;
	if (vcpu->id != 0) {
		vcpu_wake_for_deadline(vcpu);
	} else {
		lapic_recall(machine_lapic(vcpu));
		vcpu_tick_now(vcpu);
	}
	return true;
}

static bool fast_path_find_next(struct vcpu *vcpu)
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
	return inject_prepare(vcpu);
}

/* Prepares the next VM entry. Returns false if the fast path has to end. */
static bool fast_path_prepare_entry(struct vcpu *vcpu)
{
	if (!fast_path_find_next(vcpu))
		return false;
	lapic_lend(machine_lapic(vcpu));
	return true;
}

/* Does in the local APIC the EOI that the guest has done in memory, without an exit (pv_eoi). */
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
 * Handles an exit for a port access. No device at a port looks at the state of the local APIC, so
 * that state is brought up to date after the access, and only if the next VM entry needs it.
 */
static ALWAYS_INLINE bool fast_path_handle_port(struct vcpu *vcpu, struct machine *machine,
						struct vcpu_page *page)
{
	struct platform *platform = &machine->platform;

	if (unlikely(page->event.valid) ||
	    unlikely(!exits_port_plain(&platform->ports, page, &platform->clock.stale)))
		return false;
	page->exit.reason = EXIT_NONE;
	console_after_port(machine);
	return likely(fast_path_is_quiet(vcpu, platform)) ||
	       likely(fast_path_prepare_after_port(vcpu));
}

/*
 * Handles exits other than port accesses. It is not inlined, so that the registers it uses cost a
 * port access nothing.
 */
static NOINLINE bool fast_path_handle_other(struct vcpu *vcpu, struct machine *machine,
					    struct vcpu_page *page)
{
	if (page->event.valid)
		return false;
	fast_path_take_eoi(vcpu);
	if (!exits_settle(vcpu))
		return false;
	page->exit.reason = EXIT_NONE;
	/*
	 * the manager has to be signalled: once for all bytes that the guest has printed meanwhile
	 */
	if (unlikely(machine->signal))
		console_signal(machine);
	if (!fast_path_is_quiet(vcpu, &machine->platform))
		return fast_path_prepare_entry(vcpu);
	lapic_lend(machine_lapic(vcpu));
	return true;
}

/*
 * Handles an exit by `settle`. Returns true if the guest can go on; false also if another thread
 * waits for the machine's lock, which it then gets first.
 */
static ALWAYS_INLINE bool fast_path_between_runs(
	struct vcpu *vcpu, struct machine *machine, struct vcpu_page *page,
	bool (*settle)(struct vcpu *vcpu, struct machine *machine, struct vcpu_page *page))
{
	if (unlikely(vcpu_rebuild_is_due(vcpu)) ||
	    unlikely(__atomic_load_n(&machine->lock.waiting, __ATOMIC_RELAXED) != 0) ||
	    unlikely(!mutex_try(&machine->lock)))
		return false;
	if (unlikely(!machine->fast_path) || unlikely(!settle(vcpu, machine, page))) {
		mutex_unlock(&machine->lock);
		return false;
	}
	vcpu_check(vcpu);
	mutex_unlock(&machine->lock);
	return true;
}

/*
 * Runs the guest. All code for a port access's exit is inlined here, even the system call: with
 * calls, and the registers that they save, an exit took one and a half times as many instructions.
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
