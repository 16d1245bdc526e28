/* SPDX-License-Identifier: MIT */
/*
 * The commands `volume rekey`, `volume rekey list` and `volume rekey cancel`. Run by command.c;
 * disk/rekey.c does it, and vm_rekey.c for a volume that a VM uses.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/vm/operation/rekey/vm_rekey.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/format.h"

#define USERS_BYTES 160u

static bool command_volume_rekey_resume(struct reply *reply)
{
	char problem[224];

	if (!rekey_ended((u32)reply->left, problem, sizeof(problem)))
		return false; /* not ended yet: the steps of a rekey have limits of their own */
	if (problem[0] != '\0')
		reply_error(reply, "%s", problem);
	else
		command_store_show_done(reply, reply->vm_name, "");
	return true;
}

/* Returns whether the volume can be encrypted by another key; if not, writes an error. */
static bool command_volume_may_rekey(struct reply *reply, const struct store_volume *volume,
				     const char *key)
{
	char shown[CONFIG_NAME_BYTES];

	if (!config_name_valid(text_of(key)))
		reply_bad(reply, "\"%s\" is not valid; use the name of a key",
			  text_show(shown, sizeof(shown), text_of(key)));
	else if ((volume->flags & STORE_VOLUME_READ_ONLY) != 0)
		reply_fail(
			reply, CODE_BAD_STATE,
			"%s is read-only and keeps its key; clone it, and give the clone another",
			volume->name);
	else if (volume->key.id == 0)
		reply_fail(reply, CODE_BAD_STATE,
			   "%s is not encrypted; make a volume with encrypt=KEY and copy it in a "
			   "guest",
			   volume->name);
	else
		return true;
	return false;
}

/*
 * Begins the rekey of a volume that has one VM as its user, or no user. Returns its number, or 0,
 * with the reason in `problem`.
 */
static u32 command_volume_rekey_begin(struct store *store, const struct store_volume *volume,
				      const char *key, char *problem, size_t size)
{
	struct vm *vm = vm_rekey_user(store, volume->id);
	char users[USERS_BYTES];
	u32 number = 0;
	const struct vm_rekey_wish wish = {store, volume, key, &number};

	if (vm != NULL)
		return vm_rekey(vm, &wish, problem, size) ? number : 0;
	store_users(store, volume->id, users, sizeof(users));
	if (users[0] == '\0')
		return rekey_begin(store, volume, NULL, key, problem, size);
	format(problem, size, "%s uses it; wait for that, or stop it", users);
	return 0;
}

static void command_volume_rekey_run(struct reply *reply, const struct arguments *arguments)
{
	char problem[2 * DRIVER_TEXT_BYTES];
	struct store_volume volume;
	struct text name;
	struct store *store = command_volume(reply, arguments->word[0], &name, &volume);

	if (store == NULL || !command_volume_may_rekey(reply, &volume, arguments->word[1]))
		return;
	reply->left = command_volume_rekey_begin(store, &volume, arguments->word[1], problem,
						 sizeof(problem));
	if (reply->left == 0) {
		reply_fail(reply, CODE_FAILED, "%s: %s", volume.name, problem);
		return;
	}
	string_copy(reply->vm_name, sizeof(reply->vm_name), store->config->section.name);
	reply->resume = command_volume_rekey_resume;
}

COMMAND(volume_rekey,
	.name = "volume rekey",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME KEY",
	.summary = "encrypt a volume by a key of its own, also while a VM writes to it",
	.detail = "KEY is the name of a key, the present one or another: afterwards no clone and\n"
		  "no snapshot has the volume's key. All of it is written again, which takes its\n"
		  "space a second time meanwhile, and a third time for a snapshot if a VM runs on\n"
		  "it. That VM's guest stands still for a moment at the end, and its monitor is\n"
		  "renewed. Ctrl-C stops waiting, the work goes on: `volume rekey list` shows it.",
	.example = "volume rekey pool/web vault",
	.keys = "store said",
	.run = command_volume_rekey_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);

static void command_volume_rekey_list_run(struct reply *reply, const struct arguments *arguments)
{
	const struct rekey_progress last = rekey_progress();

	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-24s %-16s %-7s %5s %10s %10s  %s", "STORE", "VOLUME",
			   "KEY", "STATE", "ROUND", "KIB", "OF KIB", "REASON");
	if (last.number == 0)
		return;
	if (!reply->json) {
		reply_line(reply, "%-16s %-24s %-16s %-7s %5u %10llu %10llu  %s", last.store,
			   last.volume, last.key, last.state, last.round,
			   (unsigned long long)(last.copied_bytes / KIB),
			   (unsigned long long)(last.all_bytes / KIB), last.problem);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "store", last.store);
	json_string(&reply->object, "volume", last.volume);
	json_string(&reply->object, "key", last.key);
	json_string(&reply->object, "state", last.state);
	json_u64(&reply->object, "round", last.round);
	json_u64(&reply->object, "copied_bytes", last.copied_bytes);
	json_u64(&reply->object, "all_bytes", last.all_bytes);
	json_string(&reply->object, "reason", last.problem);
	reply_object_end(reply);
}

COMMAND(volume_rekey_list,
	.name = "volume rekey list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the rekey that is under way, or the last one",
	.detail = "The first round copies all of the volume; each later one what its VM has\n"
		  "changed meanwhile. In state `stands` and `takes` the VM's guest stands still.",
	.example = "volume rekey list",
	.keys = "store volume key state round copied_bytes all_bytes reason",
	.run = command_volume_rekey_list_run);

static void command_volume_rekey_cancel_run(struct reply *reply, const struct arguments *arguments)
{
	char problem[2 * DRIVER_TEXT_BYTES];
	struct store_volume volume;
	struct text name;
	struct store *store = command_volume(reply, arguments->word[0], &name, &volume);

	if (store == NULL)
		return;
	if (!rekey_is_of(store, volume.id))
		reply_fail(reply, CODE_BAD_STATE, "%s does not get another key now", volume.name);
	else if (!rekey_cancel(problem, sizeof(problem)))
		reply_fail(reply, CODE_BAD_STATE, "%s", problem);
	else
		command_store_show_done(reply, store->config->section.name, "");
}

COMMAND(volume_rekey_cancel,
	.name = "volume rekey cancel",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME",
	.summary = "give a rekey up that is under way: the volume keeps its key",
	.example = "volume rekey cancel pool/web",
	.keys = "store said",
	.run = command_volume_rekey_cancel_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true);
