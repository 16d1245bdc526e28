/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/handle.h"
#include "kernel/queue.h"
#include "lib/list.h"
#include "lib/status.h"
#include "mm/object.h"

struct group;
struct memory;
struct space;
struct thread;

/* Ending a process takes time in proportion, and so does each timed wait on its CPUs. */
#define PROCESS_THREADS_MAX 256u

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
	u32 ports_version;         /* differs from every other bitmap's */
	u32 thread_count;          /* that are not yet given back */
	struct signal ended;
	u64 exit_code;
	bool started;
	bool running;              /* started and not yet ended; then it refers to itself */
};

/*
 * Lays the image out at a random place in a new address space; kernel/abi/image.h. Its table of
 * handles has 2^table_order pages.
 */
enum status process_create(struct group *group, struct memory *image, u32 table_order,
			   struct process **process) MUST_CHECK;

/* Starts the first thread; start_memory is mapped read-only and its address passed in RDI. */
enum status process_start(struct process *process, struct memory *start_memory) MUST_CHECK;

enum status process_thread_create(struct process *process, u64 entry, u64 stack, u64 argument,
				  struct thread **thread) MUST_CHECK;

/*
 * Ends every thread and signals whoever watches; memory stays until the object is destroyed.
 * A process that ends itself does so with a code of its own; `code` with the top bit set is a kill:
 * see enum kill_reason.
 */
void process_end(struct process *process, u64 code);

/* Ends it for good: its handles go at once, as one to itself would keep it for ever. */
void process_destroy(struct process *process);

enum kill_reason {
	KILL_EXCEPTION = 1, /* bits 15:8 the vector */
	KILL_PAGE_FAULT,
	KILL_NO_MEMORY,
	KILL_FPU,
	KILL_MACHINE_CHECK, /* a page of its VM's RAM is lost */
};
#define KILL_CODE(reason, detail) (1ull << 63 | (u64)(detail) << 8 | (reason))

/* Gives back what the process holds, once nobody refers to it. STATUS_AGAIN: a thread is left. */
enum status process_free(struct process *process);
