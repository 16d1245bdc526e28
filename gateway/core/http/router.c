/* SPDX-License-Identifier: MIT */
/*
 * Takes a request from web to its handler: finds the route and the asker, checks rate and rights,
 * writes the audit's line, looks for an answer kept for its Idempotency-Key. Core's main loop calls
 * it; it reads the table of routes, and each of these steps has a file of its own.
 */

#include "gateway/core/http/router.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/base/bytes.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/authenticate.h"
#include "gateway/core/http/authorise.h"
#include "gateway/core/http/idempotency.h"
#include "gateway/core/http/rate.h"
#include "gateway/core/http/record.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/route.h"

/* Copies the next segment of a path. Returns its length, or 0 if it does not fit. */
static size_t router_take_segment(char *to, size_t room, const char *path)
{
	size_t length = strcspn(path, "/");

	if (length >= room)
		return 0;
	snprintf(to, length + 1, "%s", path);
	return length;
}

/* Returns whether `path` fits `pattern`, in which a word in braces matches any segment. */
static bool router_matches(const char *pattern, const char *path, struct request *request)
{
	request->vm[0] = request->store[0] = request->item[0] = 0;
	while (*pattern && *path) {
		size_t length;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (!strncmp(pattern, "{vm}", 4))
			length = router_take_segment(request->vm, sizeof(request->vm), path);
		else if (!strncmp(pattern, "{store}", 7))
			length = router_take_segment(request->store, sizeof(request->store), path);
		else
			length = router_take_segment(request->item, sizeof(request->item), path);
		if (length == 0)
			return false;
		pattern += strcspn(pattern, "}") + 1;
		path += length;
	}
	return *pattern == *path;
}

/* Finds the route of a request. HEAD is served as GET, whose body web leaves out. */
static bool router_find(struct request *request, const char *method, const char *path)
{
	char allow[64] = "";

	for (size_t i = 0; i < route_table.count; i++) {
		bool head = !strcmp(method, "HEAD") && !strcmp(route_table.list[i].method, "GET");

		if (!router_matches(route_table.list[i].path, path, request))
			continue;
		if (head || !strcmp(route_table.list[i].method, method)) {
			request->route = &route_table.list[i];
			return true;
		}
		snprintf(allow + strlen(allow), sizeof(allow) - strlen(allow), "%s%s",
			 *allow ? ", " : "", route_table.list[i].method);
	}
	if (!*allow) {
		answer_problem(request, 404, "not-found", "there is nothing at this path");
		return false;
	}
	answer_header(request, "Allow", allow);
	answer_problem(request, 405, "bad-method", "this path has no such method: use one of %s",
		       allow);
	return false;
}

/*
 * Copies the name or address of a Host header into `name`, without brackets; returns false if the
 * text is no host.
 */
static bool router_host(const char *authority, char *name, size_t room)
{
	bool bracket = *authority == '[';
	size_t length = strcspn(authority += bracket, bracket ? "]" : ":");
	const char *port = authority + length;

	if (bracket && *port++ != ']')
		return false;
	if (length == 0 || length >= room ||
	    (*port &&
	     (*port != ':' || !port[1] || strspn(port + 1, "0123456789") != strlen(port + 1))))
		return false;
	snprintf(name, room, "%.*s", (int)length, authority);
	return true;
}

/*
 * Returns whether the Host header names this server, against DNS rebinding: an address, localhost,
 * the name of the computer that the gateway runs on, or a name of --name.
 */
static bool router_is_own(const char *authority)
{
	char name[256], own[256] = "";
	struct in6_addr address;

	if (!router_host(authority, name, sizeof(name)))
		return false;
	if (*authority == '[')
		return inet_pton(AF_INET6, name, &address) == 1;
	gethostname(own, sizeof(own) - 1);
	if (inet_pton(AF_INET, name, &address) == 1 || !strcasecmp(name, "localhost") ||
	    !strcasecmp(name, own))
		return true;
	for (unsigned i = 0; i < settings.name_count; i++) {
		if (!strcasecmp(name, settings.names[i]))
			return true;
	}
	return false;
}

static bool router_rate(struct request *request)
{
	const struct route *route = request->route;
	bool change = strcmp(route->method, "GET") && !strstr(route->path, "/tickets") &&
		      !(route->flags & ROUTE_TYPED);

	return route->flags & ROUTE_PUBLIC || rate_take(request, change);
}

/*
 * Returns whether the router writes the audit's line. A login writes its own line, once it is known
 * who logs in.
 */
static bool router_audited(const struct request *request)
{
	return request->route->action && !(request->route->flags & ROUTE_LOGIN);
}

bool router_begin(struct request *request)
{
	if (record_begin(request))
		return true;
	answer_problem(request, 503, "audit-unwritable",
		       "the gateway cannot write its audit, so it has changed nothing");
	return false;
}

/*
 * Writes the audit's line for routes that need one before the handler. If it cannot be written,
 * answers the request and returns false.
 */
static bool router_audit(struct request *request)
{
	unsigned flags = request->route->flags;

	if (router_audited(request) && !(flags & (ROUTE_READ | ROUTE_JUDGES | ROUTE_TYPED)))
		return router_begin(request);
	request->judged = request->judged && flags & ROUTE_JUDGES;
	return true;
}

/*
 * Checks the header Idempotency-Key. If the request was carried out before or may not have that
 * key, answers it and returns false.
 */
static bool router_first(struct request *request)
{
	const char *key = request_header(request, "idempotency-key");
	const struct route *route = request->route;
	struct idempotency_answer kept;

	if (!key || strcmp(route->method, "POST") || route->flags & (ROUTE_LOGIN | ROUTE_UPGRADE) ||
	    strstr(route->path, "/tickets"))
		return true;
	switch (idempotency_begin(request, key, &kept)) {
	case IDEMPOTENCY_NEW:
		return true;
	case IDEMPOTENCY_KEPT:
		record_end(request, "replayed");
		answer_header(request, "Idempotency-Replayed", "true");
		answer_bytes(request, kept.status, kept.type, kept.bytes, kept.count);
		break;
	case IDEMPOTENCY_UNDER_WAY:
		answer_problem(request, 409, "busy",
			       "the first request with this Idempotency-Key is still under way");
		break;
	case IDEMPOTENCY_OTHER:
		answer_problem(request, 422, "bad-argument",
			       "this Idempotency-Key was used for another request");
		break;
	case IDEMPOTENCY_NO_KEY:
		answer_problem(request, 422, "bad-argument",
			       "Idempotency-Key must have 1 to %d bytes", IDEMPOTENCY_KEY_BYTES);
		break;
	}
	return false;
}

/*
 * Returns whether a client's field is text. Other bytes would vanish from a command to Skerry and
 * from the audit.
 */
static bool router_text_valid(const struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->list[i];
		bool given = !strncmp(field->name, "body.", strlen("body.")) ||
			     !strncmp(field->name, "query.", strlen("query."));

		if (given && (!utf8_valid((const uint8_t *)field->name, strlen(field->name)) ||
			      !utf8_valid((const uint8_t *)field->value, strlen(field->value))))
			return false;
	}
	return true;
}

static void router_run(struct request *request)
{
	const char *method = fields_get(&request->fields, "method");
	const char *path = fields_get(&request->fields, "path");
	const char *authority = request_header(request, "host");

	if (!method || !path || !utf8_valid((const uint8_t *)path, strlen(path))) {
		answer_problem(request, 400, "bad-request", "the request has no path");
		return;
	}
	if (!router_text_valid(&request->fields)) {
		answer_problem(request, 400, "bad-request",
			       "a parameter or a member of the body is not UTF-8");
		return;
	}
	if (!fields_get(&request->fields, "connection") &&
	    (!authority || !router_is_own(authority))) {
		answer_problem(request, 421, "misdirected",
			       "this server has no name such as that in the Host header: add it "
			       "with --name");
		return;
	}
	if (!router_find(request, method, path) || !authenticate(request) ||
	    !router_rate(request) || !authenticate_origin(request))
		return;
	request->judged = router_audited(request);
	if (!authorise(request) || !router_audit(request))
		return;
	if (request->route->flags & ROUTE_LINK && !host.up) {
		answer_problem(request, 503, "link-down",
			       "the gateway has lost its link to Skerry: try again when it is up");
		return;
	}
	if (router_first(request))
		request->route->handler(request);
}

void router_serve(uint32_t id, const char *bytes, size_t count)
{
	struct request *request = request_take(id, bytes, count);

	if (!request)
		return;
	request->again = router_run;
	if (fields_read(&request->fields, request->bytes, count))
		router_run(request);
	else
		answer_problem(
			request, 400, "bad-request",
			"the request has too many headers, parameters or members of its body");
}
