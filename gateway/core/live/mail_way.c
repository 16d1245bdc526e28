/* SPDX-License-Identifier: MIT */
/*
 * The way of mail: what is sent, where to, how often, and by which process. The queue of deliveries
 * and the handler of rules call it; it hands messages to the process mail, which core's main loop
 * watches.
 */
#include "gateway/core/live/mail_way.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/buffer.h"
#include "gateway/base/fields.h"
#include "gateway/base/mail_address.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/live/delivery_queue.h"

enum {
	MAIL_BURST = 6,	    /* messages of a rule's place that may be sent at once */
	MAIL_EVERY_S = 300, /* seconds for each of its messages after that */
};

bool mail_way_allows(const char *address)
{
	for (unsigned i = 0; settings.mail_from && i < settings.mail_to_count; i++) {
		if (mail_address_within(address, settings.mail_to[i]))
			return true;
	}
	return false;
}

/* An address that --mail-to does not name any more gets nothing. */
static const char *mail_way_target(const struct alert_rule *rule)
{
	return *rule->mail && mail_way_allows(rule->mail) ? rule->mail : "";
}

static void mail_way_add_time(struct buffer *out, const char *name, int64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[32] = "?";
	struct tm at;

	if (gmtime_r(&when, &at))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &at);
	buffer_format(out, "%s%s\n", name, text);
}

/* Returns the subject, an end of line and the body. */
static char *mail_way_body(const struct alert_news *news, const char *number)
{
	const struct alert_rule *rule = news->rule;
	const char *severity = alert_rule_severity(rule);
	struct buffer out = {0};

	buffer_format(&out, "[skerry] %s: %s %s for %s\n", severity, rule->name,
		      news->firing ? "fires" : "has ended", news->what);
	buffer_format(&out, "%s.\n\nrule      %s\nseverity  %s\nof        %s\nseries    %s\n",
		      news->reason, rule->name, severity, news->what,
		      rule->form->series[rule->series].name);
	buffer_format(&out, "value     %.10g\n", news->value);
	mail_way_add_time(&out, "since     ", news->since);
	mail_way_add_time(&out, "told      ", time(NULL));
	buffer_format(&out, "gateway   %s\ndelivery  %s\n", settings.fingerprint, number);
	if (!out.failed)
		return out.bytes;
	buffer_free(&out);
	return NULL;
}

static void mail_way_run(int fd)
{
	execl("/proc/self/exe", "skerryd", "mail", side_process_child(fd), settings.sendmail,
	      settings.mail_from, (char *)NULL);
}

static bool mail_way_take(const struct message_head *head, const char *bytes, size_t count)
{
	(void)count;
	return head->kind == MESSAGE_END &&
	       delivery_queue_result(DELIVERY_MAIL, head->id, head->value, bytes);
}

static void mail_way_gone(void)
{
	delivery_queue_gone(DELIVERY_MAIL);
}

struct side_process mail_process = {
	.name = "mail",
	.run = mail_way_run,
	.take = mail_way_take,
	.gone = mail_way_gone,
	.socket = {.fd = -1},
};

static bool mail_way_send(const struct delivery *delivery)
{
	const char *end = strchr(delivery->body, '\n');
	struct buffer fields = {0};
	char now[24];
	bool done;

	snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	fields_text(&fields, "number", delivery->number);
	fields_text(&fields, "to", delivery->target);
	fields_add(&fields, FIELD_TEXT, "subject", delivery->body, (size_t)(end - delivery->body));
	fields_text(&fields, "body", end + 1);
	fields_text(&fields, "time", now);
	done = !fields.failed &&
	       side_process_send(&mail_process,
				 (struct message_head){MESSAGE_REQUEST, delivery->id, 0, 0},
				 fields.bytes, fields.count);
	buffer_free(&fields);
	return done;
}

void mail_way_setup(void)
{
	static const struct delivery_way way = {
		.prefix = "mail_",
		.under_way = 1,
		.per_s = 1.0 / MAIL_EVERY_S,
		.burst = MAIL_BURST,
		.target = mail_way_target,
		.body = mail_way_body,
		.send = mail_way_send,
		.process = &mail_process,
	};

	delivery_queue_setup(DELIVERY_MAIL, &way);
}
