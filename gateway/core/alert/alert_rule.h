/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "gateway/base/hook_url.h"
#include "gateway/base/mail_address.h"
#include "gateway/core/common/name.h"
#include "gateway/core/history/history.h"
#include "gateway/core/identity/secret.h"

/*
 * A rule fires when a series of the histories has been above or below a threshold for some time:
 * the series of one thing, or of each thing whose name fits a pattern.
 */
enum {
	ALERT_HOLD_MOST_S = 24 * 3600,
	ALERT_STARS = 4, /* the most stars in a pattern: matching takes longer with each */
};

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL, ALERT_SEVERITIES };

struct alert_rule {
	char name[NAME_BYTES];	       /* "": the place has no rule */
	char what[HISTORY_WHAT_BYTES]; /* "host", or KIND/NAME, where the name may have * and ? */
	const struct history_form *form;
	unsigned series; /* the index of the series in the form */
	bool below;	 /* the rule fires below the threshold instead of above */
	double threshold;
	double clear; /* an alert ends at this value, at the threshold or on its quiet side */
	unsigned hold_s;
	enum alert_severity severity;
	char url[HOOK_URL_BYTES];	/* URL of the web hook; "": none */
	char mail[MAIL_ADDRESS_BYTES];	/* who gets mail; "": nobody */
	char secret[SECRET_TEXT_BYTES]; /* the secret that signs deliveries to the web hook */
};

/*
 * Reads a rule, without its secret, from an object of the API or of the state file. Returns NULL,
 * or a sentence that says what is wrong with the object.
 */
const char *alert_rule_read(const json_t *object, struct alert_rule *rule);
/* Returns the rule as the API shows it, without web hook, secret and mail; a new reference. */
json_t *alert_rule_json(const struct alert_rule *rule);
const char *alert_rule_severity(const struct alert_rule *rule);
/* Returns whether the rule is about the thing. */
bool alert_rule_has(const struct alert_rule *rule, const struct history_form *form,
		    const char *what);
/*
 * Returns whether an asker with that scope sees the rule. Every asker sees rules about the host,
 * one with the scope of all VMs sees all rules, and others see rules about VMs that are all in
 * their scope.
 */
bool alert_rule_seen(const struct alert_rule *rule, const char *scope);
