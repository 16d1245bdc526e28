/* SPDX-License-Identifier: MIT */
/*
 * A file that a client of E2B's uploads as multipart/form-data (RFC 7578, RFC 2046, 5.1): its bytes
 * go to core as they come, without the form around them. The exchange calls it with pieces of the
 * body; it keeps the form's head until it is whole, and of the file no more than core takes.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/web/tunnel.h"
#include "gateway/web/web.h"

enum {
	FORM_HELD_BYTES = 65536,
	FORM_HEAD_BYTES = 4096, /* the longest head of the file's part, with the mark before it */
	FORM_MARK_BYTES = 80,
};

struct form {
	bool lost;  /* it has no head where that should be: nothing more is looked at */
	bool begun; /* core has been asked */
	bool ended; /* the file's end was there */
	bool whole; /* and the form's behind it, so that core has got all of the file */
	char mark[FORM_MARK_BYTES]; /* what ends the part: CR LF, "--", the boundary */
	struct buffer held;
};

void form_begin(struct exchange *exchange)
{
	exchange->form = calloc(1, sizeof(*exchange->form));
}

void form_free(struct form *form)
{
	if (form)
		buffer_free(&form->held);
	free(form);
}

/* Hands bytes on to core, and the end behind the last of them. */
static void form_pass(struct exchange *exchange, size_t count, bool last)
{
	struct form *form = exchange->form;

	if (!exchange->answered) {
		exchange->unacknowledged += count;
		message_send(&web.core,
			     (struct message_head){MESSAGE_DATA, exchange->id, 0,
						   last ? MESSAGE_LAST : 0},
			     form->held.bytes, count, -1);
	}
	buffer_take(&form->held, count);
}

/* Reads the head of the form's first part. Returns false while it is not whole. */
static bool form_head(struct form *form)
{
	const char *bytes = form->held.bytes;
	const char *line = memmem(bytes, form->held.count, "\r\n", 2);
	const char *end = memmem(bytes, form->held.count, "\r\n\r\n", 4);
	size_t length = line ? (size_t)(line - bytes) : 0;

	if (!end || length < 3 || length + 3 > sizeof(form->mark) || memcmp(bytes, "--", 2) != 0)
		return false;
	memcpy(form->mark, "\r\n", 2);
	memcpy(form->mark + 2, bytes, length);
	form->mark[2 + length] = 0;
	buffer_take(&form->held, (size_t)(end + 4 - bytes));
	return true;
}

/* Hands on what is of the file, and not perhaps of the mark behind it. */
static void form_push(struct exchange *exchange)
{
	struct form *form = exchange->form;
	size_t mark = strlen(form->mark), count = form->held.count;
	const char *found = count ? memmem(form->held.bytes, count, form->mark, mark) : NULL;

	if (form->ended)
		return;
	/* Whether it was the only file shows what is behind it. */
	if (found && form->held.count - (size_t)(found - form->held.bytes) >= mark + 2) {
		form->ended = true;
		form->whole = !memcmp(found + mark, "--", 2);
		if (form->whole)
			form_pass(exchange, (size_t)(found - form->held.bytes), true);
	} else if (found)
		return;
	else if (count > mark)
		form_pass(exchange, count - mark, false);
}

enum MHD_Result form_take(struct exchange *exchange, const char *url, const char *bytes,
			  size_t *count)
{
	struct form *form = exchange->form;
	const char *path;

	if (form->begun && !exchange->answered && exchange->unacknowledged >= WEB_UNACKNOWLEDGED) {
		exchange->suspended = true;
		MHD_suspend_connection(exchange->connection);
		return MHD_YES;
	}
	/* Nobody needs what comes behind an answer, or behind the end of the form. */
	if (!exchange->answered && !form->lost && form->held.count < FORM_HELD_BYTES)
		buffer_add(&form->held, bytes, *count);
	*count = 0;
	if (!form->begun && !form->lost && form_head(form)) {
		form->begun = true;
		if (!request_path(exchange, url, &path) ||
		    exchange_e2b(exchange, path, "POST") != MHD_YES)
			return MHD_NO;
	} else if (!form->begun && form->held.count >= FORM_HEAD_BYTES) {
		/* Nobody is known yet: each byte of a head would be looked at with each piece. */
		form->lost = true;
		buffer_free(&form->held);
	}
	if (form->begun && !exchange->answered)
		form_push(exchange);
	return MHD_YES;
}

enum MHD_Result form_end(struct exchange *exchange)
{
	struct form *form = exchange->form;

	if (exchange->answered)
		return exchange_reply(exchange);
	tunnel_complete(exchange_socket(exchange->connection));
	if (!form->begun || !form->whole) {
		/* Core, if it was asked, ends what it has begun: the file's end has not come. */
		if (exchange->sent)
			exchange_tell(exchange, MESSAGE_CANCEL, 0);
		return exchange_e2b_refuse(exchange,
					   "the body has to be one file as multipart/form-data");
	}
	exchange->suspended = true;
	MHD_suspend_connection(exchange->connection);
	return MHD_YES;
}
