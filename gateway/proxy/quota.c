/* SPDX-License-Identifier: MIT */
/*
 * Bounds how many questions a client asks. The process that answers them calls it for each; it
 * reads no clock of its own.
 */
#include "gateway/proxy/quota.h"

enum { QUOTA_HOUR_MS = 3600000 };

static struct quota_client quota_clients[QUOTA_CLIENTS];

/* Returns the client's place: a new client gets the place that was not used for longest. */
static struct quota_client *quota_find(uint32_t address, int64_t now_ms)
{
	struct quota_client *place = quota_clients;

	for (int i = 0; i < QUOTA_CLIENTS; i++) {
		struct quota_client *client = quota_clients + i;

		if (client->at_ms && client->address == address)
			return client;
		if (client->at_ms < place->at_ms)
			place = client;
	}
	*place = (struct quota_client){.address = address,
				       .at_ms = now_ms,
				       .credit_ms = QUOTA_BURST * 1000,
				       .hour_ms = now_ms};
	return place;
}

/* Returns what to do with one too many, of which one alone is told. */
static enum quota_result quota_refuse(bool *told)
{
	enum quota_result result = *told ? QUOTA_OVER : QUOTA_FIRST_OVER;

	*told = true;
	return result;
}

enum quota_result quota_take(const struct rules *rules, uint32_t address, int64_t now_ms)
{
	struct quota_client *client = quota_find(address, now_ms);
	int64_t cost_ms = 1000 / rules->questions;

	client->credit_ms += now_ms - client->at_ms;
	client->at_ms = now_ms;
	if (client->credit_ms > QUOTA_BURST * 1000)
		client->credit_ms = QUOTA_BURST * 1000;
	if (client->credit_ms < cost_ms)
		return quota_refuse(&client->over);
	client->credit_ms -= cost_ms;
	/* The next line of the log comes only when it has kept to its rate for a while. */
	if (client->credit_ms > 1000)
		client->over = false;
	return QUOTA_GOOD;
}

enum quota_result quota_take_hour(const struct rules *rules, uint32_t address, int64_t now_ms)
{
	struct quota_client *client = quota_find(address, now_ms);

	if (now_ms - client->hour_ms >= QUOTA_HOUR_MS) {
		client->hour_ms = now_ms;
		client->asked = 0;
		client->hour_over = false;
	}
	if (client->asked >= rules->questions_hour)
		return quota_refuse(&client->hour_over);
	client->asked++;
	return QUOTA_GOOD;
}
