/* SPDX-License-Identifier: MIT */
/*
 * Composes a message of mail. The sender calls it before it starts sendmail; it looks at its
 * arguments and nothing else, and takes no part of them that could begin another line of the head.
 */
#include "gateway/mail/mail.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "gateway/base/mail_address.h"

/* Returns whether a text is one line of printable ASCII, shorter than `most`. */
static bool mail_line_valid(const char *text, size_t most)
{
	size_t length = 0;

	while (text[length] >= ' ' && text[length] <= '~')
		length++;
	return length > 0 && !text[length] && length < most;
}

/* Returns whether a text is the number of a delivery: hexadecimal digits. */
static bool mail_number_valid(const char *text)
{
	return *text && strlen(text) <= 64 && !text[strspn(text, "0123456789abcdef")];
}

static bool mail_body_valid(const char *text)
{
	size_t line = 0;

	for (const char *at = text; *at; at++) {
		line = *at == '\n' ? 0 : line + 1;
		if ((*at != '\n' && (*at < ' ' || *at > '~')) || line > MAIL_LINE_BYTES)
			return false;
	}
	return *text && strlen(text) <= MAIL_BODY_BYTES && line == 0;
}

/* Adds the line Date (RFC 5322, 3.3), in UTC. Returns false if the time has none. */
static bool mail_add_date(int64_t time, struct buffer *out)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)time;
	struct tm at;

	if (time < 0 || time > UINT32_MAX || !gmtime_r(&seconds, &at))
		return false;
	buffer_format(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\n", days[at.tm_wday],
		      at.tm_mday, months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min,
		      at.tm_sec);
	return true;
}

bool mail_compose(const struct mail_message *message, struct buffer *out)
{
	if (!mail_address_valid(message->from) || !mail_address_valid(message->to) ||
	    !mail_number_valid(message->number) ||
	    !mail_line_valid(message->subject, MAIL_SUBJECT_BYTES) ||
	    !mail_body_valid(message->body))
		return false;
	buffer_format(out, "From: %s\nTo: %s\nSubject: %s\n", message->from, message->to,
		      message->subject);
	if (!mail_add_date(message->time, out))
		return false;
	/* The same number at each attempt: who has the message twice can see it. RFC 3834, 5. */
	buffer_format(out,
		      "Message-ID: <%s%s>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		      "Content-Type: text/plain; charset=us-ascii\n\n%s",
		      message->number, strchr(message->from, '@'), message->body);
	return !out->failed;
}
