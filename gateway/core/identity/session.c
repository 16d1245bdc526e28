/* SPDX-License-Identifier: MIT */
/*
 * Logins and tickets: secrets that end with this process, kept as their SHA-256. The handlers of
 * logins and of WebSockets make them, authentication looks them up; they are in memory alone.
 */
#include "gateway/core/identity/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/name.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/share.h"

enum {
	SESSION_COUNT = 256,
	TICKET_COUNT = 256,
	TICKET_S = 30,
};

struct session {
	struct identity identity;
	uint8_t hash[SECRET_BYTES];
	double ends_s; /* when the entry expires, by clock_now_s(); 0: the entry is free */
	/* of a ticket: the path of the only route that it opens, as in the table of routes */
	const char *path;
	char vm[NAME_BYTES]; /* of a ticket: the VM that the ticket is for */
	char what[8];
};

static struct session sessions[SESSION_COUNT], tickets[TICKET_COUNT];

static bool session_alive(struct session *session)
{
	if (session->ends_s == 0)
		return false;
	if (session->ends_s > clock_now_s() && identity_alive(&session->identity, time(NULL)))
		return true;
	session->ends_s = 0;
	return false;
}

/* session_place() works on lists of SESSION_COUNT entries, logins or tickets. */
static_assert((int)SESSION_COUNT == (int)TICKET_COUNT, "session_place has room for either");

static struct session *session_place(struct session *list, const struct identity *who)
{
	struct share places[SESSION_COUNT];
	double now_s = clock_now_s();
	size_t place, oldest = 0;

	for (size_t i = 0; i < SESSION_COUNT; i++) {
		bool free = list[i].ends_s <= now_s;

		/*
		 * All entries live equally long, so that the one that expires first is the oldest.
		 */
		places[i] = (struct share){.who = free ? NULL : &list[i].identity,
					   .since = list[i].ends_s};
		if (list[i].ends_s < list[oldest].ends_s)
			oldest = i;
	}
	/* If every entry has another holder, an asker without one gets the oldest entry. */
	place = share_place(places, SESSION_COUNT, who, true);
	return &list[place < SESSION_COUNT ? place : oldest];
}

static struct session *session_find(struct session *list, size_t count, const char *text)
{
	uint8_t hash[SECRET_BYTES];

	secret_hash(text, hash);
	for (size_t i = 0; i < count; i++) {
		if (!gnutls_memcmp(list[i].hash, hash, sizeof(hash)) && session_alive(&list[i]))
			return &list[i];
	}
	return NULL;
}

bool session_make(const struct identity *identity, const char *prefix, char *text)
{
	struct session *session = session_place(sessions, identity);

	if (!secret_make(prefix, text, session->hash))
		return false;
	session->identity = *identity;
	session->ends_s = clock_now_s() + SESSION_S;
	return true;
}

bool session_identify(const char *text, struct identity *identity)
{
	struct session *session = session_find(sessions, SESSION_COUNT, text);

	if (session)
		*identity = session->identity;
	return session;
}

void session_end(const char *text)
{
	struct session *session = session_find(sessions, SESSION_COUNT, text);

	if (session)
		session->ends_s = 0;
}

bool ticket_make(const struct identity *identity, const char *path, const char *vm,
		 const char *what, char *text)
{
	struct session *ticket = session_place(tickets, identity);

	if (!secret_make("", text, ticket->hash))
		return false;
	ticket->identity = *identity;
	ticket->path = path;
	string_copy(ticket->vm, sizeof(ticket->vm), vm);
	string_copy(ticket->what, sizeof(ticket->what), what);
	ticket->ends_s = clock_now_s() + TICKET_S;
	return true;
}

bool ticket_use(const char *text, const char *path, const char *vm, char *what,
		struct identity *identity)
{
	struct session *ticket = session_find(tickets, TICKET_COUNT, text);

	if (!ticket)
		return false;
	/* A ticket is used up even if it is shown for the wrong path or VM. */
	ticket->ends_s = 0;
	if (strcmp(ticket->path, path) || strcmp(ticket->vm, vm))
		return false;
	string_copy(what, sizeof(ticket->what), ticket->what);
	*identity = ticket->identity;
	return true;
}
