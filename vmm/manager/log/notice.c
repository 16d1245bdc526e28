/* SPDX-License-Identifier: MIT */
/*
 * Passes notices to the console. Called by every part of the manager that has news for the
 * operator; console.c registers itself. Owns only the registration.
 */
#include "vmm/manager/log/notice.h"

#include "vmm/rt/format.h"

static const struct notice_board *shown_on;

void notice_show_on(const struct notice_board *board)
{
	shown_on = board;
}

void notice(const char *pattern, ...)
{
	char text[1280];
	va_list arguments;
	size_t length;

	if (shown_on == NULL)
		return;
	va_start(arguments, pattern);
	length = MIN(format_va(text, sizeof(text), pattern, arguments), sizeof(text) - 1);
	va_end(arguments);
	shown_on->show((struct text){text, length});
}

bool notice_is_free(void)
{
	return shown_on != NULL && shown_on->is_free();
}
