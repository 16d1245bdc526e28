/* SPDX-License-Identifier: MIT */
/*
 * Limits how many requests, and how many changes, each credential may send in a second. The router
 * asks for every request, handlers of costly ones charge for more; the counts are in memory.
 */

#include "gateway/core/http/rate.h"

#include <stddef.h>

#include "gateway/core/common/bucket.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/identity.h"

enum {
	RATE_COUNT = 1024,
	RATE_BURST_S = 2, /* an asker who pauses saves up requests for this many seconds */
};

struct rate {
	uint64_t key; /* the entry's asker and kind (rate_key()); 0: the entry is free */
	struct bucket bucket;
};

static struct rate rates[RATE_COUNT];

static struct rate *rate_find(uint64_t key, double full, double now_s)
{
	struct rate *oldest = &rates[0];

	for (size_t i = 0; i < RATE_COUNT; i++) {
		if (rates[i].key == key)
			return &rates[i];
		if (!rates[i].key || rates[i].bucket.seen_s < oldest->bucket.seen_s)
			oldest = &rates[i];
		if (!rates[i].key)
			break;
	}
	*oldest = (struct rate){key, {full, now_s}};
	return oldest;
}

/* Returns the key under which an asker's requests, or changes, are counted. */
static uint64_t rate_key(const struct identity *identity, bool change)
{
	uint64_t who = identity->token	   ? identity->token
		       : identity->account ? 1ull << 41 | identity->account
					   : 1ull << 40 | identity->user;

	return who << 1 | change;
}

/*
 * Returns whether one more request is allowed; if not, *retry_s is the seconds after which to try
 * again.
 */
static bool rate_allows(const struct identity *identity, bool change, unsigned *retry_s)
{
	unsigned limit = change ? settings.change_rate : settings.rate;
	double now_s = clock_now_s(), full = (double)limit * RATE_BURST_S;

	if (limit == 0)
		return true;
	if (change)
		full *= 2;
	if (bucket_take(&rate_find(rate_key(identity, change), full, now_s)->bucket, limit, full,
			now_s))
		return true;
	*retry_s = 1;
	return false;
}

bool rate_take(struct request *request, bool change)
{
	unsigned retry_s;

	if (rate_allows(&request->who, change, &retry_s))
		return true;
	answer_retry_after(request, retry_s);
	answer_problem(request, 429, "rate-limited",
		       "you have sent too many requests in this second: try again in the next");
	return false;
}

void rate_charge(const struct request *request, unsigned count)
{
	double full = (double)settings.rate * RATE_BURST_S;

	if (settings.rate)
		rate_find(rate_key(&request->who, false), full, clock_now_s())->bucket.left -=
			count;
}
