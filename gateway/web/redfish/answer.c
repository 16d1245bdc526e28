/* SPDX-License-Identifier: MIT */
/*
 * Makes the parts that all answers of Redfish's share: resources, collections, links, headers, and
 * the next request to core. The functions of resources call it; it writes to the request alone.
 */
#include "gateway/web/redfish/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/base/string.h"

void redfish_header(struct redfish *redfish, const char *name, const char *value)
{
	fields_text(&redfish->headers, name, value);
}

static void answer_end(struct redfish *redfish, unsigned status, const char *type)
{
	redfish->answered = true;
	redfish->status = status;
	redfish->type = type;
	if (redfish->body_text.failed) {
		buffer_free(&redfish->body_text);
		redfish->body_text.failed = false;
		redfish->status = 500;
		type = NULL;
	}
	if (type)
		redfish_header(redfish, "Content-Type", type);
	redfish_header(redfish, "OData-Version", "4.0");
}

void redfish_answer(struct redfish *redfish, unsigned status, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;

	buffer_free(&redfish->body_text);
	if (text)
		buffer_text(&redfish->body_text, text);
	else if (object)
		redfish->body_text.failed = true;
	free(text);
	json_decref(object);
	if (*redfish->tag && status == 200)
		redfish_header(redfish, "ETag", redfish->tag);
	answer_end(redfish, status, object ? "application/json" : NULL);
}

void redfish_done(struct redfish *redfish)
{
	redfish_answer(redfish, 204, NULL);
}

void redfish_answer_text(struct redfish *redfish, const char *type, const char *text)
{
	buffer_text(&redfish->body_text, text);
	answer_end(redfish, 200, type);
}

void redfish_ask(struct redfish *redfish, const char *method, json_t *sent, const char *path, ...)
{
	va_list list;

	va_start(list, path);
	vsnprintf(redfish->path, sizeof(redfish->path), path, list);
	va_end(list);
	string_copy(redfish->method, sizeof(redfish->method), method);
	json_decref(redfish->sent);
	redfish->sent = sent;
}

json_t *redfish_resource(const char *type, const char *id, const char *name, const char *path, ...)
{
	char place[REDFISH_PATH_BYTES], full[96];
	size_t length = strcspn(type, ".");
	va_list list;

	va_start(list, path);
	vsnprintf(place, sizeof(place), path, list);
	va_end(list);
	/* "Task.v1_5_0" is the type "#Task.v1_5_0.Task", "X" without a version "#X.X". */
	snprintf(full, sizeof(full), "#%s.%.*s", type, (int)length, type);
	return json_pack("{s:s, s:s, s:s, s:s}", "@odata.id", place, "@odata.type", full, "Id", id,
			 "Name", name);
}

json_t *redfish_link(const char *path, ...)
{
	char place[REDFISH_PATH_BYTES];
	va_list list;

	va_start(list, path);
	vsnprintf(place, sizeof(place), path, list);
	va_end(list);
	return json_pack("{s:s}", "@odata.id", place);
}

json_t *redfish_collection(const char *type, const char *name, const char *path, ...)
{
	char place[REDFISH_PATH_BYTES], full[96];
	va_list list;

	va_start(list, path);
	vsnprintf(place, sizeof(place), path, list);
	va_end(list);
	snprintf(full, sizeof(full), "#%s.%s", type, type);
	return json_pack("{s:s, s:s, s:s, s:i, s:[]}", "@odata.id", place, "@odata.type", full,
			 "Name", name, "Members@odata.count", 0, "Members");
}

void redfish_member(json_t *collection, json_t *link)
{
	json_t *members = json_object_get(collection, "Members");

	json_array_append_new(members, link);
	json_object_set_new(collection, "Members@odata.count",
			    json_integer((json_int_t)json_array_size(members)));
}
