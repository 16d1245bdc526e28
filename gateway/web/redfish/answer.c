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

/*
 * Returns an object at the path, which is taken over. "Task.v1_5_0" is the type
 * "#Task.v1_5_0.Task", "TaskCollection" is "#TaskCollection.TaskCollection".
 */
static json_t *answer_object(const char *type, const char *name, json_t *path)
{
	return json_pack("{s:o, s:o, s:s}", "@odata.id", path, "@odata.type",
			 json_sprintf("#%s.%.*s", type, (int)strcspn(type, "."), type), "Name",
			 name);
}

json_t *redfish_resource(const char *type, const char *id, const char *name, const char *path, ...)
{
	json_t *resource;
	va_list list;

	va_start(list, path);
	resource = answer_object(type, name, json_vsprintf(path, list));
	va_end(list);
	json_object_set_new(resource, "Id", json_string(id));
	return resource;
}

json_t *redfish_link(const char *path, ...)
{
	json_t *place;
	va_list list;

	va_start(list, path);
	place = json_vsprintf(path, list);
	va_end(list);
	return json_pack("{s:o}", "@odata.id", place);
}

json_t *redfish_collection(const char *type, const char *name, const char *path, ...)
{
	json_t *collection;
	va_list list;

	va_start(list, path);
	collection = answer_object(type, name, json_vsprintf(path, list));
	va_end(list);
	json_object_set_new(collection, "Members@odata.count", json_integer(0));
	json_object_set_new(collection, "Members", json_array());
	return collection;
}

void redfish_member(json_t *collection, const char *name)
{
	json_t *members = json_object_get(collection, "Members");

	json_array_append_new(members,
			      redfish_link("%s/%s", redfish_text(collection, "@odata.id"), name));
	json_object_set_new(collection, "Members@odata.count",
			    json_integer((json_int_t)json_array_size(members)));
}

void redfish_members(json_t *collection, json_t *answer)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		redfish_member(collection, redfish_text(item, "name"));
	}
}

const char *redfish_text(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}
