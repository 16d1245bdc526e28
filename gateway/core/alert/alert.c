/* SPDX-License-Identifier: MIT */
/*
 * Keeps the table of rules, and compares each sample with the rules about its thing. Core's main
 * function calls it with each round of samples, handlers change the rules; it writes the files of
 * alerts and the audit, and tells the listener which alerts begin and end.
 */
#include "gateway/core/alert/alert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/alert/alert_file.h"
#include "gateway/core/alert/alert_subject.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/bucket.h"
#include "gateway/core/common/clock.h"

enum {
	/*
	 * the most lines written to the audit at once, and each second after that; further ones are
	 * only counted
	 */
	ALERT_LINES = 32,
	ALERT_COUNT_S = 60, /* seconds between two audit lines with the number of lines left out */
};

/* A rule, and which values the last two rounds of samples had for it. */
struct alert_place {
	struct alert_rule rule;
	unsigned things, things_now;   /* things with a value: in the last round, and now */
	double farthest, farthest_now; /* the value nearest to firing, or farthest beyond */
	bool full;		       /* a subject found no room; stderr has a line about it */
};

static struct {
	struct alert_place places[ALERT_RULES];
	alert_listener *listener;
	double round_s; /* when the last round ended, by clock_now_s(); 0: there was none */
	bool changed;	/* the list of firing alerts has changed since it was written */
	double saved_s;
	struct bucket lines;
	uint64_t counted;
	double counted_s;
} alerts = {.lines = {.left = ALERT_LINES}};

const char *alert_vm(const char *what)
{
	return strncmp(what, "vm/", 3) ? "" : what + 3;
}

static struct alert_place *alert_place(const char *name)
{
	for (unsigned i = 0; i < ALERT_RULES; i++) {
		if (!strcmp(alerts.places[i].rule.name, name))
			return &alerts.places[i];
	}
	return NULL;
}

const struct alert_rule *alert_find(const char *name)
{
	struct alert_place *place = *name ? alert_place(name) : NULL;

	return place ? &place->rule : NULL;
}

const char *alert_name(unsigned number)
{
	return alerts.places[number].rule.name;
}

void alert_each(void (*take)(const struct alert_rule *rule, void *context), void *context)
{
	for (unsigned i = 0; i < ALERT_RULES; i++) {
		if (*alerts.places[i].rule.name)
			take(&alerts.places[i].rule, context);
	}
}

/* Writes a line about the news in the audit, or counts the line when there are too many. */
static void alert_audit(const struct alert_news *news)
{
	const char *vm = alert_vm(news->what);

	if (bucket_take(&alerts.lines, 1, ALERT_LINES, clock_now_s()))
		audit_begin("skerryd", news->firing ? "alert.firing" : "alert.cleared",
			    *vm ? vm : news->what, "", news->reason);
	else
		alerts.counted++;
}

/* Tells the audit and the listener that an alert of the subject began or ended; `why` may be NULL.
 */
static void alert_tell(const struct alert_rule *rule, const struct alert_subject *subject,
		       bool firing, const char *why)
{
	const char *series = rule->form->series[rule->series].name;
	char reason[256];
	struct alert_news news = {rule,		  subject->rule,  subject->what, firing,
				  subject->value, subject->since, reason};

	if (why)
		snprintf(reason, sizeof(reason), "%s: ended, as %s", rule->name, why);
	else if (firing)
		snprintf(reason, sizeof(reason), "%s: %s of %s is %.10g, %s %.10g for %u s",
			 rule->name, series, subject->what, subject->value,
			 rule->below ? "below" : "above", rule->threshold, rule->hold_s);
	else
		snprintf(reason, sizeof(reason), "%s: %s of %s is %.10g again", rule->name, series,
			 subject->what, subject->value);
	alerts.changed = true;
	alert_audit(&news);
	alerts.listener(&news);
}

/* Notes a value of a thing that a rule is about. */
static void alert_note(struct alert_place *place, double value)
{
	bool farther =
		place->rule.below ? value < place->farthest_now : value > place->farthest_now;

	if (!place->things_now++ || farther)
		place->farthest_now = value;
}

static void alert_take_one(unsigned number, const char *what, double value)
{
	struct alert_place *place = &alerts.places[number];
	struct alert_subject *subject = alert_subject_find(number, what);
	struct alert_state state = subject ? subject->state : (struct alert_state){0};
	double now_s = clock_now_s();
	enum alert_change change;

	if (isnan(value))
		return;
	alert_note(place, value);
	change = alert_state_take(&place->rule, &state, now_s, now_s, value);
	if (!subject && state.phase != ALERT_OK) {
		subject = alert_subject_add(number, what);
		if (!subject && !place->full)
			fprintf(stderr,
				"skerryd: more than %u things of the rule of alerts %s are pending "
				"or fire, and no more of them are looked at\n",
				ALERT_SUBJECTS, place->rule.name);
		place->full = place->full || !subject;
	}
	if (!subject)
		return;
	subject->state = state;
	subject->value = value;
	if (change == ALERT_FIRED)
		subject->since = time(NULL);
	if (change != ALERT_SAME)
		alert_tell(&place->rule, subject, change == ALERT_FIRED, NULL);
	if (state.phase == ALERT_OK)
		alert_subject_remove(subject);
}

/* Compares a thing's values of a round of samples with all rules about that thing. */
static void alert_heard(const struct history_form *form, const char *what, const double *values)
{
	for (unsigned i = 0; i < ALERT_RULES; i++) {
		const struct alert_rule *rule = &alerts.places[i].rule;

		if (*rule->name && alert_rule_has(rule, form, what))
			alert_take_one(i, what, values[rule->series]);
	}
}

/*
 * Ends a subject's alert if the thing has had no sample for ALERT_GONE_S. A time without any round,
 * such as a lost link, does not count; *context is true in the first round after such a time.
 */
static void alert_look_one(struct alert_subject *subject, void *context)
{
	double now_s = clock_now_s();

	if (*(const bool *)context && subject->state.phase == ALERT_FIRING)
		subject->state.seen_s = now_s;
	if (now_s - subject->state.seen_s <= ALERT_GONE_S)
		return;
	if (subject->state.phase == ALERT_FIRING)
		alert_tell(&alerts.places[subject->rule].rule, subject, false,
			   "it has had no samples for five minutes");
	alert_subject_remove(subject);
}

void alert_round(void)
{
	double now_s = clock_now_s();
	bool paused = now_s - alerts.round_s > ALERT_GAP_S;

	alerts.round_s = now_s;
	for (unsigned i = 0; i < ALERT_RULES; i++) {
		struct alert_place *place = &alerts.places[i];

		place->things = place->things_now;
		place->farthest = place->farthest_now;
		place->things_now = 0;
	}
	alert_subject_each(alert_look_one, &paused);
}

void alert_save(bool now)
{
	double now_s = clock_now_s();

	if (alerts.counted && (now || now_s - alerts.counted_s >= ALERT_COUNT_S)) {
		alerts.counted_s = now_s;
		if (audit_count("alert.more", alerts.counted))
			alerts.counted = 0;
	}
	if (!alerts.changed || (!now && now_s - alerts.saved_s < ALERT_SAVE_S))
		return;
	alerts.saved_s = now_s;
	alerts.changed = !alert_file_write_firing();
}

static void alert_end_one(struct alert_subject *subject, void *context)
{
	const struct alert_place *place = context;

	if (subject->state.phase == ALERT_FIRING)
		alert_tell(&place->rule, subject, false, "the rule was changed or removed");
	alert_subject_remove(subject);
}

/*
 * Puts a rule, or an empty one, in a place and ends the place's alerts. Returns false, without
 * effect, if the file of rules cannot be written.
 */
static bool alert_replace(struct alert_place *place, const struct alert_rule *rule)
{
	struct alert_place before = *place;

	*place = (struct alert_place){.rule = *rule};
	if (!alert_file_write_rules()) {
		*place = before;
		return false;
	}
	/*
	 * The old rule's web hook was told that an alert began, so it is told that the alert ended.
	 */
	*place = before;
	alert_subject_each_of((unsigned)(place - alerts.places), alert_end_one, place);
	*place = (struct alert_place){.rule = *rule};
	explicit_bzero(&before, sizeof(before));
	return true;
}

bool alert_room(const char *scope)
{
	unsigned left = 0;

	for (unsigned i = 0; i < ALERT_RULES; i++)
		left += !*alerts.places[i].rule.name;
	return left > (strcmp(scope, "*") ? ALERT_RULES_KEPT : 0);
}

bool alert_keep(const struct alert_rule *rule)
{
	struct alert_place *place = alert_place(rule->name);

	place = place ? place : alert_place("");
	return place && alert_replace(place, rule);
}

bool alert_remove(const char *name)
{
	const struct alert_rule none = {0};

	return alert_replace(alert_place(name), &none);
}

struct alert_listing {
	unsigned firing, pending;
	json_t *things;
};

static void alert_list_one(struct alert_subject *subject, void *context)
{
	struct alert_listing *listing = context;
	bool firing = subject->state.phase == ALERT_FIRING;

	listing->firing += firing;
	listing->pending += !firing;
	if (json_array_size(listing->things) < ALERT_SHOWN)
		json_array_append_new(
			listing->things,
			json_pack("{s:s, s:s, s:o, s:f}", "what", subject->what, "state",
				  firing ? "firing" : "pending", "since",
				  firing ? json_integer((json_int_t)subject->since) : json_null(),
				  "value", subject->value));
}

json_t *alert_json(const struct alert_rule *rule)
{
	const struct alert_place *place = alert_place(rule->name);
	struct alert_listing listing = {0, 0, json_array()};
	json_t *object = alert_rule_json(rule);

	alert_subject_each_of((unsigned)(place - alerts.places), alert_list_one, &listing);
	json_object_set_new(object, "state",
			    json_string(listing.firing	  ? "firing"
					: listing.pending ? "pending"
					: place->things	  ? "ok"
							  : "no-samples"));
	json_object_set_new(object, "things", json_integer((json_int_t)place->things));
	json_object_set_new(object, "value",
			    place->things ? json_real(place->farthest) : json_null());
	json_object_set_new(object, "firing", json_integer((json_int_t)listing.firing));
	json_object_set_new(object, "pending", json_integer((json_int_t)listing.pending));
	json_object_set_new(object, "items", listing.things);
	return object;
}

/* Restores an alert that fired when the gateway ended; it fires until a sample clears it. */
static void alert_restore(const char *name, const char *what, int64_t since, double value)
{
	const struct alert_place *place = *name ? alert_place(name) : NULL;
	struct alert_subject *subject = NULL;
	unsigned number;

	number = place ? (unsigned)(place - alerts.places) : 0;
	if (place && alert_rule_has(&place->rule, history_form(what), what) &&
	    !alert_subject_find(number, what))
		subject = alert_subject_add(number, what);
	if (!subject)
		return;
	subject->state = (struct alert_state){ALERT_FIRING, clock_now_s(), clock_now_s()};
	subject->since = since;
	subject->value = value;
}

/* Adds a rule from the file. Returns false if the name is taken or the table is full. */
static bool alert_take_rule(const struct alert_rule *rule)
{
	struct alert_place *place = alert_place("");

	if (!place || alert_place(rule->name))
		return false;
	place->rule = *rule;
	return true;
}

bool alert_open(alert_listener *listener)
{
	alerts.listener = listener;
	if (!alert_file_read_rules(alert_take_rule))
		return false;
	alert_file_read_firing(alert_restore);
	history_listen(alert_heard);
	return true;
}
