/* SPDX-License-Identifier: MIT */
/*
 * Sends guests' output to clients and passes on their input, as streams of a machine channel; finds
 * the transfer behind a stream. Called by channel_input.c, machine_channel.c, channel_transfer.c
 * and `stream`. Owns channel->stream.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/channel/channel_transfer.h"
#include "vmm/manager/transfer/transfer.h"
#include "vmm/manager/text/base64.h"
#include "vmm/manager/vm/vm_output.h"
#include "vmm/rt/format.h"

/* least bytes of input credit to give back to the client, unless no input waits for the guest */
#define RETURN_BYTES 1024u

struct channel_stream_state *channel_stream_new(struct machine_channel *channel)
{
	for (u32 i = 0; i < CHANNEL_STREAMS; i++) {
		struct channel_stream_state *stream = &channel->stream[i];

		if (stream->number != 0)
			continue;
		memset(stream, 0, sizeof(*stream));
		stream->number = ++channel->last_stream;
		return stream;
	}
	return NULL;
}

struct channel_stream_state *channel_stream_find(struct machine_channel *channel, u64 number)
{
	for (u32 i = 0; i < CHANNEL_STREAMS; i++) {
		struct channel_stream_state *stream = &channel->stream[i];

		if (stream->number != 0 && stream->number == number && stream->closed == NULL)
			return stream;
	}
	return NULL;
}

struct channel_stream_state *channel_stream_writer(const struct vm *vm, u32 port)
{
	struct machine_channel *channel;

	for (u32 k = 0; (channel = channel_at(k)) != NULL; k++) {
		for (u32 i = 0; i < CHANNEL_STREAMS; i++) {
			struct channel_stream_state *stream = &channel->stream[i];

			if (stream->number != 0 && stream->closed == NULL && stream->writes &&
			    stream->vm_id == vm->id && stream->port == port)
				return stream;
		}
	}
	return NULL;
}

void channel_stream_end(struct channel_stream_state *stream)
{
	if (stream->number != 0 && stream->transfer != NULL)
		transfer_lose(stream->transfer);
	stream->transfer = NULL;
	stream->number = 0;
}

void channel_streams_drop(struct machine_channel *channel)
{
	channel_vsock_drop(channel);
	for (u32 i = 0; i < CHANNEL_STREAMS; i++)
		channel_stream_end(&channel->stream[i]);
}

static void channel_stream_take_input(struct channel_stream_state *stream,
				      const struct request *request)
{
	if (!stream->writes || request->bytes > stream->allowed || request->at != ~0ull) {
		stream->closed = "bad-input";
		return;
	}
	memcpy(stream->input + stream->waiting, request->data, request->bytes);
	stream->waiting += (u32)request->bytes;
	stream->allowed -= (u32)request->bytes;
}

void channel_stream_take(struct machine_channel *channel, const struct request *request)
{
	struct channel_stream_state *stream = channel_stream_find(channel, request->number);

	if (!channel->login.open || channel_vsock_take(channel, request) || stream == NULL)
		return;
	if (stream->transfer != NULL)
		channel_transfer_take(stream->transfer, request);
	else if (request->kind == REQUEST_DATA)
		channel_stream_take_input(stream, request);
	else if (request->kind != REQUEST_CREDIT ||
		 request->bytes > CHANNEL_CREDIT_BYTES - stream->credit)
		stream->closed = "bad-input";
	else
		stream->credit += request->bytes;
}

/* Returns the stream's VM, or NULL if the VM is gone or no longer has that port. */
static struct vm *channel_stream_vm_of(const struct channel_stream_state *stream)
{
	struct vm *vm = vm_by_id(stream->vm_id);

	if (vm == NULL || (vm_is_ending(vm) && vm->after == AFTER_REMOVE))
		return NULL;
	if (stream->port != 0 &&
	    !string_equal(vm->config.port[stream->port - 1], stream->port_name))
		return NULL;
	return vm;
}

static void channel_stream_pass_input(struct channel_stream_state *stream, struct vm *vm)
{
	u32 count;

	if (stream->waiting == 0)
		return;
	count = vm_console_write(vm, stream->port, stream->input, stream->waiting);
	memmove(stream->input, stream->input + count, stream->waiting - count);
	stream->waiting -= count;
	stream->returned += count;
}

static void channel_stream_tell_closed(struct machine_channel *channel,
				       struct channel_stream_state *stream)
{
	char line[128 + 2 * sizeof(stream->error)];
	struct json json;
	size_t length;

	json_start(&json, line, sizeof(line) - 1);
	json_object_begin(&json, NULL);
	json_u64(&json, "closed", stream->number);
	json_string(&json, "reason", stream->closed);
	if (stream->error[0] != '\0')
		json_string(&json, "error", stream->error);
	json_object_end(&json);
	length = json_finish(&json);
	if (length != 0) {
		line[length++] = '\n';
		channel_line(channel, (struct text){line, length});
	}
	stream->number = 0;
}

void channel_stream_grant(struct machine_channel *channel, struct channel_stream_state *stream,
			  u32 bytes)
{
	channel_print(channel, "{\"credit\":%u,\"bytes\":%u}\n", stream->number, bytes);
	stream->allowed += bytes;
}

void channel_stream_piece(struct machine_channel *channel, u32 number, u64 at, const u8 *bytes,
			  u32 count)
{
	static char data[BASE64_BYTES(CHANNEL_PIECE_BYTES)];
	static char line[BASE64_BYTES(CHANNEL_PIECE_BYTES) + 96];

	base64_text(bytes, count, data);
	format(line, sizeof(line), "{\"stream\":%u,\"at\":%llu,\"data\":\"%s\"}\n", number,
	       (unsigned long long)at, data);
	channel_line(channel, text_of(line));
}

void channel_stream_send(struct machine_channel *channel, struct channel_stream_state *stream,
			 u64 at, const u8 *bytes, u32 count)
{
	channel_stream_piece(channel, stream->number, at, bytes, count);
	stream->credit -= count;
}

static void channel_stream_tell_credit(struct machine_channel *channel,
				       struct channel_stream_state *stream)
{
	channel_stream_grant(channel, stream, stream->returned);
	stream->returned = 0;
}

/*
 * Reports to the client how many bytes of the guest's output were lost, before the bytes that
 * follow them.
 */
static void channel_stream_tell_lost(struct machine_channel *channel,
				     struct channel_stream_state *stream)
{
	channel_print(channel, "{\"stream\":%u,\"at\":%llu,\"lost\":%llu}\n", stream->number,
		      (unsigned long long)(stream->at - stream->lost),
		      (unsigned long long)stream->lost);
	stream->lost = 0;
}

/*
 * Sends a piece of a guest's output to the client; returns whether a line was sent. Lost bytes are
 * reported in a line of its own; the bytes after them are read again for the next line.
 */
static bool channel_stream_send_output(struct machine_channel *channel,
				       struct channel_stream_state *stream, struct vm *vm)
{
	static u8 bytes[CHANNEL_PIECE_BYTES];
	u64 at = stream->at;
	u32 count;

	if (stream->credit == 0)
		return false;
	count = vm_output_read(vm, stream->port, &at, &stream->lost, bytes,
			       (u32)MIN(stream->credit, CHANNEL_PIECE_BYTES));
	if (stream->lost != 0) {
		stream->at += stream->lost;
		channel_stream_tell_lost(channel, stream);
		return true;
	}
	if (count == 0)
		return false;
	channel_stream_send(channel, stream, stream->at, bytes, count);
	stream->at = at;
	return true;
}

/* Sends the next line that a stream has for its client, if any; returns whether a line was sent. */
static bool channel_stream_step(struct machine_channel *channel,
				struct channel_stream_state *stream)
{
	struct vm *vm;

	if (stream->transfer != NULL)
		return channel_transfer_step(channel, stream->transfer);
	vm = channel_stream_vm_of(stream);
	if (vm == NULL && stream->closed == NULL)
		stream->closed = "destroyed";
	if (vm != NULL && stream->closed == NULL)
		channel_stream_pass_input(stream, vm);
	if (!channel_takes_line(channel))
		return false;
	if (stream->closed != NULL) {
		channel_stream_tell_closed(channel, stream);
		return true;
	}
	if (stream->returned >= RETURN_BYTES || (stream->returned > 0 && stream->waiting == 0)) {
		channel_stream_tell_credit(channel, stream);
		return true;
	}
	return channel_stream_send_output(channel, stream, vm);
}

/*
 * Lets the stream or socket of that index send a line; the streams have the first indices. Returns
 * whether a line was sent.
 */
static bool channel_streams_step_place(struct machine_channel *channel, u32 place)
{
	if (place >= CHANNEL_STREAMS)
		return channel_vsock_step(channel, place - CHANNEL_STREAMS);
	return channel->stream[place].number != 0 &&
	       channel_stream_step(channel, &channel->stream[place]);
}

bool channel_streams_step(struct machine_channel *channel)
{
	u32 first = channel->next_stream;
	u32 places = CHANNEL_STREAMS + channel_vsock_places(channel);
	bool moved = false;

	if (!channel->login.open)
		channel_streams_drop(channel);
	for (u32 i = 0; i < places; i++) {
		u32 place = (first + i) % places;

		if (!channel_streams_step_place(channel, place))
			continue;
		moved = true;
		/* the stream for which there is no room now is the first in the next turn */
		channel->next_stream = place + 1;
	}
	return moved;
}

u64 channel_streams_deadline(const struct machine_channel *channel)
{
	u64 deadline = ~0ull;

	for (u32 i = 0; i < CHANNEL_STREAMS; i++) {
		const struct channel_stream_state *stream = &channel->stream[i];

		if (stream->number != 0 && stream->transfer != NULL)
			deadline =
				MIN(deadline, channel_transfer_deadline(channel, stream->transfer));
	}
	return deadline;
}
