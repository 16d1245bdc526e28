/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "vmm/rt/transfer.h"

struct machine_channel;
struct process_build;
struct channel_stream_state;

/* The client gives no credit, sends nothing, or does not confirm; or the process does nothing. */
#define TRANSFER_IDLE_NS (30 * NS_PER_S)
/* Inward: what may be under way. In base 64 it fits into what is kept of a port's output. */
#define TRANSFER_CREDIT_BYTES 24576u

enum transfer_state {
	TRANSFER_CLOSED, /* there is none */
	TRANSFER_RUNS,
	TRANSFER_CONFIRMED, /* outward: the client has said that it has all of it */
	TRANSFER_BROKEN,    /* `problem` says why; its owner is to close it */
};

/*
 * The manager's side of a transfer (vmm/rt/transfer.h): a stream of a machine channel, whose
 * client is the store. Its owner opens it, gives it to a process, looks at `state`, and closes it,
 * whatever happens; all else is done with the channel's work, a piece at a time. Bytes that are in
 * the ring are never more than TRANSFER_RING_BYTES, whoever misbehaves.
 */
struct transfer {
	enum transfer_state state;
	bool inward;			     /* from the client to the process */
	struct channel_stream_state *stream; /* NULL: it is gone */
	u32 number;			     /* of the stream, also once that is gone */
	struct transfer_ring *ring;
	handle_t memory; /* of the ring, the manager's own */
	handle_t bell;	 /* event that the process waits for; HANDLE_NONE: it looks by itself */
	u64 at;		 /* bytes taken from the ring, or put into it */
	u64 process_at;	 /* as last read, and found good */
	u32 works;	 /* likewise, of ring->process_works */
	bool ended;	 /* nothing comes behind `at` (inward) or `process_at` (outward) */
	bool end_told;	 /* outward, to the client: it may confirm */
	u64 until_tsc;
	char problem[TRANSFER_TEXT_BYTES];
};

/* False: `problem` says why not. */
bool transfer_open(struct transfer *transfer, struct machine_channel *channel, bool inward,
		   char *problem, size_t size);
/* Maps the ring for a process, as the entry of that kind and name. */
void transfer_give(const struct transfer *transfer, struct process_build *build,
		   enum start_kind kind, const char *name);
/* It goes no further; the process is told, and the client when it is closed. */
void transfer_break(struct transfer *transfer, const char *problem);
/*
 * The end of it, once or again: the client is told `done`, or `failed` and why. The process is not
 * told any more: what it has mapped stays as it is.
 */
void transfer_close(struct transfer *transfer, const char *problem);
/* The end of one that nobody was told of. */
void transfer_forget(struct transfer *transfer);

/* --- for who carries it --- */

/* A stream of a channel, NULL if it has too many; and the end of one that nobody was told of. */
struct transfer_carrier {
	struct channel_stream_state *(*open)(struct machine_channel *channel);
	void (*end)(struct channel_stream_state *stream);
};
void transfer_carried_by(const struct transfer_carrier *carrier);

/* It has moved on. */
void transfer_touch(struct transfer *transfer);
/* The process is to look at the ring. */
void transfer_ring_bell(const struct transfer *transfer);
void transfer_break_off(struct transfer *transfer, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* Outward: the client has all of it. */
void transfer_confirm(struct transfer *transfer);
/* Its client is gone. */
void transfer_lose(struct transfer *transfer);
