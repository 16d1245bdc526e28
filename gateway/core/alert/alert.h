/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/alert/alert_state.h"

/*
 * The rules of alerts, and how each stands with the things that it is about. Rules are kept in
 * alerts.json of the state directory, and what fires in alerts-firing.json, so that a gateway that
 * begins anew tells nobody twice.
 */
enum {
	ALERT_RULES = 64,
	ALERT_RULES_KEPT = 16, /* places that only those with the scope of all VMs may take */
	/* the most things of one rule that are pending or fire; no rule takes another one's room */
	ALERT_SUBJECTS = 256,
	ALERT_SHOWN = 32,   /* the most things of a rule that the API shows one by one */
	ALERT_GONE_S = 300, /* an alert ends when its thing has had no sample for so long */
	ALERT_SAVE_S = 5,   /* what fires is written at most so often */
};

/* What has happened to a rule and a thing. */
struct alert_news {
	const struct alert_rule *rule;
	unsigned number;    /* of the rule's place, below ALERT_RULES */
	const char *what;   /* the thing, such as "vm/web" */
	bool firing;	    /* it began to fire, or else it ended */
	double value;	    /* the last one */
	int64_t since;	    /* when it began to fire, in seconds since 1970 */
	const char *reason; /* a sentence on why */
};
typedef void alert_listener(const struct alert_news *news);

/*
 * Reads the rules, and hears of samples from then on. The listener hears of what fires and what
 * ends. Returns false, after a sentence on stderr, if the rules cannot be read.
 */
bool alert_open(alert_listener *listener);
/* Ends a round of samples: what has had none for long ends. */
void alert_round(void);
/* Writes what has changed, when it is time to; with `now` at once. */
void alert_save(bool now);

const struct alert_rule *alert_find(const char *name);
/* Returns the name of the rule at a place of the table. */
const char *alert_name(unsigned number);
/* Calls `take` for each rule. */
void alert_each(void (*take)(const struct alert_rule *rule, void *context), void *context);
/* Returns whether there is room for one more rule of someone with that scope. */
bool alert_room(const char *scope);
/*
 * Adds the rule, or puts it in the place of the one of its name, whose alerts end. Returns false,
 * and changes nothing, if there is no room or the file cannot be written.
 */
bool alert_keep(const struct alert_rule *rule);
/* Removes the rule of that name, which there is; its alerts end. Returns false as alert_keep()
 * does. */
bool alert_remove(const char *name);
/* Returns the rule and how it stands, as the API shows it; a new reference. */
json_t *alert_json(const struct alert_rule *rule);
/* Returns the name of the VM that the thing is, or "". */
const char *alert_vm(const char *what);
