/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The line to Skerry: JSON lines over a Unix or TCP socket or a tty. It is opened again a second
 * after it was lost. What it says goes to the functions of `struct link_client`.
 */
enum {
	LINK_LINE_BYTES = 1 << 21, /* the longest line that is read: 4096 volumes in a list */
	LINK_REQUEST_BYTES = 8192, /* the longest that Skerry takes */
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
 * Gets the reply, which is borrowed; NULL means that the link was lost, and whether it was done is
 * not known.
 */
typedef void link_reply(uint64_t context, json_t *reply);

struct link_counters {
	uint64_t received_bytes, sent_bytes, garbage_lines, connections;
};
extern struct link_counters link_counters;

/*
 * "unix:PATH", "tcp:HOST:PORT", "tty:PATH[,BAUD]" or a path; false: a sentence is on stderr.
 * Without an answer for `silence_ms` it counts as lost.
 */
bool link_setup(const char *where, const struct link_client *client, int64_t silence_ms);

/*
 * Sends {"id":N, ...request}, in its turn: at most LINK_UNDER_WAY at a time. Takes the reference.
 * False: the link is down, too much waits, or the request is too long; `reply` is not called.
 */
bool link_ask(json_t *request, link_reply *reply, uint64_t context);

/* A request of words: the first two are the command if `words` begins with a group as in "vm". */
json_t *link_command(const char *command, const char *const *arguments, const char *actor);

/* Sends a line without an answer (credit, input of a stream). Takes the reference. */
bool link_tell(json_t *line);

/* Does the same with a line that is JSON already, without its end. */
bool link_tell_text(const char *text, size_t count);

/*
 * Reads the data of a stream's line, which are base64. Returns how many bytes they are, or -1 when
 * they are none or more than `room`.
 */
long link_data(const json_t *data, uint8_t *bytes, size_t room);

/* Closes the link as if the other end had closed it; the link is opened again. */
void link_drop(const char *why);
bool link_is_open(void);

/*
 * For the loop: link_wait says what to wait for, link_turn takes what came. `now_ms` is
 * CLOCK_MONOTONIC.
 */
struct pollfd link_wait(void);
void link_ready(short events, int64_t now_ms);
void link_tick(int64_t now_ms);
