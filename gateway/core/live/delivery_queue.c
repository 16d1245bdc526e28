/* SPDX-License-Identifier: MIT */
/*
 * The queues of deliveries of alerts, one for web hooks and one for mail: decide when each is sent,
 * and sent again after a failure. Core's main function brings the news of alerts and the time, a
 * handler shows the results; the way of each queue hands deliveries to its process.
 */
#include "gateway/core/live/delivery_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>

#include "gateway/base/bytes.h"
#include "gateway/base/delivery.h"
#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/bucket.h"
#include "gateway/core/common/clock.h"

enum {
	QUEUE_TRIED_MANY = 429,
	QUEUE_TRY_TIMEOUT = 408,
	QUEUE_LINES = 16,
};

/* What deliveries are about: VMs, or the host, disks, networks and stores. */
enum queue_kind { QUEUE_VM, QUEUE_HOST, QUEUE_KINDS };

struct queue_entry {
	struct delivery delivery; /* its id is 0: the entry is free; ids grow with time */
	enum queue_kind kind;
	unsigned place; /* the rule's place in the table of rules */
	char rule[NAME_BYTES];
	unsigned tries;
	bool under_way;
	double again_s; /* when the delivery may be sent, by clock_now_s() */
	double begun_s; /* when the present attempt began */
};

/*
 * The results of a rule's deliveries to one target. A rule that gets another target gets another
 * entry.
 */
struct queue_past {
	char rule[NAME_BYTES], target[DELIVERY_TARGET_BYTES];
	unsigned dropped;
	double used_s; /* when the entry was last written, by clock_now_s(); 0: it is free */
	int64_t time;  /* time of the last result, in seconds since 1970 */
	char result[200];
};

struct delivery_queue {
	const struct delivery_way *way;
	struct queue_entry entries[DELIVERY_QUEUE];
	struct queue_past past[ALERT_RULES];
	uint32_t last;
	unsigned count, under_way;
	unsigned turn[QUEUE_KINDS];	  /* the place whose delivery of that kind was sent last */
	enum queue_kind kind;		  /* of the delivery that was sent last */
	struct bucket rates[ALERT_RULES]; /* of each place */
	struct bucket lines;
};

static struct delivery_queue queues[DELIVERY_WAYS];

/* Returns the results of that rule's deliveries to that target, or NULL. */
static struct queue_past *queue_past_find(struct delivery_queue *queue, const char *rule,
					  const char *target)
{
	for (unsigned i = 0; i < ALERT_RULES; i++) {
		if (!strcmp(queue->past[i].rule, rule) && !strcmp(queue->past[i].target, target))
			return &queue->past[i];
	}
	return NULL;
}

/*
 * Returns the entry for the results of the delivery's rule and target; a new one replaces the
 * oldest.
 */
static struct queue_past *queue_past(struct delivery_queue *queue, const struct queue_entry *entry)
{
	struct queue_past *place = queue_past_find(queue, entry->rule, entry->delivery.target);
	struct queue_past *oldest = &queue->past[0];

	for (unsigned i = 0; i < ALERT_RULES; i++) {
		if (queue->past[i].used_s < oldest->used_s)
			oldest = &queue->past[i];
	}
	if (!place) {
		place = oldest;
		*place = (struct queue_past){0};
		string_copy(place->rule, sizeof(place->rule), entry->rule);
		string_copy(place->target, sizeof(place->target), entry->delivery.target);
	}
	place->used_s = clock_now_s();
	return place;
}

static void queue_free(struct delivery_queue *queue, struct queue_entry *entry)
{
	queue->under_way -= entry->under_way;
	queue->count--;
	free(entry->delivery.body);
	explicit_bzero(entry, sizeof(*entry));
}

/* Drops a delivery that is not under way, and counts it as dropped. */
static void queue_drop(struct delivery_queue *queue, struct queue_entry *entry)
{
	queue_past(queue, entry)->dropped++;
	queue_free(queue, entry);
}

/* Drops the waiting deliveries of other rules, which had this place before. */
static void queue_leave(struct delivery_queue *queue, unsigned place, const char *rule)
{
	for (unsigned i = 0; i < DELIVERY_QUEUE; i++) {
		struct queue_entry *entry = &queue->entries[i];

		if (entry->delivery.id && entry->place == place && !entry->under_way &&
		    strcmp(entry->rule, rule) != 0)
			queue_drop(queue, entry);
	}
}

/*
 * Returns a free entry. If the place has too many deliveries, its oldest one is dropped for that.
 */
static struct queue_entry *queue_room(struct delivery_queue *queue, unsigned place)
{
	struct queue_entry *oldest = NULL, *free_one = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < DELIVERY_QUEUE; i++) {
		struct queue_entry *entry = &queue->entries[i];

		free_one = entry->delivery.id ? free_one : entry;
		if (!entry->delivery.id || entry->place != place)
			continue;
		count++;
		if (!entry->under_way && (!oldest || entry->delivery.id < oldest->delivery.id))
			oldest = entry;
	}
	if (count < DELIVERY_QUEUE_EACH || !oldest)
		return free_one;
	queue_drop(queue, oldest);
	return oldest;
}

static void queue_add(struct delivery_queue *queue, const struct alert_news *news)
{
	const struct alert_rule *rule = news->rule;
	const char *target = queue->way->target(rule);
	struct queue_entry *entry;
	struct delivery *delivery;
	uint8_t random[16];

	queue_leave(queue, news->number, rule->name);
	entry = *target ? queue_room(queue, news->number) : NULL;
	if (!entry || gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof(random)) < 0)
		return;
	delivery = &entry->delivery;
	hex_write(delivery->number, random, sizeof(random));
	delivery->body = queue->way->body(news, delivery->number);
	if (!delivery->body)
		return;
	queue->last += queue->last == UINT32_MAX ? 2 : 1;
	delivery->id = queue->last;
	string_copy(delivery->target, sizeof(delivery->target), target);
	string_copy(delivery->secret, sizeof(delivery->secret), rule->secret);
	string_copy(entry->rule, sizeof(entry->rule), rule->name);
	entry->place = news->number;
	entry->kind = *alert_vm(news->what) ? QUEUE_VM : QUEUE_HOST;
	queue->count++;
}

void delivery_queue_add(const struct alert_news *news)
{
	for (unsigned i = 0; i < DELIVERY_WAYS; i++)
		queue_add(&queues[i], news);
}

/* Returns the oldest delivery of a place, or NULL. */
static struct queue_entry *queue_next(struct delivery_queue *queue, unsigned place)
{
	struct queue_entry *oldest = NULL;

	for (unsigned i = 0; i < DELIVERY_QUEUE; i++) {
		struct queue_entry *entry = &queue->entries[i];

		if (entry->delivery.id && entry->place == place &&
		    (!oldest || entry->delivery.id < oldest->delivery.id))
			oldest = entry;
	}
	return oldest;
}

/*
 * Returns whether the rule still has the delivery's target. If not, the next attempt is the last.
 */
static bool queue_is_wanted(const struct delivery_queue *queue, const struct queue_entry *entry)
{
	const struct alert_rule *rule = alert_find(entry->rule);

	return rule && !strcmp(queue->way->target(rule), entry->delivery.target);
}

/* Ends the process if it has not said for long how a delivery went. */
static void queue_watch(struct delivery_queue *queue, double now_s)
{
	for (unsigned i = 0; i < DELIVERY_QUEUE && queue->under_way; i++) {
		const struct queue_entry *entry = &queue->entries[i];

		if (entry->under_way && now_s - entry->begun_s > DELIVERY_QUEUE_LATE_S) {
			fprintf(stderr,
				"skerryd: the process that sends alerts has said nothing for "
				"long, and is ended\n");
			side_process_drop(queue->way->process);
			return;
		}
	}
}

/* Returns whether the way's rate allows one more delivery of the place now. */
static bool queue_rate_allows(struct delivery_queue *queue, unsigned place, double now_s)
{
	return queue->way->per_s <= 0 ||
	       bucket_take(&queue->rates[place], queue->way->per_s, queue->way->burst, now_s);
}

/*
 * Sends the place's oldest delivery if it is due and of that kind. Returns false if no more can be
 * sent now.
 */
static bool queue_serve(struct delivery_queue *queue, unsigned place, enum queue_kind kind,
			double now_s)
{
	struct queue_entry *entry = queue_next(queue, place);

	if (!entry || entry->kind != kind || entry->under_way ||
	    (now_s < entry->again_s && queue_is_wanted(queue, entry)))
		return true;
	if (!queue_rate_allows(queue, place, now_s))
		return true;
	if (!queue->way->send(&entry->delivery)) {
		queue->rates[place].left++;
		return false;
	}
	entry->under_way = true;
	entry->begun_s = now_s;
	entry->tries++;
	queue->under_way++;
	queue->turn[kind] = place;
	queue->kind = kind;
	return true;
}

/* Sends deliveries of a kind, of all places in turn. Returns false if no more can be sent now. */
static bool queue_serve_kind(struct delivery_queue *queue, enum queue_kind kind, double now_s)
{
	unsigned first = queue->turn[kind] + 1;

	for (unsigned i = 0; i < ALERT_RULES && queue->under_way < queue->count &&
			     queue->under_way < queue->way->under_way;
	     i++) {
		if (!queue_serve(queue, (first + i) % ALERT_RULES, kind, now_s))
			return false;
	}
	return true;
}

/*
 * Sends what is due. Both kinds take turns: who may make rules about some VMs, and has them fire
 * again and again, does not have news about the host wait for all of theirs.
 */
static void queue_tick(struct delivery_queue *queue)
{
	enum queue_kind last = queue->kind, other = last == QUEUE_VM ? QUEUE_HOST : QUEUE_VM;
	double now_s = clock_now_s();

	queue_watch(queue, now_s);
	if (queue_serve_kind(queue, other, now_s))
		queue_serve_kind(queue, last, now_s);
}

void delivery_queue_tick(void)
{
	for (unsigned i = 0; i < DELIVERY_WAYS; i++)
		queue_tick(&queues[i]);
}

/* Notes the result of an attempt, and frees the delivery or sets the time of the next attempt. */
static void queue_note(struct delivery_queue *queue, struct queue_entry *entry, bool done,
		       bool lasts, const char *text)
{
	static const double pauses_s[DELIVERY_QUEUE_TRIES] = {1, 5, 25, 125, 300, 300};
	struct queue_past *past = queue_past(queue, entry);

	lasts = lasts || entry->tries >= DELIVERY_QUEUE_TRIES || !queue_is_wanted(queue, entry);
	past->time = time(NULL);
	snprintf(past->result, sizeof(past->result), "%s%s", text,
		 done	 ? ""
		 : lasts ? ", and was given up"
			 : ", and is tried again");
	entry->under_way = false;
	queue->under_way--;
	if (!done && !lasts) {
		entry->again_s = clock_now_s() + pauses_s[entry->tries - 1];
		return;
	}
	if (!done && bucket_take(&queue->lines, 0.1, QUEUE_LINES, clock_now_s()))
		audit_begin("skerryd", "alert.undelivered", entry->rule, "", past->result);
	queue_free(queue, entry);
}

/*
 * Returns the process's sentence if it is fit for the audit and terminals, else a fixed sentence.
 */
static const char *queue_sentence(const char *text)
{
	const char *at = text;

	while (*at >= ' ' && *at <= '~')
		at++;
	return *text && !*at && at - text < DELIVERY_TEXT_BYTES
		       ? text
		       : "the process that sends has said nothing that can be shown";
}

bool delivery_queue_result(unsigned number, uint32_t id, unsigned status, const char *text)
{
	struct delivery_queue *queue = &queues[number];
	bool later = !status || status == QUEUE_TRY_TIMEOUT || status == QUEUE_TRIED_MANY ||
		     status >= 500;

	for (unsigned i = 0; id && status < 600 && i < DELIVERY_QUEUE; i++) {
		if (queue->entries[i].delivery.id == id && queue->entries[i].under_way) {
			queue_note(queue, &queue->entries[i], status / 100 == 2, !later,
				   queue_sentence(text));
			return true;
		}
	}
	return false;
}

void delivery_queue_gone(unsigned number)
{
	struct delivery_queue *queue = &queues[number];

	for (unsigned i = 0; i < DELIVERY_QUEUE; i++) {
		if (queue->entries[i].delivery.id && queue->entries[i].under_way)
			queue_note(queue, &queue->entries[i], false, false,
				   "the process that sends has ended");
	}
}

void delivery_queue_setup(unsigned number, const struct delivery_way *way)
{
	struct delivery_queue *queue = &queues[number];

	queue->way = way;
	for (unsigned i = 0; i < ALERT_RULES; i++)
		queue->rates[i] = (struct bucket){way->burst, clock_now_s()};
	queue->lines = (struct bucket){QUEUE_LINES, clock_now_s()};
}

static void queue_show(const struct delivery_way *way, json_t *object, const char *key,
		       json_t *value)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%s", way->prefix, key);
	json_object_set_new(object, name, value);
}

void delivery_queue_show(unsigned number, const struct alert_rule *rule, json_t *object)
{
	struct delivery_queue *queue = &queues[number];
	const struct delivery_way *way = queue->way;
	const char *target = way->target(rule);
	const struct queue_past *past = queue_past_find(queue, rule->name, target);
	bool told = past && past->time;
	unsigned count = 0;

	for (unsigned i = 0; i < DELIVERY_QUEUE; i++) {
		const struct queue_entry *entry = &queue->entries[i];

		count += entry->delivery.id && !strcmp(entry->rule, rule->name) &&
			 !strcmp(entry->delivery.target, target);
	}
	queue_show(way, object, "waiting", json_integer((json_int_t)count));
	queue_show(way, object, "dropped", json_integer(past ? (json_int_t)past->dropped : 0));
	queue_show(way, object, "delivered",
		   told ? json_integer((json_int_t)past->time) : json_null());
	queue_show(way, object, "delivery", told ? json_string(past->result) : json_null());
}
