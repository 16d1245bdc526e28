/* SPDX-License-Identifier: MIT */
/*
 * Messages of mail: of any fields of core's, what is composed has the head that the process writes
 * and no line more, and an address means nothing to a shell or as an option.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/buffer.c"
#include "gateway/base/dns_name.c"
#include "gateway/base/fields.c"
#include "gateway/base/mail_address.c"
#include "gateway/mail/mail_compose.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void mail_check(bool right)
{
	if (!right)
		__builtin_trap();
}

static void mail_check_address(const char *text)
{
	size_t length = strlen(text);

	if (!mail_address_valid(text))
		return;
	mail_check(length < MAIL_ADDRESS_BYTES && *text != '-' && strchr(text, '@') != NULL);
	mail_check(strchr(text, '@') == strrchr(text, '@'));
	for (const char *at = text; *at; at++)
		mail_check(isalnum((unsigned char)*at) || strchr("@_+=-.", *at));
	mail_check(mail_address_pattern_valid(text) && mail_address_within(text, text));
	mail_check(mail_address_within(text, strchr(text, '@')));
}

static void mail_check_message(const struct mail_message *message)
{
	static const char *const lines[] = {
		"From: ",	    "To: ",	      "Subject: ",     "Date: ", "Message-ID: <",
		"Auto-Submitted: ", "MIME-Version: ", "Content-Type: "};
	struct buffer out = {0};
	const char *at;

	if (mail_compose(message, &out)) {
		at = out.bytes;
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
			mail_check(!strncmp(at, lines[i], strlen(lines[i])));
			at = strchr(at, '\n') + 1;
		}
		mail_check(*at == '\n' && !strcmp(at + 1, message->body));
		for (at = out.bytes; *at; at++)
			mail_check(*at == '\n' || (*at >= ' ' && *at <= '~'));
		mail_check(out.count < 4096 + MAIL_BODY_BYTES);
	}
	buffer_free(&out);
}

/* The input is up to five lines, with \x01 in place of an end of line within one. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct mail_message message = {"0", "a@b", "a@b", "a", "a\n", 0};
	const char **parts[] = {&message.to, &message.subject, &message.body, &message.number,
				&message.from};
	char *text = malloc(count + 1), *next = text;

	if (!text)
		return 0;
	memcpy(text, bytes, count);
	text[count] = 0;
	for (size_t i = 0; next && i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *part = strsep(&next, "\n");

		for (char *at = part; *at; at++)
			*at = *at == 1 ? '\n' : *at;
		mail_check_address(part);
		*parts[i] = part;
	}
	message.time = (int64_t)count * 1000003;
	mail_check_message(&message);
	free(text);
	return 0;
}
