/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "gateway/core/alert/alert.h"

/*
 * The queue of deliveries to web hooks. Each place of the table of rules has at most one delivery
 * under way, so that its deliveries keep their order and a receiver that does not answer delays no
 * other place's. The limits hold for places and not for rules' names, so that they cannot be evaded
 * by renaming rules.
 */
enum {
	HOOK_QUEUE_EACH = 8, /* the most deliveries of a place; beyond that the oldest is dropped */
	HOOK_QUEUE = ALERT_RULES * HOOK_QUEUE_EACH,
	HOOK_QUEUE_UNDER_WAY = ALERT_RULES,
	HOOK_QUEUE_TRIES = 6,
	/*
	 * seconds after which a silent process is ended; it gives up earlier, even if no name
	 * server answers
	 */
	HOOK_QUEUE_LATE_S = 120,
};

void hook_queue_setup(void);
/* Queues a delivery of the news if the rule has a web hook. */
void hook_queue_add(const struct alert_news *news);
/* Sends the deliveries that are due. */
void hook_queue_tick(void);
/*
 * Adds the state of the deliveries to a rule's web hook to the rule's object: "waiting", "dropped",
 * "delivered" and "delivery"; the last two are null if there was none since the gateway's start.
 */
void hook_queue_show(const struct alert_rule *rule, json_t *object);
