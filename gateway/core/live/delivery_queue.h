/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "gateway/core/alert/alert.h"
#include "gateway/core/live/side_process.h"

/*
 * The queues of deliveries of alerts, one for each way. In a queue each place of the table of rules
 * has at most one delivery under way, so that its deliveries keep their order and a receiver that
 * does not answer delays no other place's; places are served in turn. The limits hold for places
 * and not for rules' names, so that they cannot be evaded by renaming rules.
 */
enum {
	/* the most deliveries of a place; beyond that the oldest is dropped */
	DELIVERY_QUEUE_EACH = 8,
	DELIVERY_QUEUE = ALERT_RULES * DELIVERY_QUEUE_EACH,
	DELIVERY_QUEUE_TRIES = 6,
	/*
	 * seconds after which a silent process is ended; it gives up earlier, even if no name
	 * server answers
	 */
	DELIVERY_QUEUE_LATE_S = 120,
	DELIVERY_TARGET_BYTES = HOOK_URL_BYTES,
};

/* One delivery, as its way sends it. */
struct delivery {
	uint32_t id;
	char target[DELIVERY_TARGET_BYTES]; /* the URL, or the address of mail */
	char secret[SECRET_TEXT_BYTES];	    /* that signs a web hook */
	char number[2 * 16 + 1];	    /* what its receiver knows it by */
	char *body;
};

/* How deliveries of a queue are sent. */
struct delivery_way {
	const char *prefix; /* stands before the keys that delivery_queue_show() adds */
	unsigned under_way; /* the most deliveries under way at a time */
	/*
	 * `burst` deliveries of a place may be sent at once, and `per_s` a second after that; 0:
	 * any
	 */
	double per_s, burst;
	/* Returns where the rule's deliveries go; "": it has none. */
	const char *(*target)(const struct alert_rule *rule);
	/* Returns the text that is sent about the news, which the caller frees, or NULL. */
	char *(*body)(const struct alert_news *news, const char *number);
	/* Hands a delivery to the process. Returns false if it cannot be started now. */
	bool (*send)(const struct delivery *delivery);
	struct side_process *process;
};
enum { DELIVERY_HOOK, DELIVERY_MAIL, DELIVERY_WAYS };

/* Begins a queue; its way must stay where it is. */
void delivery_queue_setup(unsigned queue, const struct delivery_way *way);
/* Queues deliveries of the news for each way that the rule has. */
void delivery_queue_add(const struct alert_news *news);
/* Sends the deliveries that are due. */
void delivery_queue_tick(void);
/*
 * Adds the state of the deliveries to a rule's target to the rule's object: "waiting", "dropped",
 * "delivered" and "delivery" behind the way's prefix; the last two are null if there was none since
 * the gateway's start.
 */
void delivery_queue_show(unsigned queue, const struct alert_rule *rule, json_t *object);

/*
 * For ways: takes the process's result of a delivery, which is a status of HTTP, 0 if it failed, or
 * 1 if it must not be sent. The process is not to be believed: `text` has no 0 inside, and may be
 * anything else. Returns false if no such delivery is under way.
 */
bool delivery_queue_result(unsigned queue, uint32_t id, unsigned status, const char *text);
/* For ways: the process is gone, and what was under way with it. */
void delivery_queue_gone(unsigned queue);
