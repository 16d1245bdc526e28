/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

enum cpio_result {
	CPIO_MEMBER, /* *member is filled */
	CPIO_NEXT,   /* the archive's trailer was found, and another archive follows */
	CPIO_END,    /* the archive's trailer was found, and only zeros follow */
	CPIO_BROKEN, /* `problem` says what is wrong at `offset` */
};

/*
 * Walks newc archives (cpio(5), "SVR4 portable ASCII format without CRC"; 070702 as well). Several
 * may follow each other with zeros between them, as Linux accepts them for its early user space.
 */
struct cpio {
	const char *archive;
	u64 size;
	u64 offset; /* offset of the next member's header */
	const char *problem;
};

/* Members of one archive with the same identity and several names are one file. */
struct cpio_identity {
	u32 inode;
	u32 major; /* the major number of the device on which the file was */
	u32 minor;
};

struct cpio_member {
	struct text name; /* the member's name inside the archive, without a leading "./" or '/' */
	u64 offset;	  /* the place in the archive where the file's data begin */
	u64 size;
	bool is_file;	/* the member is a regular file: not a directory, symbolic link or device */
	bool is_linked; /* the file has several names (hard links) */
	struct cpio_identity identity;
};

void cpio_start(struct cpio *cpio, const void *archive, u64 size);
enum cpio_result cpio_next(struct cpio *cpio, struct cpio_member *member);
/*
 * Finds the bytes of files with several names, which may lie at only one of the names, most often
 * the last. Searches for those of all members in the array whose bit is set in `wanted`, from the
 * member at which `cpio` is to the archive's end, in one walk, however many are wanted. Returns the
 * bits of the members whose offset and size it has filled.
 */
u64 cpio_find_bytes(struct cpio cpio, struct cpio_member *members, u64 wanted);
