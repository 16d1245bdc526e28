/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/identity/identity.h"

/*
 * Places that all askers share: logins, tickets, streams, consoles. Any asker gets a free place;
 * when all are taken, the holder of most places gives up its oldest one, so that no asker pushes
 * others out by asking often.
 */
struct share {
	const struct identity *who; /* the holder of this place; NULL: the place is free */
	/* when the place was taken, on any growing scale; the least is the oldest */
	double since;
	/* share_place() uses these as indices of places; `count` means no place. */
	/* hash table: the first place of a holder whose hash is this place's index */
	size_t bucket;
	size_t next; /* the first place of the next holder with the same hash */
	/* the number of places of this holder; kept in the holder's first place only */
	size_t held;
	/* the place that this holder has had for longest; kept in the holder's first place only */
	size_t oldest;
};

/* Returns whether both are the same credential, and so have one share. */
static inline bool share_same(const struct identity *one, const struct identity *other)
{
	return one->token == other->token && one->account == other->account &&
	       one->user == other->user;
}

/*
 * Returns the place that `who` gets: a free place, or the oldest place of the holder of most
 * places, if that holder has at least two more than `who`; else, with `own`, the oldest place of
 * `who`. Returns `count` if there is no such place. The function's time is linear in `count`.
 */
size_t share_place(struct share *places, size_t count, const struct identity *who, bool own);
