/* SPDX-License-Identifier: MIT */
/*
 * The main function of the process that gives alerts to the system's sendmail. It has no authority,
 * no tokens and no link: core hands it each message, and it reports the result to core. Core starts
 * it.
 */
#include "gateway/mail/mail.h"

#include <stdlib.h>

#include "gateway/base/beside.h"
#include "gateway/base/fields.h"

static struct {
	int core;
	const char *program, *from;
} mail;

/* Sends the message that core's fields describe. */
static void mail_begin(uint32_t id, const char *bytes, size_t count)
{
	struct delivery_result result = {DELIVERY_FAILED,
					 "the fields of the message are not whole"};
	static struct fields fields;
	struct mail_message message = {.from = mail.from};
	const char *time = NULL;

	if (fields_read(&fields, bytes, count)) {
		message.number = fields_get(&fields, "number");
		message.to = fields_get(&fields, "to");
		message.subject = fields_get(&fields, "subject");
		message.body = fields_get(&fields, "body");
		time = fields_get(&fields, "time");
	}
	if (time && message.number && message.to && message.subject && message.body) {
		message.time = strtoll(time, NULL, 10);
		mail_send(mail.program, &message, &result);
	}
	delivery_tell(mail.core, id, &result);
}

int mail_main(int core, const char *program, const char *from)
{
	beside_begin("skerryd-mail");
	mail.core = core;
	mail.program = program;
	mail.from = from;
	delivery_serve(core, mail_begin, NULL);
	return 0;
}
