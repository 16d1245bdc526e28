/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes the files of alerts in the state directory. alert.c calls it; each file has its
 * old or its new contents after a failure.
 */
#include "gateway/core/alert/alert_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/alert/alert.h"
#include "gateway/core/alert/alert_subject.h"
#include "gateway/core/common/state.h"

#define FILE_RULES  "alerts.json"
#define FILE_FIRING "alerts-firing.json"

/* Reads the list `items` of a file into *items, which is NULL when there is no file. */
static bool file_read(const char *name, json_t **items)
{
	json_t *root;
	char *text;

	*items = NULL;
	if (!state_read(name, &text))
		return false;
	if (!text)
		return true;
	root = json_loads(text, 0, NULL);
	*items = json_incref(json_object_get(root, "items"));
	json_decref(root);
	explicit_bzero(text, strlen(text));
	free(text);
	return json_is_array(*items);
}

/* Gives a rule of the file to take(). Returns false once it has said why the rule cannot be used.
 */
static bool file_read_rule(const json_t *object, bool (*take)(const struct alert_rule *rule))
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *secret = json_string_value(json_object_get(object, "secret"));
	struct alert_rule rule;
	const char *wrong = alert_rule_read(object, &rule);

	if (!wrong && *rule.url && !secret)
		wrong = "a rule with a \"url\" needs the \"secret\" that signs its web hooks";
	if (!wrong)
		string_copy(rule.secret, sizeof(rule.secret), secret ? secret : "");
	if (!wrong && !take(&rule))
		wrong = "two rules have this name, or the file has more rules than there can be";
	if (wrong)
		fprintf(stderr, "skerryd: " FILE_RULES ": rule \"%s\": %s\n", name ? name : "",
			wrong);
	explicit_bzero(&rule, sizeof(rule));
	return !wrong;
}

bool alert_file_read_rules(bool (*take)(const struct alert_rule *rule))
{
	json_t *items, *object;
	bool good = file_read(FILE_RULES, &items);
	size_t i;

	if (!good)
		fprintf(stderr, "skerryd: " FILE_RULES " is damaged\n");
	json_array_foreach(items, i, object) good = good && file_read_rule(object, take);
	json_decref(items);
	return good;
}

static void file_add_rule(const struct alert_rule *rule, void *context)
{
	json_t *object = alert_rule_json(rule);

	if (*rule->url) {
		json_object_set_new(object, "url", json_string(rule->url));
		json_object_set_new(object, "secret", json_string(rule->secret));
	}
	if (*rule->mail)
		json_object_set_new(object, "mail", json_string(rule->mail));
	json_array_append_new(context, object);
}

bool alert_file_write_rules(void)
{
	json_t *items = json_array();

	alert_each(file_add_rule, items);
	return state_write_json(FILE_RULES, json_pack("{s:o}", "items", items));
}

/*
 * Damaged entries are left out without an error: the list of firing alerts is no setting, so the
 * gateway starts without it.
 */
void alert_file_read_firing(void (*take)(const char *name, const char *what, int64_t since,
					 double value))
{
	json_t *items, *object;
	size_t i;

	if (!file_read(FILE_FIRING, &items))
		fprintf(stderr, "skerryd: " FILE_FIRING
				" is damaged: alerts that fire are told once more\n");
	json_array_foreach(items, i, object)
	{
		const char *name = json_string_value(json_object_get(object, "name"));
		const char *what = json_string_value(json_object_get(object, "what"));

		if (name && what && strlen(what) < HISTORY_WHAT_BYTES)
			take(name, what, json_integer_value(json_object_get(object, "since")),
			     json_number_value(json_object_get(object, "value")));
	}
	json_decref(items);
}

static void file_add_firing(struct alert_subject *subject, void *context)
{
	if (subject->state.phase == ALERT_FIRING)
		json_array_append_new(context,
				      json_pack("{s:s, s:s, s:I, s:f}", "name",
						alert_name(subject->rule), "what", subject->what,
						"since", (json_int_t)subject->since, "value",
						subject->value));
}

bool alert_file_write_firing(void)
{
	json_t *items = json_array();

	alert_subject_each(file_add_firing, items);
	return state_write_json(FILE_FIRING, json_pack("{s:o}", "items", items));
}
