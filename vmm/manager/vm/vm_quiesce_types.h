/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What became of the freezing of a guest's file systems at its last snapshot or backup. */
struct vm_quiesce {
	bool wanted;	 /* the last snapshot or backup was to freeze the file systems */
	bool frozen;	 /* and they were frozen */
	u32 count;	 /* the number of file systems, as the guest says */
	const char *why; /* why they were not frozen; NULL: they were, or were not to be */
};
