/* SPDX-License-Identifier: MIT */
/*
 * Dispatches system calls: checks each call's handle arguments against a table of types and rights,
 * takes the locks it needs, and calls its function. kernel/cpu/trap.c calls syscall_dispatch for
 * every call but SYS_VCPU_RUN, without locks. It writes the result to the caller's frame.
 */
#include "kernel/call/syscall.h"
#include "arch/x86_64/cpu/trap_frame.h"
#include "kernel/group/group.h"
#include "kernel/object/handle.h"
#include "kernel/object/long_lock.h"
#include "kernel/object/object_lock.h"
#include "kernel/group/process.h"
#include "kernel/group/teardown.h"
#include "kernel/sched/thread.h"
#include "lib/bits.h"
#include "lib/index.h"

#define OR_NONE (1u << 15) /* ORed to `rights` below: the argument may also be HANDLE_NONE */

/* Each call's function, and the types and rights that its handle arguments must have. */
static const struct {
	syscall_function *function;
	struct wanted {
		u8 type;     /* enum object_type; OBJECT_NONE: an object of any type */
		u8 argument; /* index of the handle among the call's arguments, from 0 */
		u16 rights;  /* rights that the handle must have; 0 ends the list */
	} wanted[4];
} syscalls[SYS_COUNT] = {
	[SYS_HANDLE_CLOSE] = {.function = sys_handle_close},
	[SYS_HANDLE_GRANT] = {sys_handle_grant,
			      {{OBJECT_PROCESS, 0, RIGHT_GRANT}, {OBJECT_NONE, 1, RIGHT_GRANT}}},
	[SYS_OBJECT_DESTROY] = {sys_object_destroy, {{OBJECT_NONE, 0, RIGHT_DESTROY}}},
	[SYS_OBJECT_BIND] = {sys_object_bind,
			     {{OBJECT_NONE, 0, RIGHT_BIND}, {OBJECT_QUEUE, 1, RIGHT_BIND}}},
	[SYS_GROUP_CREATE] = {sys_group_create, {{OBJECT_ROOT, 0, RIGHT_CREATE}}},
	[SYS_GROUP_SET] = {sys_group_set, {{OBJECT_GROUP, 0, RIGHT_CONTROL}}},
	[SYS_GROUP_PAGE] = {sys_group_page, {{OBJECT_GROUP, 0, RIGHT_READ}}},
	[SYS_MEMORY_CREATE] = {sys_memory_create, {{OBJECT_GROUP, 0, RIGHT_CREATE}}},
	[SYS_MEMORY_PHYSICAL] = {sys_memory_physical, {{OBJECT_ROOT, 0, RIGHT_CREATE}}},
	[SYS_SPACE_CREATE] = {sys_space_create, {{OBJECT_GROUP, 0, RIGHT_CREATE}}},
	[SYS_SPACE_MAP] = {sys_space_map,
			   {{OBJECT_SPACE, 0, RIGHT_MAP}, {OBJECT_MEMORY, 2, RIGHT_READ}}},
	[SYS_SPACE_UNMAP] = {sys_space_unmap, {{OBJECT_SPACE, 0, RIGHT_MAP}}},
	[SYS_PROCESS_CREATE] = {sys_process_create,
				{{OBJECT_GROUP, 0, RIGHT_CREATE},
				 {OBJECT_MEMORY, 1, RIGHT_READ | RIGHT_EXECUTE}}},
	[SYS_PROCESS_SPACE] = {sys_process_space, {{OBJECT_PROCESS, 0, RIGHT_CONTROL}}},
	[SYS_PROCESS_START] = {sys_process_start,
			       {{OBJECT_PROCESS, 0, RIGHT_CONTROL},
				{OBJECT_MEMORY, 1, RIGHT_READ}}},
	[SYS_PROCESS_EXIT] = {.function = sys_process_exit},
	[SYS_PROCESS_STATUS] = {sys_process_status, {{OBJECT_PROCESS, 0, RIGHT_READ}}},
	[SYS_THREAD_CREATE] = {sys_thread_create, {{OBJECT_PROCESS, 0, RIGHT_CONTROL}}},
	[SYS_THREAD_YIELD] = {sys_thread_yield, {{OBJECT_VCPU, 0, RIGHT_CONTROL | OR_NONE}}},
	[SYS_THREAD_RESERVE] = {sys_thread_reserve, {{OBJECT_THREAD, 0, RIGHT_CONTROL | OR_NONE}}},
	[SYS_PORTS_GRANT] = {sys_ports_grant,
			     {{OBJECT_ROOT, 0, RIGHT_CONTROL}, {OBJECT_PROCESS, 1, RIGHT_CONTROL}}},
	[SYS_QUEUE_CREATE] = {sys_queue_create, {{OBJECT_GROUP, 0, RIGHT_CREATE}}},
	[SYS_QUEUE_WAIT] = {sys_queue_wait, {{OBJECT_QUEUE, 0, RIGHT_BIND}}},
	[SYS_EVENT_CREATE] = {sys_event_create, {{OBJECT_GROUP, 0, RIGHT_CREATE}}},
	[SYS_EVENT_SIGNAL] = {sys_event_signal, {{OBJECT_EVENT, 0, RIGHT_WRITE}}},
	[SYS_IRQ_CREATE] = {sys_irq_create, {{OBJECT_ROOT, 0, RIGHT_CREATE}}},
	[SYS_IRQ_UNMASK] = {sys_irq_unmask, {{OBJECT_IRQ, 0, RIGHT_CONTROL}}},
	[SYS_VM_CREATE] = {sys_vm_create,
			   {{OBJECT_GROUP, 0, RIGHT_CREATE}, {OBJECT_SPACE, 1, RIGHT_READ}}},
	[SYS_VCPU_CREATE] = {sys_vcpu_create,
			     {{OBJECT_VM, 0, RIGHT_CONTROL},
			      {OBJECT_MEMORY, 1, RIGHT_READ | RIGHT_WRITE},
			      {OBJECT_QUEUE, 3, RIGHT_BIND}}},
	[SYS_VCPU_RUN] = {.function = NULL}, /* trap_system_call handles this call itself */
	[SYS_VCPU_KICK] = {sys_vcpu_kick, {{OBJECT_VCPU, 0, RIGHT_WRITE}}},
	[SYS_VCPU_GET] = {sys_vcpu_get, {{OBJECT_VCPU, 0, RIGHT_READ}}},
	[SYS_SPACE_ENTRY] = {sys_space_entry, {{OBJECT_SPACE, 0, RIGHT_READ}}},
	[SYS_LOG_LEVEL] = {sys_log_level, {{OBJECT_ROOT, 0, RIGHT_WRITE}}},
	[SYS_MACHINE_RESET] = {sys_machine_reset, {{OBJECT_ROOT, 0, RIGHT_DESTROY}}},
	[SYS_AUDIT] = {sys_audit, {{OBJECT_ROOT, 0, RIGHT_READ}, {OBJECT_MEMORY, 1, RIGHT_WRITE}}},
	[SYS_IRQ_MESSAGE] = {sys_irq_message, {{OBJECT_IRQ, 0, RIGHT_READ}}},
	[SYS_MEMORY_ADDRESS] = {sys_memory_address,
				{{OBJECT_ROOT, 0, RIGHT_CREATE}, {OBJECT_MEMORY, 1, RIGHT_READ}}},
	[SYS_IOMMU_CREATE] = {sys_iommu_create, {{OBJECT_ROOT, 0, RIGHT_CREATE}}},
	[SYS_IOMMU_SPACE] = {sys_iommu_space,
			     {{OBJECT_ROOT, 0, RIGHT_CREATE}, {OBJECT_GROUP, 1, RIGHT_CREATE}}},
	[SYS_IOMMU_ATTACH] = {sys_iommu_attach,
			      {{OBJECT_ROOT, 0, RIGHT_CONTROL},
			       {OBJECT_SPACE, 3, RIGHT_MAP | OR_NONE}}},
	[SYS_SPACE_POPULATE] = {sys_space_populate, {{OBJECT_SPACE, 0, RIGHT_WRITE}}},
	[SYS_MEMORY_FREEZE] = {sys_memory_freeze, {{OBJECT_MEMORY, 0, RIGHT_CONTROL}}},
	[SYS_MEMORY_LAYER] = {sys_memory_layer,
			      {{OBJECT_GROUP, 0, RIGHT_CREATE}, {OBJECT_MEMORY, 1, RIGHT_READ}}},
	[SYS_MEMORY_RESET] = {sys_memory_reset, {{OBJECT_MEMORY, 0, RIGHT_MAP}}},
	[SYS_MEMORY_DISCARD] = {sys_memory_discard, {{OBJECT_MEMORY, 0, RIGHT_WRITE}}},
	[SYS_MEMORY_MERGE] = {sys_memory_merge, {{OBJECT_MEMORY, 0, RIGHT_CONTROL}}},
};

/*
 * Returns true for system calls that work on memory objects and spaces alone, without the object
 * lock.
 */
static bool syscall_is_aside(u64 number)
{
	const u64 aside = BIT(SYS_SPACE_MAP) | BIT(SYS_SPACE_UNMAP) | BIT(SYS_SPACE_ENTRY) |
			  BIT(SYS_SPACE_POPULATE) | BIT(SYS_MEMORY_ADDRESS) |
			  BIT(SYS_MEMORY_RESET) | BIT(SYS_MEMORY_DISCARD);

	return aside >> number & 1;
}

/*
 * Looks the call's handles up and carries the call out. Another CPU may have ended the caller
 * meanwhile: then the call is ignored.
 */
static enum status syscall_run(u64 number, struct system_call *call)
{
	enum status status;

	if (call->caller->state == THREAD_DEAD)
		return STATUS_NOT_SUPPORTED;
	for (const struct wanted *wanted = syscalls[number].wanted; wanted->rights != 0; wanted++) {
		u64 handle = call->argument[wanted->argument];

		call->object[wanted->argument] = NULL;
		if ((wanted->rights & OR_NONE) != 0 && handle == HANDLE_NONE)
			continue;
		status = handle_lookup(call->handles, handle, wanted->type,
				       wanted->rights & RIGHT_ALL, &call->object[wanted->argument]);
		if (status != STATUS_OK)
			return status;
	}
	if (!syscall_is_aside(number))
		return syscalls[number].function(call);
	long_aside();
	status = syscalls[number].function(call);
	long_back();
	return status;
}

/*
 * Returns true for the calls that share the object lock (kernel/object/object_lock.h); the others
 * take the long lock.
 */
static bool syscall_is_fast(u64 number)
{
	const u64 fast = BIT(SYS_THREAD_YIELD) | BIT(SYS_QUEUE_WAIT) | BIT(SYS_EVENT_SIGNAL) |
			 BIT(SYS_IRQ_UNMASK) | BIT(SYS_VCPU_KICK);

	_Static_assert(SYS_COUNT <= 64, "a bit for each");
	return fast >> number & 1;
}

static enum status syscall_run_fast(u64 number, struct system_call *call)
{
	struct group *group = call->caller->process->group;
	enum status status;

	object_share();
	status = syscall_run(number, call);
	object_unshare();
	if (unlikely(teardown_waiting()) && !list_empty(&group->teardown.objects)) {
		long_lock();
		(void)teardown_step(group);
		long_unlock();
	}
	return status;
}

static enum status syscall_run_long(u64 number, struct system_call *call)
{
	enum status status;

	long_lock();
	status = syscall_run(number, call);
	if (unlikely(teardown_waiting()))
		(void)teardown_step(call->caller->process->group);
	long_unlock();
	return status;
}

void syscall_dispatch(struct thread *caller, struct trap_frame *frame)
{
	const u64 argument[6] = {frame->rdi, frame->rsi, frame->r8,
				 frame->r9,  frame->r10, frame->rbx};
	struct system_call call;
	enum status status = STATUS_NOT_SUPPORTED;

	call.caller = caller;
	call.handles = caller->process->handles;
	call.argument = argument;
	call.value = 0;
	if (frame->rax < SYS_COUNT) {
		u64 number = index_masked(frame->rax, SYS_COUNT);

		status = syscall_is_fast(number) ? syscall_run_fast(number, &call)
						 : syscall_run_long(number, &call);
	}
	frame->rax = status;
	frame->rdi = call.value;
}

enum status syscall_give(struct system_call *call, struct object *object, u32 rights)
{
	enum status status = handle_insert(call->handles, object, rights, &call->value);

	object_put(object);
	return status;
}
