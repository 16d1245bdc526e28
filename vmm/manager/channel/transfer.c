/* SPDX-License-Identifier: MIT */
#include "vmm/manager/channel/transfer.h"
#include "lib/string.h"
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/status_text.h"

#define GRANT_BYTES 4096u /* of input credit, unless nothing waits */

static void transfer_touch(struct transfer *transfer)
{
	transfer->until_tsc = clock_tsc() + clock_ns_to_tsc(TRANSFER_IDLE_NS);
}

static void transfer_ring_bell(const struct transfer *transfer)
{
	if (transfer->bell != HANDLE_NONE)
		sys_event_signal(transfer->bell);
}

bool transfer_open(struct transfer *transfer, struct machine_channel *channel, bool inward,
		   char *problem, size_t size)
{
	enum status status;
	u64 at = 0;

	*transfer = (struct transfer){.inward = inward};
	status = memory_take(TRANSFER_BYTES, 0, &transfer->memory, &at);
	if (status != STATUS_OK) {
		format(problem, size, "the kernel says \"%s\" while making room for the stream",
		       status_text(status));
		return false;
	}
	transfer->stream = channel_stream_new(channel);
	if (transfer->stream == NULL) {
		memory_give_back(transfer->memory, at, TRANSFER_BYTES);
		format(problem, size, "found one stream too many, allowed: at most %u",
		       CHANNEL_STREAMS);
		return false;
	}
	transfer->ring = (struct transfer_ring *)(uintptr_t)at;
	transfer->stream->transfer = transfer;
	transfer->number = transfer->stream->number;
	transfer->state = TRANSFER_RUNS;
	transfer_touch(transfer);
	return true;
}

void transfer_give(const struct transfer *transfer, struct process_build *build,
		   enum start_kind kind, const char *name)
{
	process_build_map(build, kind, transfer->memory, 0, TRANSFER_BYTES,
			  RIGHT_READ | RIGHT_WRITE);
	process_build_name(build, name);
}

/* The last word that the process hears of it. */
static void transfer_judge(struct transfer *transfer, enum transfer_verdict verdict)
{
	string_copy(transfer->ring->problem, sizeof(transfer->ring->problem), transfer->problem);
	__atomic_store_n(&transfer->ring->verdict, (u32)verdict, __ATOMIC_RELEASE);
	transfer_ring_bell(transfer);
}

void transfer_break(struct transfer *transfer, const char *problem)
{
	if (transfer->state != TRANSFER_RUNS)
		return;
	string_copy(transfer->problem, sizeof(transfer->problem), problem);
	transfer->state = TRANSFER_BROKEN;
	transfer_judge(transfer, TRANSFER_FAILED);
}

void transfer_lose(struct transfer *transfer)
{
	transfer->stream = NULL;
	transfer_break(transfer, "its channel was closed");
}

void transfer_close(struct transfer *transfer, const char *problem)
{
	struct channel_stream_state *stream = transfer->stream;

	if (transfer->state == TRANSFER_CLOSED)
		return;
	transfer->state = TRANSFER_CLOSED;
	memory_give_back(transfer->memory, (u64)(uintptr_t)transfer->ring, TRANSFER_BYTES);
	transfer->ring = NULL;
	transfer->stream = NULL;
	if (stream == NULL)
		return;
	stream->transfer = NULL;
	stream->closed = problem != NULL ? "failed" : "done";
	string_copy(stream->error, sizeof(stream->error), problem != NULL ? problem : "");
}

void transfer_forget(struct transfer *transfer)
{
	struct channel_stream_state *stream = transfer->stream;

	transfer_close(transfer, NULL);
	if (stream != NULL)
		channel_stream_end(stream);
}

static void transfer_break_off(struct transfer *transfer, const char *pattern, ...)
	PRINTF_LIKE(2, 3);
static void transfer_break_off(struct transfer *transfer, const char *pattern, ...)
{
	char problem[TRANSFER_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, pattern);
	format_va(problem, sizeof(problem), pattern, arguments);
	va_end(arguments);
	transfer_break(transfer, problem);
}

/* --- what the client sends --- */

static void transfer_fill(struct transfer *transfer, const u8 *bytes, u32 count)
{
	struct transfer_ring *ring = transfer->ring;

	for (u32 i = 0; i < count; i++)
		ring->bytes[(transfer->at + i) % TRANSFER_RING_BYTES] = bytes[i];
	transfer->at += count;
	__atomic_store_n(&ring->manager_at, transfer->at, __ATOMIC_RELEASE);
}

static void transfer_take_piece(struct transfer *transfer, const struct request *request)
{
	u32 allowed = transfer->stream->allowed;

	if (!transfer->inward || transfer->ended)
		transfer_break_off(transfer, "found a piece, allowed: none here");
	else if (request->at == ~0ull)
		transfer_break_off(transfer, "found a piece without a place, allowed: \"at\":%llu",
				   (unsigned long long)transfer->at);
	else if (request->at != transfer->at)
		transfer_break_off(
			transfer, "found a piece at %llu, allowed: at %llu, the next one",
			(unsigned long long)request->at, (unsigned long long)transfer->at);
	else if (request->bytes == ~0ull)
		transfer_break_off(transfer,
				   "found a piece at %llu that is no base 64, allowed: base 64",
				   (unsigned long long)transfer->at);
	else if (request->bytes > allowed)
		transfer_break_off(transfer,
				   "found a piece of %llu bytes, allowed: %u, as credit was given",
				   (unsigned long long)request->bytes, allowed);
	else {
		transfer->stream->allowed -= (u32)request->bytes;
		transfer_fill(transfer, request->data, (u32)request->bytes);
		transfer_ring_bell(transfer);
		if (request->bytes != 0)
			transfer_touch(transfer);
	}
}

/* Inward: that was all. Outward: the store has it all. */
static void transfer_take_end(struct transfer *transfer, u64 total)
{
	if (transfer->inward ? transfer->ended : !transfer->end_told) {
		transfer_break_off(transfer, "found an end, allowed: none here");
		return;
	}
	if (total != transfer->at) {
		transfer_break_off(transfer, "found an end at %llu, allowed: at %llu",
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
	transfer->state = TRANSFER_CONFIRMED;
	transfer_judge(transfer, TRANSFER_DONE);
}

static void transfer_take_credit(struct transfer *transfer, u64 bytes)
{
	struct channel_stream_state *stream = transfer->stream;

	if (transfer->inward || bytes > CHANNEL_CREDIT_BYTES - stream->credit)
		transfer_break_off(transfer, "found credit for %llu bytes, allowed: %llu",
				   (unsigned long long)bytes,
				   transfer->inward ? 0ull : CHANNEL_CREDIT_BYTES - stream->credit);
	else
		stream->credit += bytes;
}

void transfer_take(struct transfer *transfer, const struct request *request)
{
	char shown[TRANSFER_TEXT_BYTES - 24];

	if (transfer->state != TRANSFER_RUNS)
		return;
	switch (request->kind) {
	case REQUEST_CREDIT:
		transfer_take_credit(transfer, request->bytes);
		break;
	case REQUEST_DATA:
		transfer_take_piece(transfer, request);
		break;
	case REQUEST_END:
		transfer_take_end(transfer, request->bytes);
		break;
	default: /* REQUEST_REFUSAL */
		transfer_break_off(transfer, "the store refuses it: %s",
				   text_show(shown, sizeof(shown), text_of(request->decoded)));
		break;
	}
}

/* --- what the process does --- */

static u64 transfer_in_ring(const struct transfer *transfer)
{
	return transfer->inward ? transfer->at - transfer->process_at
				: transfer->process_at - transfer->at;
}

/* It says that it is busy, which counts while nothing waits for the client. */
static void transfer_look_at_work(struct transfer *transfer)
{
	u32 works = __atomic_load_n(&transfer->ring->process_works, __ATOMIC_ACQUIRE);
	bool waits = transfer->inward ? transfer_in_ring(transfer) == 0 && !transfer->ended
				      : transfer_in_ring(transfer) != 0 || transfer->end_told;

	if (works != transfer->works && !waits)
		transfer_touch(transfer);
	transfer->works = works;
}

/* Its index, read once, has to lie between what it was and what there can be. */
static void transfer_look_at_process(struct transfer *transfer)
{
	struct transfer_ring *ring = transfer->ring;
	u32 ended = __atomic_load_n(&ring->process_ended, __ATOMIC_ACQUIRE);
	u64 at = __atomic_load_n(&ring->process_at, __ATOMIC_ACQUIRE);
	u64 most = transfer->inward ? transfer->at : transfer->at + TRANSFER_RING_BYTES;

	if (!transfer->inward && transfer->ended)
		return; /* what it writes behind its end is not looked at */
	if (at < transfer->process_at || at > most) {
		transfer_break(transfer, "its process has gone bad");
		return;
	}
	if (at != transfer->process_at)
		transfer_touch(transfer);
	transfer->process_at = at;
	transfer->ended |= !transfer->inward && ended != 0;
	transfer_look_at_work(transfer);
}

/* Who has kept it waiting. */
static void transfer_give_up(struct transfer *transfer)
{
	u32 seconds = TRANSFER_IDLE_NS / NS_PER_S;

	if (!transfer->inward && transfer_in_ring(transfer) != 0)
		transfer_break_off(transfer, "the store gave no credit for %u s", seconds);
	else if (!transfer->inward && transfer->end_told)
		transfer_break_off(transfer, "the store has not confirmed it for %u s", seconds);
	else if (transfer->inward && !transfer->ended && transfer_in_ring(transfer) == 0)
		transfer_break_off(transfer, "the store sent nothing for %u s", seconds);
	else
		transfer_break_off(transfer, "its process did nothing for %u s", seconds);
}

/* --- what is sent to the client --- */

static bool transfer_send_piece(struct machine_channel *channel, struct transfer *transfer)
{
	static u8 bytes[CHANNEL_PIECE_BYTES];
	struct channel_stream_state *stream = transfer->stream;
	u32 count = (u32)MIN(MIN(transfer_in_ring(transfer), stream->credit), sizeof(bytes));

	for (u32 i = 0; i < count; i++)
		bytes[i] = transfer->ring->bytes[(transfer->at + i) % TRANSFER_RING_BYTES];
	channel_stream_send(channel, stream, transfer->at, bytes, count);
	transfer->at += count;
	__atomic_store_n(&transfer->ring->manager_at, transfer->at, __ATOMIC_RELEASE);
	transfer_ring_bell(transfer);
	transfer_touch(transfer);
	return true;
}

static bool transfer_tell_end(struct machine_channel *channel, struct transfer *transfer)
{
	channel_print(channel, "{\"stream\":%u,\"end\":%llu}\n", transfer->number,
		      (unsigned long long)transfer->at);
	transfer->end_told = true;
	transfer_touch(transfer);
	return true;
}

/* What the client may send: no more is under way than the ring has room for. */
static u32 transfer_grant(const struct transfer *transfer)
{
	u32 room =
		TRANSFER_CREDIT_BYTES - transfer->stream->allowed - (u32)transfer_in_ring(transfer);

	if (transfer->ended)
		return 0;
	return room >= GRANT_BYTES || transfer_in_ring(transfer) == 0 ? room : 0;
}

static bool transfer_tell_grant(struct machine_channel *channel, struct transfer *transfer)
{
	channel_stream_grant(channel, transfer->stream, transfer_grant(transfer));
	return true;
}

static bool transfer_has_piece(const struct transfer *transfer)
{
	return !transfer->inward && transfer->stream->credit != 0 &&
	       transfer_in_ring(transfer) != 0;
}

static bool transfer_has_end(const struct transfer *transfer)
{
	return !transfer->inward && transfer->ended && !transfer->end_told &&
	       transfer_in_ring(transfer) == 0;
}

static bool transfer_has_grant(const struct transfer *transfer)
{
	return transfer->inward && transfer_grant(transfer) != 0;
}

bool transfer_step(struct machine_channel *channel, struct transfer *transfer)
{
	if (transfer->state != TRANSFER_RUNS)
		return false;
	transfer_look_at_process(transfer);
	if (clock_tsc() >= transfer->until_tsc)
		transfer_give_up(transfer);
	if (transfer->state != TRANSFER_RUNS || !channel_takes_line(channel))
		return false;
	if (transfer_has_piece(transfer))
		return transfer_send_piece(channel, transfer);
	if (transfer_has_end(transfer))
		return transfer_tell_end(channel, transfer);
	return transfer_has_grant(transfer) && transfer_tell_grant(channel, transfer);
}

u64 transfer_deadline(const struct machine_channel *channel, const struct transfer *transfer)
{
	if (transfer->state != TRANSFER_RUNS)
		return ~0ull;
	if (channel_takes_line(channel) &&
	    (transfer_has_piece(transfer) || transfer_has_end(transfer) ||
	     transfer_has_grant(transfer)))
		return 0;
	return transfer->until_tsc;
}
