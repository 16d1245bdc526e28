/* SPDX-License-Identifier: MIT */
/*
 * Procedures that save a VM and restore it. The table of procedures names them. libvirt saves into
 * a file, and Skerry on a disk: the last part of the file's path is the disk's name. For a restore,
 * whose call names no VM, the path ends with DISK/NAME.
 */
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/base/string.h"
#include "gateway/door/error.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/vm.h"

enum {
	SAVE_BYPASS_CACHE = 1, /* a flag that changes nothing: no cache of files is used */
	SAVE_NOT_FOUND = 404,
};

/*
 * Ends a call with core's problem. If something is missing, it is the disk or, at a restore, the
 * VM, so core's sentence is passed on: libvirt's usual error would always name the VM.
 */
static void save_problem(struct rpc *call, json_t *problem)
{
	const char *detail = json_string_value(json_object_get(problem, "detail"));

	call->problem = NULL;
	if (call->status == SAVE_NOT_FOUND && detail)
		rpc_fail(call, ERROR_INVALID_ARGUMENT, "%s", detail);
	else
		rpc_problem(call, problem);
}

/* Asks core for the action `verb` on the VM that the call names, with that disk. */
static void save_ask(struct rpc *call, const char *verb, const char *disk)
{
	struct buffer fields = {0};

	rpc_body(&fields, "application/json");
	fields_text(&fields, "body.disk", disk);
	call->problem = save_problem;
	rpc_action_with(call, verb, &fields, rpc_done);
	buffer_free(&fields);
}

static void save_took_domain(struct rpc *call, json_t *vm)
{
	const char *path = call->arguments.texts[0];
	const char *slash = strrchr(path, '/');

	if (vm_active(vm))
		save_ask(call, "save", slash ? slash + 1 : path);
	else
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: domain is not running");
}

/*
 * Returns whether a call asks for nothing special: no other description of the VM, no flags; else
 * the call has ended with an error.
 */
static bool save_plain(struct rpc *call)
{
	uint32_t flags = (uint32_t)call->arguments.numbers[0] & ~(uint32_t)SAVE_BYPASS_CACHE;

	if (!flags && !*call->arguments.texts[1])
		return true;
	rpc_fail(call, ERROR_INVALID_ARGUMENT,
		 "Skerry saves a VM as it is, without other XML and without the flags 0x%x", flags);
	return false;
}

void save_save(struct rpc *call)
{
	if (save_plain(call))
		rpc_domain(call, save_took_domain);
}

void save_restore(struct rpc *call)
{
	char *path = call->arguments.texts[0], *name = strrchr(path, '/'), *disk;

	if (!save_plain(call))
		return;
	if (!name || name == path || !rpc_name_valid(name + 1)) {
		rpc_fail(call, ERROR_INVALID_ARGUMENT,
			 "to go on with a VM name the disk and the VM: DISK/NAME");
		return;
	}
	string_copy(call->arguments.domain.name, RPC_NAME_BYTES, name + 1);
	*name = 0;
	disk = strrchr(path, '/');
	save_ask(call, "restore", disk ? disk + 1 : path);
}
