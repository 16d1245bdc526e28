/* SPDX-License-Identifier: MIT */
/* Heads of requests, whole and in pieces: what web's gate lets through is read in one way. */
#include <string.h>

#include "gateway/web/gate.c"
#include "gateway/base/head.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Checks, without a state machine, that a head that was let through holds nothing forbidden. */
static void head_check(const char *head, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool line = i && head[i - 1] == '\n';

		if (!head[i] || (head[i] == '\r' && (i + 1 == count || head[i + 1] != '\n')) ||
		    (line && (head[i] == ' ' || head[i] == '\t')))
			__builtin_trap();
	}
}

/*
 * Feeds the bytes at once and in pieces: the same bytes pass, and a request's bytes only when the
 * request before is answered.
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	const char *text = (const char *)bytes;
	struct gate whole, pieces;
	size_t at = 0;

	gate_start(&whole, 1);
	gate_start(&pieces, 1);
	while (at < count) {
		size_t passed = gate_pass(&whole, text + at, count - at, 1), sum = 0, one = 1;

		while (one && at + sum < count)
			sum += one = gate_pass(&pieces, text + at + sum, 1, 1);
		/* A bad head passes byte by byte up to where it is bad. */
		if (whole.bad != pieces.bad || (!whole.bad && passed != sum) || passed > count - at)
			__builtin_trap();
		if (whole.bad || whole.state != GATE_WAIT)
			break;
		head_check(text + at, passed);
		at += passed;
		if (gate_pass(&whole, text + at, count - at, 1))
			__builtin_trap();
		gate_request(&whole, count - at < 5 ? count - at : 5, 1);
		gate_request(&pieces, count - at < 5 ? count - at : 5, 1);
		at += gate_pass(&whole, text + at, count - at, 1);
		while (pieces.state == GATE_BODY)
			gate_pass(&pieces, text, 1, 1);
		gate_answered(&whole, true, 1);
		gate_answered(&pieces, true, 1);
	}
	return 0;
}
