/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/vcpu/vcpu.h"

#include "arch/x86_64/hw/control.h"
#include "lib/string.h"
#include "vmm/monitor/machine/console.h"
#include "vmm/monitor/cpuid/cpuid_table.h"
#include "vmm/monitor/exits/fast_path.h"
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/load/start_state.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/hypercall.h"
#include "vmm/monitor/machine/rebuild.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/* About as long as a thread on another CPU takes to wake up. */
#define WAKE_SPINS 4000u

/*
 * A bus lock (an atomic access across cache lines, or to uncached memory) stops every core's memory
 * accesses, for about a microsecond. A vCPU with a thousand a second takes that from others.
 */
#define BUS_LOCK_REST_NS NS_PER_MS

#define VCPU_BYTES (VCPU_PAGES_MAX * PAGE_SIZE)

enum queue_key { KEY_WAKE = 2 };

static enum status vcpu_create_queue(struct vcpu *vcpu)
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

enum status vcpu_make(struct vcpu *vcpu)
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

enum status vcpu_init(struct vcpu *vcpu, struct machine *machine, u32 id)
{
	enum status status;

	vcpu->machine = machine;
	vcpu->id = id;
	vcpu->lapic = &machine->platform.irqchip.lapic[id];
	status = vcpu_create_queue(vcpu);
	if (status == STATUS_OK)
		status = vcpu_make(vcpu);
	if (status != STATUS_OK)
		return status;
	trace_init(&vcpu->trace);
	exits_set_wants(vcpu->page);
	hypercall_setup(vcpu->page);
	return STATUS_OK;
}

static void vcpu_forget(struct vcpu *vcpu)
{
	vcpu->halted = false;
	vcpu->unhalted = false;
	vcpu->quiet = false;
	vcpu->event.valid = 0;
	vcpu->held.valid = 0;
	vcpu->pvclock = (struct pvclock){0};
	vcpu->pv_eoi = (struct pv_eoi){0};
	steal_time_reset(vcpu);
	if (vcpu->trap.stepping) {
		vcpu->trap.stepping = false;
		trap_apply(vcpu);
	}
	vcpu->yield_to = 0;
	vcpu->page->exit.reason = EXIT_NONE;
	vcpu->page->request = 0;
	vcpu->page->inject = (struct vcpu_event){0};
}

void vcpu_reset(struct vcpu *vcpu)
{
	vcpu_forget(vcpu);
	vcpu->tsc_adjust = 0;
	vcpu->apic_base = 0;
	msr_reset(&vcpu->msr, &vcpu->machine->cpuid);
	vcpu_show_cpuid(vcpu);
	vcpu_set_tsc_offset(vcpu);
	if (vcpu->id != 0)
		start_state_reset(vcpu->page);
}

/* SDM vol. 3, table 10-1: EDX holds the processor's signature after RESET and INIT. */
void vcpu_take_init(struct vcpu *vcpu)
{
	vcpu_forget(vcpu);
	vcpu_need(vcpu, VCPU_CONTROL);
	start_state_init(vcpu->page);
	vcpu->page->gpr[GPR_RDX] = cpuid_shown(&vcpu->machine->cpuid, CPUID_VERSION, 0).eax;
	debugger_restarted(vcpu);
}

void vcpu_take_sipi(struct vcpu *vcpu, u8 vector)
{
	vcpu->halted = false;
	start_state_sipi(vcpu->page, vector);
}

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
	/* what the monitor has changed itself is newer than what the kernel has */
	u32 missing = groups & ~(vcpu->page->valid | vcpu->page->dirty);

	if (missing != 0 && sys_vcpu_get(vcpu->handle, missing) != STATUS_OK)
		machine_crash(vcpu->machine, "the kernel does not hand over its registers");
}

/*
 * Without a length the instruction has to be decoded: the CPU does not report it, and in this mode
 * the kernel does not find it out. Until that changes such exits bring along what decoding needs.
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
		exits_set_wants(vcpu->page);
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

/* Signals only say that there is something to look at: machine_handle_pending looks. */
static NOINLINE void vcpu_drain_queue(struct vcpu *vcpu)
{
	u64 key;

	while (sys_queue_wait(vcpu->queue, 0, &key) == STATUS_OK)
		;
}

/*
 * The lock is not fair: a guest that exits all the time would take it again before a waiter that
 * was just told to try, perhaps on another CPU, has woken up. So the waiter goes first.
 */
static void vcpu_let_waiter_first(struct vcpu *vcpu)
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

/* Takes the lock, then takes over what the run has left: an event cut short, the APIC's page. */
static void vcpu_lock_machine(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;

	vcpu_let_waiter_first(vcpu);
	mutex_lock(&machine->lock, vcpu->id, vcpu->queue);
	if (vcpu->place == VCPU_IN_GUEST) {
		machine->guest_count--;
		if (vcpu->page->event.valid)
			vcpu->event = vcpu->page->event;
		lapic_recall(machine_lapic(vcpu));
	}
	vcpu->place = VCPU_INSIDE;
	vcpu->woken = false;
	machine_do_todo(machine);
}

static void vcpu_unlock_machine(struct vcpu *vcpu, enum vcpu_place place)
{
	vcpu->place = place;
	if (place == VCPU_IN_GUEST) {
		vcpu->machine->guest_count++;
		lapic_lend(machine_lapic(vcpu));
	}
	mutex_unlock(&vcpu->machine->lock);
}

/* Nothing to run: sleeps until a signal or the deadline, if there is one (0: none). */
static void vcpu_sleep(struct vcpu *vcpu, u64 deadline_tsc)
{
	u64 key;
	enum status status;

	trace_handled(&vcpu->trace);
	status = sys_queue_wait(vcpu->queue, deadline_tsc != 0 ? deadline_tsc : ~0ull, &key);
	if (status != STATUS_OK && status != STATUS_TIMED_OUT)
		rt_fail("queue");
}

/* Another vCPU may have moved the APICs' page meanwhile: then this one is prepared anew. */
static bool vcpu_apic_moved(const struct vcpu *vcpu)
{
	return vcpu->refused == STATUS_BAD_ADDRESS &&
	       vcpu->page->apic_gpa != vcpu->machine->vapic.mapped;
}

/* A refused run has not delivered its event. */
static void vcpu_requeue_event(struct vcpu *vcpu)
{
	if (vcpu->page->inject.valid)
		vcpu->event = vcpu->page->inject;
	vcpu->page->inject = (struct vcpu_event){0};
}

static void vcpu_end_run(struct vcpu *vcpu)
{
	if (unlikely(vcpu_apic_moved(vcpu))) {
		vcpu->refused = STATUS_OK;
		vcpu_requeue_event(vcpu);
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
	if (unlikely(vcpu->machine->watched))
		debugger_settled(vcpu);
}

/* The exit came while the machine was held, and it may run again now. */
static bool vcpu_was_held(const struct vcpu *vcpu)
{
	return unlikely(vcpu->page->exit.reason != EXIT_NONE) && machine_may_run(vcpu->machine);
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

/* Wakes others for what this vCPU has caused: interrupts, and device timers, which are vCPU 0's. */
static void vcpu_wake_others(struct vcpu *vcpu, u32 reason)
{
	vcpu_wake_kicked(vcpu);
	if (vcpu->id == 0) /* vcpu_tick has taken it into account */
		vcpu->machine->platform.events.pending &= ~(u32)MACHINE_DEADLINE;
	else if (reason == EXIT_IO || reason == EXIT_MEMORY)
		vcpu_wake_for_deadline(vcpu);
}

/* Whether the vCPU has something to run; the page is then ready for it. */
static bool vcpu_prepare(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;

	return machine_may_run(machine) && (!machine->watched || debugger_may_run(vcpu)) &&
	       inject_prepare(vcpu);
}

/*
 * What is done between two runs, under the machine's lock. True: the guest goes on; false: it has
 * nothing to do before *deadline_tsc, 0 being never.
 */
static bool vcpu_between_runs(struct vcpu *vcpu, u64 *deadline_tsc)
{
	struct machine *machine = vcpu->machine;
	u32 reason = vcpu->page->exit.reason;
	bool runnable;

	vcpu_lock_machine(vcpu);
	vcpu_update_clock(vcpu);
	do {
		vcpu_end_run(vcpu);
		machine_handle_pending(machine);
	} while (vcpu_was_held(vcpu));
	reserve_ask(vcpu);
	if (machine_may_run(machine))
		vcpu_tick(vcpu);
	/* IN, OUT and CPUID do not touch the local APIC; a device that does kicks the vCPU */
	if (reason != EXIT_IO && reason != EXIT_CPUID)
		vcpu->quiet = false;
	runnable = vcpu_prepare(vcpu);
	if (runnable && rebuild_is_due(vcpu))
		rebuild(vcpu);
	*deadline_tsc = 0;
	if (runnable)
		steal_time_enter(vcpu);
	else
		steal_time_sleep(vcpu);
	if (!runnable && machine_may_run(machine))
		*deadline_tsc = vcpu->page->deadline_tsc;
	vcpu_wake_others(vcpu, reason);
	if (!runnable || reason != EXIT_IO)
		console_signal(machine);
	else
		console_after_port(machine);
	vcpu_unlock_machine(vcpu, runnable ? VCPU_IN_GUEST : VCPU_ASLEEP);
	return runnable;
}

/* Takes the vCPU after the one tried last: any of them may be waiting for this CPU. */
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

/* Called without the machine's lock, which would be held all that time. */
static void vcpu_yield(struct vcpu *vcpu)
{
	(void)!sys_thread_yield(vcpu->machine->vcpu[vcpu->yield_to - 1].handle);
	vcpu->yield_to = 0;
}

/* As if in the guest all that time: signals do not shorten it, and are looked at afterwards. */
static NOINLINE void vcpu_rest(struct vcpu *vcpu)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(BUS_LOCK_REST_NS);
	u64 key;

	while (clock_tsc() < until)
		(void)!sys_queue_wait(vcpu->queue, until, &key);
}

/* What an exit asks of the thread before it takes the machine's lock. */
static void vcpu_leave_guest(struct vcpu *vcpu)
{
	u32 reason = vcpu->page->exit.reason;

	if (reason == EXIT_KICK)
		vcpu_drain_queue(vcpu);
	else if (unlikely(reason == EXIT_BUS_LOCK))
		vcpu_rest(vcpu);
}

void vcpu_thread(struct vcpu *vcpu)
{
	u64 deadline_tsc;

	for (;;) {
		if (vcpu_between_runs(vcpu, &deadline_tsc)) {
			if (unlikely(vcpu->yield_to != 0))
				vcpu_yield(vcpu);
			fast_path_run(vcpu);
			vcpu_leave_guest(vcpu);
		} else {
			vcpu_sleep(vcpu, deadline_tsc);
		}
	}
}
