/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * The key by which a volume is encrypted: a named key (config/disk_key.h) and an id, which clones
 * and snapshots have in common. The store keeps both and could give a volume the id of another one;
 * so a tag, made by the named key, ties the id to the volume's name. In all these functions
 * `problem` gets words that follow the volume's name.
 */

/*
 * Gives the volume that `item` (a command to the store) makes a key of its own, derived from the
 * key `name` of the configuration. Returns false if there is no such key.
 */
bool store_key_new(const struct store *store, const char *name, struct store_item *item,
		   char *problem, size_t size);
/*
 * Fills in the key of `from` for the volume that `item` makes: a copy of `from`, or `from` under a
 * new name. Returns false, with the reason in `problem`, if the key is missing or wrong.
 */
bool store_key_pass_on(const struct store *store, const struct store_volume *from,
		       struct store_item *item, char *problem, size_t size);
/*
 * Returns whether the volume may be used: its key is there and was given to this volume, or it is
 * not encrypted and the store allows that.
 */
bool store_key_check(const struct store *store, const struct store_volume *volume, char *problem,
		     size_t size);
/*
 * Returns whether a VM's disk is a volume of a store that is encrypted now, so that the VM needs
 * its key.
 */
bool store_key_is_wanted(const struct vm_disk *disk);
