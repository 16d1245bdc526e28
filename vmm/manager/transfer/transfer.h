/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A transfer of bytes between a process of the manager's and the client of a machine channel, such
 * as a save or a volume's content.
 */
#include "kernel/abi/start.h"
#include "vmm/rt/transfer.h"

struct machine_channel;
struct process_build;
struct channel_stream_state;

/* A transfer breaks after this time without progress of the client or of the process. */
#define TRANSFER_IDLE_NS (30 * NS_PER_S)
/*
 * The most bytes on their way from the client to the process; in base 64 they fit into the buffer
 * of a port's output, as the client may be behind a VM's port.
 */
#define TRANSFER_CREDIT_BYTES 24576u

enum transfer_state {
	TRANSFER_CLOSED, /* there is no transfer */
	TRANSFER_RUNS,
	TRANSFER_CONFIRMED, /* an outward transfer: the client has confirmed all bytes */
	/* the transfer has failed: `problem` says why, and its owner has to close it */
	TRANSFER_BROKEN,
};

/*
 * The manager's side of a transfer (vmm/rt/transfer.h): a stream of a machine channel, whose client
 * stores or delivers the bytes (its "store"). Its owner opens it, gives it to a process, looks at
 * `state`, and closes it in any case; the machine channel's step does all else, a piece at a time.
 * The ring never has more than TRANSFER_RING_BYTES, even if a side misbehaves.
 */
struct transfer {
	enum transfer_state state;
	/* the bytes go from the client to the process, not outward */
	bool inward;
	struct channel_stream_state *stream; /* the stream of the channel; NULL: it is gone */
	u32 number;			     /* number of the stream, also after its end */
	struct transfer_ring *ring;
	handle_t memory; /* memory of the ring, the manager's own */
	handle_t bell;	 /* event that the process waits for; HANDLE_NONE: none */
	/*
	 * the manager's index: number of bytes that it has taken from the ring (outward) or put
	 * into it (inward)
	 */
	u64 at;
	u64 process_at; /* the process's index, as last read and checked */
	u32 works;	/* ring->process_works, the process's sign that it is busy, as last read */
	/* the transfer has no byte after `at` (inward) or `process_at` (outward) */
	bool ended;
	bool end_told; /* outward: the client knows the end and may confirm */
	u64 until_tsc;
	char problem[TRANSFER_TEXT_BYTES];
};

/* Opens a transfer. Returns false, with the reason in `problem`, if that is not possible. */
bool transfer_open(struct transfer *transfer, struct machine_channel *channel, bool inward,
		   char *problem, size_t size);
/* Maps the ring for a process, as an entry of the start page with that kind and name. */
void transfer_give(const struct transfer *transfer, struct process_build *build,
		   enum start_kind kind, const char *name);
/* Breaks the transfer: the process is told now, and the client when the transfer is closed. */
void transfer_break(struct transfer *transfer, const char *problem);
/*
 * Closes the transfer; may be called again. The client gets `done`, or `failed` and the reason. The
 * process gets no message: its mapping stays.
 */
void transfer_close(struct transfer *transfer, const char *problem);
/* Closes a transfer that neither the client nor the process knows of. */
void transfer_forget(struct transfer *transfer);

/* --- for the side that carries the bytes --- */

/*
 * The functions that open a stream of a channel (NULL if it has too many), and end a stream of
 * which the client was not told.
 */
struct transfer_carrier {
	struct channel_stream_state *(*open)(struct machine_channel *channel);
	void (*end)(struct channel_stream_state *stream);
};
void transfer_carried_by(const struct transfer_carrier *carrier);

/* Notes progress of the transfer: its time limit starts again. */
void transfer_touch(struct transfer *transfer);
/* Wakes the process to look at the ring. */
void transfer_ring_bell(const struct transfer *transfer);
void transfer_break_off(struct transfer *transfer, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* Notes that the client of an outward transfer has confirmed all bytes. */
void transfer_confirm(struct transfer *transfer);
/* Notes that the client is gone. */
void transfer_lose(struct transfer *transfer);
