/* SPDX-License-Identifier: MIT */
/*
 * A token bucket, which limits how often an asker may do something. rate.c and audit_denied.c use
 * it, in one thread.
 */
#pragma once

#include <stdbool.h>

struct bucket {
	double left, seen_s;
};

/*
 * Adds `per_s` tokens for each second since the last call, up to `full`, and takes one token out.
 * Returns false if there was no whole token.
 */
static inline bool bucket_take(struct bucket *bucket, double per_s, double full, double now_s)
{
	bucket->left += (now_s - bucket->seen_s) * per_s;
	if (bucket->left > full)
		bucket->left = full;
	bucket->seen_s = now_s;
	if (bucket->left < 1)
		return false;
	bucket->left -= 1;
	return true;
}
