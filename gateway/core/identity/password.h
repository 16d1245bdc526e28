/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Hashes of passwords: yescrypt of libcrypt, which takes milliseconds and 16 MiB each on purpose. A
 * thread computes them, one at a time, so that core does not wait. More than PASSWORD_JOBS at a
 * time, or than PASSWORD_PER_ADDRESS of one address, are refused.
 */
enum {
	PASSWORD_LEAST = 10, /* the fewest bytes that a new password may have */
	PASSWORD_MOST = 200,
	PASSWORD_HASH_BYTES = 128,
	PASSWORD_JOBS = 8,
	PASSWORD_KEPT = 2, /* jobs kept free for clients at addresses that have logged in before */
	PASSWORD_PER_ADDRESS = 2,
};

/*
 * The result of a job: whether the password is right, or the new hash, which is "" if none was
 * made.
 */
struct password_result {
	uint32_t request; /* the id of the request, whose client may have gone since */
	uint64_t account;
	bool right;
	char hash[PASSWORD_HASH_BYTES];
};
typedef void (*password_done)(const struct password_result *result);

/* Returns whether `text` may be the password of a user. */
bool password_valid(const char *text);

/*
 * Begins to compare a password with `hash`; with NULL that takes as long, and the password is never
 * right. The job counts for `address`; if `known`, it may use the last places too. Returns false
 * when too many jobs are under way. `done` is called later, by password_ready().
 */
bool password_check(uint32_t request, uint64_t account, const char *text, const char *hash,
		    const char *address, bool known, password_done done);
bool password_make(uint32_t request, uint64_t account, const char *text, password_done done);

/*
 * Returns the descriptor that core polls, or -1 when no job is under way; password_ready() is
 * called when it is readable.
 */
int password_wait(void);
void password_ready(void);
