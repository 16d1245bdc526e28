/* SPDX-License-Identifier: MIT */
/*
 * Managers and the chassis: the host that Skerry runs on, and for each VM a manager in the place of
 * its board's controller, at which clients look for virtual media. The host's manager has no
 * actions, so that no client resets the host by mistake. The table of resources names the
 * functions.
 */
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

void redfish_manager_list(struct redfish *redfish, json_t *answer)
{
	json_t *list =
		redfish_collection("ManagerCollection", "Managers", REDFISH_ROOT "/Managers");

	redfish_member(list, "_host");
	redfish_members(list, answer);
	redfish_answer(redfish, 200, list);
}

static json_t *manager_make(const char *type, const char *id, const char *name)
{
	json_t *manager =
		redfish_resource("Manager.v1_10_0", id, name, REDFISH_ROOT "/Managers/%s", id);

	json_object_set_new(manager, "ManagerType", json_string(type));
	json_object_set_new(manager, "Status",
			    json_pack("{s:s, s:s}", "State", "Enabled", "Health", "OK"));
	json_object_set_new(manager, "PowerState", json_string("On"));
	return manager;
}

void redfish_manager_host(struct redfish *redfish, json_t *answer)
{
	json_t *manager = manager_make("Service", "_host", "Skerry");

	json_object_set_new(manager, "FirmwareVersion",
			    json_string(redfish_text(answer, "version")));
	json_object_set_new(manager, "Links",
			    json_pack("{s:[o]}", "ManagerForChassis",
				      redfish_link(REDFISH_ROOT "/Chassis/_host")));
	redfish_answer(redfish, 200, manager);
}

void redfish_manager_vm(struct redfish *redfish, json_t *answer)
{
	const char *name = redfish_text(answer, "name");
	json_t *manager = manager_make("BMC", name, name);

	json_object_set_new(manager, "VirtualMedia",
			    redfish_link(REDFISH_ROOT "/Managers/%s/VirtualMedia", name));
	json_object_set_new(manager, "Links",
			    json_pack("{s:[o]}", "ManagerForServers",
				      redfish_link(REDFISH_ROOT "/Systems/%s", name)));
	redfish_answer(redfish, 200, manager);
}

void redfish_chassis_list(struct redfish *redfish, json_t *answer)
{
	json_t *list = redfish_collection("ChassisCollection", "Chassis", REDFISH_ROOT "/Chassis");

	(void)answer;
	redfish_member(list, "_host");
	redfish_answer(redfish, 200, list);
}

void redfish_chassis_host(struct redfish *redfish, json_t *answer)
{
	json_t *chassis = redfish_resource("Chassis.v1_14_0", "_host", "The host",
					   REDFISH_ROOT "/Chassis/_host");

	(void)answer;
	json_object_set_new(chassis, "ChassisType", json_string("StandAlone"));
	json_object_set_new(chassis, "PowerState", json_string("On"));
	json_object_set_new(chassis, "Status",
			    json_pack("{s:s, s:s}", "State", "Enabled", "Health", "OK"));
	json_object_set_new(
		chassis, "Links",
		json_pack("{s:[o]}", "ManagedBy", redfish_link(REDFISH_ROOT "/Managers/_host")));
	redfish_answer(redfish, 200, chassis);
}
