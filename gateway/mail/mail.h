/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buffer.h"
#include "gateway/base/delivery.h"

/*
 * The process that gives alerts to the system's sendmail. Core hands it each message with all that
 * it needs, and gets the result; the process keeps nothing.
 */
enum {
	MAIL_LIMIT_MS = 60000, /* the time that sendmail may take */
	MAIL_SUBJECT_BYTES = 200,
	MAIL_BODY_BYTES = 4096,
	MAIL_LINE_BYTES = 900, /* a line of a message has at most 998 (RFC 5322, 2.1.1) */
};

/* One message; its texts belong to the caller. */
struct mail_message {
	const char *number; /* another one for each message, and the same at each attempt */
	const char *from, *to, *subject, *body;
	int64_t time; /* in seconds since 1970 */
};

/* The process's main function: `program` is sendmail's path, `from` who messages come from. */
int mail_main(int core, const char *program, const char *from);

/*
 * Adds the message with its head (RFC 5322) to `out`. Returns false if a part of it must not stand
 * there: then nothing of it is to be used.
 */
bool mail_compose(const struct mail_message *message, struct buffer *out);
/* Runs sendmail for a message; the caller waits for the result, MAIL_LIMIT_MS at most. */
void mail_send(const char *program, const struct mail_message *message,
	       struct delivery_result *result);
