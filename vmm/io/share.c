/* SPDX-License-Identifier: MIT */
/*
 * A client's share of a disk or network: its limits, and its turns by weight (share.h). Called by
 * the disk drivers' scheduler.c and the switch's turn.c and limit.c; changes only that share.
 */
#include "vmm/io/share.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/clock.h"

/*
 * A bucket holds the credit of 1 / BURST_PART of a second, so the server may serve a client that
 * much late without loss to the client. A client over its limit gets a turn again once it has the
 * credit of 1 / WAKE_PART of a second.
 */
#define BURST_PART  200u
#define WAKE_PART   2000u
#define BURST_UNITS 2u
#define BURST_BYTES 4096u

static u64 share_units_burst(const struct share_given *given)
{
	return MAX(given->units / BURST_PART, BURST_UNITS);
}

static u64 share_bytes_burst(const struct share_given *given)
{
	return MAX(given->burst, MAX(given->bytes / BURST_PART, BURST_BYTES));
}

static void share_set_weight(struct share *share)
{
	share->weight = MIN(MAX(share->given.weight, 1), SHARE_WEIGHT_MAX);
	share->limited = (share->given.units | share->given.bytes) != 0;
}

void share_open(struct share *share, const struct share_given *given)
{
	u64 second = clock_ns_to_tsc(NS_PER_S);
	u64 now_tsc = clock_tsc();

	*share = (struct share){.given = *given};
	bucket_open(&share->units, given->units, share_units_burst(given), second, now_tsc);
	bucket_open(&share->bytes, given->bytes, share_bytes_burst(given), second, now_tsc);
	share_set_weight(share);
}

bool share_change(struct share *share, const struct share_given *given)
{
	u64 now_tsc = clock_tsc();

	if (memcmp(given, &share->given, sizeof(*given)) == 0)
		return false;
	share->given = *given;
	bucket_change(&share->units, given->units, share_units_burst(given), now_tsc);
	bucket_change(&share->bytes, given->bytes, share_bytes_burst(given), now_tsc);
	share_set_weight(share);
	return true;
}

bool share_refill(struct share *share, u64 now_tsc)
{
	bucket_fill(&share->units, now_tsc);
	bucket_fill(&share->bytes, now_tsc);
	if (share_may_go(share))
		return true;
	share->ready_at = MAX(bucket_ready_at(&share->units, share->units.rate / WAKE_PART),
			      bucket_ready_at(&share->bytes, share->bytes.rate / WAKE_PART));
	return false;
}

void share_begin_turn(struct share *share, u64 largest_weight, u64 turn_bytes)
{
	u64 part = share->weight == largest_weight
			   ? turn_bytes
			   : MAX(turn_bytes * share->weight / largest_weight, 1);

	share->deficit = MIN(share->deficit + (s64)part, (s64)turn_bytes);
}
