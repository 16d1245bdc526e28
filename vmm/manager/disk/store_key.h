/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * By which key a volume is encrypted: a named key (config/disk_key.h) and an id, which clones and
 * snapshots have in common. The store keeps both and could give a volume the id of another one; so
 * a tag, made by the named key, ties the id to the volume's name. `problem` is words that follow
 * the volume's name.
 */

/* Fills in a new key for the volume that the item makes. Returns false if there is no such key. */
bool store_key_new(const struct store *store, const char *name, struct store_item *item,
		   char *problem, size_t size);
/* Fills in the key of a copy of this volume, or of itself under the item's name. */
bool store_key_pass_on(const struct store *store, const struct store_volume *from,
		       struct store_item *item, char *problem, size_t size);
/*
 * Returns whether the volume may be used: it is not encrypted, in a store that allows that, or its
 * key is there and was given to it.
 */
bool store_key_check(const struct store *store, const struct store_volume *volume, char *problem,
		     size_t size);
/* Returns whether the volume that a VM's disk is now is encrypted. */
bool store_key_is_wanted(const struct vm_disk *disk);
