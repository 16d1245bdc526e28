/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_life_types.h"

/* The way in which an action is carried out. */
enum vm_effect {
	EFFECT_REFUSED,
	EFFECT_TELL,   /* the monitor is told, and carries the action out */
	EFFECT_BOOT,   /* a new monitor is made, once the old one is gone */
	EFFECT_BUTTON, /* the guest is asked to stop; after stop_timeout its end is forced */
	EFFECT_END,    /* the monitor is ended at once, and its pages are freed */
};

struct vm_life {
	u8 effect; /* enum vm_effect */
	u8 next;   /* the state that the action leads to */
};

/* Returns the effect of an action in a state: one entry of the table of a VM's life. */
struct vm_life vm_life(u32 state, enum vm_action action);

/* Returns whether a monitor may report `to` after `from`, by itself or after a command. */
bool vm_life_reports(enum vm_state from, u32 to);

const char *vm_life_state_name(u32 state);
const char *vm_life_action_name(enum vm_action action);
/* Returns a sentence that says in which states an action is allowed. */
const char *vm_life_allowed(enum vm_action action);
