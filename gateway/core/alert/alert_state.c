/* SPDX-License-Identifier: MIT */
/*
 * Decides, sample by sample, when a rule begins and ends to fire for a thing. New samples and
 * previews of old ones use the same code; it looks at its arguments and nothing else.
 */
#include "gateway/core/alert/alert_state.h"

#include <math.h>

/* Returns whether the value is beyond the threshold. */
static bool state_is_beyond(const struct alert_rule *rule, double value)
{
	return rule->below ? value < rule->threshold : value > rule->threshold;
}

/* Returns whether the value ends an alert. */
static bool state_is_clear(const struct alert_rule *rule, double value)
{
	return rule->below ? value >= rule->clear : value <= rule->clear;
}

enum alert_change alert_state_take(const struct alert_rule *rule, struct alert_state *state,
				   double begin_s, double end_s, double value)
{
	bool gap = begin_s - state->seen_s > ALERT_GAP_S;

	if (isnan(value))
		return ALERT_SAME;
	state->seen_s = end_s;
	if (state->phase == ALERT_FIRING) {
		if (!state_is_clear(rule, value))
			return ALERT_SAME;
		state->phase = ALERT_OK;
		return ALERT_CLEARED;
	}
	if (!state_is_beyond(rule, value)) {
		state->phase = ALERT_OK;
		return ALERT_SAME;
	}
	if (state->phase == ALERT_OK || gap)
		state->since_s = begin_s;
	state->phase = end_s - state->since_s >= rule->hold_s ? ALERT_FIRING : ALERT_PENDING;
	return state->phase == ALERT_FIRING ? ALERT_FIRED : ALERT_SAME;
}
