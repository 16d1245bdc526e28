/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#define SSE_ID_BYTES "0123456789abcdef."

/* Server-sent events (WHATWG HTML, 9.2) that are being read, with the latest event. */
struct sse {
	char name[64]; /* "": the event has none */
	char id[64];   /* of this event, or of an earlier one */
	char last_id[64];
	char *data; /* of one line, without a 0 behind it */
	size_t data_size;
	char *line;
	size_t used;
	/* Shows an event with data, which stays until it returns. */
	void (*show)(void *context, const struct sse *sse);
	void *context;
};

/* Sets `line` and `data`; ends the program if there is no memory. */
void sse_open(struct sse *sse);
void sse_close(struct sse *sse);
/* Forgets what came of an event when a stream ended in the middle of it. */
void sse_restart(struct sse *sse);
/* Takes bytes of a stream; ends the program at an event that is longer than any may be. */
void sse_take(struct sse *sse, const char *bytes, size_t count);
