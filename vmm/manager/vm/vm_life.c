/* SPDX-License-Identifier: MIT */
/*
 * The table of a VM's life: the actions allowed in each state with their effects, and the states
 * that a monitor may report next. Called by vm_act.c, vm_create.c, vm_table.c, the commands on VMs
 * and the machine channel. Holds no state.
 */
#include "vmm/manager/vm/vm_life.h"

/* clang-format off */
#define TELL(state)    {EFFECT_TELL, state}
#define BOOT	       {EFFECT_BOOT, VM_RUNNING}
#define BUTTON	       {EFFECT_BUTTON, VM_STOPPED}
#define END(state)     {EFFECT_END, state}
/* clang-format on */

_Static_assert(EFFECT_REFUSED == 0, "what the table leaves out is refused");

/* Drawn in docs/manager/life-cycle.md. For a VM in VM_ENDING no action is allowed. */
/* clang-format off */
static const struct vm_life table[VM_LIFE_STATES][ACTION_COUNT] = {
	[VM_CREATED] = {
		[ACTION_START] = TELL(VM_RUNNING),
		[ACTION_DESTROY] = END(VM_ENDING),
	},
	[VM_RUNNING] = {
		[ACTION_PAUSE] = TELL(VM_PAUSED),
		[ACTION_RESET] = TELL(VM_RUNNING),
		[ACTION_STOP] = BUTTON,
		[ACTION_KILL] = END(VM_STOPPED),
		[ACTION_DESTROY] = END(VM_ENDING),
	},
	[VM_PAUSED] = {
		[ACTION_RESUME] = TELL(VM_RUNNING),
		[ACTION_RESET] = TELL(VM_RUNNING),
		/* a paused guest cannot react to its power button */
		[ACTION_STOP] = END(VM_STOPPED),
		[ACTION_KILL] = END(VM_STOPPED),
		[ACTION_DESTROY] = END(VM_ENDING),
	},
	[VM_STOPPED] = {
		[ACTION_START] = BOOT,
		[ACTION_DESTROY] = END(VM_ENDING),
	},
	[VM_CRASHED] = {
		[ACTION_START] = BOOT,
		[ACTION_DESTROY] = END(VM_ENDING),
	},
};
/* clang-format on */

/*
 * True where a monitor may report the second state after the first; no state follows the end of a
 * guest. A created VM may report an end: its guest may have ended before the manager looked.
 */
static const bool reports[VM_STATE_COUNT][VM_STATE_COUNT] = {
	[VM_CREATED] = {[VM_RUNNING] = true, [VM_STOPPED] = true, [VM_CRASHED] = true},
	[VM_RUNNING] = {[VM_PAUSED] = true, [VM_STOPPED] = true, [VM_CRASHED] = true},
	[VM_PAUSED] = {[VM_RUNNING] = true, [VM_STOPPED] = true, [VM_CRASHED] = true},
};

struct vm_life vm_life(u32 state, enum vm_action action)
{
	return table[state][action];
}

bool vm_life_reports(enum vm_state from, u32 to)
{
	return to < VM_STATE_COUNT && reports[from][to];
}

const char *vm_life_state_name(u32 state)
{
	static const char names[VM_LIFE_STATES][16] = {
		[VM_CREATED] = "created", [VM_RUNNING] = "running", [VM_PAUSED] = "paused",
		[VM_STOPPED] = "stopped", [VM_CRASHED] = "crashed", [VM_ENDING] = "being destroyed",
	};

	return names[state];
}

const char *vm_life_action_name(enum vm_action action)
{
	static const char names[ACTION_COUNT][8] = {
		[ACTION_START] = "start", [ACTION_PAUSE] = "pause", [ACTION_RESUME] = "resume",
		[ACTION_RESET] = "reset", [ACTION_STOP] = "stop",   [ACTION_DESTROY] = "destroy",
		[ACTION_KILL] = "kill",
	};

	return names[action];
}

const char *vm_life_allowed(enum vm_action action)
{
	static const char *const allowed[ACTION_COUNT] = {
		[ACTION_START] = "only a created, stopped or crashed VM can be started",
		[ACTION_PAUSE] = "only a running VM can be paused",
		[ACTION_RESUME] = "only a paused VM can be resumed",
		[ACTION_RESET] = "only a running or paused VM can be reset",
		[ACTION_STOP] = "only a running or paused VM can be stopped",
		[ACTION_KILL] = "only a running or paused VM can be killed",
		[ACTION_DESTROY] = "it is already going away",
	};

	return allowed[action];
}
