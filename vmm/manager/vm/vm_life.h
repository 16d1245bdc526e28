/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/channel.h"

/* What an operator can do to a VM. */
enum vm_action {
	ACTION_START,
	ACTION_PAUSE,
	ACTION_RESUME,
	ACTION_RESET,
	ACTION_STOP,
	ACTION_KILL,
	ACTION_DESTROY,
	ACTION_COUNT
};

/* The states of enum vm_state, and that of a VM which is on its way out of the list. */
enum { VM_ENDING = VM_STATE_COUNT, VM_LIFE_STATES };

/* How an action is carried out. */
enum vm_effect {
	EFFECT_REFUSED,
	EFFECT_TELL,   /* the monitor is told and does it */
	EFFECT_BOOT,   /* with a new monitor, once the old one is gone */
	EFFECT_BUTTON, /* the guest is asked; after stop_timeout it is ended */
	EFFECT_END,    /* the monitor is ended at once, pages and all */
};

struct vm_life {
	u8 effect; /* enum vm_effect */
	u8 next;   /* the state it leads to */
};

/* The table of the life of a VM: what an action does in a state. */
struct vm_life vm_life(u32 state, enum vm_action action);

/* Whether a monitor that was in one state may report the other, on its own or when told to. */
bool vm_life_reports(enum vm_state from, u32 to);

const char *vm_life_state_name(u32 state);
const char *vm_life_action_name(enum vm_action action);
/* Where an action is allowed, in words. */
const char *vm_life_allowed(enum vm_action action);
