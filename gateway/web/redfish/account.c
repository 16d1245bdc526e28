/* SPDX-License-Identifier: MIT */
/*
 * The gateway's users as Redfish accounts, read only. Redfish knows three of the gateway's roles;
 * the user's real roles stand beside Redfish's. The table of resources names the functions.
 */
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

#define SERVICE REDFISH_ROOT "/AccountService"

/* Redfish's roles (DSP0266, 13.2.9) with the gateway's, beginning with the most powerful. */
static const struct {
	const char *id, *role, *privileges[5];
} account_known[] = {
	{"Administrator",
	 "admin",
	 {"Login", "ConfigureManager", "ConfigureUsers", "ConfigureComponents", "ConfigureSelf"}},
	{"Operator", "operator", {"Login", "ConfigureComponents", "ConfigureSelf"}},
	{"ReadOnly", "viewer", {"Login", "ConfigureSelf"}},
};

void redfish_account_service(struct redfish *redfish, json_t *answer)
{
	json_t *service =
		redfish_resource("AccountService.v1_7_0", "AccountService", "Users", SERVICE);

	(void)answer;
	json_object_set_new(service, "ServiceEnabled", json_true());
	json_object_set_new(service, "Accounts", redfish_link(SERVICE "/Accounts"));
	json_object_set_new(service, "Roles", redfish_link(SERVICE "/Roles"));
	redfish_answer(redfish, 200, service);
}

void redfish_account_list(struct redfish *redfish, json_t *answer)
{
	json_t *list = redfish_collection("ManagerAccountCollection", "Users", SERVICE "/Accounts");

	redfish_members(list, answer);
	redfish_answer(redfish, 200, list);
}

static bool account_has(json_t *user, const char *role)
{
	json_t *each;
	size_t i;

	json_array_foreach(json_object_get(user, "roles"), i, each)
	{
		const char *text = json_string_value(each);

		if (text && !strcmp(text, role))
			return true;
	}
	return false;
}

static json_t *account_make(json_t *user)
{
	const char *name = redfish_text(user, "name");
	json_t *account =
		redfish_resource("ManagerAccount.v1_6_0", name, name, SERVICE "/Accounts/%s", name);
	size_t place = 0;

	while (place + 1 < ARRAY_COUNT(account_known) &&
	       !account_has(user, account_known[place].role))
		place++;
	json_object_set_new(account, "UserName", json_string(name));
	json_object_set_new(account, "Enabled", json_true());
	json_object_set_new(account, "Locked", json_false());
	json_object_set_new(account, "Password", json_null());
	json_object_set_new(account, "AccountTypes", json_pack("[s]", "Redfish"));
	json_object_set_new(account, "RoleId", json_string(account_known[place].id));
	json_object_set_new(account, "Links",
			    json_pack("{s:o}", "Role",
				      redfish_link(SERVICE "/Roles/%s", account_known[place].id)));
	json_object_set_new(account, "Oem",
			    json_pack("{s:{s:s, s:O*, s:O*}}", "Skerry", "@odata.type",
				      "#Skerry.v1_0_0.ManagerAccount", "Roles",
				      json_object_get(user, "roles"), "Scope",
				      json_object_get(user, "scope")));
	return account;
}

void redfish_account_show(struct redfish *redfish, json_t *answer)
{
	json_t *user;
	size_t i;

	json_array_foreach(json_object_get(answer, "items"), i, user)
	{
		if (!strcmp(redfish_text(user, "name"), redfish->item)) {
			redfish_answer(redfish, 200, account_make(user));
			return;
		}
	}
	redfish_error(redfish, 404, "ResourceMissingAtURI", NULL, "there is no such user");
}

void redfish_account_roles(struct redfish *redfish, json_t *answer)
{
	json_t *list = redfish_collection("RoleCollection", "Roles", SERVICE "/Roles");

	(void)answer;
	for (size_t i = 0; i < ARRAY_COUNT(account_known); i++)
		redfish_member(list, account_known[i].id);
	redfish_answer(redfish, 200, list);
}

void redfish_account_role(struct redfish *redfish, json_t *answer)
{
	size_t place = 0;
	json_t *role, *list = json_array();

	(void)answer;
	while (place < ARRAY_COUNT(account_known) && strcmp(account_known[place].id, redfish->item))
		place++;
	if (place == ARRAY_COUNT(account_known)) {
		json_decref(list);
		redfish_error(redfish, 404, "ResourceMissingAtURI", NULL, "there is no such role");
		return;
	}
	for (size_t i = 0; i < 5 && account_known[place].privileges[i]; i++)
		json_array_append_new(list, json_string(account_known[place].privileges[i]));
	role = redfish_resource("Role.v1_2_4", redfish->item, redfish->item, SERVICE "/Roles/%s",
				redfish->item);
	json_object_set_new(role, "RoleId", json_string(redfish->item));
	json_object_set_new(role, "IsPredefined", json_true());
	json_object_set_new(role, "AssignedPrivileges", list);
	redfish_answer(redfish, 200, role);
}
