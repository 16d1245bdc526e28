/* SPDX-License-Identifier: MIT */
/*
 * The JSON schemas of the bodies that routes take and give, apart from the keys of a VM. The
 * description of the API reads them; they are constants.
 */

#include "gateway/core/api/schema.h"

#include <stddef.h>

#define OBJECT(properties)	"{\"type\":\"object\",\"properties\":{" properties "}}"
#define STRING(name)		"\"" name "\":{\"type\":\"string\"}"
#define NUMBER(name)		"\"" name "\":{\"type\":\"number\"}"
#define COUNT(name)		"\"" name "\":{\"type\":\"integer\"}"
#define TRUTH(name)		"\"" name "\":{\"type\":\"boolean\"}"
#define NUMBER_OR_NULL(name)	"\"" name "\":{\"type\":[\"number\",\"null\"]}"
#define COUNT_OR_NULL(name)	"\"" name "\":{\"type\":[\"integer\",\"null\"]}"
#define STRING_OR_NULL(name)	"\"" name "\":{\"type\":[\"string\",\"null\"]}"
#define WORDS(name)		"\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define MAYBE_NUMBER		"{\"type\":[\"number\",\"null\"]}"
#define NUMBERS(name)		"\"" name "\":{\"type\":\"array\",\"items\":" MAYBE_NUMBER "}"
#define FREE_OBJECT(name)	"\"" name "\":{\"type\":\"object\"}"
#define REFERENCE(name, schema) "\"" name "\":{\"$ref\":\"#/components/schemas/" schema "\"}"
#define ITEMS(schema)                                                                              \
	"\"items\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/" schema "\"}}"
#define OBJECTS(name, properties)                                                                  \
	"\"" name "\":{\"type\":\"array\",\"items\":" OBJECT(properties) "}"

/* clang-format off */
#define VM_PROPERTIES                                                                              \
	STRING("name") "," STRING("uuid") "," STRING("state") "," STRING("reason") ","             \
	COUNT_OR_NULL("exit_code") "," COUNT("vcpus") "," COUNT("memory_bytes") ","                \
	COUNT("resident_bytes") "," NUMBER("uptime_s") "," NUMBER("cpu_s") "," STRING("exits") "," \
	COUNT("weight") "," COUNT_OR_NULL("cap_percent") "," COUNT("boots") ","                    \
	"\"sample\":{\"oneOf\":[{\"$ref\":\"#/components/schemas/Sample\"},{\"type\":\"null\"}]}"

#define ME_PROPERTIES                                                                              \
	STRING("name") "," WORDS("roles") "," STRING("scope") "," COUNT_OR_NULL("expires") ","     \
	"\"by\":{\"enum\":[\"token\",\"password\",\"socket\"]}"

#define USER_PROPERTIES                                                                            \
	STRING("name") "," WORDS("roles") "," STRING("scope") "," COUNT("created") ","             \
	COUNT_OR_NULL("last_login")

#define SANDBOX_PROPERTIES                                                                         \
	STRING("id")                                                                               \
	"," STRING("template") "," STRING("owner") "," STRING("state") ","                         \
	STRING_OR_NULL("result") "," NUMBER("age_s") "," NUMBER("left_s")
#define RUN_PROPERTIES                                                                             \
	STRING("id") "," STRING("template") "," STRING("owner") ","                                \
	"\"state\":{\"enum\":[\"waiting\",\"running\",\"done\"]},\"result\":{\"enum\":["           \
	"\"exit\",\"signal\",\"out-of-memory\",\"out-of-time\",\"out-of-cpu\","                    \
	"\"out-of-exits\",\"out-of-output\",\"crash\",\"no-gate\",\"stopped\","               \
	"\"failed\",\"lost\",null]},"                                                              \
	COUNT_OR_NULL("exit_code") "," COUNT_OR_NULL("signal") ",\"used\":"                        \
	OBJECT(NUMBER("wall_s") "," NUMBER("cpu_s") "," COUNT("exits") ","                         \
	       NUMBER("guest_cpu_s") "," COUNT("guest_memory_bytes")) ","                          \
	OBJECTS("published", STRING("address") "," COUNT_OR_NULL("port") ","                       \
			     COUNT("guest_port") "," TRUTH("open"))

#define STORE_PROPERTIES                                                                           \
	STRING("name") "," STRING("disk") "," STRING("state") "," STRING("problem") ","            \
	TRUTH("overcommit") "," COUNT("bytes") "," COUNT("free_bytes") ","                         \
	COUNT("reserved_bytes") "," COUNT("room_bytes") "," COUNT("chunk_bytes") ","               \
	COUNT("volumes") ","                                                                       \
	TRUTH("checksum") "," STRING("scrub") "," COUNT("scrub_chunks") ","                        \
	COUNT("scrub_without_sum") "," COUNT("scrub_faults") "," STRING("owner") ","               \
	TRUTH("own") "," COUNT("epoch") "," COUNT("lease_seconds")

#define BACKUP_END STRING("problem") "," STRING("moment")
#define VOLUME_PROPERTIES                                                                          \
	STRING("store") "," STRING("name") "," COUNT("id") "," COUNT("parent") ","                 \
	COUNT("bytes") "," COUNT("own_bytes") "," COUNT("made_unix_seconds") ","                   \
	TRUTH("read_only") "," TRUTH("snapshot") "," STRING("encrypt") ","                         \
	STRING("key_id") "," STRING("users") ","                                                   \
	COUNT("uploaded_bytes")
#define VOLUME_MORE_PROPERTIES                                                                     \
	COUNT("shared_bytes") "," STRING("source") "," TRUTH("checksum") "," COUNT("requests") "," \
	COUNT("read_bytes") "," COUNT("written_bytes") "," WORDS("snapshots") ","                  \
	COUNT("snapshot_count") "," WORDS("clones") "," COUNT("clone_count")

#define ALERT_PROPERTIES                                                                           \
	STRING("name") "," STRING("what") "," STRING("series") ","                                 \
	"\"comparison\":{\"enum\":[\"above\",\"below\"]}," NUMBER("threshold") ","         \
	NUMBER("clear") "," COUNT("hold_s") ","                                                    \
	"\"severity\":{\"enum\":[\"info\",\"warning\",\"critical\"]}"
#define ALERT_STANDING                                                                             \
	"\"state\":{\"enum\":[\"ok\",\"pending\",\"firing\",\"no-samples\"]},"         \
	COUNT("things") "," NUMBER_OR_NULL("value") "," COUNT("firing") "," COUNT("pending") ","   \
	OBJECTS("items", STRING("what") ",\"state\":{\"enum\":[\"pending\",\"firing\"]},"  \
		COUNT_OR_NULL("since") "," NUMBER("value"))

const struct schema schema_list[] = {
	{"Any", "{}"},
	{"Text", "{\"type\":\"string\"}"},
	{"Bytes", "{\"type\":\"string\",\"format\":\"binary\"}"},
	{"Events", "{\"type\":\"string\"}"},
	{"Root", OBJECT(STRING("name") "," STRING("version") "," WORDS("features"))},
	{"Health", OBJECT(TRUTH("live") "," TRUTH("ready") "," TRUTH("audit"))},
	{"Me", OBJECT(ME_PROPERTIES)},
	{"LoggedIn", OBJECT(ME_PROPERTIES "," COUNT("session_s") "," STRING("token"))},
	{"Login", OBJECT(STRING("token") "," STRING("user") "," STRING("password") ","
			 TRUTH("cookie"))},
	{"NewPassword", OBJECT(STRING("old") "," STRING("new"))},
	{"Problem", OBJECT(STRING("type") "," STRING("title") "," COUNT("status") "," STRING("code")
			   "," STRING("detail") "," WORDS("allowed_states") ","
			   STRING("request_id"))},
	{"Host", OBJECT(STRING("link") "," TRUTH("stale") "," NUMBER("age_s") "," STRING("version")
			"," STRING("boot") "," NUMBER("uptime_s") ","
			OBJECTS("cpus", COUNT("id") "," NUMBER("busy_percent") ","
				NUMBER_OR_NULL("guest_percent")) ","
			"\"memory\":"
			OBJECT(OBJECTS("owners", STRING("owner") "," COUNT("bytes")) ","
					     COUNT("free_bytes") "," COUNT("total_bytes")) ","
			WORDS("rights") "," STRING("speculation") "," STRING("speculation_open") ","
			STRING("fingerprint") "," COUNT_OR_NULL("audit_findings"))},
	{"Findings", OBJECT(TRUTH("changed") "," COUNT_OR_NULL("audit_findings") ","
			    WORDS("found"))},
	{"Sample", OBJECT(NUMBER("cpu_percent") "," NUMBER("steal_percent") ","
			  NUMBER("halted_percent") "," NUMBER("exits_per_s") ","
			  FREE_OBJECT("exits") "," COUNT("resident_bytes"))},
	{"Vm", OBJECT(VM_PROPERTIES)},
	{"VmKey", OBJECT(STRING_OR_NULL("value") ","
			 "\"applies\":{\"enum\":[\"now\",\"next-start\"],\"description\":"
			 "\"next-start: it can change while the VM does not run\"},"
			 "\"origin\":{\"enum\":[\"configuration\",\"command\",\"default\"]}")},
	{"VmFull", OBJECT(VM_PROPERTIES ",\"config\":{\"type\":\"object\",\"additionalProperties\":"
			  "{\"$ref\":\"#/components/schemas/VmKey\"}}," TRUTH("stale"))},
	{"Vms", OBJECT(ITEMS("Vm") "," STRING_OR_NULL("next") "," TRUTH("stale"))},
	{"VmNew", OBJECT(STRING("name") "," REFERENCE("config", "VmConfig") ","
			 "\"user_data\":{\"type\":\"string\",\"minLength\":1,"
			 "\"maxLength\":12288,\"writeOnly\":true,\"description\":"
			 "\"a text for cloud-init, for the VM's first boot\"}")},
	{"VmChange", OBJECT(REFERENCE("config", "VmConfig"))},
	{"Changed", OBJECT(TRUTH("changed") "," REFERENCE("vm", "Vm"))},
	{"Reset", OBJECT(STRING("snapshot"))},
	{"Rekey", OBJECT(STRING("key"))},
	{"Rekeys", OBJECT(OBJECTS("items", STRING("store") "," STRING("volume") "," STRING("key")
				  "," STRING("state") "," COUNT("round") "," COUNT("copied_bytes")
				  "," COUNT("all_bytes") "," STRING("reason")))},
	{"Copies", OBJECT(OBJECTS("items", STRING("store") "," STRING("volume") "," STRING("disk")
				  "," STRING("copy") "," STRING("state") ","
				  COUNT("copied_bytes") "," COUNT("all_bytes") ","
				  STRING("reason")))},
	{"Named", OBJECT(STRING("name"))},
	{"Clone", OBJECT(STRING("name") "," STRING("net"))},
	{"Snapshots", OBJECT(OBJECTS("items", STRING("name") "," NUMBER("age_s") ","
				     COUNT("state_bytes") "," COUNT("disk_bytes") ","
				     COUNT("clones") "," TRUTH("reset")))},
	{"Save", OBJECT(STRING("disk") "," TRUTH("overwrite") "," TRUTH("continue"))},
	{"Disk", OBJECT(STRING("disk"))},
	{"Disks", OBJECT(OBJECTS("items", STRING("name") "," STRING("state") "," STRING("problem")
				 "," STRING("driver") "," STRING("partition") "," COUNT("bytes") ","
				 TRUTH("read_only") "," STRING("users")))},
	{"Nets", OBJECT(OBJECTS("items", STRING("name") "," STRING("state") "," STRING("problem")
				"," STRING("uplink") "," STRING("link") "," COUNT("mtu") ","
				COUNT("ports")))},
	{"Files", OBJECT(OBJECTS("items", STRING("name") "," COUNT("bytes") "," STRING("uses")))},
	{"Store",
	 OBJECT(STORE_PROPERTIES "," OBJECTS("quotas", STRING("pattern") "," COUNT("bytes") ","
						       COUNT("used_bytes")) ","
		OBJECTS("damaged", STRING("volume") "," COUNT("offset") "," COUNT("bytes")))},
	{"StoreChange", OBJECT(STRING("quota"))},
	{"Stores", OBJECT(OBJECTS("items", STORE_PROPERTIES))},
	{"Format", OBJECT(TRUTH("overwrite"))},
	{"Volume", OBJECT(VOLUME_PROPERTIES)},
	{"Volumes", OBJECT(OBJECTS("items", VOLUME_PROPERTIES))},
	{"VolumeStat", OBJECT(VOLUME_PROPERTIES "," VOLUME_MORE_PROPERTIES)},
	{"Uploaded", OBJECT(COUNT("uploaded_bytes") "," COUNT("bytes") "," TRUTH("done"))},
	{"VolumeDigest", OBJECT(STRING("sha256"))},
	{"VolumeNew", OBJECT(STRING("name") "," COUNT("bytes") "," STRING("from"))},
	{"VolumeChange", OBJECT(COUNT("bytes") "," STRING("name"))},
	{"DiskRestore", OBJECT(STRING("disk") "," STRING("from") "," STRING("at"))},
	{"Backup", OBJECT("\"kind\":{\"enum\":[\"full\",\"diff\"]}," STRING("disks") ","
			  TRUTH("overwrite"))},
	{"Backups", OBJECT(OBJECTS("items", STRING("disk") "," STRING("target") "," STRING("kind")
				   "," COUNT("number") "," STRING("state") "," COUNT("copied_bytes")
				   "," COUNT("all_bytes") "," BACKUP_END))},
	{"BalloonAim", OBJECT(COUNT("bytes"))},
	{"Drive", OBJECT(STRING("disk"))},
	{"MediumNew", OBJECT(STRING("disk") "," STRING("medium"))},
	{"Medium", OBJECT(STRING("name") "," STRING("disk") "," TRUTH("inserted"))},
	{"Warm", OBJECT(COUNT("count"))},
	{"Balloon", OBJECT(COUNT("memory_bytes") "," COUNT_OR_NULL("wanted_bytes") ","
			   COUNT_OR_NULL("present_bytes") "," COUNT_OR_NULL("reported_bytes") ","
			   "\"driver\":{\"type\":[\"boolean\",\"null\"]},"
			   "\"guest\":{\"type\":\"object\",\"additionalProperties\":"
			   "{\"type\":\"string\"}}")},
	{"Digest", OBJECT(STRING("name") "," STRING("ram") "," STRING("state"))},
	{"Fields", OBJECT(OBJECTS("items", STRING("path") "," STRING("value") "," STRING("hex")))},
	{"Exits", OBJECT(OBJECTS("items", STRING("reason") "," STRING("count") ","
				 STRING_OR_NULL("cycles")))},
	{"Template", OBJECT(STRING("name") ",\"state\":{\"enum\":[\"making\",\"ready\"]},"
			    STRING_OR_NULL("image") "," COUNT("memory_bytes") ","
			    COUNT("resident_bytes") "," NUMBER_OR_NULL("age_s") ","
			    COUNT("warm") "," COUNT("runs") "," COUNT("sandboxes"))},
	{"Templates", OBJECT(ITEMS("Template"))},
	{"RunNew", OBJECT(STRING("template") "," WORDS("command") "," FREE_OBJECT("env") ","
			  STRING("stdin") "," STRING("stdin_base64") "," TRUTH("stdin_open") ","
			  WORDS("outputs") "," WORDS("publish") "," WORDS("volumes") ","
			  STRING("directory") "," FREE_OBJECT("files") ","
			  FREE_OBJECT("files_base64") ","
			  STRING("user") "," STRING("egress") ","
			  REFERENCE("terminal", "RunSize") ",\"limits\":"
			  OBJECT(NUMBER("wall_s") "," NUMBER("cpu_s") "," COUNT("output_bytes") ","
				 COUNT("exits") "," NUMBER("cpus") "," COUNT("memory_bytes")))},
	{"RunInput", OBJECT(STRING("data_base64") "," TRUTH("end"))},
	{"RunSize", OBJECT(COUNT("rows") "," COUNT("columns"))},
	{"RunSignal", OBJECT(COUNT("signal"))},
	{"SandboxNew", OBJECT(STRING("template") "," NUMBER("timeout_s") "," FREE_OBJECT("env") ","
			      STRING("directory") "," STRING("user") "," STRING("egress") ","
			      FREE_OBJECT("limits"))},
	{"SandboxTime", OBJECT(NUMBER("timeout_s"))},
	{"Sandbox", OBJECT(SANDBOX_PROPERTIES)},
	{"Sandboxes", OBJECT(OBJECTS("items", SANDBOX_PROPERTIES))},
	{"SandboxCommand",
	 OBJECT(WORDS("command") "," FREE_OBJECT("env") "," STRING("stdin") ","
		STRING("stdin_base64") "," TRUTH("stdin_open") "," STRING("directory") ","
		STRING("user") "," REFERENCE("terminal", "RunSize") ",\"limits\":"
		OBJECT(NUMBER("wall_s") "," COUNT("output_bytes")))},
	{"SandboxCommands",
	 OBJECT(OBJECTS("items", RUN_PROPERTIES "," WORDS("command") "," TRUTH("terminal")))},
	{"SandboxFiles",
	 OBJECT("\"action\":{\"enum\":[\"list\",\"stat\",\"make\",\"remove\",\"move\"]},"
		STRING("path") "," STRING("to") "," COUNT("depth") "," STRING("user"))},
	{"SandboxItems",
	 OBJECT(OBJECTS("items",
			STRING("path") "," STRING("type") "," COUNT("mode") "," COUNT("user") ","
			COUNT("group") "," COUNT("bytes") "," COUNT("modified") ","
			STRING_OR_NULL("target")))},
	{"RunFile", OBJECT(STRING("path") "," COUNT("at") "," STRING("data_base64"))},
	{"Run", OBJECT(RUN_PROPERTIES "," STRING("stdout") "," STRING("stdout_base64") ","
		       STRING("stderr") "," STRING("stderr_base64") "," FREE_OBJECT("outputs"))},
	{"Runs", OBJECT(OBJECTS("items", RUN_PROPERTIES))},
	{"TicketNew", OBJECT("\"mode\":{\"enum\":[\"read\",\"write\"]}")},
	{"Ticket", OBJECT(STRING("ticket") "," COUNT("expires_s"))},
	{"Operation", OBJECT(STRING("id") ",\"state\":{\"enum\":[\"running\",\"done\",\"failed\"]},"
			     "\"problem\":{\"oneOf\":[{\"$ref\":\"#/components/schemas/Problem\"},"
			     "{\"type\":\"null\"}]}," STRING("target") "," FREE_OBJECT("result"))},
	{"History",
	 OBJECT(STRING("what") "," COUNT("from") "," COUNT("to") "," COUNT("step") ","
		OBJECTS("series", STRING("name") "," NUMBERS("mean") "," NUMBERS("least") ","
				  NUMBERS("most")))},
	{"Forecast",
	 OBJECT(STRING("what") "," COUNT("time") ","
		OBJECTS("items",
			STRING("series") ",\"state\":{\"enum\":[\"not-enough-history\","
			"\"not-within\",\"possible\",\"expected\",\"reached\",\"no-limit\"]},"
			NUMBER_OR_NULL("limit")
			",\"comparison\":{\"enum\":[\"above\",\"below\"]},"
			NUMBER_OR_NULL("now") "," NUMBER_OR_NULL("per_day") "," COUNT("days") ","
			COUNT("ahead_days") "," COUNT_OR_NULL("earliest") ","
			COUNT_OR_NULL("likely") "," COUNT_OR_NULL("latest")))},
	{"AlertNew", OBJECT(ALERT_PROPERTIES "," STRING_OR_NULL("url") ","
			    STRING_OR_NULL("mail") "," TRUTH("new_secret"))},
	{"AlertPreview", OBJECT(ALERT_PROPERTIES "," COUNT("seconds"))},
	{"Alert", OBJECT(ALERT_PROPERTIES "," ALERT_STANDING "," TRUTH("hook") ","
			 STRING_OR_NULL("url") "," COUNT("waiting") "," COUNT("dropped") ","
			 COUNT_OR_NULL("delivered") "," STRING_OR_NULL("delivery") ","
			 STRING("secret") "," TRUTH("mailed") "," STRING_OR_NULL("mail") ","
			 COUNT("mail_waiting") "," COUNT("mail_dropped") ","
			 COUNT_OR_NULL("mail_delivered") "," STRING_OR_NULL("mail_delivery"))},
	{"Alerts", OBJECT(ITEMS("Alert"))},
	{"AlertPreviewed",
	 OBJECT(COUNT("from") "," COUNT("to") "," COUNT("step") "," COUNT("things") ","
		COUNT("samples") "," COUNT("count") ","
		OBJECTS("items", STRING("what") "," COUNT("from") "," COUNT_OR_NULL("to")))},
	{"Log", OBJECT(OBJECTS("items", STRING("sequence") "," NUMBER("time_s") "," STRING("level")
			       "," STRING("category") "," STRING("vm") "," STRING("text")))},
	{"Audit", OBJECT(OBJECTS("items", STRING("n") "," STRING("time") "," STRING("who") ","
				 STRING("action") "," STRING("target") "," STRING("from") ","
				 STRING("result") "," COUNT("count") "," STRING("hash")) ","
			 STRING("head") "," STRING_OR_NULL("anchored") "," TRUTH("works"))},
	{"Report", OBJECT(STRING("form") "," STRING("made") "," STRING("asked_by") ","
			  STRING_OR_NULL("profile") ","
			  OBJECTS("sections", STRING("id") "," STRING("title") ","
				  "\"status\":{\"enum\":[\"known\",\"partly\",\"unknown\"]},"
				  STRING("note") "," FREE_OBJECT("facts") ","
				  "\"items\":{\"type\":\"array\","
				  "\"items\":{\"type\":\"object\"}}"))},
	{"TokenNew", OBJECT(STRING("name") "," WORDS("roles") "," STRING("scope") ","
			    COUNT("expires_s"))},
	{"TokenMade", OBJECT(STRING("id") "," STRING("token"))},
	{"User", OBJECT(USER_PROPERTIES)},
	{"Users", OBJECT(ITEMS("User") "," STRING_OR_NULL("next"))},
	{"UserNew", OBJECT(STRING("name") "," STRING("password") "," WORDS("roles") ","
			   STRING("scope"))},
	{"UserChange", OBJECT(STRING("password") "," WORDS("roles") "," STRING("scope"))},
	{"Tokens", OBJECT(OBJECTS("items", STRING("id") "," STRING("name") "," WORDS("roles") ","
				  STRING("scope") "," COUNT("created") "," COUNT_OR_NULL("expires")
				  "," COUNT_OR_NULL("last_use")) "," STRING_OR_NULL("next"))},
	{NULL, NULL},
};
/* clang-format on */
