/* SPDX-License-Identifier: MIT */
/*
 * The command `vm clone`: begins another VM in the state of a snapshot. Run by command.c;
 * vm_create.c makes the clone.
 */
#include "vmm/manager/commands/runs.h"
#include "vmm/manager/commands/vm_snapshot.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static void command_vm_clone_show(struct reply *reply, const struct vm *vm)
{
	const struct vm *from = vm_by_id(vm->clone_of);

	if (!reply->json) {
		reply_line(reply, "%s: %s, a clone of %s", vm->config.name,
			   vm_state_name(vm->state), from != NULL ? from->config.name : "none");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	json_string(&reply->object, "uuid", vm->uuid);
	reply_object_end(reply);
}

/* Waits until the clone runs, or its monitor has reported why it cannot. */
static bool command_vm_clone_resume(struct reply *reply)
{
	const struct vm *vm = vm_by_id(reply->vm_id);

	if (vm == NULL) {
		reply_error(reply, "VM %s: %s", reply->vm_name, vm_refusal(reply->vm_id));
		return true;
	}
	if (vm_is_ending(vm) && (vm->state == VM_CREATED || vm_is_new(vm))) {
		command_vm_wait_on(reply);
		return false;
	}
	if (vm->state == VM_CREATED)
		return command_vm_given_up(reply, vm);
	command_vm_clone_show(reply, vm);
	return true;
}

/* Finds the snapshot of NAME@SNAP. */
static struct vm_snapshot *command_vm_clone_find(struct reply *reply, const char *word,
						 struct vm **vm)
{
	const char *at = strchr(word, '@');
	char name[CONFIG_NAME_BYTES];
	char shown[40];

	if (at == NULL ||
	    !text_copy(name, sizeof(name), (struct text){word, (size_t)(at - word)})) {
		reply_bad(reply, "\"%s\" is not valid; use NAME@SNAP",
			  text_show(shown, sizeof(shown), text_of(word)));
		return NULL;
	}
	*vm = command_vm(reply, name);
	return *vm != NULL ? command_snapshot(reply, *vm, at + 1) : NULL;
}

/* Writes the names of all networks: "lan, test". */
static void command_vm_clone_net_names(char *text, size_t size)
{
	const struct net *net;
	size_t length = 0;

	format(text, size, "none");
	for (u32 i = 0; (net = net_at(i)) != NULL && length < size; i++)
		if (net->config->section.declared)
			length += format(text + length, size - length, "%s%s",
					 length > 0 ? ", " : "", net->config->section.name);
}

/* Returns a network's number as in vm_net.number, or 0 if none has that name. */
static u8 command_vm_clone_find_net(const char *name)
{
	const struct net *net;

	for (u32 i = 0; (net = net_at(i)) != NULL; i++)
		if (net->config->section.declared && string_equal(net->config->section.name, name))
			return (u8)(i + 1);
	return 0;
}

static u32 command_vm_clone_card_count(const struct vm *vm)
{
	u32 count = 0;

	while (count < CONFIG_VM_NET_MAX && vm->config.net[count].number != 0)
		count++;
	return count;
}

#define EGRESS_TEXT_BYTES 640u /* each of 16 entries takes 36 at most */

/*
 * Reads a list of egress. Refuses one that is wider than that of the VM, and one for cards that can
 * have none.
 */
static bool command_vm_clone_take_egress(struct reply *reply, const char *list,
					 const struct vm *from, struct net_egress_list *egress)
{
	char has[EGRESS_TEXT_BYTES];
	char shown[80];
	u32 cards = 0;

	text_show(shown, sizeof(shown), text_of(list));
	if (!config_parse_egress(text_of(list), egress)) {
		reply_bad(reply,
			  "egress=%s is no list; use entries such as 10.0.2.5:443/tcp and "
			  "10.1.0.0/16 with commas between them, or none",
			  shown);
		return false;
	}
	if (!config_egress_within(egress, &from->config.egress)) {
		config_egress_text(&from->config.egress, has, sizeof(has));
		reply_bad(reply, "egress=%s is not within the list of %s, %s; name less", shown,
			  from->config.name, has);
		return false;
	}
	while (cards < CONFIG_VM_NET_MAX && from->config.net[cards].number != 0 &&
	       (from->config.net[cards].flags & (VM_NET_ANY_SOURCE | VM_NET_TRUNK)) == 0)
		cards++;
	if (cards == command_vm_clone_card_count(from) && (cards != 0 || egress->count == 0))
		return true;
	reply_bad(reply, "egress=%s does not go with %s, which has %s; leave it out", shown,
		  from->config.name,
		  cards == 0 && from->config.net[0].number == 0
			  ? "no card"
			  : "a card that is any_source or trunk");
	return false;
}

/* The name of the disk in whose place a clone gets a volume; iso/init/volume.c looks for it. */
#define VOLUME_PLACE "volume"

/* Reads STORE/VOLUME or STORE/VOLUME:ro. Returns false when it is neither. */
static bool command_vm_clone_read_volume(const char *word, struct vm_disk *volume)
{
	struct vm_disk disks[CONFIG_VM_DISK_MAX] = {{.number = 0}};
	size_t length = strlen(word);
	bool read_only = length > 3 && string_equal(word + length - 3, ":ro");
	char name[CONFIG_DISK_BYTES];
	char text[CONFIG_DISK_BYTES + 4];

	vm_volumes_forget_names();
	if (!text_copy(name, sizeof(name), (struct text){word, length - (read_only ? 3 : 0)}))
		return false;
	format(text, sizeof(text), "%s%s", name, read_only ? " ro" : "");
	if (!config_parse_disks(text_of(text), disks) ||
	    disks[0].flags != (VM_DISK_VOLUME | (read_only ? VM_DISK_READ_ONLY : 0)))
		return false;
	*volume = disks[0];
	/* a list of disks has commas, spaces and words behind names; this is a name alone */
	return string_equal(config_disk_name(volume, text), name);
}

/*
 * Reads the volume that the clone gets in the place of the disk VOLUME_PLACE. Which disks a VM has
 * is a matter of its configuration, so this takes that right.
 */
static bool command_vm_clone_take_volume(struct reply *reply, const char *word,
					 const struct vm *from, struct vm_clone_own *own)
{
	char name[CONFIG_DISK_BYTES];
	char shown[80];

	if (!reply_may(reply, MAY_CONFIGURE))
		return false;
	if (!command_vm_clone_read_volume(word, &own->volume)) {
		reply_bad(reply, "volume=%s is not valid; use STORE/VOLUME, or STORE/VOLUME:ro",
			  text_show(shown, sizeof(shown), text_of(word)));
		return false;
	}
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && from->config.disk[i].number != 0; i++) {
		if (from->config.disk[i].flags == VM_DISK_READ_ONLY &&
		    string_equal(config_disk_name(&from->config.disk[i], name), VOLUME_PLACE)) {
			own->volume_place = i;
			return true;
		}
	}
	reply_bad(reply,
		  "%s has no place for a volume; give it the line `disk = " VOLUME_PLACE
		  " ro`, with a section [disk " VOLUME_PLACE "] of controller = memory",
		  from->config.name);
	return false;
}

/*
 * Reads the words net=NAME, in the order of the VM's cards, and egress=LIST, volume=NAME and
 * run=OWNER behind them.
 */
static bool command_vm_clone_take_own(struct reply *reply, const struct arguments *arguments,
				      const struct vm *from, struct vm_clone_own *own)
{
	u32 count = arguments->count - 2;
	const char *last = arguments->word[arguments->count - 1];
	char names[CONFIG_NET_MAX * CONFIG_NAME_BYTES];
	char shown[40];

	if (count > 0 && strncmp(last, "run=", 4) == 0) {
		if (!command_runs_take_owner(reply, last + 4, own->run_of))
			return false;
		count--;
		last = arguments->word[1 + count];
	}
	if (count > 0 && strncmp(last, "volume=", 7) == 0) {
		if (!command_vm_clone_take_volume(reply, last + 7, from, own))
			return false;
		count--;
		last = arguments->word[1 + count];
	}
	if (count > 0 && strncmp(last, "egress=", 7) == 0) {
		if (!command_vm_clone_take_egress(reply, last + 7, from, &own->egress))
			return false;
		count--;
	}
	if (count > command_vm_clone_card_count(from)) {
		reply_bad(reply,
			  "%u networks are too many; give at most %u, one for each card of %s",
			  count, command_vm_clone_card_count(from), from->config.name);
		return false;
	}
	for (u32 i = 0; i < count; i++) {
		const char *word = arguments->word[i + 2];
		bool is_net = strncmp(word, "net=", 4) == 0;

		own->number[i] = is_net ? command_vm_clone_find_net(word + 4) : 0;
		if (own->number[i] != 0)
			continue;
		text_show(shown, sizeof(shown), text_of(is_net ? word + 4 : word));
		command_vm_clone_net_names(names, sizeof(names));
		if (is_net)
			reply_bad(reply, "there is no network \"%s\"; the networks are %s", shown,
				  names);
		else
			reply_bad(reply,
				  "\"%s\" is not valid; use net=NAME, and egress=LIST, "
				  "volume=STORE/VOLUME and run=OWNER behind it",
				  shown);
		return false;
	}
	return true;
}

/* The clone whose volumes are being made; there is one at a time. */
static struct {
	/* the reply of the command that makes the clone; NULL: no clone is being made */
	struct reply *reply;
	u32 from_id;
	char snapshot[CONFIG_NAME_BYTES];
	char name[CONFIG_NAME_BYTES];
	struct vm_clone_own own;
	struct vm_volumes_work work;
	u64 until_tsc;
} pending;

#define VOLUMES_NS (60 * NS_PER_S)

static void command_vm_clone_make(struct reply *reply, struct vm *from,
				  const struct vm_snapshot *snapshot, const char *name,
				  const struct vm_clone_own *own)
{
	char problem[256];
	struct vm *vm = vm_clone(from, snapshot, name, own, problem, sizeof(problem));

	if (vm != NULL) {
		command_vm_await_monitor(reply, vm, command_vm_clone_resume);
		return;
	}
	if (snapshot->volumes != 0)
		vm_volumes_drop_clones(from, name, &pending.work);
	reply_fail(reply, vm_find(name) != NULL ? CODE_EXISTS : CODE_FAILED, "VM %s: %s", name,
		   problem);
}

/* Ends the wait for a clone's volumes with an error. */
static bool command_vm_clone_give_up(struct reply *reply, const struct vm *from,
				     const char *problem)
{
	pending.reply = NULL;
	if (from != NULL)
		vm_volumes_drop_clones(from, pending.name, &pending.work);
	reply_fail(reply, CODE_FAILED, "VM %s: %s", pending.name, problem);
	return true;
}

/* Makes the clone of the VM once the stores have made its volumes. */
static bool command_vm_clone_volumes_resume(struct reply *reply)
{
	struct vm *from = vm_by_id(pending.from_id);
	const struct vm_snapshot *snapshot =
		from != NULL ? vm_snapshot_find(from, pending.snapshot) : NULL;
	enum disk_undo_state state;
	char problem[256];

	if (pending.reply != reply) {
		reply_fail(reply, CODE_BUSY, "another clone was made meanwhile, try again");
		return true;
	}
	if (snapshot == NULL || vm_is_ending(from))
		return command_vm_clone_give_up(reply, from, "its snapshot was dropped meanwhile");
	state = vm_volumes_make_clones(from, snapshot, pending.name, &pending.work, problem,
				       sizeof(problem));
	if (state == DISK_UNDO_FAILED ||
	    (state == DISK_UNDO_PENDING && clock_tsc() >= pending.until_tsc))
		return command_vm_clone_give_up(reply, from, problem);
	if (state == DISK_UNDO_PENDING)
		return false;
	pending.reply = NULL;
	reply->resume = NULL;
	command_vm_clone_make(reply, from, snapshot, pending.name, &pending.own);
	return reply->resume == NULL;
}

/* Begins to make the clone's volumes. */
static void command_vm_clone_begin(struct reply *reply, const struct vm *from,
				   const struct vm_snapshot *snapshot, const char *name,
				   const struct vm_clone_own *own)
{
	if (pending.reply != NULL && clock_tsc() < pending.until_tsc) {
		reply_fail(reply, CODE_BUSY, "volumes of clone %s are being made, try again",
			   pending.name);
		return;
	}
	if (vm_find(name) != NULL) {
		reply_fail(reply, CODE_EXISTS, "VM %s: it exists already", name);
		return;
	}
	pending.reply = reply;
	pending.from_id = from->id;
	pending.own = *own;
	pending.work = (struct vm_volumes_work){.begun = false};
	pending.until_tsc = clock_tsc() + clock_ns_to_tsc(VOLUMES_NS);
	string_copy(pending.snapshot, sizeof(pending.snapshot), snapshot->name);
	string_copy(pending.name, sizeof(pending.name), name);
	reply->resume = command_vm_clone_volumes_resume;
}

/*
 * Returns whether the asker may have a clone of that name; if not, an error was written. The name
 * of a section of the configuration is that of the VM which `vm create` makes of it: a clone would
 * stand in its place in `config show`, and take it from there with its end.
 */
static bool command_vm_clone_may_be(struct reply *reply, const char *name)
{
	char shown[40];

	if (config_name_valid(text_of(name)))
		return vm_find(name) != NULL || config_find(boot_config(), name) == NULL ||
		       reply_may(reply, MAY_CONFIGURE);
	reply_bad(reply, "the name \"%s\" is not valid; use " CONFIG_NAME_ALLOWED,
		  text_show(shown, sizeof(shown), text_of(name)));
	return false;
}

static void command_vm_clone_run(struct reply *reply, const struct arguments *arguments)
{
	const char *name = arguments->word[1];
	const struct vm_snapshot *snapshot;
	struct vm_clone_own own = {0};
	struct vm *from;

	snapshot = command_vm_clone_find(reply, arguments->word[0], &from);
	if (snapshot == NULL || !command_vm_clone_may_be(reply, name))
		return;
	if (!command_vm_clone_take_own(reply, arguments, from, &own))
		return;
	if (vm_busy(from)) {
		reply_fail(reply, CODE_BUSY, "%s is still busy with the last command, try again",
			   from->config.name);
		return;
	}
	if (snapshot->volumes != 0 && own.volume.number != 0) {
		/* its number could be given to another name while the stores make the others */
		reply_bad(reply,
			  "%s writes to volumes, of which the clone gets its own; volume= is for "
			  "clones of VMs that write to none",
			  from->config.name);
		return;
	}
	if (snapshot->volumes != 0)
		command_vm_clone_begin(reply, from, snapshot, name, &own);
	else
		command_vm_clone_make(reply, from, snapshot, name, &own);
}

COMMAND(vm_clone,
	.name = "vm clone",
	.right = MAY_OPERATE,
	.arguments = "NAME@SNAP NEW [net=NAME...] [egress=LIST] [volume=STORE/VOLUME[:ro]] "
		     "[run=OWNER]",
	.summary = "begins another VM as one was at a snapshot",
	.detail = "It has the configuration of the first under its own name, its own UUID and its\n"
		  "own memory, of which only what it writes to is taken. Its cards have other\n"
		  "addresses, and no link until the guest's drivers begin anew. One for which\n"
		  "net= names another network has the address that the guest knows, and is up.\n"
		  "egress= lists what it may send to, within the list of the first; run= is for\n"
		  "whoever makes runs: `runs` shows the clone as one of OWNER's. volume= is what\n"
		  "it has in place of the disk `volume`, which the first must have and only read;\n"
		  "with :ro others read it too. It stays when the clone ends, and takes the right\n"
		  "to configure.\n"
		  "Disks that the first may write to it sees as they were at the last snapshot;\n"
		  "what it writes to them is its own, up to `disk.undo` of each, and ends with\n"
		  "it. Of volumes it has clones, of any snapshot, named NEW.VOLUME; `vm destroy`\n"
		  "drops them, and the clone can be snapshotted and cloned itself.",
	.example = "vm clone alpha@ready beta net=test",
	.keys = "name state uuid",
	.run = command_vm_clone_run,
	.minimum = 2,
	.maximum = 5 + CONFIG_VM_NET_MAX,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_SNAPSHOT);
