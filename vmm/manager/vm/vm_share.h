/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"
#include "vmm/manager/config/config.h"

struct vm;

/*
 * What a VM gets of the CPUs: weight, cap, affinity and reservations. Its group holds the first
 * three; the reservations its monitor asks for, a vCPU at a time.
 */

/* Whether this machine can give it. False: `problem` says what is allowed. */
bool vm_share_check(const struct vm_config *config, char *problem, size_t size);

/* A new group gets what the configuration says. */
enum status vm_share_apply(handle_t group, const struct vm_config *config) MUST_CHECK;

/* What a change of a VM that runs is waiting for. */
enum vm_change_phase {
	CHANGE_NONE,
	CHANGE_DONE,    /* for one turn, in which whoever waits looks; none begins before */
	CHANGE_RELEASE, /* the reservations to be given up: they hold the affinity */
	CHANGE_RESERVE, /* the new ones to be made */
	CHANGE_RESTORE, /* the old ones to be made again */
};

/*
 * Makes `next` the VM's configuration, all or nothing, at once or in vm_share_step. Afterwards
 * vm->change_problem says why not, "" when it is done.
 */
void vm_share_change(struct vm *vm, const struct vm_config *next);
/* To be called each turn: goes on once the monitor has done what it was told. */
void vm_share_step(struct vm *vm);
/* The monitor is gone, and with it a change under way. */
void vm_share_abandon(struct vm *vm);
