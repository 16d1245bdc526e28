/* SPDX-License-Identifier: MIT */
/*
 * Operations of REST as Redfish's tasks, which stand for actions that have not ended yet. The table
 * of resources names the functions, and the way of a request calls redfish_task_began().
 */
#include <string.h>

#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

#define TASKS REDFISH_ROOT "/TaskService"

void redfish_task_list(struct redfish *redfish, json_t *answer)
{
	/* REST lists no operations, either: the asker who begins one gets its number. */
	(void)answer;
	redfish_answer(redfish, 200, redfish_collection("TaskCollection", "Tasks", TASKS "/Tasks"));
}

static json_t *task_make(json_t *operation)
{
	const char *id = redfish_text(operation, "id"), *state = redfish_text(operation, "state");
	json_t *task = redfish_resource("Task.v1_5_0", id, redfish_text(operation, "target"),
					TASKS "/Tasks/%s", id);
	const char *detail = redfish_text(json_object_get(operation, "problem"), "detail");
	bool failed = !strcmp(state, "failed");

	json_object_set_new(task, "TaskState",
			    json_string(failed			 ? "Exception"
					: !strcmp(state, "done") ? "Completed"
								 : "Running"));
	json_object_set_new(task, "TaskStatus", json_string(failed ? "Critical" : "OK"));
	json_object_set_new(task, "TaskMonitor", json_sprintf(TASKS "/TaskMonitors/%s", id));
	json_object_set_new(task, "Messages",
			    failed ? json_pack("[{s:s, s:s}]", "MessageId", "Base.1.8.GeneralError",
					       "Message", detail)
				   : json_array());
	return task;
}

void redfish_task_began(struct redfish *redfish, json_t *operation)
{
	json_t *task = task_make(operation);

	redfish_header(redfish, "Location", redfish_text(task, "TaskMonitor"));
	redfish_answer(redfish, 202, task);
}

void redfish_task_show(struct redfish *redfish, json_t *answer)
{
	redfish_answer(redfish, 200, task_make(answer));
}

void redfish_task_monitor(struct redfish *redfish, json_t *answer)
{
	const char *state = redfish_text(answer, "state");
	json_t *problem = json_object_get(answer, "problem");
	json_int_t status = json_integer_value(json_object_get(problem, "status"));

	if (!strcmp(state, "running"))
		redfish_task_began(redfish, answer);
	else if (!strcmp(state, "failed"))
		redfish_problem(redfish, status >= 400 && status < 600 ? (unsigned)status : 500,
				problem);
	else
		redfish_done(redfish);
}
