/* SPDX-License-Identifier: MIT */
/*
 * The command `vm create`: makes a VM of its section and of keys in the command. Run by command.c;
 * vm_create.c makes it.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/rt/format.h"

/* Sets one KEY=VALUE, which overrides the section. */
static bool command_vm_create_set(struct reply *reply, struct vm_config *config, u64 *given,
				  const char *word)
{
	const char *equals = strchr(word, '=');
	char problem[CONFIG_PROBLEM_BYTES];
	char shown[40];
	bool in_value;

	if (equals == NULL) {
		reply_bad(reply, "\"%s\" is not valid; use KEY=VALUE",
			  text_show(shown, sizeof(shown), text_of(word)));
		return false;
	}
	if (config_set(config_vm_keys, config, given, (struct text){word, (size_t)(equals - word)},
		       text_of(equals + 1), problem, sizeof(problem), &in_value))
		return true;
	reply_bad(reply, "%s", problem);
	return false;
}

static bool command_vm_create_prepare(struct reply *reply, const struct arguments *arguments,
				      struct vm_config *config)
{
	const char *name = arguments->word[0];
	struct vm_config *section = config_find(boot_config(), name);
	char problem[CONFIG_PROBLEM_BYTES];
	char shown[40];
	u64 given = 0;

	if (!config_name_valid(text_of(name))) {
		reply_bad(reply, "the name \"%s\" is not valid; use " CONFIG_NAME_ALLOWED,
			  text_show(shown, sizeof(shown), text_of(name)));
		return false;
	}
	if (section != NULL && section->broken) {
		reply_error(reply,
			    "%s cannot be created: its section has mistakes, `log show -c config` "
			    "lists them",
			    name);
		return false;
	}
	if (section != NULL)
		*config = *section;
	else
		config_vm_init(config);
	string_copy(config->name, sizeof(config->name), name);
	for (u32 i = 1; i < arguments->count; i++) {
		if (!command_vm_create_set(reply, config, &given, arguments->word[i]))
			return false;
	}
	config->given |= given;
	if (config_vm_check(config, problem, sizeof(problem)))
		return true;
	reply_bad(reply, "%s", problem);
	return false;
}

static void command_vm_create_show(struct reply *reply, const struct vm *vm)
{
	if (!reply->json) {
		reply_line(reply, "%s: %s", vm->config.name, vm_state_name(vm->state));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	reply_object_end(reply);
}

/*
 * Waits until the monitor is ready, as the kernel may still refuse the memory and CPU time that the
 * VM was promised.
 */
static bool command_vm_create_resume(struct reply *reply)
{
	const struct vm *vm = vm_by_id(reply->vm_id);

	if (vm != NULL && vm_is_ending(vm)) {
		command_vm_wait_on(reply);
		return false;
	}
	if (vm != NULL && !vm_ready(vm))
		return command_vm_given_up(reply, vm);
	if (vm != NULL)
		command_vm_create_show(reply, vm);
	else
		reply_error(reply, "VM %s: %s", reply->vm_name, vm_refusal(reply->vm_id));
	return true;
}

static void command_vm_create(struct reply *reply, const struct arguments *arguments)
{
	static struct vm_config config; /* static, as a configuration is too large for the stack */
	char problem[256];
	struct vm *vm;
	bool exists;

	if (!command_vm_create_prepare(reply, arguments, &config))
		return;
	exists = vm_find(config.name) != NULL;
	vm = vm_create(&config, problem, sizeof(problem));
	if (vm == NULL) {
		reply_fail(reply, exists ? CODE_EXISTS : CODE_FAILED, "VM %s: %s", config.name,
			   problem);
		return;
	}
	command_vm_await_monitor(reply, vm, command_vm_create_resume);
}

COMMAND(vm_create,
	.name = "vm create",
	.right = MAY_CONFIGURE,
	.arguments = "NAME [KEY=VALUE...]",
	.summary = "creates a VM",
	.detail = "Takes the configuration's section of that name, overridden by the keys given\n"
		  "here. The VM ends in state created; `vm start` boots it.",
	.example = "vm create gamma kernel=vmlinuz memory=128M cmdline=\"console=ttyS0 quiet\"",
	.keys = "name state",
	.run = command_vm_create,
	.minimum = 1,
	.maximum = COMMAND_WORDS_MAX,
	.changes = true,
	.completion = COMPLETE_SECTION);
