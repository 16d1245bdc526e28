/* SPDX-License-Identifier: MIT */
/*
 * The table of Redfish's resources, with the request to core for each method. Core's table of
 * routes decides who may make it; this table has no rights of its own. redfish.c reads it.
 */
#include "gateway/base/string.h"
#include "gateway/web/redfish/serve.h"

#define SYSTEM	"/v1/Systems/{}"
#define MANAGER "/v1/Managers/{}"
#define MEDIA	MANAGER "/VirtualMedia/Cd"
#define SESSION "/v1/SessionService/Sessions"
#define ACCOUNT "/v1/AccountService"
#define TASK	"/v1/TaskService"

/* A literal path stands before a path with {}, which would match it, too. */
const struct redfish_row redfish_rows[] = {
	{"GET", "", NULL, NULL, redfish_service_versions},
	{"GET", "/v1", NULL, NULL, redfish_service_root},
	{"GET", "/v1/odata", NULL, NULL, redfish_service_odata},
	{"GET", "/v1/$metadata", NULL, NULL, redfish_service_metadata},

	{"GET", "/v1/Systems", "GET /v1/vms", NULL, redfish_system_list},
	{"GET", SYSTEM, "GET /v1/vms/{}", NULL, redfish_system_show},
	{"PATCH", SYSTEM, "GET /v1/vms/{}", redfish_boot_check, redfish_boot_change},
	{"POST", SYSTEM "/Actions/ComputerSystem.Reset", "GET /v1/vms/{}", redfish_power_check,
	 redfish_power_reset},

	{"GET", "/v1/Managers", "GET /v1/vms", NULL, redfish_manager_list},
	{"GET", "/v1/Managers/_host", "GET /v1/host", NULL, redfish_manager_host},
	{"GET", MANAGER, "GET /v1/vms/{}", NULL, redfish_manager_vm},
	{"GET", MANAGER "/VirtualMedia", "GET /v1/vms/{}", NULL, redfish_media_list},
	{"GET", MEDIA, "GET /v1/vms/{}", NULL, redfish_media_show},
	{"POST", MEDIA "/Actions/VirtualMedia.InsertMedia", "GET /v1/vms/{}",
	 redfish_media_check_insert, redfish_media_insert},
	{"POST", MEDIA "/Actions/VirtualMedia.EjectMedia", "GET /v1/vms/{}",
	 redfish_media_check_eject, redfish_media_eject},

	{"GET", "/v1/Chassis", "GET /v1/host", NULL, redfish_chassis_list},
	{"GET", "/v1/Chassis/_host", "GET /v1/host", NULL, redfish_chassis_host},

	{"GET", "/v1/SessionService", NULL, NULL, redfish_service_sessions},
	{"GET", SESSION, "GET /v1/me", NULL, redfish_session_list},
	{"POST", SESSION, "POST /v1/login", redfish_session_check, redfish_session_made},
	{"GET", SESSION "/own", "GET /v1/me", NULL, redfish_session_show},
	{"DELETE", SESSION "/own", "POST /v1/logout", NULL, redfish_session_ended},

	{"GET", ACCOUNT, "GET /v1/me", NULL, redfish_account_service},
	{"GET", ACCOUNT "/Accounts", "GET /v1/users", NULL, redfish_account_list},
	{"GET", ACCOUNT "/Accounts/{}", "GET /v1/users", NULL, redfish_account_show},
	{"GET", ACCOUNT "/Roles", "GET /v1/me", NULL, redfish_account_roles},
	{"GET", ACCOUNT "/Roles/{}", "GET /v1/me", NULL, redfish_account_role},

	{"GET", TASK, "GET /v1/me", NULL, redfish_service_tasks},
	{"GET", TASK "/Tasks", "GET /v1/me", NULL, redfish_task_list},
	{"GET", TASK "/Tasks/{}", "GET /v1/operations/{}", NULL, redfish_task_show},
	{"GET", TASK "/TaskMonitors/{}", "GET /v1/operations/{}", NULL, redfish_task_monitor},

	{"GET", "/v1/EventService", "GET /v1/me", NULL, redfish_service_missing},
	{"GET", "/v1/UpdateService", "GET /v1/me", NULL, redfish_service_missing},
};
const size_t redfish_row_count = ARRAY_COUNT(redfish_rows);

char *redfish_table(void)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < redfish_row_count; i++) {
		const struct redfish_row *row = &redfish_rows[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s+, s:s?}", "method", row->method, "path",
						"/redfish", row->path, "ask", row->ask));
	}
	text = json_dumps(list, JSON_INDENT(1));
	json_decref(list);
	return text;
}
