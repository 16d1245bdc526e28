/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the processes that send alerts have in common, hook and mail: core hands them deliveries as
 * fields (base/fields.h), and each is answered with its result.
 */
enum {
	DELIVERY_IDLE_MS = 30000, /* the time without a delivery after which the process ends */
	DELIVERY_TEXT_BYTES = 160,
};

/* Statuses that are not HTTP's: the delivery failed, or must not be sent. */
enum { DELIVERY_FAILED = 0, DELIVERY_REFUSED = 1, DELIVERY_TAKEN = 200 };

struct delivery_result {
	unsigned status;		/* HTTP's of a web hook's answer, or one of those above */
	char text[DELIVERY_TEXT_BYTES]; /* a sentence about the result */
};

/* Handles a delivery's fields, which are wiped when it returns. */
typedef void delivery_begin(uint32_t id, const char *bytes, size_t count);

/*
 * Hands core's deliveries to `begin`. Returns when core is gone, or has sent nothing for
 * DELIVERY_IDLE_MS while *under_way is 0; NULL: none ever is when `begin` has returned.
 */
void delivery_serve(int core, delivery_begin *begin, const atomic_uint *under_way);
/* Reports a delivery's result to core, from any thread. Ends the process if core is gone. */
void delivery_tell(int core, uint32_t id, const struct delivery_result *result);
