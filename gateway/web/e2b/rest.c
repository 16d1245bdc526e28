/* SPDX-License-Identifier: MIT */
/*
 * E2B's REST: makes, lists, pauses and ends sandboxes. The way of a request calls it; it says what
 * core is asked, and makes E2B's objects of the answers.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/web/e2b/e2b.h"

/*
 * The version of envd that clients are told. Below 0.5.7 they upload by multipart/form-data alone;
 * from 0.5.2 on they may close a command's input.
 */
#define E2B_ENVD_VERSION "0.5.2"

enum { E2B_TIMEOUT_S = 300, E2B_FORKS = E2B_STEPS - 1 };

/* Writes a time in the form of RFC 3339, `from_now_s` from now. */
static void e2b_time(double from_now_s, char text[32])
{
	time_t at = time(NULL) + (time_t)from_now_s;
	struct tm parts;

	gmtime_r(&at, &parts);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static json_t *e2b_sandbox(json_t *answer)
{
	double age_s = json_number_value(json_object_get(answer, "age_s"));
	double left_s = json_number_value(json_object_get(answer, "left_s"));
	char began[32], ends[32];

	e2b_time(-age_s, began);
	e2b_time(left_s, ends);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:{}}", "sandboxID",
			 e2b_text(answer, "id"), "templateID", e2b_text(answer, "template"),
			 "clientID", "skerry", "envdVersion", E2B_ENVD_VERSION, "startedAt", began,
			 "endAt", ends, "state",
			 strcmp(e2b_text(answer, "state"), "paused") ? "running" : "paused",
			 "cpuCount", 1, "memoryMB", 0, "diskSizeMB", 0, "metadata");
}

/* Returns body.timeout in seconds, or the default; 0: it is none that a sandbox may have. */
static double e2b_timeout_of(const struct e2b *e2b)
{
	json_t *timeout = json_object_get(e2b->body, "timeout");
	double value = json_number_value(timeout);

	if (!timeout || json_is_null(timeout))
		return E2B_TIMEOUT_S;
	return value >= 1 && value <= 3600 ? value : 0;
}

/* Returns what a new sandbox is asked for that Skerry does not do, or NULL. */
static const char *e2b_lacks(json_t *body)
{
	static const struct {
		const char *name, *detail;
	} lacks[] = {
		{"network", "network: what a sandbox may reach is its template's net.egress"},
		{"iam", "iam: Skerry has no workload identities"},
		{"mcp", "mcp: Skerry has no MCP gateway"},
		{"volumeMounts", "volumeMounts: Skerry has no volumes for sandboxes"},
		{"metadata", "metadata: Skerry keeps none for sandboxes"},
	};

	for (size_t i = 0; i < sizeof(lacks) / sizeof(*lacks); i++) {
		json_t *value = json_object_get(body, lacks[i].name);

		if ((json_is_object(value) && json_object_size(value)) ||
		    (json_is_array(value) && json_array_size(value)))
			return lacks[i].detail;
	}
	return json_is_true(json_object_get(body, "autoPause"))
		       ? "autoPause: a sandbox of Skerry's ends with its time"
		       : NULL;
}

void e2b_create(struct e2b *e2b)
{
	const char *lacks = e2b_lacks(e2b->body);
	double timeout_s = e2b_timeout_of(e2b);
	json_t *env = json_object_get(e2b->body, "envVars");

	if (lacks || timeout_s <= 0) {
		e2b_refuse(e2b, lacks ? lacks : "a sandbox has from 1 to 3600 seconds");
		return;
	}
	e2b_ask(e2b, "POST",
		json_pack("{s:s, s:f, s:O*}", "template", e2b_text(e2b->body, "templateID"),
			  "timeout_s", timeout_s, "env", json_is_object(env) ? env : NULL),
		"/v1/sandboxes");
}

void e2b_created(struct e2b *e2b, json_t *answer)
{
	e2b_answer(e2b, 201, e2b_sandbox(answer));
	e2b->shows_key = true;
}

void e2b_list(struct e2b *e2b)
{
	e2b_ask(e2b, "GET", NULL, "/v1/sandboxes");
}

void e2b_listed(struct e2b *e2b, json_t *answer)
{
	json_t *list = json_array(), *item;
	size_t index;

	json_array_foreach(json_object_get(answer, "items"), index, item)
		json_array_append_new(list, e2b_sandbox(item));
	e2b_answer(e2b, 200, list);
}

void e2b_info(struct e2b *e2b)
{
	e2b_ask(e2b, "GET", NULL, "/v1/sandboxes/%s", e2b->box);
}

void e2b_informed(struct e2b *e2b, json_t *answer)
{
	e2b_answer(e2b, 200, e2b_sandbox(answer));
	e2b->shows_key = true;
}

void e2b_done(struct e2b *e2b, json_t *answer)
{
	(void)answer;
	e2b_answer(e2b, 204, NULL);
}

void e2b_kill(struct e2b *e2b)
{
	e2b_ask(e2b, "DELETE", NULL, "/v1/sandboxes/%s", e2b->box);
}

void e2b_timeout(struct e2b *e2b)
{
	double timeout_s = e2b_timeout_of(e2b);

	if (timeout_s <= 0)
		e2b_refuse(e2b, "a sandbox has from 1 to 3600 seconds");
	else
		e2b_ask(e2b, "PATCH", json_pack("{s:f}", "timeout_s", timeout_s),
			"/v1/sandboxes/%s", e2b->box);
}

void e2b_pause(struct e2b *e2b)
{
	if (json_is_false(json_object_get(e2b->body, "memory")))
		e2b_refuse(e2b, "a sandbox of Skerry's is paused with its memory");
	else
		e2b_ask(e2b, "POST", NULL, "/v1/sandboxes/%s/actions/pause", e2b->box);
}

void e2b_connect(struct e2b *e2b)
{
	if (json_is_false(json_object_get(e2b->body, "memory")))
		e2b_refuse(e2b, "a sandbox of Skerry's goes on with its memory");
	else if (e2b_timeout_of(e2b) <= 0)
		e2b_refuse(e2b, "a sandbox has from 1 to 3600 seconds");
	else
		e2b_info(e2b);
}

void e2b_connected(struct e2b *e2b, json_t *answer)
{
	bool timed = json_object_get(e2b->body, "timeout") != NULL;

	if (!strcmp(e2b_text(answer, "state"), "paused")) {
		e2b_ask(e2b, "POST", NULL, "/v1/sandboxes/%s/actions/resume", e2b->box);
	} else if (timed && !e2b->timed) {
		e2b->timed = true;
		e2b_timeout(e2b);
	} else {
		e2b_informed(e2b, answer);
	}
}

void e2b_fork(struct e2b *e2b)
{
	double timeout_s = e2b_timeout_of(e2b);
	json_t *count = json_object_get(e2b->body, "count");

	if (timeout_s <= 0 ||
	    (count && (json_integer_value(count) < 1 || json_integer_value(count) > E2B_FORKS)))
		e2b_refuse(e2b, "a fork has from 1 to 3600 seconds, and \"count\" is up to 8");
	else
		e2b_ask(e2b, "POST", json_pack("{s:f}", "timeout_s", timeout_s),
			"/v1/sandboxes/%s/fork", e2b->box);
}

void e2b_forked(struct e2b *e2b, json_t *answer)
{
	json_t *count = json_object_get(e2b->body, "count");

	if (!e2b->forks)
		e2b->forks = json_array();
	json_array_append_new(e2b->forks, json_pack("{s:o}", "sandbox", e2b_sandbox(answer)));
	if (count && (json_int_t)e2b->step < json_integer_value(count)) {
		e2b_fork(e2b);
		return;
	}
	e2b_answer(e2b, 201, json_incref(e2b->forks));
	e2b->shows_key = true;
}
