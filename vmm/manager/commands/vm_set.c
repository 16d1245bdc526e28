/* SPDX-License-Identifier: MIT */
/*
 * The command `vm set`: changes keys of a VM, all or none. Run by command.c; vm_share.c puts the
 * change into effect.
 */
#include "lib/bits.h"
#include "vmm/manager/vm/vm_keys.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/vm/process/vm_build.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/process/vm_share.h"
#include "vmm/rt/format.h"

/*
 * Returns whether the asker may have a crash end the VM, if that is what changes; if not, an error
 * was written. It takes what `vm destroy` takes: whoever starts and stops VMs can have them crash.
 */
static bool command_vm_set_may_end(struct reply *reply, const struct vm *vm,
				   const struct vm_config *config)
{
	return config->on_crash != ON_CRASH_DESTROY || vm->config.on_crash == ON_CRASH_DESTROY ||
	       reply_may(reply, MAY_CONFIGURE);
}

/* Takes KEY=VALUE, or KEY and VALUE as two words; *index is left on the last word used. */
static bool command_vm_set_one(struct reply *reply, const struct arguments *arguments, u32 *index,
			       const struct vm *vm, struct vm_config *config, u64 *changed)
{
	const char *word = arguments->word[*index];
	const char *equals = strchr(word, '=');
	struct text key = text_of(word);
	char problem[CONFIG_PROBLEM_BYTES];
	char shown[40];
	bool in_value;

	if (equals != NULL)
		key.length = (size_t)(equals - word);
	text_show(shown, sizeof(shown), key);
	/* a schedule writes to a store, and says when old backups are dropped */
	if ((!vm_keys_at_any_time(key) || text_equal(key, "backup")) &&
	    !reply_may(reply, MAY_CONFIGURE))
		return false;
	if (!vm_keys_can_change(vm, key)) {
		reply_fail(reply, CODE_BAD_STATE,
			   "the key \"%s\" cannot change while %s is %s%s; at any time these "
			   "can: " VM_KEYS_AT_ANY_TIME
			   "; all others while it is stopped or crashed%s",
			   shown, vm->config.name, vm_state_name(vm->state),
			   vm_keys_has_snapshots(vm) ? " and has snapshots" : "",
			   vm_keys_has_snapshots(vm) ? ", without snapshots" : "");
		return false;
	}
	if (equals == NULL && *index + 1 >= arguments->count) {
		reply_bad(reply, "\"%s\" has no value; use KEY=VALUE", shown);
		return false;
	}
	if (config_set(config_vm_keys, config, changed, key,
		       text_of(equals != NULL ? equals + 1 : arguments->word[++*index]), problem,
		       sizeof(problem), &in_value))
		return true;
	reply_bad(reply, "%s", problem);
	return false;
}

static const char *command_vm_set_value_text(const struct config_key *key,
					     const struct vm_config *config, char *buffer,
					     size_t size)
{
	config_value_text(key, config, buffer, size);
	if (buffer[0] == '\0')
		string_copy(buffer, size, key->value == VALUE_CPUS ? "all" : "none");
	return buffer;
}

/* Shows the changed keys, in the order of the configuration. */
static void command_vm_set_show(struct reply *reply, const struct vm *vm)
{
	char value[CONFIG_CMDLINE_BYTES];

	if (reply->json) {
		reply_object_begin(reply);
		json_string(&reply->object, "name", vm->config.name);
	}
	for (u32 i = 0; config_vm_keys[i].name != NULL; i++) {
		const struct config_key *key = &config_vm_keys[i];

		if ((reply->changed & BIT(i)) == 0)
			continue;
		command_vm_set_value_text(key, &vm->config, value, sizeof(value));
		if (reply->json)
			json_string(&reply->object, key->name, value);
		else
			reply_line(reply, "%s: %s = %s", vm->config.name, key->name, value);
	}
	if (reply->json)
		reply_object_end(reply);
}

static void command_vm_set_answer(struct reply *reply, const struct vm *vm)
{
	if (vm->operation[OPERATION_CHANGE].problem[0] != '\0')
		reply_error(reply, "VM %s: %s", vm->config.name,
			    vm->operation[OPERATION_CHANGE].problem);
	else
		command_vm_set_show(reply, vm);
}

static bool command_vm_set_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm->operation[OPERATION_CHANGE].phase > CHANGE_DONE)
		return command_vm_given_up(reply, vm);
	command_vm_set_answer(reply, vm);
	return true;
}

/*
 * Enlarges the memory for old blocks of the VM's disks to the size in a changed `disk.undo`. This
 * comes after all other checks of a `vm set`, as it already changes the VM. Returns true at once if
 * `disk.undo` has not changed.
 */
static bool command_vm_set_make_room(struct vm *vm, const struct vm_config *config, u64 changed,
				     char *problem, size_t size)
{
	return (changed & config_key_bit(config_vm_keys, "disk.undo")) == 0 ||
	       vm_disks_make_room(vm, config->disk_undo_bytes, problem, size);
}

static void command_vm_set(struct reply *reply, const struct arguments *arguments)
{
	static struct vm_config config; /* static, as a configuration is too large for the stack */
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[CONFIG_PROBLEM_BYTES];

	if (vm == NULL)
		return;
	if (vm_busy(vm) || vm->operation[OPERATION_CHANGE].phase != CHANGE_NONE) {
		reply_fail(reply, CODE_BUSY, "%s is still busy with the last command, try again",
			   vm->config.name);
		return;
	}
	vm_volumes_forget_names();
	config = vm->config;
	reply->changed = 0;
	for (u32 i = 1; i < arguments->count; i++) {
		if (!command_vm_set_one(reply, arguments, &i, vm, &config, &reply->changed))
			return;
	}
	if (!command_vm_set_may_end(reply, vm, &config))
		return;
	config.given |= reply->changed;
	if (!config_vm_check(&config, problem, sizeof(problem)) ||
	    !vm_share_check(&config, problem, sizeof(problem)) ||
	    !vm_build_has_files(&config, problem, sizeof(problem)) ||
	    !vm_build_fits(&config, problem, sizeof(problem)) ||
	    !command_vm_set_make_room(vm, &config, reply->changed, problem, sizeof(problem))) {
		reply_bad(reply, "%s", problem);
		return;
	}
	vm_share_change(vm, &config);
	if (vm->operation[OPERATION_CHANGE].phase == CHANGE_NONE)
		command_vm_set_answer(reply, vm);
	else
		command_vm_await_monitor(reply, vm, command_vm_set_resume);
}

COMMAND(vm_set,
	.name = "vm set",
	.right = MAY_OPERATE | MAY_CONFIGURE,
	.arguments = "NAME KEY=VALUE...",
	.summary = "changes the configuration of a VM",
	.detail = "At any time: " VM_KEYS_AT_ANY_TIME ".\n"
		  "Every other key while the VM is stopped or crashed and has no snapshots, for\n"
		  "its next start.\n"
		  "Values as in the configuration, `none` for no cap or reservation, `all` for\n"
		  "every CPU. KEY VALUE does as well. All or nothing: a reservation that cannot\n"
		  "be kept is refused and says what is left. on_crash=destroy takes the right\n"
		  "configure, as `vm destroy` does, and so does backup.",
	.example = "vm set alpha weight=512 reserve=2ms/10ms",
	.keys = "name, the changed keys",
	.run = command_vm_set,
	.minimum = 2,
	.maximum = COMMAND_WORDS_MAX,
	.audited = true,
	.completion = COMPLETE_KEYS);
