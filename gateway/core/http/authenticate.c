/* SPDX-License-Identifier: MIT */
/*
 * Finds out who asks, by the credentials in a request. The router calls it before it does anything
 * else with a request; it asks identity/, and counts wrong credentials there. Each kind of
 * credential has a row in a table here.
 */

#include "gateway/core/http/authenticate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/basic.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/route.h"
#include "gateway/core/identity/account.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/login.h"
#include "gateway/core/identity/peer.h"
#include "gateway/core/identity/role.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/session.h"
#include "gateway/core/identity/token.h"

#define BEARER "Bearer "

/* A kind of credential, by which a client shows who it is. */
struct scheme {
	/*
	 * Returns the credential of this kind that the request shows, or NULL; the text may be in
	 * `room`.
	 */
	const char *(*shown)(const struct request *request, char room[SECRET_TEXT_BYTES]);
	/* Fills request->who, with the credential's holder, or returns false when it is wrong. */
	bool (*identify)(struct request *request, const char *credential);
	/*
	 * The problem with which a wrong credential of this kind is answered; NULL: a wrong one is
	 * treated as if it were not shown.
	 */
	const char *problem;
	/* Wrong credentials of this kind are counted by address, and make the client wait. */
	bool counted;
};

/* Finds a ticket, which is one of the subprotocols of a WebSocket. */
static const char *authenticate_ticket(const struct request *request, char room[SECRET_TEXT_BYTES])
{
	const char *protocols = request_header(request, "sec-websocket-protocol");
	const char *at = protocols ? strstr(protocols, "ticket.") : NULL;

	(void)room;
	return at && fields_get(&request->fields, "upgrade") ? at + strlen("ticket.") : NULL;
}

/*
 * Identifies the asker by a ticket, which opens the WebSocket that it was made for, and nothing
 * else: on any other method, path or VM it is no credential, and is used up. The asker gets the
 * roles that the ticket's route requires.
 */
static bool authenticate_by_ticket(struct request *request, const char *ticket)
{
	const char *method = fields_get(&request->fields, "method");
	char text[SECRET_TEXT_BYTES];
	size_t length = strcspn(ticket, ", ");
	const char *path = strcmp(method, "GET") ? "" : request->route->path;

	if (length >= sizeof(text))
		return false;
	string_copy(text, length + 1, ticket);
	if (!ticket_use(text, path, request->vm, request->ticket, &request->who))
		return false;
	request->who.roles &= request->route->role;
	return true;
}

static const char *authenticate_bearer(const struct request *request, char room[SECRET_TEXT_BYTES])
{
	(void)room;
	return request_header(request, "authorization");
}

/*
 *  Identifies the asker by a token of tokens.json, or the token of a login that asked for no
 * cookie.
 */
static bool authenticate_by_bearer(struct request *request, const char *text)
{
	const char *secret = text + strlen(BEARER);

	if (strncasecmp(text, BEARER, strlen(BEARER)))
		return false;
	return token_identify(secret, &request->who) ||
	       (!strncmp(secret, SESSION_PREFIX, strlen(SESSION_PREFIX)) &&
		session_identify(secret, &request->who));
}

static const char *authenticate_cookie(const struct request *request, char room[SECRET_TEXT_BYTES])
{
	return request_cookie(request, room, SECRET_TEXT_BYTES) ? room : NULL;
}

static bool authenticate_by_cookie(struct request *request, const char *cookie)
{
	request->cookie = session_identify(cookie, &request->who);
	return request->cookie;
}

/* Returns the number that core has given to a connection of the Unix socket. */
static const char *authenticate_socket(const struct request *request, char room[SECRET_TEXT_BYTES])
{
	(void)room;
	return fields_get(&request->fields, "connection");
}

/*
 * Identifies the user at a Unix socket as the user of users.json with that name; peers have names
 * only if the command line says that they are the same. The name is looked for at each request: a
 * user who is gone has no rights from then on.
 */
static bool authenticate_local(struct request *request, const char *connection)
{
	struct identity *who = &request->who;
	unsigned user = who->user;
	const struct account *account;
	char name[IDENTITY_NAME_BYTES];

	if (!peer_name(connection, request->id & MESSAGE_DOOR, name) ||
	    !(account = account_find(name)))
		return false;
	account_become(account, who);
	who->user = user;
	who->local = true;
	return true;
}

/* Lets root, and the user as whom the gateway runs, do everything. */
static bool authenticate_by_socket(struct request *request, const char *connection)
{
	struct identity *who = &request->who;

	if (!peer_user(connection, request->id & MESSAGE_DOOR, &who->user))
		return false;
	if (who->user != 0 && who->user != getuid())
		return authenticate_local(request, connection);
	snprintf(who->name, sizeof(who->name), "uid %u", who->user);
	string_copy(who->scope, sizeof(who->scope), "*");
	who->roles = role_imply(ROLE_ADMIN | ROLE_AUDITOR | ROLE_CONSOLE_WRITE | ROLE_GUEST |
				ROLE_CONTENT);
	return true;
}

/* The schemes in order: the first credential that is shown counts, and others beside it do not. */
static const struct scheme schemes[] = {
	{authenticate_ticket, authenticate_by_ticket,
	 "the ticket is not valid, or was made for something else", false},
	{authenticate_bearer, authenticate_by_bearer, "the credential is not valid", true},
	{authenticate_cookie, authenticate_by_cookie, NULL, false},
	{authenticate_socket, authenticate_by_socket, NULL, false},
};

/*
 * Counts a wrong credential. Returns false if the address had too many; the request is then
 * answered with 429.
 */
static bool authenticate_counted(struct request *request)
{
	const char *address = request_address(request);
	unsigned retry_s;

	if (login_allowed(address, NULL, &retry_s)) {
		login_failed(address, NULL);
		audit_denied(NULL, "login", "", address, "unauthenticated");
		return true;
	}
	answer_retry_after(request, retry_s);
	answer_problem(
		request, 429, "rate-limited",
		"there were too many wrong credentials from your address: wait and try again");
	return false;
}

bool authenticate(struct request *request)
{
	char room[SECRET_TEXT_BYTES];

	if (request->route->flags & ROUTE_PUBLIC)
		return true;
	/* Name and password have no row in the table, as their check ends later. */
	if (basic_shown(request))
		return basic_authenticate(request);
	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		const struct scheme *scheme = &schemes[i];
		const char *credential = scheme->shown(request, room);

		if (!credential)
			continue;
		if (scheme->identify(request, credential)) {
			if (scheme->counted)
				login_passed(request_address(request), NULL);
			return true;
		}
		if (!scheme->problem)
			continue;
		if (!scheme->counted || authenticate_counted(request))
			answer_problem(request, 401, "unauthenticated", "%s", scheme->problem);
		return false;
	}
	answer_problem(request, 401, "unauthenticated",
		       "this needs a credential: send a bearer token, or log in");
	return false;
}

static bool authenticate_same_origin(const struct request *request)
{
	const char *origin = request_header(request, "origin");
	const char *host = request_header(request, "host");
	const char *site = request_header(request, "sec-fetch-site");

	return origin && host && !strncmp(origin, "https://", 8) && !strcasecmp(origin + 8, host) &&
	       (!site || !strcmp(site, "same-origin"));
}

bool authenticate_origin(struct request *request)
{
	const char *type = request_header(request, "content-type");
	bool change = strcmp(request->route->method, "GET") != 0;
	bool body = fields_find(&request->fields, "body");
	bool bytes = request->route->flags & ROUTE_BODY;
	bool json =
		type && (bytes ? !strcasecmp(type, "application/octet-stream")
			       : !strncasecmp(type, "application/json", 16) ||
					 !strncasecmp(type, "application/merge-patch+json", 28));

	if ((body || (bytes && type) || (change && request->cookie)) && !json) {
		answer_problem(request, 415, "bad-media-type",
			       "send the body with Content-Type: application/%s",
			       bytes ? "octet-stream" : "json");
		return false;
	}
	/* Browsers add cookies, names and passwords to a request whichever page has caused it. */
	if (((change && request->cookie) ||
	     (basic_shown(request) && request_header(request, "origin")) ||
	     (request->cookie && fields_get(&request->fields, "upgrade")) ||
	     (request->route->flags & ROUTE_LOGIN && request_header(request, "origin"))) &&
	    !authenticate_same_origin(request)) {
		answer_problem(
			request, 403, "forbidden",
			"a request with a cookie or a password must come from a page of this "
			"server");
		return false;
	}
	return true;
}
