/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/* The place where notices are shown: news for the operator that no command has asked for. */
struct notice_board {
	/* shows the notice now, or later if the terminal is busy */
	void (*show)(struct text notice);
	bool (*is_free)(void);
};

/* Sets where all notices are shown from now on; before the first call they are dropped. */
void notice_show_on(const struct notice_board *board);

/* Shows a line to the operator; the pattern has its newline. */
void notice(const char *pattern, ...) PRINTF_LIKE(1, 2);
/* Returns whether a notice would be shown now. */
bool notice_is_free(void);
