/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/channel.h"

/* The key of saved VMs: the one that was typed at the console, else state_key of [host]. */

bool vm_save_key_is_there(void);
/*
 * The key of one save of the VM of that name, with that salt: all that anybody else gets of it.
 * False: there is none.
 */
bool vm_save_key_make(const char *vm, const u8 salt[SAVE_SALT_BYTES],
		      u8 key[SAVE_KEY_BYTES]) MUST_CHECK;
/* Takes one that was typed; false: it is none. */
bool vm_save_key_take(struct text typed);
/* The one that was typed is gone, where there was one. */
void vm_save_key_forget(void);
