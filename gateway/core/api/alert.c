/* SPDX-License-Identifier: MIT */
/*
 * Handlers of the rules of alerts. An asker neither makes nor sees a rule about VMs out of the
 * asker's scope. The table of routes names the handlers; they call alert/, which keeps the rules.
 */
#include "gateway/core/api/api.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/alert/alert.h"
#include "gateway/core/alert/alert_preview.h"
#include "gateway/core/common/number.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/rate.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/live/delivery_queue.h"
#include "gateway/core/live/mail_way.h"

enum {
	ALERT_PREVIEW_USUAL_S = 7 * 24 * 3600,
	/* number of records whose reading takes core as long as one more request */
	ALERT_RECORDS_EACH = 1000,
};

/* Returns whether the asker may change the rule, and so may see its web hook's URL. */
static bool alert_changes(const struct request *request, const struct alert_rule *rule)
{
	bool all = !strcmp(request->who.scope, "*");

	return request->who.roles & ROLE_ADMIN && alert_rule_seen(rule, request->who.scope) &&
	       (all || strchr(rule->what, '/'));
}

/*
 * Returns the rule as the asker may see it: without the web hook's URL, which may contain a secret,
 * and without the address of mail, unless the asker may change the rule.
 */
static json_t *alert_shown(const struct request *request, const struct alert_rule *rule)
{
	json_t *object = alert_json(rule);

	json_object_set_new(object, "hook", json_boolean(*rule->url));
	json_object_set_new(object, "mailed", json_boolean(*rule->mail));
	if (alert_changes(request, rule)) {
		json_object_set_new(object, "url",
				    *rule->url ? json_string(rule->url) : json_null());
		delivery_queue_show(DELIVERY_HOOK, rule, object);
		json_object_set_new(object, "mail",
				    *rule->mail ? json_string(rule->mail) : json_null());
		delivery_queue_show(DELIVERY_MAIL, rule, object);
	}
	return object;
}

struct alert_asked {
	const struct request *request;
	json_t *items;
};

static void alert_add(const struct alert_rule *rule, void *context)
{
	const struct alert_asked *asked = context;

	if (alert_rule_seen(rule, asked->request->who.scope))
		json_array_append_new(asked->items, alert_shown(asked->request, rule));
}

void api_alerts(struct request *request)
{
	struct alert_asked asked = {request, json_array()};

	alert_each(alert_add, &asked);
	answer_age(request);
	answer_json(request, 200, json_pack("{s:o}", "items", asked.items));
}

/* Copies a member of the body, of the given type, into the object; null counts as missing. */
static void alert_copy(const struct request *request, const char *key, json_t *object)
{
	const struct field *field = fields_below(&request->fields, "body", key);
	int64_t whole;

	if (!field || field->type == FIELD_NULL)
		return;
	whole = field->type == FIELD_NUMBER ? number_read(field->value, -1, INT64_MAX / 10) : -1;
	json_object_set_new(object, key,
			    field->type == FIELD_TEXT	  ? json_string(field->value)
			    : whole >= 0		  ? json_integer((json_int_t)whole)
			    : field->type == FIELD_NUMBER ? json_real(strtod(field->value, NULL))
							  : json_false());
}

/*
 * Reads the rule in the body, to which `name` is given if the body has no name. Returns false if
 * the request has been answered.
 */
static bool alert_read(struct request *request, const char *name, struct alert_rule *rule)
{
	static const char *const keys[] = {"name",  "what",   "series",	  "comparison", "threshold",
					   "clear", "hold_s", "severity", "url",	"mail"};
	json_t *object = name ? json_pack("{s:s}", "name", name) : json_object();
	const char *wrong;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		alert_copy(request, keys[i], object);
	wrong = alert_rule_read(object, rule);
	json_decref(object);
	if (wrong)
		answer_problem(request, 422, "bad-argument", "%s", wrong);
	return !wrong;
}

/*
 * Gives a rule with a web hook its secret: that of the rule `before` (NULL: none), or a new one if
 * `before` has none or another URL, or the request asks for a new one. Returns false if there are
 * no random numbers.
 */
static bool alert_add_secret(const struct request *request, const struct alert_rule *before,
			     struct alert_rule *rule, bool *made)
{
	uint8_t hash[SECRET_BYTES];

	*made = *rule->url && (!before || strcmp(before->url, rule->url) != 0 ||
			       request_true(request, "new_secret"));
	if (*made)
		return secret_make("skh_", rule->secret, hash);
	if (*rule->url)
		string_copy(rule->secret, sizeof(rule->secret), before->secret);
	return true;
}

static void alert_keep_asked(struct request *request, struct alert_rule *rule)
{
	const struct alert_rule *before = alert_find(rule->name);
	unsigned status = before ? 200 : 201;
	json_t *object;
	bool made;

	if (!alert_add_secret(request, before, rule, &made)) {
		answer_problem(
			request, 500, "failed",
			"the system gave the gateway no random numbers, so it made no secret");
		return;
	}
	if (!router_begin(request))
		return;
	if ((!before && !alert_room(request->who.scope)) || !alert_keep(rule)) {
		answer_problem(request, 503, "failed",
			       "the gateway has too many rules of alerts, or cannot write their "
			       "file: nothing was changed");
		return;
	}
	object = alert_shown(request, alert_find(rule->name));
	if (made)
		json_object_set_new(object, "secret", json_string(rule->secret));
	answer_json(request, status, object);
}

void api_alert_make(struct request *request)
{
	const struct alert_rule *before;
	struct alert_rule rule;

	if (!alert_read(request, NULL, &rule))
		return;
	before = alert_find(rule.name);
	if (!request_is(request, "new_secret", FIELD_TRUE) &&
	    !request_is(request, "new_secret", FIELD_FALSE))
		answer_problem(request, 422, "bad-argument",
			       "\"new_secret\" must be true or false");
	else if (*rule.mail && !mail_way_allows(rule.mail))
		answer_problem(request, 422, "bad-argument",
			       "this gateway sends no mail to that address: --mail-from and "
			       "--mail-to of skerryd say who gets any");
	else if (!alert_changes(request, &rule))
		answer_problem(request, 403, "forbidden",
			       "your scope must contain all VMs of the rule; one about disks, "
			       "networks or the host needs the scope *");
	else if (before && !alert_changes(request, before))
		answer_problem(request, 409, "exists",
			       "there is a rule of this name, which you may not change: take "
			       "another name");
	else
		alert_keep_asked(request, &rule);
	explicit_bzero(&rule, sizeof(rule));
}

void api_alert_remove(struct request *request)
{
	const struct alert_rule *rule = alert_find(request->item);

	if (!rule || !alert_changes(request, rule)) {
		answer_problem(request, 404, "not-found", "there is no such rule of alerts");
		return;
	}
	if (!router_begin(request))
		return;
	if (alert_remove(request->item))
		answer_json(request, 204, NULL);
	else
		answer_problem(request, 503, "failed",
			       "the gateway cannot write its file of alerts: nothing was changed");
}

static json_t *alert_preview_json(const struct alert_preview *preview)
{
	unsigned shown =
		preview->count < ALERT_PREVIEW_SHOWN ? preview->count : ALERT_PREVIEW_SHOWN;
	json_t *items = json_array();

	for (unsigned i = 0; i < shown; i++) {
		const struct alert_preview_time *time = &preview->times[i];

		json_array_append_new(items, json_pack("{s:s, s:I, s:o}", "what", time->what,
						       "from", (json_int_t)time->from, "to",
						       time->to ? json_integer((json_int_t)time->to)
								: json_null()));
	}
	return json_pack(
		"{s:I, s:I, s:I, s:i, s:I, s:i, s:o}", "from", (json_int_t)preview->from, "to",
		(json_int_t)preview->from + (json_int_t)preview->steps * preview->step_s, "step",
		(json_int_t)preview->step_s, "things", (int)preview->things, "samples",
		(json_int_t)preview->samples, "count", (int)preview->count, "items", items);
}

void api_alert_preview(struct request *request)
{
	const char *text = fields_get(&request->fields, "body.seconds");
	int64_t seconds = number_read(text, ALERT_PREVIEW_USUAL_S, ALERT_PREVIEW_MOST_S);
	static struct alert_preview preview;
	int64_t now = time(NULL);
	struct alert_rule rule;
	uint64_t records;

	if (!alert_read(request, "preview", &rule))
		return;
	if (seconds < 60 || !request_is(request, "seconds", FIELD_NUMBER)) {
		answer_problem(request, 422, "bad-argument",
			       "\"seconds\" must be a number from 60 to 31 days (%d)",
			       ALERT_PREVIEW_MOST_S);
		return;
	}
	if (!alert_rule_seen(&rule, request->who.scope)) {
		answer_problem(request, 403, "forbidden",
			       "your scope must contain all VMs of the rule; one about disks or "
			       "networks needs the scope *");
		return;
	}
	if (seconds > now)
		seconds = now > 0 ? now : 0;
	records = alert_preview_begin(&rule, now, (uint32_t)seconds, &preview);
	if (records > ALERT_PREVIEW_RECORDS) {
		answer_problem(request, 422, "bad-argument",
			       "this is about %u things: ask for a shorter time, or for fewer of "
			       "them",
			       preview.things);
		return;
	}
	rate_charge(request, (unsigned)(records / ALERT_RECORDS_EACH));
	if (alert_preview_run(&rule, &preview))
		answer_json(request, 200, alert_preview_json(&preview));
	else
		answer_problem(request, 500, "no-memory",
			       "the gateway has no memory for the answer");
}
