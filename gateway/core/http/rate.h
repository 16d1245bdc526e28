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
 * Counts an allowed request as `count` more. If that exceeds the asker's rest, the next request is
 * allowed only when the excess has come back; so the cost need not be known in advance.
 */
void rate_charge(const struct request *request, unsigned count);
