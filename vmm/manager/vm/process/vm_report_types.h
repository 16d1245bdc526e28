/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/* What a VM's monitor had written into its channel at the last look. */
struct vm_report {
	/* the monitor has signalled since the last look, so that there is something to read */
	bool heard;
	bool ready; /* the monitor has set itself up */
	u32 state;  /* the guest's state as the monitor says, which may be any number */
	u32 done;   /* sequence number of the last command that it has done */
	u32 resets;
	u32 unasked; /* the resets that nobody asked for */
};
