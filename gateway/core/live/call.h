/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Calls: attempts to connect to a guest, which need not answer. Skerry gives up after 5 s, and
 * until then the call occupies one of the link's requests. Runs and templates together may occupy
 * three. Commands in sandboxes have two others, of which each owner has one at a time: whoever is
 * in a sandbox may have its guest answer nobody.
 */
enum call_kind {
	CALL_FIRST,    /* the first call of a run, for which one of the three places is reserved */
	CALL_AGAIN,    /* another call of a run whose guest was not ready */
	CALL_TEMPLATE, /* a call of a template whose guest is still starting */
	CALL_INSIDE,   /* a call of a command in a sandbox */
	CALL_KINDS,
};

/*
 * Returns whether a call may begin now; if not, the caller has to wait. After each call that was
 * begun, call_end() follows its reply.
 */
bool call_begin(enum call_kind kind);
void call_end(enum call_kind kind);
