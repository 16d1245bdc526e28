/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "gateway/base/hook_url.h"
#include "gateway/core/common/name.h"
#include "gateway/core/history/history.h"
#include "gateway/core/identity/secret.h"

/*
 * A rule: a series of the histories, of one thing or of all whose names fit a pattern, is for some
 * time above or below a threshold.
 */
enum {
	ALERT_HOLD_MOST_S = 24 * 3600,
	ALERT_STARS = 4, /* the most stars in a pattern: matching takes longer with each */
};

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL, ALERT_SEVERITIES };

struct alert_rule {
	char name[NAME_BYTES];	       /* "": no rule */
	char what[HISTORY_WHAT_BYTES]; /* "host", or KIND/NAME, where the name may have * and ? */
	const struct history_form *form;
	unsigned series; /* the index of the series in the form */
	bool below;	 /* it fires below the threshold, not above */
	double threshold;
	double clear; /* the value at which it ends: on the other side of the threshold, or there */
	unsigned hold_s;
	enum alert_severity severity;
	char url[HOOK_URL_BYTES];	/* of the web hook; "": none */
	char secret[SECRET_TEXT_BYTES]; /* by which what goes to the web hook is signed */
};

/*
 * Reads a rule from an object of the API or of the state file. Returns NULL, or a sentence on what
 * is wrong with it. The secret is not read.
 */
const char *alert_rule_read(const json_t *object, struct alert_rule *rule);
/* Returns the rule as the API shows it, without web hook and secret; a new reference. */
json_t *alert_rule_json(const struct alert_rule *rule);
const char *alert_rule_severity(const struct alert_rule *rule);
/* Returns whether the rule is about the thing. */
bool alert_rule_has(const struct alert_rule *rule, const struct history_form *form,
		    const char *what);
/*
 * Returns whether someone with that scope sees the rule: all see those about the host, one with the
 * scope of all VMs sees all, others see those about VMs of which all are in their scope.
 */
bool alert_rule_seen(const struct alert_rule *rule, const char *scope);
