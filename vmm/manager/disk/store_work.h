/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"
#include "vmm/manager/disk/store_work_types.h"

/*
 * Gives the store's driver the command as soon as it takes one, or takes its answer. Returns true
 * once there is an answer, until the caller clears `work` for another command: `problem` is "" if
 * the command was done, and says why not otherwise.
 */
bool store_work_step(struct store *store, struct store_work *work, enum store_operation operation,
		     const struct store_item *items, u32 count, char *problem, size_t size);
