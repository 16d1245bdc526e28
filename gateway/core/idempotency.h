/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/request.h"

/*
 * Idempotency-Key: the answer to a POST is kept for 24 h; the same key of the same token gets it
 * again, and nothing is done twice.
 */
enum { IDEMPOTENCY_COUNT = 1024, IDEMPOTENCY_BODY_BYTES = 8192 };

/* False: it has been answered, from what is kept or with a problem. */
bool idempotency_begin(struct request *request);
void idempotency_keep(struct request *request, unsigned status, const char *type, const char *bytes,
		      size_t count);
/* The client went before the answer. */
void idempotency_forget(struct request *request);
