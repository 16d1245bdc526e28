/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

enum cpio_result {
	CPIO_MEMBER, /* *member is filled */
	CPIO_NEXT,   /* the trailer was there, and another archive follows */
	CPIO_END,    /* the trailer was there, and nothing but zeros follows */
	CPIO_BROKEN, /* `problem` says what is wrong, `offset` where */
};

/*
 * Walks newc archives (cpio(5), "SVR4 portable ASCII format without CRC"; 070702 as well), several
 * one behind the other with zeros between them, as Linux takes them for its early user space.
 */
struct cpio {
	const char *archive;
	u64 size;
	u64 offset; /* of the header to look at next */
	const char *problem;
};

/* Members of one archive with the same are one file, if it has several names. */
struct cpio_identity {
	u32 inode;
	u32 major; /* of the device that it was on */
	u32 minor;
};

struct cpio_member {
	struct text name; /* inside the archive, without a leading "./" or '/' */
	u64 offset;       /* of its data, from the start of the archive */
	u64 size;
	bool is_file;	/* a regular file: not a directory, symbolic link or device */
	bool is_linked; /* one that has several names (hard links) */
	struct cpio_identity identity;
};

void cpio_start(struct cpio *cpio, const void *archive, u64 size);
enum cpio_result cpio_next(struct cpio *cpio, struct cpio_member *member);
/*
 * Of a file with several names the bytes may lie at one of them only, most often the last. Looks
 * for them from the member on at which `cpio` is, to the archive's end. False: there are none.
 */
bool cpio_find_bytes(struct cpio cpio, struct cpio_member *member);
