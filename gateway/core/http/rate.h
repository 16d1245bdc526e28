/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

struct request;

/* Returns whether who asks may ask once more in this second; if not, it has been answered. */
bool rate_take(struct request *request, bool change);
