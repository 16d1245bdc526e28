/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Wrong credentials: five a minute, then doubling up to 64 s, for each user at each address (`user`
 * NULL: for the tokens of an address), and thirty for all users of an address. A token that is
 * right is not asked for here, and takes back wrong tokens alone.
 */
bool login_allowed(const char *address, const char *user, unsigned *retry_s);
/* Writes the address that is counted; a client with one IPv6 address has all of its /64. */
void login_key(const char *address, char *key, size_t room);
/* Returns whether this user has logged in from this address. */
bool login_known(const char *address, const char *user);
void login_failed(const char *address, const char *user);
void login_passed(const char *address, const char *user);
