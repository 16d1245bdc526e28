/* SPDX-License-Identifier: MIT */
/*
 * Handlers of the host: its facts, its log, the walk over its pages, reboot and power off. The
 * table of routes names them; they read the cache and ask Skerry.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/api/ask.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/live/operation.h"

enum { HOST_WAIT_S = 10, LOG_MOST = 1000, LOG_USUAL = 200 };

void api_host(struct request *request)
{
	answer_age(request);
	answer_json(request, 200, host_json());
}

static void host_action(struct request *request, const char *command)
{
	operation_start(request, OPERATION_REPLY, command, NULL, "host", NULL, 200,
			request_wait_s(request, HOST_WAIT_S));
}

void api_host_log_rotate(struct request *request)
{
	host_action(request, "log rotate");
}

/* Reboots Skerry; before that, sends it the hash of the last line of the gateway's audit. */
void api_host_reboot(struct request *request)
{
	audit_anchor();
	host_action(request, "reboot");
}

void api_host_poweroff(struct request *request)
{
	audit_anchor();
	host_action(request, "poweroff");
}

static void host_took_audit(uint64_t id, json_t *reply)
{
	struct request *request = request_find((uint32_t)id);
	json_t *rows = json_object_get(reply, "result"), *row, *findings = json_array();
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *count = json_object_get(row, "findings");

		if (json_is_integer(count))
			host.audit_findings = json_integer_value(count);
		if (json_object_get(row, "found"))
			json_array_append(findings, json_object_get(row, "found"));
	}
	if (request && rows)
		answer_json(request, 200,
			    json_pack("{s:b, s:o, s:O}", "changed", true, "audit_findings",
				      host.audit_findings < 0 ? json_null()
							      : json_integer(host.audit_findings),
				      "found", findings));
	else if (request)
		answer_problem_json(request, problem_of_reply(reply));
	json_decref(findings);
}

void api_host_audit(struct request *request)
{
	char actor[65];

	request_actor(request, actor, sizeof(actor));
	if (!link_ask(link_command("audit", NULL, actor), host_took_audit, request->id))
		answer_problem(request, 503, "link-down",
			       "the gateway cannot ask Skerry now: the link is down, or too many "
			       "requests wait on it");
}

/*
 * Makes a row of the log. An asker whose scope is not all VMs gets no line that belongs to no VM:
 * the line's text may name any VM.
 */
static json_t *host_log_item(const struct request *request, json_t *row)
{
	const char *vm = json_string_value(json_object_get(row, "vm"));
	const char *text = json_string_value(json_object_get(row, "text"));
	char number[24];

	if (strcmp(request->who.scope, "*") && (!vm || !*vm || !scope_has(request->who.scope, vm)))
		return NULL;
	snprintf(number, sizeof(number), "%lld",
		 (long long)json_integer_value(json_object_get(row, "sequence")));
	return json_pack("{s:s, s:f, s:O*, s:O*, s:s, s:s}", "sequence", number, "time_s",
			 (double)json_integer_value(json_object_get(row, "time_ns")) / 1e9, "level",
			 json_object_get(row, "level"), "category",
			 json_object_get(row, "category"), "vm", vm ? vm : "", "text",
			 text ? text : "");
}

static void host_took_log(uint64_t id, json_t *reply)
{
	ask_took_items(id, reply, host_log_item);
}

void api_log(struct request *request)
{
	static const struct {
		const char *query, *option;
	} filters[] = {{"level", "-l"}, {"category", "-c"}, {"vm", "-v"}};
	int64_t limit = number_read(request_query(request, "limit"), LOG_USUAL, LOG_MOST);
	const char *words[12];
	char number[16];
	size_t count = 0;

	if (limit < 1) {
		answer_problem(request, 422, "bad-argument",
			       "\"limit\" must be a number from 1 to %d", LOG_MOST);
		return;
	}
	snprintf(number, sizeof(number), "%d", (int)limit);
	words[count++] = "-n";
	words[count++] = number;
	for (size_t i = 0; i < ARRAY_COUNT(filters); i++) {
		const char *value = request_query(request, filters[i].query);

		if (!value || !*value)
			continue;
		if (!name_valid(value)) {
			answer_problem(request, 422, "bad-argument",
				       "\"%s\" must be one word of the log", filters[i].query);
			return;
		}
		words[count++] = filters[i].option;
		words[count++] = value;
	}
	words[count] = NULL;
	ask_skerry(request, "log show", words, NULL, host_took_log);
}
