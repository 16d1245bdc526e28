/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/object/handle.h"
#include "kernel/group/process_types.h"
#include "lib/status.h"

struct group;
struct memory;
struct thread;

/* The manager's process, without which the host cannot go on. */
extern struct process *process_manager;

/*
 * Creates a process, at a random address in a new address space, from the image
 * (kernel/abi/image.h) that begins with page `first` of the memory object. The caller has checked
 * that the object has that page. The handle table gets 2^table_order pages. STATUS_BAD_FORMAT,
 * STATUS_NO_MEMORY, STATUS_NO_QUOTA; STATUS_AGAIN: repeat, as pages are still being freed.
 */
enum status process_create(struct group *group, struct memory *image, u64 first, u32 table_order,
			   struct process **process) MUST_CHECK;

/*
 * Starts the first thread; start_memory is mapped read-only and its address passed to the thread in
 * RDI.
 */
enum status process_start(struct process *process, struct memory *start_memory) MUST_CHECK;

/*
 * Creates a thread, which runs at once. STATUS_TOO_BIG: the group has GROUP_THREADS_MAX threads;
 * STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status process_thread_create(struct process *process, u64 entry, u64 stack, u64 argument,
				  struct thread **thread) MUST_CHECK;

/*
 * Ends every thread and raises `ended`; the process's memory stays until its object is destroyed.
 * `code` is the process's own, with the top bit clear; 0 if the process is destroyed; KILL_CODE if
 * the kernel kills it.
 */
void process_end(struct process *process, u64 code);

/*
 * Ends the process for good and closes its handles, as a process's handle to itself would keep it
 * for ever.
 */
void process_destroy(struct process *process);

#define KILL_CODE(reason, vector)                                                                  \
	(PROCESS_KILLED | (u64)(vector) << PROCESS_VECTOR_SHIFT | (reason))

/*
 * Frees the process's address space, handles and struct, once it has no references. STATUS_AGAIN: a
 * thread still exists; repeat.
 */
enum status process_free(struct process *process);
