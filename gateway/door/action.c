/* SPDX-License-Identifier: MIT */
/*
 * Procedures that start, stop and end a VM. The table of procedures names them; they look at the VM
 * first, for what libvirt calls an error and REST does not, and then ask core for the action.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/door/rpc.h"
#include "gateway/door/error.h"
#include "gateway/door/serve.h"
#include "gateway/door/vm.h"

enum {
	ACTION_START_FLAGS = 12 /* neither reading a cache nor an image of a save is skipped here */
};

/* Ends a call for an action that takes longer than the client was told to wait. */
static bool action_ended(struct rpc *call)
{
	if (call->status != RPC_ACCEPTED)
		return true;
	rpc_fail(call, ERROR_TIMEOUT, "%s: it is still under way after a minute",
		 call->arguments.domain.name);
	return false;
}

static void action_done(struct rpc *call, json_t *body)
{
	(void)body;
	if (action_ended(call))
		rpc_answer(call);
}

/* A VM that has been asked to stop takes its time, as libvirt's clients expect. */
static void action_asked(struct rpc *call, json_t *body)
{
	(void)body;
	rpc_answer(call);
}

/* Returns false, and ends the call, when the VM does not run. */
static bool action_needs_active(struct rpc *call, json_t *vm)
{
	if (vm_active(vm))
		return true;
	rpc_fail(call, ERROR_STATE, "Requested operation is not valid: domain is not running");
	return false;
}

static void action_took_create(struct rpc *call, json_t *vm)
{
	if (vm_active(vm))
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: domain is already running");
	else
		rpc_action(call, "start", action_done);
}

void action_create(struct rpc *call)
{
	rpc_domain(call, action_took_create);
}

/* Gives the VM as it is now, since it has another number. */
static void action_started(struct rpc *call, json_t *body)
{
	if (!action_ended(call))
		return;
	vm_write(&call->results, json_object_get(body, "vm"));
	rpc_answer(call);
}

static void action_took_create_flags(struct rpc *call, json_t *vm)
{
	if (vm_active(vm))
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: domain is already running");
	else
		rpc_action(call, "start", action_started);
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
	if (action_needs_active(call, vm))
		rpc_action(call, "stop", action_asked);
}

void action_shutdown(struct rpc *call)
{
	rpc_domain(call, action_took_shutdown);
}

static void action_took_destroy(struct rpc *call, json_t *vm)
{
	if (action_needs_active(call, vm))
		rpc_action(call, "kill", action_done);
}

void action_destroy(struct rpc *call)
{
	rpc_domain(call, action_took_destroy);
}

static void action_took_suspend(struct rpc *call, json_t *vm)
{
	if (action_needs_active(call, vm))
		rpc_action(call, "pause", action_done);
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
		rpc_action(call, "resume", action_done);
}

void action_resume(struct rpc *call)
{
	rpc_domain(call, action_took_resume);
}

static void action_took_reboot(struct rpc *call, json_t *vm)
{
	if (action_needs_active(call, vm))
		rpc_action(call, "reset", action_done);
}

/* Skerry has one way to boot a VM again, and asks no guest: both of libvirt's are that one. */
void action_reboot(struct rpc *call)
{
	rpc_domain(call, action_took_reboot);
}

static void action_took_undefine(struct rpc *call, json_t *vm)
{
	char path[RPC_NAME_BYTES + 16];

	/* A VM that runs would end, which libvirt's undefine does not do. */
	if (vm_active(vm)) {
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: Skerry cannot undefine a domain that "
			 "runs: destroy it first");
		return;
	}
	snprintf(path, sizeof(path), "/v1/vms/%s", vm_name(vm));
	rpc_ask(call, "DELETE", path, NULL, action_done);
}

void action_undefine(struct rpc *call)
{
	rpc_domain(call, action_took_undefine);
}
