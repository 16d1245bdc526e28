/* SPDX-License-Identifier: MIT */
/*
 * The resources that lead to all others: the versions, the service root, the description of the
 * protocol. They are the same for every client and need no credential (DSP0266, 9.4.1 and 13.3.5).
 * The table of resources names them.
 */
#include <string.h>

#include "gateway/base/buffer.h"
#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"

/* The services that the root names, as their own type and path have them. */
static const char *const service_names[] = {"Systems",	      "Managers",	"Chassis",
					    "SessionService", "AccountService", "TaskService"};

void redfish_service_versions(struct redfish *redfish, json_t *answer)
{
	(void)answer;
	redfish_answer(redfish, 200, json_pack("{s:s}", "v1", REDFISH_ROOT "/"));
}

void redfish_service_root(struct redfish *redfish, json_t *answer)
{
	/* The path ends with a slash (DSP0266, 7.2). */
	json_t *root =
		redfish_resource("ServiceRoot.v1_5_0", "RootService", "Skerry", REDFISH_ROOT "/");

	(void)answer;
	json_object_set_new(root, "RedfishVersion", json_string("1.8.0"));
	json_object_set_new(root, "Product", json_string("Skerry"));
	json_object_set_new(root, "Vendor", json_string("Skerry"));
	for (size_t i = 0; i < ARRAY_COUNT(service_names); i++) {
		const char *name = service_names[i];

		/* The schema's property for the TaskService is named "Tasks". */
		json_object_set_new(root, strcmp(name, "TaskService") ? name : "Tasks",
				    redfish_link(REDFISH_ROOT "/%s", name));
	}
	json_object_set_new(root, "Links",
			    json_pack("{s:o}", "Sessions",
				      redfish_link(REDFISH_ROOT "/SessionService/Sessions")));
	redfish_answer(redfish, 200, root);
}

void redfish_service_odata(struct redfish *redfish, json_t *answer)
{
	json_t *list = json_pack("[{s:s, s:s, s:s}]", "name", "Service", "kind", "Singleton", "url",
				 REDFISH_ROOT "/");

	(void)answer;
	for (size_t i = 0; i < ARRAY_COUNT(service_names); i++) {
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o}", "name", service_names[i], "kind", "Singleton",
				  "url", json_sprintf(REDFISH_ROOT "/%s", service_names[i])));
	}
	redfish_answer(redfish, 200,
		       json_pack("{s:s, s:o}", "@odata.context", REDFISH_ROOT "/$metadata", "value",
				 list));
}

void redfish_service_metadata(struct redfish *redfish, json_t *answer)
{
	/* The schemas of the resources here, each with its version. */
	static const struct {
		const char *name, *version;
	} schemas[] = {
		{"ServiceRoot", "v1_5_0"},    {"ComputerSystem", "v1_13_0"},
		{"Manager", "v1_10_0"},	      {"VirtualMedia", "v1_3_0"},
		{"Chassis", "v1_14_0"},	      {"SessionService", "v1_1_6"},
		{"Session", "v1_3_0"},	      {"AccountService", "v1_7_0"},
		{"ManagerAccount", "v1_6_0"}, {"Role", "v1_2_4"},
		{"TaskService", "v1_1_4"},    {"Task", "v1_5_0"},
	};
	struct buffer text = {0};

	(void)answer;
	buffer_text(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			   "<edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" "
			   "Version=\"4.0\">\n");
	for (size_t i = 0; i < ARRAY_COUNT(schemas); i++)
		buffer_format(
			&text,
			"  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/%s_v1.xml\">\n"
			"    <edmx:Include Namespace=\"%s\"/>\n"
			"    <edmx:Include Namespace=\"%s.%s\"/>\n"
			"  </edmx:Reference>\n",
			schemas[i].name, schemas[i].name, schemas[i].name, schemas[i].version);
	buffer_text(&text, "  <edmx:DataServices>\n"
			   "    <Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" "
			   "Namespace=\"Service\">\n"
			   "      <EntityContainer Name=\"Service\" "
			   "Extends=\"ServiceRoot.v1_5_0.ServiceContainer\"/>\n"
			   "    </Schema>\n"
			   "  </edmx:DataServices>\n"
			   "</edmx:Edmx>\n");
	redfish_answer_text(redfish, "application/xml", text.bytes ? text.bytes : "");
	buffer_free(&text);
}

void redfish_service_sessions(struct redfish *redfish, json_t *answer)
{
	json_t *service = redfish_resource("SessionService.v1_1_6", "SessionService", "Sessions",
					   REDFISH_ROOT "/SessionService");

	(void)answer;
	json_object_set_new(service, "ServiceEnabled", json_true());
	json_object_set_new(service, "SessionTimeout", json_integer(43200));
	json_object_set_new(service, "Sessions",
			    redfish_link(REDFISH_ROOT "/SessionService/Sessions"));
	redfish_answer(redfish, 200, service);
}

void redfish_service_tasks(struct redfish *redfish, json_t *answer)
{
	json_t *service = redfish_resource("TaskService.v1_1_4", "TaskService", "Tasks",
					   REDFISH_ROOT "/TaskService");

	(void)answer;
	json_object_set_new(service, "ServiceEnabled", json_true());
	json_object_set_new(service, "CompletedTaskOverWritePolicy", json_string("Oldest"));
	json_object_set_new(service, "LifeCycleEventOnTaskStateChange", json_false());
	json_object_set_new(service, "Tasks", redfish_link(REDFISH_ROOT "/TaskService/Tasks"));
	redfish_answer(redfish, 200, service);
}

void redfish_service_missing(struct redfish *redfish, json_t *answer)
{
	(void)answer;
	if (strstr(redfish->row->path, "Event"))
		redfish_error(redfish, 501, "GeneralError", NULL,
			      "Skerry sends no events of Redfish: read them at /v1/events");
	else
		redfish_error(redfish, 501, "GeneralError", NULL,
			      "Skerry is not updated over Redfish: it boots from an image");
}
