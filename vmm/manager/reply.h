/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/json.h"
#include "vmm/manager/log_store.h"
#include "vmm/manager/vm.h"

#define REPLY_LINE_BYTES 4096u

/* Which lines `log show` wants, and where it is. */
struct log_query {
	struct log_cursor cursor;
	u64 skip;		    /* matching lines to leave out before the first one shown */
	u32 level;		    /* at least */
	u32 category;		    /* LOG_CATEGORY_COUNT: any */
	char vm[CONFIG_NAME_BYTES]; /* "": any */
};

/*
 * The answer to one command: where it is written to and, for a command that is not done yet, what
 * it waits for. A command that has to wait sets `resume`, which is called again each turn of the
 * loop until it returns true.
 */
struct reply {
	void (*write)(void *context, struct text text);
	u32 (*room)(void *context); /* bytes that can be written without loss */
	void *context;
	bool json; /* -j was given */
	bool failed;

	bool (*resume)(struct reply *reply);
	u64 deadline_tsc;
	u32 vm_id;
	char vm_name[CONFIG_NAME_BYTES];
	struct log_query query;
	u64 changed; /* keys of `vm set`, a bit for each of config_vm_keys */

	u32 attach_id; /* the terminal becomes this VM's console; 0: no */

	struct json object;
	char line[REPLY_LINE_BYTES];
};

/* One line of text; the newline is added. */
void reply_line(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* "error: " and the text: what was found and what would be right. */
void reply_error(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);

/* One JSON object on a line of its own; between the two, json_* add to reply->object. */
void reply_object_begin(struct reply *reply);
void reply_object_end(struct reply *reply);
