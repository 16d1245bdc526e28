/* SPDX-License-Identifier: MIT */
/* Tests of Redfish beside REST: what core is asked for each request, and what the answers become.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/tests/fuzz/redfish_parts.h"

#define RESET "/redfish/v1/Systems/web/Actions/ComputerSystem.Reset"
#define CD    "/redfish/v1/Managers/web/VirtualMedia/Cd"

static struct redfish *begin(const char *method, const char *path, const char *body)
{
	return redfish_begin(method, path, body ? body : "", body ? strlen(body) : 0, "gate:8443");
}

/* Gives the request core's answer, a VM in that state with these keys. */
static void take_vm(struct redfish *redfish, const char *state, const char *config)
{
	char text[1024];

	assert_false(redfish->answered);
	assert_string_equal(redfish->method, "GET");
	assert_string_equal(redfish->path, "/v1/vms/web");
	snprintf(text, sizeof(text),
		 "{\"name\":\"web\",\"uuid\":\"u\",\"state\":\"%s\",\"vcpus\":2,"
		 "\"memory_bytes\":536870912,\"config\":{%s}}",
		 state, config);
	redfish_take(redfish, 200, text, strlen(text), "\"u-3\"");
}

static json_t *answer_of(struct redfish *redfish, unsigned status)
{
	assert_true(redfish->answered);
	assert_int_equal(redfish->status, status);
	return json_loadb(redfish->body_text.bytes, redfish->body_text.count, 0, NULL);
}

/* Checks that the request has failed with that message of Redfish's, and frees it. */
static void fails(struct redfish *redfish, unsigned status, const char *message)
{
	json_t *answer = answer_of(redfish, status);
	const char *code = redfish_text(json_object_get(answer, "error"), "code");

	assert_non_null(strstr(code, message));
	json_decref(answer);
	redfish_free(redfish);
}

static void ends_well(struct redfish *redfish)
{
	assert_false(redfish->answered);
	redfish_take(redfish, 200, "{\"changed\":true}", 16, NULL);
	assert_int_equal(redfish->status, 204);
	redfish_free(redfish);
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(redfish_has("/redfish"));
	assert_true(redfish_has("/redfish/v1/"));
	assert_false(redfish_has("/redfishes"));
	assert_false(redfish_has("/v1/redfish"));
	fails(begin("GET", "/redfish/v1/Nothing", NULL), 404, "ResourceMissingAtURI");
	fails(begin("GET", "/redfish/v1/Systems//", NULL), 404, "ResourceMissingAtURI");
	fails(begin("GET", "/redfish/v1/Systems/a/b", NULL), 404, "ResourceMissingAtURI");
	fails(begin("DELETE", "/redfish/v1/Systems/web", NULL), 405, "OperationNotAllowed");
	/* The host's manager and its chassis can be looked at, and nothing else. */
	fails(begin("POST", "/redfish/v1/Managers/_host/Actions/Manager.Reset", "{}"), 404,
	      "ResourceMissingAtURI");
	fails(begin("PATCH", "/redfish/v1/Chassis/_host", "{}"), 405, "OperationNotAllowed");
}

/* Each type of reset does by the VM's state what it says. */
static void test_resets(void **state)
{
	static const struct {
		const char *type, *state, *verb;
	} resets[] = {
		{"On", "stopped", "start"},
		{"On", "created", "start"},
		{"On", "paused", "resume"},
		{"On", "running", "start"},
		{"ForceOff", "running", "kill"},
		{"ForceOff", "stopped", "kill"},
		{"ForceOff", "crashed", "kill"},
		{"GracefulShutdown", "running", "stop"},
		{"PushPowerButton", "running", "stop"},
		{"PushPowerButton", "stopped", "start"},
		{"ForceRestart", "running", "reset"},
		{"ForceRestart", "crashed", "start"},
		{"Pause", "running", "pause"},
		{"Resume", "paused", "resume"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(resets); i++) {
		char body[64], path[64];
		struct redfish *redfish;

		snprintf(body, sizeof(body), "{\"ResetType\":\"%s\"}", resets[i].type);
		redfish = begin("POST", RESET, body);
		take_vm(redfish, resets[i].state, "");
		snprintf(path, sizeof(path), "/v1/vms/web/actions/%s", resets[i].verb);
		assert_string_equal(redfish->method, "POST");
		assert_string_equal(redfish->path, path);
		assert_null(redfish->sent);
		ends_well(redfish);
	}
}

/* A VM that has crashed is off: that Skerry does not end it again is no error. */
static void test_off_already(void **state)
{
	static const char refused[] = "{\"status\":409,\"code\":\"bad-state\",\"detail\":\"x\"}";
	struct redfish *redfish = begin("POST", RESET, "{\"ResetType\":\"ForceOff\"}");

	(void)state;
	take_vm(redfish, "crashed", "");
	redfish_take(redfish, 409, refused, strlen(refused), NULL);
	json_decref(answer_of(redfish, 204));
	redfish_free(redfish);
	redfish = begin("POST", RESET, "{\"ResetType\":\"Pause\"}");
	take_vm(redfish, "crashed", "");
	redfish_take(redfish, 409, refused, strlen(refused), NULL);
	fails(redfish, 409, "ResourceInUse");
}

static void test_wrong_resets(void **state)
{
	(void)state;
	fails(begin("POST", RESET, "{\"ResetType\":\"Nmi\"}"), 400, "PropertyValueNotInList");
	fails(begin("POST", RESET, "{\"ResetType\":7}"), 400, "PropertyValueTypeError");
	fails(begin("POST", RESET, "{}"), 400, "ActionParameterMissing");
	fails(begin("POST", RESET, NULL), 400, "ActionParameterMissing");
	fails(begin("POST", RESET, "{\"ResetType\":\"On\",\"Soon\":true}"), 400, "PropertyUnknown");
	fails(begin("POST", RESET, "{\"ResetType\":\"On\",\"ResetType\":\"ForceOff\"}"), 400,
	      "MalformedJSON");
	fails(begin("POST", RESET, "[\"On\"]"), 400, "MalformedJSON");
}

static const char *config_of(const struct redfish *redfish, const char *key)
{
	json_t *value = json_object_get(json_object_get(redfish->sent, "config"), key);

	assert_string_equal(redfish->method, "PATCH");
	assert_string_equal(redfish->match, "\"u-3\"");
	return json_is_null(value) ? "none" : value ? json_string_value(value) : "not set";
}

static struct redfish *boot(const char *members, const char *config)
{
	char body[256];
	struct redfish *redfish;

	snprintf(body, sizeof(body), "{\"Boot\":{%s}}", members);
	redfish = begin("PATCH", "/redfish/v1/Systems/web", body);
	if (!redfish->answered)
		take_vm(redfish, "stopped", config);
	return redfish;
}

#define BIOS "\"boot\":{\"value\":\"bios\"}"

static void test_boot_override(void **state)
{
	struct redfish *redfish = boot("\"BootSourceOverrideTarget\":\"Cd\","
				       "\"BootSourceOverrideEnabled\":\"Continuous\"",
				       BIOS);

	(void)state;
	assert_string_equal(config_of(redfish, "boot.order"), "cdrom");
	ends_well(redfish);
	redfish = boot("\"BootSourceOverrideTarget\":\"Pxe\"", BIOS);
	assert_string_equal(config_of(redfish, "boot.order"), "net");
	ends_well(redfish);
	redfish = boot("\"BootSourceOverrideEnabled\":\"Disabled\"",
		       BIOS ",\"boot.order\":{\"value\":\"net\"}");
	assert_string_equal(config_of(redfish, "boot.order"), "none");
	assert_string_equal(config_of(redfish, "boot.once"), "none");
	ends_well(redfish);
}

static void test_boot_once(void **state)
{
	struct redfish *redfish = boot("\"BootSourceOverrideTarget\":\"Pxe\","
				       "\"BootSourceOverrideEnabled\":\"Once\"",
				       BIOS ",\"boot.order\":{\"value\":\"disk\"}");

	(void)state;
	assert_string_equal(config_of(redfish, "boot.once"), "net");
	assert_string_equal(config_of(redfish, "boot.order"), "not set");
	ends_well(redfish);
	/* what comes without a target keeps the one that there is */
	redfish = boot("\"BootSourceOverrideEnabled\":\"Once\"",
		       BIOS ",\"boot.order\":{\"value\":\"cdrom\"}");
	assert_string_equal(config_of(redfish, "boot.once"), "cdrom");
	ends_well(redfish);
	redfish = boot("\"BootSourceOverrideEnabled\":\"Continuous\"",
		       BIOS ",\"boot.once\":{\"value\":\"net\"}");
	assert_string_equal(config_of(redfish, "boot.order"), "net");
	assert_string_equal(config_of(redfish, "boot.once"), "none");
	ends_well(redfish);
}

static void test_wrong_boot_overrides(void **state)
{
	(void)state;
	fails(boot("\"BootSourceOverrideEnabled\":\"Twice\"", BIOS), 400, "PropertyValueNotInList");
	fails(boot("\"BootSourceOverrideTarget\":\"Floppy\"", BIOS), 400, "PropertyValueNotInList");
	fails(boot("\"BootSourceOverrideMode\":\"UEFI\",\"BootSourceOverrideTarget\":\"Cd\"", BIOS),
	      400, "PropertyValueNotInList");
	fails(boot("\"UefiTargetBootSourceOverride\":\"x\"", BIOS), 400, "PropertyUnknown");
	fails(boot("\"BootSourceOverrideTarget\":\"Cd\"", ""), 409, "ResourceInUse");
	fails(begin("PATCH", "/redfish/v1/Systems/web", "{\"AssetTag\":\"x\"}"), 400,
	      "PropertyUnknown");
	fails(begin("PATCH", "/redfish/v1/Systems/web", "{\"Boot\":[]}"), 400,
	      "PropertyValueTypeError");
}

#define DISKS(value) "\"disk\":{\"value\":\"" value "\"}"

static void test_media(void **state)
{
	struct redfish *redfish =
		begin("POST", CD "/Actions/VirtualMedia.InsertMedia", "{\"Image\":\"pool/iso\"}");

	(void)state;
	take_vm(redfish, "stopped", DISKS("root, data ro"));
	assert_string_equal(config_of(redfish, "disk"), "root, data ro, pool/iso cdrom");
	ends_well(redfish);
	redfish = begin("POST", CD "/Actions/VirtualMedia.InsertMedia",
			"{\"Image\":\"https://gate:8443/v1/stores/pool/volumes/iso/content\"}");
	take_vm(redfish, "stopped", "");
	assert_string_equal(config_of(redfish, "disk"), "pool/iso cdrom");
	ends_well(redfish);
	redfish = begin("POST", CD "/Actions/VirtualMedia.InsertMedia", "{\"Image\":\"other\"}");
	take_vm(redfish, "stopped", DISKS("root, pool/iso ro cdrom"));
	fails(redfish, 409, "ResourceInUse");
	redfish = begin("POST", CD "/Actions/VirtualMedia.EjectMedia", NULL);
	take_vm(redfish, "stopped", DISKS("root, pool/iso ro cdrom, data"));
	assert_string_equal(config_of(redfish, "disk"), "root, data");
	ends_well(redfish);
	redfish = begin("POST", CD "/Actions/VirtualMedia.EjectMedia", "{}");
	take_vm(redfish, "stopped", DISKS("iso cdrom"));
	assert_string_equal(config_of(redfish, "disk"), "none");
	ends_well(redfish);
}

static void test_wrong_images(void **state)
{
	static const char *const wrong[] = {
		"http://elsewhere/x.iso",
		"https://gate:8443/v1/stores/pool/volumes/iso/other",
		"https://gate:84430/v1/stores/pool/volumes/iso",
		"https://gate:8443/v1/stores/pool/volumes/a, b",
		"iso cdrom, /other",
		"a/b/c",
		"/a",
		"a/",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		char body[200];

		snprintf(body, sizeof(body), "{\"Image\":\"%s\"}", wrong[i]);
		fails(begin("POST", CD "/Actions/VirtualMedia.InsertMedia", body), 400,
		      "ActionParameterValueFormatError");
	}
	fails(begin("POST", CD "/Actions/VirtualMedia.InsertMedia",
		    "{\"Image\":\"iso\",\"WriteProtected\":false}"),
	      400, "ActionParameterNotSupported");
}

static void test_sessions(void **state)
{
	static const char made[] = "{\"name\":\"ann\",\"token\":\"sks_1\"}";
	static struct fields fields;
	struct redfish *redfish = begin("POST", "/redfish/v1/SessionService/Sessions",
					"{\"UserName\":\"ann\",\"Password\":\"secret\"}");

	(void)state;
	assert_string_equal(redfish->path, "/v1/login");
	assert_string_equal(redfish_text(redfish->sent, "user"), "ann");
	assert_true(json_is_false(json_object_get(redfish->sent, "cookie")));
	redfish_take(redfish, 200, made, strlen(made), NULL);
	assert_int_equal(redfish->status, 201);
	assert_true(fields_read(&fields, redfish->headers.bytes, redfish->headers.count));
	assert_string_equal(fields_get(&fields, "X-Auth-Token"), "sks_1");
	assert_null(strstr(redfish->body_text.bytes, "sks_1"));
	redfish_free(redfish);
	redfish = begin("POST", "/redfish/v1/SessionService/Sessions",
			"{\"UserName\":\"x\",\"Password\":\"sky_1\"}");
	assert_string_equal(redfish_text(redfish->sent, "token"), "sky_1");
	redfish_free(redfish);
	fails(begin("POST", "/redfish/v1/SessionService/Sessions", "{\"UserName\":\"x\"}"), 400,
	      "PropertyMissing");
}

/* What core refuses is an error of Redfish's, and what goes on is a task. */
static void test_answers_of_core(void **state)
{
	static const char denied[] = "{\"status\":403,\"code\":\"forbidden\",\"detail\":\"no\"}";
	static const char busy[] = "{\"id\":\"12\",\"state\":\"running\",\"target\":\"web\"}";
	static struct fields fields;
	struct redfish *redfish = begin("POST", RESET, "{\"ResetType\":\"On\"}");

	(void)state;
	take_vm(redfish, "stopped", "");
	redfish_take(redfish, 403, denied, strlen(denied), NULL);
	fails(redfish, 403, "InsufficientPrivilege");
	redfish = begin("GET", "/redfish/v1/Systems", NULL);
	redfish_take(redfish, 200, "{", 1, NULL);
	fails(redfish, 502, "GeneralError");
	redfish = begin("POST", RESET, "{\"ResetType\":\"GracefulShutdown\"}");
	take_vm(redfish, "running", "");
	redfish_take(redfish, 202, busy, strlen(busy), NULL);
	json_decref(answer_of(redfish, 202));
	assert_true(fields_read(&fields, redfish->headers.bytes, redfish->headers.count));
	assert_string_equal(fields_get(&fields, "Location"),
			    "/redfish/v1/TaskService/TaskMonitors/12");
	redfish_free(redfish);
}

/* Each row of the table asks core for a path of REST, and has a handler. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < redfish_row_count; i++) {
		const struct redfish_row *row = &redfish_rows[i];

		assert_non_null(row->took);
		assert_true(!row->ask || strstr(row->ask, " /v1/"));
		/* A change is nothing that web does by itself. */
		assert_true(row->ask || !strcmp(row->method, "GET"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_off_already),
		cmocka_unit_test(test_wrong_resets),
		cmocka_unit_test(test_boot_override),
		cmocka_unit_test(test_boot_once),
		cmocka_unit_test(test_wrong_boot_overrides),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_wrong_images),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_answers_of_core),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
