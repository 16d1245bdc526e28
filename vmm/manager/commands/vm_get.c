/* SPDX-License-Identifier: MIT */
/*
 * The command `vm get`: shows every key of a VM, its origin and when a change takes effect. Run by
 * command.c; only reads.
 */
#include "lib/bits.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm_keys.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"

/* Returns where the key's value comes from, in a word. */
static const char *command_vm_get_origin(const struct vm *vm, const struct config_key *key,
					 const char *value)
{
	const struct vm_config *section = config_find(boot_config(), vm->config.name);
	u64 bit = BIT((u64)(key - config_vm_keys));
	char written[CONFIG_CMDLINE_BYTES];

	if ((vm->config.given & bit) == 0)
		return "default";
	if (section == NULL || (section->given & bit) == 0)
		return "command";
	config_value_text(key, section, written, sizeof(written));
	return string_equal(written, value) ? "configuration" : "command";
}

static bool command_vm_get_show(struct reply *reply, u64 number)
{
	const struct vm *vm = command_vm_kept(reply);
	const struct config_key *key = &config_vm_keys[number];
	char value[CONFIG_CMDLINE_BYTES];
	const char *applies;

	if (vm == NULL || key->name == NULL)
		return false;
	config_value_text(key, &vm->config, value, sizeof(value));
	applies = vm_keys_at_any_time(text_of(key->name)) ? "now" : "next-start";
	if (!reply->json) {
		reply_line(reply, "%-20s %-10s %-13s %s", key->name, applies,
			   command_vm_get_origin(vm, key, value), value);
		return true;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "key", key->name);
	json_string(&reply->object, "value", value);
	json_string(&reply->object, "applies", applies);
	json_string(&reply->object, "origin", command_vm_get_origin(vm, key, value));
	reply_object_end(reply);
	return true;
}

static bool command_vm_get_resume(struct reply *reply)
{
	return reply_list(reply, command_vm_get_show);
}

static void command_vm_get_run(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm = command_vm(reply, arguments->word[0]);

	if (vm == NULL)
		return;
	command_vm_keep(reply, vm);
	if (!reply->json)
		reply_line(reply, "%-20s %-10s %-13s %s", "KEY", "APPLIES", "ORIGIN", "VALUE");
	if (!command_vm_get_resume(reply))
		reply->resume = command_vm_get_resume;
}

COMMAND(vm_get,
	.name = "vm get",
	.right = MAY_VIEW,
	.arguments = "NAME",
	.summary = "every key of a VM, and when a change of it would take effect",
	.detail = "next-start: it can be changed while the VM is stopped or crashed. The origin\n"
		  "is the configuration, a command, or that nobody has set it.",
	.example = "vm get alpha",
	.keys = "key value applies origin",
	.run = command_vm_get_run,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);
