/* SPDX-License-Identifier: MIT */
/*
 * Keeps answers by Idempotency-Key, so that a request that is sent twice is carried out once. The
 * router asks before it calls a handler, and answers are kept as they are sent, in memory, for a
 * day.
 */

#include "gateway/core/http/idempotency.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <jansson.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/route.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/share.h"

enum { IDEMPOTENCY_S = 24 * 3600 };

static struct kept {
	double until_s; /* when the entry expires; 0: it is free */
	struct identity owner;
	uint8_t key[32], content[32]; /* SHA-256 of the key and of the request's content */
	bool under_way;
	unsigned status;
	const char *type;
	char *bytes;
	size_t count;
} kept[IDEMPOTENCY_COUNT];

static void idempotency_hash(const struct request *request, const char *key, struct kept *entry)
{
	gnutls_hash_hd_t hash;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return;
	gnutls_hash(hash, &request->who.token, sizeof(request->who.token));
	gnutls_hash(hash, &request->who.account, sizeof(request->who.account));
	gnutls_hash(hash, &request->who.user, sizeof(request->who.user));
	gnutls_hash(hash, key, strlen(key));
	gnutls_hash_deinit(hash, entry->key);
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return;
	for (size_t i = 0; i < request->fields.count; i++) {
		const struct field *field = &request->fields.list[i];

		if (strcmp(field->name, "path") && strncmp(field->name, "body", 4))
			continue;
		gnutls_hash(hash, field->name, strlen(field->name) + 1);
		gnutls_hash(hash, field->value, strlen(field->value) + 1);
	}
	gnutls_hash_deinit(hash, entry->content);
}

static struct kept *idempotency_find(const uint8_t *key)
{
	for (size_t i = 0; i < IDEMPOTENCY_COUNT; i++) {
		if (kept[i].until_s > clock_now_s() && !memcmp(kept[i].key, key, 32))
			return &kept[i];
	}
	return NULL;
}

/*
 * Returns an entry of the table for a new key of `who`. Credentials share the entries, so that none
 * pushes out all keys of the others.
 */
static struct kept *idempotency_place(const struct identity *who)
{
	static struct share places[IDEMPOTENCY_COUNT];
	double now_s = clock_now_s();
	size_t place;

	for (size_t i = 0; i < IDEMPOTENCY_COUNT; i++)
		places[i] = (struct share){.who = kept[i].until_s > now_s ? &kept[i].owner : NULL,
					   .since = kept[i].under_way ? INFINITY : kept[i].until_s};
	place = share_place(places, IDEMPOTENCY_COUNT, who, true);
	return place < IDEMPOTENCY_COUNT && !kept[place].under_way ? &kept[place] : NULL;
}

/*
 * Returns whether an answer is a temporary refusal: the same request may succeed later, so the
 * answer is not kept.
 */
static bool idempotency_passes(unsigned status, const char *bytes, size_t count)
{
	static const char *const codes[] = {"busy", "no-memory", "bad-state", "failed"};
	json_t *problem = status == 409 ? json_loadb(bytes, count, 0, NULL) : NULL;
	const char *code = json_string_value(json_object_get(problem, "code"));
	bool passes = status >= 500 || status == 429;

	for (size_t i = 0; code && i < ARRAY_COUNT(codes); i++)
		passes |= !strcmp(code, codes[i]);
	json_decref(problem);
	return passes;
}

static void idempotency_store(struct kept *entry, unsigned status, const char *type,
			      const char *bytes, size_t count)
{
	entry->bytes = malloc(count + 1);
	if (!entry->bytes) {
		entry->until_s = 0;
		return;
	}
	memcpy(entry->bytes, bytes, count);
	entry->count = count;
	entry->status = status;
	entry->type = type;
}

enum idempotency_verdict idempotency_begin(struct request *request, const char *key,
					   struct idempotency_answer *answer)
{
	struct kept sought = {0}, *entry;

	if (!*key || strlen(key) > IDEMPOTENCY_KEY_BYTES)
		return IDEMPOTENCY_NO_KEY;
	idempotency_hash(request, key, &sought);
	entry = idempotency_find(sought.key);
	if (entry && memcmp(entry->content, sought.content, 32))
		return IDEMPOTENCY_OTHER;
	if (entry && entry->under_way)
		return IDEMPOTENCY_UNDER_WAY;
	if (entry) {
		*answer = (struct idempotency_answer){entry->status, entry->type, entry->bytes,
						      entry->count};
		return IDEMPOTENCY_KEPT;
	}
	entry = idempotency_place(&request->who);
	if (!entry)
		return IDEMPOTENCY_NEW;
	free(entry->bytes);
	*entry = sought;
	entry->owner = request->who;
	entry->under_way = true;
	entry->until_s = clock_now_s() + IDEMPOTENCY_S;
	request->key = (unsigned)(entry - kept) + 1;
	return IDEMPOTENCY_NEW;
}

/*
 * Returns the entry for the Idempotency-Key of a request that ends, and marks it as no longer under
 * way, or NULL if the request has no key.
 */
static struct kept *idempotency_ended(struct request *request)
{
	struct kept *entry;

	if (!request->key)
		return NULL;
	entry = &kept[request->key - 1];
	request->key = 0;
	entry->under_way = false;
	return entry;
}

void idempotency_keep(struct request *request, unsigned status, const char *type, const char *bytes,
		      size_t count)
{
	struct kept *entry = idempotency_ended(request);

	if (!entry)
		return;
	/* An answer with a secret is not kept, as a secret is shown only once. */
	if (idempotency_passes(status, bytes, count) || count > IDEMPOTENCY_BODY_BYTES ||
	    (request->route && request->route->flags & ROUTE_SECRET)) {
		entry->until_s = 0;
		return;
	}
	idempotency_store(entry, status, type, bytes, count);
}

void idempotency_keep_run(struct request *request, uint64_t number)
{
	struct kept *entry = idempotency_ended(request);
	char place[40];

	if (!entry)
		return;
	snprintf(place, sizeof(place), "{\"id\":\"%llu\"}", (unsigned long long)number);
	idempotency_store(entry, 200, "application/json", place, strlen(place));
}

void idempotency_forget(struct request *request)
{
	static const char left[] =
		"{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,\"code\":\"busy\","
		"\"detail\":\"the client of the first request with this Idempotency-Key went "
		"before "
		"the answer\"}";
	struct kept *entry = idempotency_ended(request);

	if (!entry)
		return;
	/* An action that has begun continues; the same key must not begin it again. */
	idempotency_store(entry, 409, "application/problem+json", left, strlen(left));
}
