/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#define SSE_ID_BYTES "0123456789abcdef."

/* A reader of server-sent events (WHATWG HTML, 9.2), with the latest event. */
struct sse {
	char name[64]; /* the event's name; "": it has none */
	char id[64];   /* the id of this event, or of the last event before it that had one */
	char last_id[64];
	char *data; /* the data of the event, one line, without a NUL behind it */
	size_t data_size;
	char *line;
	size_t used;
	/* Is called with each event that has data; the data are valid until it returns. */
	void (*show)(void *context, const struct sse *sse);
	void *context;
};

/* Prepares a reader: allocates `line` and `data`; ends the program if there is no memory. */
void sse_open(struct sse *sse);
void sse_close(struct sse *sse);
/* Forgets the part of an event that came before the stream ended. */
void sse_restart(struct sse *sse);
/*
 * Parses the next bytes of a stream and calls `show`; ends the program if an event is longer than
 * allowed.
 */
void sse_take(struct sse *sse, const char *bytes, size_t count);
