/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A token bucket: `rate` units a second, and up to `burst` units at once after a pause. An item (a
 * frame or request) may go while there is credit, and is then charged in full: the excess is a
 * debt, which must be paid off before the next item may go. So no item is too large for a bucket,
 * and each wait ends for any rate and burst.
 */
struct bucket {
	u64 rate; /* units of credit (items or bytes) a second; 0: no limit */
	u64 burst;
	u64 ticks_per_second;
	u64 last; /* the time in ticks when credit was last added */
	/* the fraction of a unit that is not credited yet, in units of 1 / ticks_per_second */
	u64 remainder;
	s64 credit; /* units that may be used at once, at most `burst`; below 0: a debt */
};
#define BUCKET_BURST_MAX (1ull << 60)
/*
 * The largest charge of one item in units, which keeps a debt far from the least value of its type.
 */
#define BUCKET_COST_MAX (~0u)

/* Opens a full bucket. A burst of 0 counts as 1. */
void bucket_open(struct bucket *bucket, u64 rate, u64 burst, u64 ticks_per_second, u64 now);
/* Changes the bucket's rate and burst; keeps its present credit or debt. */
void bucket_change(struct bucket *bucket, u64 rate, u64 burst, u64 now);
/* Adds to the bucket the credit for the time since the last call. */
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
 * Returns the tick at which the bucket will have `wanted` units of credit, or `burst` if that is
 * less; call it after bucket_fill. The credit is certainly there at that time.
 */
u64 bucket_ready_at(const struct bucket *bucket, u64 wanted);
