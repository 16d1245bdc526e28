/* SPDX-License-Identifier: MIT */
/*
 * Procedures of the volumes of stores. The table of procedures names them; they ask core. A
 * volume's key and path are STORE/VOLUME, as a VM's `disk` has it.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/base/string.h"
#include "gateway/door/error.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/size.h"
#include "gateway/door/thing.h"
#include "gateway/door/xml.h"

enum { VOLUME_BLOCK = 1, VOLUME_PATH_BYTES = 320 };

static void volume_missing(struct rpc *call)
{
	rpc_fail(call, ERROR_NO_VOLUME, "Storage volume not found: %s/%s", call->arguments.texts[0],
		 call->arguments.texts[1]);
}

/* Asks core for the volumes of the store that the call's first text names. */
static void volume_ask_all(struct rpc *call, rpc_took *took)
{
	char path[VOLUME_PATH_BYTES];

	snprintf(path, sizeof(path), "/v1/stores/%s/volumes", call->arguments.texts[0]);
	if (rpc_name_valid(call->arguments.texts[0]))
		rpc_ask(call, "GET", path, NULL, took);
	else
		rpc_fail(call, ERROR_NO_POOL, "Storage pool not found: %s",
			 call->arguments.texts[0]);
}

/* Sends core a request about the volume that the call's first two texts name (store and volume). */
static void volume_ask(struct rpc *call, const char *method, rpc_took *took)
{
	char path[VOLUME_PATH_BYTES];

	snprintf(path, sizeof(path), "/v1/stores/%s/volumes/%s", call->arguments.texts[0],
		 call->arguments.texts[1]);
	if (rpc_name_valid(call->arguments.texts[0]) && rpc_name_valid(call->arguments.texts[1]))
		rpc_ask(call, method, path, NULL, took);
	else
		volume_missing(call);
}

static void volume_key(json_t *volume, char key[VOLUME_PATH_BYTES])
{
	snprintf(key, VOLUME_PATH_BYTES, "%s/%s", thing_text(volume, "store"),
		 thing_text(volume, "name"));
}

static void volume_write(struct rpc *call, json_t *volume)
{
	char key[VOLUME_PATH_BYTES];

	volume_key(volume, key);
	xdr_write_text(&call->results, thing_text(volume, "store"));
	xdr_write_text(&call->results, thing_text(volume, "name"));
	xdr_write_text(&call->results, key);
}

static void volume_took_count(struct rpc *call, json_t *body)
{
	xdr_write_u32(&call->results, (uint32_t)json_array_size(json_object_get(body, "items")));
	rpc_answer(call);
}

void volume_count(struct rpc *call)
{
	volume_ask_all(call, volume_took_count);
}

static void volume_took_names(struct rpc *call, json_t *body)
{
	thing_write_names(call, body, call->arguments.numbers[0]);
}

void volume_names(struct rpc *call)
{
	volume_ask_all(call, volume_took_names);
}

static void volume_took_all(struct rpc *call, json_t *body)
{
	json_t *items = json_object_get(body, "items"), *volume;
	uint32_t count = (uint32_t)json_array_size(items);
	size_t i;

	xdr_write_u32(&call->results, call->arguments.numbers[0] ? count : 0);
	json_array_foreach(items, i, volume)
	{
		if (call->arguments.numbers[0])
			volume_write(call, volume);
	}
	xdr_write_u32(&call->results, count);
	rpc_answer(call);
}

void volume_all(struct rpc *call)
{
	volume_ask_all(call, volume_took_all);
}

static void volume_took_found(struct rpc *call, json_t *volume)
{
	volume_write(call, volume);
	rpc_answer(call);
}

void volume_find_name(struct rpc *call)
{
	volume_ask(call, "GET", volume_took_found);
}

/* Finds a volume by STORE/VOLUME, which is its key and its path. */
void volume_find_path(struct rpc *call)
{
	char *store = call->arguments.texts[0], *slash = strchr(store, '/');

	string_copy(call->arguments.texts[1], RPC_NAME_BYTES, slash ? slash + 1 : "");
	if (slash)
		*slash = 0;
	volume_ask(call, "GET", volume_took_found);
}

static void volume_took_info(struct rpc *call, json_t *volume)
{
	xdr_write_u32(&call->results, VOLUME_BLOCK);
	xdr_write_u64(&call->results, thing_number(volume, "bytes"));
	xdr_write_u64(&call->results, thing_number(volume, "own_bytes"));
	rpc_answer(call);
}

void volume_info(struct rpc *call)
{
	volume_ask(call, "GET", volume_took_info);
}

static void volume_took_xml(struct rpc *call, json_t *volume)
{
	char key[VOLUME_PATH_BYTES];
	struct buffer text = {0};

	volume_key(volume, key);
	xml_begin(&text, "volume");
	xml_attribute(&text, "type", "block");
	xml_open(&text);
	xml_begin(&text, "name");
	xml_text(&text, "name", thing_text(volume, "name"));
	xml_begin(&text, "key");
	xml_text(&text, "key", key);
	thing_xml_count(&text, "capacity", volume, "bytes");
	thing_xml_count(&text, "allocation", volume, "own_bytes");
	xml_begin(&text, "target");
	xml_open(&text);
	xml_begin(&text, "path");
	xml_text(&text, "path", key);
	xml_begin(&text, "format");
	xml_attribute(&text, "type", "raw");
	xml_close(&text);
	xml_end(&text, "target");
	xml_end(&text, "volume");
	rpc_answer_text(call, &text);
}

void volume_xml(struct rpc *call)
{
	volume_ask(call, "GET", volume_took_xml);
}

static void volume_took_path(struct rpc *call, json_t *volume)
{
	char key[VOLUME_PATH_BYTES];

	volume_key(volume, key);
	xdr_write_text(&call->results, key);
	rpc_answer(call);
}

void volume_path(struct rpc *call)
{
	volume_ask(call, "GET", volume_took_path);
}

/*
 * Drops a volume. A call with the flag that asks to overwrite its content is refused, as Skerry
 * does not do that.
 */
void volume_delete(struct rpc *call)
{
	if (call->arguments.numbers[0])
		rpc_fail(call, ERROR_NO_SUPPORT,
			 "Skerry drops a volume in one way, without the flags 0x%x",
			 (unsigned)call->arguments.numbers[0]);
	else
		volume_ask(call, "DELETE", rpc_asked);
}

/* Finds how large a volume is to be, in whole pages. Returns 0 when the XML does not say. */
static uint64_t volume_capacity(const struct xml_items *xml)
{
	return size_read(xml_find(xml, "volume/capacity"), xml_find(xml, "volume/capacity@unit"),
			 "");
}

static void volume_took_created(struct rpc *call, json_t *volume)
{
	if (call->status == RPC_ACCEPTED)
		rpc_fail(call, ERROR_TIMEOUT, "the volume is still being made after a minute");
	else
		volume_took_found(call, volume);
}

static void volume_create_as(struct rpc *call, const char *name, uint64_t bytes)
{
	char path[VOLUME_PATH_BYTES], number[24];
	struct buffer fields = {0};

	snprintf(path, sizeof(path), "/v1/stores/%s/volumes", call->arguments.texts[0]);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)bytes);
	rpc_body(&fields, "application/json");
	fields_text(&fields, "body.name", name);
	fields_add(&fields, FIELD_NUMBER, "body.bytes", number, strlen(number));
	rpc_ask(call, "POST", path, &fields, volume_took_created);
	buffer_free(&fields);
}

/*
 * Makes a volume of a description. The description's allocation is ignored: a volume takes only the
 * space that is written to.
 */
void volume_create(struct rpc *call)
{
	static const char *const known[] = {
		"volume",
		"volume@type",
		"volume/name",
		"volume/key",
		"volume/capacity",
		"volume/capacity@unit",
		"volume/allocation",
		"volume/allocation@unit",
		"volume/target",
		"volume/target/format",
		"volume/target/format@type",
		NULL,
	};
	const char *format, *name;

	if (!rpc_xml_known(call, known) || !rpc_flags(call, 0, "Skerry makes a volume in one way"))
		return;
	format = xml_find(call->arguments.xml, "volume/target/format@type");
	name = xml_find(call->arguments.xml, "volume/name");
	if (format && strcmp(format, "raw") != 0)
		rpc_fail(call, ERROR_CONFIGURATION, "a volume here is raw, and not %s", format);
	else if (!name || !volume_capacity(call->arguments.xml))
		rpc_fail(call, ERROR_XML, "a volume needs a name and a capacity");
	else if (!rpc_name_valid(call->arguments.texts[0]))
		rpc_fail(call, ERROR_NO_POOL, "Storage pool not found: %s",
			 call->arguments.texts[0]);
	else
		volume_create_as(call, name, volume_capacity(call->arguments.xml));
}
