/* SPDX-License-Identifier: MIT */
/*
 * The command `gdb`: lets a GDB on COM3 debug a VM, or ends that. Run by command.c; gdb/gdb.c owns
 * the session.
 */
#include "vmm/manager/gdb/gdb.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm_query.h"

static void command_gdb_show(struct reply *reply)
{
	const struct vm *vm = gdb_vm();
	const char *state = gdb_locked()      ? "locked"
			    : !gdb_attached() ? "waiting"
			    : gdb_holds()     ? "stopped"
					      : "running";

	if (!reply->json) {
		if (vm == NULL)
			reply_line(reply, "no VM is on COM3");
		else
			reply_line(reply, "%s is on COM3: %s", vm->config.name,
				   gdb_locked()	     ? "locked, it asks for the password"
				   : !gdb_attached() ? "no GDB yet, `target remote` attaches"
				   : gdb_holds()     ? "stopped by GDB"
						     : "running under GDB");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm != NULL ? vm->config.name : "");
	json_string(&reply->object, "state", vm != NULL ? state : "off");
	reply_object_end(reply);
}

static void command_gdb(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm;
	const char *problem;

	if (arguments->count == 0) {
		command_gdb_show(reply);
		return;
	}
	if (string_equal(arguments->word[0], "off")) {
		vm = gdb_vm();
		log_message(LOG_INFO, LOG_AUDIT, vm != NULL ? vm->config.name : "", "gdb off");
		gdb_close();
		command_gdb_show(reply);
		return;
	}
	vm = command_vm(reply, arguments->word[0]);
	if (vm == NULL)
		return;
	problem = vm_no_monitor(vm);
	if (problem == NULL) {
		log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "gdb on COM3");
		problem = gdb_open(vm);
	}
	if (problem != NULL) {
		reply_error(reply, "cannot debug %s: %s", vm->config.name, problem);
		return;
	}
	command_gdb_show(reply);
}

COMMAND(gdb,
	.name = "gdb",
	.right = MAY_INSPECT,
	.arguments = "[NAME|off]",
	.summary = "lets a GDB on COM3 debug a VM",
	.detail = "GDB's first packet holds the VM; `detach` in GDB lets it go, `gdb off` does so "
		  "from here.\nWithout a name: which VM it is. Threads are vCPUs; $cr0 to $cr8 and "
		  "$efer are registers.\nIn GDB: target remote HOST:PORT, or the terminal that is "
		  "COM3. With a password COM3 asks for it first: type it there with a terminal.",
	.example = "gdb alpha",
	.keys = "name state",
	.run = command_gdb,
	.minimum = 0,
	.maximum = 1,
	.changes = true,
	.shows_bare = true,
	.completion = COMPLETE_VM);
