/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"
#include "vmm/manager/disk/store_work_types.h"

/* Sets up the next part of a work, which may take 60 seconds if it has a limit. */
void store_work_begin(struct store_work *work);
/* Returns whether that time is over. */
bool store_work_is_late(const struct store_work *work);
/* Returns the TSC at which to look again whether the store takes the command, or has answered. */
u64 store_work_look_tsc(void);
/*
 * Gives the store's driver the command as soon as it takes one, or takes its answer. Returns true
 * once there is an answer, until store_work_begin sets `work` up for another command; `problem` is
 * "" if the command was done, else the reason.
 */
bool store_work_step(struct store *store, struct store_work *work, enum store_operation operation,
		     const struct store_item *items, u32 count, char *problem, size_t size);
