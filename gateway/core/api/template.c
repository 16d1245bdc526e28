/* SPDX-License-Identifier: MIT */
/*
 * The handler that lists templates: the VMs with the snapshot at which runs begin, and those that
 * are being made ones. The table of routes names it; it asks Skerry for the snapshots.
 */
#include "gateway/core/live/template.h"

#include <string.h>

#include "gateway/core/api/api.h"
#include "gateway/core/api/ask.h"
#include "gateway/core/host/host.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/live/run.h"

/* Returns the disk with the image, the first of the VM, as JSON; null if it is not known. */
static json_t *template_image(const struct host_vm *vm)
{
	const char *disks =
		json_string_value(json_object_get(json_object_get(vm->config, "disk"), "value"));
	size_t length = disks ? strcspn(disks, " ,") : 0;

	return length ? json_stringn(disks, length) : json_null();
}

/* Makes the object of a template; `row` is that of its snapshot, NULL while there is none. */
static json_t *template_json(const char *name, json_t *row)
{
	const struct host_vm *vm = host_find(name);
	struct template_use use = template_use(name);
	json_t *age_ns = json_object_get(row, "age_ns");

	if (!vm)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:O?, s:O?, s:o, s:i, s:i, s:i}", "name", name, "state",
			 template_is_made(name) ? "making" : "ready", "image", template_image(vm),
			 "memory_bytes", json_object_get(vm->list, "memory_bytes"),
			 "resident_bytes", json_object_get(vm->list, "resident_bytes"), "age_s",
			 age_ns ? json_real(json_number_value(age_ns) / 1e9) : json_null(), "warm",
			 (int)run_warm_of(name), "runs", (int)use.runs, "sandboxes",
			 (int)use.sandboxes);
}

static void template_add(const struct request *request, json_t *items, const char *name,
			 json_t *row)
{
	json_t *item = scope_has(request->who.scope, name) ? template_json(name, row) : NULL;

	if (item)
		json_array_append_new(items, item);
}

static bool template_is_among(json_t *items, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (!strcmp(json_string_value(json_object_get(item, "name")), name))
			return true;
	}
	return false;
}

static void template_took_list(uint64_t id, json_t *reply)
{
	json_t *rows, *row, *items;
	struct request *request = ask_took(id, reply, &rows);
	const char *name, *snapshot;
	size_t i;

	if (!request)
		return;
	items = json_array();
	json_array_foreach(rows, i, row)
	{
		name = json_string_value(json_object_get(row, "name"));
		snapshot = json_string_value(json_object_get(row, "snapshot"));
		if (name && snapshot && !strcmp(snapshot, TEMPLATE_GATE))
			template_add(request, items, name, row);
	}
	for (i = 0; i < TEMPLATES; i++) {
		name = template_made_at(i);
		if (name && !template_is_among(items, name))
			template_add(request, items, name, NULL);
	}
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

void api_templates(struct request *request)
{
	ask_skerry(request, "vm snapshot list", NULL, NULL, template_took_list);
}
