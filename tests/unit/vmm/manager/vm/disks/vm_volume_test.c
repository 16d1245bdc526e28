/* SPDX-License-Identifier: MIT */
/* Volumes at a VM's snapshots, resets and clones: what their stores are asked for, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.c"
#include "vmm/manager/config/config_volumes.c"
#include "vmm/manager/text/text.c"
#include "vmm/manager/vm/disks/vm_volume.c"
#include "vmm/rt/format.c"

enum { STORES = 2, VOLUMES = 40, SIZE = 2048 };

static struct config config;
static struct store_config store_configs[STORES];
static struct disk_config disk_config_of_all;
static struct store stores[STORES];
static struct vm vms[2];
static struct driver_link links[3];
static char problem[300];

/* A store whose driver answers when the test says so. */
static struct {
	struct store_volume volume[VOLUMES];
	bool busy, silent;
	u32 refusal; /* enum store_status of what comes next */
	u32 asked;   /* commands */
	u32 operation, count;
	struct store_item item[STORE_ITEM_MAX];
	u64 last_id;
	u32 sizes_told;
} fakes[STORES];

struct config *boot_config(void)
{
	return &config;
}

struct store_config *config_store(u32 number)
{
	return number < STORES ? &store_configs[number] : NULL;
}

struct disk_config *config_disk(u32 number)
{
	(void)number;
	return &disk_config_of_all;
}

struct vm *vm_next(struct vm *vm)
{
	return vm == NULL ? &vms[0] : vm == &vms[0] ? &vms[1] : NULL;
}

void random_draw(void *bytes, size_t count)
{
	memset(bytes, 0x5a, count);
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

void driver_text(const char *from, size_t bytes, char *to, size_t size)
{
	(void)bytes;
	string_copy(to, size, from);
}

struct store *store_at(u32 number)
{
	return number < STORES ? &stores[number] : NULL;
}

const char *store_find_problem(const struct store *store, char *text, size_t size)
{
	(void)store, (void)text, (void)size;
	return NULL;
}

bool store_volume_at(const struct store *store, u32 index, struct store_volume *volume)
{
	if (index >= VOLUMES)
		return false;
	*volume = fakes[store - stores].volume[index];
	return true;
}

bool store_volume_find(const struct store *store, const char *name, struct store_volume *volume)
{
	for (u32 i = 0; store_volume_at(store, i, volume); i++) {
		if (volume->id != 0 && strcmp(volume->name, name) == 0)
			return true;
	}
	return false;
}

static const char *rekeyed = "";

bool rekey_needs(const char *name)
{
	return string_equal(name, rekeyed);
}

static bool rekey_has_left;

bool rekey_left(void)
{
	return rekey_has_left;
}

/* The key of that id is there for volumes of any name. */
bool store_key_pass_on(const struct store *store, const struct store_volume *from,
		       struct store_item *item, char *why, size_t size)
{
	(void)store, (void)why, (void)size;
	item->key = from->key;
	return true;
}

static struct store_volume *add(u32 store, const char *name)
{
	struct store_volume *volume = fakes[store].volume;

	while (volume->id != 0)
		volume++;
	*volume = (struct store_volume){.id = ++fakes[store].last_id, .sectors = SIZE};
	string_copy(volume->name, sizeof(volume->name), name);
	return volume;
}

static struct store_volume *volume_of(u32 store, u64 id)
{
	for (u32 i = 0; i < VOLUMES; i++) {
		if (fakes[store].volume[i].id == id)
			return &fakes[store].volume[i];
	}
	return NULL;
}

u64 store_ask(struct store *store, enum store_operation operation, const struct store_item *item,
	      u32 count, char *why, size_t size)
{
	u32 at = (u32)(store - stores);

	if (fakes[at].busy) {
		string_copy(why, size, "it is still busy");
		return 0;
	}
	fakes[at].operation = operation;
	fakes[at].count = count;
	memcpy(fakes[at].item, item, count * sizeof(*item));
	for (u32 i = 0; fakes[at].refusal == STORE_OK && i < count; i++) {
		assert_non_null(volume_of(at, item[i].volume));
		if (operation == STORE_SNAPSHOT || operation == STORE_CREATE)
			add(at, item[i].name);
		else if (operation == STORE_DROP)
			volume_of(at, item[i].volume)->id = 0;
	}
	return store->asked = ++fakes[at].asked;
}

bool store_answered(const struct store *store, u64 number, struct store_answer *answer)
{
	u32 at = (u32)(store - stores);

	*answer = (struct store_answer){.status = fakes[at].refusal, .text = "it is full"};
	return !fakes[at].silent && number == store->asked;
}

bool store_is_idle(const struct store *store)
{
	return !fakes[store - stores].busy && !fakes[store - stores].silent;
}

void store_say_check(struct store *store)
{
	(void)store;
}

void store_tell_sizes(struct store *store)
{
	fakes[store - stores].sizes_told++;
}

static void give_disk(struct vm *vm, u32 place, u32 store, const char *name, bool read_only)
{
	struct driver_link *link = &links[place];

	vm->config.disk[place] =
		(struct vm_disk){.number = (u8)(store + 1),
				 .flags = VM_DISK_VOLUME,
				 .volume = (u16)config_volume_number(text_of(name))};
	*link = (struct driver_link){
		.used = true, .disk.read_only = read_only, .disk.sectors = SIZE};
	link->disk.store.volume = add(store, name)->id;
	config_disk_name(&vm->config.disk[place], link->name);
	vm->link[place] = link;
}

/* VM alpha writes main/root and other/data, and reads main/iso. */
static struct vm *ready(void)
{
	memset(fakes, 0, sizeof(fakes));
	memset(vms, 0, sizeof(vms));
	memset(stores, 0, sizeof(stores));
	config_volumes_init();
	drop_count = 0;
	string_copy(store_configs[0].section.name, CONFIG_NAME_BYTES, "main");
	string_copy(store_configs[1].section.name, CONFIG_NAME_BYTES, "other");
	for (u32 i = 0; i < STORES; i++)
		stores[i].config = &store_configs[i];
	string_copy(vms[0].config.name, CONFIG_NAME_BYTES, "alpha");
	string_copy(vms[1].config.name, CONFIG_NAME_BYTES, "beta");
	give_disk(&vms[0], 0, 0, "root", false);
	give_disk(&vms[0], 1, 1, "data", false);
	give_disk(&vms[0], 2, 0, "iso", true);
	return &vms[0];
}

static enum disk_undo_state done(struct vm *vm)
{
	return vm_volumes_done(vm, problem, sizeof(problem));
}

/* Takes a snapshot of the volumes in that place of the list. */
static struct vm_snapshot *taken(struct vm *vm, u32 place)
{
	struct vm_snapshot *snapshot = &vm->snapshots.list[place];

	vm->snapshots.place = place;
	string_copy(snapshot->name, sizeof(snapshot->name), "s");
	vm_volumes_claim(vm, snapshot);
	vm_volumes_keep(vm);
	assert_int_equal(done(vm), DISK_UNDO_PENDING);
	assert_int_equal(done(vm), DISK_UNDO_DONE);
	return snapshot;
}

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
		assert_string_equal(problem, "disk main/root: its store says that it is encrypted "
					     "by another key");
	}
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
		cmocka_unit_test(keeps_for_backups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
