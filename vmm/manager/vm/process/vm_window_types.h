/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What the manager keeps of a VM's window (vm_window.h), and of its snapshot on request. */
struct vm_window {
	u32 number; /* the VM's window, by its place in the list of all, plus 1; 0: none */
	u32 place;  /* the VM's place in the window */
	/* channel->window_wanted of the last request that was dealt with */
	u32 handled;
	bool taking;  /* the snapshot that is being taken is the one that the guest has asked for */
	u64 next_tsc; /* the TSC before which no further request of the guest's is looked at */
};
