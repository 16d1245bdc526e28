/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/log/log.h"
#include "vmm/manager/login/login.h"
#include "vmm/manager/command/rights.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_query.h"

#define REPLY_LINE_BYTES 4096u
#define REPLY_FILTER_BYTES 64u

/* Which lines `log show` wants, and where it is. */
struct log_query {
	struct log_reader reader;
	u64 skip;		    /* matching lines to leave out before the first one shown */
	u64 since_ns;
	u64 until_ns;
	bool follow; /* go on at the end */
	bool wall;   /* with date and time of day */
	u32 level;		    /* at least */
	u32 category;		    /* LOG_CATEGORY_COUNT: any */
	char vm[CONFIG_NAME_BYTES]; /* "": any */
};

/* What one piece of an answer is. */
enum reply_kind {
	REPLY_TEXT,   /* lines for people to read, without the last newline */
	REPLY_OBJECT, /* one whole JSON object */
	REPLY_ERROR,  /* what was found and what would be right; nothing comes after it */
};

/* What an error is, for programs; the words for it are for people. */
enum reply_code {
	CODE_FAILED, /* anything else */
	CODE_BAD_REQUEST,
	CODE_LOCKED,
	CODE_WRONG_PASSWORD,
	CODE_NO_RIGHT,
	CODE_UNKNOWN_COMMAND,
	CODE_BAD_ARGUMENT,
	CODE_NOT_FOUND,
	CODE_EXISTS,
	CODE_BAD_STATE,
	CODE_BUSY,
	CODE_NO_MEMORY,
	CODE_TOO_OLD,
	REPLY_CODE_COUNT
};

const char *reply_code_name(enum reply_code code);

struct machine_channel;

/*
 * Who asked: the console or the machine channel. Commands write with the functions below and see no
 * difference, except for `terminal`.
 */
struct requester {
	void (*put)(void *context, enum reply_kind kind, struct text text);
	u32 (*room)(void *context); /* bytes that can be written without loss */
	void *context;
	bool terminal; /* a person's: there is somebody to attach a guest's console to */
	struct login *login; /* the door it came in by */
	const char *name; /* for the log of who did what */
	u32 rights; /* enum permission */
	struct machine_channel *channel; /* NULL: it is the console */
};

/* How a line is meant, for a terminal with colours. */
enum reply_tone { TONE_PLAIN, TONE_WARNING, TONE_BAD };

/*
 * The answer to one command: where it is written to and, for a command that is not done yet, what
 * it waits for. A command that has to wait sets `resume`, which is called again each turn of the
 * loop until it returns true. Much output (more than a few KiB) goes in steps as well, as long as
 * there is more than REPLY_LINE_BYTES of reply_room.
 */
struct reply {
	const struct requester *to;
	bool json; /* -j was given, or it is the machine channel's */
	bool failed;
	u8 code;    /* enum reply_code, once it failed */
	u8 refused; /* CODE_BAD_STATE: the enum vm_action that was refused, plus 1 */
	u8 tone; /* enum reply_tone, of the lines that follow */
	char filter[REPLY_FILTER_BYTES]; /* only lines and objects with that are shown; "": all */

	bool (*resume)(struct reply *reply);
	u64 deadline_tsc;
	u32 vm_id;
	char vm_name[CONFIG_NAME_BYTES];
	struct log_query query;
	struct vm_query asked; /* what a monitor is asked */
	u32 last_cpu;	       /* the last vCPU to show */
	bool all_vms;	       /* each VM after the other */
	char path[72];	       /* what `vm inspect` is to show; "": all */
	u64 left;	       /* bytes or lines to show */
	u64 shown;	       /* of a list: reply_list; of the VMs: inspect_next_vm */
	u64 changed; /* keys of `vm set`, a bit for each of config_vm_keys */

	/* the VMs that one command acts on, each after the other */
	u32 chosen[VM_MAX]; /* ids */
	u32 chosen_count;
	u32 chosen_next;
	u32 undone_count;
	u8 action;    /* enum vm_action */
	bool several; /* a VM with which it fails is told, and the next one follows */

	bool lasting; /* it is waited for, however long nothing is typed */
	u32 attach_id; /* the terminal becomes this VM's console; 0: no */
	u32 attach_port; /* or one of its further ports; 0: its console */
	bool attach_raw; /* without a filter */
	u32 secret_iterations; /* of a new password that it asks for; 0: it does not */
	bool asks_state_key;   /* that is typed next, unseen */

	struct json object;
	char line[REPLY_LINE_BYTES];
};

/* One line of text; the newline is added. */
void reply_line(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* What was found and what would be right, without "error: " before it. */
void reply_error(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* The same with a code: of reply_error it is CODE_FAILED, of reply_bad CODE_BAD_ARGUMENT. */
void reply_fail(struct reply *reply, enum reply_code code, const char *pattern, ...)
	PRINTF_LIKE(3, 4);
void reply_bad(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);

/* One JSON object on a line of its own; between the two, json_* add to reply->object. */
void reply_object_begin(struct reply *reply);
void reply_object_end(struct reply *reply);
/* One JSON object that is already made. */
void reply_object(struct reply *reply, struct text object);

/* For commands that need a person's terminal: false, after an error, for anybody else. */
bool reply_has_terminal(struct reply *reply);

/* For commands of a machine channel: NULL, after an error, for anybody else. */
struct machine_channel *reply_channel(struct reply *reply);
/* Whether who asked has one of these rights; an error has been written if not. */
bool reply_may(struct reply *reply, u32 rights);

/* How many bytes can be written without loss. */
u32 reply_room(const struct reply *reply);

/*
 * For `resume` of a command that shows a list: show(reply, 0), show(reply, 1) and so on, until it
 * returns false, in as many steps as it takes. Each may write REPLY_ITEM_BYTES.
 */
#define REPLY_ITEM_BYTES (2 * REPLY_LINE_BYTES)
bool reply_list(struct reply *reply, bool (*show)(struct reply *reply, u64 number));
