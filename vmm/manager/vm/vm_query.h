/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_query_types.h"

/*
 * A question to a VM's monitor (vmm/rt/query.h). A monitor takes one question at a time: a second
 * asker waits for its turn, and no asker waits longer than VM_QUERY_NS, even for a broken monitor.
 */
#define VM_QUERY_NS (10 * NS_PER_S)

enum vm_query_progress {
	/* no answer yet: call vm_query_step again after any event, and at the deadline */
	VM_QUERY_WAITS,
	VM_QUERY_ANSWERED,
	VM_QUERY_FAILED,
};

/* A copy of a monitor's answer, valid until the next call of vm_query_step. */
struct vm_answer {
	enum status status;
	u32 bytes;
	u8 data[QUERY_BYTES] ALIGNED(64);
};

/*
 * Returns an answer's data if the monitor gave exactly `bytes` bytes, or NULL if it refused or is
 * faulty.
 */
static inline const void *vm_answer_data(const struct vm_answer *answer, size_t bytes)
{
	return answer->status == STATUS_OK && answer->bytes == bytes ? answer->data : NULL;
}

/* Returns why there is no monitor that could be asked, or NULL if there is one. */
const char *vm_no_monitor(const struct vm *vm);

/* Prepares a question; nothing is sent before vm_query_post or the first step. */
void vm_query_begin(struct vm_query *query, const struct vm *vm, const struct query *question);

/*
 * Sends the question now if no other one is under way, as vm_query_step does. For an asker that
 * calls vm_query_step only after an event.
 */
void vm_query_post(struct vm_query *query);

/*
 * Sends the question, or looks for its answer: sets *answer on VM_QUERY_ANSWERED and `problem` on
 * VM_QUERY_FAILED.
 */
enum vm_query_progress vm_query_step(struct vm_query *query, const struct vm_answer **answer,
				     char *problem, size_t size);
