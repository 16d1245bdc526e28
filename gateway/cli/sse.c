/* SPDX-License-Identifier: MIT */
/*
 * Reads server-sent events (WHATWG HTML, 9.2). events.c and run_follow.c give it the bytes of a
 * stream and show the events; it allocates a line and its data, and touches nothing else.
 */
#include "gateway/cli/sse.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"

#define SSE_LINE_LIMIT 262144 /* a snapshot of many VMs is one line */

void sse_open(struct sse *sse)
{
	sse->line = malloc(SSE_LINE_LIMIT);
	sse->data = malloc(SSE_LINE_LIMIT);
	if (sse->line == NULL || sse->data == NULL)
		cli_die(CLI_FAILED, "no memory");
}

void sse_close(struct sse *sse)
{
	free(sse->line);
	free(sse->data);
}

void sse_restart(struct sse *sse)
{
	sse->used = 0;
	sse->data_size = 0;
}

static void sse_keep(char *to, size_t size, const char *value)
{
	size_t length = strlen(value);

	if (length < size)
		memcpy(to, value, length + 1);
}

static void sse_end_event(struct sse *sse)
{
	if (sse->data_size > 0)
		sse->show(sse->context, sse);
	if (sse->id[0])
		string_copy(sse->last_id, sizeof(sse->last_id), sse->id);
	sse->data_size = 0;
	sse->name[0] = 0;
}

static void sse_take_line(struct sse *sse)
{
	char *line = sse->line;
	char *value;

	if (sse->used > 0 && line[sse->used - 1] == '\r')
		sse->used--;
	line[sse->used] = 0;
	if (sse->used == 0) {
		sse_end_event(sse);
		return;
	}
	value = strchr(line, ':');
	if (value == line)
		return;
	if (value != NULL) {
		*value++ = 0;
		value += *value == ' ';
	} else {
		value = line + sse->used;
	}
	/* An id, BOOT.NUMBER, is used only if its bytes are safe in a header and on a terminal. */
	if (strcmp(line, "id") == 0 && strspn(value, SSE_ID_BYTES) == strlen(value)) {
		sse_keep(sse->id, sizeof(sse->id), value);
	} else if (strcmp(line, "event") == 0) {
		sse_keep(sse->name, sizeof(sse->name), value);
	} else if (strcmp(line, "data") == 0) {
		sse->data_size = strlen(value);
		memcpy(sse->data, value, sse->data_size);
	}
}

void sse_take(struct sse *sse, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n') {
			sse_take_line(sse);
			sse->used = 0;
		} else if (sse->used + 1 < SSE_LINE_LIMIT) {
			sse->line[sse->used++] = bytes[i];
		} else {
			cli_die(CLI_FAILED, "an event is longer than %d bytes", SSE_LINE_LIMIT);
		}
	}
}
