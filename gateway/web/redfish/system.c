/* SPDX-License-Identifier: MIT */
/*
 * VMs as Redfish's computer systems, with the devices that their guests boot from. The table of
 * resources names the functions; each makes a resource from REST's description of a VM.
 */
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/boot.h"
#include "gateway/web/redfish/power.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

void redfish_system_list(struct redfish *redfish, json_t *answer)
{
	json_t *list = redfish_collection("ComputerSystemCollection", "Virtual machines",
					  REDFISH_ROOT "/Systems");

	redfish_members(list, answer);
	redfish_answer(redfish, 200, list);
}

/* Returns the UUID that the guest sees: the VM's own, or the one in its configuration. */
static const char *system_uuid(json_t *vm)
{
	const char *given = redfish_vm_key(vm, "smbios.uuid");

	return *given ? given : redfish_text(vm, "uuid");
}

static json_t *system_status(json_t *vm)
{
	bool crashed = !strcmp(redfish_text(vm, "state"), "crashed");
	bool off = !strcmp(redfish_vm_power(vm), "Off");

	return json_pack("{s:s, s:s}", "State", off ? "StandbyOffline" : "Enabled", "Health",
			 crashed ? "Critical" : "OK");
}

void redfish_system_show(struct redfish *redfish, json_t *answer)
{
	const char *name = redfish_text(answer, "name");
	double bytes = json_number_value(json_object_get(answer, "memory_bytes"));
	json_t *vcpus = json_object_get(answer, "vcpus");
	json_t *shown = redfish_resource("ComputerSystem.v1_13_0", name, name,
					 REDFISH_ROOT "/Systems/%s", name);

	json_object_set_new(shown, "SystemType", json_string("Virtual"));
	json_object_set_new(shown, "Manufacturer", json_string("Skerry"));
	json_object_set_new(shown, "Model", json_string("Skerry virtual machine"));
	json_object_set_new(shown, "UUID", json_string(system_uuid(answer)));
	json_object_set_new(shown, "PowerState", json_string(redfish_vm_power(answer)));
	json_object_set_new(shown, "Status", system_status(answer));
	json_object_set_new(
		shown, "ProcessorSummary",
		json_pack("{s:O*, s:O*}", "Count", vcpus, "LogicalProcessorCount", vcpus));
	json_object_set_new(shown, "MemorySummary",
			    json_pack("{s:f}", "TotalSystemMemoryGiB", bytes / (double)(1 << 30)));
	json_object_set_new(shown, "Boot", redfish_boot_show(answer));
	json_object_set_new(shown, "VirtualMedia",
			    redfish_link(REDFISH_ROOT "/Managers/%s/VirtualMedia", name));
	json_object_set_new(shown, "Links",
			    json_pack("{s:[o], s:[o]}", "ManagedBy",
				      redfish_link(REDFISH_ROOT "/Managers/%s", name), "Chassis",
				      redfish_link(REDFISH_ROOT "/Chassis/_host")));
	json_object_set_new(shown, "Actions", redfish_power_actions(name));
	json_object_set_new(shown, "Oem",
			    json_pack("{s:{s:s, s:O*, s:O*}}", "Skerry", "@odata.type",
				      "#Skerry.v1_0_0.ComputerSystem", "State",
				      json_object_get(answer, "state"), "Reason",
				      json_object_get(answer, "reason")));
	redfish_answer(redfish, 200, shown);
}
