/* SPDX-License-Identifier: MIT */
/*
 * The action ComputerSystem.Reset: each of its types becomes an action of REST's, by the VM's state
 * where that counts. The table of resources names the functions; core decides whether it may be
 * done.
 */
#include "gateway/web/redfish/power.h"

#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

/*
 * The types of resets with the action for a VM that is on, paused and off. Skerry asks no guest to
 * boot again, so there is no GracefulRestart. An action without effect in the VM's state is sent
 * all the same, so that core decides whether the asker is allowed to do it.
 */
static const struct power_reset {
	const char *type, *on, *paused, *off;
} power_resets[] = {
	{"On", "start", "resume", "start"},	     {"ForceOn", "start", "resume", "start"},
	{"ForceOff", "kill", "kill", "kill"},	     {"GracefulShutdown", "stop", "stop", "stop"},
	{"ForceRestart", "reset", "reset", "start"}, {"PushPowerButton", "stop", "stop", "start"},
	{"Pause", "pause", "pause", "pause"},	     {"Resume", "resume", "resume", "resume"},
};

enum { POWER_RESETS = ARRAY_COUNT(power_resets) };

json_t *redfish_power_actions(const char *name)
{
	json_t *types = json_array();

	for (size_t i = 0; i < POWER_RESETS; i++)
		json_array_append_new(types, json_string(power_resets[i].type));
	return json_pack(
		"{s:{s:o, s:o}}", "#ComputerSystem.Reset", "target",
		json_sprintf(REDFISH_ROOT "/Systems/%s/Actions/ComputerSystem.Reset", name),
		"ResetType@Redfish.AllowableValues", types);
}

/* Returns the kind of reset that the body asks for, or NULL if the request has been answered. */
static const struct power_reset *power_wanted(struct redfish *redfish)
{
	const char *types[POWER_RESETS + 1] = {NULL}, *type;

	for (size_t i = 0; i < POWER_RESETS; i++)
		types[i] = power_resets[i].type;
	if (!redfish_word(redfish, redfish->body, "ResetType", types, &type))
		return NULL;
	for (size_t i = 0; type && i < POWER_RESETS; i++) {
		if (!strcmp(power_resets[i].type, type))
			return &power_resets[i];
	}
	redfish_error(redfish, 400, "ActionParameterMissing", "ResetType",
		      "the action Reset needs the parameter \"ResetType\"");
	return NULL;
}

bool redfish_power_check(struct redfish *redfish)
{
	static const char *const known[] = {"ResetType", NULL};

	return redfish_only(redfish, redfish->body, known) && power_wanted(redfish);
}

void redfish_power_reset(struct redfish *redfish, json_t *answer)
{
	const struct power_reset *reset;
	const char *power = redfish_vm_power(answer), *verb;

	reset = power_wanted(redfish);
	if (!reset)
		return;
	verb = !strcmp(power, "On")	  ? reset->on
	       : !strcmp(power, "Paused") ? reset->paused
					  : reset->off;
	/* A VM that has crashed, or was never started, is off, and Skerry ends it no further. */
	redfish->settled =
		!strcmp(power, "Off") && (!strcmp(verb, "kill") || !strcmp(verb, "stop"));
	redfish_ask(redfish, "POST", NULL, "/v1/vms/%s/actions/%s", redfish_text(answer, "name"),
		    verb);
}
