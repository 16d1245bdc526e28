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

/* Reads the module: lines `NAME = 64 hex digits`, and comments. Each mistake is reported. */
void disk_key_read(struct text text, void (*report)(const char *problem));
/* Returns whether there is a key of that name. */
bool disk_key_is_there(const char *name);
/*
 * Derives the key of one disk, which gives away neither the named key nor that of another disk.
 * Returns false if there is no such key.
 */
bool disk_key_make(const char *name, const char *disk, u8 key[DISK_KEY_BYTES]) MUST_CHECK;
/*
 * Derives the key of the volumes that have this id of a key. Returns false if there is no key of
 * that name.
 */
bool disk_key_make_volume(const char *name, u64 id, u8 key[DISK_KEY_BYTES]) MUST_CHECK;
/*
 * Makes the tag that ties an id to a volume, named as STORE/VOLUME: without the key nobody makes
 * one. Returns false if there is no key of that name.
 */
bool disk_key_make_tag(const char *name, u64 id, const char *volume, u64 *tag) MUST_CHECK;
/* Takes a typed key. Returns false if the text is none, or there are too many keys. */
bool disk_key_take(const char *name, struct text typed);
/* Forgets the typed keys. */
void disk_key_forget(void);
