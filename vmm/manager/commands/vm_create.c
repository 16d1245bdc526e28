/* SPDX-License-Identifier: MIT */
/*
 * The command `vm create`: makes a VM of its section and of keys in the command. Run by command.c;
 * vm_create.c makes it.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/process/vm_user_data.h"
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

/* Returns the BYTES of user-data=BYTES, which stands behind the name; NULL: it does not. */
static const char *command_vm_create_text_word(const struct arguments *arguments)
{
	static const char key[] = "user-data=";

	return arguments->count > 1 && strncmp(arguments->word[1], key, sizeof(key) - 1) == 0
		       ? arguments->word[1] + sizeof(key) - 1
		       : NULL;
}

/*
 * Takes the text that the channel's client has handed over for the VM, which the channel then has
 * no more. Returns false after an error.
 */
static bool command_vm_create_take_text(struct reply *reply, const char *word,
					struct vm_user_data *text)
{
	struct machine_channel *channel = reply_channel(reply);
	char problem[128];
	u64 bytes;

	if (channel == NULL)
		return false;
	*text = channel->user_data;
	channel->user_data = (struct vm_user_data){.memory = HANDLE_NONE};
	if (!parse_u64(text_of(word), &bytes) || text->bytes == NULL || bytes != text->size)
		reply_bad(reply, "user-data: %u bytes have come by `user-data`; give their number",
			  text->bytes != NULL ? text->size : 0);
	else if (!vm_user_data_check(text, problem, sizeof(problem)))
		reply_bad(reply, "user-data: %s", problem);
	else
		return true;
	vm_user_data_drop(text);
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
	vm_volumes_forget_names();
	for (u32 i = command_vm_create_text_word(arguments) != NULL ? 2 : 1; i < arguments->count;
	     i++) {
		if (!command_vm_create_set(reply, config, &given, arguments->word[i]))
			return false;
	}
	if (command_vm_create_text_word(arguments) != NULL &&
	    !command_vm_create_set(reply, config, &given, "seed=" VM_SEED_GIVEN))
		return false;
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
	const char *word = command_vm_create_text_word(arguments);
	struct vm_user_data text = {.memory = HANDLE_NONE};
	char problem[256];
	struct vm *vm;
	bool exists;

	if ((word != NULL && !command_vm_create_take_text(reply, word, &text)) ||
	    !command_vm_create_prepare(reply, arguments, &config)) {
		vm_user_data_drop(&text);
		return;
	}
	exists = vm_find(config.name) != NULL;
	vm = vm_create_with(&config, word != NULL ? &text : NULL, problem, sizeof(problem));
	vm_user_data_drop(&text);
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
	.arguments = "NAME [user-data=BYTES] [KEY=VALUE...]",
	.summary = "creates a VM",
	.detail = "Takes the configuration's section of that name, overridden by the keys given\n"
		  "here. The VM ends in state created; `vm start` boots it. With user-data= it\n"
		  "gets the text that has come on the machine channel by `user-data`.",
	.example = "vm create gamma kernel=vmlinuz memory=128M cmdline=\"console=ttyS0 quiet\"",
	.keys = "name state",
	.run = command_vm_create,
	.minimum = 1,
	.maximum = COMMAND_WORDS_MAX,
	.changes = true,
	.completion = COMPLETE_SECTION);
