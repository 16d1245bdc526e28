/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Calls of guests that need not answer: Skerry says so after 5 s, and each holds one of the link's
 * requests until then. Runs and templates share three of them.
 */
enum call_kind {
	CALL_FIRST,    /* the first of a run: one place is kept for those */
	CALL_AGAIN,    /* a run whose guest was not ready */
	CALL_TEMPLATE, /* a template on its way to the gate */
	CALL_KINDS,
};

/* Returns false when the caller has to wait; call_end() comes with the reply to each call. */
bool call_begin(enum call_kind kind);
void call_end(enum call_kind kind);
