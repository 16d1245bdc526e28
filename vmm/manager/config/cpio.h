/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

enum cpio_result {
	CPIO_MEMBER, /* *member is filled */
	CPIO_END,    /* the trailer was there */
	CPIO_BROKEN, /* `problem` says what is wrong, `offset` where */
};

/* Walks a newc archive (cpio(5), "SVR4 portable ASCII format without CRC"; 070702 as well). */
struct cpio {
	const char *archive;
	u64 size;
	u64 offset; /* of the header to look at next */
	const char *problem;
};

struct cpio_member {
	struct text name; /* inside the archive, without a leading "./" or '/' */
	u64 offset;       /* of its data, from the start of the archive */
	u64 size;
	bool is_file;     /* a regular file: not a directory, link or device */
};

void cpio_start(struct cpio *cpio, const void *archive, u64 size);
enum cpio_result cpio_next(struct cpio *cpio, struct cpio_member *member);
