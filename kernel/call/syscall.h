/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "lib/types.h"
#include "mm/object.h"

struct handle_table;
struct signal;
struct thread;
struct trap_frame;

/* A system call in progress: argument[] comes in, `value` goes out when the result is STATUS_OK. */
struct system_call {
	struct thread *caller;
	struct handle_table *handles; /* the caller's handle table */
	const u64 *argument;	      /* array of six */
	/* objects of those arguments that are handles; NULL: HANDLE_NONE */
	struct object *object[4];
	u64 value;
};

/*
 * Yields the object of a handle argument; the table in syscall.c has made sure of its type and
 * rights.
 */
#define SYSCALL_OBJECT(call, number, type) CONTAINER_OF((call)->object[number], struct type, object)

/*
 * Decodes the system call in the caller's frame, carries it out and writes its result to the frame.
 */
void syscall_dispatch(struct thread *caller, struct trap_frame *frame);

/*
 * A system call's function: one for each call, which kernel/abi/syscall.h describes. A call that
 * parks its thread returns STATUS_OK; the waker of the thread writes the result.
 */
typedef enum status syscall_function(struct system_call *call);

syscall_function sys_handle_close, sys_handle_grant, sys_object_destroy, sys_object_bind;
syscall_function sys_group_create, sys_group_set, sys_group_page;
syscall_function sys_memory_create, sys_memory_physical, sys_memory_address, sys_space_create,
	sys_space_map, sys_space_unmap, sys_space_entry;
syscall_function sys_process_create, sys_process_space, sys_process_start, sys_process_exit,
	sys_process_status, sys_thread_create, sys_thread_yield, sys_thread_reserve,
	sys_ports_grant;
syscall_function sys_queue_create, sys_queue_wait, sys_event_create, sys_event_signal,
	sys_irq_create, sys_irq_message, sys_irq_unmask;
syscall_function sys_vm_create, sys_vcpu_create, sys_vcpu_kick, sys_vcpu_get;
syscall_function sys_log_level, sys_machine_reset, sys_audit;
syscall_function sys_iommu_create, sys_iommu_space, sys_iommu_attach, sys_space_populate;
syscall_function sys_memory_freeze, sys_memory_layer, sys_memory_reset;
syscall_function sys_memory_discard;
syscall_function sys_memory_merge;

/*
 * Turns a new object's only reference into a handle of the calling process; frees the object if
 * there is no room for a handle.
 */
enum status syscall_give(struct system_call *call, struct object *object, u32 rights);

/* Returns the signal of an object that SYS_OBJECT_BIND can bind; NULL if the type has none. */
struct signal *syscall_signal_of(struct object *object);
