/* SPDX-License-Identifier: MIT */
/*
 * Procedures that make or change a VM by a description in XML. The table of procedures names them.
 * The description becomes keys of a configuration, and these a request of REST as the web UI sends
 * it: core and Skerry decide whether they are valid. An existing VM is described as
 * DomainGetXMLDesc does, and only the keys in which the two descriptions differ are changed: keys
 * that XML cannot express stay as they are.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/base/string.h"
#include "gateway/door/definition.h"
#include "gateway/door/error.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/vm.h"

enum {
	DEFINE_CREATE = 10, /* the number of the procedure DomainCreateXML */
	/* Flags that change nothing: a description is checked anyhow, no cache or save is used. */
	DEFINE_VALIDATE = 1,
	DEFINE_START_FLAGS = 4 | 8 | 16,
	DEFINE_NOT_FOUND = 404,
	DEFINE_TRIES = 20,
};

static bool define_starts(const struct rpc *call)
{
	return call->head.procedure == DEFINE_CREATE;
}

/*
 * Reads the call's description into `definition`, which is to be freed. Returns false if it cannot
 * be used: the call has ended with an error then.
 */
static bool define_read(struct rpc *call, struct definition *definition)
{
	if (definition_read(call->arguments.xml, definition))
		return true;
	rpc_fail(call, ERROR_CONFIGURATION, "%s", definition->problem);
	definition_free(definition);
	return false;
}

/* Answers with the VM that was made or changed. */
static void define_answer(struct rpc *call, json_t *vm)
{
	vm_write(&call->results, vm);
	rpc_answer(call);
}

static void define_started(struct rpc *call, json_t *body)
{
	if (rpc_ended(call))
		define_answer(call, json_object_get(body, "vm"));
}

/* Ends a call whose VM did not start and is dropped again, with the problem of the start. */
static void define_dropped(struct rpc *call, json_t *body)
{
	const char *detail = json_string_value(json_object_get(call->kept, "detail"));

	(void)body;
	rpc_fail(call, ERROR_FAILED, "%s", detail ? detail : "the VM did not start");
}

/* Drops a VM that DomainCreateXML has made, and that did not start. */
static void define_start_failed(struct rpc *call, json_t *problem)
{
	json_decref(call->kept);
	call->kept = json_incref(problem);
	call->problem = define_dropped;
	rpc_ask_vm(call, "DELETE", NULL, define_dropped);
}

static void define_created(struct rpc *call, json_t *vm)
{
	if (!rpc_ended(call))
		return;
	if (!define_starts(call)) {
		define_answer(call, vm);
		return;
	}
	call->problem = define_start_failed;
	rpc_action(call, "start", define_started);
}

/* Continues once an existing VM has the description's keys. */
static void define_changed(struct rpc *call, json_t *body)
{
	(void)body;
	if (!rpc_ended(call))
		return;
	if (define_starts(call))
		rpc_action(call, "start", define_started);
	else
		define_answer(call, call->kept);
}

static void define_field(struct buffer *fields, enum definition_key key, const char *value)
{
	char name[FIELD_NAME_BYTES];

	snprintf(name, sizeof(name), "body.config.%s", definition_key(key));
	fields_add(fields, *value ? FIELD_TEXT : FIELD_NULL, name, value, strlen(value));
}

/* Makes the VM; there is none of its name. */
static void define_make(struct rpc *call, const struct definition *definition)
{
	struct buffer fields = {0};

	rpc_body(&fields, "application/json");
	fields_text(&fields, "body.name", definition->name);
	fields_text(&fields, "body.config", "{}");
	for (unsigned key = 0; key < DEFINITION_KEYS; key++) {
		if (*definition_value(definition, key))
			define_field(&fields, key, definition_value(definition, key));
	}
	rpc_ask(call, "POST", "/v1/vms", &fields, define_created);
	buffer_free(&fields);
}

/*
 * Gives a guest with firmware the UUID of the description, as libvirt's XML means it, unless the
 * description has another one for SMBIOS, or the VM has that UUID already.
 */
static void define_set_uuid(struct definition *definition, const uint8_t *own)
{
	char text[UUID_TEXT_BYTES];

	if (!definition->has_uuid || *definition_value(definition, DEFINITION_UUID) ||
	    *definition_value(definition, DEFINITION_KERNEL) ||
	    (own && !memcmp(definition->uuid, own, UUID_BYTES)))
		return;
	uuid_text(definition->uuid, text);
	buffer_text(&definition->values[DEFINITION_UUID], text);
}

/* Asks core to make the VM, after core's answer that there is none of this name. */
static void define_missing(struct rpc *call, json_t *problem)
{
	struct definition definition;

	call->problem = NULL;
	if (call->status != DEFINE_NOT_FOUND) {
		rpc_problem(call, problem);
		return;
	}
	if (!define_read(call, &definition))
		return;
	define_set_uuid(&definition, NULL);
	define_make(call, &definition);
	definition_free(&definition);
}

/* Sends core the keys in which the description differs from the VM, if there are any. */
static void define_change(struct rpc *call, const struct definition *wanted,
			  const struct definition *has)
{
	struct buffer fields = {0};
	bool differs = false;

	rpc_body(&fields, "application/merge-patch+json");
	fields_text(&fields, "body.config", "{}");
	for (unsigned key = 0; key < DEFINITION_KEYS; key++) {
		if (!strcmp(definition_value(wanted, key), definition_value(has, key)))
			continue;
		define_field(&fields, key, definition_value(wanted, key));
		differs = true;
	}
	if (differs)
		rpc_ask_vm(call, "PATCH", &fields, define_changed);
	else
		define_changed(call, NULL);
	buffer_free(&fields);
}

static bool define_same(const struct definition *one, const struct definition *other)
{
	for (unsigned key = 0; key < DEFINITION_KEYS; key++) {
		if (key != DEFINITION_UUID &&
		    strcmp(definition_value(one, key), definition_value(other, key)) != 0)
			return false;
	}
	return true;
}

/*
 * Returns whether a description is meant for the existing VM of its name: it has the VM's UUID, or
 * the UUID that the VM's guest sees, or describes the VM as it is.
 */
static bool define_means(const struct definition *wanted, const struct definition *has)
{
	uint8_t guest[UUID_BYTES];

	if (wanted->has_uuid && !memcmp(wanted->uuid, has->uuid, UUID_BYTES))
		return true;
	if (wanted->has_uuid && uuid_read(definition_value(has, DEFINITION_UUID), guest) &&
	    !memcmp(wanted->uuid, guest, UUID_BYTES))
		return true;
	return define_same(wanted, has);
}

/* Compares the description in the call with that of the existing VM of its name. */
static void define_compare(struct rpc *call, const struct definition *has)
{
	struct definition wanted;
	char uuid[UUID_TEXT_BYTES];

	if (!define_read(call, &wanted))
		return;
	uuid_text(has->uuid, uuid);
	if (!define_means(&wanted, has)) {
		rpc_fail(call, ERROR_FAILED,
			 "operation failed: domain '%s' already exists with uuid %s", has->name,
			 uuid);
	} else if (define_starts(call) && vm_active(call->kept)) {
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: domain '%s' is already active",
			 has->name);
	} else {
		define_set_uuid(&wanted, has->uuid);
		/* A description without the guest's UUID leaves the guest's UUID as it is. */
		if (!*definition_value(&wanted, DEFINITION_UUID) &&
		    !*definition_value(&wanted, DEFINITION_KERNEL))
			buffer_text(&wanted.values[DEFINITION_UUID],
				    definition_value(has, DEFINITION_UUID));
		define_change(call, &wanted, has);
	}
	definition_free(&wanted);
}

/*
 * Continues with an existing VM of the description's name, whose own description is made and read
 * here.
 */
static void define_took_vm(struct rpc *call, json_t *vm)
{
	static struct xml_items xml;
	struct definition has = {0};
	struct buffer text = {0};

	call->problem = NULL;
	/* Core may not have read the configuration of a VM that was made just now. */
	if (!json_object_size(json_object_get(vm, "config")) && call->tries < DEFINE_TRIES) {
		call->problem = define_missing;
		rpc_again(call);
		return;
	}
	json_decref(call->kept);
	call->kept = json_incref(vm);
	vm_xml(&text, vm);
	if (text.failed || !xml_read(text.bytes, text.count, &xml) || !definition_read(&xml, &has))
		rpc_fail(call, ERROR_INTERNAL, "the VM %s cannot be described: %s", vm_name(vm),
			 has.problem);
	else
		define_compare(call, &has);
	definition_free(&has);
	buffer_free(&text);
}

static void define_begin(struct rpc *call)
{
	struct definition definition;

	if (!rpc_xml(call) || !define_read(call, &definition))
		return;
	if (!rpc_name_valid(definition.name) || strlen(definition.name) >= RPC_NAME_BYTES) {
		rpc_fail(call, ERROR_XML, "no VM can have the name at domain/name");
	} else {
		string_copy(call->arguments.domain.name, RPC_NAME_BYTES, definition.name);
		call->problem = define_missing;
		rpc_ask_vm(call, "GET", NULL, define_took_vm);
	}
	definition_free(&definition);
}

void define_define(struct rpc *call)
{
	if (rpc_flags(call, DEFINE_VALIDATE, "Skerry makes a VM in one way"))
		define_begin(call);
}

void define_create(struct rpc *call)
{
	if (rpc_flags(call, DEFINE_START_FLAGS, "Skerry makes a VM in one way"))
		define_begin(call);
}
