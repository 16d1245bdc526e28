/* SPDX-License-Identifier: MIT */
#pragma once

/* What a change of a running VM waits for. */
enum vm_change_phase {
	CHANGE_NONE,
	CHANGE_DONE,	/* for one turn, in which the waiting command looks; no change begins */
	CHANGE_RELEASE, /* the monitor gives up its reservations, which hold the affinity */
	CHANGE_RESERVE, /* the monitor makes the new reservations */
	CHANGE_RESTORE, /* the monitor makes the old reservations again */
};
