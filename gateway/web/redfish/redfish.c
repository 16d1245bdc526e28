/* SPDX-License-Identifier: MIT */
/*
 * Handles a Redfish request: finds its row of the table, reads its body, decides what to ask core,
 * and passes core's answers to the row until the row has answered. The exchange calls it; it
 * touches the request alone.
 */
#include "gateway/web/redfish/redfish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

#define REDFISH_TOP "/redfish"

bool redfish_has(const char *path)
{
	size_t length = strlen(REDFISH_TOP);

	return !strncmp(path, REDFISH_TOP, length) && (!path[length] || path[length] == '/');
}

/*
 * Returns whether the path, without a slash at its end, fits the pattern, and copies the segment in
 * the place of {} to `item`.
 */
static bool redfish_matches(const char *pattern, const char *path, char item[REDFISH_ITEM_BYTES])
{
	size_t length;

	item[0] = 0;
	while (*pattern) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		length = strcspn(path, "/");
		if (length == 0 || length >= REDFISH_ITEM_BYTES)
			return false;
		string_copy(item, length + 1, path);
		pattern += 2;
		path += length;
	}
	return !*path || !strcmp(path, "/");
}

/* Finds the row of the request. If there is none, answers and returns false. */
static bool redfish_find(struct redfish *redfish, const char *method, const char *path)
{
	char allow[64] = "", item[REDFISH_ITEM_BYTES];

	path += strlen(REDFISH_TOP);
	if (!strcmp(method, "HEAD"))
		method = "GET";
	for (size_t i = 0; i < redfish_row_count; i++) {
		const struct redfish_row *row = &redfish_rows[i];

		/* A row with a literal path comes before a row with {} in the table. */
		if ((redfish->row && strcmp(redfish->row->path, row->path)) ||
		    !redfish_matches(row->path, path, item))
			continue;
		string_copy(redfish->item, sizeof(redfish->item), item);
		redfish->row = row;
		if (!strcmp(row->method, method))
			return true;
		snprintf(allow + strlen(allow), sizeof(allow) - strlen(allow), "%s%s",
			 *allow ? ", " : "", row->method);
	}
	if (!redfish->row) {
		redfish_error(redfish, 404, "ResourceMissingAtURI", NULL,
			      "there is no resource at this path");
		return false;
	}
	redfish_header(redfish, "Allow", allow);
	redfish_error(redfish, 405, "OperationNotAllowed", NULL,
		      "this resource has no such method: use one of %s", allow);
	return false;
}

/* Reads the body of the request. If it is no JSON object, answers and returns false. */
static bool redfish_read(struct redfish *redfish, const char *bytes, size_t count)
{
	if (!count || !redfish->row->check)
		return true;
	redfish->body = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(redfish->body))
		return true;
	redfish_error(redfish, 400, "MalformedJSON", NULL,
		      "the body must be one JSON object, in which no name comes twice");
	return false;
}

/* Sets the row's first request to core. */
static void redfish_ask_first(struct redfish *redfish)
{
	const char *ask = redfish->row->ask;
	const char *path = strchr(ask, ' ') + 1;
	size_t length = strcspn(path, "{");

	snprintf(redfish->method, sizeof(redfish->method), "%.*s", (int)(path - 1 - ask), ask);
	snprintf(redfish->path, sizeof(redfish->path), "%.*s%s%s", (int)length, path,
		 path[length] ? redfish->item : "", path[length] ? path + length + 2 : "");
}

struct redfish *redfish_begin(const char *method, const char *path, const char *bytes, size_t count,
			      const char *host)
{
	struct redfish *redfish = calloc(1, sizeof(*redfish));

	if (!redfish)
		return NULL;
	string_copy(redfish->host, sizeof(redfish->host), host);
	if (strlen(path) >= REDFISH_PATH_BYTES / 2) {
		redfish_error(redfish, 404, "ResourceMissingAtURI", NULL,
			      "there is no resource at this path, which is too long for any");
		return redfish;
	}
	if (!redfish_find(redfish, method, path) || !redfish_read(redfish, bytes, count))
		return redfish;
	if (redfish->row->check && !redfish->row->check(redfish))
		return redfish;
	if (redfish->row->ask)
		redfish_ask_first(redfish);
	else
		redfish->row->took(redfish, NULL);
	return redfish;
}

void redfish_take(struct redfish *redfish, unsigned status, const char *bytes, size_t count,
		  const char *tag)
{
	json_t *answer = count ? json_loadb(bytes, count, 0, NULL) : NULL;

	redfish->method[0] = 0;
	string_copy(redfish->tag, sizeof(redfish->tag), tag ? tag : "");
	if (status == 409 && redfish->settled && !strcmp(redfish_text(answer, "code"), "bad-state"))
		redfish_done(redfish);
	else if (status >= 400 || (count && !answer))
		redfish_problem(redfish, status >= 400 ? status : 502, answer);
	else if (status == 202)
		redfish_task_began(redfish, answer);
	else if (redfish->changing)
		redfish_done(redfish);
	else
		redfish->row->took(redfish, answer);
	redfish->changing = true;
	/* A row that neither asks core nor answers is a bug in this folder. */
	if (!redfish->answered && !redfish->method[0])
		redfish_error(redfish, 500, "InternalError", NULL,
			      "the gateway could not complete this request");
	json_decref(answer);
}

struct redfish *redfish_refused(unsigned status, const char *code, const char *detail)
{
	struct redfish *redfish = calloc(1, sizeof(*redfish));
	json_t *problem = json_pack("{s:s, s:s}", "code", code, "detail", detail);

	if (redfish)
		redfish_problem(redfish, status, problem);
	json_decref(problem);
	return redfish;
}

void redfish_free(struct redfish *redfish)
{
	if (!redfish)
		return;
	json_decref(redfish->body);
	json_decref(redfish->sent);
	buffer_free(&redfish->body_text);
	buffer_free(&redfish->headers);
	free(redfish);
}
