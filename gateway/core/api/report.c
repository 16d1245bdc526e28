/* SPDX-License-Identifier: MIT */
/*
 * The handler of reports, which an auditor reads about a host. The table of routes names it; it has
 * the facts gathered, and answers with the report made of them.
 */
#include "gateway/core/api/api.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/core/http/answer.h"
#include "gateway/core/http/rate.h"
#include "gateway/core/http/request.h"
#include "gateway/core/report/html.h"
#include "gateway/core/report/profile.h"
#include "gateway/core/report/report.h"
#include "gateway/core/report/sign.h"

/* A report counts as this many requests, as it costs Skerry and core about as much time. */
enum { REPORT_COST = 20 };

static bool report_as_html(const struct request *request)
{
	const char *format = request_query(request, "format");

	return format && !strcmp(format, "html");
}

/* Answers with the text of a report, and with its signature in a header. */
static void report_send(struct request *request, const struct buffer *text)
{
	struct buffer signature = {0};
	char policy[256];

	if (text->failed || !text->bytes) {
		answer_problem(request, 500, "no-memory",
			       "the gateway has no memory for the answer");
		return;
	}
	if (sign_bytes(text->bytes, text->count, &signature))
		answer_header(request, "Report-Signature", signature.bytes);
	buffer_free(&signature);
	if (!report_as_html(request)) {
		answer_json_text(request, 200, text);
		return;
	}
	html_policy(policy, sizeof(policy));
	answer_header(request, "Content-Security-Policy", policy);
	answer_header(request, "X-Frame-Options", "DENY");
	answer_bytes(request, 200, "text/html; charset=utf-8", text->bytes, text->count);
}

/*
 * Answers a request, whose client may have gone meanwhile, with a report made of the gathered
 * facts.
 */
static void report_answer(uint32_t id)
{
	struct request *request = request_find(id);
	struct buffer text = {0};
	json_t *report;
	char *json;

	if (!request)
		return;
	report = report_json(report_facts(), request_query(request, "profile"), request->who.name);
	if (report && report_as_html(request)) {
		text = html_page(report);
	} else {
		json = report ? json_dumps(report, JSON_INDENT(1)) : NULL;
		buffer_text(&text, json ? json : "");
		buffer_text(&text, "\n");
		text.failed = text.failed || !json;
		free(json);
	}
	json_decref(report);
	report_send(request, &text);
	buffer_free(&text);
}

void api_report(struct request *request)
{
	const char *profile = request_query(request, "profile");
	const char *format = request_query(request, "format");

	if (profile && !profile_known(profile)) {
		answer_problem(request, 422, "bad-argument",
			       "there is no such profile: set \"profile\" to hardened, or leave it "
			       "out");
		return;
	}
	if (format && strcmp(format, "html") && strcmp(format, "json")) {
		answer_problem(request, 422, "bad-argument",
			       "\"format\" must be json or html, or left out for json");
		return;
	}
	rate_charge(request, REPORT_COST);
	if (!report_gather(request->id, report_answer))
		answer_problem(request, 503, "busy",
			       "too many requests wait for a report: ask again in a moment");
}
