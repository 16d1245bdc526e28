/* SPDX-License-Identifier: MIT */
/*
 * The command `vm console`: makes the operator's terminal that of a guest. Run by command.c; the
 * console attaches after the command (console/console_guest.c).
 */
#include "vmm/manager/channel/channel_port.h"
#include "vmm/manager/command/command.h"

static void command_vm_console_no_port(struct reply *reply, const struct vm *vm, const char *name)
{
	char ports[CONFIG_PORT_MAX * CONFIG_NAME_BYTES];

	config_ports_text(vm->config.port, ports, sizeof(ports));
	reply_fail(reply, CODE_NOT_FOUND, "%s has no port %s; its ports are %s", vm->config.name,
		   name, ports[0] != '\0' ? ports : "set by the key port = NAME");
}

/* Copies the words without -r, wherever it stands; returns whether it was there. */
static bool command_vm_console_take_raw(const struct arguments *arguments, struct arguments *names)
{
	bool raw = false;

	names->count = 0;
	for (u32 i = 0; i < arguments->count; i++) {
		if (string_equal(arguments->word[i], "-r"))
			raw = true;
		else
			names->word[names->count++] = arguments->word[i];
	}
	return raw;
}

static void command_vm_console_run(struct reply *reply, const struct arguments *arguments)
{
	struct arguments names;
	const struct vm *vm;
	bool raw = command_vm_console_take_raw(arguments, &names);
	u32 port = 0;

	if (!reply_has_terminal(reply))
		return;
	if (names.count == 0 || names.count > 2) {
		reply_bad(reply,
			  "%u names are given; give that of a VM, or those of a VM and its port",
			  names.count);
		return;
	}
	vm = command_vm(reply, names.word[0]);
	if (vm == NULL)
		return;
	if (names.count > 1) {
		port = vm_port_find(vm, names.word[1]);
		if (port == 0) {
			command_vm_console_no_port(reply, vm, names.word[1]);
			return;
		}
	}
	if (channel_port_is(vm, port)) {
		reply_fail(reply, CODE_BUSY, "port %s of %s is a machine channel", names.word[1],
			   vm->config.name);
		return;
	}
	reply->attach_id = vm->id;
	reply->attach_port = port;
	reply->attach_raw = raw;
}

COMMAND(vm_console,
	.name = "vm console",
	.right = MAY_CONSOLE,
	.arguments = "[-r] NAME [PORT]",
	.summary = "makes this terminal the guest's, Ctrl-] leaves",
	.detail = "What the guest printed while nobody looked (64 KiB at most) is shown first. "
		  "With PORT it is that port of the guest's virtio console.\n"
		  "The terminal gets text, colours and what moves the cursor, and nothing that\n"
		  "makes it answer or change for good. -r: all that the guest prints, for guests\n"
		  "that you trust with your terminal.",
	.example = "vm console alpha",
	.run = command_vm_console_run,
	.minimum = 1,
	.maximum = 3,
	.audited = true,
	.completion = COMPLETE_VM);
