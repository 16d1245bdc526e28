/* SPDX-License-Identifier: MIT */
/*
 * What a VM with firmware boots from first: Redfish's boot override is its key boot.order, or
 * boot.once if it is for one start. The table of resources names the functions; a change is one
 * PATCH of REST.
 */
#include "gateway/web/redfish/boot.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

#define TARGET	"BootSourceOverrideTarget"
#define ENABLED "BootSourceOverrideEnabled"
#define MODE	"BootSourceOverrideMode"

static const struct {
	const char *target, *kind; /* Redfish's word, and that of the keys */
} boot_kinds[] = {{"Hdd", "disk"}, {"Cd", "cdrom"}, {"Pxe", "net"}};

static const char *const boot_targets[] = {"None", "Hdd", "Cd", "Pxe", NULL};
static const char *const boot_enabled[] = {"Disabled", "Continuous", "Once", NULL};
static const char *const boot_modes[] = {"Legacy", "UEFI", NULL};

/* The boot override that a VM has, or that a request asks for. */
struct boot {
	const char *target, *enabled, *mode;
};

/* Returns Redfish's word for the kind of device that comes first in an order of boot. */
static const char *boot_target(const char *order)
{
	size_t length = strcspn(order, " ,");

	for (size_t i = 0; i < ARRAY_COUNT(boot_kinds); i++) {
		if (strlen(boot_kinds[i].kind) == length &&
		    !strncmp(boot_kinds[i].kind, order, length))
			return boot_kinds[i].target;
	}
	return "None";
}

/* Reads the override that a VM has; its mode is NULL if it boots a kernel without firmware. */
static struct boot boot_of(json_t *vm)
{
	const char *once = redfish_vm_key(vm, "boot.once");
	const char *order = *once ? once : redfish_vm_key(vm, "boot.order");
	const char *firmware = redfish_vm_key(vm, "boot");

	return (struct boot){
		.target = boot_target(order),
		.enabled = *once    ? "Once"
			   : *order ? "Continuous"
				    : "Disabled",
		.mode = !strcmp(firmware, "uefi")   ? "UEFI"
			: !strcmp(firmware, "bios") ? "Legacy"
						    : NULL,
	};
}

json_t *redfish_boot_show(json_t *vm)
{
	struct boot boot = boot_of(vm);
	json_t *targets = json_array();

	for (size_t i = 0; boot_targets[i] && (boot.mode || i == 0); i++)
		json_array_append_new(targets, json_string(boot_targets[i]));
	return json_pack("{s:s, s:s, s:s*, s:o, s:[s, s, s]}", TARGET, boot.target, ENABLED,
			 boot.enabled, MODE, boot.mode, TARGET "@Redfish.AllowableValues", targets,
			 ENABLED "@Redfish.AllowableValues", "Disabled", "Continuous", "Once");
}

/* Reads the override that the body asks for; members that the body lacks are NULL. */
static bool boot_read(struct redfish *redfish, struct boot *boot)
{
	json_t *object = json_object_get(redfish->body, "Boot");

	return redfish_word(redfish, object, TARGET, boot_targets, &boot->target) &&
	       redfish_word(redfish, object, ENABLED, boot_enabled, &boot->enabled) &&
	       redfish_word(redfish, object, MODE, boot_modes, &boot->mode);
}

bool redfish_boot_check(struct redfish *redfish)
{
	static const char *const members[] = {"Boot", NULL};
	static const char *const known[] = {TARGET, ENABLED, MODE, NULL};
	json_t *object = json_object_get(redfish->body, "Boot");
	struct boot boot;

	if (!redfish_only(redfish, redfish->body, members))
		return false;
	if (!json_is_object(object)) {
		redfish_error(redfish, 400, "PropertyValueTypeError", "Boot",
			      "of a system \"Boot\" can be set, an object with \"" TARGET
			      "\" and \"" ENABLED "\"");
		return false;
	}
	return redfish_only(redfish, object, known) && boot_read(redfish, &boot);
}

/*
 * Fills the wanted override's missing members from the present one. Returns false, and answers, if
 * they do not fit together.
 */
static bool boot_complete(struct redfish *redfish, const struct boot *is, struct boot *wanted)
{
	if (!is->mode) {
		redfish_error(redfish, 409, "ResourceInUse", "Boot",
			      "the VM boots a kernel, so it has no order of boot: give it firmware "
			      "(boot = bios or uefi) first");
		return false;
	}
	if (wanted->mode && strcmp(wanted->mode, is->mode)) {
		redfish_error(redfish, 400, "PropertyValueNotInList", "Boot/" MODE,
			      "the VM's firmware is %s: its key \"boot\" says which it is",
			      is->mode);
		return false;
	}
	if (!wanted->target)
		wanted->target = is->target;
	if (!wanted->enabled)
		wanted->enabled = "Continuous";
	if (!strcmp(wanted->target, "None") || !strcmp(wanted->enabled, "Disabled"))
		wanted->target = wanted->enabled = NULL;
	return true;
}

/* Returns the word of the keys for a target of Redfish's, or "" for none. */
static const char *boot_kind(const char *target)
{
	for (size_t i = 0; target && i < ARRAY_COUNT(boot_kinds); i++) {
		if (!strcmp(boot_kinds[i].target, target))
			return boot_kinds[i].kind;
	}
	return "";
}

/*
 * Returns a new object: the body by which PATCH /v1/vms/{vm} sets the override. One for a single
 * start leaves alone what the VM boots from otherwise; each other one takes the single one away.
 */
static json_t *boot_setting(const struct boot *wanted)
{
	const char *kind = boot_kind(wanted->target);

	if (wanted->enabled && !strcmp(wanted->enabled, "Once"))
		return redfish_vm_setting("boot.once", kind);
	return json_pack("{s:{s:s?, s:n}}", "config", "boot.order", *kind ? kind : NULL,
			 "boot.once");
}

void redfish_boot_change(struct redfish *redfish, json_t *answer)
{
	struct boot is = boot_of(answer), wanted;

	if (!boot_read(redfish, &wanted) || !boot_complete(redfish, &is, &wanted))
		return;
	string_copy(redfish->match, sizeof(redfish->match), redfish->tag);
	redfish_ask(redfish, "PATCH", boot_setting(&wanted), "/v1/vms/%s",
		    redfish_text(answer, "name"));
}
