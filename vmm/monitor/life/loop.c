/* SPDX-License-Identifier: MIT */
/*
 * The loop of a vCPU's thread: enters the guest, handles exits, waits in HLT. Called by main.c and
 * machine_setup.c for each thread; takes the machine's lock outside the guest.
 */
#include "vmm/monitor/life/loop.h"

#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/exits/fast_path.h"
#include "vmm/monitor/life/pending.h"
#include "vmm/monitor/life/rebuild.h"
#include "vmm/monitor/life/reserve.h"
#include "vmm/monitor/life/todo.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/machine/vcpu_check.h"
#include "vmm/monitor/pv/pv_eoi.h"
#include "vmm/monitor/pv/steal_time.h"
#include "vmm/monitor/vcpu/debugger.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/vcpu/trace.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/*
 * The number of attempts to take the machine's lock from another thread without sleeping: they take
 * about as long as a thread on another CPU takes to wake up.
 */
#define WAKE_SPINS 4000u

/*
 * The rest after a bus lock (an atomic access across cache lines, or to uncached memory), which
 * stops every core's memory accesses for about a microsecond. So a vCPU can have at most a thousand
 * bus locks a second.
 */
#define BUS_LOCK_REST_NS NS_PER_MS

/*
 * Lets a waiter for the lock go first. The lock is not fair: without this, a guest that exits all
 * the time would take the lock again before a waiter on another CPU has woken up.
 */
static void loop_let_waiter_first(struct vcpu *vcpu)
{
	struct mutex *lock = &vcpu->machine->lock;
	u64 waiting = __atomic_load_n(&lock->waiting, __ATOMIC_RELAXED) & ~BIT(vcpu->id);
	const struct vcpu *other;

	if (likely(waiting == 0))
		return;
	other = &vcpu->machine->vcpu[bit_lowest(waiting)];
	if (sys_thread_yield(other->handle) == STATUS_OK)
		return;
	for (u32 i = 0; i < WAKE_SPINS && __atomic_load_n(&lock->held, __ATOMIC_RELAXED) == 0 &&
			(__atomic_load_n(&lock->waiting, __ATOMIC_RELAXED) & BIT(other->id)) != 0;
	     i++)
		__asm__ volatile("pause");
}

/*
 * Takes the machine's lock, then takes over the state that the run of the guest has left: an event
 * that was not delivered, and the local APIC's page.
 */
static void loop_lock_machine(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;

	loop_let_waiter_first(vcpu);
	mutex_lock(&machine->lock, vcpu->id, vcpu->queue);
	if (vcpu->place == VCPU_IN_GUEST) {
		machine->guest_count--;
		if (vcpu->page->event.valid)
			vcpu->event = vcpu->page->event;
		lapic_recall(machine_lapic(vcpu));
	}
	vcpu->place = VCPU_INSIDE;
	vcpu->woken = false;
	todo_do(machine);
}

static void loop_unlock_machine(struct vcpu *vcpu, enum vcpu_place place)
{
	vcpu->place = place;
	if (place == VCPU_IN_GUEST) {
		vcpu->machine->guest_count++;
		lapic_lend(machine_lapic(vcpu));
	}
	mutex_unlock(&vcpu->machine->lock);
}

/* Sleeps until a signal or the deadline (0: none), as the vCPU has nothing to run. */
static void loop_sleep(struct vcpu *vcpu, u64 deadline_tsc)
{
	u64 key;
	enum status status;

	trace_handled(&vcpu->trace);
	status = sys_queue_wait(vcpu->queue, deadline_tsc != 0 ? deadline_tsc : ~0ull, &key);
	if (status != STATUS_OK && status != STATUS_TIMED_OUT)
		rt_fail("queue");
}

/*
 * Returns whether the kernel refused to run the vCPU because another vCPU has meanwhile moved the
 * address of the APICs' page: then this vCPU is prepared anew.
 */
static bool loop_apic_moved(const struct vcpu *vcpu)
{
	return vcpu->refused == STATUS_BAD_ADDRESS &&
	       vcpu->page->apic_gpa != vcpu->machine->vapic.mapped;
}

/* Notes again the event to be injected that a refused run has not delivered. */
static void loop_requeue_event(struct vcpu *vcpu)
{
	if (vcpu->page->inject.valid)
		vcpu->event = vcpu->page->inject;
	vcpu->page->inject = (struct vcpu_event){0};
}

static void loop_end_run(struct vcpu *vcpu)
{
	if (unlikely(loop_apic_moved(vcpu))) {
		vcpu->refused = STATUS_OK;
		loop_requeue_event(vcpu);
		return;
	}
	if (vcpu->refused != STATUS_OK)
		machine_crash(vcpu->machine, "the kernel refuses to run its vCPU %u: %s", vcpu->id,
			      status_text(vcpu->refused));
	vcpu->refused = STATUS_OK;
	if (!machine_may_run(vcpu->machine))
		return;
	if (vcpu->pv_eoi.pending)
		pv_eoi_collect(vcpu);
	exits_handle(vcpu);
	if (unlikely((vcpu->machine->platform.events.pending & MACHINE_WAIT) != 0))
		vcpu_wait_for_bell(vcpu);
	if (unlikely(vcpu->machine->watched))
		debugger_settled(vcpu);
}

/*
 * Returns whether an exit is still to be handled, which came while the VM was held, and the VM may
 * run again now.
 */
static bool loop_was_held(const struct vcpu *vcpu)
{
	return unlikely(vcpu->page->exit.reason != EXIT_NONE) && machine_may_run(vcpu->machine);
}

/*
 * Wakes other vCPUs for the interrupts that this vCPU has caused, and vCPU 0, which serves the
 * devices' timers, for new deadlines of devices.
 */
static void loop_wake_others(struct vcpu *vcpu, u32 reason)
{
	vcpu_wake_kicked(vcpu);
	/* vCPU 0 itself need not be woken: vcpu_tick makes its next run end at the new deadline */
	if (vcpu->id == 0)
		vcpu->machine->platform.events.pending &= ~(u32)MACHINE_DEADLINE;
	else if (reason == EXIT_IO || reason == EXIT_MEMORY)
		vcpu_wake_for_deadline(vcpu);
}

/* Returns whether the vCPU can run the guest now; the vCPU page is then ready for that. */
static bool loop_prepare(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;

	return machine_may_run(machine) && (!machine->watched || debugger_may_run(vcpu)) &&
	       inject_prepare(vcpu);
}

/*
 * Does the work between two runs of the guest, under the machine's lock. Returns true if the guest
 * continues; false if it has nothing to do before *deadline_tsc (0: never).
 */
static bool loop_between_runs(struct vcpu *vcpu, u64 *deadline_tsc)
{
	struct machine *machine = vcpu->machine;
	u32 reason = vcpu->page->exit.reason;
	bool runnable;

	loop_lock_machine(vcpu);
	vcpu_update_clock(vcpu);
	do {
		loop_end_run(vcpu);
		pending_handle(machine);
	} while (loop_was_held(vcpu));
	reserve_ask(vcpu);
	if (machine_may_run(machine))
		vcpu_tick(vcpu);
	/* IN, OUT and CPUID do not touch the local APIC; a device that interrupts kicks the vCPU */
	if (reason != EXIT_IO && reason != EXIT_CPUID)
		vcpu->quiet = false;
	runnable = loop_prepare(vcpu);
	if (runnable && vcpu_rebuild_is_due(vcpu))
		rebuild(vcpu);
	if (unlikely(machine->todo != 0)) {
		todo_do_all(machine);
		runnable = loop_prepare(vcpu);
	}
	*deadline_tsc = 0;
	if (runnable)
		steal_time_enter(vcpu);
	else
		steal_time_sleep(vcpu);
	if (!runnable && machine_may_run(machine))
		*deadline_tsc = vcpu->page->deadline_tsc;
	loop_wake_others(vcpu, reason);
	if (!runnable || reason != EXIT_IO)
		console_signal(machine);
	else
		console_after_port(machine);
	if (runnable)
		vcpu_check(vcpu);
	loop_unlock_machine(vcpu, runnable ? VCPU_IN_GUEST : VCPU_ASLEEP);
	return runnable;
}

/*
 * Yields the CPU to the thread of the vCPU that a hypercall has named, without the machine's lock,
 * which would be held all that time.
 */
static void loop_yield(struct vcpu *vcpu)
{
	(void)!sys_thread_yield(vcpu->machine->vcpu[vcpu->yield_to - 1].handle);
	vcpu->yield_to = 0;
}

/*
 * Lets the vCPU rest for BUS_LOCK_REST_NS. For other threads it still is in the guest: signals do
 * not shorten the rest, and are handled afterwards.
 */
static NOINLINE void loop_rest(struct vcpu *vcpu)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(BUS_LOCK_REST_NS);
	u64 key;

	while (clock_tsc() < until)
		(void)!sys_queue_wait(vcpu->queue, until, &key);
}

/* Does the part of an exit's work that the thread can do before it takes the machine's lock. */
static void loop_leave_guest(struct vcpu *vcpu)
{
	if (unlikely(vcpu->page->exit.reason == EXIT_BUS_LOCK))
		loop_rest(vcpu);
}

void loop_run(struct vcpu *vcpu)
{
	u64 deadline_tsc;

	for (;;) {
		if (loop_between_runs(vcpu, &deadline_tsc)) {
			if (unlikely(vcpu->yield_to != 0))
				loop_yield(vcpu);
			fast_path_run(vcpu);
			loop_leave_guest(vcpu);
		} else {
			loop_sleep(vcpu, deadline_tsc);
		}
	}
}
