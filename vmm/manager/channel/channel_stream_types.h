/* SPDX-License-Identifier: MIT */
#pragma once

/* The state of a machine channel's open streams, and the limits of streams. */
#include "vmm/rt/channel.h"
#include "vmm/rt/transfer.h"

struct transfer;

#define CHANNEL_STREAMS 16u /* the most open streams of one channel */
/* the most output credit, in bytes, that a client may have left */
#define CHANNEL_CREDIT_BYTES 65536u
/* the most bytes of a stream's input on their way to the guest */
#define CHANNEL_INPUT_BYTES 4096u
/* output bytes in a line, so that the line is shorter than 4 KiB */
#define CHANNEL_PIECE_BYTES 2976u

/*
 * A stream: a guest's output to a client that gives credit for it, and the client's input. Or a
 * transfer, which uses only `credit` and `allowed` of the fields below.
 */
struct channel_stream_state {
	/* the stream's number, never used again on the channel; 0: this entry is free */
	u32 number;
	bool writes;
	/* why the stream was closed, while the client is still to be told */
	const char *closed;
	char error[TRANSFER_TEXT_BYTES]; /* the error in words; "": there is no error */
	/* the transfer that the stream carries; NULL: the stream is a guest's console or port */
	struct transfer *transfer;
	u32 vm_id;
	u32 port;
	char port_name[CHANNEL_NAME_BYTES]; /* "": the console */

	u64 at;	    /* number of the next output byte to send, from the VM's start */
	u64 lost;   /* output bytes lost before the next byte, still to be reported to the client */
	u64 credit; /* output bytes that the client still accepts */

	/* allowed + waiting + returned <= CHANNEL_INPUT_BYTES */
	u32 allowed; /* input bytes that the client may send */
	u32 waiting; /* input bytes that the client has sent and the guest has not taken */
	/* input bytes that the guest has taken and that are to be given to the client as credit */
	u32 returned;
	u8 input[CHANNEL_INPUT_BYTES];
};
