/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/proxy/rule.h"

/*
 * How many questions each client may ask: `questions` in a second, after a pause up to four times
 * as many at once, and `questions_hour` in an hour that go on to a name server.
 */
enum { QUOTA_CLIENTS = 1024, QUOTA_BURST = 4 };

enum quota_result { QUOTA_GOOD, QUOTA_FIRST_OVER, QUOTA_OVER };

struct quota_client {
	uint32_t address;
	int64_t at_ms;	      /* when it asked last; 0: the place is free */
	int64_t credit_ms;    /* how long it has not used what it may ask */
	int64_t hour_ms;      /* when its hour began */
	unsigned asked;	      /* questions of this hour that went on to a name server */
	bool over, hour_over; /* a line of the log has said so */
};

/*
 * Counts a question of the client. A client whose place another has taken begins anew, so the place
 * of whoever has not asked for longest is taken.
 */
enum quota_result quota_take(const struct rules *rules, uint32_t address, int64_t now_ms);
/* Counts a question that goes on to a name server; the client's quota_take() comes before. */
enum quota_result quota_take_hour(const struct rules *rules, uint32_t address, int64_t now_ms);
