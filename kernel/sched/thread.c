/* SPDX-License-Identifier: MIT */
/*
 * Threads: waiting, waking, ending, and the change from one thread to another on a CPU. Queues and
 * processes wake and end threads; kernel/cpu/cpu_loop.c loads them. It owns a thread's state and
 * saved frame; on the running CPU it owns the frame at the base of the stack, the loaded address
 * space and the I/O bitmap in the TSS.
 */
#include "kernel/sched/thread.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/speculation.h"
#include "arch/x86_64/cpu/cpus.h"
#include "kernel/group/group_types.h"
#include "kernel/group/process_types.h"
#include "kernel/sched/queue.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/vcpu_load.h"
#include "kernel/guest/vm_types.h"
#include "mm/cache.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define NO_DEADLINE (~0ull)

static struct trap_frame *thread_loaded_frame(struct cpu *cpu)
{
	return (struct trap_frame *)cpu->stack_top - 1;
}

void thread_wait(struct thread *thread, struct queue *queue, u64 deadline_tsc)
{
	queue->waiter = thread;
	__atomic_store_n(&thread->waits_for, queue, __ATOMIC_RELAXED);
	thread->state = THREAD_WAITING;
	cpus_pend(thread->cpu, PENDING_RESCHEDULE);
	if (deadline_tsc != NO_DEADLINE) {
		thread->wake_tsc = deadline_tsc;
		timer_sleep(thread);
	}
}

static void thread_stop_waiting(struct thread *thread)
{
	struct queue *queue = thread->waits_for;

	if (queue == NULL)
		return;
	__atomic_store_n(&thread->waits_for, NULL, __ATOMIC_RELAXED);
	queue->waiter = NULL;
	timer_cancel(thread);
}

void thread_wake(struct thread *thread, enum status status, u64 value)
{
	thread_stop_waiting(thread);
	thread->has_result = true;
	thread->result = status;
	thread->result_value = value;
	/*
	 * The thread's CPU, which may not have taken the thread off its run queue yet, reads the
	 * state without the lock of the queue that the thread waited on.
	 */
	__atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
	sched_ready(thread);
}

/* Ends a thread; a CPU that runs or holds it drops it itself. */
void thread_end(struct thread *thread)
{
	thread_stop_waiting(thread);
	/* From now on the scheduler puts the thread on no run queue. */
	__atomic_store_n(&thread->state, THREAD_DEAD, __ATOMIC_SEQ_CST);
	sched_remove(thread);
	thread->object.dead = true;
	cpus_pend(thread->cpu, PENDING_RESCHEDULE);
}

/*
 * Returns true if the CPU runs or holds the thread. A CPU that has chosen the thread (`running`)
 * loads its registers later (`thread`), without the CPU's lock.
 */
static bool thread_held_by(struct cpu *cpu, const struct thread *thread)
{
	bool held;

	lock_acquire(&cpu->lock, LOCK_RUN);
	held = cpu->running == thread || __atomic_load_n(&cpu->thread, __ATOMIC_ACQUIRE) == thread;
	lock_release(&cpu->lock, LOCK_RUN);
	return held;
}

enum status thread_free(struct thread *thread)
{
	if (thread_held_by(thread->cpu, thread)) {
		cpus_pend(thread->cpu, PENDING_RESCHEDULE);
		return STATUS_AGAIN;
	}
	if (thread->guest != NULL) /* releases the vCPU, so that other threads may run it */
		vcpu_unclaim(thread->guest);
	vcpu_forget(thread);
	sched_serve(thread, NULL);
	sched_forget(thread);
	list_remove(&thread->sibling);
	thread->process->thread_count--;
	thread->process->group->thread_count--;
	cache_free(thread);
	return STATUS_OK;
}

static NOINLINE void thread_forget(struct cpu *cpu)
{
	tlb_process_leave(cpu->id);
	cpu->kernel_root = 0;
	cpu->user_root = 0;
	__atomic_store_n(&cpu->thread, NULL, __ATOMIC_RELEASE);
}

void thread_forget_dead(struct cpu *cpu)
{
	struct thread *thread = cpu->thread;

	/*
	 * A thread that was ended after the CPU chose it stays loaded until the CPU chooses anew.
	 */
	if (thread != NULL && thread != cpu->running && thread->state == THREAD_DEAD)
		thread_forget(cpu);
}

/*
 * Unloads the CPU's vCPU too: it may be the thread's, whose new CPU would otherwise have to ask
 * this one to unload it.
 */
void thread_unload(struct cpu *cpu, struct thread *thread)
{
	vcpu_unload(cpu);
	if (cpu->thread != thread)
		return;
	thread->frame = *thread_loaded_frame(cpu);
	thread_forget(cpu);
}

void thread_ports_load(struct cpu *cpu, struct thread *thread)
{
	struct process *process = thread->process;

	cpu_ports_set(cpu, process->ports, cpu->ports_version != process->ports_version);
	if (process->ports != NULL)
		cpu->ports_version = process->ports_version;
}

void thread_isolate(struct cpu *cpu, const struct thread *thread)
{
	if (cpu->ran == thread->serial)
		return;
	cpu->ran = thread->serial;
	cpu->foreign = true;
	speculation_barrier();
}

void thread_clear(struct cpu *cpu)
{
	if (cpu->loaded != NULL && cpu->loaded->vm->group != cpu->thread->process->group)
		vcpu_unload(cpu);
	selectors_clear();
	cpu->foreign = false;
	speculation_clear();
}

/*
 * Loads a thread. Loads CR3 even if this thread was loaded last: the CPU may have been idle since,
 * on the kernel's own tables.
 */
void thread_load(struct cpu *cpu, struct thread *thread)
{
	struct space *space = thread->process->space;
	const struct pt_root *root = &space->table.root;
	bool split = root->kernel.value != root->user.value;

	/*
	 * If the CPU is open to Meltdown, ring 3 runs on tables without the kernel's memory (the
	 * user view), and the entry stubs switch between those tables and the kernel's.
	 */
	cpu->kernel_root = split ? root->kernel.value : 0;
	cpu->user_root = split ? root->user.value : 0;
	tlb_process_enter(space, cpu->id);
	if (cpu->thread != thread) {
		if (cpu->thread != NULL)
			cpu->thread->frame = *thread_loaded_frame(cpu);
		*thread_loaded_frame(cpu) = thread->frame;
		cpu->thread = thread;
	}
	/*
	 * A guest may have run on this CPU while the thread's registers stayed loaded, and a VM
	 * exit sets a TSS limit that leaves out the I/O bitmap.
	 */
	thread_ports_load(cpu, thread);
	if (thread->has_result) {
		thread->has_result = false;
		thread_loaded_frame(cpu)->rax = thread->result;
		thread_loaded_frame(cpu)->rdi = thread->result_value;
	}
}
