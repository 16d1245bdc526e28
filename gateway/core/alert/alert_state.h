/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/alert/alert_rule.h"

/* The longest time between two samples for which a value counts as known all the while. */
enum { ALERT_GAP_S = 10 };

enum alert_phase {
	ALERT_OK,
	ALERT_PENDING, /* beyond the threshold, but not yet for as long as the rule says */
	ALERT_FIRING,
};

/* How a rule stands with one thing; all 0: ALERT_OK, and no sample has come. */
struct alert_state {
	enum alert_phase phase;
	double since_s; /* the time since when it is beyond the threshold */
	double seen_s;	/* the end of the last sample */
};

enum alert_change { ALERT_SAME, ALERT_FIRED, ALERT_CLEARED };

/*
 * Takes in a sample that stands for the time from `begin_s` to `end_s`, of a clock that never goes
 * back. An unknown value (NAN) is no sample. After more than ALERT_GAP_S without a sample a rule
 * that was pending begins to count anew, and one that fires goes on firing.
 */
enum alert_change alert_state_take(const struct alert_rule *rule, struct alert_state *state,
				   double begin_s, double end_s, double value);
