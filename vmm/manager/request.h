/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/line_editor.h"
#include "vmm/manager/text/text.h"

/* One line of the machine channel: {"id":1,"command":"vm list"}. */
struct request {
	struct text id; /* as it stands in the line: any JSON scalar; null where none was found */
	char command[LINE_MAX + 1];
	char problem[192]; /* what was found and what is allowed */
	u32 position;	   /* of that, in bytes from the start of the line */
};

/* False for a mistake, with `problem` and `position`; `id` is valid either way. */
bool request_parse(struct text line, struct request *request);
