/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/line_editor.h"
#include "vmm/manager/password.h"
#include "vmm/manager/text/text.h"

/* One line of the machine channel: {"id":1,"command":"vm list"} or {"id":1,"auth":"PASSWORD"}. */
struct request {
	struct text id; /* as it stands in the line: any JSON scalar; null where none was found */
	char command[LINE_MAX + 1];
	bool is_auth; /* there is no command but a password */
	char password[PASSWORD_LENGTH_MAX + 1]; /* as far as it fits: a longer one is wrong */
	u32 password_length;
	char problem[192]; /* what was found and what is allowed */
	u32 position;	   /* of that, in bytes from the start of the line */
};

/* False for a mistake, with `problem` and `position`; `id` is valid either way. */
bool request_parse(struct text line, struct request *request);
