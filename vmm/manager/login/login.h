/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/login/password.h"

/*
 * Who may give commands. Each way in (the console, the machine channel) is a door; with a password
 * in the configuration it is shut until somebody gives it. From the third wrong one in a row on,
 * the next try has to wait, twice as long each time.
 */
#define LOGIN_FREE_FAILURES 3u
#define LOGIN_DELAY_MAX_S   64u

struct login {
	const char *name; /* for the log */
	bool open;
	bool checking;
	u32 failures;  /* in a row */
	u64 again_tsc; /* nothing is checked before */
	struct password_work work;
	bool never; /* what is being checked cannot be right */
};

enum login_state { LOGIN_CHECKING, LOGIN_WRONG, LOGIN_RIGHT };

/*
 * Sets the password that opens the doors; `hash` stays the caller's. One without iterations opens
 * none: a password is required but could not be read. NULL: they stay open.
 */
void login_require(const struct password_hash *hash);
/* Whether a password is required, and whether there is one that opens. */
bool login_required(void);
bool login_possible(void);

/* Shuts a door; without a password it stays open. */
void login_lock(struct login *login);

/* How long until the next attempt; 0: now. */
u64 login_wait_ns(const struct login *login);
/* Begins to check what was given; not before login_wait_ns is 0. */
void login_try(struct login *login, struct text password);
/* Does a part of the work; either outcome is written to the log. */
enum login_state login_step(struct login *login);
