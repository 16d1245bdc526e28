/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/identity/identity.h"

/* Logins: in memory only, SESSION_S. `prefix` is "" of a cookie's secret, else SESSION_PREFIX. */
#define SESSION_PREFIX "sks_"
enum { SESSION_S = 12 * 3600 };
bool session_make(const struct identity *identity, const char *prefix, char *text);
bool session_identify(const char *text, struct identity *identity);
void session_end(const char *text);

/*
 * One-use tickets for WebSockets, 30 s: each for GET of one path of the table, and of one VM where
 * the path has one. `what`: "stream", "read", "write".
 */
bool ticket_make(const struct identity *identity, const char *path, const char *vm,
		 const char *what, char *text);
bool ticket_use(const char *text, const char *path, const char *vm, char *what,
		struct identity *identity);
