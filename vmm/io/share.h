/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/bucket.h"

/*
 * A client's share of a disk or network that many use: its limits per second, and the weight of its
 * turns to be served where clients compete (deficit round robin: Shreedhar and Varghese, 1995). A
 * turn is charged in bytes; a client that takes more gets less in later turns.
 */
#define SHARE_WEIGHT_MAX 1000000u

/* The limits and weight as the manager gives them. */
struct share_given {
	u64 units; /* limit of packets or requests per second; 0: no limit */
	u64 bytes; /* limit of bytes per second; 0: no limit */
	/* bytes that may come at once after a pause; 0: a few ms' worth of `bytes` */
	u64 burst;
	u64 weight; /* weight of the client's turns against those of other clients; at least 1 */
};

struct share {
	struct share_given given;
	struct bucket units, bytes;
	bool limited; /* the client has a limit of units or of bytes */
	u64 weight;
	s64 deficit;  /* bytes left of the client's turn; below 0: bytes that the client owes */
	u64 ready_at; /* the TSC at which the client may go on, if it is over its limit */
};

void share_open(struct share *share, const struct share_given *given);
/* Changes the limits and weight of a client. Returns false if nothing has changed. */
bool share_change(struct share *share, const struct share_given *given);

/*
 * Refills the buckets before a turn. Returns false if the client is over its limit until
 * share->ready_at.
 */
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
 * Begins a client's turn: the competing client with the largest weight gets `turn_bytes`, other
 * clients the part that their weight has of it.
 */
void share_begin_turn(struct share *share, u64 largest_weight, u64 turn_bytes);

static inline void share_pay(struct share *share, u64 bytes)
{
	share->deficit -= (s64)bytes;
}

/*
 * Ends the turn of a client that has no more requests; the rest of the turn is lost, but a debt
 * remains.
 */
static inline void share_rest(struct share *share)
{
	share->deficit = share->deficit < 0 ? share->deficit : 0;
}
