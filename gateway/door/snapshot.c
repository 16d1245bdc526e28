/* SPDX-License-Identifier: MIT */
/*
 * Procedures of a VM's snapshots: their list, going back to one, and dropping one. The table of
 * procedures names them; they ask core for the VM first, and then for its snapshots.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/base/fields.h"
#include "gateway/door/error.h"
#include "gateway/door/procedure.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/thing.h"
#include "gateway/door/vm.h"
#include "gateway/door/xml.h"

enum {
	SNAPSHOT_PATH_BYTES = 2 * RPC_NAME_BYTES + 64,
	/* Flags of lists that all of Skerry's snapshots match: roots, leaves, and sorted. */
	SNAPSHOT_EASY = 1 | 4 | 1024,
};

/* Asks core for the snapshots of the VM that the call names; `with` gets them. */
static void snapshot_ask(struct rpc *call, rpc_took *with)
{
	char path[SNAPSHOT_PATH_BYTES];

	snprintf(path, sizeof(path), "/v1/vms/%s/snapshots", call->arguments.domain.name);
	rpc_ask(call, "GET", path, NULL, with);
}

static void snapshot_write(struct rpc *call, const char *name)
{
	xdr_write_text(&call->results, name);
	vm_write(&call->results, call->kept);
}

/*
 * Returns the snapshot that a call names; NULL: there is none, and the call has ended with an
 * error.
 */
static json_t *snapshot_find(struct rpc *call, json_t *body)
{
	json_t *snapshot;
	size_t i;

	json_array_foreach(json_object_get(body, "items"), i, snapshot)
	{
		if (!strcmp(thing_text(snapshot, "name"), call->arguments.texts[0]))
			return snapshot;
	}
	rpc_fail(call, ERROR_NO_SNAPSHOT,
		 "Domain snapshot not found: no domain snapshot with matching name '%s'",
		 call->arguments.texts[0]);
	return NULL;
}

static void snapshot_took_count(struct rpc *call, json_t *body)
{
	xdr_write_u32(&call->results, (uint32_t)json_array_size(json_object_get(body, "items")));
	rpc_answer(call);
}

static void snapshot_took_names(struct rpc *call, json_t *body)
{
	thing_write_names(call, body, call->arguments.numbers[0]);
}

static void snapshot_took_all(struct rpc *call, json_t *body)
{
	json_t *items = json_object_get(body, "items"), *snapshot;
	uint32_t count = (uint32_t)json_array_size(items);
	size_t i;

	xdr_write_u32(&call->results, call->arguments.numbers[0] ? count : 0);
	json_array_foreach(items, i, snapshot)
	{
		if (call->arguments.numbers[0])
			snapshot_write(call, thing_text(snapshot, "name"));
	}
	xdr_write_u32(&call->results, count);
	rpc_answer(call);
}

static void snapshot_took_found(struct rpc *call, json_t *body)
{
	if (!snapshot_find(call, body))
		return;
	snapshot_write(call, call->arguments.texts[0]);
	rpc_answer(call);
}

static void snapshot_took_xml(struct rpc *call, json_t *body)
{
	json_t *snapshot = snapshot_find(call, body);
	struct buffer text = {0};
	char began[24];

	if (!snapshot)
		return;
	snprintf(began, sizeof(began), "%lld",
		 (long long)time(NULL) -
			 (long long)json_number_value(json_object_get(snapshot, "age_s")));
	xml_begin(&text, "domainsnapshot");
	xml_open(&text);
	xml_begin(&text, "name");
	xml_text(&text, "name", call->arguments.texts[0]);
	xml_begin(&text, "state");
	xml_text(&text, "state", "running");
	xml_begin(&text, "creationTime");
	xml_text(&text, "creationTime", began);
	xml_end(&text, "domainsnapshot");
	rpc_answer_text(call, &text);
}

/* The function with which each procedure continues once core has sent the VM's snapshots. */
static const struct {
	uint32_t procedure;
	rpc_took *took;
} snapshot_procedures[] = {
	{186, snapshot_took_xml},   {187, snapshot_took_count}, {188, snapshot_took_names},
	{189, snapshot_took_found}, {274, snapshot_took_all},
};

static void snapshot_took_domain(struct rpc *call, json_t *vm)
{
	size_t i = 0;

	call->kept = json_incref(vm);
	while (snapshot_procedures[i].procedure != call->head.procedure)
		i++;
	snapshot_ask(call, snapshot_procedures[i].took);
}

void snapshot_show(struct rpc *call)
{
	rpc_domain(call, snapshot_took_domain);
}

void snapshot_list(struct rpc *call)
{
	uint32_t flags = (uint32_t)call->arguments.numbers[call->arguments.number_count - 1];

	/*
	 * The error makes the client ask for all snapshots in an older way, and pick from them
	 * itself.
	 */
	if (flags & ~(uint32_t)SNAPSHOT_EASY)
		rpc_fail(call, ERROR_NO_SUPPORT,
			 "Skerry does not list snapshots by what the flags 0x%x say",
			 flags & ~(uint32_t)SNAPSHOT_EASY);
	else
		snapshot_show(call);
}

/* Returns whether the call's text may be a snapshot's name; else the call has ended with an error.
 */
static bool snapshot_named(struct rpc *call)
{
	if (rpc_name_valid(call->arguments.texts[0]))
		return true;
	rpc_fail(call, ERROR_NO_SNAPSHOT, "Domain snapshot not found: '%s'",
		 call->arguments.texts[0]);
	return false;
}

static void snapshot_took_revert(struct rpc *call, json_t *vm)
{
	struct buffer fields = {0};

	(void)vm;
	rpc_body(&fields, "application/json");
	fields_text(&fields, "body.snapshot", call->arguments.texts[0]);
	rpc_action_with(call, "reset", &fields, rpc_done);
	buffer_free(&fields);
}

void snapshot_revert(struct rpc *call)
{
	if (snapshot_named(call) && rpc_flags(call, 0, "Skerry goes back to a snapshot in one way"))
		rpc_domain(call, snapshot_took_revert);
}

static void snapshot_took_drop(struct rpc *call, json_t *vm)
{
	char path[SNAPSHOT_PATH_BYTES];

	(void)vm;
	snprintf(path, sizeof(path), "/v1/vms/%s/snapshots/%s", call->arguments.domain.name,
		 call->arguments.texts[0]);
	rpc_ask(call, "DELETE", path, NULL, rpc_done);
}

void snapshot_drop(struct rpc *call)
{
	if (snapshot_named(call) && rpc_flags(call, 0, "Skerry drops one snapshot"))
		rpc_domain(call, snapshot_took_drop);
}

static void snapshot_took_created(struct rpc *call, json_t *body)
{
	(void)body;
	if (!rpc_ended(call))
		return;
	snapshot_write(call, xml_find(call->arguments.xml, "domainsnapshot/name"));
	rpc_answer(call);
}

static void snapshot_took_create(struct rpc *call, json_t *vm)
{
	char path[SNAPSHOT_PATH_BYTES];
	struct buffer fields = {0};

	call->kept = json_incref(vm);
	snprintf(path, sizeof(path), "/v1/vms/%s/snapshots", call->arguments.domain.name);
	rpc_body(&fields, "application/json");
	fields_text(&fields, "body.name", xml_find(call->arguments.xml, "domainsnapshot/name"));
	rpc_ask(call, "POST", path, &fields, snapshot_took_created);
	buffer_free(&fields);
}

void snapshot_create(struct rpc *call)
{
	static const char *const known[] = {"domainsnapshot", "domainsnapshot/name", NULL};

	if (!rpc_flags(call, 0, "Skerry takes a snapshot in one way") ||
	    !rpc_xml_known(call, known))
		return;
	if (!xml_find(call->arguments.xml, "domainsnapshot/name"))
		rpc_fail(call, ERROR_XML, "a snapshot needs a name");
	else
		rpc_domain(call, snapshot_took_create);
}
