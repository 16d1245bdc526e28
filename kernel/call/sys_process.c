/* SPDX-License-Identifier: MIT */
/*
 * System calls on processes and threads, and on the I/O ports of a process. kernel/call/syscall.c
 * calls each function with its handles looked up: sys_thread_yield with the object lock shared, the
 * others with that lock alone.
 */
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/group/group.h"
#include "kernel/object/handle.h"
#include "kernel/log/log.h"
#include "kernel/group/process.h"
#include "kernel/sched/sched.h"
#include "kernel/call/syscall.h"
#include "kernel/sched/thread.h"
#include "kernel/guest/vcpu.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "mm/memory.h"
#include "mm/page.h"
#include "mm/space.h"

#define PORT_COUNT	65536u
#define IO_BITMAP_ORDER 1
/* the least budget: large compared to SCHED_RESERVE_NS, the scheduler's own cost in each period */
#define RESERVE_BUDGET_MIN_NS (50 * NS_PER_US)
#define RESERVE_PERIOD_MIN_NS (100 * NS_PER_US)
#define RESERVE_PERIOD_MAX_NS (10 * NS_PER_S)

enum status sys_process_create(struct system_call *call)
{
	struct process *process;
	struct memory *image = SYSCALL_OBJECT(call, 1, memory);
	struct group *group = SYSCALL_OBJECT(call, 0, group);
	u64 first = call->argument[2];
	enum status status = STATUS_BAD_FORMAT;

	if (first < image->page_count)
		status = process_create(group, image, first, 0, &process);
	return status == STATUS_OK ? syscall_give(call, &process->object, RIGHT_ALL) : status;
}

enum status sys_process_space(struct system_call *call)
{
	struct process *process = SYSCALL_OBJECT(call, 0, process);
	u32 grant = handle_rights(call->handles, call->argument[0]) & RIGHT_GRANT;

	return handle_insert(call->handles, &process->space->object, RIGHT_READ | RIGHT_MAP | grant,
			     &call->value);
}

enum status sys_process_start(struct system_call *call)
{
	return process_start(SYSCALL_OBJECT(call, 0, process), SYSCALL_OBJECT(call, 1, memory));
}

enum status sys_process_exit(struct system_call *call)
{
	log_debug(LOG_PROCESS, "process ends with code %u", call->argument[0]);
	process_end(call->caller->process, call->argument[0] & ~PROCESS_KILLED);
	return STATUS_OK;
}

enum status sys_process_status(struct system_call *call)
{
	const struct process *process = SYSCALL_OBJECT(call, 0, process);

	call->value = process->exit_code;
	return process->started && !process->running ? STATUS_OK : STATUS_BAD_STATE;
}

enum status sys_thread_create(struct system_call *call)
{
	struct process *process = SYSCALL_OBJECT(call, 0, process);
	struct thread *thread;
	enum status status;

	if (!process->running)
		return STATUS_BAD_STATE;
	if (call->argument[1] >= SPACE_USER_HIGH || call->argument[2] >= SPACE_USER_HIGH)
		return STATUS_BAD_ADDRESS;
	status = process_thread_create(process, call->argument[1], call->argument[2],
				       call->argument[3], &thread);
	if (status != STATUS_OK)
		return status;
	/* Without room for a handle the thread runs nevertheless: the process refers to it. */
	(void)!handle_insert(call->handles, &thread->object, RIGHT_ALL, &call->value);
	return STATUS_OK;
}

enum status sys_thread_yield(struct system_call *call)
{
	struct cpu *cpu = call->caller->cpu;
	const struct vcpu *vcpu;

	if (call->object[0] == NULL)
		return sched_yield(cpu, NULL);
	vcpu = SYSCALL_OBJECT(call, 0, vcpu);
	return vcpu->thread != NULL ? sched_yield(cpu, vcpu->thread) : STATUS_NOT_FOUND;
}

enum status sys_thread_reserve(struct system_call *call)
{
	struct thread *thread = call->caller;
	u64 budget = call->argument[1];
	u64 period = call->argument[2];

	if (call->object[0] != NULL)
		thread = SYSCALL_OBJECT(call, 0, thread);
	if (budget != 0 && (period < RESERVE_PERIOD_MIN_NS || period > RESERVE_PERIOD_MAX_NS ||
			    budget < RESERVE_BUDGET_MIN_NS || budget > period))
		return STATUS_BAD_ARGUMENT;
	return sched_reserve(thread, budget, period, &call->value);
}

enum status sys_ports_grant(struct system_call *call)
{
	struct process *process = SYSCALL_OBJECT(call, 1, process);
	u64 first = call->argument[2];
	u64 count = call->argument[3];
	static u32 version; /* guarded by the object lock */
	enum status status;
	void *bitmap;

	if (!range_within(first, count, PORT_COUNT))
		return STATUS_BAD_ARGUMENT;
	if (process->ports == NULL) {
		status = page_alloc_cleared(IO_BITMAP_ORDER, PAGE_KERNEL, &process->group->quota,
					    &bitmap);
		if (status != STATUS_OK)
			return status;
		process->ports = memset(bitmap, 0xff, IO_BITMAP_BYTES);
	}
	for (u64 port = first; port < first + count; port++)
		process->ports[port / 8] &= (u8) ~(1u << port % 8);
	process->ports_version = ++version;
	/*
	 * makes the process's next SYS_VCPU_RUN look its handle up again and see that there are
	 * ports
	 */
	process->handles->closed++;
	thread_ports_load(this_cpu(), call->caller);
	return STATUS_OK;
}
