/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "lib/status.h"

struct file;

/*
 * A process in the making, a monitor or a driver: the manager creates it, gives it handles and
 * memory, lists these in its start page, and starts it. After a step that fails nothing more is
 * done; `status` and `what` tell the step.
 */
struct process_build {
	enum status status;
	const char *what; /* the step that failed, in words */
	handle_t group;	  /* the memory group to which the process is charged */
	handle_t process;
	handle_t space;
	handle_t start;
	struct start_info *info; /* mapped until process_build_start */
};

/* Notes the outcome of a step that the caller has done itself. */
void process_build_note(struct process_build *build, const char *what, enum status status);
static inline bool process_build_failed(const struct process_build *build)
{
	return build->status != STATUS_OK;
}

/*
 * Creates the process, from the image that begins at page `first_page` of `image`, with a start
 * page whose entries and parameters are still empty.
 */
void process_build_begin(struct process_build *build, handle_t group, handle_t image,
			 u64 first_page);
/* Gives the process a handle of its own to the object of `handle`, with the rights `rights`. */
void process_build_grant(struct process_build *build, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value);
/*
 * Gives a monitor, or a process that copies for it, handles to its own process, address space and
 * memory group.
 */
void process_build_own(struct process_build *build, handle_t group);
/*
 * Maps memory that the process shares with the manager into the manager; `address` points to a
 * pointer to it.
 */
void process_build_show(struct process_build *build, handle_t memory, u64 bytes, u32 rights,
			void *address);
/*
 * Maps part of a memory object into the process, from `offset` on, which need not be at a page. The
 * entry in the start page has the address and `bytes`.
 */
void process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
		       u64 offset, u64 bytes, u32 rights);
/*
 * Maps a file read-only. Where other bytes share its first or last page, the process gets a copy of
 * that page with the file's bytes alone.
 */
void process_build_map_file(struct process_build *build, enum start_kind kind,
			    const struct file *file);
/* Gives a name to the start-page entry that was added last. */
void process_build_name(struct process_build *build, const char *name);
/* Gives the process `count` I/O ports from `first` on. */
void process_build_ports(struct process_build *build, u16 first, u32 count, const char *name);
/* Starts the process; nothing more can be given through its start page. */
void process_build_start(struct process_build *build);
/*
 * Closes the manager's handles to the process, after success or failure; the process lives as long
 * as its group.
 */
void process_build_close(struct process_build *build);
/*
 * Closes all handles but the process's, which is returned in *process. If the process was not made,
 * returns false, with the step that failed in `problem` (`size` bytes), and leaves *process alone.
 */
bool process_build_take(struct process_build *build, handle_t *process, char *problem, size_t size);
