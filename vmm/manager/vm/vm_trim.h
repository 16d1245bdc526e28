/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Gives back the pages of a VM's memory that hold only zeros, while its guest runs and cannot tell:
 * for `vm trim`, and for vm_overcommit.h when others need memory.
 */
struct vm_trim {
	u64 next;      /* the next page to look at */
	u64 end;       /* the page to stop at; equal to `next`: no trim is under way */
	u64 given;     /* pages given back by the present or the last trim */
	u64 given_all; /* pages given back since the VM's creation */
	u64 ended_tsc;
	u64 until_tsc;	  /* time limit of the step under way; 0: none is */
	char problem[96]; /* why the last trim ended early; "": it did not */
};

/*
 * Begins at the first page, unless a trim is under way. Returns false, with the reason in
 * `problem`, if the VM cannot be trimmed.
 */
bool vm_trim_begin(struct vm *vm, char *problem, size_t size);
static inline bool vm_trim_is_on(const struct vm_trim *trim)
{
	return trim->next != trim->end;
}
/*
 * Does a bounded part of the trim, if one is under way, in vm_step; returns whether there is more
 * to do.
 */
bool vm_trim_step(struct vm *vm);
