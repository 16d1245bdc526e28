/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"
#include "vmm/manager/text/guid.h"

/* The host that holds a store: this host's identity, and the description of another host. */

/* Fills in this host's identity and the store's lease, for the store's driver. */
void store_owner_give(const struct store *store, struct store_given *given);
/* Returns why the store's lease cannot be kept on this host, or NULL. */
const char *store_owner_problem(const struct store *store);
/*
 * Writes the identity of the host that holds the store, or has held it last, as a UUID; "" if the
 * store names none.
 */
void store_owner_text(const struct store_told *told, char text[GUID_TEXT_BYTES]);
/* Returns whether the owner in `told` is this host. */
bool store_owner_is_self(const struct store_told *told);
/*
 * Logs, once, that another host has taken the store from this one, and remembers that this host
 * has held it.
 */
void store_owner_say(struct store *store);
