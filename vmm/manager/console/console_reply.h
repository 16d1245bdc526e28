/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/command/reply.h"

/* Writes a piece of an answer to the terminal, in colour if `colours` is set. */
void console_reply_put(struct console_output *output, bool colours, enum reply_kind kind,
		       enum reply_tone tone, struct text text);
