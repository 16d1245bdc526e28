/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns whether a credential may be tried now; if not, *retry_s is the wait. Five wrong
 * credentials a minute cost no wait, then the wait doubles up to 64 s, for each user at each
 * address (`user` NULL: for the tokens of an address); for all users at one address thirty are
 * free. A valid token is never made to wait, and clears the wrong tokens alone.
 */
bool login_allowed(const char *address, const char *user, unsigned *retry_s);
/*
 * Writes the address under which a client is counted: for IPv6 its /64, as a client mostly has all
 * of it.
 */
void login_key(const char *address, char *key, size_t room);
/* Returns whether this user has logged in from this address. */
bool login_known(const char *address, const char *user);
void login_failed(const char *address, const char *user);
void login_passed(const char *address, const char *user);
