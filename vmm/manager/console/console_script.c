/* SPDX-License-Identifier: MIT */
/*
 * Keeps the commands of `run=` from the kernel's command line. Set by main.c, taken by console.c.
 */
#include "vmm/manager/console/console_script.h"
#include "vmm/manager/text/text.h"

static char bytes[LINE_MAX + 1];
static struct text left;

void console_script_set(const char *commands)
{
	string_copy(bytes, sizeof(bytes), commands);
	left = text_of(bytes);
}

bool console_script_left(void)
{
	return left.length > 0;
}

void console_script_next(char line[LINE_MAX + 1])
{
	struct text command = {left.start, 0};

	while (command.length < left.length && left.start[command.length] != ';')
		command.length++;
	left.start += command.length;
	left.length -= command.length;
	if (left.length > 0) {
		left.start++;
		left.length--;
	}
	if (!text_copy(line, LINE_MAX + 1, text_trim(command)))
		line[0] = '\0';
}
