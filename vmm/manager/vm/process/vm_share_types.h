/* SPDX-License-Identifier: MIT */
#pragma once

/* The phase of a change of a running VM: the event for which it waits. */
enum vm_change_phase {
	CHANGE_NONE,
	/*
	 * the change is done: no other change begins in this turn, in which the waiting command
	 * reads the outcome
	 */
	CHANGE_DONE,
	/* the monitor gives up its reservations, which would keep the affinity from changing */
	CHANGE_RELEASE,
	CHANGE_RESERVE, /* the monitor makes the new reservations */
	CHANGE_RESTORE, /* the monitor makes the old reservations again */
};
