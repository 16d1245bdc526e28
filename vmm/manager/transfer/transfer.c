/* SPDX-License-Identifier: MIT */
/*
 * The life of a transfer between a process and the client of a machine channel: opens it, tells the
 * process its outcome and closes it. Called by vm_save.c and content.c, its owners, and by
 * channel_stream.c and channel_transfer.c, which move the bytes. Owns the ring's memory.
 */
#include "vmm/manager/transfer/transfer.h"
#include "lib/string.h"
#include "vmm/manager/channel/channel_stream_types.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/status_text.h"

static const struct transfer_carrier *carrier;

void transfer_carried_by(const struct transfer_carrier *by)
{
	carrier = by;
}

void transfer_touch(struct transfer *transfer)
{
	transfer->until_tsc = clock_tsc() + clock_ns_to_tsc(TRANSFER_IDLE_NS);
}

void transfer_ring_bell(const struct transfer *transfer)
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
	transfer->stream = carrier->open(channel);
	if (transfer->stream == NULL) {
		memory_give_back(transfer->memory, at, TRANSFER_BYTES);
		format(problem, size, "there is one stream too many; there can be at most %u",
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

/* Tells the process, as the last thing, whether the transfer has succeeded. */
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
		carrier->end(stream);
}

void transfer_break_off(struct transfer *transfer, const char *pattern, ...)
{
	char problem[TRANSFER_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, pattern);
	format_va(problem, sizeof(problem), pattern, arguments);
	va_end(arguments);
	transfer_break(transfer, problem);
}

void transfer_confirm(struct transfer *transfer)
{
	transfer->state = TRANSFER_CONFIRMED;
	transfer_judge(transfer, TRANSFER_DONE);
}
