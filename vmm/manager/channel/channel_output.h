/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/text/text.h"

#define CHANNEL_OUTPUT_BYTES 131072u
/*
 * The output bytes that a request needs free to start, which is room for its whole answer; lines
 * that answer no request wait while this much is unsent.
 */
#define CHANNEL_REQUEST_ROOM (CHANNEL_OUTPUT_BYTES / 4 * 3)
#define CHANNEL_LINES_AHEAD  1024u

/*
 * The bytes that a channel has to send. The counters of bytes run freely and wrap: sent <= ready <=
 * written.
 */
struct channel_output {
	u8 bytes[CHANNEL_OUTPUT_BYTES];
	u32 written;
	/* index before which all bytes may be sent; the bytes behind it can still be taken back */
	u32 ready;
	u32 sent;
};

u32 channel_output_room(const struct channel_output *output);
/* Adds the text to the output, or nothing of it; returns whether there was room. */
bool channel_output_add(struct channel_output *output, struct text text);
bool channel_output_string(struct channel_output *output, const char *string);
/* Adds the text quoted for JSON; of a text too long for that only the beginning is added. */
bool channel_output_quoted(struct channel_output *output, struct text text);
/* Moves the bytes from `start` on out of the ring to `bytes`. */
void channel_output_cut(struct channel_output *output, u32 start, char *bytes);
/* Hands ready bytes over to the receiver for as long as it takes them. */
void channel_output_send(struct channel_output *output,
			 u32 (*send)(void *context, const u8 *bytes, u32 count), void *context);
