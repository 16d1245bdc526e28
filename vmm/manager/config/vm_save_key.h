/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/channel.h"

/*
 * Returns whether there is a key of saved VMs: one typed at the console, or else state_key of
 * [host].
 */

bool vm_save_key_is_there(void);
/*
 * Derives the key of one save from the VM's name and a salt; no other code sees the host's key.
 * Returns false if there is none.
 */
bool vm_save_key_make(const char *vm, const u8 salt[SAVE_SALT_BYTES],
		      u8 key[SAVE_KEY_BYTES]) MUST_CHECK;
/* Keeps a key that was typed at the console; returns false if the text is no key. */
bool vm_save_key_take(struct text typed);
/* Forgets the typed key, if there is one. */
void vm_save_key_forget(void);
