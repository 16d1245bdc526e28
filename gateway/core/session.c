/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "gateway/core/auth.h"
#include "gateway/core/machine.h"

/* Logins and tickets: secrets that end with this process, kept as their SHA-256. */
enum {
	SESSION_COUNT = 256,
	TICKET_COUNT = 128,
	TICKET_S = 30,
};

struct session {
	struct identity identity;
	uint8_t hash[AUTH_SECRET_BYTES];
	double ends_s;		     /* machine_now_s(); 0: free */
	char vm[MACHINE_NAME_BYTES]; /* of a ticket */
	char what[8];
};

static struct session sessions[SESSION_COUNT], tickets[TICKET_COUNT];

/* A free place, or the one that ends first. */
static struct session *session_place(struct session *list, size_t count)
{
	struct session *best = list;

	for (size_t i = 0; i < count; i++) {
		if (list[i].ends_s < best->ends_s)
			best = &list[i];
	}
	return best;
}

static bool session_alive(struct session *session)
{
	if (session->ends_s == 0)
		return false;
	if (session->ends_s > machine_now_s() && identity_alive(&session->identity, time(NULL)))
		return true;
	session->ends_s = 0;
	return false;
}

static struct session *session_find(struct session *list, size_t count, const char *text)
{
	uint8_t hash[AUTH_SECRET_BYTES];

	secret_hash(text, hash);
	for (size_t i = 0; i < count; i++) {
		if (!gnutls_memcmp(list[i].hash, hash, sizeof(hash)) && session_alive(&list[i]))
			return &list[i];
	}
	return NULL;
}

bool session_make(const struct identity *identity, const char *prefix, char *text)
{
	struct session *session = session_place(sessions, SESSION_COUNT);

	if (!secret_make(prefix, text, session->hash))
		return false;
	session->identity = *identity;
	session->ends_s = machine_now_s() + SESSION_S;
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

bool ticket_make(const struct identity *identity, const char *vm, const char *what, char *text)
{
	struct session *ticket = session_place(tickets, TICKET_COUNT);

	if (!secret_make("", text, ticket->hash))
		return false;
	ticket->identity = *identity;
	snprintf(ticket->vm, sizeof(ticket->vm), "%s", vm);
	snprintf(ticket->what, sizeof(ticket->what), "%s", what);
	ticket->ends_s = machine_now_s() + TICKET_S;
	return true;
}

bool ticket_use(const char *text, const char *vm, char *what, struct identity *identity)
{
	struct session *ticket = session_find(tickets, TICKET_COUNT, text);

	if (!ticket)
		return false;
	/* Whoever shows it for something else has used it up too. */
	ticket->ends_s = 0;
	if (strcmp(ticket->vm, vm))
		return false;
	strcpy(what, ticket->what);
	*identity = ticket->identity;
	return true;
}
