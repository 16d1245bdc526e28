/* SPDX-License-Identifier: MIT */
/*
 * Limits how many connections to guests are being made at a time, since a guest may not answer and
 * other requests need room on the link. Runs and templates ask it before each such call (attempt to
 * connect); it keeps only counts.
 */
#include "gateway/core/live/call.h"

#include "gateway/core/common/clock.h"

enum { CALLS = 3, CALLS_INSIDE = 2, CALL_PATIENCE_S = 1 };

static unsigned call_counts[CALL_KINDS];
static double call_refused_s[CALL_KINDS];

bool call_begin(enum call_kind kind)
{
	enum call_kind other = kind == CALL_AGAIN ? CALL_TEMPLATE : CALL_AGAIN;
	unsigned count =
		call_counts[CALL_FIRST] + call_counts[CALL_AGAIN] + call_counts[CALL_TEMPLATE];
	double now_s = clock_now_s();

	if (kind == CALL_INSIDE) {
		if (call_counts[kind] == CALLS_INSIDE)
			return false;
		call_counts[kind]++;
		return true;
	}
	/*
	 * Neither CALL_AGAIN nor CALL_TEMPLATE takes the last place for calls while the other kind
	 * waits for one.
	 */
	if (kind != CALL_FIRST && !call_counts[other] && call_counts[kind] &&
	    now_s - call_refused_s[other] < CALL_PATIENCE_S)
		count++;
	if (kind != CALL_FIRST)
		count++;
	if (count >= CALLS) {
		call_refused_s[kind] = now_s;
		return false;
	}
	call_counts[kind]++;
	return true;
}

void call_end(enum call_kind kind)
{
	call_counts[kind]--;
}
