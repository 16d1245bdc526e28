/* SPDX-License-Identifier: MIT */
#include "kernel/thread.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/caches.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/sched.h"
#include "kernel/timer.h"
#include "kernel/vcpu.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define NO_DEADLINE (~0ull)

static struct trap_frame *loaded_frame(struct cpu *cpu)
{
	return (struct trap_frame *)cpu->stack_top - 1;
}

struct trap_frame *thread_frame(struct thread *thread)
{
	struct cpu *cpu = this_cpu();

	return cpu->thread == thread ? loaded_frame(cpu) : &thread->frame;
}

static void stop_running(struct cpu *cpu, struct thread *thread)
{
	if (cpu->running != thread)
		return;
	sched_account(cpu);
	cpu->running = NULL;
	cpu->pending |= PENDING_RESCHEDULE;
}

void thread_wait(struct thread *thread, struct queue *queue, u64 deadline_tsc)
{
	struct cpu *cpu = this_cpu();

	object_get(&queue->object);
	queue->waiter = thread;
	thread->waits_for = queue;
	thread->state = THREAD_WAITING;
	stop_running(cpu, thread);
	if (deadline_tsc != NO_DEADLINE) {
		thread->wake_tsc = deadline_tsc;
		timer_sleep(cpu, thread);
	}
}

static void stop_waiting(struct thread *thread)
{
	struct queue *queue = thread->waits_for;

	if (queue == NULL)
		return;
	thread->waits_for = NULL;
	queue->waiter = NULL;
	object_put(&queue->object);
	timer_cancel(thread);
}

void thread_wake(struct thread *thread, enum status status, u64 value)
{
	struct trap_frame *frame = thread_frame(thread);

	stop_waiting(thread);
	frame->rax = status;
	frame->rdi = value;
	thread->state = THREAD_READY;
	sched_ready(this_cpu(), thread);
}

void thread_end(struct thread *thread)
{
	struct cpu *cpu = this_cpu();

	stop_waiting(thread);
	sched_remove(thread);
	if (thread->guest != NULL)
		vcpu_abandon(thread->guest);
	thread->state = THREAD_DEAD;
	thread->object.dead = true;
	stop_running(cpu, thread);
}

void thread_release(struct object *object)
{
	struct thread *thread = CONTAINER_OF(object, struct thread, object);
	struct cpu *cpu = this_cpu();

	if (cpu->thread == thread) {
		tlb_process_leave(cpu->id);
		cpu->kernel_root = 0;
		cpu->user_root = 0;
		cpu->thread = NULL;
	}
	list_remove(&thread->sibling);
	cache_free(&cache_thread, thread);
}

void thread_ports_load(struct cpu *cpu, struct thread *thread)
{
	struct process *process = thread->process;

	if (process->ports == NULL) {
		cpu_ports_forbid(cpu);
		return;
	}
	cpu_ports_allow(cpu, process->ports, cpu->ports != process);
	cpu->ports = process;
}

/* Ring 3 runs on the user view where the CPU is open to Meltdown; the entry stubs switch. */
static void space_load(struct cpu *cpu, struct space *space)
{
	const struct pt_root *root = &space->table.root;
	bool split = root->kernel.value != root->user.value;

	cpu->kernel_root = split ? root->kernel.value : 0;
	cpu->user_root = split ? root->user.value : 0;
	tlb_process_enter(space, cpu->id);
}

static void frame_load(struct cpu *cpu, struct thread *thread)
{
	if (cpu->thread != NULL)
		cpu->thread->frame = *loaded_frame(cpu);
	*loaded_frame(cpu) = thread->frame;
	cpu->thread = thread;
	cpu->counters->switches++;
}

/* Even the thread that was loaded last may find the kernel's own tables: the CPU was idle. */
void thread_load(struct cpu *cpu, struct thread *thread)
{
	space_load(cpu, thread->process->space);
	if (cpu->thread == thread)
		return;
	frame_load(cpu, thread);
	thread_ports_load(cpu, thread);
}
