/* SPDX-License-Identifier: MIT */
#include "vmm/manager/channel/channel_port.h"
#include "vmm/manager/command.h"

static void no_port(struct reply *reply, const struct vm *vm, const char *name)
{
	char ports[CONFIG_PORT_MAX * CONFIG_NAME_BYTES];

	config_ports_text(vm->config.port, ports, sizeof(ports));
	reply_fail(reply, CODE_NOT_FOUND, "%s has no port %s, allowed: %s", vm->config.name, name,
		   ports[0] != '\0' ? ports : "nothing, its ports are the key port = NAME");
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm;
	u32 port = 0;

	if (!reply_has_terminal(reply))
		return;
	vm = command_vm(reply, arguments->word[0]);
	if (vm == NULL)
		return;
	if (arguments->count > 1) {
		port = vm_port_find(vm, arguments->word[1]);
		if (port == 0) {
			no_port(reply, vm, arguments->word[1]);
			return;
		}
	}
	if (channel_port_is(vm, port)) {
		reply_fail(reply, CODE_BUSY, "port %s of %s is a machine channel",
			   arguments->word[1], vm->config.name);
		return;
	}
	reply->attach_id = vm->id;
	reply->attach_port = port;
}

COMMAND(vm_console,
	.name = "vm console",
	.right = MAY_CONSOLE,
	.arguments = "NAME [PORT]",
	.summary = "makes this terminal the guest's, Ctrl-] leaves",
	.detail = "What the guest printed while nobody looked (64 KiB at most) is shown first. "
		  "With PORT it is that port of the guest's virtio console.",
	.example = "vm console alpha",
	.run = run,
	.minimum = 1,
	.maximum = 2,
	.audited = true,
	.completion = COMPLETE_VM);
