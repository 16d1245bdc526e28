/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/login/password.h"

/*
 * The right to give commands. Each line on which commands come in (the console, a machine channel,
 * COM3) has a login; if the configuration has a password, it is locked until the password is given.
 * From the third wrong one in a row on, the next try has to wait, twice as long each time.
 */
#define LOGIN_FREE_FAILURES 3u
#define LOGIN_DELAY_MAX_S   64u

struct login {
	/* the name of the line that this login is for, such as the console, for the log */
	const char *name;
	bool open;
	bool checking;
	u32 failures;  /* wrong passwords in a row */
	u64 again_tsc; /* the TSC before which no further password is checked */
	struct password_work work;
	bool never; /* the password being checked cannot be right */
};

enum login_state { LOGIN_CHECKING, LOGIN_WRONG, LOGIN_RIGHT };

/*
 * Sets the password that opens logins; `hash` stays the caller's. A hash without iterations opens
 * none: a password is required but could not be read. NULL: no password is required.
 */
void login_require(const struct password_hash *hash);
/* Return whether a password is required, and whether there is a password that can open a login. */
bool login_required(void);
bool login_possible(void);

/* Locks a login; if no password is required it stays open. */
void login_lock(struct login *login);

/* Returns the time in ns until the next password may be tried, or 0. */
u64 login_wait_ns(const struct login *login);
/* Begins to check a password; may be called only when login_wait_ns is 0. */
void login_try(struct login *login, struct text password);
/* Does a part of the check of a password; the outcome is logged. */
enum login_state login_step(struct login *login);
