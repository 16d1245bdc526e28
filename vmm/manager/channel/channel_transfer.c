/* SPDX-License-Identifier: MIT */
/*
 * Moves the bytes of a transfer between its ring and the client of a machine channel. Called by
 * channel_stream.c and machine_channel.c. Owns the manager's index in the ring; transfer.c has the
 * transfer's life.
 */
#include "vmm/manager/channel/channel_transfer.h"

#include "vmm/manager/channel/channel_state.h"
#include "vmm/rt/clock.h"

/* least bytes of input credit to give to the client, unless the transfer's ring is empty */
#define GRANT_BYTES 4096u

/* --- lines from the client --- */

static void channel_transfer_fill(struct transfer *transfer, const u8 *bytes, u32 count)
{
	struct transfer_ring *ring = transfer->ring;

	for (u32 i = 0; i < count; i++)
		ring->bytes[(transfer->at + i) % TRANSFER_RING_BYTES] = bytes[i];
	transfer->at += count;
	__atomic_store_n(&ring->manager_at, transfer->at, __ATOMIC_RELEASE);
}

static void channel_transfer_take_piece(struct transfer *transfer, const struct request *request)
{
	u32 allowed = transfer->stream->allowed;

	if (!transfer->inward || transfer->ended)
		transfer_break_off(
			transfer,
			"no piece is accepted here: the stream leads the other way, or has ended");
	else if (request->at == ~0ull)
		transfer_break_off(transfer,
				   "a piece came without its place; send it with \"at\":%llu",
				   (unsigned long long)transfer->at);
	else if (request->at != transfer->at)
		transfer_break_off(transfer, "a piece came at %llu; the next one belongs at %llu",
				   (unsigned long long)request->at,
				   (unsigned long long)transfer->at);
	else if (request->bytes == ~0ull)
		transfer_break_off(transfer,
				   "the piece at %llu is no base 64; send its bytes in base 64",
				   (unsigned long long)transfer->at);
	else if (request->bytes > allowed)
		transfer_break_off(transfer,
				   "a piece of %llu bytes exceeds its credit; send at most %u",
				   (unsigned long long)request->bytes, allowed);
	else {
		transfer->stream->allowed -= (u32)request->bytes;
		channel_transfer_fill(transfer, request->data, (u32)request->bytes);
		transfer_ring_bell(transfer);
		if (request->bytes != 0)
			transfer_touch(transfer);
	}
}

/*
 * Handles the client's line with the end: of an inward transfer that it has sent all bytes, of an
 * outward one that it has stored them all.
 */
static void channel_transfer_take_end(struct transfer *transfer, u64 total)
{
	if (transfer->inward ? transfer->ended : !transfer->end_told) {
		transfer_break_off(
			transfer,
			"no end is accepted here: it came before, or before the stream's own end");
		return;
	}
	if (total != transfer->at) {
		transfer_break_off(transfer,
				   "the end is said to be at %llu, but the stream has come to %llu",
				   (unsigned long long)total, (unsigned long long)transfer->at);
		return;
	}
	transfer_touch(transfer);
	if (transfer->inward) {
		transfer->ended = true;
		__atomic_store_n(&transfer->ring->manager_ended, 1, __ATOMIC_RELEASE);
		transfer_ring_bell(transfer);
		return;
	}
	transfer_confirm(transfer);
}

static void channel_transfer_take_credit(struct transfer *transfer, u64 bytes)
{
	struct channel_stream_state *stream = transfer->stream;

	if (transfer->inward || bytes > CHANNEL_CREDIT_BYTES - stream->credit)
		transfer_break_off(transfer, "credit for %llu bytes is too much; give at most %llu",
				   (unsigned long long)bytes,
				   transfer->inward ? 0ull : CHANNEL_CREDIT_BYTES - stream->credit);
	else
		stream->credit += bytes;
}

void channel_transfer_take(struct transfer *transfer, const struct request *request)
{
	char shown[TRANSFER_TEXT_BYTES - 24];

	if (transfer->state != TRANSFER_RUNS)
		return;
	switch (request->kind) {
	case REQUEST_CREDIT:
		channel_transfer_take_credit(transfer, request->bytes);
		break;
	case REQUEST_DATA:
		channel_transfer_take_piece(transfer, request);
		break;
	case REQUEST_END:
		channel_transfer_take_end(transfer, request->bytes);
		break;
	default: /* REQUEST_REFUSAL: the client refuses the transfer */
		transfer_break_off(transfer, "the store refuses it: %s",
				   text_show(shown, sizeof(shown), text_of(request->decoded)));
		break;
	}
}

/* --- the process's side --- */

static u64 channel_transfer_in_ring(const struct transfer *transfer)
{
	return transfer->inward ? transfer->at - transfer->process_at
				: transfer->process_at - transfer->at;
}

/*
 * Counts the process's sign that it is busy as progress of the transfer, while no bytes wait for
 * the client.
 */
static void channel_transfer_look_at_work(struct transfer *transfer)
{
	u32 works = __atomic_load_n(&transfer->ring->process_works, __ATOMIC_ACQUIRE);
	bool waits = transfer->inward
			     ? channel_transfer_in_ring(transfer) == 0 && !transfer->ended
			     : channel_transfer_in_ring(transfer) != 0 || transfer->end_told;

	if (works != transfer->works && !waits)
		transfer_touch(transfer);
	transfer->works = works;
}

/*
 * Reads, once, the index that the process writes into the shared ring. It must lie between its last
 * value and the largest possible one.
 */
static void channel_transfer_look_at_process(struct transfer *transfer)
{
	struct transfer_ring *ring = transfer->ring;
	u32 ended = __atomic_load_n(&ring->process_ended, __ATOMIC_ACQUIRE);
	u64 at = __atomic_load_n(&ring->process_at, __ATOMIC_ACQUIRE);
	u64 most = transfer->inward ? transfer->at : transfer->at + TRANSFER_RING_BYTES;

	if (!transfer->inward && transfer->ended)
		/*
		 * bytes that the process writes after it has declared the end of its data are
		 * ignored
		 */
		return;
	if (at < transfer->process_at || at > most) {
		transfer_break(transfer, "its process has written an impossible position");
		return;
	}
	if (at != transfer->process_at)
		transfer_touch(transfer);
	transfer->process_at = at;
	transfer->ended |= !transfer->inward && ended != 0;
	channel_transfer_look_at_work(transfer);
}

/* Ends a transfer that has made no progress in time, and names the side that did nothing. */
static void channel_transfer_give_up(struct transfer *transfer)
{
	u32 seconds = TRANSFER_IDLE_NS / NS_PER_S;

	if (!transfer->inward && channel_transfer_in_ring(transfer) != 0)
		transfer_break_off(transfer, "the store gave no credit for %u s", seconds);
	else if (!transfer->inward && transfer->end_told)
		transfer_break_off(transfer, "the store has not confirmed it for %u s", seconds);
	else if (transfer->inward && !transfer->ended && channel_transfer_in_ring(transfer) == 0)
		transfer_break_off(transfer, "the store sent nothing for %u s", seconds);
	else
		transfer_break_off(transfer, "its process did nothing for %u s", seconds);
}

/* --- lines to the client --- */

static bool channel_transfer_send_piece(struct machine_channel *channel, struct transfer *transfer)
{
	static u8 bytes[CHANNEL_PIECE_BYTES];
	struct channel_stream_state *stream = transfer->stream;
	u32 count =
		(u32)MIN(MIN(channel_transfer_in_ring(transfer), stream->credit), sizeof(bytes));

	for (u32 i = 0; i < count; i++)
		bytes[i] = transfer->ring->bytes[(transfer->at + i) % TRANSFER_RING_BYTES];
	channel_stream_send(channel, stream, transfer->at, bytes, count);
	transfer->at += count;
	__atomic_store_n(&transfer->ring->manager_at, transfer->at, __ATOMIC_RELEASE);
	transfer_ring_bell(transfer);
	transfer_touch(transfer);
	return true;
}

static bool channel_transfer_tell_end(struct machine_channel *channel, struct transfer *transfer)
{
	channel_print(channel, "{\"stream\":%u,\"end\":%llu}\n", transfer->number,
		      (unsigned long long)transfer->at);
	transfer->end_told = true;
	transfer_touch(transfer);
	return true;
}

/*
 * Returns how many more bytes of data the client may be allowed to send: never more than the ring
 * has room for.
 */
static u32 channel_transfer_grant(const struct transfer *transfer)
{
	u32 room = TRANSFER_CREDIT_BYTES - transfer->stream->allowed -
		   (u32)channel_transfer_in_ring(transfer);

	if (transfer->ended)
		return 0;
	return room >= GRANT_BYTES || channel_transfer_in_ring(transfer) == 0 ? room : 0;
}

static bool channel_transfer_tell_grant(struct machine_channel *channel, struct transfer *transfer)
{
	channel_stream_grant(channel, transfer->stream, channel_transfer_grant(transfer));
	return true;
}

static bool channel_transfer_has_piece(const struct transfer *transfer)
{
	return !transfer->inward && transfer->stream->credit != 0 &&
	       channel_transfer_in_ring(transfer) != 0;
}

static bool channel_transfer_has_end(const struct transfer *transfer)
{
	return !transfer->inward && transfer->ended && !transfer->end_told &&
	       channel_transfer_in_ring(transfer) == 0;
}

static bool channel_transfer_has_grant(const struct transfer *transfer)
{
	return transfer->inward && channel_transfer_grant(transfer) != 0;
}

bool channel_transfer_step(struct machine_channel *channel, struct transfer *transfer)
{
	if (transfer->state != TRANSFER_RUNS)
		return false;
	channel_transfer_look_at_process(transfer);
	if (clock_tsc() >= transfer->until_tsc)
		channel_transfer_give_up(transfer);
	if (transfer->state != TRANSFER_RUNS || !channel_takes_line(channel))
		return false;
	if (channel_transfer_has_piece(transfer))
		return channel_transfer_send_piece(channel, transfer);
	if (channel_transfer_has_end(transfer))
		return channel_transfer_tell_end(channel, transfer);
	return channel_transfer_has_grant(transfer) &&
	       channel_transfer_tell_grant(channel, transfer);
}

u64 channel_transfer_deadline(const struct machine_channel *channel,
			      const struct transfer *transfer)
{
	if (transfer->state != TRANSFER_RUNS)
		return ~0ull;
	if (channel_takes_line(channel) &&
	    (channel_transfer_has_piece(transfer) || channel_transfer_has_end(transfer) ||
	     channel_transfer_has_grant(transfer)))
		return 0;
	return transfer->until_tsc;
}

static const struct transfer_carrier channel_carrier = {
	.open = channel_stream_new,
	.end = channel_stream_end,
};

void channel_transfers_init(void)
{
	transfer_carried_by(&channel_carrier);
}
