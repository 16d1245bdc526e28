/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/channel.h"

/* The actions of operators on a VM. */
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

/* The states of enum vm_state, and one more for a VM that is being removed from the list. */
enum { VM_ENDING = VM_STATE_COUNT, VM_LIFE_STATES };
