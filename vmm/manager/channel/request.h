/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"
#include "vmm/manager/console/line_editor.h"
#include "vmm/manager/login/password.h"
#include "vmm/manager/text/text.h"

#define REQUEST_BYTES	    8192u /* of one line at most */
#define REQUEST_ACTOR_BYTES 65u

/* What a line of the machine channel asks for, or brings. */
enum request_kind {
	REQUEST_NONE,	 /* from REQUEST_CREDIT on they are answered by nothing */
	REQUEST_COMMAND, /* {"id":1,"command":"vm set","arguments":["alpha","weight=2"]} */
	REQUEST_AUTH,	 /* {"id":1,"auth":"PASSWORD"} */
	REQUEST_HELLO,	 /* {"id":1,"hello":2} */
	REQUEST_CREDIT,	 /* {"credit":1,"bytes":65536} */
	REQUEST_DATA,	 /* {"stream":1,"data":"BASE64"}, of a transfer with "at":0 */
	REQUEST_END,	 /* {"stream":1,"end":4096} */
	REQUEST_REFUSAL, /* {"stream":1,"refused":"no space is left"} */
};

struct request {
	enum request_kind kind;
	struct text id; /* as it stands in the line: any JSON scalar; null where none was found */
	bool any_order; /* it may be answered before earlier ones */
	char actor[REQUEST_ACTOR_BYTES]; /* who is behind it, as the client claims; "": not said */

	char command[LINE_MAX + 1];
	u32 argument_count;
	const char *argument[COMMAND_WORDS_MAX]; /* each one word as it is */

	char password[PASSWORD_LENGTH_MAX + 1]; /* as far as it fits: a longer one is wrong */
	u32 password_length;

	u64 number; /* the version of a hello; the stream that credit or data is for */
	u64 bytes;  /* of credit, data, or all; of data, ~0 stands for what is no base 64 */
	u64 at;	    /* of data: bytes before it; ~0: not said */
	u8 *data;

	char problem[192]; /* what was found and what is allowed */
	u32 position;	   /* of that, in bytes from the start of the line */

	/* arguments one after the other, data, or why it was refused */
	char decoded[REQUEST_BYTES];
	u32 decoded_length;
};

/* False for a mistake, with `problem` and `position`; `id` is valid either way. */
bool request_parse(struct text line, struct request *request);
