/* SPDX-License-Identifier: MIT */
/*
 * Handlers about the server itself: its name, health, API description and audit. The table of
 * routes names them; they read and change nothing.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/api/openapi.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/number.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/token.h"

void api_root(struct request *request)
{
	static const char *const features[] = {"events-sse",  "stream-ws",   "console-ws",
					       "vsock-ws",    "tickets",     "operations",
					       "idempotency", "audit-chain", "metrics"};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_COUNT(features); i++)
		json_array_append_new(list, json_string(features[i]));
	answer_json(request, 200,
		    json_pack("{s:s, s:s, s:o}", "name", "skerryd", "version", SKERRYD_VERSION,
			      "features", list));
}

void api_health(struct request *request)
{
	answer_json(request, 200,
		    json_pack("{s:b, s:b, s:b}", "live", true, "ready", host.up, "audit",
			      audit_works()));
}

void api_openapi(struct request *request)
{
	char *text = openapi_text();

	if (text)
		answer_bytes(request, 200, "application/json", text, strlen(text));
	else
		answer_problem(request, 500, "failed", "the gateway is out of memory");
	free(text);
}

void api_audit(struct request *request)
{
	int64_t limit = number_read(request_query(request, "limit"), 200, 1000);
	int64_t after = number_read(request_query(request, "after"), 0, INT64_MAX / 10);

	if (limit < 1 || after < 0) {
		answer_problem(request, 422, "bad-argument",
			       "\"limit\" must be a number from 1 to 1000, and \"after\" the "
			       "number of a line");
		return;
	}
	answer_json(request, 200, audit_json(&request->who, (uint64_t)after, (unsigned)limit));
}
