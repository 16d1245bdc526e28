/* SPDX-License-Identifier: MIT */
/*
 * Procedures of stores, beside those that they share with networks: how full a store is. The table
 * of procedures names them; they ask core for the stores.
 */
#include <string.h>

#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/thing.h"

enum { POOL_INACTIVE = 0, POOL_RUNNING = 2 };

static void pool_took_info(struct rpc *call, json_t *body)
{
	json_t *pool = thing_find(call, body);
	uint64_t bytes, free_bytes;

	if (!pool)
		return;
	bytes = thing_number(pool, "bytes");
	free_bytes = thing_number(pool, "free_bytes");
	xdr_write_u32(&call->results,
		      strcmp(thing_text(pool, "state"), "ready") ? POOL_INACTIVE : POOL_RUNNING);
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
