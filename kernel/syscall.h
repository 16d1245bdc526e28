/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/types.h"

struct process;
struct thread;
struct trap_frame;

/* The registers of one call: argument[] in, value out (when the result is STATUS_OK). */
struct syscall_registers {
	u64 argument[6];
	u64 value;
};

/* Decodes the call in the frame, carries it out and puts its result there. */
void syscall_dispatch(struct thread *caller, struct trap_frame *frame);

/*
 * One function a call, by enum syscall; kernel/abi/syscall.h says what each does. A call that
 * parks its thread returns STATUS_OK; who wakes the thread writes the result.
 */
typedef enum status syscall_function(struct thread *caller, struct syscall_registers *registers);

syscall_function sys_handle_close, sys_handle_grant, sys_object_destroy, sys_object_bind;
syscall_function sys_group_create, sys_group_set, sys_group_page;
syscall_function sys_memory_create, sys_memory_physical, sys_space_create, sys_space_map,
	sys_space_unmap, sys_space_entry;
syscall_function sys_process_create, sys_process_space, sys_process_start, sys_process_exit,
	sys_thread_create, sys_thread_yield, sys_thread_reserve, sys_ports_grant;
syscall_function sys_queue_create, sys_queue_wait, sys_event_create, sys_event_signal,
	sys_irq_create, sys_irq_unmask;
syscall_function sys_vm_create, sys_vcpu_create, sys_vcpu_kick, sys_vcpu_get;
syscall_function sys_log_level, sys_machine_stop, sys_audit;

/* What the calls share: an argument looked up as an object of a type with rights. */
#define SYSCALL_OBJECT(caller, number, type_name, TYPE, rights, result)                         \
	do {                                                                                    \
		struct object *syscall_object;                                                  \
		enum status syscall_status =                                                    \
			handle_lookup((caller)->process->handles, number, TYPE, rights,         \
				      &syscall_object);                                         \
		if (syscall_status != STATUS_OK)                                                \
			return syscall_status;                                                  \
		*(result) = CONTAINER_OF(syscall_object, struct type_name, object);             \
	} while (0)

/* The same for the root, of which only the rights count. */
#define SYSCALL_ROOT(caller, number, rights)                                                    \
	do {                                                                                    \
		struct object *syscall_root;                                                    \
		enum status syscall_status =                                                    \
			handle_lookup((caller)->process->handles, number, OBJECT_ROOT, rights,  \
				      &syscall_root);                                           \
		if (syscall_status != STATUS_OK)                                                \
			return syscall_status;                                                  \
	} while (0)

struct object;

/* Gives the caller the new object's only reference as a handle; without room the object ends. */
enum status syscall_give(struct thread *caller, struct object *object, u32 rights, u64 *value);
