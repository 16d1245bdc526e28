/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/text/text.h"

/* The key of saved VMs: the one that was typed at the console, else state_key of [host]. */

/* NULL: there is none. */
const struct state_key *vm_save_key(void);
/* Takes one that was typed; false: it is none. */
bool vm_save_key_take(struct text typed);
/* The one that was typed is gone, where there was one. */
void vm_save_key_forget(void);
