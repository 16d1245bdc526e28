/* SPDX-License-Identifier: MIT */
#pragma once

/* A line that a client sends on a machine channel, taken apart. */
#include "vmm/manager/command/command.h"
#include "vmm/manager/login/password.h"
#include "vmm/manager/text/text.h"

#define REQUEST_BYTES	    8192u /* the most bytes of one line */
#define REQUEST_ACTOR_BYTES 65u

/* The kinds of a client's lines on the machine channel: requests, and data for streams. */
enum request_kind {
	REQUEST_NONE, /* no request; the kinds from REQUEST_CREDIT on have no answer */
	/*
	 * {"id":1,"command":"vm set","arguments":["alpha","weight=2"]}, with `user-data` also
	 * "data":"BASE64"
	 */
	REQUEST_COMMAND,
	REQUEST_AUTH,	 /* {"id":1,"auth":"PASSWORD"} */
	REQUEST_HELLO,	 /* {"id":1,"hello":2} */
	REQUEST_CREDIT,	 /* {"credit":1,"bytes":65536} */
	REQUEST_DATA,	 /* {"stream":1,"data":"BASE64"}, of a transfer also "at":0 */
	REQUEST_END,	 /* {"stream":1,"end":4096} */
	REQUEST_REFUSAL, /* {"stream":1,"refused":"no space is left"} */
};

struct request {
	enum request_kind kind;
	/* the id's text in the line, any JSON scalar; "null" if the line has none */
	struct text id;
	bool any_order; /* the request may be answered before requests that came earlier */
	/* the asker's name, as the client claims; "": the client claims none */
	char actor[REQUEST_ACTOR_BYTES];

	char command[LINE_MAX + 1];
	u32 argument_count;
	/* the words of the command, without JSON escapes; each points into `decoded` */
	const char *argument[COMMAND_WORDS_MAX];

	/* the password, cut to this size: a longer password is wrong in any case */
	char password[PASSWORD_LENGTH_MAX + 1];
	u32 password_length;

	u64 number; /* version of a hello; number of the stream for credit or data */
	/*
	 * number of bytes: given as credit, in the data, or in the whole stream at its end; ~0 for
	 * data that is not base 64
	 */
	u64 bytes;
	u64 at;	  /* offset of the data in the stream; ~0: the line has none */
	u8 *data; /* NULL: the line has none */

	char problem[192]; /* a sentence that says what is wrong and what would be right */
	u32 position;	   /* offset of the mistake, in bytes from the start of the line */

	/* the arguments one after the other, the data, or the reason for a refusal */
	char decoded[REQUEST_BYTES];
	u32 decoded_length;
};

/*
 * Reads a line. Returns false for a mistake, with `problem` and `position`; `id` is valid either
 * way.
 */
bool request_parse(struct text line, struct request *request);
