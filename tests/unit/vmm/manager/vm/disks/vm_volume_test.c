/* SPDX-License-Identifier: MIT */
/* Volumes at a VM's snapshots, resets and clones: what their stores are asked for, and when. */
#include "tests/unit/vmm/manager/vm/disks/vm_volume_fixture.h"

/* Each store is asked once, for what the VM writes to; one that is busy is asked again. */
static void takes_snapshots(void **state)
{
	struct vm *vm = ready();

	(void)state;
	fakes[1].busy = true;
	vm_volumes_claim(vm, &vm->snapshots.list[0]);
	vm_volumes_keep(vm);
	assert_int_equal(done(vm), DISK_UNDO_PENDING);
	assert_int_equal(done(vm), DISK_UNDO_PENDING);
	assert_string_equal(problem, "store other: it is still busy");
	assert_int_equal(fakes[0].asked, 1);
	assert_int_equal(fakes[0].operation, STORE_SNAPSHOT);
	assert_int_equal(fakes[0].count, 1);
	assert_int_equal(fakes[0].item[0].volume, links[0].disk.store.volume);
	assert_int_equal(fakes[0].item[0].name[0], '@');
	assert_int_equal(fakes[0].item[0].sectors, SIZE);
	fakes[1].busy = false;
	assert_int_equal(done(vm), DISK_UNDO_PENDING);
	assert_int_equal(done(vm), DISK_UNDO_DONE);
	assert_int_equal(fakes[0].asked + fakes[1].asked, 2);
	exceeds = true;
	vm_volumes_keep(vm);
	assert_int_equal(done(vm), DISK_UNDO_FAILED);
	assert_string_equal(problem, "quota a* of store main allows 1 KiB");
	exceeds = false;
	fakes[0].refusal = STORE_NO_SPACE;
	vm_volumes_keep(vm);
	assert_int_equal(done(vm), DISK_UNDO_PENDING);
	assert_int_equal(done(vm), DISK_UNDO_FAILED);
	assert_string_equal(problem, "store main: it is full");
}

/* A VM without volumes asks for nothing. */
static void has_none(void **state)
{
	struct vm *vm = ready();

	(void)state;
	vm->link[0] = vm->link[1] = NULL;
	assert_false(vm_volumes_any(vm));
	vm_volumes_claim(vm, &vm->snapshots.list[0]);
	assert_int_equal(vm->snapshots.list[0].volumes, 0);
	vm_volumes_keep(vm);
	assert_int_equal(done(vm), DISK_UNDO_DONE);
	assert_int_equal(fakes[0].asked + fakes[1].asked, 0);
}

/* Going back names the volumes of that snapshot, not of a later one. */
static void goes_back(void **state)
{
	struct vm *vm = ready();
	struct store_volume volume;
	char name[STORE_NAME_BYTES];

	(void)state;
	taken(vm, 0);
	taken(vm, 1);
	vm_volume_snapshot_name(vm->snapshots.list[0].volumes, 0, name);
	assert_true(store_volume_find(&stores[0], name, &volume));
	vm->snapshots.place = 0;
	vm_volumes_go_back(vm);
	assert_int_equal(done(vm), DISK_UNDO_PENDING);
	assert_int_equal(done(vm), DISK_UNDO_DONE);
	assert_int_equal(fakes[0].operation, STORE_ROLLBACK);
	assert_int_equal(fakes[0].item[0].volume, links[0].disk.store.volume);
	assert_int_equal(fakes[0].item[0].other, volume.id);
	volume_of(0, volume.id)->id = 0;
	vm_volumes_go_back(vm);
	assert_int_equal(done(vm), DISK_UNDO_FAILED);
	assert_string_equal(problem, "disk main/root: the store has lost what it held at the "
				     "snapshot");
}

static enum disk_undo_state cloned(const struct vm *from, const char *name)
{
	struct vm_volumes_work work = {.begun = false};
	enum disk_undo_state all = DISK_UNDO_PENDING;

	for (u32 i = 0; i < 2; i++)
		all = vm_volumes_make_clones(from, &from->snapshots.list[0], name, &work, problem,
					     sizeof(problem));
	if (all != DISK_UNDO_DONE)
		vm_volumes_drop_clones(from, name, &work);
	return all;
}

/* A clone has a volume of its own for each that its source writes to, and they go with it. */
static void clones(void **state)
{
	struct vm *vm = ready();
	struct vm *clone = &vms[1];
	struct store_volume volume;
	char text[CONFIG_DISK_BYTES];

	(void)state;
	taken(vm, 0);
	assert_int_equal(cloned(vm, "beta"), DISK_UNDO_DONE);
	assert_int_equal(fakes[0].operation, STORE_CREATE);
	assert_int_equal(fakes[0].item[0].sectors, SIZE);
	clone->config = vm->config;
	string_copy(clone->config.name, CONFIG_NAME_BYTES, "beta");
	assert_true(vm_volumes_give(clone, vm, problem, sizeof(problem)));
	assert_string_equal(config_disk_name(&clone->config.disk[0], text), "main/beta.root");
	assert_string_equal(config_disk_name(&clone->config.disk[1], text), "other/beta.data");
	assert_string_equal(config_disk_name(&clone->config.disk[2], text), "main/iso");
	assert_int_equal(clone->config.disk[0].flags, VM_DISK_VOLUME | VM_DISK_OWN);
	assert_int_equal(clone->config.disk[2].flags, VM_DISK_VOLUME);
	/* a clone's clone is named after the first volume */
	clone->link[0] = &links[0];
	vm_volume_clone_name(clone, 0, "gamma", text);
	assert_string_equal(text, "gamma.root");
	vm_volume_clone_name(clone, 0, "abcdefghijklmnopqrstuvwxyz01234", text);
	assert_true(strlen(text) < CONFIG_NAME_BYTES && config_volume_number(text_of(text)) >= 0);
	/* it is removed */
	vm_volumes_release(clone);
	fakes[0].busy = true;
	vm_volumes_step();
	assert_true(store_volume_find(&stores[0], "beta.root", &volume));
	assert_false(store_volume_find(&stores[1], "beta.data", &volume));
	fakes[0].busy = false;
	for (u32 i = 0; i < 4; i++)
		vm_volumes_step();
	assert_false(store_volume_find(&stores[0], "beta.root", &volume));
	assert_true(store_volume_find(&stores[0], "root", &volume));
	assert_true(store_volume_find(&stores[0], "iso", &volume));
	assert_int_equal(drop_count, 0);
}

/* What one store has made goes where another has refused; a volume that was there before stays. */
static void does_not_clone(void **state)
{
	struct vm *vm = ready();
	struct store_volume volume;

	(void)state;
	taken(vm, 0);
	add(1, "beta.data");
	fakes[1].refusal = STORE_EXISTS;
	assert_int_equal(cloned(vm, "beta"), DISK_UNDO_FAILED);
	fakes[1].refusal = STORE_OK;
	for (u32 i = 0; i < 4; i++)
		vm_volumes_step();
	assert_false(store_volume_find(&stores[0], "beta.root", &volume));
	assert_true(store_volume_find(&stores[1], "beta.data", &volume));
}

/* Snapshots of no VM are dropped, those of an earlier boot among them, and nothing else. */
static void sweeps(void **state)
{
	struct vm *vm = ready();
	struct vm_snapshot *snapshot = taken(vm, 0);
	struct store_volume volume;
	char kept[STORE_NAME_BYTES];
	char name[STORE_NAME_BYTES];

	(void)state;
	vm_volume_snapshot_name(snapshot->volumes, 0, kept);
	for (u32 i = 0; i < STORE_ITEM_MAX + 3; i++) {
		format(name, sizeof(name), "@00000001-7-%u", i);
		add(0, name);
	}
	rekeyed = "@00000001-7-2";
	vm_volumes_look();
	for (u32 i = 0; i < 4; i++)
		vm_volumes_step();
	assert_true(store_volume_find(&stores[0], kept, &volume));
	assert_true(store_volume_find(&stores[0], rekeyed, &volume));
	rekeyed = "";
	vm_volumes_step();
	assert_true(store_volume_find(&stores[0], "@00000001-7-2", &volume));
	rekey_has_left = true;
	vm_volumes_step();
	rekey_has_left = false;
	for (u32 i = 0; i < VOLUMES; i++)
		assert_true(fakes[0].volume[i].id == 0 || fakes[0].volume[i].name[0] != '@' ||
			    strcmp(fakes[0].volume[i].name, kept) == 0);
	assert_true(store_volume_find(&stores[0], "root", &volume));
	memset(snapshot, 0, sizeof(*snapshot));
	vm_volumes_step(); /* nobody has said that it was released */
	assert_true(store_volume_find(&stores[0], kept, &volume));
	vm_volumes_look();
	vm_volumes_step();
	assert_false(store_volume_find(&stores[0], kept, &volume));
}

/* A backup has the chosen volumes as they were, encrypted ones too, until it forgets them. */
static void keeps_for_backups(void **state)
{
	struct vm *vm = ready();
	struct store_volume *root = volume_of(0, links[0].disk.store.volume);
	struct store_volume kept;
	char name[STORE_NAME_BYTES];

	(void)state;
	links[0].key_id = root->key.id = 7;
	key_is_missing = exceeds = true;
	vm->backup.disk[0].chosen = true;
	vm_volumes_keep_for_backup(vm);
	while (vm_volumes_are_kept(vm, problem, sizeof(problem)) != DISK_UNDO_DONE)
		assert_int_equal(fakes[0].count, 1);
	key_is_missing = exceeds = false;
	assert_int_equal(fakes[0].item[0].key.id, 7);
	assert_int_equal(fakes[1].asked, 0);
	vm_volume_snapshot_name(vm->backup.volumes, 0, name);
	assert_non_null(vm_volume_attach_kept(vm, 0, problem, sizeof(problem)));
	for (u32 i = 0; i < 2; i++) {
		vm_volumes_look();
		vm_volumes_step();
		assert_int_equal(store_volume_find(&stores[0], name, &kept), i == 0);
		vm_volumes_forget_backup(vm);
	}
	vm->backup.disk[0].chosen = false; /* a backup without volumes asks no store */
	vm_volumes_keep_for_backup(vm);
	assert_int_equal(vm->backup.volumes, 0);
	/* what changes by going back is in no list of changes */
	vm = ready();
	vm->backup.disk[0].chained = vm->backup.disk[2].chained = true;
	taken(vm, 0);
	vm_volumes_go_back(vm);
	assert_false(vm->backup.disk[0].chained);
	assert_true(vm->backup.disk[2].chained);
}

/* A name that a drive is about to get keeps its number when another VM is removed meanwhile. */
static void keeps_names(void **state)
{
	struct vm *vm = ready();
	char name[CONFIG_NAME_BYTES];
	int wanted = config_volume_number(text_of("next"));
	int unused = config_volume_number(text_of("unused"));

	(void)state;
	vm->media.wanted = (struct vm_disk){
		.number = 1, .flags = VM_DISK_VOLUME | VM_DISK_CDROM, .volume = (u16)wanted};
	for (u32 i = 0; !config_volumes_are_many(); i++) {
		format(name, sizeof(name), "v%u", i);
		(void)config_volume_number(text_of(name));
	}
	vm_volumes_forget_names(); /* as does whoever removes a VM, or reads names */
	assert_string_equal(config_volume_name((u16)unused), "");
	assert_string_equal(config_volume_name((u16)wanted), "next");
	assert_string_equal(config_volume_name(vm->config.disk[0].volume), "root");
}

/* After each command links are told the sizes once. */
static void tells_sizes(void **state)
{
	struct vm *vm = ready();

	(void)state;
	vm_volumes_step();
	fakes[0].sizes_told = 0;
	taken(vm, 0);
	vm_volumes_step();
	vm_volumes_step();
	assert_int_equal(fakes[0].sizes_told, 1);
}

/* Copies have the key that the VM has, whatever the store says meanwhile. */
static void keeps_keys(void **state)
{
	struct vm *vm = ready();
	struct store_volume *root = volume_of(0, links[0].disk.store.volume);
	struct store_volume *kept;
	char name[STORE_NAME_BYTES];

	(void)state;
	links[0].key_id = root->key.id = 7;
	taken(vm, 0);
	assert_int_equal(fakes[0].item[0].key.id, 7);
	vm_volume_snapshot_name(vm->snapshots.list[0].volumes, 0, name);
	kept = volume_of(0, fakes[0].last_id);
	assert_string_equal(kept->name, name);
	for (u64 id = 0; id < 9; id += 8) {
		kept->key.id = id;
		assert_int_equal(cloned(vm, "beta"), DISK_UNDO_FAILED);
		assert_string_equal(problem, "disk main/root: it has got another key since the "
					     "snapshot, which has the old one");
		/* nor can the VM go back to it, which is known before its guest is held */
		assert_false(vm_volumes_have_their_keys(vm, &vm->snapshots.list[0], problem,
							sizeof(problem)));
		vm->snapshots.place = 0;
		vm_volumes_go_back(vm);
		assert_int_equal(done(vm), DISK_UNDO_FAILED);
		assert_non_null(abandoned);
	}
	kept->key.id = 7;
	assert_true(
		vm_volumes_have_their_keys(vm, &vm->snapshots.list[0], problem, sizeof(problem)));
	root->key.id = 0;
	vm_volumes_keep(vm);
	assert_int_equal(done(vm), DISK_UNDO_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_snapshots),   cmocka_unit_test(has_none),
		cmocka_unit_test(goes_back),	     cmocka_unit_test(clones),
		cmocka_unit_test(does_not_clone),    cmocka_unit_test(sweeps),
		cmocka_unit_test(tells_sizes),	     cmocka_unit_test(keeps_keys),
		cmocka_unit_test(keeps_for_backups), cmocka_unit_test(keeps_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
