/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { AGENT_LINE_BYTES = 1 << 20 }; /* the longest answer of a guest's agent that is read */

/* A line of a guest's agent, as its bytes come. The guest chooses these bytes freely. */
struct agent_line {
	char bytes[AGENT_LINE_BYTES];
	size_t count;
	bool ended; /* the line is whole: the next byte begins another one */
	/* the line, or the bytes that are skipped, exceed AGENT_LINE_BYTES: the line ends here */
	bool too_long;
	/*
	 * bytes are skipped up to 0xff, which the agent sends before the answer to
	 * guest-sync-delimited
	 */
	bool skips;
};

/* Adds a byte to the line. Returns whether the line is whole. */
bool agent_line_take(struct agent_line *line, unsigned char byte);
/* Returns a whole line as JSON, a new reference, or NULL if it is no JSON or too long. */
json_t *agent_line_json(const struct agent_line *line);
