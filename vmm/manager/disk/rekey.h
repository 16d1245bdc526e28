/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * A volume's content is encrypted by another key: to a new volume of the same store, whose content
 * and key the volume gets in one commit of the store. Before that commit the volume is as it was.
 * One rekey is under way at a time, and nobody else uses the volume meanwhile.
 */

/*
 * Begins to encrypt a volume by the key of that name. Returns the rekey's number, or 0, with the
 * reason in `problem`, if nothing was begun.
 */
u32 rekey_begin(struct store *store, const struct store_volume *volume, const char *key,
		char *problem, size_t size);
/*
 * Returns whether the rekey of that number has ended; `problem` then says which key the volume has
 * and why the rekey has failed, "" if it has not.
 */
bool rekey_ended(u32 number, char *problem, size_t size);
/* Returns whether the rekey under way uses a volume of that name. */
bool rekey_needs(const char *name);
/* Returns, once for a rekey that has ended, that its new volume may be left behind. */
bool rekey_left(void);
/* Returns whether that volume of the store is the one that gets another key now. */
bool rekey_is_of(const struct store *store, u64 volume);

/* Does the next step of the rekey. Returns whether another step is due at once. */
bool rekey_step(void);
/*
 * Returns the TSC at which the next step of the rekey is due even if nothing happens before; ~0:
 * never.
 */
u64 rekey_deadline(void);
