/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Idempotency-Key: the answer to a POST is kept for 24 h; the same key of the same credential gets
 * it again, and nothing is done twice.
 */
enum { IDEMPOTENCY_COUNT = 1024, IDEMPOTENCY_BODY_BYTES = 8192, IDEMPOTENCY_KEY_BYTES = 128 };

enum idempotency_verdict {
	IDEMPOTENCY_NEW,       /* the request is new and is to be carried out */
	IDEMPOTENCY_KEPT,      /* the request was carried out before; its answer was kept */
	IDEMPOTENCY_UNDER_WAY, /* the first request with this key is not answered yet */
	IDEMPOTENCY_OTHER,     /* the key was used for another request */
	IDEMPOTENCY_NO_KEY,    /* the header's key is empty or too long */
};

/* An answer that was kept; it is valid until the next request. */
struct idempotency_answer {
	unsigned status;
	const char *type;
	const char *bytes;
	size_t count;
};

enum idempotency_verdict idempotency_begin(struct request *request, const char *key,
					   struct idempotency_answer *answer);
void idempotency_keep(struct request *request, unsigned status, const char *type, const char *bytes,
		      size_t count);
/*
 * Keeps the number of the run that a request has begun as the answer for its key. A run's output is
 * not kept with keys, and the same key does not begin the run again, however the run ends.
 */
void idempotency_keep_run(struct request *request, uint64_t number);
/* Forgets the key of a request whose client has gone before the answer. */
void idempotency_forget(struct request *request);
