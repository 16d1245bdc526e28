/* SPDX-License-Identifier: MIT */
/*
 * Makes problems as clients get them (RFC 9457), also from Skerry's errors. Answers and operations
 * call it; it makes JSON of its arguments and touches nothing else.
 */

#include "gateway/core/http/problem.h"

#include <string.h>

#include "gateway/base/string.h"

static const char *problem_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{400, "Bad request"},	     {401, "Not authenticated"},
		{403, "Not allowed"},	     {404, "Not found"},
		{405, "Method not allowed"}, {409, "Conflict"},
		{412, "Changed meanwhile"},  {413, "Too large"},
		{415, "Media type"},	     {421, "Misdirected request"},
		{422, "Bad argument"},	     {426, "Upgrade required"},
		{429, "Too many requests"},  {500, "Internal error"},
		{502, "Skerry failed"},	     {503, "Not now"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(titles); i++) {
		if (titles[i].status == status)
			return titles[i].title;
	}
	return "Error";
}

json_t *problem_json(unsigned status, const char *code, const char *detail, json_t *allowed)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:O*}", "type", "about:blank", "title",
			 problem_title(status), "status", (int)status, "code", code, "detail",
			 detail, "allowed_states", allowed);
}

json_t *problem_of_reply(json_t *reply)
{
	static const struct {
		const char *code;
		unsigned status;
	} codes[] = {
		{"bad-request", 422}, {"bad-argument", 422}, {"unknown-command", 502},
		{"not-found", 404},   {"exists", 409},	     {"bad-state", 409},
		{"busy", 409},	      {"no-memory", 409},    {"too-old", 409},
		{"no-right", 403},    {"locked", 503},	     {"failed", 409},
	};
	const char *code = json_string_value(json_object_get(reply, "code"));
	const char *detail = json_string_value(json_object_get(reply, "error"));
	json_t *allowed = json_object_get(reply, "allowed_states");

	if (!reply)
		return problem_json(503, "link-down",
				    "the link to Skerry was lost before the answer came, so the "
				    "gateway does not know whether this was done",
				    NULL);
	/*
	 * Skerry understood the command and says why it refuses: the present state does not allow
	 * it.
	 */
	for (size_t i = 0; code && detail && *detail && i < ARRAY_COUNT(codes); i++) {
		if (!strcmp(code, codes[i].code))
			return problem_json(codes[i].status, code, detail, allowed);
	}
	return problem_json(502, "failed", detail ? detail : "Skerry gave no reason", allowed);
}
