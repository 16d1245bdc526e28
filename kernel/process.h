/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/handle.h"
#include "kernel/queue.h"
#include "lib/list.h"
#include "lib/status.h"
#include "mm/object.h"

struct memory;
struct space;

/* A ring-3 program: an address space, a table of handles and threads. */
struct process {
	struct object object;
	struct group *group;
	struct space *space;
	struct handle_table *handles;
	struct list threads;       /* struct thread.sibling */
	u64 image_base;
	u64 entry;                 /* of the first thread */
	u8 *ports;                 /* IO_BITMAP_BYTES; NULL: none */
	u32 ports_version;         /* differs from that of every other bitmap */
	u32 thread_count;          /* threads that are not yet freed */
	struct signal ended;
	u64 exit_code;
	bool started;
	bool running;              /* started and not yet ended: it holds a reference to itself */
};

/*
 * Lays the image (kernel/abi/image.h) that begins with page `first` of the memory, which has that
 * page, out at a random place in a new address space. The process's handle table has 2^table_order
 * pages.
 */
enum status process_create(struct group *group, struct memory *image, u64 first, u32 table_order,
			   struct process **process) MUST_CHECK;

/* Starts the first thread; start_memory is mapped read-only and its address passed in RDI. */
enum status process_start(struct process *process, struct memory *start_memory) MUST_CHECK;

enum status process_thread_create(struct process *process, u64 entry, u64 stack, u64 argument,
				  struct thread **thread) MUST_CHECK;

/*
 * Ends every thread and raises `ended`; memory stays until the object is destroyed. `code`: from
 * the process itself, with the top bit clear; 0 if it is destroyed; KILL_CODE if the kernel
 * kills it.
 */
void process_end(struct process *process, u64 code);

/* Ends it for good and closes its handles, because a handle to itself would keep it for ever. */
void process_destroy(struct process *process);

#define KILL_CODE(reason, vector)                                                                  \
	(PROCESS_KILLED | (u64)(vector) << PROCESS_VECTOR_SHIFT | (reason))

/* Frees what the process holds, once nobody refers to it. STATUS_AGAIN: a thread still exists. */
enum status process_free(struct process *process);
