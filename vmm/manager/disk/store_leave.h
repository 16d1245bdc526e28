/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The end of this host's hold on stores that have a lease, before the host stops. */

/*
 * Has each store with a lease given back by its driver, which first lets requests of VMs end that
 * are under way, and begins none any more. Returns whether none is still being given back: call it
 * again when a driver has signalled.
 */
bool stores_leave(void);
/* Lets stores_leave ask anew: the host has not stopped. */
void stores_stay(void);
