/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/* The reports in the channel of a VM's monitor when the manager last read it. */
struct vm_report {
	/*
	 * the monitor has signalled since the manager last read the channel, so that there is
	 * something to read
	 */
	bool heard;
	bool ready; /* the monitor has set itself up and can run the guest */
	u32 state;  /* the guest's state as the monitor reports it, which may be any number */
	u32 done;   /* sequence number of the manager's last command that the monitor has done */
	u32 resets;
	u32 unasked; /* number of the guest's resets that no operator asked for */
};
