/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/core/audit.h"
#include "gateway/core/idempotency.h"
#include "gateway/core/request.h"
#include "gateway/core/settings.h"

/* Whether `path` is `pattern`, in which {vm} and {id} stand for one segment each. */
static bool router_matches(const char *pattern, const char *path, struct request *request)
{
	request->vm[0] = request->item[0] = 0;
	while (*pattern && *path) {
		size_t length;
		bool vm;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		vm = pattern[1] == 'v';
		length = strcspn(path, "/");
		if (length == 0 || length >= (vm ? sizeof(request->vm) : sizeof(request->item)))
			return false;
		snprintf(vm ? request->vm : request->item, length + 1, "%s", path);
		pattern += 4;
		path += length;
	}
	return *pattern == *path;
}

/* HEAD is GET whose body web leaves out. */
static bool router_find(struct request *request, const char *method, const char *path)
{
	char allow[64] = "";

	for (size_t i = 0; i < route_count; i++) {
		bool head = !strcmp(method, "HEAD") && !strcmp(routes[i].method, "GET");

		if (!router_matches(routes[i].path, path, request))
			continue;
		if (head || !strcmp(routes[i].method, method)) {
			request->route = &routes[i];
			return true;
		}
		snprintf(allow + strlen(allow), sizeof(allow) - strlen(allow), "%s%s",
			 *allow ? ", " : "", routes[i].method);
	}
	if (!*allow) {
		answer_problem(request, 404, "not-found", "there is nothing at this path");
		return false;
	}
	answer_header(request, "Allow", allow);
	answer_problem(request, 405, "bad-method", "this path takes %s", allow);
	return false;
}

/* The name or address of a Host header into `name`, without brackets; false: it is no host. */
static bool router_host(const char *host, char *name, size_t room)
{
	bool bracket = *host == '[';
	size_t length = strcspn(host += bracket, bracket ? "]" : ":");
	const char *port = host + length;

	if (bracket && *port++ != ']')
		return false;
	if (length == 0 || length >= room ||
	    (*port &&
	     (*port != ':' || !port[1] || strspn(port + 1, "0123456789") != strlen(port + 1))))
		return false;
	snprintf(name, room, "%.*s", (int)length, host);
	return true;
}

/* Against DNS rebinding: an address, localhost, this machine's name, or one of --name. */
static bool router_host_known(const char *host)
{
	char name[256], own[256] = "";
	struct in6_addr address;

	if (!router_host(host, name, sizeof(name)))
		return false;
	if (*host == '[')
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

bool request_cookie(const struct request *request, char *text, size_t room)
{
	static const char name[] = "__Host-skerry=";
	const char *at = request_header(request, "cookie");

	while (at && *at) {
		size_t length = strcspn(at, ";");

		if (!strncmp(at, name, strlen(name)) && length - strlen(name) < room) {
			snprintf(text, length - strlen(name) + 1, "%s", at + strlen(name));
			return true;
		}
		at += length;
		at += strspn(at, "; ");
	}
	return false;
}

/* The ticket among the subprotocols; NULL: none is shown. */
static const char *router_ticket(const struct request *request)
{
	const char *protocols = request_header(request, "sec-websocket-protocol");
	const char *at = protocols ? strstr(protocols, "ticket.") : NULL;

	return at && fields_get(&request->fields, "upgrade") ? at + strlen("ticket.") : NULL;
}

/*
 * A ticket opens the WebSocket that it was made for, and nothing else: on any other method, path or
 * VM it is no credential, and is used up. Of the roles it carries those that its route asks for.
 */
static bool router_ticket_good(struct request *request, const char *ticket)
{
	const char *method = fields_get(&request->fields, "method");
	char text[AUTH_TEXT_BYTES];
	size_t length = strcspn(ticket, ", ");
	const char *path = strcmp(method, "GET") ? "" : request->route->path;

	if (length >= sizeof(text))
		return false;
	snprintf(text, length + 1, "%s", ticket);
	if (!ticket_use(text, path, request->vm, request->ticket, &request->who))
		return false;
	request->who.roles &= request->route->role;
	return true;
}

static bool router_same_origin(const struct request *request)
{
	const char *origin = request_header(request, "origin");
	const char *host = request_header(request, "host");
	const char *site = request_header(request, "sec-fetch-site");

	return origin && host && !strncmp(origin, "https://", 8) && !strcasecmp(origin + 8, host) &&
	       (!site || !strcmp(site, "same-origin"));
}

static bool router_wrong(struct request *request, const char *address)
{
	unsigned retry_s;

	if (!login_allowed(address, NULL, &retry_s)) {
		answer_retry_after(request, retry_s);
		answer_problem(request, 429, "rate-limited", "too many wrong credentials");
		return false;
	}
	login_failed(address, NULL);
	audit_denied(NULL, "login", "", address, "unauthenticated");
	answer_problem(request, 401, "unauthenticated", "the credential is not valid");
	return false;
}

/* Who is it? False: it has been answered. */
static bool authenticate(struct request *request)
{
	const char *bearer = request_header(request, "authorization");
	const char *connection = fields_get(&request->fields, "connection");
	const char *address = fields_get(&request->fields, "address");
	const char *ticket = router_ticket(request);
	char cookie[AUTH_TEXT_BYTES];

	if (request->route->flags & ROUTE_PUBLIC)
		return true;
	/* As with a bearer token, no other credential beside it counts. */
	if (ticket) {
		if (router_ticket_good(request, ticket))
			return true;
		answer_problem(request, 401, "unauthenticated",
			       "the ticket is not valid, or is for something else");
		return false;
	}
	if (bearer) {
		/* A bearer token is used alone: a cookie beside it does not count. */
		if (!strncasecmp(bearer, "Bearer ", 7) &&
		    (token_identify(bearer + 7, &request->who) ||
		     (!strncmp(bearer + 7, SESSION_PREFIX, 4) &&
		      session_identify(bearer + 7, &request->who)))) {
			login_passed(address ? address : "socket", NULL);
			return true;
		}
		return router_wrong(request, address ? address : "socket");
	}
	if (request_cookie(request, cookie, sizeof(cookie)) &&
	    session_identify(cookie, &request->who)) {
		request->cookie = true;
		return true;
	}
	if (connection && peer_user(connection, &request->who.user) &&
	    (request->who.user == 0 || request->who.user == getuid())) {
		snprintf(request->who.name, sizeof(request->who.name), "uid %u", request->who.user);
		string_copy(request->who.scope, sizeof(request->who.scope), "*");
		request->who.roles = role_imply(ROLE_ADMIN | ROLE_AUDITOR | ROLE_CONSOLE_WRITE);
		return true;
	}
	answer_problem(request, 401, "unauthenticated", "a credential is needed");
	return false;
}

/* What a browser could be made to send by another site's page. */
static bool router_csrf(struct request *request)
{
	const char *type = request_header(request, "content-type");
	bool change = strcmp(request->route->method, "GET") != 0;
	bool body = fields_find(&request->fields, "body");
	bool json = type && (!strncasecmp(type, "application/json", 16) ||
			     !strncasecmp(type, "application/merge-patch+json", 28));

	if ((body || (change && request->cookie)) && !json) {
		answer_problem(request, 415, "bad-media-type",
			       "Content-Type: application/json is needed");
		return false;
	}
	if (((change && request->cookie) ||
	     (request->cookie && fields_get(&request->fields, "upgrade")) ||
	     (request->route->flags & ROUTE_LOGIN && request_header(request, "origin"))) &&
	    !router_same_origin(request)) {
		answer_problem(request, 403, "forbidden",
			       "a cookie's request must be of this origin");
		return false;
	}
	return true;
}

/*
 * Whether all of body.config is what an operator shares out while VMs run. Skerry too asks for the
 * right to configure for any other key, and only here for `trap`, which looks into a guest, and for
 * `disk.undo`, which takes memory.
 */
static bool router_run_time_keys(const struct request *request)
{
	static const char *const keys[] = {
		"weight",      "cap",	    "reserve",	  "affinity",	"on_crash",
		"autostart",   "disk.ops",  "disk.bytes", "disk.burst", "disk.weight",
		"net.packets", "net.bytes", "net.burst",  "net.weight", "stop_timeout",
	};
	static const char prefix[] = "body.config.";

	for (size_t i = 0; i < request->fields.count; i++) {
		const char *name = request->fields.list[i].name;
		size_t place = 0;

		if (strncmp(name, prefix, strlen(prefix)))
			continue;
		while (place < ARRAY_COUNT(keys) && strcmp(name + strlen(prefix), keys[place]))
			place++;
		if (place == ARRAY_COUNT(keys))
			return false;
	}
	return true;
}

/*
 * A disk to which a VM is saved belongs to no VM: other VMs' saves are there, and with
 * body.overwrite anything. False: it has been answered.
 */
static bool router_disk(struct request *request)
{
	const struct field *overwrite = fields_below(&request->fields, "body", "overwrite");

	if (strcmp(request->who.scope, "*")) {
		answer_problem(request, 403, "forbidden", "what is on disks needs the scope *");
		return false;
	}
	if (!overwrite || overwrite->type == FIELD_FALSE || request->who.roles & ROLE_ADMIN)
		return true;
	answer_problem(request, 403, "forbidden", "to overwrite needs the role admin");
	return false;
}

/*
 * What a copy of the gateway's own VM holds: its key, its users and its tokens; going back to one
 * brings back those that were revoked. Nor does an operator take its time and network from all who
 * use it. A gateway that is being saved could not answer either. False: it has been answered.
 */
static bool router_own(struct request *request)
{
	unsigned flags = request->route->flags;

	if (flags & ROUTE_COPY || request_text(request, "snapshot")) {
		answer_problem(request, 403, "own-vm",
			       "the VM of this gateway is copied, saved and restored at "
			       "Skerry's console alone: it cannot answer meanwhile, and "
			       "restored it would take tokens revoked since");
		return false;
	}
	if (!(flags & ROUTE_KEYS) || request->who.roles & ROLE_ADMIN)
		return true;
	answer_problem(request, 403, "own-vm", "the VM of this gateway is for the role admin");
	return false;
}

bool authorise(struct request *request)
{
	const struct route *route = request->route;
	const char *name = request_text(request, "name");
	bool own = *machine.own && !strcmp(request->vm, machine.own) &&
		   scope_has(request->who.scope, request->vm);

	if (route->flags & ROUTE_PUBLIC)
		return true;
	if (!(request->who.roles & route->role)) {
		answer_problem(request, 403, "forbidden", "your roles do not allow this");
		return false;
	}
	if (route->flags & ROUTE_KEYS && !(request->who.roles & ROLE_ADMIN) &&
	    !router_run_time_keys(request)) {
		answer_problem(request, 403, "forbidden",
			       "the role admin is needed for keys that are not of run time");
		return false;
	}
	/* By its command line it gets tokens of all roles: that is for whoever has the console. */
	if (route->flags & ROUTE_KEYS && own && !router_run_time_keys(request)) {
		answer_problem(request, 403, "own-vm",
			       "what the VM of this gateway is made of changes at Skerry's console "
			       "alone");
		return false;
	}
	if (own && !router_own(request))
		return false;
	switch (route->scope) {
	case SCOPE_VM:
		if (machine_find(request->vm) && scope_has(request->who.scope, request->vm))
			return !(route->flags & ROUTE_DISK) || router_disk(request);
		answer_problem(request, 404, "not-found", "there is no such VM");
		return false;
	case SCOPE_NEW:
		if (!name || scope_has(request->who.scope, name))
			return true;
		answer_problem(request, 403, "forbidden", "the name is not in your scope");
		return false;
	case SCOPE_ALL:
		if (!strcmp(request->who.scope, "*"))
			return true;
		answer_problem(request, 403, "forbidden", "this needs the scope *");
		return false;
	case SCOPE_NONE:
	case SCOPE_FILTER:
		break;
	}
	return true;
}

/* A login has its own line, when it is known whose it is. */
static bool router_audited(const struct request *request)
{
	return request->route->action && !(request->route->flags & ROUTE_LOGIN);
}

/*
 * What it is about, as the audit says it: of the path, or of the one field of the body that its
 * route is about, and no longer than a VM's name, whole characters of it.
 */
static const char *router_target(const struct request *request, char target[MACHINE_NAME_BYTES])
{
	unsigned flags = request->route->flags;
	const char *text = *request->vm		   ? request->vm
			   : *request->item	   ? request->item
			   : flags & ROUTE_NAMED   ? request_text(request, "name")
			   : flags & ROUTE_TO_DISK ? request_text(request, "disk")
						   : NULL;
	size_t length = text ? strnlen(text, MACHINE_NAME_BYTES) : 0;

	if (length == MACHINE_NAME_BYTES) {
		do
			length--;
		while (length && ((uint8_t)text[length] & 0xc0) == 0x80);
	}
	if (length)
		memcpy(target, text, length);
	target[length] = 0;
	return target;
}

void router_denied(struct request *request, const char *code)
{
	const char *address = fields_get(&request->fields, "address");
	char target[MACHINE_NAME_BYTES];

	if (!request->judged)
		return;
	request->judged = false;
	audit_denied(&request->who, request->route->action, router_target(request, target),
		     address ? address : "socket", code);
}

bool request_begin(struct request *request)
{
	const struct route *route = request->route;
	const char *address = fields_get(&request->fields, "address");
	char actor[65], target[MACHINE_NAME_BYTES];
	bool written;

	request->judged = false;
	router_target(request, target);
	address = address ? address : "socket";
	request_actor(request, actor, sizeof(actor));
	if (route->flags & ROUTE_OWN) {
		written = audit_own(&request->who, route->action, target, address, NULL,
				    &request->audit);
	} else {
		request->audit = audit_begin(actor, route->action, target, address, NULL);
		written = request->audit != 0;
	}
	if (written)
		return true;
	answer_problem(request, 503, "audit-unwritable",
		       "the audit cannot be written, so nothing is changed");
	return false;
}

/* Returns false if the audit cannot be written: the request has been answered. */
static bool router_audit(struct request *request)
{
	unsigned flags = request->route->flags;

	if (router_audited(request) && !(flags & (ROUTE_READ | ROUTE_JUDGES)))
		return request_begin(request);
	request->judged = request->judged && flags & ROUTE_JUDGES;
	return true;
}

bool request_rated(struct request *request, bool change)
{
	unsigned retry_s;

	if (rate_allows(&request->who, change, &retry_s))
		return true;
	answer_retry_after(request, retry_s);
	answer_problem(request, 429, "rate-limited", "too many requests in a second");
	return false;
}

static bool router_rate(struct request *request)
{
	const struct route *route = request->route;
	bool change = strcmp(route->method, "GET") && !strstr(route->path, "/tickets");

	return route->flags & ROUTE_PUBLIC || request_rated(request, change);
}

void router_run(struct request *request)
{
	const char *method = fields_get(&request->fields, "method");
	const char *path = fields_get(&request->fields, "path");
	const char *host = request_header(request, "host");

	if (!method || !path || !utf8_valid((const uint8_t *)path, strlen(path))) {
		answer_problem(request, 400, "bad-request", "the request has no path");
		return;
	}
	if (!fields_get(&request->fields, "connection") && (!host || !router_host_known(host))) {
		answer_problem(request, 421, "misdirected",
			       "this is not the Host that was asked for");
		return;
	}
	if (!router_find(request, method, path) || !authenticate(request) ||
	    !router_rate(request) || !router_csrf(request))
		return;
	request->judged = router_audited(request);
	if (!authorise(request) || !router_audit(request))
		return;
	if (request->route->flags & ROUTE_LINK && !machine.up) {
		answer_problem(request, 503, "link-down", "the link to Skerry is lost");
		return;
	}
	if (!idempotency_begin(request))
		return;
	request->route->handler(request);
}
