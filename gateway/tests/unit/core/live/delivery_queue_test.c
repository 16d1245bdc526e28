/* SPDX-License-Identifier: MIT */
/*
 * What core believes of the processes that send alerts, what becomes of deliveries whose web hook
 * or address no rule has any more, and how much mail is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The clock of the code is the test's own. */
#include "gateway/core/common/clock.h"
static double test_clock_s = 1000;
#define clock_now_s() test_clock_s

#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/base/fields.c"
#include "gateway/base/address.c"
#include "gateway/base/dns_name.c"
#include "gateway/base/mail_address.c"
#include "gateway/core/live/delivery_queue.c"
#include "gateway/core/live/hook_way.c"
#include "gateway/core/live/mail_way.c"

struct settings settings;

static struct {
	struct alert_rule rule; /* the one that there is */
	unsigned place;		/* its place */
	unsigned sent, ended;
	uint32_t id;	   /* of the last delivery that was handed over */
	char url[512];	   /* its URL */
	char audited[256]; /* the last line's result */
	unsigned mails, mails_ended;
	uint32_t mail_id;
	char subject[512], body[4096], to[512]; /* of the last mail that was handed over */
	bool mail_stands;			/* the process mail cannot be started */
} seen;

/* Notes what is handed over to the process hook. */
static void hook_takes(uint32_t id, const struct fields *fields)
{
	snprintf(seen.url, sizeof(seen.url), "%s", fields_get(fields, "url"));
	seen.id = id;
	seen.sent++;
}

/* Notes what is handed over to the process mail. */
static void mail_takes(uint32_t id, const struct fields *fields)
{
	snprintf(seen.to, sizeof(seen.to), "%s", fields_get(fields, "to"));
	snprintf(seen.subject, sizeof(seen.subject), "%s", fields_get(fields, "subject"));
	snprintf(seen.body, sizeof(seen.body), "%s", fields_get(fields, "body"));
	seen.mail_id = id;
	seen.mails++;
}

bool side_process_send(struct side_process *process, struct message_head head, const void *bytes,
		       size_t count)
{
	static struct fields read;

	assert_int_equal(head.kind, MESSAGE_REQUEST);
	if (process == &mail_process && seen.mail_stands)
		return false;
	assert_true(fields_read(&read, bytes, count));
	(process == &mail_process ? mail_takes : hook_takes)(head.id, &read);
	return true;
}

void side_process_drop(struct side_process *process)
{
	(*(process == &mail_process ? &seen.mails_ended : &seen.ended))++;
	process->gone();
}

char *side_process_child(int fd)
{
	(void)fd;
	return NULL;
}

const char *alert_rule_severity(const struct alert_rule *rule)
{
	(void)rule;
	return "warning";
}

const struct alert_rule *alert_find(const char *name)
{
	return *name && !strcmp(seen.rule.name, name) ? &seen.rule : NULL;
}

const char *alert_vm(const char *what)
{
	return strncmp(what, "vm/", 3) ? "" : what + 3;
}

json_t *alert_rule_json(const struct alert_rule *rule)
{
	return json_pack("{s:s}", "name", rule->name);
}

uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result)
{
	(void)who, (void)action, (void)target, (void)from;
	snprintf(seen.audited, sizeof(seen.audited), "%s", result);
	return 1;
}

static const struct history_form form = {"vm", 1, 1, {{"resident_bytes", 1}}};

static void set_rule(const char *name, const char *url)
{
	seen.rule = (struct alert_rule){.form = &form};
	snprintf(seen.rule.name, sizeof(seen.rule.name), "%s", name);
	snprintf(seen.rule.url, sizeof(seen.rule.url), "%s", url);
}

/* The rule that there is has news. */
static void tell_of(const char *what)
{
	const struct alert_news news = {&seen.rule, seen.place, what, true, 1, 1, "it is so"};

	delivery_queue_add(&news);
	delivery_queue_tick();
}

static void tell(void)
{
	tell_of("vm/web");
}

/* Returns a text, or the number as text, of what the API shows of the rule; "": null. */
static const char *show(const char *key)
{
	static char text[256];
	json_t *object = json_object(), *value;

	delivery_queue_show(DELIVERY_HOOK, &seen.rule, object);
	delivery_queue_show(DELIVERY_MAIL, &seen.rule, object);
	assert_int_equal(json_object_size(object), 8);
	value = json_object_get(object, key);
	if (json_is_integer(value))
		snprintf(text, sizeof(text), "%d", (int)json_integer_value(value));
	else
		snprintf(text, sizeof(text), "%s",
			 json_is_null(value) ? "" : json_string_value(value));
	json_decref(object);
	return text;
}

/* The process hook says how a delivery went. Returns false if it must not say that. */
static bool hook_says(uint32_t id, unsigned status, const char *text)
{
	const struct message_head head = {MESSAGE_END, id, status, 0};

	return hook_process.take(&head, text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DELIVERY_WAYS * DELIVERY_QUEUE; i++)
		free(queues[i / DELIVERY_QUEUE].entries[i % DELIVERY_QUEUE].delivery.body);
	memset(queues, 0, sizeof(queues));
	settings = (struct settings){.mail_from = "skerry@a.example", .mail_to_count = 1};
	settings.mail_to[0] = "@b.example";
	memset(&seen, 0, sizeof(seen));
	hook_way_setup();
	mail_way_setup();
	set_rule("full", "https://a.example/");
	return 0;
}

static void test_what_the_process_says_is_shown_only_if_it_can_be(void **state)
{
	static const char *const bad[] = {"", "two\nlines", "\x1b[31mred", "\xc3\xa4", "\xff"};
	char text[1000];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		tell();
		assert_true(hook_says(seen.id, 404, bad[i]));
		assert_non_null(
			strstr(show("delivery"), "nothing that can be shown, and was given up"));
		assert_non_null(
			strstr(seen.audited, "nothing that can be shown, and was given up"));
	}
	/* A character of two bytes would be cut in the middle, and the audit's line be lost. */
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 3);
	tell();
	assert_true(hook_says(seen.id, 404, text));
	assert_true(utf8_valid((const uint8_t *)seen.audited, strlen(seen.audited)));
	tell();
	assert_true(hook_says(seen.id, 404, "it has answered 404"));
	assert_string_equal(seen.audited, "it has answered 404, and was given up");
}

static void test_the_process_speaks_of_its_deliveries_alone(void **state)
{
	(void)state;
	tell();
	assert_false(hook_says(seen.id + 1, 200, "ok"));
	assert_false(hook_says(0, 200, "ok"));
	assert_false(hook_says(seen.id, 600, "ok"));
	assert_false(hook_says(seen.id, UINT32_MAX, "ok"));
	assert_string_equal(show("waiting"), "1");
	assert_true(hook_says(seen.id, 200, "ok"));
	assert_false(hook_says(seen.id, 200, "ok"));
	assert_string_equal(show("waiting"), "0");
}

static void test_a_process_that_says_nothing_is_ended(void **state)
{
	(void)state;
	tell();
	test_clock_s += DELIVERY_QUEUE_LATE_S;
	delivery_queue_tick();
	assert_int_equal(seen.ended, 0);
	test_clock_s += 1;
	delivery_queue_tick();
	assert_int_equal(seen.ended, 1);
	assert_string_equal(show("delivery"),
			    "the process that sends has ended, and is tried again");
	test_clock_s += 1;
	delivery_queue_tick();
	assert_int_equal(seen.sent, 2);
	assert_true(hook_says(seen.id, 200, "it has answered 200"));
	assert_string_equal(show("waiting"), "0");
}

static void test_another_web_hook_does_not_wait_for_the_old_one(void **state)
{
	(void)state;
	tell();
	for (unsigned i = 0; i < 3; i++) {
		assert_true(hook_says(seen.id, 0, "nobody takes connections there"));
		test_clock_s += 26;
		delivery_queue_tick();
	}
	assert_true(hook_says(seen.id, 0, "nobody takes connections there"));
	delivery_queue_tick();
	assert_int_equal(seen.sent, 4);
	set_rule("full", "https://b.example/");
	/* How it went elsewhere is nothing of the rule that has the name now. */
	assert_string_equal(show("delivery"), "");
	assert_string_equal(show("waiting"), "0");
	tell();
	assert_string_equal(seen.url, "https://a.example/");
	assert_true(hook_says(seen.id, 0, "nobody takes connections there"));
	assert_string_equal(seen.audited, "nobody takes connections there, and was given up");
	delivery_queue_tick();
	assert_string_equal(seen.url, "https://b.example/");
	assert_string_equal(show("waiting"), "1");
	assert_true(hook_says(seen.id, 204, "it has answered 204"));
	assert_string_equal(show("delivery"), "it has answered 204");
}

static void test_new_names_take_no_more_than_their_place(void **state)
{
	char name[NAME_BYTES];
	uint32_t first;

	(void)state;
	tell();
	first = seen.id;
	/* Its receiver does not answer, and rules come and go in its place. */
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		set_rule(name, "https://a.example/");
		tell();
		tell();
	}
	assert_int_equal(seen.sent, 1);
	assert_string_equal(show("waiting"), "2");
	/* A rule in another place waits for none of that. */
	seen.place = 1;
	set_rule("critical", "https://b.example/");
	tell();
	assert_int_equal(seen.sent, 2);
	assert_string_equal(seen.url, "https://b.example/");
	/* The place goes on with the rule that has it now. */
	assert_true(hook_says(first, 0, "it has not answered in time"));
	delivery_queue_tick();
	assert_int_equal(seen.sent, 3);
	assert_string_equal(seen.url, "https://a.example/");
	/* A flood of one rule loses its oldest, and nobody else's. */
	for (unsigned i = 0; i < 100; i++)
		tell();
	assert_string_equal(show("waiting"), "8");
	assert_string_equal(show("dropped"), "93");
}

/* A network that has many of this computer's addresses is told to the process once. */
static void test_own_networks(void **state)
{
	struct address_range known[ADDRESS_RANGES], network;
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * ADDRESS_RANGES; i++) {
		char text[64];

		snprintf(text, sizeof(text), "2600:db8:0:1::%x/64", i + 1);
		assert_true(address_read_range(text, &network));
		assert_true(hook_way_keep_network(known, &count, &network));
	}
	assert_int_equal(count, 1);
	/* A wider network than one that is known is another one. */
	assert_true(address_read_range("2600:db8:0:1::/48", &network));
	assert_true(hook_way_keep_network(known, &count, &network));
	assert_int_equal(count, 2);
	for (unsigned i = 2; i <= ADDRESS_RANGES; i++) {
		char text[64];

		snprintf(text, sizeof(text), "2600:db9:%x::1/64", i);
		assert_true(address_read_range(text, &network));
		assert_int_equal(hook_way_keep_network(known, &count, &network),
				 i < ADDRESS_RANGES);
	}
	assert_int_equal(count, ADDRESS_RANGES);
}

/* --- mail --- */

static void set_mail(const char *name, const char *address)
{
	set_rule(name, "");
	snprintf(seen.rule.mail, sizeof(seen.rule.mail), "%s", address);
}

static void test_what_a_mail_says(void **state)
{
	(void)state;
	set_mail("full", "ops@b.example");
	tell();
	assert_int_equal(seen.mails, 1);
	assert_int_equal(seen.sent, 0);
	assert_string_equal(seen.to, "ops@b.example");
	assert_string_equal(seen.subject, "[skerry] warning: full fires for vm/web");
	assert_non_null(strstr(seen.body, "it is so.\n\nrule      full\n"));
	assert_non_null(strstr(seen.body, "\nseries    resident_bytes\n"));
	assert_true(
		delivery_queue_result(DELIVERY_MAIL, seen.mail_id, 200, "sendmail has taken it"));
	assert_string_equal(show("mail_delivery"), "sendmail has taken it");
	assert_string_equal(show("delivery"), "");
}

static void test_mail_goes_to_those_alone_who_may_get_it(void **state)
{
	(void)state;
	set_mail("full", "ops@c.example");
	tell();
	set_mail("full", "ops@x.b.example");
	tell();
	assert_int_equal(seen.mails, 0);
	set_mail("full", "ops@b.example");
	settings.mail_from = NULL;
	tell();
	assert_int_equal(seen.mails, 0);
	assert_string_equal(show("mail_waiting"), "0");
	settings.mail_from = "skerry@a.example";
	tell();
	assert_int_equal(seen.mails, 1);
}

/* One at a time, in turn; what is beyond a place's rate waits, and delays no other place's. */
static void test_a_flood_of_mail(void **state)
{
	(void)state;
	/* Also under ever new names. */
	for (unsigned i = 0; i < 40; i++) {
		set_mail(i % 2 ? "loud" : "noisy", "ops@b.example");
		tell();
		assert_int_equal(seen.mails, i < MAIL_BURST ? i + 1 : MAIL_BURST);
		if (i < MAIL_BURST)
			assert_true(
				delivery_queue_result(DELIVERY_MAIL, seen.mail_id, 200, "taken"));
	}
	seen.place = 1;
	set_mail("quiet", "ops@b.example");
	tell();
	assert_int_equal(seen.mails, MAIL_BURST + 1);
	assert_non_null(strstr(seen.subject, "quiet"));
	/* The one that is under way is waited for, whoever comes next. */
	tell();
	seen.place = 2;
	set_mail("third", "ops@b.example");
	tell();
	assert_int_equal(seen.mails, MAIL_BURST + 1);
	assert_true(delivery_queue_result(DELIVERY_MAIL, seen.mail_id, 200, "taken"));
	delivery_queue_tick();
	assert_non_null(strstr(seen.subject, "third"));
	assert_true(delivery_queue_result(DELIVERY_MAIL, seen.mail_id, 200, "taken"));
	test_clock_s += MAIL_EVERY_S;
	delivery_queue_tick();
	assert_true(strstr(seen.subject, "loud") || strstr(seen.subject, "noisy"));
	assert_true(delivery_queue_result(DELIVERY_MAIL, seen.mail_id, 200, "taken"));
	delivery_queue_tick();
	assert_non_null(strstr(seen.subject, "quiet"));
}

/* VMs that fire and end again and again do not have mail about the host wait for all of theirs. */
static void test_mail_about_the_host_takes_every_other_turn(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8 * DELIVERY_QUEUE_EACH; i++) {
		seen.place = i % 8;
		set_mail("full", "ops@b.example");
		tell();
	}
	for (unsigned i = 0; i < 2; i++) {
		seen.place = 40 + i;
		tell_of("host");
	}
	assert_int_equal(seen.mails, 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(delivery_queue_result(DELIVERY_MAIL, seen.mail_id, 200, "taken"));
		delivery_queue_tick();
		assert_int_equal(seen.mails, i + 2);
		assert_int_equal(!!strstr(seen.subject, "for host"), i == 0 || i == 2);
	}
}

static void test_a_process_that_cannot_start_takes_nothing_of_the_rate(void **state)
{
	(void)state;
	set_mail("full", "ops@b.example");
	seen.mail_stands = true;
	tell();
	for (unsigned i = 0; i < 100; i++)
		delivery_queue_tick();
	seen.mail_stands = false;
	delivery_queue_tick();
	assert_int_equal(seen.mails, 1);
	test_clock_s += DELIVERY_QUEUE_LATE_S + 1;
	delivery_queue_tick();
	assert_int_equal(seen.mails_ended, 1);
	assert_string_equal(show("mail_delivery"),
			    "the process that sends has ended, and is tried again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_networks),
		cmocka_unit_test_setup(test_what_the_process_says_is_shown_only_if_it_can_be,
				       setup),
		cmocka_unit_test_setup(test_the_process_speaks_of_its_deliveries_alone, setup),
		cmocka_unit_test_setup(test_a_process_that_says_nothing_is_ended, setup),
		cmocka_unit_test_setup(test_new_names_take_no_more_than_their_place, setup),
		cmocka_unit_test_setup(test_another_web_hook_does_not_wait_for_the_old_one, setup),
		cmocka_unit_test_setup(test_what_a_mail_says, setup),
		cmocka_unit_test_setup(test_mail_goes_to_those_alone_who_may_get_it, setup),
		cmocka_unit_test_setup(test_a_flood_of_mail, setup),
		cmocka_unit_test_setup(test_mail_about_the_host_takes_every_other_turn, setup),
		cmocka_unit_test_setup(test_a_process_that_cannot_start_takes_nothing_of_the_rate,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
