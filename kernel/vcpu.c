/* SPDX-License-Identifier: MIT */
#include "kernel/vcpu.h"
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/speculation.h"
#include "kernel/cpu_loop.h"
#include "kernel/cpuid.h"
#include "kernel/cpus.h"
#include "kernel/group.h"
#include "kernel/handle.h"
#include "kernel/log.h"
#include "kernel/object_lock.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/vm.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "mm/cache.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define NOT_LOADED (~0u)
/* Then interrupts are let in: Bochs 2.7 keeps them back while the guest has its own off. */
#define SETTLED_MAX 1000u
/* VMX's, without 1, which is reserved. */
#define EVENT_TYPES (BITS(EVENT_SOFTWARE_EXCEPTION, EVENT_INTERRUPT) & ~BIT(1))
#define REQUEST_PERSISTENT (REQUEST_INTERRUPT_WINDOW | REQUEST_NMI_WINDOW)

enum status vcpu_create(struct vm *vm, struct memory *memory, u64 index, struct queue *queue,
			struct vcpu **result)
{
	enum status status;
	struct vcpu *vcpu;

	status = cache_alloc_object(&vm->group->quota, OBJECT_VCPU, sizeof(*vcpu),
				    (void **)&vcpu);
	if (status != STATUS_OK)
		return status;
	vcpu->virt.vm = &vm->virt;
	vcpu->virt.page = memory_pointer(memory, index);
	vcpu->virt.apic = memory_pointer(memory, index + VCPU_APIC_PAGE);
	if (memory_range_valid(memory, index, VCPU_CPUID_PAGE + 1))
		vcpu->cpuid = memory_pointer(memory, index + VCPU_CPUID_PAGE);
	if (memory_range_valid(memory, index, VCPU_XSAVE_PAGE + 1))
		vcpu->xsave = memory_pointer(memory, index + VCPU_XSAVE_PAGE);
	vcpu->account = vm->group->page;
	status = virt->vcpu_init(&vcpu->virt);
	if (status != STATUS_OK) {
		cache_free(vcpu);
		return status;
	}
	object_get(&vm->object);
	object_get(&memory->object);
	object_get(&queue->object);
	vcpu->vm = vm;
	vcpu->memory = memory;
	vcpu->queue = queue;
	queue->vcpu = vcpu;
	group_adopt(vm->group, &vcpu->object);
	*result = vcpu;
	return STATUS_OK;
}

/* By the CPU's own hand only. */
void vcpu_unload(struct cpu *cpu)
{
	if (cpu->loaded == NULL)
		return;
	tlb_space_leave(cpu->loaded->vm->space, cpu->id);
	virt->vcpu_unload(&cpu->loaded->virt); /* the last of it: from now on it may be freed */
	cpu->loaded = NULL;
}

static NOINLINE enum status load_anew(struct cpu *cpu, struct vcpu *vcpu)
{
	u32 where = __atomic_load_n(&vcpu->virt.loaded_cpu, __ATOMIC_ACQUIRE);

	if (where != NOT_LOADED && where != cpu->id) {
		cpus_pend(cpus_get(where), PENDING_UNLOAD);
		return STATUS_AGAIN;
	}
	vcpu_unload(cpu);
	virt->vcpu_load(&vcpu->virt);
	tlb_space_enter(vcpu->vm->space, cpu->id);
	cpu->loaded = vcpu;
	return STATUS_OK;
}

/* STATUS_AGAIN: another CPU still has its registers and was asked to let go of them. */
static enum status load(struct cpu *cpu, struct vcpu *vcpu)
{
	return likely(cpu->loaded == vcpu) ? STATUS_OK : load_anew(cpu, vcpu);
}

/* One thread at a time has to do with a vCPU. */
static bool claim(struct vcpu *vcpu, struct thread *thread)
{
	struct thread *nobody = NULL;

	return __atomic_compare_exchange_n(&vcpu->runner, &nobody, thread, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static void unclaim(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->runner, NULL, __ATOMIC_RELEASE);
}

enum status vcpu_free(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();
	u32 where = __atomic_load_n(&vcpu->virt.loaded_cpu, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&vcpu->runner, __ATOMIC_ACQUIRE) != NULL) {
		vcpu_kick(vcpu);
		return STATUS_AGAIN;
	}
	if (cpu->loaded == vcpu)
		vcpu_unload(cpu);
	if (where != NOT_LOADED && where != cpu->id) {
		cpus_pend(cpus_get(where), PENDING_UNLOAD);
		return STATUS_AGAIN;
	}
	virt_vcpu_free(&vcpu->virt);
	if (vcpu->queue->vcpu == vcpu)
		vcpu->queue->vcpu = NULL;
	object_put(&vcpu->queue->object);
	object_put(&vcpu->memory->object);
	object_put(&vcpu->vm->object);
	cache_free(vcpu);
	return STATUS_OK;
}

static NOINLINE enum status take_registers(struct vcpu *vcpu, u32 dirty)
{
	u64 xcr0 = READ_ONCE(vcpu->virt.page->xcr0);

	if ((dirty & VCPU_XCR0) != 0 && !fpu_xcr0_valid(xcr0))
		return STATUS_BAD_ARGUMENT;
	if ((dirty & VCPU_APIC) != 0 && vcpu_find_apic(vcpu) != STATUS_OK)
		return STATUS_BAD_ADDRESS;
	if ((dirty & VCPU_XSAVE) != 0 && vcpu->xsave != NULL) {
		vcpu_unload(this_cpu());
		fpu_area_take(vcpu->virt.xsave_area, vcpu->xsave);
		(void)load(this_cpu(), vcpu); /* nobody else has it: it was loaded here */
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

static NOINLINE bool take_event(struct vcpu_event *event, struct vcpu_event *from)
{
	*event = *from;
	event->valid = EVENT_TYPES >> (event->type & 31) & 1;
	if (event->valid)
		from->valid = 0;
	return event->valid;
}

/* The event stays in virt.event until it is delivered, or goes back when the run ends before. */
static enum status begin(struct cpu *cpu, struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->virt.page;
	u32 request = READ_ONCE(page->request);
	u32 dirty = READ_ONCE(page->dirty);
	enum status status;

	if (unlikely(READ_ONCE(page->inject.valid)) &&
	    !take_event(&vcpu->virt.event, &page->inject))
		return STATUS_BAD_ARGUMENT;
	status = load(cpu, vcpu);
	if (status == STATUS_OK && dirty != 0)
		status = take_registers(vcpu, dirty);
	if (unlikely(status != STATUS_OK)) {
		page->inject.valid |= vcpu->virt.event.valid;
		vcpu->virt.event.valid = 0;
		return status;
	}
	page->dirty = 0;
	page->request = 0;
	vcpu->deadline_tsc = READ_ONCE(page->deadline_tsc);
	vcpu->requested = request & REQUEST_PERSISTENT;
	if (request != 0 || vcpu->virt.window)
		virt->request(&vcpu->virt, NULL, request, READ_ONCE(page->advance_length));
	if (unlikely(!list_empty(&vcpu->queue->pending)))
		vcpu->kicked = true;
	return STATUS_OK;
}

void vcpu_forget(struct thread *thread)
{
	struct vcpu *vcpu = thread->ran;

	if (vcpu == NULL)
		return;
	if (vcpu->thread == thread)
		vcpu->thread = NULL;
	thread->ran = NULL;
	object_put(&vcpu->object);
}

/* Remembers what the handle stands for, with a reference of the thread's own. */
static NOINLINE enum status find(struct thread *thread, u64 handle)
{
	struct handle_table *table = thread->process->handles;
	struct object *object;
	enum status status;

	lock_acquire(&object_lock, LOCK_OBJECTS);
	status = handle_lookup(table, handle, OBJECT_VCPU, RIGHT_CONTROL, &object);
	if (status == STATUS_OK) {
		object_get(object);
		vcpu_forget(thread);
		thread->ran = CONTAINER_OF(object, struct vcpu, object);
		/* Who ran it first is who yields are for; another may look into it now and then. */
		if (thread->ran->thread == NULL)
			thread->ran->thread = thread;
		thread->ran_handle = handle;
		thread->ran_closed = table->closed;
	}
	lock_release(&object_lock, LOCK_OBJECTS);
	return status;
}

/*
 * SYS_VCPU_RUN begins: takes over what the monitor asks for. STATUS_IN_USE: another thread has to
 * do with it; STATUS_AGAIN: another CPU still has its registers.
 *
 * Without the object lock, as a rule: the reference keeps the vCPU, and a handle that is closed
 * or whose object is destroyed at the same time might as well have been so a moment later.
 */
static ALWAYS_INLINE enum status begin_run(struct cpu *cpu, struct thread *thread, u64 handle)
{
	struct vcpu *vcpu = thread->ran;
	enum status status = STATUS_OK;

	if (unlikely(vcpu == NULL || thread->ran_handle != handle || vcpu->object.dead ||
		     thread->ran_closed != READ_ONCE(thread->process->handles->closed))) {
		status = find(thread, handle);
		vcpu = thread->ran;
	}
	if (status != STATUS_OK)
		return status;
	if (!claim(vcpu, thread))
		return STATUS_IN_USE;
	status = begin(cpu, vcpu);
	if (likely(status == STATUS_OK))
		thread->guest = vcpu;
	else
		unclaim(vcpu);
	return status;
}

void vcpu_abandon(struct vcpu *vcpu)
{
	vcpu->runner->guest = NULL;
	unclaim(vcpu);
}

/* Exits that all is said of up to the access: see struct vcpu_exit. */
#define EXITS_OF_FEW_WORDS                                                                         \
	(BIT(EXIT_IO) | BIT(EXIT_HLT) | BIT(EXIT_RDMSR) | BIT(EXIT_WRMSR) | BIT(EXIT_DEADLINE) |   \
	 BIT(EXIT_INTERRUPT_WINDOW))

/* In two pieces: of one a compiler makes a REP MOVS, which costs more than it moves. */
static void show_exit(struct vcpu_page *page, const struct vcpu_exit *exit)
{
	const size_t few = offsetof(struct vcpu_exit, gpa);

	__builtin_memcpy(&page->exit, exit, few);
	if (!(EXITS_OF_FEW_WORDS >> exit->reason & 1))
		__builtin_memcpy(&page->exit.gpa, &exit->gpa, sizeof(*exit) - few);
}

/* Its arguments lie on the stack, which costs each exit the check of it: 20 instructions. */
static NOINLINE void log_exit(u32 reason, u64 rip)
{
	log_debug(LOG_VIRT, "exit %u to the monitor, rip %#lx", reason, rip);
}

static ALWAYS_INLINE void return_to_monitor(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->virt.page;
	struct thread *runner = vcpu->runner;
	u32 reason = vcpu->virt.exit.reason;
	u32 groups = VCPU_RIP | (READ_ONCE(page->want[reason]) &
				  (VCPU_ALL | VCPU_CODE) & ~(u32)VCPU_EVENT);

	show_exit(page, &vcpu->virt.exit);
	page->event.valid = 0;
	if (unlikely(vcpu->virt.event.valid))
		page->event = vcpu->virt.event;
	vcpu->virt.event.valid = 0;
	virt->get(&vcpu->virt, groups);
	page->valid = groups | VCPU_EVENT;
	page->waited_tsc = runner->waited_tsc;
	page->run_count++;
	if (unlikely(log_threshold[LOG_VIRT] <= LOG_DEBUG))
		log_exit(reason, page->rip);
	if (unlikely(runner->process->ports != NULL))
		thread_ports_load(this_cpu(), runner);
	runner->guest = NULL;
	unclaim(vcpu);
}

static NOINLINE void return_with(struct vcpu *vcpu, enum exit_reason reason)
{
	vcpu->virt.code.depth = 0; /* no entry has looked whether the memory is still the guest's */
	vcpu->virt.exit = (struct vcpu_exit){.reason = reason, .tsc = rdtsc()};
	return_to_monitor(vcpu);
}

static bool settle(struct vcpu *vcpu)
{
	switch (vcpu->virt.exit.reason) {
	case EXIT_HOST_INTERRUPT:
		sti_nop_cli();
		return true;
	case EXIT_MEMORY:
		return vcpu_settle_memory(vcpu);
	default:
		return false;
	}
}

/* What needs nothing but the guest's registers, while the CPU still holds the guest's. */
static ALWAYS_INLINE bool settle_at_once(struct vcpu *vcpu, u32 reason)
{
	if (!(reason == EXIT_CPUID && cpuid_settle(vcpu)) &&
	    !(reason == EXIT_HYPERCALL && cpuid_settle_hypercall(vcpu)))
		return false;
	virt->request(&vcpu->virt, NULL, vcpu->requested | REQUEST_ADVANCE,
		      vcpu->virt.exit.instruction_length);
	return true;
}

/* A group's vCPUs may run on several CPUs. */
static void count(u64 *counter, u64 more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

static NOINLINE void inject(struct vcpu *vcpu)
{
	virt->request(&vcpu->virt, &vcpu->virt.event, vcpu->requested, 0);
	vcpu->virt.event.valid = 0;
	count(&vcpu->account->injected, 1);
}

/* Returns what the guest's byte was, 0 where there is none. */
static u32 mark(struct vcpu *vcpu, u8 value)
{
	u64 at = READ_ONCE(vcpu->virt.page->preempted_gpa);
	u8 *byte = at != 0 ? space_guest_byte(vcpu->vm->space, at) : NULL;

	return byte != NULL ? __atomic_exchange_n(byte, value, __ATOMIC_SEQ_CST) : 0;
}

void vcpu_preempt(struct vcpu *vcpu)
{
	if (unlikely(vcpu->preempted))
		return; /* it may have been asked for a flush since */
	vcpu->preempted = true;
	(void)mark(vcpu, MARK_PREEMPTED);
}

static NOINLINE void resume(struct vcpu *vcpu)
{
	vcpu->preempted = false;
	if (mark(vcpu, 0) & MARK_FLUSH)
		vcpu->virt.flush = true;
}

/*
 * Whoever kicks the vCPU or unmaps its memory sends an interrupt, which ends the next entry before
 * the guest's first instruction: so the reasons to stop need no second look in the loop.
 */
static ALWAYS_INLINE void enter(struct cpu *cpu, struct vcpu *vcpu, u64 now)
{
	struct group_page *account = vcpu->account;
	struct space *space = vcpu->vm->space;
	u64 *by_reason = account->exits_by_reason;
	u32 rounds = 0;
	bool settled;
	u32 reason;

	if (unlikely(vcpu->preempted))
		resume(vcpu);
	if (unlikely(vcpu->virt.event.valid))
		inject(vcpu);
	if (unlikely(space->generation != vcpu->space_seen) &&
	    tlb_must_flush(space, &vcpu->space_seen))
		vcpu->virt.flush = true;
	do {
		virt->enter(&vcpu->virt, vcpu->deadline_tsc);
		reason = vcpu->virt.exit.reason;
		count(&by_reason[reason], 1);
		settled = settle_at_once(vcpu, reason);
	} while (++rounds != SETTLED_MAX && settled);
	if (unlikely(settled))
		vcpu->virt.exit.reason = EXIT_HOST_INTERRUPT;
	virt->leave(&vcpu->virt);
	count(&account->exits, rounds);
	cpu->counters->exits += rounds;
	if (unlikely(rounds > 1))
		count(&account->kernel_exits, rounds - 1);
	vcpu->virt.exit.tsc = rdtsc();
	count(&account->guest_tsc, vcpu->virt.exit.tsc - now);
}

static ALWAYS_INLINE bool run_on(struct cpu *cpu, struct vcpu *vcpu)
{
	u64 now = rdtsc();

	timer_arm(cpu, cpu_guest_deadline(vcpu->virt.own_timer ? 0 : vcpu->deadline_tsc));
	/* What came before a kick that is forgotten here must be seen by the monitor. */
	if (unlikely(vcpu->kicked) &&
	    __atomic_exchange_n(&vcpu->kicked, false, __ATOMIC_SEQ_CST)) {
		return_with(vcpu, EXIT_KICK);
		return true;
	}
	/* Of 0, none, one less is later than everything. */
	if (unlikely(now > vcpu->deadline_tsc - 1)) {
		return_with(vcpu, EXIT_DEADLINE);
		return true;
	}
	enter(cpu, vcpu, now);
	if (settle(vcpu)) {
		count(&vcpu->account->kernel_exits, 1);
		return false;
	}
	return_to_monitor(vcpu);
	return true;
}

bool vcpu_step(struct cpu *cpu, struct vcpu *vcpu)
{
	if (likely(load(cpu, vcpu) == STATUS_OK))
		return run_on(cpu, vcpu);
	timer_arm_briefly(cpu);
	sti_nop_cli();
	return false;
}

/* All in one function: apart, its parts would save and restore 60 registers. */
void vcpu_run(struct cpu *cpu, struct trap_frame *frame)
{
	frame->rax = begin_run(cpu, cpu->thread, frame->rdi);
	if (likely(frame->rax == STATUS_OK && !cpu_must_settle(cpu)) &&
	    run_on(cpu, cpu->thread->ran) && !cpu_must_settle(cpu))
		cpu_return_to_user(cpu);
}

/* What an unloaded vCPU is asked for comes last: the back end has to have it for the rest. */
static void get(struct vcpu *vcpu, u32 groups)
{
	virt->get(&vcpu->virt, groups);
	if ((groups & VCPU_DUMP) != 0)
		virt->dump(&vcpu->virt);
	if ((groups & VCPU_XSAVE) != 0 && vcpu->xsave != NULL) {
		vcpu_unload(this_cpu());
		memcpy(vcpu->xsave, vcpu->virt.xsave_area, MIN(fpu_area_bytes(), PAGE_SIZE));
	}
	vcpu->virt.page->valid |= groups;
}

enum status vcpu_show(struct thread *caller, struct vcpu *vcpu, u32 groups)
{
	enum status status;

	if (!claim(vcpu, caller))
		return STATUS_IN_USE;
	status = load(this_cpu(), vcpu);
	if (status == STATUS_OK)
		get(vcpu, groups & (VCPU_ALL | VCPU_XSAVE | VCPU_DUMP));
	unclaim(vcpu);
	return status;
}

/* The runner's CPU looks at `kicked` before each entry, and an interrupt ends the run. */
void vcpu_kick(struct vcpu *vcpu)
{
	struct thread *runner;

	__atomic_store_n(&vcpu->kicked, true, __ATOMIC_SEQ_CST);
	runner = __atomic_load_n(&vcpu->runner, __ATOMIC_SEQ_CST);
	if (runner != NULL && runner->cpu != this_cpu())
		cpus_pend(runner->cpu, PENDING_KICK);
}
