/* SPDX-License-Identifier: MIT */
#include "kernel/syscall.h"
#include "arch/x86_64/cpu/trap_frame.h"
#include "kernel/handle.h"
#include "kernel/object_lock.h"
#include "kernel/process.h"
#include "kernel/thread.h"

static syscall_function *const table[SYS_COUNT] = {
	[SYS_HANDLE_CLOSE] = sys_handle_close,
	[SYS_HANDLE_GRANT] = sys_handle_grant,
	[SYS_OBJECT_DESTROY] = sys_object_destroy,
	[SYS_OBJECT_BIND] = sys_object_bind,
	[SYS_GROUP_CREATE] = sys_group_create,
	[SYS_GROUP_SET] = sys_group_set,
	[SYS_GROUP_PAGE] = sys_group_page,
	[SYS_MEMORY_CREATE] = sys_memory_create,
	[SYS_MEMORY_PHYSICAL] = sys_memory_physical,
	[SYS_SPACE_CREATE] = sys_space_create,
	[SYS_SPACE_MAP] = sys_space_map,
	[SYS_SPACE_UNMAP] = sys_space_unmap,
	[SYS_PROCESS_CREATE] = sys_process_create,
	[SYS_PROCESS_SPACE] = sys_process_space,
	[SYS_PROCESS_START] = sys_process_start,
	[SYS_PROCESS_EXIT] = sys_process_exit,
	[SYS_THREAD_CREATE] = sys_thread_create,
	[SYS_THREAD_YIELD] = sys_thread_yield,
	[SYS_THREAD_RESERVE] = sys_thread_reserve,
	[SYS_PORTS_GRANT] = sys_ports_grant,
	[SYS_QUEUE_CREATE] = sys_queue_create,
	[SYS_QUEUE_WAIT] = sys_queue_wait,
	[SYS_EVENT_CREATE] = sys_event_create,
	[SYS_EVENT_SIGNAL] = sys_event_signal,
	[SYS_IRQ_CREATE] = sys_irq_create,
	[SYS_IRQ_UNMASK] = sys_irq_unmask,
	[SYS_VM_CREATE] = sys_vm_create,
	[SYS_VCPU_CREATE] = sys_vcpu_create,
	[SYS_VCPU_RUN] = NULL, /* trap_system_call */
	[SYS_VCPU_KICK] = sys_vcpu_kick,
	[SYS_VCPU_GET] = sys_vcpu_get,
	[SYS_SPACE_ENTRY] = sys_space_entry,
	[SYS_LOG_LEVEL] = sys_log_level,
	[SYS_MACHINE_STOP] = sys_machine_stop,
	[SYS_AUDIT] = sys_audit,
};

void syscall_dispatch(struct thread *caller, struct trap_frame *frame)
{
	struct syscall_registers registers = {
		.argument = {frame->rdi, frame->rsi, frame->r8, frame->r9, frame->r10, frame->rbx},
	};
	enum status status = STATUS_NOT_SUPPORTED;

	if (frame->rax < SYS_COUNT) {
		lock_acquire(&object_lock, LOCK_OBJECTS);
		/* Who was ended meanwhile, by another CPU, has nothing to ask any more. */
		if (caller->state != THREAD_DEAD)
			status = table[frame->rax](caller, &registers);
		lock_release(&object_lock, LOCK_OBJECTS);
	}
	frame->rax = status;
	frame->rdi = registers.value;
}

enum status syscall_give(struct thread *caller, struct object *object, u32 rights, u64 *value)
{
	enum status status = handle_insert(caller->process->handles, object, rights, value);

	object_put(object);
	return status;
}
