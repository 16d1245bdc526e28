/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

struct request;

/*
 * Returns whether the asker may send one more request, or change, now. If not, the request has been
 * answered with 429.
 */
bool rate_take(struct request *request, bool change);
/*
 * Counts a request that was allowed as `count` more. What it takes beyond what is left has to come
 * back before the next one is allowed, so that it need not be known before.
 */
void rate_charge(const struct request *request, unsigned count);
