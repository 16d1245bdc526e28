/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/auth.h"

/*
 * Places that all who ask share: logins, tickets, streams, consoles. As long as some are free
 * everybody gets one; when all are taken, whoever has most of them gives up its oldest, so that
 * nobody takes another one's by asking often.
 */
struct share {
	const struct identity *who; /* NULL: free */
	double since;		    /* the least of all: the oldest */
};

/* The same credential, and so the same share. */
bool share_same(const struct identity *one, const struct identity *other);

/*
 * The place that `who` gets; `count` when it gets none, as nobody has more than it would have. With
 * `own` that is then its own oldest one, if it has any.
 */
size_t share_place(const struct share *places, size_t count, const struct identity *who, bool own);
