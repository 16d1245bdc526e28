/* SPDX-License-Identifier: MIT */
#pragma once

/* The boot files: modules that the loader gave, and members of bundles. */
#include "vmm/manager/config/file_types.h"
#include "vmm/manager/text/text.h"

#define FILE_MAX 64u
/* The module with the keys of encrypted disks: disk_key.h. */
#define DISK_KEY_MODULE "skerry.keys"

/*
 * Makes the list of files from the boot modules. Each mistake is reported; the other files are
 * used.
 */
void files_init(void (*report)(const char *problem));
/* Returns the file, or NULL if there is none of that name. */
const struct file *file_find(const char *name);
/* Returns whether the file is not empty; if not, `problem` says so and names the key. */
bool file_is_filled(const struct file *file, const char *key, char *problem, size_t size);
/*
 * Returns the file of that name if it is not empty, or NULL; then `problem` says what is wrong with
 * the key's file.
 */
const struct file *file_find_filled(const char *key, const char *name, char *problem, size_t size);
const struct file *file_at(u32 index); /* returns a file by its index; NULL behind the last file */
/*
 * Returns whether the file's first bytes allow it to be a kernel, or else an initrd: an archive is
 * no kernel, a program no initrd.
 */
bool file_may_be(const struct file *file, bool kernel);
/*
 * Returns what a file's bytes allow it to be, in words: "kernel", "initrd" or both; "bios" or
 * "uefi" for firmware; "seed" for text that cloud-init understands.
 */
const char *file_uses(const struct file *file);
/* Returns whether the loader gave no module at all. */
bool files_none(void);
/*
 * Returns the module with the keys of disks, which is in no list of files, or NULL if there is
 * none.
 */
const struct file *file_keys(void);
/* Returns the small guest that is built into Skerry's image. */
const struct file *file_demo(void);
