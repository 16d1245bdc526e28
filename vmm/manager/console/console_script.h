/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/line_editor.h"

/* Sets the commands of `run=`, separated by ';'. */
void console_script_set(const char *commands);
/* Returns whether any command of `run=` has not been taken yet. */
bool console_script_left(void);
/* Takes the next command of `run=`, without blanks around it; an empty or too long one is "". */
void console_script_next(char line[LINE_MAX + 1]);
