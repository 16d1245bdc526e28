/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/* Who shows the operator what nobody has asked for. */
struct notice_board {
	void (*show)(struct text notice); /* now or, while the terminal is not free, later */
	bool (*is_free)(void);
};

/* From now on all notices go there; before, there are none. */
void notice_show_on(const struct notice_board *board);

/* A line for the operator, with its newline. */
void notice(const char *pattern, ...) PRINTF_LIKE(1, 2);
/* Whether it would be shown now. */
bool notice_is_free(void);
