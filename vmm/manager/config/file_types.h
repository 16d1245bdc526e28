/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

#define FILE_NAME_BYTES 64u

/* A file that came with the image: a named boot module or a member of a bundle. */
struct file {
	char name[FILE_NAME_BYTES];
	handle_t memory; /* the boot module in which the file lies */
	u64 offset;	 /* the place of the file's first byte in the boot module */
	u64 size;
	const u8 *bytes; /* the file's bytes, mapped read-only in the manager */
};
