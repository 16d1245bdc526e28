/* SPDX-License-Identifier: MIT */
/*
 * Procedures of stores, beside those that they share with networks: how full a store is, and taking
 * one from a host that is gone. The table of procedures names them; they ask core for the stores.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/door/error.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/thing.h"

enum {
	POOL_INACTIVE = 0,
	POOL_RUNNING = 2,
	/*
	 * how often a store is looked at that is being taken, each RPC_AGAIN_MS: some five minutes;
	 * and how often before a look counts that shows it as it was before
	 */
	POOL_LOOKS = 1000,
	POOL_LOOKS_EARLY = 10,
};

static bool pool_is(json_t *pool, const char *state)
{
	return !strcmp(thing_text(pool, "state"), state);
}

static void pool_took_info(struct rpc *call, json_t *body)
{
	json_t *pool = thing_find(call, body);
	uint64_t bytes, free_bytes;

	if (!pool)
		return;
	bytes = thing_number(pool, "bytes");
	free_bytes = thing_number(pool, "free_bytes");
	xdr_write_u32(&call->results, pool_is(pool, "ready") ? POOL_RUNNING : POOL_INACTIVE);
	xdr_write_u64(&call->results, bytes);
	xdr_write_u64(&call->results, bytes > free_bytes ? bytes - free_bytes : 0);
	xdr_write_u64(&call->results, free_bytes);
	rpc_answer(call);
}

void pool_info(struct rpc *call)
{
	rpc_ask(call, "GET", "/v1/stores", NULL, pool_took_info);
}

static void pool_took_refresh(struct rpc *call, json_t *body)
{
	if (thing_find(call, body))
		rpc_answer(call);
}

/* Does nothing but find the store: door asks core anew for each call. */
void pool_refresh(struct rpc *call)
{
	rpc_ask(call, "GET", "/v1/stores", NULL, pool_took_refresh);
}

/* Ends a call that wants a store to be ready, and tells why it is not. */
static void pool_fail(struct rpc *call, json_t *pool)
{
	rpc_fail(call, pool_is(pool, "loading") ? ERROR_TIMEOUT : ERROR_STATE,
		 "store %s is %s, and not ready: %s", thing_text(pool, "name"),
		 thing_text(pool, "state"), thing_text(pool, "problem"));
}

/* Returns whether another host has a store, or has taken it. */
static bool pool_is_taken(json_t *pool)
{
	return pool_is(pool, "held") || pool_is(pool, "lost");
}

/* Goes on once a store that is being taken is ready, or is not to be had. */
static void pool_took_look(struct rpc *call, json_t *body)
{
	json_t *pool = thing_find(call, body);

	if (!pool)
		return;
	if (pool_is(pool, "ready"))
		rpc_answer(call);
	else if (call->tries < POOL_LOOKS &&
		 (pool_is(pool, "loading") ||
		  (pool_is_taken(pool) && call->tries < POOL_LOOKS_EARLY)))
		rpc_again(call);
	else
		pool_fail(call, pool);
}

static void pool_look(struct rpc *call, json_t *unused)
{
	(void)unused;
	rpc_ask(call, "GET", "/v1/stores", NULL, pool_took_look);
}

static void pool_took_start(struct rpc *call, json_t *body)
{
	json_t *pool = thing_find(call, body);
	char path[RPC_NAME_BYTES + 32];

	if (!pool)
		return;
	if (pool_is(pool, "ready")) {
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: storage pool '%s' is already active",
			 thing_text(pool, "name"));
	} else if (pool_is_taken(pool)) {
		snprintf(path, sizeof(path), "/v1/stores/%s/actions/take",
			 thing_text(pool, "name"));
		rpc_ask(call, "POST", path, NULL, pool_look);
	} else {
		pool_look(call, NULL);
	}
}

/*
 * Takes a store that another host holds, and waits until that has ended. Skerry looks first whether
 * the other host still writes; then the call fails.
 */
void pool_start(struct rpc *call)
{
	if (rpc_flags(call, 0, "a store is taken as it is"))
		rpc_ask(call, "GET", "/v1/stores", NULL, pool_took_start);
}
