/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * A question to a VM's monitor on its way (vmm/rt/query.h). A monitor takes one at a time: whoever
 * comes while another's is under way waits for its turn, and nobody waits for longer than
 * VM_QUERY_NS, whatever the monitor does.
 */
#define VM_QUERY_NS (10 * NS_PER_S)

struct vm_query {
	u32 vm_id;
	u32 number; /* 0: not asked yet */
	u64 deadline_tsc;
	struct query question;
	const void *input; /* what goes with it: must stay valid until it is asked */
	u32 input_bytes;   /* at most QUERY_INPUT_BYTES */
};

enum vm_query_progress {
	VM_QUERY_WAITS,	   /* step again after any event, and at the deadline */
	VM_QUERY_ANSWERED,
	VM_QUERY_FAILED,
};

/* What a monitor answered: a copy, which stays until the next call of vm_query_step. */
struct vm_answer {
	enum status status;
	u32 bytes;
	u8 data[QUERY_BYTES] ALIGNED(64);
};

/* What an answer of that size holds; NULL: the monitor refused, or has gone bad. */
static inline const void *vm_answer_data(const struct vm_answer *answer, size_t bytes)
{
	return answer->status == STATUS_OK && answer->bytes == bytes ? answer->data : NULL;
}

/* Why there is no monitor that could be asked; NULL: there is one. */
const char *vm_no_monitor(const struct vm *vm);

/* Nothing is sent before vm_query_post or the first step. */
void vm_query_begin(struct vm_query *query, const struct vm *vm, const struct query *question);

/*
 * Asks now if no other question is under way; vm_query_step does too. For an asker that is not
 * stepped again before something happens.
 */
void vm_query_post(struct vm_query *query);

/* Moves it on; *answer on VM_QUERY_ANSWERED, `problem` on VM_QUERY_FAILED. */
enum vm_query_progress vm_query_step(struct vm_query *query, const struct vm_answer **answer,
				     char *problem, size_t size);
