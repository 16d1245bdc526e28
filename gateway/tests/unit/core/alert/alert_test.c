/* SPDX-License-Identifier: MIT */
/* When rules fire and end: hold time, hysteresis, gaps, clocks that are set, a gateway that begins
 * anew. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* The clocks of the code are the test's own. */
#include "gateway/core/common/clock.h"
static time_t test_time = 1800000000;
static double test_clock_s = 1000;
#define time(unused)  test_time
#define clock_now_s() test_clock_s

#include "gateway/core/alert/alert.c"
#include "gateway/core/alert/alert_file.c"
#include "gateway/core/alert/alert_preview.c"
#include "gateway/core/alert/alert_rule.c"
#include "gateway/core/alert/alert_state.c"
#include "gateway/core/alert/alert_subject.c"
#include "gateway/core/common/name.c"
#include "gateway/core/identity/scope.c"
#include "gateway/tests/unit/base/targets.h"

static const struct history_form vm_form = {
	"vm", 64, 2, {{"cpu_percent", 100}, {"resident_bytes", 1}}};
static struct {
	char reason[256], what[64];
	unsigned fired, cleared, lines, counted;
	char *files[2];	   /* alerts.json and alerts-firing.json */
	bool refused;	   /* the disk is full */
	double kept[7200]; /* what the history has of vm/web: a value a step; NAN: none */
} seen;

static unsigned file_number(const char *name)
{
	return !strcmp(name, FILE_FIRING);
}

bool state_read(const char *name, char **text)
{
	const char *kept = seen.files[file_number(name)];

	*text = kept ? strdup(kept) : NULL;
	return true;
}

bool state_write_json(const char *name, json_t *root)
{
	char **file = &seen.files[file_number(name)];

	if (!seen.refused) {
		free(*file);
		*file = json_dumps(root, 0);
	}
	json_decref(root);
	return !seen.refused;
}

uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result)
{
	(void)who, (void)action, (void)target, (void)from, (void)result;
	return ++seen.lines;
}

bool audit_count(const char *action, uint64_t count)
{
	(void)action;
	seen.counted += (unsigned)count;
	return true;
}

const struct history_form *history_form_of_kind(const char *what)
{
	return strncmp(what, "vm/", 3) ? NULL : &vm_form;
}

const struct history_form *history_form(const char *what)
{
	return strpbrk(what, "*?") ? NULL : history_form_of_kind(what);
}

void history_listen(history_heard *heard)
{
	(void)heard;
}

void history_each(void (*take)(const struct history_form *form, const char *what, void *context),
		  void *context)
{
	take(&vm_form, "vm/web", context);
}

bool history_read(const char *what, uint32_t from, uint32_t step_s, uint32_t count,
		  struct history_point *points)
{
	uint32_t begin = (uint32_t)test_time - (uint32_t)test_time % step_s;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t back = (begin - from) / step_s - i;
		double value = back >= 1 && back <= 7200 ? seen.kept[7200 - back] : (double)NAN;

		points[i] = (struct history_point){.period = from / step_s + i};
		points[i].count = !isnan(value);
		points[i].mean[0] = value;
	}
	return !strcmp(what, "vm/web");
}

static void heard(const struct alert_news *news)
{
	seen.fired += news->firing;
	seen.cleared += !news->firing;
	snprintf(seen.reason, sizeof(seen.reason), "%s", news->reason);
	snprintf(seen.what, sizeof(seen.what), "%s", news->what);
}

static const char *try_rule(const char *text, struct alert_rule *rule)
{
	json_t *object = json_loads(text, 0, NULL);
	const char *wrong;

	assert_non_null(object);
	wrong = alert_rule_read(object, rule);
	json_decref(object);
	return wrong;
}

static void keep(const char *text)
{
	struct alert_rule rule;

	assert_null(try_rule(text, &rule));
	assert_true(alert_keep(&rule));
}

#define BUSY                                                                                       \
	"{\"name\":\"busy\",\"what\":\"vm/"                                                        \
	"w*\",\"series\":\"cpu_percent\",\"comparison\":\"above\","                                \
	"\"threshold\":90,\"clear\":80,\"hold_s\":5}"

/* Lets seconds pass in which vm/web has that value (NAN: unknown). */
static void pass(unsigned seconds, double value)
{
	double values[2] = {value, 0};

	for (unsigned i = 0; i < seconds; i++) {
		test_time++;
		test_clock_s++;
		alert_heard(&vm_form, "vm/web", values);
		alert_round();
	}
}

static void remove_one(struct alert_subject *subject, void *context)
{
	(void)context;
	alert_subject_remove(subject);
}

/* Forgets what is in memory, as a gateway that has ended. */
static void forget(void)
{
	alert_subject_each(remove_one, NULL);
	memset(&alerts, 0, sizeof(alerts));
	alerts.lines.left = ALERT_LINES;
	alerts.lines.seen_s = test_clock_s;
}

static int setup(void **state)
{
	(void)state;
	free(seen.files[0]);
	free(seen.files[1]);
	memset(&seen, 0, sizeof(seen));
	forget();
	assert_true(alert_open(heard));
	return 0;
}

static void test_a_rule_holds_and_has_hysteresis(void **state)
{
	(void)state;
	keep(BUSY);
	pass(10, 50);
	pass(5, 95); /* four seconds have passed since the first */
	assert_int_equal(seen.fired, 0);
	pass(1, 90); /* at the threshold is not above it: the count begins anew */
	pass(5, 95);
	assert_int_equal(seen.fired, 0);
	pass(1, 95);
	assert_int_equal(seen.fired, 1);
	assert_string_equal(seen.what, "vm/web");
	assert_string_equal(seen.reason, "busy: cpu_percent of vm/web is 95, above 90 for 5 s");
	pass(100, 85); /* below the threshold, but not yet at the value that ends it */
	assert_int_equal(seen.cleared, 0);
	pass(1, 80);
	assert_int_equal(seen.cleared, 1);
	pass(10, 85);
	assert_int_equal(seen.fired, 1);
	assert_int_equal(seen.lines, 2);
}

static void test_below(void **state)
{
	(void)state;
	keep("{\"name\":\"idle\",\"what\":\"vm/web\",\"series\":\"cpu_percent\",\"comparison\":"
	     "\"below\",\"threshold\":5,\"clear\":10}");
	pass(1, 5);
	assert_int_equal(seen.fired, 0);
	pass(1, 4.9);
	assert_int_equal(seen.fired, 1);
	pass(1, 9);
	assert_int_equal(seen.cleared, 0);
	pass(1, 10);
	assert_int_equal(seen.cleared, 1);
}

static void test_a_gap_begins_the_count_anew(void **state)
{
	(void)state;
	keep(BUSY);
	pass(4, 95);
	pass(8, (double)NAN); /* not long enough for a gap: it is above all the while */
	pass(1, 95);
	assert_int_equal(seen.fired, 1);
	pass(1, 10);
	pass(4, 95);
	pass(ALERT_GAP_S + 1, (double)NAN);
	pass(5, 95);
	assert_int_equal(seen.fired, 1);
	pass(1, 95);
	assert_int_equal(seen.fired, 2);
}

static void test_what_has_no_samples_ends(void **state)
{
	(void)state;
	keep(BUSY);
	pass(6, 95);
	pass(ALERT_GONE_S, (double)NAN);
	assert_int_equal(seen.cleared, 0);
	pass(1, (double)NAN);
	assert_int_equal(seen.cleared, 1);
	assert_non_null(strstr(seen.reason, "no samples"));
	/* A time without any round, as when the link is lost, does not count. */
	pass(6, 95);
	assert_int_equal(seen.fired, 2);
	test_clock_s += 2000;
	pass(ALERT_GONE_S, (double)NAN);
	assert_int_equal(seen.cleared, 1);
}

static void test_a_clock_that_is_set_changes_nothing(void **state)
{
	(void)state;
	keep(BUSY);
	pass(3, 95);
	test_time -= 86400;
	pass(2, 95);
	assert_int_equal(seen.fired, 0);
	test_time += 2 * 86400;
	pass(1, 95);
	assert_int_equal(seen.fired, 1);
}

static void test_a_gateway_that_begins_anew_tells_nobody_twice(void **state)
{
	(void)state;
	keep(BUSY);
	pass(6, 95);
	alert_save(true);
	forget();
	assert_true(alert_open(heard));
	pass(20, 95);
	assert_int_equal(seen.fired, 1);
	pass(1, 10);
	assert_int_equal(seen.cleared, 1);
	/* What was pending begins anew. */
	pass(4, 95);
	alert_save(true);
	forget();
	assert_true(alert_open(heard));
	pass(5, 95);
	assert_int_equal(seen.fired, 1);
	pass(1, 95);
	assert_int_equal(seen.fired, 2);
	/* A file of what fires that is damaged costs one more message and nothing else. */
	seen.files[1][3] = '!';
	forget();
	assert_true(alert_open(heard));
	pass(6, 95);
	assert_int_equal(seen.fired, 3);
	seen.files[0][3] = '!';
	forget();
	assert_false(alert_open(heard));
}

static void test_a_changed_rule_ends_what_fires(void **state)
{
	struct alert_rule rule;

	(void)state;
	keep(BUSY);
	pass(6, 95);
	seen.refused = true;
	assert_null(try_rule(BUSY, &rule));
	assert_false(alert_keep(&rule));
	assert_false(alert_remove("busy"));
	assert_int_equal(seen.cleared, 0);
	seen.refused = false;
	assert_true(alert_keep(&rule));
	assert_int_equal(seen.cleared, 1);
	pass(6, 95);
	assert_int_equal(seen.fired, 2);
	assert_true(alert_remove("busy"));
	assert_int_equal(seen.cleared, 2);
	assert_null(alert_find("busy"));
	pass(60, 95);
	assert_int_equal(seen.fired, 2);
}

static void test_floods_are_bounded(void **state)
{
	double values[2] = {95, 0};
	char name[32], text[256];

	(void)state;
	for (unsigned i = 0; i < ALERT_RULES; i++) {
		snprintf(text, sizeof(text),
			 "{\"name\":\"r%u\",\"what\":\"vm/*\",\"series\":\"cpu_percent\","
			 "\"comparison\":\"above\",\"threshold\":90}",
			 i);
		assert_int_equal(alert_room("web*"), i < ALERT_RULES - ALERT_RULES_KEPT);
		assert_true(alert_room("*"));
		keep(text);
	}
	assert_false(alert_room("*"));
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "vm/%u", i);
		alert_heard(&vm_form, name, values);
	}
	assert_int_equal(seen.fired, ALERT_RULES * ALERT_SUBJECTS);
	assert_int_equal(seen.lines, ALERT_LINES);
	alert_save(true);
	assert_int_equal(seen.counted, ALERT_RULES * ALERT_SUBJECTS - ALERT_LINES);
}

/* However many things wait for those of others, a rule has room for its own. */
static void test_a_rule_takes_no_room_of_another(void **state)
{
	double values[2] = {95, 0};
	char name[32], text[256];

	(void)state;
	for (unsigned i = 0; i < 300 * (ALERT_RULES - ALERT_RULES_KEPT); i++) {
		snprintf(text, sizeof(text),
			 "{\"name\":\"r%u\",\"what\":\"vm/web-*\",\"series\":\"cpu_percent\","
			 "\"comparison\":\"above\",\"threshold\":0,\"hold_s\":86400}",
			 i / 300);
		if (i % 300 == 0)
			keep(text);
		snprintf(name, sizeof(name), "vm/web-%u", i % 300);
		alert_heard(&vm_form, name, values);
	}
	keep(BUSY);
	pass(6, 95);
	assert_int_equal(seen.fired, 1);
	/* What a rule has no more things of makes room again. */
	pass(ALERT_GONE_S + 2, 0);
	assert_int_equal(subject_counts[0], 0);
}

static void test_a_file_with_a_thing_twice(void **state)
{
	(void)state;
	keep(BUSY);
	seen.files[1] = strdup(
		"{\"items\":[{\"name\":\"busy\",\"what\":\"vm/web\",\"since\":1,\"value\":95},"
		"{\"name\":\"busy\",\"what\":\"vm/web\",\"since\":2,\"value\":95}]}");
	forget();
	assert_true(alert_open(heard));
	pass(ALERT_GONE_S + 60, 95);
	assert_int_equal(seen.cleared, 0);
}

static void test_rules_are_checked(void **state)
{
	static const char *const wrong[][2] = {
		{"{}", "name"},
		{"{\"name\":\"../x\"}", "name"},
		{"{\"name\":\"a\",\"what\":\"etc/x\"}", "what"},
		{"{\"name\":\"a\",\"what\":\"vm/\"}", "what"},
		{"{\"name\":\"a\",\"what\":\"vm/[a]\"}", "what"},
		{"{\"name\":\"a\",\"what\":\"vm/a/b\"}", "what"},
		{"{\"name\":\"a\",\"what\":\"vm/*a*b*c*d*\"}", "what"},
		{"{\"name\":\"a\",\"what\":\"vm/a\",\"series\":\"x\"}", "series"},
		{"{\"name\":\"a\",\"what\":\"vm/a\",\"series\":\"cpu_percent\"}", "comparison"},
	};
	static const char *const bad[] = {
		"\"threshold\":-1",
		"\"threshold\":\"5\"",
		"\"threshold\":1e300",
		"\"threshold\":5,\"clear\":6",
		"\"threshold\":5,\"hold_s\":86401",
		"\"threshold\":5,\"hold_s\":1.5",
		"\"threshold\":5,\"severity\":\"bad\"",
		"\"threshold\":5,\"url\":\"ftp://a/\"",
	};
	struct alert_rule rule;
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		const char *said = try_rule(wrong[i][0], &rule);

		assert_non_null(said);
		assert_non_null(strstr(said, wrong[i][1]));
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(text, sizeof(text),
			 "{\"name\":\"a\",\"what\":\"vm/a\",\"series\":\"cpu_percent\","
			 "\"comparison\":\"above\",%s}",
			 bad[i]);
		assert_non_null(try_rule(text, &rule));
	}
}

static void test_who_sees_a_rule(void **state)
{
	struct alert_rule rule = {.what = "vm/web-*", .form = &vm_form};

	(void)state;
	assert_true(alert_rule_seen(&rule, "*"));
	assert_true(alert_rule_seen(&rule, "web-*"));
	assert_true(alert_rule_seen(&rule, "we*"));
	assert_false(alert_rule_seen(&rule, "web-1"));
	assert_false(alert_rule_seen(&rule, "db-*"));
}

static void test_a_preview_says_when_it_would_have_fired(void **state)
{
	static struct alert_preview preview;
	struct alert_rule rule;

	(void)state;
	assert_null(try_rule(BUSY, &rule));
	for (unsigned i = 0; i < 7200; i++)
		seen.kept[i] = i < 7100 ? 50 : i < 7110 || i >= 7195 ? 95 : (double)NAN;
	assert_int_equal(alert_preview_begin(&rule, test_time, 3600, &preview), 3600);
	assert_true(alert_preview_run(&rule, &preview));
	/* It fires once, and through the gap on. */
	assert_int_equal(preview.things, 1);
	assert_int_equal(preview.count, 1);
	assert_int_equal(preview.times[0].from, test_time - 100 + 5);
	assert_int_equal(preview.times[0].to, 0);
	assert_int_equal(preview.samples, 3515);
	seen.kept[7150] = 0;
	assert_true(alert_preview_begin(&rule, test_time, 3600, &preview) > 0);
	assert_true(alert_preview_run(&rule, &preview));
	assert_int_equal(preview.count, 2);
	assert_int_equal(preview.times[0].to, test_time - 50 + 1);
	assert_int_equal(preview.times[1].from, test_time);
	/* A longer time goes by minutes, one of which is longer than the rule holds. */
	for (unsigned i = 0; i < 7200; i++)
		seen.kept[i] = i % 100 == 99 ? 95 : 0;
	assert_int_equal(alert_preview_begin(&rule, test_time, 7200 * 60, &preview), 7200);
	assert_true(alert_preview_run(&rule, &preview));
	assert_int_equal(preview.step_s, 60);
	assert_int_equal(preview.count, 72);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_rule_holds_and_has_hysteresis, setup),
		cmocka_unit_test_setup(test_below, setup),
		cmocka_unit_test_setup(test_a_gap_begins_the_count_anew, setup),
		cmocka_unit_test_setup(test_what_has_no_samples_ends, setup),
		cmocka_unit_test_setup(test_a_clock_that_is_set_changes_nothing, setup),
		cmocka_unit_test_setup(test_a_gateway_that_begins_anew_tells_nobody_twice, setup),
		cmocka_unit_test_setup(test_a_changed_rule_ends_what_fires, setup),
		cmocka_unit_test_setup(test_floods_are_bounded, setup),
		cmocka_unit_test_setup(test_a_rule_takes_no_room_of_another, setup),
		cmocka_unit_test_setup(test_a_file_with_a_thing_twice, setup),
		cmocka_unit_test(test_rules_are_checked),
		cmocka_unit_test(test_who_sees_a_rule),
		cmocka_unit_test_setup(test_a_preview_says_when_it_would_have_fired, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
