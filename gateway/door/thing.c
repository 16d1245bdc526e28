/* SPDX-License-Identifier: MIT */
/*
 * Procedures of objects that the host has by name: networks, and stores, which libvirt calls
 * storage pools. The table of procedures names them; they ask core for the list and pick from it.
 */
#include "gateway/door/thing.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/door/error.h"
#include "gateway/door/procedure.h"
#include "gateway/door/serve.h"
#include "gateway/door/xml.h"

enum { THING_ACTIVE = 2, THING_INACTIVE = 1, THING_LISTED = 3 };

static bool thing_is_network(const struct rpc *call)
{
	return strstr(procedure_name(call->head.procedure), "Network");
}

const char *thing_text(json_t *thing, const char *key)
{
	const char *text = json_string_value(json_object_get(thing, key));

	return text ? text : "";
}

uint64_t thing_number(json_t *thing, const char *key)
{
	int64_t number = json_integer_value(json_object_get(thing, key));

	return number > 0 ? (uint64_t)number : 0;
}

static bool thing_active(json_t *thing)
{
	return !strcmp(thing_text(thing, "state"), "ready");
}

static void thing_uuid(const struct rpc *call, json_t *thing, uint8_t uuid[UUID_BYTES])
{
	uuid_of_name(thing_is_network(call) ? "network" : "store", thing_text(thing, "name"), uuid);
}

/* Writes a network or a store in XDR, as procedures return it. */
static void thing_write(struct rpc *call, json_t *thing)
{
	uint8_t uuid[UUID_BYTES];

	thing_uuid(call, thing, uuid);
	xdr_write_text(&call->results, thing_text(thing, "name"));
	xdr_write_bytes(&call->results, uuid, UUID_BYTES);
}

static void thing_ask(struct rpc *call, rpc_took *took)
{
	rpc_ask(call, "GET", thing_is_network(call) ? "/v1/nets" : "/v1/stores", NULL, took);
}

/*
 * Returns whether a call names this network or store, by its UUID or its name. A call about a
 * volume begins with the name of the volume's store.
 */
static bool thing_is(const struct rpc *call, json_t *thing)
{
	uint8_t uuid[UUID_BYTES];

	if (call->procedure->takes[0] != 'u')
		return !strcmp(thing_text(thing, "name"), call->arguments.texts[0]);
	thing_uuid(call, thing, uuid);
	return !memcmp(uuid, call->arguments.uuid, UUID_BYTES);
}

json_t *thing_find(struct rpc *call, json_t *body)
{
	char uuid[UUID_TEXT_BYTES];
	json_t *thing;
	size_t i;

	json_array_foreach(json_object_get(body, "items"), i, thing)
	{
		if (thing_is(call, thing))
			return thing;
	}
	uuid_text(call->arguments.uuid, uuid);
	rpc_fail(call, thing_is_network(call) ? ERROR_NO_NETWORK : ERROR_NO_POOL,
		 "%s not found: there is none with the %s '%s'",
		 thing_is_network(call) ? "Network" : "Storage pool",
		 call->procedure->takes[0] == 'u' ? "uuid" : "name",
		 call->procedure->takes[0] == 'u' ? uuid : call->arguments.texts[0]);
	return NULL;
}

/*
 * Returns whether a list's flags select a network or store; flags that select nothing select all.
 */
static bool thing_shown(json_t *thing, uint32_t flags)
{
	uint32_t has = thing_active(thing) ? THING_ACTIVE : THING_INACTIVE;

	return !(flags & THING_LISTED) || flags & has;
}

static void thing_took_all(struct rpc *call, json_t *body)
{
	/*
	 * The flags of both lists, of networks and of stores, have 1 for inactive ones and 2 for
	 * active ones.
	 */
	uint32_t flags = (uint32_t)call->arguments.numbers[1], count = 0;
	json_t *items = json_object_get(body, "items"), *thing;
	size_t i;

	json_array_foreach(items, i, thing) count += thing_shown(thing, flags);
	if (call->arguments.numbers[0]) {
		xdr_write_u32(&call->results, count);
		json_array_foreach(items, i, thing)
		{
			if (thing_shown(thing, flags))
				thing_write(call, thing);
		}
	} else {
		xdr_write_u32(&call->results, 0);
	}
	xdr_write_u32(&call->results, count);
	rpc_answer(call);
}

void thing_all(struct rpc *call)
{
	thing_ask(call, thing_took_all);
}

static void thing_took_count(struct rpc *call, json_t *body)
{
	xdr_write_u32(&call->results, (uint32_t)json_array_size(json_object_get(body, "items")));
	rpc_answer(call);
}

void thing_count(struct rpc *call)
{
	thing_ask(call, thing_took_count);
}

void thing_write_names(struct rpc *call, json_t *body, int32_t room)
{
	json_t *items = json_object_get(body, "items"), *thing;
	size_t count = json_array_size(items), i;

	if (room < 0)
		count = 0;
	else if (count > (size_t)room)
		count = (size_t)room;
	xdr_write_u32(&call->results, (uint32_t)count);
	json_array_foreach(items, i, thing)
	{
		if (i < count)
			xdr_write_text(&call->results, thing_text(thing, "name"));
	}
	rpc_answer(call);
}

static void thing_took_names(struct rpc *call, json_t *body)
{
	thing_write_names(call, body, call->arguments.numbers[0]);
}

void thing_names(struct rpc *call)
{
	thing_ask(call, thing_took_names);
}

/*
 * Answers 0, for the number and the list of inactive ones: each network or store of the
 * configuration is active.
 */
void thing_none(struct rpc *call)
{
	xdr_write_u32(&call->results, 0);
	rpc_answer(call);
}

static void thing_took_found(struct rpc *call, json_t *body)
{
	json_t *thing = thing_find(call, body);

	if (!thing)
		return;
	thing_write(call, thing);
	rpc_answer(call);
}

void thing_lookup(struct rpc *call)
{
	thing_ask(call, thing_took_found);
}

static void thing_took_is_active(struct rpc *call, json_t *body)
{
	json_t *thing = thing_find(call, body);

	if (!thing)
		return;
	xdr_write_u32(&call->results, thing_active(thing));
	rpc_answer(call);
}

void thing_is_active(struct rpc *call)
{
	thing_ask(call, thing_took_is_active);
}

static void thing_took_yes(struct rpc *call, json_t *body)
{
	if (!thing_find(call, body))
		return;
	xdr_write_u32(&call->results, 1);
	rpc_answer(call);
}

/*
 * Answers yes if core has the network or store: it is in the configuration, and so starts at each
 * boot.
 */
void thing_yes(struct rpc *call)
{
	thing_ask(call, thing_took_yes);
}

void thing_xml_count(struct buffer *text, const char *name, json_t *thing, const char *key)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)thing_number(thing, key));
	xml_begin(text, name);
	xml_attribute(text, "unit", "bytes");
	xml_text(text, name, number);
}

static void thing_xml_network(struct buffer *text, json_t *thing)
{
	const char *uplink = thing_text(thing, "uplink");
	char mtu[24];

	snprintf(mtu, sizeof(mtu), "%llu", (unsigned long long)thing_number(thing, "mtu"));
	if (strcmp(uplink, "-") != 0) {
		xml_begin(text, "forward");
		xml_attribute(text, "mode", "bridge");
		xml_close(text);
	}
	xml_begin(text, "mtu");
	xml_attribute(text, "size", mtu);
	xml_close(text);
}

static void thing_xml_pool(struct buffer *text, json_t *thing)
{
	int64_t free_bytes = json_integer_value(json_object_get(thing, "free_bytes"));
	json_t *used = json_pack("{s:I}", "bytes",
				 json_integer_value(json_object_get(thing, "bytes")) - free_bytes);

	thing_xml_count(text, "capacity", thing, "bytes");
	thing_xml_count(text, "allocation", used, "bytes");
	thing_xml_count(text, "available", thing, "free_bytes");
	xml_begin(text, "source");
	xml_open(text);
	xml_begin(text, "device");
	xml_attribute(text, "path", thing_text(thing, "disk"));
	xml_close(text);
	xml_end(text, "source");
	xml_begin(text, "target");
	xml_open(text);
	xml_begin(text, "path");
	xml_text(text, "path", thing_text(thing, "name"));
	xml_end(text, "target");
	json_decref(used);
}

static void thing_took_xml(struct rpc *call, json_t *body)
{
	bool network = thing_is_network(call);
	json_t *thing = thing_find(call, body);
	char uuid_of_thing[UUID_TEXT_BYTES];
	uint8_t uuid[UUID_BYTES];
	struct buffer text = {0};

	if (!thing)
		return;
	thing_uuid(call, thing, uuid);
	uuid_text(uuid, uuid_of_thing);
	xml_begin(&text, network ? "network" : "pool");
	if (!network)
		xml_attribute(&text, "type", "logical");
	xml_open(&text);
	xml_begin(&text, "name");
	xml_text(&text, "name", thing_text(thing, "name"));
	xml_begin(&text, "uuid");
	xml_text(&text, "uuid", uuid_of_thing);
	if (network)
		thing_xml_network(&text, thing);
	else
		thing_xml_pool(&text, thing);
	xml_end(&text, network ? "network" : "pool");
	rpc_answer_text(call, &text);
}

void thing_xml(struct rpc *call)
{
	thing_ask(call, thing_took_xml);
}
