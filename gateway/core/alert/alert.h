/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/alert/alert_state.h"

/*
 * The rules of alerts, and the state of each rule for each thing that it is about. alerts.json of
 * the state directory keeps the rules, and alerts-firing.json the firing alerts, so that a gateway
 * that starts again reports no alert twice.
 */
enum {
	ALERT_RULES = 64,
	ALERT_RULES_KEPT = 16, /* places reserved for rules of askers whose scope is all VMs */
	/* the most things of one rule that are pending or fire at a time */
	ALERT_SUBJECTS = 256,
	ALERT_SHOWN = 32,   /* the most things of a rule that the API shows by name */
	ALERT_GONE_S = 300, /* seconds without a sample after which a thing's alert ends */
	ALERT_SAVE_S = 5,   /* the least time between two writes of alerts-firing.json */
};

/* News of an alert: a rule begins or ends to fire for a thing. */
struct alert_news {
	const struct alert_rule *rule;
	unsigned number;    /* number of the rule's place, below ALERT_RULES */
	const char *what;   /* the thing, such as "vm/web" */
	bool firing;	    /* true: the alert has begun; false: it has ended */
	double value;	    /* the thing's last value */
	int64_t since;	    /* when the alert began, in seconds since 1970 */
	const char *reason; /* a sentence that says why the alert began or ended */
};
typedef void alert_listener(const struct alert_news *news);

/*
 * Reads the rules, and compares samples with them from then on. `listener` is called when an alert
 * begins or ends. Returns false, after a sentence on stderr, if the rules cannot be read.
 */
bool alert_open(alert_listener *listener);
/* Ends a round of samples, and the alerts of things that have had no sample for long. */
void alert_round(void);
/* Writes the firing alerts if they have changed and ALERT_SAVE_S is over; with `now`, at once. */
void alert_save(bool now);

const struct alert_rule *alert_find(const char *name);
/* Returns the name of the rule at a place of the table. */
const char *alert_name(unsigned number);
/* Calls `take` for each rule. */
void alert_each(void (*take)(const struct alert_rule *rule, void *context), void *context);
/* Returns whether there is room for one more rule of someone with that scope. */
bool alert_room(const char *scope);
/*
 * Adds the rule, or replaces the rule of the same name, whose alerts end. Returns false, without
 * effect, if there is no room or the file cannot be written.
 */
bool alert_keep(const struct alert_rule *rule);
/*
 * Removes the rule of that name, which must exist, and ends its alerts. Returns false, without
 * effect, if the file cannot be written.
 */
bool alert_remove(const char *name);
/* Returns the rule and its present state as the API shows them; a new reference. */
json_t *alert_json(const struct alert_rule *rule);
/* Returns the VM's name if the thing is a VM, else "". */
const char *alert_vm(const char *what);
