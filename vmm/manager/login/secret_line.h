/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/login/password.h"

/* A line that is typed without echo; Backspace and Ctrl-U edit it. */
struct secret_line {
	char text[PASSWORD_LENGTH_MAX];
	/*
	 * the length; more than `text` holds if the line is too long, and then only Ctrl-U, which
	 * clears it, has an effect
	 */
	u32 length;
	bool after_cr;
};

enum secret_event { SECRET_NONE, SECRET_DONE, SECRET_BREAK };

void secret_line_begin(struct secret_line *line);
enum secret_event secret_line_feed(struct secret_line *line, u8 byte);
