/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/line_editor.h"

/* The commands of `run=`, separated by ';', one after the other. */
void console_script_set(const char *commands);
/* Whether there are any left. */
bool console_script_left(void);
/* The next one, without blanks around it; one that is empty or too long is "". */
void console_script_next(char line[LINE_MAX + 1]);
