/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/transfer.h"

struct machine_channel;
struct request;
struct transfer;
struct vm;

#define CHANNEL_STREAMS	     16u    /* open streams of one channel */
#define CHANNEL_CREDIT_BYTES 65536u /* most credit of a client that is not used up */
#define CHANNEL_INPUT_BYTES  4096u  /* most bytes of input on their way to the guest */
#define CHANNEL_PIECE_BYTES  2976u  /* output bytes in a line, which is shorter than 4 KiB then */

/*
 * A stream: a guest's output to a client that gives credit for it, and the client's input. Or a
 * transfer, which uses only `credit` and `allowed` of the fields below.
 */
struct channel_stream_state {
	u32 number; /* never reused on the channel; 0: this slot is free */
	bool writes;
	const char *closed;		 /* why it was closed; the client is still to be told */
	char error[TRANSFER_TEXT_BYTES]; /* the same in words; "": none */
	struct transfer *transfer;	 /* NULL: the stream is a guest's console or port */
	u32 vm_id;
	u32 port;
	char port_name[CONFIG_NAME_BYTES]; /* "": the console */

	u64 at;	    /* number of the next byte to send */
	u64 lost;   /* bytes lost before it, still to be reported */
	u64 credit; /* bytes that the client accepts */

	/* allowed + waiting + returned <= CHANNEL_INPUT_BYTES */
	u32 allowed;  /* bytes that the client may send */
	u32 waiting;  /* bytes that the guest has not taken */
	u32 returned; /* bytes that the guest has taken: to be given to the client as credit */
	u8 input[CHANNEL_INPUT_BYTES];
};

/* Opens a stream. Returns NULL if there are too many. */
struct channel_stream_state *channel_stream_new(struct machine_channel *channel);
/* Returns the stream, on any channel, that writes to the VM's port, or NULL. */
struct channel_stream_state *channel_stream_writer(const struct vm *vm, u32 port);
struct channel_stream_state *channel_stream_find(struct machine_channel *channel, u64 number);

/*
 * Send a line for an open stream: credit for the client, or a piece for which the client gave
 * credit.
 */
void channel_stream_grant(struct machine_channel *channel, struct channel_stream_state *stream,
			  u32 bytes);
void channel_stream_send(struct machine_channel *channel, struct channel_stream_state *stream,
			 u64 at, const u8 *bytes, u32 count);

/* Closes the stream without telling the client. */
void channel_stream_end(struct channel_stream_state *stream);

/*
 * Takes a line of credit, data, an end or a refusal. A line for no open stream is ignored: the
 * stream may just have been closed.
 */
void channel_stream_take(struct machine_channel *channel, const struct request *request);
/* Sends what there is; returns whether a line was sent. */
bool channel_streams_step(struct machine_channel *channel);
/* Returns the TSC by which channel_streams_step has to be called. */
u64 channel_streams_deadline(const struct machine_channel *channel);
/* Closes all streams, so that the next client has none of them. */
void channel_streams_drop(struct machine_channel *channel);
