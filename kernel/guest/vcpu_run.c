/* SPDX-License-Identifier: MIT */
/*
 * One run of a guest: takes over the monitor's requests, enters the guest, handles exits that need
 * no monitor, and tells the monitor about the others. kernel/cpu/trap.c calls vcpu_run for
 * SYS_VCPU_RUN, kernel/cpu/cpu_loop.c vcpu_step to continue a run. It owns the claimed vCPU and its
 * pages, reads each word of the shared page once, and takes no lock but the object lock for a new
 * handle.
 */
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/control.h"
#include "kernel/guest/cpuid.h"
#include "kernel/object/handle.h"
#include "kernel/log/log.h"
#include "kernel/object/object_lock.h"
#include "kernel/group/process_types.h"
#include "kernel/sched/queue.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/guest/vcpu.h"
#include "kernel/guest/vm_types.h"
#include "lib/read_once.h"
#include "mm/space.h"
#include "mm/tlb.h"

/*
 * The number of exits handled in a row after which the kernel lets the host's interrupts in: Bochs
 * 2.7 holds these back while the guest has IF clear.
 */
#define SETTLED_MAX 1000u
/* VMX's interruption types, without type 1, which is reserved. */
#define EVENT_TYPES (BITS(EVENT_SOFTWARE_EXCEPTION, EVENT_INTERRUPT) & ~BIT(1))
/* vcpu_mark's result for no writable page: outside a byte's eight bits */
#define MARK_NOWHERE	   BIT(8)
#define REQUEST_PERSISTENT (REQUEST_INTERRUPT_WINDOW | REQUEST_NMI_WINDOW)

static NOINLINE enum status vcpu_take_registers(struct vcpu *vcpu, u32 dirty)
{
	u64 xcr0 = READ_ONCE(vcpu->virt.page->xcr0);

	if ((dirty & VCPU_XCR0) != 0 && !fpu_xcr0_valid(xcr0))
		return STATUS_BAD_ARGUMENT;
	if ((dirty & VCPU_APIC) != 0 && vcpu_find_apic(vcpu) != STATUS_OK)
		return STATUS_BAD_ADDRESS;
	if ((dirty & VCPU_XSAVE) != 0 && vcpu->xsave != NULL) {
		vcpu_unload(this_cpu());
		fpu_area_take(vcpu->virt.xsave_area, vcpu->xsave);
		/* cannot fail: the vCPU was loaded here, so no other CPU has it */
		(void)vcpu_load(this_cpu(), vcpu);
	}
	if ((dirty & VCPU_XCR0) != 0) {
		vcpu->virt.xcr0 = xcr0;
		if (this_cpu()->loaded == vcpu)
			fpu_xcr0_set(xcr0);
	}
	virt->set(&vcpu->virt, dirty & (VCPU_ALL | VCPU_TRAPS | VCPU_APIC | VCPU_INTERRUPTS) &
				       ~(u32)(VCPU_XCR0 | VCPU_EVENT));
	return STATUS_OK;
}

static NOINLINE bool vcpu_take_event(struct vcpu_event *event, struct vcpu_event *from)
{
	*event = *from;
	event->valid = EVENT_TYPES >> (event->type & 31) & 1;
	if (event->valid)
		*from = (struct vcpu_event){0};
	return event->valid;
}

/*
 * Returns the page's `dirty` and the beginning of `inject`, read in one load; 0 if the monitor has
 * changed no registers and injects no event.
 */
static u64 vcpu_changes(const struct vcpu_page *page)
{
	u64 both;

	_Static_assert(offsetof(struct vcpu_page, inject) ==
			       offsetof(struct vcpu_page, dirty) + sizeof(u32),
		       "neighbours");
	__builtin_memcpy(&both, &page->dirty, sizeof(both));
	return both;
}

/*
 * Loads the vCPU and takes over the event and the registers that the monitor has put into the vCPU
 * page. The event stays in virt.event until it is injected; if the run ends before that, the event
 * goes back to the page.
 */
static NOINLINE enum status vcpu_take_changes(struct cpu *cpu, struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->virt.page;
	u32 dirty = READ_ONCE(page->dirty);
	enum status status;

	if (READ_ONCE(page->inject.valid) && !vcpu_take_event(&vcpu->virt.event, &page->inject))
		return STATUS_BAD_ARGUMENT;
	status = vcpu_load(cpu, vcpu);
	if (status == STATUS_OK && dirty != 0)
		status = vcpu_take_registers(vcpu, dirty);
	if (status == STATUS_OK) {
		page->dirty = 0;
	} else if (vcpu->virt.event.valid) {
		page->inject = vcpu->virt.event;
		vcpu->virt.event.valid = 0;
	}
	return status;
}

/* Takes over from the vCPU page the registers that the monitor has changed, and its requests. */
static ALWAYS_INLINE enum status vcpu_begin(struct cpu *cpu, struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->virt.page;
	enum status status;
	u32 request;

	if (unlikely(vcpu_changes(page) != 0 || cpu->loaded != vcpu)) {
		status = vcpu_take_changes(cpu, vcpu);
		if (status != STATUS_OK)
			return status;
	}
	request = READ_ONCE(page->request);
	page->request = 0;
	vcpu->deadline_tsc = READ_ONCE(page->deadline_tsc);
	if (request & REQUEST_ADVANCE)
		virt->advance(&vcpu->virt, READ_ONCE(page->advance_length));
	vcpu->requested = request;
	if (unlikely((request & ~(u32)REQUEST_ADVANCE) != 0 || vcpu->virt.window ||
		     vcpu->virt.nmi_window))
		virt->request(&vcpu->virt, NULL, request);
	return STATUS_OK;
}

/* Exits that are fully described by the fields of struct vcpu_exit before gpa. */
#define EXITS_OF_FEW_WORDS                                                                         \
	(BIT(EXIT_IO) | BIT(EXIT_HLT) | BIT(EXIT_RDMSR) | BIT(EXIT_WRMSR) | BIT(EXIT_DEADLINE) |   \
	 BIT(EXIT_INTERRUPT_WINDOW))

/*
 * Logs an exit. The function is not inlined: its arguments are on the stack, and the canary check
 * that comes with that would cost the caller 20 instructions.
 */
static NOINLINE void vcpu_log_exit(u32 reason, u64 rip)
{
	log_debug(LOG_VIRT, "exit %#u to the monitor, rip %#lx", reason, rip);
}

/* Returns the register groups that the monitor gets with an exit. */
static u32 vcpu_groups_of(const struct vcpu *vcpu, u32 reason)
{
	return VCPU_RIP | (READ_ONCE(vcpu->virt.page->want[reason]) & (VCPU_ALL | VCPU_CODE) &
			   ~(u32)VCPU_EVENT);
}

/*
 * Ends the run: copies the first fields of the exit to the vCPU page, where the register groups are
 * already.
 */
static ALWAYS_INLINE void vcpu_return_to_monitor(struct vcpu *vcpu, u32 groups)
{
	const size_t few = offsetof(struct vcpu_exit, gpa);
	struct vcpu_page *page = vcpu->virt.page;
	struct thread *runner = vcpu->runner;

	__builtin_memcpy(&page->exit, &vcpu->virt.exit, few);
	page->event.valid = 0;
	if (unlikely(vcpu->virt.event.valid)) {
		page->event = vcpu->virt.event;
		vcpu->virt.event.valid = 0;
	}
	page->valid = groups | VCPU_EVENT;
	page->run_count++;
	if (unlikely(log_threshold[LOG_VIRT] <= LOG_DEBUG))
		vcpu_log_exit(vcpu->virt.exit.reason, page->rip);
	runner->guest = NULL;
	vcpu_unclaim(vcpu);
}

/*
 * Ends the run with all fields of the exit, and with those register groups that are known. Copies
 * the fields in two pieces: one copy would compile to REP MOVS, which is slower.
 */
static NOINLINE void vcpu_return_whole_exit(struct vcpu *vcpu, u32 known)
{
	const size_t few = offsetof(struct vcpu_exit, gpa);
	u32 groups = vcpu_groups_of(vcpu, vcpu->virt.exit.reason) & known;

	__builtin_memcpy(&vcpu->virt.page->exit.gpa, &vcpu->virt.exit.gpa,
			 sizeof(struct vcpu_exit) - few);
	virt->get(&vcpu->virt, groups);
	vcpu_return_to_monitor(vcpu, groups);
}

static NOINLINE void vcpu_return_with(struct vcpu *vcpu, enum exit_reason reason)
{
	vcpu->virt.exit = (struct vcpu_exit){.reason = reason, .tsc = rdtsc()};
	/* without VCPU_CODE: no entry has checked that the code's memory is still the guest's */
	vcpu_return_whole_exit(vcpu, ~(u32)VCPU_CODE);
}

static bool vcpu_settle(struct vcpu *vcpu)
{
	if (vcpu->virt.exit.reason == EXIT_MEMORY)
		return vcpu_handle_memory(vcpu);
	if (vcpu->virt.exit.reason != EXIT_HOST_INTERRUPT)
		return false;
	sti_nop_cli();
	return true;
}

/*
 * Handles exits that need little work while the CPU still holds the guest's state; returns false
 * for all others.
 */
static ALWAYS_INLINE bool vcpu_handle_at_once(struct vcpu *vcpu, u32 reason)
{
	if (!(reason == EXIT_CPUID && cpuid_handle(vcpu)) &&
	    !(reason == EXIT_HYPERCALL && cpuid_handle_hypercall(vcpu)))
		return reason == EXIT_MEMORY && unlikely(READ_ONCE(vcpu->vm->space->layered)) &&
		       vcpu_handle_write(vcpu);
	virt->advance(&vcpu->virt, vcpu->virt.exit.instruction_length);
	return true;
}

/* Adds `more` to a counter of the VM's group, whose vCPUs may run on several CPUs. */
static void vcpu_count(u64 *counter, u64 more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

static NOINLINE void vcpu_inject(struct vcpu *vcpu)
{
	virt->request(&vcpu->virt, &vcpu->virt.event, vcpu->requested & REQUEST_PERSISTENT);
	vcpu->virt.event.valid = 0;
	vcpu_count(&vcpu->account->injected, 1);
}

/*
 * Writes the guest's byte at preempted_gpa and returns its old value; 0 if there is no such byte,
 * MARK_NOWHERE if it has no writable page.
 */
static u32 vcpu_mark(struct vcpu *vcpu, u8 value)
{
	u64 at = READ_ONCE(vcpu->virt.page->preempted_gpa);
	u8 *byte = at != 0 ? space_guest_byte(vcpu->vm->space, at) : NULL;

	if (byte != NULL)
		return __atomic_exchange_n(byte, value, __ATOMIC_SEQ_CST);
	return at != 0 ? MARK_NOWHERE : 0;
}

void vcpu_preempt(struct vcpu *vcpu)
{
	if (unlikely(vcpu->preempted))
		/* marked already: another store would erase MARK_FLUSH, if the guest has set it */
		return;
	vcpu->preempted = true;
	(void)vcpu_mark(vcpu, MARK_PREEMPTED);
}

bool vcpu_await_window(struct vcpu *vcpu)
{
	virt->get(&vcpu->virt, VCPU_RIP);
	if ((READ_ONCE(vcpu->virt.page->rflags) & RFLAGS_IF) != 0)
		return false;
	virt->request(&vcpu->virt, NULL,
		      (vcpu->requested & REQUEST_PERSISTENT) | REQUEST_INTERRUPT_WINDOW);
	return true;
}

/*
 * Enters the guest, again and again, until an exit that is not handled at once, and returns that
 * exit's reason. A CPU that kicks the vCPU or unmaps its memory sends an interrupt, which ends the
 * next entry before the guest's first instruction: so the loop need not check for either.
 */
static ALWAYS_INLINE u32 vcpu_enter(struct cpu *cpu, struct vcpu *vcpu)
{
	struct group_page *account = vcpu->account;
	struct space *space = vcpu->vm->space;
	u32 settled = 0;
	u32 reason;

	if (unlikely(vcpu->virt.event.valid))
		vcpu_inject(vcpu);
	if (unlikely(space->generation != vcpu->space_seen) &&
	    tlb_must_flush(space, &vcpu->space_seen))
		vcpu->virt.flush = true;
	for (;;) {
		virt->enter(&vcpu->virt, vcpu->deadline_tsc);
		reason = vcpu->virt.exit.reason;
		vcpu_count(&account->exits_by_reason[reason], 1);
		if (likely(!vcpu_handle_at_once(vcpu, reason)))
			break;
		if (++settled == SETTLED_MAX) {
			/* the last exit becomes a host interrupt here, and counts as one */
			settled--;
			reason = EXIT_HOST_INTERRUPT;
			vcpu->virt.exit.reason = reason;
			break;
		}
	}
	cpu->counters->exits += settled + 1;
	if (unlikely(settled != 0))
		vcpu_count(&account->kernel_exits, settled);
	return reason;
}

static ALWAYS_INLINE void vcpu_leave_guest(struct vcpu *vcpu, u32 groups, u64 entered_tsc)
{
	virt->leave(&vcpu->virt, groups);
	vcpu->virt.exit.tsc = rdtsc();
	vcpu_count(&vcpu->account->guest_tsc, vcpu->virt.exit.tsc - entered_tsc);
}

/*
 * Handles a kick, a signal in the vCPU's queue and the byte at preempted_gpa, before an entry.
 * Returns true if the run has ended, with EXIT_KICK or EXIT_NO_MEMORY.
 */
static NOINLINE bool vcpu_begin_specially(struct vcpu *vcpu)
{
	/*
	 * The monitor must see all of the kicker's writes before the kick that is consumed here:
	 * hence SEQ_CST.
	 */
	bool kicked = vcpu->kicked && __atomic_exchange_n(&vcpu->kicked, false, __ATOMIC_SEQ_CST);
	bool ends = kicked || vcpu->signalled;
	bool short_of = false;
	u32 marked = ends ? 0 : vcpu_mark(vcpu, 0);

	/*
	 * If the page of the marked byte was frozen since, the mark must be cleared in the copy
	 * that the guest sees, else flushes that the guest asks for from now on are lost. Until
	 * then the vCPU must not enter the guest; nor if the copy has kicked this CPU.
	 */
	if (unlikely(marked == MARK_NOWHERE)) {
		u64 at = READ_ONCE(vcpu->virt.page->preempted_gpa) & ~PAGE_MASK;
		enum status status = space_fault(vcpu->vm->space, at, PT_WRITE);

		short_of = status == STATUS_NO_QUOTA || status == STATUS_NO_MEMORY;
		ends = status == STATUS_AGAIN || short_of || (this_cpu()->pending & PENDING_KICK);
		marked = ends ? 0 : vcpu_mark(vcpu, 0);
	}
	if (ends) {
		if (vcpu->signalled) {
			object_share();
			queue_empty(vcpu->queue);
			object_unshare();
		}
		vcpu_return_with(vcpu, short_of ? EXIT_NO_MEMORY : EXIT_KICK);
		return true;
	}
	vcpu->preempted = false;
	if (marked & MARK_FLUSH)
		vcpu->virt.flush = true;
	return false;
}

/*
 * Handles a CPU timer whose time has passed before an entry: its interrupt is pending, unless QEMU
 * 7.2 has lost it (docs/platforms.md). Returns true if the run has ended.
 */
static NOINLINE bool vcpu_timer_overdue(struct cpu *cpu, struct vcpu *vcpu, u64 now, u64 deadline)
{
	if (now > deadline - 1) {
		vcpu_return_with(vcpu, EXIT_DEADLINE);
		return true;
	}
	sti_nop_cli();
	timer_fired(cpu);
	return false;
}

/*
 * Does one step of a run, for which the CPU's timer has been set to `deadline` (0: none) or an
 * earlier event. Returns true if the run has ended.
 */
static ALWAYS_INLINE bool vcpu_run_on(struct cpu *cpu, struct vcpu *vcpu, u64 deadline)
{
	u64 now = rdtsc();
	u32 reason;
	u32 groups;

	if (unlikely(vcpu->special != 0) && vcpu_begin_specially(vcpu))
		return true;
	/* An armed_tsc of 0: no timer is set; subtracting 1 makes it later than any time. */
	if (unlikely(now > cpu->armed_tsc - 1))
		return vcpu_timer_overdue(cpu, vcpu, now, deadline);
	reason = vcpu_enter(cpu, vcpu);
	if (likely(EXITS_OF_FEW_WORDS >> reason & 1)) {
		groups = vcpu_groups_of(vcpu, reason);
		vcpu_leave_guest(vcpu, groups, now);
		vcpu_return_to_monitor(vcpu, groups);
		return true;
	}
	vcpu_leave_guest(vcpu, 0, now);
	if (vcpu_settle(vcpu)) {
		vcpu_count(&vcpu->account->kernel_exits, 1);
		return false;
	}
	vcpu_return_whole_exit(vcpu, ~0u);
	return true;
}

/* Returns the run's deadline, if the CPU's timer must enforce it, else 0. */
static u64 vcpu_deadline_of(const struct vcpu *vcpu)
{
	return vcpu->virt.own_timer ? 0 : vcpu->deadline_tsc;
}

bool vcpu_step(struct cpu *cpu, struct vcpu *vcpu)
{
	if (likely(vcpu_load(cpu, vcpu) == STATUS_OK)) {
		timer_arm_anew(cpu, vcpu_deadline_of(vcpu));
		return vcpu_run_on(cpu, vcpu, vcpu_deadline_of(vcpu));
	}
	timer_arm_briefly(cpu);
	sti_nop_cli();
	return false;
}

/* Looks the handle up and remembers its vCPU in the thread, with a reference. */
static NOINLINE enum status vcpu_find(struct thread *thread, u64 handle)
{
	struct handle_table *table = thread->process->handles;
	struct object *object;
	enum status status;

	object_lock();
	status = handle_lookup(table, handle, OBJECT_VCPU, RIGHT_CONTROL, &object);
	if (status == STATUS_OK && thread->process->ports != NULL)
		/* refused, as each VMX exit sets a TSS limit that leaves out the I/O bitmap */
		status = STATUS_NOT_SUPPORTED;
	if (status == STATUS_OK) {
		object_get(object);
		vcpu_forget(thread);
		thread->ran = CONTAINER_OF(object, struct vcpu, object);
		/*
		 * SYS_THREAD_YIELD prefers the thread that first ran the vCPU, although other
		 * threads may run the vCPU now and then.
		 */
		if (thread->ran->thread == NULL)
			thread->ran->thread = thread;
		thread->ran_handle = handle;
		thread->ran_closed = table->closed;
		vcpu_show_waited(thread);
	}
	object_unlock();
	return status;
}

/*
 * Begins a run (SYS_VCPU_RUN) of the vCPU that the handle names. STATUS_IN_USE: another thread runs
 * or reads the vCPU; STATUS_AGAIN: another CPU still has its registers.
 */
static ALWAYS_INLINE enum status vcpu_begin_run(struct cpu *cpu, struct thread *thread, u64 handle)
{
	enum status status = STATUS_OK;
	struct vcpu *vcpu;

	/*
	 * Usually this test avoids the object lock and the lookup: the thread's reference keeps the
	 * vCPU. If the handle is closed or the vCPU destroyed at the same time, that might as well
	 * have happened a moment later.
	 */
	if (unlikely(thread->ran_closed != READ_ONCE(*thread->closed) ||
		     thread->ran_handle != handle || thread->ran->object.dead))
		status = vcpu_find(thread, handle);
	if (unlikely(status != STATUS_OK))
		return status;
	vcpu = thread->ran;
	if (unlikely(!vcpu_claim(vcpu, thread)))
		return STATUS_IN_USE;
	status = vcpu_begin(cpu, vcpu);
	if (likely(status == STATUS_OK))
		thread->guest = vcpu;
	else
		vcpu_unclaim(vcpu);
	return status;
}

/*
 * Does SYS_VCPU_RUN. All that it calls on the usual path is inlined: calls would save and restore
 * 60 registers.
 */
void vcpu_run(struct cpu *cpu, struct trap_frame *frame)
{
	struct thread *thread = cpu->thread;
	struct vcpu *vcpu;
	u64 deadline;

	frame->rax = vcpu_begin_run(cpu, thread, frame->rdi);
	if (unlikely(frame->rax != STATUS_OK || cpu_has_pending(cpu)))
		return;
	vcpu = thread->guest;
	deadline = vcpu_deadline_of(vcpu);
	timer_arm(cpu, deadline);
	if (vcpu_run_on(cpu, vcpu, deadline) && !cpu_has_pending(cpu))
		cpu_return_to_caller(cpu, frame);
}
