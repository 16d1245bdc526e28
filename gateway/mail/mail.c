/* SPDX-License-Identifier: MIT */
/*
 * The main function of the process that gives alerts to the system's sendmail. It has no authority,
 * no tokens and no link: core hands it each message, and it reports the result to core. Core starts
 * it.
 */
#include "gateway/mail/mail.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/beside.h"
#include "gateway/base/fields.h"
#include "gateway/base/message.h"

static struct {
	int core;
	const char *program, *from;
} mail;

/* Reports a message's result to core. A message on this kind of socket is sent in one piece. */
static void mail_tell(uint32_t id, const struct mail_result *result)
{
	struct {
		struct message_head head;
		char text[sizeof(result->text)];
	} message = {.head = {MESSAGE_END, id, result->status, 0}};
	size_t length = strlen(result->text);

	memcpy(message.text, result->text, length);
	if (send(mail.core, &message, sizeof(message.head) + length, MSG_NOSIGNAL) < 0)
		_exit(1);
}

/* Sends the message that core's fields describe. */
static void mail_begin(uint32_t id, const char *bytes, size_t count)
{
	struct mail_result result = {MAIL_FAILED, "the fields of the message are not whole"};
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
	mail_tell(id, &result);
}

/*
 * Handles core's next message. Returns false when core is gone, or has sent nothing for
 * MAIL_IDLE_MS.
 */
static bool mail_turn(struct message_socket *core)
{
	static char bytes[MESSAGE_BYTES];
	struct pollfd wait = {core->fd, POLLIN, 0};
	struct message_head head;
	int got = poll(&wait, 1, MAIL_IDLE_MS);
	long count;

	if (got <= 0)
		return got < 0;
	count = message_receive(core, &head, bytes, NULL);
	if (count >= 0)
		mail_begin(head.id, bytes, (size_t)count);
	return count >= -1;
}

int mail_main(int core, const char *program, const char *from)
{
	struct message_socket socket = {.fd = core};

	beside_begin("skerryd-mail");
	prctl(PR_SET_DUMPABLE, 0);
	mail.core = core;
	mail.program = program;
	mail.from = from;
	while (mail_turn(&socket))
		;
	return 0;
}
