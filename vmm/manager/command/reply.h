/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The answer to a command: its asker, the state of a waiting command, and the functions that write
 * it.
 */
#include "vmm/manager/log/log.h"
#include "vmm/manager/login/login.h"
#include "vmm/manager/login/rights.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_query.h"

#define REPLY_LINE_BYTES   4096u
#define REPLY_FILTER_BYTES 64u

/* The log lines that a `log show` is to show, and how far it has come in the log. */
struct log_query {
	struct log_reader reader;
	u64 skip; /* matching lines to skip before the first one shown */
	u64 since_ns;
	u64 until_ns;
	bool follow;		    /* continue at the end of the log */
	bool wall;		    /* each line is shown with date and time of day */
	u32 level;		    /* the least level shown */
	u32 category;		    /* the category of the lines to show; LOG_CATEGORY_COUNT: any */
	char vm[CONFIG_NAME_BYTES]; /* the VM whose lines are to be shown; "": any */
};

/* The kind of a piece of an answer. */
enum reply_kind {
	REPLY_TEXT,   /* lines for people to read, without the last newline */
	REPLY_OBJECT, /* a whole JSON object */
	/* an error: a sentence about what was found and what would be right; it ends the answer */
	REPLY_ERROR,
};

/* The kind of an error, for programs; the text is for people. */
enum reply_code {
	CODE_FAILED, /* a failure for which there is no other code */
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
 * The asker: the console or a machine channel. Commands write their answers with the functions
 * below for either; only `terminal` makes a difference.
 */
struct requester {
	void (*put)(void *context, enum reply_kind kind, struct text text);
	/* returns how many bytes can be written to the asker without loss */
	u32 (*room)(void *context);
	void *context;
	/* the asker is a person's terminal, to which a guest's console can be attached */
	bool terminal;
	struct login *login;		 /* the login of the asker's console or channel */
	const char *name;		 /* the asker's name, for the audit log */
	u32 rights;			 /* the asker's rights, bits of enum permission */
	struct machine_channel *channel; /* the asker's channel; NULL: the console */
};

/* The tone of a line, for a terminal with colours. */
enum reply_tone { TONE_PLAIN, TONE_WARNING, TONE_BAD };

/*
 * The answer to one command: its destination and, for a command that has not ended, the event that
 * it waits for. A command that has to wait sets `resume`, which is called each turn of the event
 * loop until it returns true. Long output (more than a few KiB) is written in steps, too, while
 * reply_room is more than REPLY_LINE_BYTES.
 */
struct reply {
	const struct requester *to;
	bool json; /* the answer is to be JSON: -j was given, or a machine channel asks */
	bool failed;
	u8 code; /* enum reply_code of the error, if the command has failed */
	/* for CODE_BAD_STATE: the refused enum vm_action, plus 1; otherwise 0 */
	u8 refused;
	u8 tone; /* enum reply_tone of the following lines */
	/* the text that shown lines and objects must have; "": all are shown */
	char filter[REPLY_FILTER_BYTES];

	bool (*resume)(struct reply *reply);
	u64 deadline_tsc;
	u32 vm_id;
	char vm_name[CONFIG_NAME_BYTES];
	struct log_query query;
	struct vm_query asked; /* the question that the command has put to a VM's monitor */
	u32 last_cpu;	       /* number of the last vCPU to show */
	bool all_vms;	       /* the command shows all VMs, one after the other */
	char path[72];	       /* path that `vm inspect` is to show; "": all */
	u64 left;	       /* bytes or lines still to show */
	/*
	 * the index of the next entry to show: in the command's list (reply_list), or in the table
	 * of VMs (inspect_next_vm)
	 */
	u64 shown;
	u64 changed; /* keys that `vm set` has changed, a bit for each of config_vm_keys */

	/* the VMs on which one command acts, one after the other */
	u32 chosen[VM_MAX]; /* ids of the VMs on which the command acts */
	u32 chosen_count;
	u32 chosen_next;
	u32 undone_count;
	u8 action; /* the action on the chosen VMs, enum vm_action */
	/*
	 * after a failure with one of the chosen VMs, which is reported, the command continues with
	 * the next
	 */
	bool several;

	/* the console is not locked during the command, however long no key is pressed */
	bool lasting;
	/* the VM to whose console the terminal is attached afterwards; 0: none */
	u32 attach_id;
	u32 attach_port; /* number of the VM's port to attach; 0: its console */
	bool attach_raw; /* attach the terminal without the filter */
	/*
	 * the console is to ask for a new password, hashed with this number of iterations; 0: it is
	 * not
	 */
	u32 secret_iterations;
	bool asks_state_key; /* the console is to ask for the key of saved VMs, without echo */
	/* name of the key of disks for which the console is to ask, without echo; "": it is not */
	char asks_disk_key[CONFIG_NAME_BYTES];

	struct json object;
	char line[REPLY_LINE_BYTES];
};

/* Writes one line of text to the asker and adds the newline. */
void reply_line(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);
/*
 * Writes an error, a sentence about what was found and what would be right, and puts "error: "
 * before it.
 */
void reply_error(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);
/*
 * Writes an error with that code for programs; reply_error uses CODE_FAILED and reply_bad
 * CODE_BAD_ARGUMENT.
 */
void reply_fail(struct reply *reply, enum reply_code code, const char *pattern, ...)
	PRINTF_LIKE(3, 4);
void reply_bad(struct reply *reply, const char *pattern, ...) PRINTF_LIKE(2, 3);

/* Begin and end a JSON object on a line of its own; in between, json_* add to reply->object. */
void reply_object_begin(struct reply *reply);
void reply_object_end(struct reply *reply);
/* Writes a complete JSON object to the asker. */
void reply_object(struct reply *reply, struct text object);

/* Returns whether a person's terminal has sent the command; if not, writes an error. */
bool reply_has_terminal(struct reply *reply);

/* Returns the machine channel that has sent the command; NULL, after an error, for other askers. */
struct machine_channel *reply_channel(struct reply *reply);
/* Returns whether the asker has one of these rights; if not, an error was written. */
bool reply_may(struct reply *reply, u32 rights);

/* Returns how many bytes can be written to the asker without loss. */
u32 reply_room(const struct reply *reply);

/*
 * For `resume` of a command that shows a list: calls show(reply, 0), show(reply, 1) and so on until
 * it returns false, over as many turns of the event loop as needed. Each call may write
 * REPLY_ITEM_BYTES.
 */
#define REPLY_ITEM_BYTES (2 * REPLY_LINE_BYTES)
bool reply_list(struct reply *reply, bool (*show)(struct reply *reply, u64 number));
