/* SPDX-License-Identifier: MIT */
/*
 * The queue of deliveries to web hooks: decides when each is sent, and sent again after a failure.
 * Core's main function brings the news of alerts and the time, a handler shows the results; the
 * file hands deliveries to the process hook.
 */
#include "gateway/core/live/hook_queue.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>

#include "gateway/base/bytes.h"
#include "gateway/base/fields.h"
#include "gateway/base/address.h"
#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/bucket.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/live/hook_process.h"

enum {
	QUEUE_TRIED_MANY = 429,
	QUEUE_TRY_TIMEOUT = 408,
	QUEUE_LINES = 16,
	QUEUE_SENTENCE_BYTES = 160, /* room for the process's sentence about a delivery */
};

struct queue_entry {
	uint32_t id;	/* 0: the entry is free; ids grow, so that the lowest is the oldest */
	unsigned place; /* the rule's place in the table of rules */
	char rule[NAME_BYTES], url[HOOK_URL_BYTES], secret[SECRET_TEXT_BYTES];
	char number[2 * 16 + 1]; /* the delivery's number, which its receiver gets */
	char *body;
	unsigned tries;
	bool under_way;
	double again_s; /* when the delivery may be sent, by clock_now_s() */
	double begun_s; /* when the present attempt began */
};

/*
 * The results of a rule's deliveries to one URL. A rule that gets another URL gets another entry.
 */
struct queue_past {
	char rule[NAME_BYTES], url[HOOK_URL_BYTES];
	unsigned dropped;
	double used_s; /* when the entry was last written, by clock_now_s(); 0: it is free */
	int64_t time;  /* time of the last result, in seconds since 1970 */
	char result[200];
};

static struct {
	struct queue_entry entries[HOOK_QUEUE];
	struct queue_past past[ALERT_RULES];
	uint32_t last;
	unsigned under_way;
	bool blind; /* this computer's networks are not known; stderr has a line about it */
	struct bucket lines;
} queue = {.lines = {.left = QUEUE_LINES}};

/* Returns the results of that rule's deliveries to that URL, or NULL. */
static struct queue_past *queue_past_find(const char *rule, const char *url)
{
	for (unsigned i = 0; i < ALERT_RULES; i++) {
		if (!strcmp(queue.past[i].rule, rule) && !strcmp(queue.past[i].url, url))
			return &queue.past[i];
	}
	return NULL;
}

/*
 * Returns the entry for the results of the delivery's rule and URL; a new one replaces the oldest.
 */
static struct queue_past *queue_past(const struct queue_entry *entry)
{
	struct queue_past *place = queue_past_find(entry->rule, entry->url);
	struct queue_past *oldest = &queue.past[0];

	for (unsigned i = 0; i < ALERT_RULES; i++) {
		if (queue.past[i].used_s < oldest->used_s)
			oldest = &queue.past[i];
	}
	if (!place) {
		place = oldest;
		*place = (struct queue_past){0};
		string_copy(place->rule, sizeof(place->rule), entry->rule);
		string_copy(place->url, sizeof(place->url), entry->url);
	}
	place->used_s = clock_now_s();
	return place;
}

static void queue_free(struct queue_entry *entry)
{
	queue.under_way -= entry->under_way;
	free(entry->body);
	explicit_bzero(entry, sizeof(*entry));
}

/* Drops a delivery that is not under way, and counts it as dropped. */
static void queue_drop(struct queue_entry *entry)
{
	queue_past(entry)->dropped++;
	queue_free(entry);
}

/* Drops the waiting deliveries of other rules, which had this place before. */
static void queue_leave(unsigned place, const char *rule)
{
	for (unsigned i = 0; i < HOOK_QUEUE; i++) {
		struct queue_entry *entry = &queue.entries[i];

		if (entry->id && entry->place == place && !entry->under_way &&
		    strcmp(entry->rule, rule) != 0)
			queue_drop(entry);
	}
}

/*
 * Returns a free entry. If the place has too many deliveries, its oldest one is dropped for that.
 */
static struct queue_entry *queue_room(unsigned place)
{
	struct queue_entry *oldest = NULL, *free_one = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < HOOK_QUEUE; i++) {
		struct queue_entry *entry = &queue.entries[i];

		free_one = entry->id ? free_one : entry;
		if (!entry->id || entry->place != place)
			continue;
		count++;
		if (!entry->under_way && (!oldest || entry->id < oldest->id))
			oldest = entry;
	}
	if (count < HOOK_QUEUE_EACH || !oldest)
		return free_one;
	queue_drop(oldest);
	return oldest;
}

/* Returns the delivery's body for the news, as JSON, which the caller frees. */
static char *queue_body(const struct alert_news *news, const char *number)
{
	json_t *body = alert_rule_json(news->rule);
	char *text;

	json_object_set_new(body, "event", json_string(news->firing ? "firing" : "cleared"));
	json_object_set_new(body, "of", json_string(news->what));
	json_object_set_new(body, "value", json_real(news->value));
	json_object_set_new(body, "since", json_integer((json_int_t)news->since));
	json_object_set_new(body, "time", json_integer((json_int_t)time(NULL)));
	json_object_set_new(body, "reason", json_string(news->reason));
	json_object_set_new(body, "gateway", json_string(settings.fingerprint));
	json_object_set_new(body, "delivery", json_string(number));
	text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(12));
	json_decref(body);
	return text;
}

void hook_queue_add(const struct alert_news *news)
{
	const struct alert_rule *rule = news->rule;
	struct queue_entry *entry;
	uint8_t random[16];

	queue_leave(news->number, rule->name);
	entry = *rule->url ? queue_room(news->number) : NULL;

	if (!entry || gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof(random)) < 0)
		return;
	hex_write(entry->number, random, sizeof(random));
	entry->body = queue_body(news, entry->number);
	if (!entry->body)
		return;
	queue.last += queue.last == UINT32_MAX ? 2 : 1;
	entry->id = queue.last;
	entry->place = news->number;
	string_copy(entry->rule, sizeof(entry->rule), rule->name);
	string_copy(entry->url, sizeof(entry->url), rule->url);
	string_copy(entry->secret, sizeof(entry->secret), rule->secret);
}

/* Returns how many bits of an interface's mask are set. */
static unsigned queue_mask_bits(const struct sockaddr *socket)
{
	uint8_t mask[ADDRESS_BYTES];
	unsigned bits = 0;

	if (!address_of(socket, mask))
		return 0;
	if (socket->sa_family == AF_INET)
		memset(mask, 0xff, ADDRESS_BYTES - sizeof(struct in_addr));
	while (bits < 8 * ADDRESS_BYTES && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	return bits;
}

/* Adds a network unless one of those that are known has all its addresses. Returns false if there
 * is no room. */
static bool queue_keep_network(struct address_range *known, unsigned *count,
			       const struct address_range *network)
{
	for (unsigned i = 0; i < *count; i++)
		if (known[i].bits <= network->bits && address_within(&known[i], network->first))
			return true;
	if (*count == ADDRESS_RANGES)
		return false;
	known[(*count)++] = *network;
	return true;
}

/*
 * Finds this computer's own networks, as far as their addresses are of the internet: others are
 * refused anyway. Addresses that a network has many of, as IPv6's temporary ones, count once.
 * Returns false if the networks are not known, or are more than ADDRESS_RANGES.
 */
static bool queue_find_own(struct address_range *known, unsigned *count)
{
	struct ifaddrs *list = NULL;
	bool all = true;

	*count = 0;
	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *each = list; each; each = each->ifa_next) {
		struct address_range network;

		if (!each->ifa_addr || !each->ifa_netmask ||
		    !address_of(each->ifa_addr, network.first) || !address_global(network.first))
			continue;
		network.bits = queue_mask_bits(each->ifa_netmask);
		all = all && queue_keep_network(known, count, &network);
	}
	freeifaddrs(list);
	return all;
}

static bool queue_add_own(struct buffer *fields)
{
	struct address_range known[ADDRESS_RANGES];
	unsigned count;

	if (!queue_find_own(known, &count))
		return false;
	for (unsigned i = 0; i < count; i++) {
		char text[INET6_ADDRSTRLEN + 8];

		address_text(known[i].first, known[i].bits, text, sizeof(text));
		fields_text(fields, "own", text);
	}
	return true;
}

static bool queue_send(struct queue_entry *entry)
{
	struct buffer fields = {0};
	char now[24];
	bool own, done;

	snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	fields_text(&fields, "number", entry->number);
	fields_text(&fields, "url", entry->url);
	fields_text(&fields, "secret", entry->secret);
	fields_text(&fields, "body", entry->body);
	fields_text(&fields, "time", now);
	for (unsigned i = 0; i < settings.hook_allow_count; i++)
		fields_text(&fields, "allowed", settings.hook_allow[i]);
	own = queue_add_own(&fields);
	if (!own && !queue.blind)
		fprintf(stderr,
			"skerryd: this computer's networks are not known, so no web hook is "
			"sent\n");
	queue.blind = !own;
	done = own && !fields.failed && hook_process_send(entry->id, &fields);
	if (fields.bytes)
		explicit_bzero(fields.bytes, fields.count);
	buffer_free(&fields);
	return done;
}

/* Returns whether the entry is the oldest delivery of its place. */
static bool queue_is_next(const struct queue_entry *entry)
{
	for (unsigned i = 0; i < HOOK_QUEUE; i++) {
		const struct queue_entry *other = &queue.entries[i];

		if (other->id && other->id < entry->id && other->place == entry->place)
			return false;
	}
	return true;
}

/*
 * Returns whether the rule still has the delivery's web hook. If not, the next attempt is the last.
 */
static bool queue_is_wanted(const struct queue_entry *entry)
{
	const struct alert_rule *rule = alert_find(entry->rule);

	return rule && !strcmp(rule->url, entry->url);
}

/* Ends the process if it has not said for long how a delivery went. */
static void queue_watch(double now_s)
{
	for (unsigned i = 0; i < HOOK_QUEUE && queue.under_way; i++) {
		const struct queue_entry *entry = &queue.entries[i];

		if (entry->under_way && now_s - entry->begun_s > HOOK_QUEUE_LATE_S) {
			fprintf(stderr, "skerryd: hook has said nothing for long, and is ended\n");
			hook_process_drop();
			return;
		}
	}
}

void hook_queue_tick(void)
{
	double now_s = clock_now_s();

	queue_watch(now_s);
	for (unsigned i = 0; i < HOOK_QUEUE && queue.under_way < HOOK_QUEUE_UNDER_WAY; i++) {
		struct queue_entry *entry = &queue.entries[i];

		if (!entry->id || entry->under_way ||
		    (now_s < entry->again_s && queue_is_wanted(entry)) || !queue_is_next(entry))
			continue;
		if (!queue_send(entry))
			return;
		entry->under_way = true;
		entry->begun_s = now_s;
		entry->tries++;
		queue.under_way++;
	}
}

/* Notes the result of an attempt, and frees the delivery or sets the time of the next attempt. */
static void queue_note(struct queue_entry *entry, bool done, bool lasts, const char *text)
{
	static const double pauses_s[HOOK_QUEUE_TRIES] = {1, 5, 25, 125, 300, 300};
	struct queue_past *past = queue_past(entry);

	lasts = lasts || entry->tries >= HOOK_QUEUE_TRIES || !queue_is_wanted(entry);
	past->time = time(NULL);
	snprintf(past->result, sizeof(past->result), "%s%s", text,
		 done	 ? ""
		 : lasts ? ", and was given up"
			 : ", and is tried again");
	entry->under_way = false;
	queue.under_way--;
	if (!done && !lasts) {
		entry->again_s = clock_now_s() + pauses_s[entry->tries - 1];
		return;
	}
	if (!done && bucket_take(&queue.lines, 0.1, QUEUE_LINES, clock_now_s()))
		audit_begin("skerryd", "alert.undelivered", entry->rule, "", past->result);
	queue_free(entry);
}

/*
 * Returns the process's sentence if it is fit for the audit and terminals, else a fixed sentence.
 */
static const char *queue_sentence(const char *text)
{
	const char *at = text;

	while (*at >= ' ' && *at <= '~')
		at++;
	return *text && !*at && at - text < QUEUE_SENTENCE_BYTES
		       ? text
		       : "the process that sends has said nothing that can be shown";
}

/* Takes the process's result of a delivery. Returns false if no such delivery is under way. */
static bool queue_result(uint32_t id, unsigned status, const char *text)
{
	bool later = !status || status == QUEUE_TRY_TIMEOUT || status == QUEUE_TRIED_MANY ||
		     status >= 500;

	for (unsigned i = 0; id && status < 600 && i < HOOK_QUEUE; i++) {
		if (queue.entries[i].id == id && queue.entries[i].under_way) {
			queue_note(&queue.entries[i], status / 100 == 2, !later,
				   queue_sentence(text));
			return true;
		}
	}
	return false;
}

static void queue_gone(void)
{
	for (unsigned i = 0; i < HOOK_QUEUE; i++) {
		if (queue.entries[i].id && queue.entries[i].under_way)
			queue_note(&queue.entries[i], false, false,
				   "the process that sends has ended");
	}
}

void hook_queue_setup(void)
{
	hook_process_setup(queue_result, queue_gone);
}

void hook_queue_show(const struct alert_rule *rule, json_t *object)
{
	const struct queue_past *past = queue_past_find(rule->name, rule->url);
	unsigned count = 0;

	for (unsigned i = 0; i < HOOK_QUEUE; i++) {
		const struct queue_entry *entry = &queue.entries[i];

		count += entry->id && !strcmp(entry->rule, rule->name) &&
			 !strcmp(entry->url, rule->url);
	}
	json_object_set_new(object, "waiting", json_integer((json_int_t)count));
	json_object_set_new(object, "dropped", json_integer(past ? (json_int_t)past->dropped : 0));
	json_object_set_new(object, "delivered",
			    past && past->time ? json_integer((json_int_t)past->time)
					       : json_null());
	json_object_set_new(object, "delivery",
			    past && past->time ? json_string(past->result) : json_null());
}
