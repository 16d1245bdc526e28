/* SPDX-License-Identifier: MIT */
/*
 * Procedures of a connection itself: who may open it, and the facts about the server that libvirt's
 * clients ask for. The table of procedures names them; they ask core who the client is, and for
 * Skerry's version.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/door/rpc.h"
#include "gateway/door/door.h"
#include "gateway/door/error.h"
#include "gateway/door/serve.h"

enum {
	CONNECT_ONLY_READS = 1, /* a flag of ConnectOpen: the connection only reads */
	/* a flag of ConnectOpen that concerns the client alone */
	CONNECT_NO_ALIASES = 2,
	/* the version of libvirt whose protocol door speaks: 9.0.0 */
	CONNECT_LIBRARY = 9 * 1000 * 1000,
	CONNECT_VCPUS = 64,
};

void connect_auth_list(struct rpc *call)
{
	/*
	 * The only way to log in needs no credentials: core knows the client's user from the Unix
	 * socket.
	 */
	xdr_write_u32(&call->results, 1);
	xdr_write_u32(&call->results, 0);
	rpc_answer(call);
}

/*
 * Opens the connection unless the link to Skerry is lost. What core knows is old then, and most
 * clients take a VM that they do not find, or a state of a minute ago, for what is.
 */
static void connect_took_health(struct rpc *call, json_t *health)
{
	if (!json_is_true(json_object_get(health, "ready"))) {
		rpc_fail(call, ERROR_FAILED, "the gateway has lost its link to Skerry");
		return;
	}
	call->client->opened = true;
	call->client->only_reads = call->arguments.numbers[0] & CONNECT_ONLY_READS;
	rpc_answer(call);
}

static void connect_took_me(struct rpc *call, json_t *me)
{
	(void)me;
	rpc_ask(call, "GET", "/v1/health", NULL, connect_took_health);
}

/*
 * Opens a connection if core knows the client's user. The name in the call, which is the client's
 * URI, does not matter.
 */
void connect_open(struct rpc *call)
{
	if (call->arguments.numbers[0] & ~(CONNECT_ONLY_READS | CONNECT_NO_ALIASES))
		rpc_fail(call, ERROR_INVALID_ARGUMENT,
			 "ConnectOpen has a flag that is unknown: 0x%x",
			 (unsigned)call->arguments.numbers[0]);
	else
		rpc_ask(call, "GET", "/v1/me", NULL, connect_took_me);
}

void connect_close(struct rpc *call)
{
	call->client->opened = false;
	listener_end(call->client);
	rpc_answer(call);
}

void connect_type(struct rpc *call)
{
	xdr_write_text(&call->results, "Skerry");
	rpc_answer(call);
}

static void connect_took_version(struct rpc *call, json_t *host)
{
	const char *version = json_string_value(json_object_get(host, "version"));
	unsigned major = 0, minor = 0, release = 0;

	if (version)
		sscanf(version, "%3u.%3u.%3u", &major, &minor, &release);
	xdr_write_u64(&call->results, major * 1000000ull + minor * 1000ull + release);
	rpc_answer(call);
}

void connect_version(struct rpc *call)
{
	rpc_ask(call, "GET", "/v1/host", NULL, connect_took_version);
}

void connect_library_version(struct rpc *call)
{
	xdr_write_u64(&call->results, CONNECT_LIBRARY);
	rpc_answer(call);
}

void connect_hostname(struct rpc *call)
{
	xdr_write_text(&call->results, door_hostname());
	rpc_answer(call);
}

void connect_uri(struct rpc *call)
{
	xdr_write_text(&call->results, "skerry:///system");
	rpc_answer(call);
}

void connect_feature(struct rpc *call)
{
	enum { FEATURE_KEEPALIVE = 10, FEATURE_EVENTS_BY_NUMBER = 14 };
	int32_t feature = call->arguments.numbers[0];

	xdr_write_u32(&call->results,
		      feature == FEATURE_KEEPALIVE || feature == FEATURE_EVENTS_BY_NUMBER);
	rpc_answer(call);
}

void connect_is_secure(struct rpc *call)
{
	/* 1: the connection counts as secure, as it is a Unix socket of this machine. */
	xdr_write_u32(&call->results, 1);
	rpc_answer(call);
}

void connect_max_vcpus(struct rpc *call)
{
	xdr_write_u32(&call->results, CONNECT_VCPUS);
	rpc_answer(call);
}
