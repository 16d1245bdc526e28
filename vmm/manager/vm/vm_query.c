/* SPDX-License-Identifier: MIT */
/*
 * Asks a VM's monitor a question and waits for the answer, one question at a time for each VM.
 * Called by commands that inspect a guest, by `vm stat` and by the debugger. Owns question_number
 * and the question area of the VM's channel.
 */
#include "vmm/manager/vm/vm_query.h"
#include "lib/read_once.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

/*
 * A number is never used twice, so that a late answer cannot be taken for that of another question.
 */
static u32 last_number;

void vm_query_begin(struct vm_query *query, const struct vm *vm, const struct query *question)
{
	*query = (struct vm_query){
		.vm_id = vm->id,
		.deadline_tsc = clock_tsc() + clock_ns_to_tsc(VM_QUERY_NS),
		.question = *question,
	};
}

static bool vm_query_answered(const struct vm *vm)
{
	return __atomic_load_n(&vm->channel->question.answered, __ATOMIC_ACQUIRE) ==
	       vm->question_number;
}

/*
 * Returns whether a question can be asked. An asker that gave up leaves its question behind: the
 * question area is free again when that question is answered and its asker's time is over.
 */
static bool vm_query_slot_free(const struct vm *vm)
{
	return vm->question_number == 0 ||
	       (clock_tsc() >= vm->question_until_tsc && vm_query_answered(vm));
}

static void vm_query_ask(struct vm_query *query, struct vm *vm)
{
	struct query_area *area = &vm->channel->question;

	query->number = ++last_number;
	vm->question_number = query->number;
	vm->question_until_tsc = query->deadline_tsc;
	area->query = query->question;
	if (query->input_bytes > 0)
		memcpy(area->input, query->input, query->input_bytes);
	__atomic_store_n(&area->asked, query->number, __ATOMIC_RELEASE);
	sys_event_signal(vm->monitor.wake);
}

static const struct vm_answer *vm_query_take(struct vm *vm)
{
	static struct vm_answer answer;
	const struct query_area *area = &vm->channel->question;

	answer.status = (enum status)READ_ONCE(area->status);
	answer.bytes = READ_ONCE(area->bytes);
	answer.bytes = MIN(answer.bytes, QUERY_BYTES);
	memcpy(answer.data, area->answer, answer.bytes);
	vm->question_number = 0;
	return &answer;
}

/*
 * Returns why the monitor cannot answer because of a save or restore, which may take minutes, or
 * NULL.
 */
static const char *vm_query_at_a_save(const struct vm *vm)
{
	if (vm->operation[OPERATION_SAVE].phase == SAVE_NONE)
		return NULL;
	if (vm->operation[OPERATION_SAVE].phase == SAVE_RESTORING)
		return vm->state == VM_CREATED ? "it is being restored, try again" : NULL;
	return vm->operation[OPERATION_RENEW].phase != RENEW_NONE ? "it is being saved, try again"
								  : NULL;
}

const char *vm_no_monitor(const struct vm *vm)
{
	if (vm->group != HANDLE_NONE && !vm_is_ending(vm) && vm->channel != NULL)
		return vm_query_at_a_save(vm);
	if (vm_is_ending(vm) && vm->after == AFTER_REMOVE)
		return "it is being destroyed";
	if (vm_is_ending(vm) && vm->after == AFTER_START)
		return "it is being booted afresh, try again";
	return "its monitor has ended, `vm start` boots it afresh";
}

void vm_query_post(struct vm_query *query)
{
	struct vm *vm = vm_by_id(query->vm_id);

	if (vm != NULL && vm_no_monitor(vm) == NULL && query->number == 0 && vm_query_slot_free(vm))
		vm_query_ask(query, vm);
}

enum vm_query_progress vm_query_step(struct vm_query *query, const struct vm_answer **answer,
				     char *problem, size_t size)
{
	struct vm *vm = vm_by_id(query->vm_id);
	const char *missing;

	if (vm == NULL) {
		format(problem, size, "the VM was destroyed meanwhile");
		return VM_QUERY_FAILED;
	}
	missing = vm_no_monitor(vm);
	if (missing != NULL) {
		format(problem, size, "%s has nothing to show: %s", vm->config.name, missing);
		return VM_QUERY_FAILED;
	}
	vm_query_post(query);
	if (query->number != 0 && query->number == vm->question_number && vm_query_answered(vm)) {
		*answer = vm_query_take(vm);
		return VM_QUERY_ANSWERED;
	}
	if (clock_tsc() < query->deadline_tsc)
		return VM_QUERY_WAITS;
	format(problem, size, "the monitor of %s does not answer, `vm destroy %s` ends it",
	       vm->config.name, vm->config.name);
	return VM_QUERY_FAILED;
}
