/* SPDX-License-Identifier: MIT */
/*
 * Reads, checks and shows one rule of alerts. The table of rules and the handlers call it; it looks
 * at its arguments and the names of series, and nothing else.
 */
#include "gateway/core/alert/alert_rule.h"

#include <ctype.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/identity/scope.h"

/* The largest threshold: all values of histories are from 0 to far below this. */
#define RULE_VALUE_MOST 1e18

static const char *const rule_severities[ALERT_SEVERITIES] = {"info", "warning", "critical"};

const char *alert_rule_severity(const struct alert_rule *rule)
{
	return rule_severities[rule->severity];
}

/* Returns the name or pattern behind the kind, or "" for the host. */
static const char *rule_pattern(const struct alert_rule *rule)
{
	const char *stroke = strchr(rule->what, '/');

	return stroke ? stroke + 1 : "";
}

static bool rule_pattern_valid(const char *kind, const char *pattern)
{
	unsigned stars = 0, strokes = 0;

	for (const char *at = pattern; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr("-_.*?/", *at))
			return false;
		stars += *at == '*';
		strokes += *at == '/';
	}
	return *pattern && stars <= ALERT_STARS && strokes <= (strcmp(kind, "disk") ? 0 : 1);
}

/*
 * Reads which series of which thing the rule compares. Returns NULL, or a sentence that says what
 * is wrong.
 */
static const char *rule_read_what(const json_t *object, struct alert_rule *rule)
{
	const char *what = json_string_value(json_object_get(object, "what"));
	const char *series = json_string_value(json_object_get(object, "series"));

	rule->form = what && strlen(what) < sizeof(rule->what) ? history_form_of_kind(what) : NULL;
	if (rule->form)
		string_copy(rule->what, sizeof(rule->what), what);
	if (!rule->form ||
	    (strchr(what, '/') && !rule_pattern_valid(rule->form->kind, rule_pattern(rule))))
		return "\"what\" must be host, vm/NAME, disk/NAME, net/NAME or store/NAME; the "
		       "name may have ? and up to four *";
	for (rule->series = 0; rule->series < rule->form->count; rule->series++) {
		if (series && !strcmp(rule->form->series[rule->series].name, series))
			return NULL;
	}
	return "\"series\" must be one that /v1/history has of this kind of thing, such as "
	       "cpu_percent of a VM";
}

static const char *rule_read_words(const json_t *object, struct alert_rule *rule)
{
	const char *comparison = json_string_value(json_object_get(object, "comparison"));
	const char *severity = json_string_value(json_object_get(object, "severity"));

	rule->below = comparison && !strcmp(comparison, "below");
	if (!rule->below && (!comparison || strcmp(comparison, "above") != 0))
		return "\"comparison\" must be above or below";
	rule->severity = ALERT_WARNING;
	if (!json_object_get(object, "severity"))
		return NULL;
	for (unsigned i = 0; i < ALERT_SEVERITIES; i++) {
		if (severity && !strcmp(severity, rule_severities[i])) {
			rule->severity = i;
			return NULL;
		}
	}
	return "\"severity\" must be info, warning or critical";
}

static bool rule_read_value(const json_t *object, const char *key, double *value)
{
	const json_t *number = json_object_get(object, key);

	*value = json_number_value(number);
	return json_is_number(number) && isfinite(*value) && *value >= 0 &&
	       *value <= RULE_VALUE_MOST;
}

static const char *rule_read_numbers(const json_t *object, struct alert_rule *rule)
{
	const json_t *hold = json_object_get(object, "hold_s");

	if (!rule_read_value(object, "threshold", &rule->threshold))
		return "\"threshold\" must be a number from 0 to 1e18";
	rule->clear = rule->threshold;
	if (json_object_get(object, "clear") && !rule_read_value(object, "clear", &rule->clear))
		return "\"clear\" must be a number from 0 to 1e18";
	if (rule->below ? rule->clear < rule->threshold : rule->clear > rule->threshold)
		return "\"clear\", at which an alert ends, must not be above the threshold of a "
		       "rule "
		       "with above, nor below that of one with below";
	if (hold && (!json_is_integer(hold) || json_integer_value(hold) < 0 ||
		     json_integer_value(hold) > ALERT_HOLD_MOST_S))
		return "\"hold_s\" must be a whole number of seconds, at most a day (86400)";
	rule->hold_s = (unsigned)json_integer_value(hold);
	return NULL;
}

static const char *rule_read_url(const json_t *object, struct alert_rule *rule)
{
	const char *url = json_string_value(json_object_get(object, "url"));
	struct hook_url parts;

	if (!json_object_get(object, "url"))
		return NULL;
	if (!url || !hook_url_read(url, &parts))
		return "\"url\" must be https://HOST[:PORT]/PATH, or http:// to an address of "
		       "--hook-allow, at most 511 printable characters without a user or a #";
	string_copy(rule->url, sizeof(rule->url), url);
	return NULL;
}

static const char *rule_read_mail(const json_t *object, struct alert_rule *rule)
{
	const char *mail = json_string_value(json_object_get(object, "mail"));

	if (!json_object_get(object, "mail"))
		return NULL;
	if (!mail || !mail_address_valid(mail))
		return "\"mail\" must be an address, NAME@DOMAIN: letters, digits and _+=-. in the "
		       "name, and the domain in lower case";
	string_copy(rule->mail, sizeof(rule->mail), mail);
	return NULL;
}

const char *alert_rule_read(const json_t *object, struct alert_rule *rule)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *wrong;

	*rule = (struct alert_rule){0};
	if (!name || !name_valid(name))
		return "a rule needs a \"name\" of 1 to 31 letters, digits, '-', '_' and '.'";
	string_copy(rule->name, sizeof(rule->name), name);
	wrong = rule_read_what(object, rule);
	wrong = wrong ? wrong : rule_read_words(object, rule);
	wrong = wrong ? wrong : rule_read_numbers(object, rule);
	wrong = wrong ? wrong : rule_read_url(object, rule);
	return wrong ? wrong : rule_read_mail(object, rule);
}

json_t *alert_rule_json(const struct alert_rule *rule)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:i, s:s}", "name", rule->name, "what",
			 rule->what, "series", rule->form->series[rule->series].name, "comparison",
			 rule->below ? "below" : "above", "threshold", rule->threshold, "clear",
			 rule->clear, "hold_s", (int)rule->hold_s, "severity",
			 alert_rule_severity(rule));
}

bool alert_rule_has(const struct alert_rule *rule, const struct history_form *form,
		    const char *what)
{
	return rule->form == form && fnmatch(rule->what, what, FNM_NOESCAPE) == 0;
}

bool alert_rule_seen(const struct alert_rule *rule, const char *scope)
{
	const char *pattern = rule_pattern(rule);

	if (!strcmp(scope, "*") || !*pattern)
		return true;
	return !strcmp(rule->form->kind, "vm") && scope_within(pattern, scope);
}
