/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/transfer.h"

struct machine_channel;
struct request;
struct transfer;
struct vm;

#define CHANNEL_STREAMS	     16u    /* open on one channel */
#define CHANNEL_CREDIT_BYTES 65536u /* that a client may have given and not used up */
#define CHANNEL_INPUT_BYTES  4096u  /* that a client may send before the guest reads them */
#define CHANNEL_PIECE_BYTES  2976u  /* of output in a line: that has less than 4 KiB then */

/*
 * What a guest prints, to a client that gives credit for it; and what the client types. Or a
 * transfer, which has `credit` and `allowed` alone of what follows.
 */
struct channel_stream_state {
	u32 number; /* never used again on the channel; 0: it is closed */
	bool writes;
	const char *closed; /* why; the client is still to be told */
	char error[TRANSFER_TEXT_BYTES]; /* likewise in words; "": there are none */
	struct transfer *transfer;	 /* NULL: a guest's console or port */
	u32 vm_id;
	u32 port;
	char port_name[CONFIG_NAME_BYTES]; /* "": the console */

	u64 at;	    /* of the next byte to be sent */
	u64 lost;   /* before it, the client is still to be told */
	u64 credit; /* bytes that the client takes */

	/* allowed + waiting + returned <= CHANNEL_INPUT_BYTES */
	u32 allowed;  /* bytes that the client may send */
	u32 waiting;  /* bytes that the guest has not taken */
	u32 returned; /* bytes it has taken, which the client may send again once it is told */
	u8 input[CHANNEL_INPUT_BYTES];
};

/* Opens one; NULL: there are too many. */
struct channel_stream_state *channel_stream_new(struct machine_channel *channel);
/* Who writes to that port of the VM, on whichever channel; NULL: nobody. */
struct channel_stream_state *channel_stream_writer(const struct vm *vm, u32 port);
struct channel_stream_state *channel_stream_find(struct machine_channel *channel, u64 number);

/* For what is open: a line with the client's next credit, or a piece that it has credit for. */
void channel_stream_grant(struct machine_channel *channel, struct channel_stream_state *stream,
			  u32 bytes);
void channel_stream_send(struct machine_channel *channel, struct channel_stream_state *stream,
			 u64 at, const u8 *bytes, u32 count);

/* Nobody is told any more. */
void channel_stream_end(struct channel_stream_state *stream);

/* A line of credit, data, an end or a refusal. What is for no stream is left: that may have been
 * closed meanwhile. */
void channel_stream_take(struct machine_channel *channel, const struct request *request);
/* Sends what there is; true when something was sent. */
bool channel_streams_step(struct machine_channel *channel);
/* The TSC at which channel_streams_step has to be called at the latest. */
u64 channel_streams_deadline(const struct machine_channel *channel);
/* Whoever comes next has none of them. */
void channel_streams_drop(struct machine_channel *channel);
