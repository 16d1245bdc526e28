/* SPDX-License-Identifier: MIT */
/*
 * The way of web hooks: what is sent, where to, and by which process. The queue of deliveries calls
 * it and hands over deliveries, core's main loop watches the process hook by `hook_process`.
 */
#include "gateway/core/live/hook_way.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/address.h"
#include "gateway/base/buffer.h"
#include "gateway/base/fields.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/live/delivery_queue.h"

static bool hook_way_blind; /* this computer's networks are not known; stderr has a line about it */

static const char *hook_way_target(const struct alert_rule *rule)
{
	return rule->url;
}

/* Returns the delivery's body for the news, as JSON, which the caller frees. */
static char *hook_way_body(const struct alert_news *news, const char *number)
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

/* Returns how many bits of an interface's mask are set. */
static unsigned hook_way_mask_bits(const struct sockaddr *socket)
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
static bool hook_way_keep_network(struct address_range *known, unsigned *count,
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
static bool hook_way_find_own(struct address_range *known, unsigned *count)
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
		network.bits = hook_way_mask_bits(each->ifa_netmask);
		all = all && hook_way_keep_network(known, count, &network);
	}
	freeifaddrs(list);
	return all;
}

static bool hook_way_add_own(struct buffer *fields)
{
	struct address_range known[ADDRESS_RANGES];
	unsigned count;

	if (!hook_way_find_own(known, &count))
		return false;
	for (unsigned i = 0; i < count; i++) {
		char text[INET6_ADDRSTRLEN + 8];

		address_text(known[i].first, known[i].bits, text, sizeof(text));
		fields_text(fields, "own", text);
	}
	return true;
}

static void hook_way_run(int fd)
{
	execl("/proc/self/exe", "skerryd", "hook", side_process_child(fd),
	      settings.hook_ca ? settings.hook_ca : "", (char *)NULL);
}

static bool hook_way_take(const struct message_head *head, const char *bytes, size_t count)
{
	(void)count;
	return head->kind == MESSAGE_END &&
	       delivery_queue_result(DELIVERY_HOOK, head->id, head->value, bytes);
}

static void hook_way_gone(void)
{
	delivery_queue_gone(DELIVERY_HOOK);
}

struct side_process hook_process = {
	.name = "hook",
	.run = hook_way_run,
	.take = hook_way_take,
	.gone = hook_way_gone,
	.socket = {.fd = -1},
};

static bool hook_way_send(const struct delivery *delivery)
{
	struct buffer fields = {0};
	char now[24];
	bool own, done;

	snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	fields_text(&fields, "number", delivery->number);
	fields_text(&fields, "url", delivery->target);
	fields_text(&fields, "secret", delivery->secret);
	fields_text(&fields, "body", delivery->body);
	fields_text(&fields, "time", now);
	for (unsigned i = 0; i < settings.hook_allow_count; i++)
		fields_text(&fields, "allowed", settings.hook_allow[i]);
	own = hook_way_add_own(&fields);
	if (!own && !hook_way_blind)
		fprintf(stderr,
			"skerryd: this computer's networks are not known, so no web hook is "
			"sent\n");
	hook_way_blind = !own;
	done = own && !fields.failed &&
	       side_process_send(&hook_process,
				 (struct message_head){MESSAGE_REQUEST, delivery->id, 0, 0},
				 fields.bytes, fields.count);
	if (fields.bytes)
		explicit_bzero(fields.bytes, fields.count);
	buffer_free(&fields);
	return done;
}

void hook_way_setup(void)
{
	static const struct delivery_way way = {
		.prefix = "",
		.under_way = ALERT_RULES,
		.target = hook_way_target,
		.body = hook_way_body,
		.send = hook_way_send,
		.process = &hook_process,
	};

	delivery_queue_setup(DELIVERY_HOOK, &way);
}
