/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/bucket.h"

/*
 * A client's share of what many use, a disk or a network: what it may have in a second, and by what
 * weight it gets its turns where clients compete (deficit round robin: Shreedhar and Varghese,
 * 1995). A turn is paid for in bytes; what a client takes beyond its turn it owes.
 */
#define SHARE_WEIGHT_MAX 1000000u

/* As the manager says it. */
struct share_given {
	u64 units;  /* a second, packets or operations; 0: no limit */
	u64 bytes;  /* a second; 0: no limit */
	u64 burst;  /* bytes that may come at once beyond that; 0: as is right for the rate */
	u64 weight; /* when clients compete; at least 1 */
};

struct share {
	struct share_given given;
	struct bucket units, bytes;
	bool limited; /* by units or bytes */
	u64 weight;
	s64 deficit;  /* what is left of its turn, in bytes; or what it owes */
	u64 ready_at; /* while it is over its limit: until then, in ticks of the TSC */
};

void share_open(struct share *share, const struct share_given *given);
/* The same client with other numbers. False: nothing has changed. */
bool share_change(struct share *share, const struct share_given *given);

/* Before its turn. False: it is over its limit until share->ready_at. */
bool share_refill(struct share *share, u64 now_tsc) MUST_CHECK;

static inline bool share_may_go(const struct share *share)
{
	return bucket_may_go(&share->units) && bucket_may_go(&share->bytes);
}

static inline void share_take(struct share *share, u32 units, u32 bytes)
{
	bucket_take(&share->units, units);
	bucket_take(&share->bytes, bytes);
}

/*
 * Its turn begins: the client with the largest weight of those that compete gets `turn_bytes`, it
 * gets its part of that.
 */
void share_begin_turn(struct share *share, u64 largest_weight, u64 turn_bytes);

static inline void share_pay(struct share *share, u64 bytes)
{
	share->deficit -= (s64)bytes;
}

/* It has nothing to send or ask now: what is left of its turn is not saved up. */
static inline void share_rest(struct share *share)
{
	share->deficit = share->deficit < 0 ? share->deficit : 0;
}
