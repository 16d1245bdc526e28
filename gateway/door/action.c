/* SPDX-License-Identifier: MIT */
/*
 * Procedures that start, stop and end a VM. The table of procedures names them; they look at the VM
 * first, for states that are an error in libvirt and not in REST, and then ask core for the action.
 */
#include <string.h>

#include "gateway/door/rpc.h"
#include "gateway/door/error.h"
#include "gateway/door/serve.h"
#include "gateway/door/vm.h"

enum {
	/*
	 * flags that change nothing: they ask not to use a cache or the image of a save, and none
	 * is used
	 */
	ACTION_START_FLAGS = 12
};

/* Returns whether the VM runs; if it does not, ends the call with an error. */
static bool action_needs_active(struct rpc *call, json_t *vm)
{
	if (vm_active(vm))
		return true;
	rpc_fail(call, ERROR_STATE, "Requested operation is not valid: domain is not running");
	return false;
}

/* Starts a VM that does not run; `took` gets the answer. */
static void action_start(struct rpc *call, json_t *vm, rpc_took *took)
{
	if (vm_active(vm))
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: domain is already running");
	else
		rpc_action(call, "start", took);
}

static void action_took_create(struct rpc *call, json_t *vm)
{
	action_start(call, vm, rpc_done);
}

void action_create(struct rpc *call)
{
	rpc_domain(call, action_took_create);
}

/* Answers with the VM as it is after its start, as each start gives it another number. */
static void action_started(struct rpc *call, json_t *body)
{
	if (!rpc_ended(call))
		return;
	vm_write(&call->results, json_object_get(body, "vm"));
	rpc_answer(call);
}

static void action_took_create_flags(struct rpc *call, json_t *vm)
{
	action_start(call, vm, action_started);
}

void action_create_flags(struct rpc *call)
{
	uint32_t flags = (uint32_t)call->arguments.numbers[0];

	if (flags & ~(uint32_t)ACTION_START_FLAGS)
		rpc_fail(
			call, ERROR_INVALID_ARGUMENT,
			"Skerry starts a VM neither paused nor in another special way (flags 0x%x)",
			flags);
	else
		rpc_domain(call, action_took_create_flags);
}

static void action_took_shutdown(struct rpc *call, json_t *vm)
{
	/* libvirt's clients do not expect that the VM has stopped when the call is answered. */
	if (action_needs_active(call, vm))
		rpc_action(call, "stop", rpc_asked);
}

void action_shutdown(struct rpc *call)
{
	rpc_domain(call, action_took_shutdown);
}

static void action_took_destroy(struct rpc *call, json_t *vm)
{
	if (action_needs_active(call, vm))
		rpc_action(call, "kill", rpc_done);
}

void action_destroy(struct rpc *call)
{
	rpc_domain(call, action_took_destroy);
}

static void action_took_suspend(struct rpc *call, json_t *vm)
{
	if (action_needs_active(call, vm))
		rpc_action(call, "pause", rpc_done);
}

void action_suspend(struct rpc *call)
{
	rpc_domain(call, action_took_suspend);
}

static void action_took_resume(struct rpc *call, json_t *vm)
{
	if (!action_needs_active(call, vm))
		return;
	if (vm_state(vm) == VM_RUNNING)
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: domain is already running");
	else
		rpc_action(call, "resume", rpc_done);
}

void action_resume(struct rpc *call)
{
	rpc_domain(call, action_took_resume);
}

static void action_took_reboot(struct rpc *call, json_t *vm)
{
	if (action_needs_active(call, vm))
		rpc_action(call, "reset", rpc_done);
}

/*
 * Reboots a VM: Skerry has one way to do that, without the guest's help, so libvirt's two ways are
 * the same.
 */
void action_reboot(struct rpc *call)
{
	rpc_domain(call, action_took_reboot);
}

static void action_took_undefine(struct rpc *call, json_t *vm)
{
	/*
	 * A running VM is not undefined: Skerry would end it, which libvirt's undefine does not do.
	 */
	if (vm_active(vm)) {
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: Skerry cannot undefine a domain that "
			 "runs: destroy it first");
		return;
	}
	rpc_ask_vm(call, "DELETE", NULL, rpc_done);
}

void action_undefine(struct rpc *call)
{
	rpc_domain(call, action_took_undefine);
}
