/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/disk_keys.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/text/text.h"

/*
 * The keys of encrypted disks, each by its name: from the boot module DISK_KEY_MODULE, or typed at
 * the console, which counts first. No command and no file shows them.
 */

/*
 * Reads the text of the boot module: lines `NAME = 64 hex digits`, and comments. Each mistake is
 * reported.
 */
void disk_key_read(struct text text, void (*report)(const char *problem));
/* Returns whether there is a key of disks of that name. */
bool disk_key_is_there(const char *name);
/*
 * Derives the key of one disk, which gives away neither the named key nor that of another disk.
 * Returns false if there is no such key.
 */
bool disk_key_make(const char *name, const char *disk, u8 key[DISK_KEY_BYTES]) MUST_CHECK;
/*
 * Derives, from the named key, the key of the volumes that have `id` as the id of their key.
 * Returns false if there is no key of that name.
 */
bool disk_key_make_volume(const char *name, u64 id, u8 key[DISK_KEY_BYTES]) MUST_CHECK;
/*
 * Computes the tag that ties a key's id to a volume, named as STORE/VOLUME; nobody can compute it
 * without the key. Returns false if there is no key of that name.
 */
bool disk_key_make_tag(const char *name, u64 id, const char *volume, u64 *tag) MUST_CHECK;
/*
 * Keeps a key that was typed at the console. Returns false if the text is no key, or there are too
 * many keys.
 */
bool disk_key_take(const char *name, struct text typed);
/* Forgets the keys that were typed at the console. */
void disk_key_forget(void);
