/* SPDX-License-Identifier: MIT */
/*
 * Asks a VM's monitor a question and waits for the answer, for all commands that look into a guest.
 * Called by these commands. Keeps the question in the reply; vm_query.c sends it.
 */
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/vm/vm_query.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"

bool inspect_number(struct reply *reply, const char *word, const char *what, u64 *number)
{
	char shown[40];

	if (parse_u64(text_of(word), number))
		return true;
	reply_bad(reply, "%s: \"%s\" is not valid; use a number such as 4096 or 0x1000", what,
		  text_show(shown, sizeof(shown), text_of(word)));
	return false;
}

static bool command_inspect_take_cpu(struct reply *reply, const struct vm *vm, const char *word,
				     u32 *cpu)
{
	char shown[40];
	u64 number;

	if (parse_u64(text_of(word), &number) && number < vm->config.vcpus) {
		*cpu = (u32)number;
		return true;
	}
	text_show(shown, sizeof(shown), text_of(word));
	if (vm->config.vcpus == 1)
		reply_bad(reply, "vCPU: \"%s\" is not valid; use 0, as %s has one vCPU", shown,
			  vm->config.name);
	else
		reply_bad(reply, "vCPU: \"%s\" is not valid; use 0 to %llu", shown,
			  (unsigned long long)(vm->config.vcpus - 1));
	return false;
}

void inspect_ask(struct reply *reply, const struct vm *vm, const struct query *question)
{
	command_vm_keep(reply, vm);
	vm_query_begin(&reply->asked, vm, question);
	vm_query_post(&reply->asked);
	reply->deadline_tsc = reply->asked.deadline_tsc;
}

bool inspect_begin(struct reply *reply, const char *name, const char *cpu, bool all_cpus,
		   const struct query *question)
{
	const struct vm *vm = command_vm(reply, name);
	struct query query = *question;

	if (vm == NULL)
		return false;
	query.vcpu = 0;
	if (cpu != NULL && !command_inspect_take_cpu(reply, vm, cpu, &query.vcpu))
		return false;
	reply->last_cpu = cpu == NULL && all_cpus ? (u32)vm->config.vcpus - 1 : query.vcpu;
	inspect_ask(reply, vm, &query);
	return true;
}

void inspect_again(struct reply *reply)
{
	const struct query question = reply->asked.question;
	const struct vm *vm = vm_by_id(reply->vm_id);

	if (vm != NULL) /* if there is no VM, the next inspect_take reports that to the asker */
		inspect_ask(reply, vm, &question);
}

bool inspect_next_cpu(struct reply *reply)
{
	if (reply->asked.question.vcpu >= reply->last_cpu)
		return false;
	reply->asked.question.vcpu++;
	inspect_again(reply);
	return true;
}

/*
 * Asks the monitor of the next VM the question. Counts by index in the table of VMs, as the VM that
 * was shown last may be gone.
 */
bool inspect_next_vm(struct reply *reply, const struct query *question)
{
	reply->all_vms = true;
	while (reply->shown < VM_MAX) {
		const struct vm *vm = vm_at(reply->shown++);

		if (vm != NULL && vm_no_monitor(vm) == NULL)
			return inspect_begin(reply, vm->config.name, NULL, true, question);
	}
	return false;
}

/*
 * Reports a problem with a VM; if several VMs are shown this is a line of the answer, and the next
 * VMs follow.
 */
static void command_inspect_tell_problem(struct reply *reply, const char *problem)
{
	if (!reply->all_vms) {
		reply_error(reply, "%s", problem);
		return;
	}
	if (!reply->json) {
		reply_line(reply, "%s", problem);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", reply->vm_name);
	json_string(&reply->object, "problem", problem);
	reply_object_end(reply);
}

bool inspect_take(struct reply *reply, const struct vm_answer **answer)
{
	char problem[192];

	*answer = NULL;
	switch (vm_query_step(&reply->asked, answer, problem, sizeof(problem))) {
	case VM_QUERY_WAITS:
		return false;
	case VM_QUERY_FAILED:
		if (vm_by_id(reply->vm_id) == NULL)
			format(problem, sizeof(problem), "%s was destroyed meanwhile",
			       reply->vm_name);
		command_inspect_tell_problem(reply, problem);
		break;
	case VM_QUERY_ANSWERED:
		break;
	}
	return true;
}

const void *inspect_data(struct reply *reply, const struct vm_answer *answer, size_t bytes)
{
	const void *data = vm_answer_data(answer, bytes);
	char problem[192];

	if (data != NULL)
		return data;
	if (answer->status != STATUS_OK)
		format(problem, sizeof(problem), "the monitor of %s says \"%s\"", reply->vm_name,
		       status_text(answer->status));
	else
		format(problem, sizeof(problem),
		       "the monitor of %s gave %u bytes in place of %lu; `vm destroy %s` ends it",
		       reply->vm_name, answer->bytes, (unsigned long)bytes, reply->vm_name);
	command_inspect_tell_problem(reply, problem);
	return NULL;
}

void inspect_registers_begin(struct reply *reply, const struct arguments *arguments,
			     bool (*resume)(struct reply *reply))
{
	const struct query question = {.kind = QUERY_REGISTERS};

	if (inspect_begin(reply, arguments->word[0], arguments->word[1], true, &question))
		reply->resume = resume;
}

bool inspect_registers(struct reply *reply, const struct query_registers **registers)
{
	const struct vm_answer *answer;

	if (reply_room(reply) <= 2 * REPLY_LINE_BYTES || !inspect_take(reply, &answer))
		return false;
	*registers = answer == NULL ? NULL : inspect_data(reply, answer, sizeof(**registers));
	return true;
}
