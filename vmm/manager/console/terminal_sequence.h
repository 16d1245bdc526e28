/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/terminal_filter.h"

/* What becomes of a whole sequence: ESC and one byte, and ESC [, the parameters and one byte. */
void terminal_escape(struct terminal_filter *filter, char final);
void terminal_sequence(struct terminal_filter *filter, char final);
/* terminal_filter.c: the last graphic again, since not every terminal repeats UTF-8. */
void terminal_repeat(struct terminal_filter *filter, u32 count);
