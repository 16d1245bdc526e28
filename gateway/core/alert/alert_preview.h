/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "gateway/core/alert/alert_state.h"

/*
 * A preview says when a rule would have fired according to the histories: the last hour by its
 * samples of a second, a longer time by the means of its minutes.
 */
enum {
	ALERT_PREVIEW_MOST_S = 31 * 24 * 3600,
	ALERT_PREVIEW_EXACT_S = 3600,	/* seconds of the longest preview by samples of a second */
	ALERT_PREVIEW_RECORDS = 400000, /* the most records that a preview reads */
	ALERT_PREVIEW_SHOWN = 100,
};

struct alert_preview_time {
	char what[HISTORY_WHAT_BYTES];
	int64_t from, to; /* seconds since 1970; `to` is 0 if the alert would still fire */
};

struct alert_preview {
	uint32_t from, step_s, steps; /* the previewed time: its first second, and its steps */
	unsigned things;	      /* number of things with a history that the rule is about */
	uint64_t samples;	      /* number of the things' steps that have a value */
	unsigned count;		      /* number of times that the rule would have fired */
	struct alert_preview_time times[ALERT_PREVIEW_SHOWN]; /* first times of firing */
};

/*
 * Sets the preview's time: `seconds` up to `now`. Returns how many records the preview reads; more
 * than ALERT_PREVIEW_RECORDS are not allowed.
 */
uint64_t alert_preview_begin(const struct alert_rule *rule, int64_t now, uint32_t seconds,
			     struct alert_preview *preview);
/* Computes a preview that alert_preview_begin() has set up. Returns false if there is no memory. */
bool alert_preview_run(const struct alert_rule *rule, struct alert_preview *preview);
