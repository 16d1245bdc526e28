/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/terminal_filter.h"

/* Handle a complete sequence: ESC and one byte, or ESC [, the parameters and one byte. */
void terminal_escape(struct terminal_filter *filter, char final);
void terminal_sequence(struct terminal_filter *filter, char final);
/*
 * Sends the last line graphic `count` more times, since not every terminal repeats UTF-8. In
 * terminal_filter.c.
 */
void terminal_repeat(struct terminal_filter *filter, u32 count);
