/* SPDX-License-Identifier: MIT */
#pragma once

/* What a change of a running VM waits for. */
enum vm_change_phase {
	CHANGE_NONE,
	/*
	 * the change is done: for one turn, in which the waiting command looks, no other change
	 * begins
	 */
	CHANGE_DONE,
	/* the monitor gives up its reservations, which would keep the affinity from changing */
	CHANGE_RELEASE,
	CHANGE_RESERVE, /* the monitor makes the new reservations */
	CHANGE_RESTORE, /* the monitor makes the old reservations again */
};
