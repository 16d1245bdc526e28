/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

struct request;

/*
 * Returns whether the asker may send one more request, or change, now. If not, the request has been
 * answered with 429.
 */
bool rate_take(struct request *request, bool change);
