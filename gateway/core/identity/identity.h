/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role {
	ROLE_VIEWER = 1,
	ROLE_OPERATOR = 2,
	ROLE_ADMIN = 4,
	ROLE_AUDITOR = 8,
	ROLE_CONSOLE_READ = 16,
	ROLE_CONSOLE_WRITE = 32,
	ROLE_GUEST = 64,
	ROLE_CONTENT = 128,
};
enum {
	ROLE_NONE = 0, /* as a route's role: no credential is needed */
	ROLE_ANY = 255,
	IDENTITY_NAME_BYTES = 40,
	SCOPE_BYTES = 64,
};

/* An asker, and the asker's roles and scope. */
struct identity {
	char name[IDENTITY_NAME_BYTES];
	unsigned roles; /* the asker's roles, with the roles that they imply */
	/* the VMs that the asker may see: a pattern of their names with * and ? */
	char scope[SCOPE_BYTES];
	int64_t expires; /* when the credential expires, in UTC seconds; 0: never */
	uint64_t token;	 /* the number of the token; 0: the asker has shown no token */
	/* the number of the user who logged in with a password; 0: there was no such login */
	uint64_t account;
	/*
	 * the Unix user id of the peer at the Unix socket, when `token` and `account` are 0, or
	 * `local` says so
	 */
	unsigned user;
	bool local; /* `account` is that of a local user at a Unix socket, who has not logged in */
};

/* Returns false when the credential's token or user was removed, changed or has expired. */
bool identity_alive(const struct identity *identity, int64_t now);

/* Writes the asker's name for the audit, such as "alice via token 7", at most 64 bytes. */
void identity_actor(const struct identity *identity, char *actor, size_t room);

/*
 * Returns which of the roles admin and auditor, for all VMs and without an expiry, would have no
 * holder without this token and account (0: none).
 */
unsigned identity_roles_lost(uint64_t token, uint64_t account);
