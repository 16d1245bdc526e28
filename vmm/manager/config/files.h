/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/manager/text/text.h"

#define FILE_MAX 64u
#define FILE_NAME_BYTES 64u

/* A file that came with the image: a named boot module or a member of a bundle. */
struct file {
	char name[FILE_NAME_BYTES];
	handle_t memory; /* the boot module it lies in */
	u64 offset;      /* of its first byte in there */
	u64 size;
	const u8 *bytes; /* mapped read-only in the manager */
};

/* Takes stock of the boot modules. Each mistake is reported; the files that were found count. */
void files_init(void (*report)(const char *problem));
/* NULL: no such file. */
const struct file *file_find(const char *name);
/* False: it has no bytes, and `problem` says so of that key's file. */
bool file_is_filled(const struct file *file, const char *key, char *problem, size_t size);
/* Likewise, and it has bytes; else `problem` says what is wrong with that key's file. */
const struct file *file_find_filled(const char *key, const char *name, char *problem, size_t size);
const struct file *file_at(u32 index); /* NULL behind the last */
/* By how it begins: an archive is no kernel, a kernel no initrd. */
bool file_may_be(const struct file *file, bool kernel);
/* Whether the loader gave no module at all. */
bool files_none(void);
/* The flat guest that is built in. */
const struct file *file_demo(void);
