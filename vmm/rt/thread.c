/* SPDX-License-Identifier: MIT */
/*
 * Creates threads with stacks of their own in this process. Called by the monitor for its vCPUs;
 * allocates each stack and its guard page from the process's group.
 */
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define THREAD_STACK_BYTES (64 * KIB)

struct thread_call {
	void (*function)(void *argument);
	void *argument;
};

void rt_thread_main(struct thread_call *call);

/*
 * Runs the function of a new thread, whose struct thread_call lies at the top of its own stack. A
 * thread that returns ends the process.
 */
void rt_thread_main(struct thread_call *call)
{
	call->function(call->argument);
	rt_fail("thread returned");
}

enum status thread_start(void (*function)(void *argument), void *argument)
{
	handle_t thread;
	struct thread_call *call;
	enum status status;
	u64 stack;

	status = memory_map(THREAD_STACK_BYTES, &stack);
	if (status != STATUS_OK)
		return status;
	call = (struct thread_call *)(stack + THREAD_STACK_BYTES) - 1;
	call->function = function;
	call->argument = argument;
	status = sys_thread_create(start_handle(START_SELF), (u64)(uintptr_t)rt_thread_main,
				   (u64)(uintptr_t)call - 8, (u64)(uintptr_t)call, &thread);
	if (status == STATUS_OK)
		sys_handle_close(thread); /* the thread lives on without the handle */
	return status;
}
