/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/identity/identity.h"

/*
 * Logins, which are kept in memory only, for SESSION_S. `prefix` is "" for a cookie's secret, else
 * SESSION_PREFIX.
 */
#define SESSION_PREFIX "sks_"
enum { SESSION_S = 12 * 3600 };
bool session_make(const struct identity *identity, const char *prefix, char *text);
bool session_identify(const char *text, struct identity *identity);
void session_end(const char *text);

/*
 * Makes a one-use ticket for a WebSocket, valid for 30 s: for GET of one path of the table, and of
 * one VM where the path has one. `what` is "stream", "read" or "write".
 */
bool ticket_make(const struct identity *identity, const char *path, const char *vm,
		 const char *what, char *text);
bool ticket_use(const char *text, const char *path, const char *vm, char *what,
		struct identity *identity);
