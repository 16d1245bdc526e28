/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "lib/status.h"

struct file;

/*
 * How the manager makes a process, a monitor or a driver: it creates it, hands it what it may have,
 * tells it so in its start page, and starts it. After the first step that fails nothing more is
 * done; `status` and `what` say which it was.
 */
struct process_build {
	enum status status;
	const char *what; /* was being done */
	handle_t group;	  /* that it is charged to */
	handle_t process;
	handle_t space;
	handle_t start;
	struct start_info *info; /* mapped until process_build_start */
};

/* For steps that only the caller knows: notes how it ended. */
void process_build_note(struct process_build *build, const char *what, enum status status);
static inline bool process_build_failed(const struct process_build *build)
{
	return build->status != STATUS_OK;
}

/*
 * The process, from the image that begins with that page, with its start page: its entries and
 * parameters are still empty.
 */
void process_build_begin(struct process_build *build, handle_t group, handle_t image,
			 u64 first_page);
/* A handle of its own, with `rights` of those that this one has. */
void process_build_grant(struct process_build *build, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value);
/* What a monitor, and who copies for it, has of itself: its process, its space and its group. */
void process_build_own(struct process_build *build, handle_t group);
/* Maps memory that it shares with the manager here; `address` is that of a pointer to it. */
void process_build_show(struct process_build *build, handle_t memory, u64 bytes, u32 rights,
			void *address);
/*
 * Maps part of a memory object, from `offset` on, which need not begin with a page. The entry has
 * the address and `bytes`.
 */
void process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
		       u64 offset, u64 bytes, u32 rights);
/*
 * The same for a file, read-only: where others' bytes share its first or last page the process gets
 * a copy of that page with its own alone.
 */
void process_build_map_file(struct process_build *build, enum start_kind kind,
			    const struct file *file);
/* Names what was handed over last. */
void process_build_name(struct process_build *build, const char *name);
/* Lets it use `count` ports from `first` on. */
void process_build_ports(struct process_build *build, u16 first, u32 count, const char *name);
/* Starts it; nothing can be handed over through its start page any more. */
void process_build_start(struct process_build *build);
/* Gives the handles back, whatever happened; the process lives as long as its group. */
void process_build_close(struct process_build *build);
