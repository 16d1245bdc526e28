/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/text/text.h"

#define CHANNEL_OUTPUT_BYTES 131072u
/*
 * A request starts only with room for its whole answer; other lines wait while this much is unsent.
 */
#define CHANNEL_REQUEST_ROOM (CHANNEL_OUTPUT_BYTES / 4 * 3)
#define CHANNEL_LINES_AHEAD  1024u

/* Bytes to be sent. The counters run freely: sent <= ready <= written. */
struct channel_output {
	u8 bytes[CHANNEL_OUTPUT_BYTES];
	u32 written;
	/* index before which all bytes may be sent; the bytes behind it can still be taken back */
	u32 ready;
	u32 sent;
};

u32 channel_output_room(const struct channel_output *output);
/* Adds the text, or nothing of it; returns whether there was room. */
bool channel_output_add(struct channel_output *output, struct text text);
bool channel_output_string(struct channel_output *output, const char *string);
/* Adds the text quoted for JSON; a text too long for one piece is cut. */
bool channel_output_quoted(struct channel_output *output, struct text text);
/* Moves the bytes from `start` on out of the ring. */
void channel_output_cut(struct channel_output *output, u32 start, char *bytes);
/* Hands over ready bytes for as long as the receiver takes them. */
void channel_output_send(struct channel_output *output,
			 u32 (*send)(void *context, const u8 *bytes, u32 count), void *context);
