/* SPDX-License-Identifier: MIT */
/*
 * The process mail, as a process beside core. The way of mail calls it, core's main loop watches it
 * by `mail_process`; it hands over messages, and passes on how they went.
 */
#include "gateway/core/live/mail_process.h"

#include <unistd.h>

#include "gateway/core/common/settings.h"

static mail_process_result *mail_process_told;
static mail_process_gone *mail_process_lost;

static void mail_process_run(int fd)
{
	execl("/proc/self/exe", "skerryd", "mail", side_process_child(fd), settings.sendmail,
	      settings.mail_from, (char *)NULL);
}

static bool mail_process_take(const struct message_head *head, const char *bytes, size_t count)
{
	(void)count;
	return head->kind == MESSAGE_END && mail_process_told(head->id, head->value, bytes);
}

static void mail_process_ended(void)
{
	if (mail_process_lost)
		mail_process_lost();
}

struct side_process mail_process = {
	.name = "mail",
	.run = mail_process_run,
	.take = mail_process_take,
	.gone = mail_process_ended,
	.socket = {.fd = -1},
};

void mail_process_setup(mail_process_result *result, mail_process_gone *gone)
{
	mail_process_told = result;
	mail_process_lost = gone;
}

void mail_process_drop(void)
{
	side_process_drop(&mail_process);
}

bool mail_process_send(uint32_t id, const struct buffer *fields)
{
	return side_process_send(&mail_process, (struct message_head){MESSAGE_REQUEST, id, 0, 0},
				 fields->bytes, fields->count);
}
