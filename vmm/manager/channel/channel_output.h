/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/text/text.h"

#define CHANNEL_OUTPUT_BYTES 131072u
/* A request starts when its answer surely fits; other lines wait when so much is unsent. */
#define CHANNEL_REQUEST_ROOM (CHANNEL_OUTPUT_BYTES / 4 * 3)
#define CHANNEL_LINES_AHEAD  1024u

/* What waits to be sent. All free-running: sent <= ready <= written. */
struct channel_output {
	u8 bytes[CHANNEL_OUTPUT_BYTES];
	u32 written;
	u32 ready; /* up to here it may be sent: what follows can still be taken back */
	u32 sent;
};

u32 channel_output_room(const struct channel_output *output);
/* All or nothing. */
bool channel_output_add(struct channel_output *output, struct text text);
bool channel_output_string(struct channel_output *output, const char *string);
/* Quoted for JSON; what is too long for one piece is cut. */
bool channel_output_quoted(struct channel_output *output, struct text text);
/* The last bytes written, copied out and taken back. */
void channel_output_cut(struct channel_output *output, u32 start, char *bytes);
/* Hands over what is ready as long as it is taken. */
void channel_output_send(struct channel_output *output,
			 u32 (*send)(void *context, const u8 *bytes, u32 count), void *context);
