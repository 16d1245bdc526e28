/* SPDX-License-Identifier: MIT */
/* System calls on processes and threads. */
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/group.h"
#include "kernel/handle.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "mm/memory.h"
#include "mm/page.h"
#include "mm/space.h"

#define PORT_COUNT 65536u
#define IO_BITMAP_ORDER 1
#define RESERVE_PERIOD_MIN_NS (100 * NS_PER_US)
#define RESERVE_PERIOD_MAX_NS (10 * NS_PER_S)

enum status sys_process_create(struct thread *caller, struct syscall_registers *r)
{
	struct process *process;
	struct memory *image;
	struct group *group;
	enum status status;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CREATE, &group);
	SYSCALL_OBJECT(caller, r->argument[1], memory, OBJECT_MEMORY, RIGHT_READ | RIGHT_EXECUTE,
		       &image);
	status = process_create(group, image, 0, &process);
	if (status != STATUS_OK)
		return status;
	return syscall_give(caller, &process->object, RIGHT_ALL, &r->value);
}

enum status sys_process_space(struct thread *caller, struct syscall_registers *r)
{
	struct process *process;

	SYSCALL_OBJECT(caller, r->argument[0], process, OBJECT_PROCESS, RIGHT_CONTROL, &process);
	return handle_insert(caller->process->handles, &process->space->object, RIGHT_ALL,
			     &r->value);
}

enum status sys_process_start(struct thread *caller, struct syscall_registers *r)
{
	struct process *process;
	struct memory *start;

	SYSCALL_OBJECT(caller, r->argument[0], process, OBJECT_PROCESS, RIGHT_CONTROL, &process);
	SYSCALL_OBJECT(caller, r->argument[1], memory, OBJECT_MEMORY, RIGHT_READ, &start);
	return process_start(process, start);
}

enum status sys_process_exit(struct thread *caller, struct syscall_registers *r)
{
	log_debug(LOG_PROCESS, "process ends with code %u", r->argument[0]);
	process_end(caller->process, r->argument[0] & ~(1ull << 63));
	return STATUS_OK;
}

enum status sys_thread_create(struct thread *caller, struct syscall_registers *r)
{
	struct process *process;
	struct thread *thread;
	enum status status;

	SYSCALL_OBJECT(caller, r->argument[0], process, OBJECT_PROCESS, RIGHT_CONTROL, &process);
	if (!process->running)
		return STATUS_BAD_STATE;
	if (r->argument[1] >= SPACE_USER_HIGH || r->argument[2] >= SPACE_USER_HIGH)
		return STATUS_BAD_ADDRESS;
	status = process_thread_create(process, r->argument[1], r->argument[2], r->argument[3],
				       &thread);
	if (status != STATUS_OK)
		return status;
	/* The thread runs on without a handle: the process keeps it. */
	(void)!handle_insert(caller->process->handles, &thread->object, RIGHT_ALL, &r->value);
	return STATUS_OK;
}

enum status sys_thread_yield(struct thread *caller, struct syscall_registers *r)
{
	struct vcpu *vcpu;

	if (r->argument[0] == HANDLE_NONE)
		return sched_yield(caller->cpu, NULL);
	SYSCALL_OBJECT(caller, r->argument[0], vcpu, OBJECT_VCPU, RIGHT_CONTROL, &vcpu);
	return vcpu->thread != NULL ? sched_yield(caller->cpu, vcpu->thread) : STATUS_NOT_FOUND;
}

enum status sys_thread_reserve(struct thread *caller, struct syscall_registers *r)
{
	struct thread *thread;

	if (r->argument[0] == HANDLE_NONE)
		thread = caller;
	else
		SYSCALL_OBJECT(caller, r->argument[0], thread, OBJECT_THREAD, RIGHT_CONTROL,
			       &thread);
	if (r->argument[1] != 0 &&
	    (r->argument[2] < RESERVE_PERIOD_MIN_NS || r->argument[2] > RESERVE_PERIOD_MAX_NS ||
	     r->argument[1] > r->argument[2]))
		return STATUS_BAD_ARGUMENT;
	return sched_reserve(thread, r->argument[1], r->argument[2], &r->value);
}

enum status sys_ports_grant(struct thread *caller, struct syscall_registers *r)
{
	u64 first = r->argument[2];
	u64 count = r->argument[3];
	static u32 version; /* guarded by the object lock */
	struct process *process;
	enum status status;
	void *bitmap;

	SYSCALL_ROOT(caller, r->argument[0], RIGHT_CONTROL);
	SYSCALL_OBJECT(caller, r->argument[1], process, OBJECT_PROCESS, RIGHT_CONTROL, &process);
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
		process->ports[port / 8] &= (u8)~(1u << port % 8);
	process->ports_version = ++version;
	thread_ports_load(this_cpu(), caller);
	return STATUS_OK;
}
