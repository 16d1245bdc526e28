/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The state of a machine channel, its requests and its output, as the files of this folder share
 * it, and the functions that they call in each other.
 */
#include "vmm/manager/channel/channel_output.h"
#include "vmm/manager/channel/channel_port.h"
#include "vmm/manager/channel/channel_samples.h"
#include "vmm/manager/channel/channel_stream.h"
#include "vmm/manager/channel/channel_vsock.h"
#include "vmm/manager/channel/request.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/process/vm_user_data_types.h"

/* the most requests with "order":"any" under way, besides the request that is answered in order */
#define CHANNEL_REQUESTS 8u
/* the most bytes of a waiting command's answer that a slot parks */
#define CHANNEL_HELD_BYTES  4096u
#define CHANNEL_ID_BYTES    64u /* the most bytes of the id of a request with "order":"any" */
#define CHANNEL_ACTOR_BYTES 128u

/*
 * The functions by which a channel exchanges bytes with its client. Both return the number of bytes
 * moved, and never wait.
 */
struct channel_transport {
	u32 (*send)(void *context, const u8 *bytes, u32 count);
	/* Receives one byte; *lost is the total of bytes lost before this byte. */
	u32 (*receive)(void *context, u8 *byte, u64 *lost);
	void *context;
};

/*
 * A request under way. While its command waits, its answer so far is parked in `held`, so that
 * other lines can be sent. A request whose answer is too long for that keeps the output line until
 * the answer's end.
 */
struct channel_slot {
	struct machine_channel *channel;
	bool open;
	bool failed;
	bool streamed; /* part of the answer may have been sent to the client */
	u32 items;
	/*
	 * the answer's first byte, as a count of the output's bytes, while the slot holds the
	 * output line
	 */
	u32 start;
	struct text id;
	char id_bytes[CHANNEL_ID_BYTES];
	char actor[CHANNEL_ACTOR_BYTES]; /* the asker's name for the audit log */
	struct requester requester;
	struct reply reply;
	u32 held_bytes;
	char held[CHANNEL_HELD_BYTES];
};

struct machine_channel {
	const char *name; /* name of the channel's configuration section */
	bool is_open;
	bool greeted; /* the client has sent a hello of version 2 */
	u32 rights;
	/* the login of the client; a locked channel runs no command and sends nothing unasked */
	struct login login;
	struct channel_transport transport;
	struct channel_port on; /* the VM and port, if the channel is on a port */
	/* the channel's name in audit lines, if the channel is on a port */
	char actor[CONFIG_NAME_BYTES + 16];
	struct channel_output output;

	/* The line being received. */
	struct {
		char bytes[REQUEST_BYTES];
		u32 length;
		/* the line holds a whole request, which waits for the requests before it */
		bool whole;
		/* the rest of the line is skipped, as an error has answered the line already */
		bool ignored;
		u64 lost; /* bytes of input lost, as the client was last told */
	} input;

	/* the `data` of the request that is being run; NULL: it has none */
	struct {
		const u8 *bytes;
		u64 count;
	} piece;
	/* the text that the client has handed over for its next `vm create` */
	struct vm_user_data user_data;

	char id_bytes[REQUEST_BYTES]; /* id of the request that is answered in order */
	struct channel_slot slot[1 + CHANNEL_REQUESTS]; /* slot 0 is for requests in order */
	/* the slot that holds the output line, with its answer in `output`; NULL: none */
	struct channel_slot *holder;

	u64 event_cursor;

	struct channel_stream_state stream[CHANNEL_STREAMS];
	u32 last_stream; /* number of the stream or socket opened last */
	u32 next_stream; /* index of the stream or socket that sends first in the next turn */
	struct channel_vsock vsock;

	struct channel_samples samples;
	u64 heartbeat_tsc; /* TSC cycles between two heartbeats; 0: no heartbeats */
	u64 next_beat_tsc;
};

/* Prepares a channel, which must be zeroed, with the rights of its configuration section. */
void channel_init(struct machine_channel *channel, const struct channel_config *config);
/* Removes every trace of the client, so that the next client finds none. */
void channel_forget_client(struct machine_channel *channel);
/*
 * Ends all requests, streams and sockets that the client has begun, except one request (NULL:
 * none).
 */
void channel_end_all(struct machine_channel *channel, const struct channel_slot *but);
/*
 * Returns the channel of that number, from 0 on, among the channels on ports of VMs; NULL behind
 * the last.
 */
struct machine_channel *channel_on_port(u32 number);
/* Returns a channel by its number, from 0 on, or NULL behind the last. */
struct machine_channel *channel_at(u32 number);

/* Returns whether a line that answers no command, such as an event, could be sent without delay. */
bool channel_takes_line(const struct machine_channel *channel);
/* Sends a line that answers no request; the text ends with its newline. */
void channel_line(struct machine_channel *channel, struct text line);
/* Formats and sends a line of at most 127 bytes. */
void channel_print(struct machine_channel *channel, const char *pattern, ...) PRINTF_LIKE(2, 3);

/* --- channel_answer.c: requests under way and their answers --- */

/* Begins a request in a slot, which holds the channel's output line from then on. */
void channel_answer_begin(struct channel_slot *slot, const struct request *request);
/* Copies the request's id into the channel: the input line that holds it is about to be reused. */
void channel_answer_keep_id(struct channel_slot *slot);
void channel_answer_end(struct channel_slot *slot);
/* Replaces the answer so far by an error; `position` may be NULL. */
void channel_answer_error(struct channel_slot *slot, enum reply_code code, struct text problem,
			  const u32 *position);
/* Lets all requests but one (NULL: none) continue without an asker; their answers are dropped. */
void channel_answers_abandon(struct machine_channel *channel, const struct channel_slot *but);
/*
 * Moves an incomplete answer out of the output into its slot, if it is small enough, so that other
 * lines can be sent.
 */
void channel_answer_park(struct channel_slot *slot);
/* Resumes all waiting requests; returns whether one has ended. */
bool channel_answers_step(struct machine_channel *channel);
u64 channel_answers_deadline(const struct machine_channel *channel);

/* --- channel_input.c: lines that come in --- */

/*
 * Takes bytes of input; returns whether a line was run, so that the rest of the event loop gets its
 * turn.
 */
bool channel_input_step(struct machine_channel *channel);

/* --- channel_hello.c --- */

void channel_hello(struct channel_slot *slot, const struct request *request);

/* --- channel_events.c --- */

bool channel_events_step(struct machine_channel *channel);
/* Writes the fields of an event; a sequence of 0 selects the form of version 1. */
void channel_event_fields(struct json *json, const struct vm_event_record *record, u64 sequence);

/* --- channel_heartbeat.c --- */

/* Sets the period of the channel's heartbeats; 0 ends them. */
void channel_heartbeat_set(struct machine_channel *channel, u64 period_s);
void channel_heartbeat_step(struct machine_channel *channel);
u64 channel_heartbeat_deadline(const struct machine_channel *channel);
