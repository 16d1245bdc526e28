/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The link to Skerry: JSON lines over a Unix or TCP socket or a tty. It is opened again a second
 * after it was lost. The functions of `struct link_client` are called when its state changes, and
 * with the lines that are no replies.
 */
enum {
	LINK_LINE_BYTES = 1 << 21, /* the longest line that is read: 4096 volumes in a list */
	LINK_REQUEST_BYTES = 8192, /* the longest request that Skerry takes */
	LINK_UNDER_WAY = 8,
	LINK_WAITING = 512,
	LINK_OUTPUT_BYTES = 1 << 20,
};

struct link_client {
	void (*opened)(void);
	/* is called when the link is lost, after every request was answered with NULL */
	void (*lost)(void);
	void (*line)(json_t *line); /* takes a line that is no reply; the line is borrowed */
};

/*
 * Handles Skerry's reply to a request; the reply is borrowed. NULL means that the link was lost,
 * and that it is unknown whether the request was carried out.
 */
typedef void link_reply(uint64_t context, json_t *reply);

struct link_counters {
	uint64_t received_bytes, sent_bytes, garbage_lines, connections;
};
extern struct link_counters link_counters;

/*
 * Sets where Skerry is: "unix:PATH", "tcp:HOST:PORT", "tty:PATH[,BAUD]" or a path. Returns false
 * after a sentence on stderr. The link counts as lost when nothing comes for `silence_ms` while a
 * request is unanswered.
 */
bool link_setup(const char *where, const struct link_client *client, int64_t silence_ms);

/*
 * Sends {"id":N, ...request} in its turn: at most LINK_UNDER_WAY requests are unanswered at a time.
 * Takes over the reference to `request`. Returns false, and does not call `reply`, if the link is
 * down, too many requests wait, or the request is too long.
 */
bool link_ask(json_t *request, link_reply *reply, uint64_t context);

/* Returns whether link_ask() takes `count` requests more now, if none is too long. */
bool link_has_room(unsigned count);

/*
 * Makes a request of a command, such as "audit anchor", and of its arguments, a list that NULL
 * ends. `arguments` and `actor` may be NULL.
 */
json_t *link_command(const char *command, const char *const *arguments, const char *actor);

/*
 * Sends a line that gets no reply (credit, or input of a stream). Takes over the reference. Returns
 * false if the link is down or its output buffer is full.
 */
bool link_tell(json_t *line);

/* Sends a line as link_tell() does, given as JSON text, without a newline. */
bool link_tell_text(const char *text, size_t count);

/*
 * Decodes the data of a stream's line, which are base64. Returns how many bytes they are, or -1
 * when they are no base64 or more than `room` bytes.
 */
long link_data(const json_t *data, uint8_t *bytes, size_t room);

/* Closes the link as if the other end had closed it; the link is opened again later. */
void link_drop(const char *why);
bool link_is_open(void);

/*
 * For the main loop: link_wait() returns the descriptor and events to poll, link_ready() handles
 * them, and link_tick() reconnects and closes a link that was silent for too long. `now_ms` is
 * CLOCK_MONOTONIC.
 */
struct pollfd link_wait(void);
void link_ready(short events, int64_t now_ms);
void link_tick(int64_t now_ms);
