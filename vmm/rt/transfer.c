/* SPDX-License-Identifier: MIT */
/*
 * A process's end of a transfer: a byte stream through the manager to or from a machine channel;
 * the manager's end is vmm/manager/transfer/transfer.c. Called by the monitor's save_store.c. Waits
 * for the manager with a deadline; touches the shared ring.
 */
#include "vmm/rt/transfer.h"

#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

/*
 * The time for which the process waits for the manager: longer than the manager's own limit, so
 * that the manager gives up first and reports why.
 */
#define PATIENCE_NS (60 * NS_PER_S)
#define LOOK_NS	    (10 * NS_PER_MS)

static bool transfer_fails(struct transfer_end *end, const char *text)
{
	format(end->problem, sizeof(end->problem), "%s", text);
	return false;
}

static enum transfer_verdict transfer_verdict(const struct transfer_end *end)
{
	return (enum transfer_verdict)__atomic_load_n(&end->ring->verdict, __ATOMIC_ACQUIRE);
}

static bool transfer_has_failed(struct transfer_end *end)
{
	if (transfer_verdict(end) != TRANSFER_FAILED)
		return false;
	(void)transfer_fails(end, end->ring->problem);
	return true;
}

/* Waits for a signal of the manager, a moment at most; returns false if until_tsc has passed. */
static bool transfer_wait_a_little(struct transfer_end *end, u64 until_tsc)
{
	u64 now = clock_tsc();
	u64 key;

	if (now > until_tsc)
		return transfer_fails(end, "the manager does not pass it on");
	(void)!sys_queue_wait(end->queue, now + clock_ns_to_tsc(LOOK_NS), &key);
	return true;
}

static u64 transfer_patience(void)
{
	return clock_tsc() + clock_ns_to_tsc(PATIENCE_NS);
}

static void transfer_moved(struct transfer_end *end, u32 count)
{
	end->at += count;
	__atomic_store_n(&end->ring->process_at, end->at, __ATOMIC_RELEASE);
	(void)sys_event_signal(end->doorbell);
}

/*
 * Returns how many of `most` bytes of the ring can be copied in one piece: those up to the ring's
 * end.
 */
static u32 transfer_straight(const struct transfer_end *end, u64 most)
{
	return (u32)MIN(most, TRANSFER_RING_BYTES - end->at % TRANSFER_RING_BYTES);
}

bool transfer_write(struct transfer_end *end, const void *bytes, u32 count)
{
	const u8 *from = bytes;
	u64 until = transfer_patience();

	while (count > 0) {
		u64 taken = __atomic_load_n(&end->ring->manager_at, __ATOMIC_ACQUIRE);
		u64 room = TRANSFER_RING_BYTES - (end->at - taken);
		u32 some = transfer_straight(end, MIN(room, count));

		if (transfer_has_failed(end) || (some == 0 && !transfer_wait_a_little(end, until)))
			return false;
		if (some == 0)
			continue;
		memcpy(end->ring->bytes + end->at % TRANSFER_RING_BYTES, from, some);
		transfer_moved(end, some);
		from += some;
		count -= some;
		until = transfer_patience();
	}
	return true;
}

void transfer_works(struct transfer_end *end)
{
	struct transfer_ring *ring = end->ring;

	__atomic_store_n(&ring->process_works, ring->process_works + 1, __ATOMIC_RELEASE);
}

bool transfer_finish(struct transfer_end *end)
{
	u64 until = transfer_patience();
	u64 seen = 0;

	__atomic_store_n(&end->ring->process_ended, 1, __ATOMIC_RELEASE);
	(void)sys_event_signal(end->doorbell);
	while (transfer_verdict(end) == TRANSFER_OPEN) {
		u64 taken = __atomic_load_n(&end->ring->manager_at, __ATOMIC_ACQUIRE);

		if (taken != seen)
			until = transfer_patience();
		seen = taken;
		if (!transfer_wait_a_little(end, until))
			return false;
	}
	return !transfer_has_failed(end);
}

bool transfer_read(struct transfer_end *end, void *bytes, u32 count, u32 *read)
{
	u64 until = transfer_patience();
	u8 *to = bytes;

	for (*read = 0; *read < count;) {
		u32 ended = __atomic_load_n(&end->ring->manager_ended, __ATOMIC_ACQUIRE);
		u64 brought = __atomic_load_n(&end->ring->manager_at, __ATOMIC_ACQUIRE);
		u32 some = transfer_straight(end, MIN(brought - end->at, count - *read));

		if (transfer_has_failed(end))
			return false;
		if (some == 0 && ended != 0)
			return true;
		if (some == 0 && !transfer_wait_a_little(end, until))
			return false;
		if (some == 0)
			continue;
		memcpy(to + *read, end->ring->bytes + end->at % TRANSFER_RING_BYTES, some);
		transfer_moved(end, some);
		*read += some;
		until = transfer_patience();
	}
	return true;
}
