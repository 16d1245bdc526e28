/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/alert/alert_rule.h"

/*
 * The longest time in seconds between two samples during which the first one's value counts as
 * known.
 */
enum { ALERT_GAP_S = 10 };

enum alert_phase {
	ALERT_OK,
	ALERT_PENDING, /* beyond the threshold, but not yet for as long as the rule says */
	ALERT_FIRING,
};

/* The state of a rule for one thing. All zeros: ALERT_OK, and no sample has come. */
struct alert_state {
	enum alert_phase phase;
	double since_s; /* when the value passed the threshold */
	double seen_s;	/* the end of the last sample */
};

enum alert_change { ALERT_SAME, ALERT_FIRED, ALERT_CLEARED };

/*
 * Takes a sample that covers the time from `begin_s` to `end_s`, on a clock that never goes back;
 * NAN is no sample. After more than ALERT_GAP_S without a sample a pending rule starts counting at
 * 0, and a firing rule keeps firing.
 */
enum alert_change alert_state_take(const struct alert_rule *rule, struct alert_state *state,
				   double begin_s, double end_s, double value);
