/* SPDX-License-Identifier: MIT */
/* Keeps notices until the terminal is free for them. Called by console.c; owns the kept text. */
#include "vmm/manager/console/console_notices.h"

#define NOTICE_BYTES 2048u

static char bytes[NOTICE_BYTES];
static size_t length;

void console_notices_keep(struct text notice)
{
	if (notice.length > NOTICE_BYTES - length)
		return;
	memcpy(bytes + length, notice.start, notice.length);
	length += notice.length;
}

struct text console_notices_take(void)
{
	struct text all = {bytes, length};

	length = 0;
	return all;
}
