/* SPDX-License-Identifier: MIT */
#pragma once

/* A VM with volumes in two stores that do what the test says. */
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
#include "vmm/manager/vm/disks/vm_volume_full.c"
#include "vmm/manager/vm/disks/vm_volume_key.c"
#include "vmm/manager/vm/disks/vm_volume_sweep.c"
#include "vmm/rt/format.c"

enum { STORES = 2, VOLUMES = 40, SIZE = 2048 };

static struct config config;
static struct store_config store_configs[STORES];
static struct disk_config disk_config_of_all;
static struct store stores[STORES];
static struct vm vms[2];
static struct driver driver; /* of both stores; the links of the VMs are its first ones */
static struct driver_link *const links = driver.link;
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
static bool key_is_missing;

bool rekey_needs(const char *name)
{
	return string_equal(name, rekeyed);
}

static const struct driver_link *abandoned; /* whose rekey was given up last */

void rekey_abandon(const struct driver_link *link, const char *why)
{
	assert_string_equal(why, "its VM has gone back to a snapshot");
	abandoned = link;
}

bool volume_copy_needs(const char *name)
{
	(void)name;
	return false;
}

bool volume_copy_left(void)
{
	return false;
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
	return !key_is_missing;
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

static bool exceeds; /* a quota of each store */

bool store_quota_allows(const struct store *store, enum store_operation operation,
			const struct store_item *item, u32 count, char *why, size_t size)
{
	(void)store, (void)operation, (void)item, (void)count;
	if (exceeds)
		string_copy(why, size, "quota a* of store main allows 1 KiB");
	return !exceeds;
}

void store_quota_say(struct store *store)
{
	(void)store;
}

void store_say_check(struct store *store)
{
	(void)store;
}

void store_scrub_say(struct store *store)
{
	(void)store;
}

void store_owner_say(struct store *store)
{
	(void)store;
}

void store_tell_sizes(struct store *store)
{
	fakes[store - stores].sizes_told++;
}

static struct {
	bool busy;	      /* the VMs are */
	bool silent;	      /* the driver has no more lines in the log */
	u32 sent;	      /* commands to monitors */
	enum vm_command last; /* the last of these */
} monitors;

struct driver *driver_of_link(const struct driver_link *link)
{
	(void)link;
	return &driver;
}

bool driver_may_say(struct driver *of)
{
	(void)of;
	return !monitors.silent;
}

bool vm_busy(const struct vm *vm)
{
	(void)vm;
	return monitors.busy;
}

void vm_send(struct vm *vm, enum vm_command command)
{
	(void)vm;
	monitors.sent++;
	monitors.last = command;
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
	link->disk.store.store = store;
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
	memset(&driver, 0, sizeof(driver));
	memset(&monitors, 0, sizeof(monitors));
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
static inline struct vm_snapshot *taken(struct vm *vm, u32 place)
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

struct driver_link *disk_volume_attach_copy(struct vm *vm, const struct store *store,
					    const struct store_volume *volume, char *why,
					    size_t size)
{
	(void)vm, (void)store, (void)volume, (void)why, (void)size;
	return &links[2];
}
