/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Streams of a machine channel: guests' consoles and ports, and transfers, to which the client
 * gives credit and sends input.
 */
#include "vmm/manager/channel/channel_stream_types.h"
#include "vmm/manager/config/config.h"

struct machine_channel;
struct request;
struct vm;

/* Opens a stream on the channel. Returns NULL if the channel has too many. */
struct channel_stream_state *channel_stream_new(struct machine_channel *channel);
/* Returns the stream, on any channel, that writes to the VM's port, or NULL. */
struct channel_stream_state *channel_stream_writer(const struct vm *vm, u32 port);
struct channel_stream_state *channel_stream_find(struct machine_channel *channel, u64 number);

/*
 * Send a line for an open stream: input credit for the client, or a piece of output for which the
 * client gave credit.
 */
void channel_stream_grant(struct machine_channel *channel, struct channel_stream_state *stream,
			  u32 bytes);
void channel_stream_send(struct machine_channel *channel, struct channel_stream_state *stream,
			 u64 at, const u8 *bytes, u32 count);

/*
 * Sends a piece of the output of a guest or a process; the caller takes the piece's length off the
 * client's credit.
 */
void channel_stream_piece(struct machine_channel *channel, u32 number, u64 at, const u8 *bytes,
			  u32 count);

/* Closes the stream without telling the client. */
void channel_stream_end(struct channel_stream_state *stream);

/*
 * Handles a client's line about a stream: credit, data, an end or a refusal. A line for no open
 * stream is ignored: the stream may just have been closed.
 */
void channel_stream_take(struct machine_channel *channel, const struct request *request);
/* Sends waiting output of the channel's streams and sockets; returns whether a line was sent. */
bool channel_streams_step(struct machine_channel *channel);
/* Returns the TSC by which channel_streams_step has to be called. */
u64 channel_streams_deadline(const struct machine_channel *channel);
/* Closes all streams, so that the next client has none of them. */
void channel_streams_drop(struct machine_channel *channel);
