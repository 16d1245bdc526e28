/* SPDX-License-Identifier: MIT */
/*
 * Procedures of the machine that Skerry runs on. The table of procedures names them; they ask core
 * for the host's data.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/xml.h"

enum { NODE_MODEL_BYTES = 32 };

static int64_t node_memory(json_t *host, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(host, "memory"), key));
}

static void node_took_info(struct rpc *call, json_t *host)
{
	static const char model[NODE_MODEL_BYTES] = "x86_64";
	struct buffer *results = &call->results;
	uint32_t cpus = (uint32_t)json_array_size(json_object_get(host, "cpus"));

	/* In XDR an array of characters has an item for each character. */
	for (size_t i = 0; i < sizeof(model); i++)
		xdr_write_u32(results, (uint8_t)model[i]);
	xdr_write_u64(results, (uint64_t)node_memory(host, "total_bytes") / 1024);
	xdr_write_u32(results, cpus);
	xdr_write_u32(results, 0);    /* MHz, which are unknown */
	xdr_write_u32(results, 1);    /* NUMA nodes */
	xdr_write_u32(results, 1);    /* sockets of each node */
	xdr_write_u32(results, cpus); /* cores of each CPU socket */
	xdr_write_u32(results, 1);    /* threads of each core */
	rpc_answer(call);
}

void node_info(struct rpc *call)
{
	rpc_ask(call, "GET", "/v1/host", NULL, node_took_info);
}

static void node_took_free(struct rpc *call, json_t *host)
{
	xdr_write_u64(&call->results, (uint64_t)node_memory(host, "free_bytes"));
	rpc_answer(call);
}

void node_free_memory(struct rpc *call)
{
	rpc_ask(call, "GET", "/v1/host", NULL, node_took_free);
}

static void node_took_memory_stats(struct rpc *call, json_t *host)
{
	static const char *const names[][2] = {{"total", "total_bytes"}, {"free", "free_bytes"}};
	size_t count = ARRAY_COUNT(names);

	/* A call with room for fewer items asks how many there are. */
	if (call->arguments.numbers[0] < (int32_t)count) {
		xdr_write_u32(&call->results, 0);
	} else {
		xdr_write_u32(&call->results, (uint32_t)count);
		for (size_t i = 0; i < count; i++) {
			xdr_write_text(&call->results, names[i][0]);
			xdr_write_u64(&call->results,
				      (uint64_t)node_memory(host, names[i][1]) / 1024);
		}
	}
	xdr_write_u32(&call->results, (uint32_t)count);
	rpc_answer(call);
}

void node_memory_stats(struct rpc *call)
{
	rpc_ask(call, "GET", "/v1/host", NULL, node_took_memory_stats);
}

static void node_took_capabilities(struct rpc *call, json_t *host)
{
	struct buffer text = {0};

	(void)host;
	buffer_text(&text, "<capabilities>\n<host>\n<cpu>\n<arch>x86_64</arch>\n</cpu>\n</host>\n"
			   "<guest>\n<os_type>hvm</os_type>\n<arch name='x86_64'>\n"
			   "<wordsize>64</wordsize>\n<domain type='skerry'/>\n</arch>\n</guest>\n"
			   "</capabilities>\n");
	rpc_answer_text(call, &text);
}

void node_capabilities(struct rpc *call)
{
	rpc_ask(call, "GET", "/v1/host", NULL, node_took_capabilities);
}
