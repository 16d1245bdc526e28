/* SPDX-License-Identifier: MIT */
/*
 * Makes the OpenAPI description, and the list for the test of roles, of the table of routes. A
 * handler and core's main function call it; it reads constants alone.
 */
#include "gateway/core/api/openapi.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/core/api/schema.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/http/route.h"
#include "gateway/core/identity/role.h"

static json_t *openapi_reference(const char *schema)
{
	char text[80];

	snprintf(text, sizeof(text), "#/components/schemas/%s", schema);
	return json_pack("{s:s}", "$ref", text);
}

static json_t *openapi_content(const char *schema, const char *type)
{
	return json_pack("{s:{s:o}}", type, "schema", openapi_reference(schema));
}

static const char *openapi_type(const char *schema)
{
	if (!strcmp(schema, "Bytes"))
		return "application/octet-stream";
	if (!strcmp(schema, "Text"))
		return "text/plain";
	if (!strcmp(schema, "Events"))
		return "text/event-stream";
	return "application/json";
}

static void openapi_parameter(json_t *list, const char *name, size_t length, const char *in)
{
	json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", name, length,
					      "in", in, "required", !strcmp(in, "path"), "schema",
					      "type", "string"));
}

static json_t *openapi_parameters(const struct route *route)
{
	json_t *list = json_array();

	for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{'))
		openapi_parameter(list, at + 1, strcspn(at + 1, "}"), "path");
	for (const char *at = route->query; at && *at;) {
		size_t length = strcspn(at, " ");

		openapi_parameter(list, at, length, "query");
		at += length;
		at += strspn(at, " ");
	}
	return list;
}

static json_t *openapi_responses(const struct route *route)
{
	json_t *responses = json_object();
	json_t *good = json_pack("{s:s}", "description", route->summary);
	char status[8];

	if (route->gives)
		json_object_set_new(good, "content",
				    openapi_content(route->gives, openapi_type(route->gives)));
	snprintf(status, sizeof(status), "%u", route->status);
	json_object_set_new(responses, status, good);
	if (route->flags & ROUTE_SLOW)
		json_object_set_new(responses, "202",
				    json_pack("{s:s, s:o}", "description",
					      "it goes on: see Location", "content",
					      openapi_content("Operation", "application/json")));
	json_object_set_new(responses, "default",
			    json_pack("{s:s, s:o}", "description", "a problem (RFC 9457)",
				      "content",
				      openapi_content("Problem", "application/problem+json")));
	return responses;
}

static json_t *openapi_operation(const struct route *route)
{
	json_t *roles = role_json(route->role);
	json_t *operation = json_pack("{s:s, s:o, s:o, s:o}", "summary", route->summary,
				      "parameters", openapi_parameters(route), "responses",
				      openapi_responses(route), "x-skerry-roles", roles);

	if (route->takes)
		json_object_set_new(
			operation, "requestBody",
			json_pack("{s:o}", "content",
				  openapi_content(route->takes, openapi_type(route->takes))));
	if (route->flags & ROUTE_PUBLIC)
		json_object_set_new(operation, "security", json_array());
	return operation;
}

char *openapi_text(void)
{
	json_t *paths = json_object(), *schemas = json_object(), *root;
	char *text;

	for (size_t i = 0; i < route_table.count; i++) {
		json_t *path = json_object_get(paths, route_table.list[i].path);
		char verb[8];
		size_t length = strlen(route_table.list[i].method);

		if (!path) {
			path = json_object();
			json_object_set_new(paths, route_table.list[i].path, path);
		}
		for (size_t each = 0; each <= length; each++)
			verb[each] =
				(char)(route_table.list[i].method[each] | (each < length ? 32 : 0));
		json_object_set_new(path, verb, openapi_operation(&route_table.list[i]));
	}
	for (const struct schema *schema = schema_list; schema->name; schema++)
		json_object_set_new(schemas, schema->name, json_loads(schema->text, 0, NULL));
	json_object_set_new(schemas, "VmConfig", schema_config());
	root = json_pack("{s:s, s:{s:s, s:s}, s:[{s:[]}, {s:[]}], s:o, s:{s:o, s:{s:{s:s, s:s}, "
			 "s:{s:s, s:s, s:s}}}}",
			 "openapi", "3.1.0", "info", "title", "skerryd", "version", SKERRYD_VERSION,
			 "security", "token", "cookie", "paths", paths, "components", "schemas",
			 schemas, "securitySchemes", "token", "type", "http", "scheme", "bearer",
			 "cookie", "type", "apiKey", "in", "cookie", "name", "__Host-skerry");
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

/* Writes the routes as JSON, an object each, for the test of every route with every role. */
char *openapi_routes(void)
{
	static const char *const scopes[] = {"none", "vm", "new", "filter", "all"};
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < route_table.count; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:s, s:b, s:b, s:b, s:s?, s:i}", "method",
				  route_table.list[i].method, "path", route_table.list[i].path,
				  "roles", role_json(route_table.list[i].role), "scope",
				  scopes[route_table.list[i].scope], "public",
				  (route_table.list[i].flags & ROUTE_PUBLIC) != 0, "upgrade",
				  (route_table.list[i].flags & ROUTE_UPGRADE) != 0, "disk",
				  (route_table.list[i].flags & ROUTE_DISK) != 0, "action",
				  route_table.list[i].action, "status",
				  (int)route_table.list[i].status));
	text = json_dumps(list, JSON_INDENT(1));
	json_decref(list);
	return text;
}
