/* SPDX-License-Identifier: MIT */
/*
 * Token buckets for rate limits (bucket.h), with exact arithmetic. Called by share.c and the
 * switch's limit.c; changes only the bucket it is given.
 */
#include "vmm/io/bucket.h"

#include "lib/checked.h"

static u64 bucket_valid_burst(u64 burst)
{
	return MIN(MAX(burst, 1), BUCKET_BURST_MAX);
}

void bucket_open(struct bucket *bucket, u64 rate, u64 burst, u64 ticks_per_second, u64 now)
{
	*bucket = (struct bucket){.rate = rate,
				  .burst = bucket_valid_burst(burst),
				  .ticks_per_second = MAX(ticks_per_second, 1),
				  .last = now,
				  .credit = (s64)bucket_valid_burst(burst)};
}

void bucket_change(struct bucket *bucket, u64 rate, u64 burst, u64 now)
{
	bucket_fill(bucket, now);
	if (bucket->rate == 0)
		bucket->credit = (s64)bucket_valid_burst(burst);
	bucket->rate = rate;
	bucket->burst = bucket_valid_burst(burst);
	bucket->credit = MIN(bucket->credit, (s64)bucket->burst);
	bucket->remainder = 0;
}

void bucket_fill(struct bucket *bucket, u64 now)
{
	u64 elapsed = now - bucket->last;
	u64 room = bucket->burst - (u64)bucket->credit;
	u64 units;

	/*
	 * the TSCs of two CPUs may differ slightly: a TSC before the last one is not taken for
	 * elapsed time
	 */
	if (bucket->rate == 0 || (s64)elapsed <= 0)
		return;
	bucket->last = now;
	units = mul_div(elapsed, bucket->rate, bucket->ticks_per_second);
	if (units < room) {
		/* the remainder of the division, which is exact, as it is less than 2^64 */
		u64 left = elapsed * bucket->rate - units * bucket->ticks_per_second;

		/*
		 * a comparison that cannot wrap: left + remainder may, with more than 2^63 ticks a
		 * second
		 */
		if (left >= bucket->ticks_per_second - bucket->remainder) {
			left -= bucket->ticks_per_second;
			units++;
		}
		bucket->remainder += left;
	}
	if (units >= room) {
		units = room;
		bucket->remainder = 0;
	}
	bucket->credit += (s64)units;
}

u64 bucket_ready_at(const struct bucket *bucket, u64 wanted)
{
	s64 aim = (s64)MIN(MAX(wanted, 1), bucket->burst);
	u64 ticks;

	if (bucket->rate == 0 || bucket->credit >= aim)
		return bucket->last;
	/* the time is at most one tick late, as the remainder is left out */
	ticks = mul_div((u64)(aim - bucket->credit), bucket->ticks_per_second, bucket->rate);
	return ticks < ~bucket->last ? bucket->last + ticks + 1 : ~0ull;
}
