/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "gateway/core/alert/alert.h"

/*
 * What waits to be sent to web hooks. Of each place of the table of rules one delivery at a time is
 * under way, so that a receiver that does not answer delays no other place's, and they come in
 * their order. Places and not names: whoever makes rules again and again has no more than theirs.
 */
enum {
	HOOK_QUEUE_EACH = 8, /* the most deliveries of a place that wait; then the oldest goes */
	HOOK_QUEUE = ALERT_RULES * HOOK_QUEUE_EACH,
	HOOK_QUEUE_UNDER_WAY = ALERT_RULES,
	HOOK_QUEUE_TRIES = 6,
	/* the process says earlier how a delivery went, also if no server of names answers */
	HOOK_QUEUE_LATE_S = 120,
};

void hook_queue_setup(void);
/* Makes a delivery of the news, if the rule has a web hook. */
void hook_queue_add(const struct alert_news *news);
/* Sends what is to be sent by now. */
void hook_queue_tick(void);
/*
 * Adds to a rule's object how the deliveries to its web hook stand: "waiting", "dropped",
 * "delivered" and "delivery", which are null if there was none since the gateway's start.
 */
void hook_queue_show(const struct alert_rule *rule, json_t *object);
