/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A token bucket: so many units a second, and up to `burst` at once after a pause. Something may go
 * while there is credit, and then takes all that it costs: the rest is debt, which the next one
 * waits for. So nothing is too large for a bucket, and whatever the numbers, each wait ends.
 */
struct bucket {
	u64 rate; /* units a second; 0: no limit */
	u64 burst;
	u64 ticks_per_second;
	u64 last;      /* ticks, when credit was added */
	u64 remainder; /* of a unit, in units of 1 / ticks_per_second; less than that */
	s64 credit;    /* at most burst */
};
#define BUCKET_BURST_MAX (1ull << 60)
/* What can be taken at once: debt stays far from the ends of its type. */
#define BUCKET_COST_MAX (~0u)

/* Full. A burst of 0 is taken for 1. */
void bucket_open(struct bucket *bucket, u64 rate, u64 burst, u64 ticks_per_second, u64 now);
/* Another rate or burst: what there is of credit or debt stays. */
void bucket_change(struct bucket *bucket, u64 rate, u64 burst, u64 now);
/* Adds what has come in since the last time. */
void bucket_fill(struct bucket *bucket, u64 now);

static inline bool bucket_may_go(const struct bucket *bucket)
{
	return bucket->rate == 0 || bucket->credit > 0;
}

static inline void bucket_take(struct bucket *bucket, u32 cost)
{
	if (bucket->rate != 0)
		bucket->credit -= cost;
}

/*
 * When there will be `wanted` units of credit, of burst at most; after bucket_fill. It may go by
 * then for sure.
 */
u64 bucket_ready_at(const struct bucket *bucket, u64 wanted);
