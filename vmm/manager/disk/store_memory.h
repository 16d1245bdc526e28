/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * Makes the memory of a store whose disk was found for the first time. Returns false, with the
 * reason in store->problem, if there is too little.
 */
bool store_memory_make(struct store *store, const struct disk *disk);
/*
 * Gives a store whose disk has become larger as much memory as it then needs, and copies the
 * contents of the page that the driver's last process has shared with the manager. No process of
 * the driver may have the memory. If there is too little memory, the store keeps its own, and
 * cannot grow.
 */
void store_memory_fit(struct store *store, const struct disk *disk);
