/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/identity/identity.h"

/*
 * Places that all who ask share: logins, tickets, streams, consoles. As long as some are free
 * everybody gets one; when all are taken, whoever has most of them gives up its oldest, so that
 * nobody takes another one's by asking often.
 */
struct share {
	const struct identity *who; /* the holder of this place; NULL: the place is free */
	double since;		    /* when the place was taken; the least is the oldest */
	/* Indices of share_place() into the same places, of which `count` stands for none. */
	size_t bucket; /* the first place of a holder whose hash is this index */
	size_t next;   /* the first place of another holder with this hash */
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
 * Returns the place that `who` gets, or `count` if it gets none because nobody has more places than
 * it would have. With `own` it then gets its own oldest place, if it has any. The time that this
 * takes grows with `count`, however many credentials hold the places.
 */
size_t share_place(struct share *places, size_t count, const struct identity *who, bool own);
