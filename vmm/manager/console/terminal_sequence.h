/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/terminal_filter.h"

/* Handle a complete sequence: ESC and one byte, or ESC [, the parameters and one byte. */
void terminal_escape(struct terminal_filter *filter, char final);
void terminal_sequence(struct terminal_filter *filter, char final);
/*
 * Carries out the guest's REP, which not every terminal supports with UTF-8: sends the last
 * character of a line drawing `count` more times. In terminal_filter.c.
 */
void terminal_repeat(struct terminal_filter *filter, u32 count);
