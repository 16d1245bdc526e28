/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Gives back what of a VM's memory holds only zeros, while its guest goes on and cannot tell:
 * `vm trim`, and what vm_overcommit.h does when others need memory.
 */
struct vm_trim {
	u64 next;      /* page */
	u64 end;       /* equal: none is under way */
	u64 given;     /* pages, by the one under way or the last one */
	u64 given_all; /* since the VM is there */
	u64 ended_tsc;
	u64 until_tsc; /* the step that is under way; 0: none is */
	char problem[96]; /* why the last one has ended early; "": it has not */
};

/* From the beginning, unless one is under way. False, with the reason: it cannot be. */
bool vm_trim_begin(struct vm *vm, char *problem, size_t size);
static inline bool vm_trim_is_on(const struct vm_trim *trim)
{
	return trim->next != trim->end;
}
/* A bounded piece of it, if one is under way; in vm_step. True: there is more to do. */
bool vm_trim_step(struct vm *vm);
