/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/channel/channel_output.h"
#include "vmm/manager/channel/channel_port.h"
#include "vmm/manager/channel/channel_samples.h"
#include "vmm/manager/channel/channel_stream.h"
#include "vmm/manager/channel/request.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/log/vm_events.h"

#define CHANNEL_REQUESTS    8u	  /* under way besides those that are answered in order */
#define CHANNEL_HELD_BYTES  4096u /* of an answer that is not whole yet */
#define CHANNEL_ID_BYTES    64u	  /* of the id of a request with "order":"any" */
#define CHANNEL_ACTOR_BYTES 128u

/* How bytes get to the client and back; both return how many were moved and never wait. */
struct channel_transport {
	u32 (*send)(void *context, const u8 *bytes, u32 count);
	/* One byte; *lost is how many before it were lost in all. */
	u32 (*receive)(void *context, u8 *byte, u64 *lost);
	void *context;
};

/*
 * A request under way. While its command waits, what it has answered so far lies in `held`, so that
 * other lines can be sent; one of which that holds no more keeps the line until it is done.
 */
struct channel_slot {
	struct machine_channel *channel;
	bool open;
	bool failed;
	bool streamed; /* a part of the answer may have been sent */
	u32 items;
	u32 start; /* of the answer in the output, while the slot has the line */
	struct text id;
	char id_bytes[CHANNEL_ID_BYTES];
	char actor[CHANNEL_ACTOR_BYTES]; /* who asks, for the log of who did what */
	struct requester requester;
	struct reply reply;
	u32 held_bytes;
	char held[CHANNEL_HELD_BYTES];
};

struct machine_channel {
	const char *name; /* of its section */
	bool is_open;
	bool greeted; /* by a hello of version 2 */
	u32 rights;
	struct login login; /* the door: shut, it answers no command and sends nothing by itself */
	struct channel_transport transport;
	struct channel_port on; /* of channels on ports */
	char actor[CONFIG_NAME_BYTES + 16]; /* likewise: its name for the log */
	struct channel_output output;

	/* The line being received. */
	struct {
		char bytes[REQUEST_BYTES];
		u32 length;
		bool whole;   /* it waits for the requests before it */
		bool ignored; /* up to its end: it was answered already */
		u64 lost;     /* bytes of input, as last reported */
	} input;

	char id_bytes[REQUEST_BYTES]; /* of the request that is answered in order */
	struct channel_slot slot[1 + CHANNEL_REQUESTS]; /* the first: those in order */
	struct channel_slot *holder; /* of the line: a part of its answer is in the output */

	u64 event_cursor;

	struct channel_stream_state stream[CHANNEL_STREAMS];
	u32 last_stream; /* number */
	u32 next_stream; /* place of the one whose turn it is */

	struct channel_samples samples;
	u64 heartbeat_tsc; /* 0: none */
	u64 next_beat_tsc;
};

/* A new one, all zero before: its rights are those of its section. */
void channel_init(struct machine_channel *channel, const struct channel_config *config);
/* Whoever comes next at the other end finds nothing of who was there. */
void channel_forget_client(struct machine_channel *channel);
/* Ends whatever its client has begun, but for one request (NULL: none). */
void channel_end_all(struct machine_channel *channel, const struct channel_slot *but);
/* Those on ports. */
struct machine_channel *channel_on_port(u32 number);
/* The channels, from 0 on; NULL behind the last. */
struct machine_channel *channel_at(u32 number);

/* Whether a line that nobody asked for would be sent soon. */
bool channel_takes_line(const struct machine_channel *channel);
/* Sends one, with its newline. */
void channel_line(struct machine_channel *channel, struct text line);
/* The same of at most 127 bytes. */
void channel_print(struct machine_channel *channel, const char *pattern, ...) PRINTF_LIKE(2, 3);

/* --- channel_answer.c: requests under way and their answers --- */

/* Makes a slot that of a request, which has the line now. */
void channel_answer_begin(struct channel_slot *slot, const struct request *request);
/* Its id stays: the line it came in is about to go. */
void channel_answer_keep_id(struct channel_slot *slot);
void channel_answer_end(struct channel_slot *slot);
/* A mistake, of which `position` may be NULL, in place of what was answered so far. */
void channel_answer_error(struct channel_slot *slot, enum reply_code code, struct text problem,
			  const u32 *position);
/* What is under way, `but` one (NULL: none), goes on, and is answered to nobody. */
void channel_answers_abandon(struct machine_channel *channel, const struct channel_slot *but);
/* Puts a begun answer aside, if it is small enough. */
void channel_answer_park(struct channel_slot *slot);
/* Goes on with all that wait; true when one has ended. */
bool channel_answers_step(struct machine_channel *channel);
u64 channel_answers_deadline(const struct machine_channel *channel);

/* --- channel_input.c: lines that come in --- */

/* True when a line was taken, so that the rest of the loop gets its turn. */
bool channel_input_step(struct machine_channel *channel);

/* --- channel_hello.c --- */

void channel_hello(struct channel_slot *slot, const struct request *request);

/* --- channel_events.c --- */

bool channel_events_step(struct machine_channel *channel);
/* What a line says about an event; sequence 0: as in version 1. */
void channel_event_fields(struct json *json, const struct vm_event_record *record, u64 sequence);

/* --- channel_heartbeat.c --- */

/* 0: none. */
void channel_heartbeat_set(struct machine_channel *channel, u64 period_s);
void channel_heartbeat_step(struct machine_channel *channel);
u64 channel_heartbeat_deadline(const struct machine_channel *channel);
