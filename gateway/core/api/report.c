/* SPDX-License-Identifier: MIT */
/*
 * The handler of reports, which an auditor reads of a host. The table of routes names it; it
 * gathers what is known, and answers with the report that is made of it.
 */
#include "gateway/core/api/api.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/core/http/answer.h"
#include "gateway/core/http/rate.h"
#include "gateway/core/http/request.h"
#include "gateway/core/report/profile.h"
#include "gateway/core/report/report.h"

/* A report takes Skerry and core as long as this many other requests. */
enum { REPORT_COST = 20 };

/* Answers a request with the report of what was gathered; its client may have gone meanwhile. */
static void report_answer(uint32_t id)
{
	struct request *request = request_find(id);
	json_t *report;
	char *text;

	if (!request)
		return;
	report = report_json(report_facts(), request_query(request, "profile"), request->who.name);
	text = json_dumps(report, JSON_INDENT(1));
	json_decref(report);
	if (text)
		answer_bytes(request, 200, "application/json", text, strlen(text));
	else
		answer_problem(request, 500, "no-memory",
			       "the gateway has no memory for the answer");
	free(text);
}

void api_report(struct request *request)
{
	const char *profile = request_query(request, "profile");

	if (profile && !profile_known(profile)) {
		answer_problem(request, 422, "bad-argument",
			       "there is no such profile: set \"profile\" to hardened, or leave it "
			       "out");
		return;
	}
	rate_charge(request, REPORT_COST);
	if (!report_gather(request->id, report_answer))
		answer_problem(request, 503, "busy",
			       "too many requests wait for a report: ask again in a moment");
}
