/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "gateway/core/alert/alert_state.h"

/*
 * When a rule would have fired, by what histories have kept: the last hour by its seconds, a longer
 * time by the means of its minutes.
 */
enum {
	ALERT_PREVIEW_MOST_S = 31 * 24 * 3600,
	ALERT_PREVIEW_EXACT_S = 3600,	/* up to so long, seconds are looked at */
	ALERT_PREVIEW_RECORDS = 400000, /* the most records that a preview reads */
	ALERT_PREVIEW_SHOWN = 100,
};

struct alert_preview_time {
	char what[HISTORY_WHAT_BYTES];
	int64_t from, to; /* seconds since 1970; `to` 0: it would still fire */
};

struct alert_preview {
	uint32_t from, step_s, steps; /* the time that is looked at, a whole number of steps */
	unsigned things;	      /* how many things with a history the rule is about */
	uint64_t samples;	      /* how many of their steps had a value */
	unsigned count;		      /* how often it would have fired */
	struct alert_preview_time times[ALERT_PREVIEW_SHOWN]; /* the first of those */
};

/*
 * Sets what is looked at: `seconds` up to `now`. Returns how many records that takes, of which
 * ALERT_PREVIEW_RECORDS are allowed.
 */
uint64_t alert_preview_begin(const struct alert_rule *rule, int64_t now, uint32_t seconds,
			     struct alert_preview *preview);
/* Computes it. Returns false if there is no memory. */
bool alert_preview_run(const struct alert_rule *rule, struct alert_preview *preview);
