/* SPDX-License-Identifier: MIT */
/*
 * Keeps the list of configured stores, gives each to its disk's driver, and reads the driver's
 * reports. Called by main.c, disk_class.c, disk.c and the commands `store` and `volume`.
 */
#include "vmm/manager/disk/store.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/disk/store_memory.h"
#include "vmm/manager/disk/store_owner.h"
#include "vmm/manager/disk/store_scrub.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

static struct store stores[CONFIG_STORE_MAX];

void stores_init(void)
{
	for (u32 i = 0; config_store(i) != NULL && i < CONFIG_STORE_MAX; i++) {
		struct store *store = &stores[i];

		store->config = config_store(i);
		if (!store->config->section.declared || store->config->section.broken)
			format(store->problem, sizeof(store->problem),
			       store->config->section.broken
				       ? "its section has a mistake"
				       : "there is no section [store] of that name");
		else if (disk_find(store->config->disk, &store->disk) == NULL)
			format(store->problem, sizeof(store->problem),
			       "there is no section [disk %s] for it", store->config->disk);
		else if (config_disk(store->disk)->encrypt[0] != '\0')
			format(store->problem, sizeof(store->problem),
			       "its disk has `encrypt`; use a disk without it, a store cannot be "
			       "encrypted yet");
		else if (store_owner_problem(store) != NULL)
			format(store->problem, sizeof(store->problem), "%s",
			       store_owner_problem(store));
	}
}

struct store *store_at(u32 number)
{
	return number < CONFIG_STORE_MAX && stores[number].config != NULL ? &stores[number] : NULL;
}

struct store *store_find(const char *name)
{
	for (u32 i = 0; store_at(i) != NULL; i++) {
		if (stores[i].config->section.declared &&
		    string_equal(stores[i].config->section.name, name))
			return &stores[i];
	}
	return NULL;
}

/*
 * Returns whether a disk has sectors of the store's disk, also of the sectors that this disk had
 * when the store was given to its driver.
 */
static bool store_overlaps(const struct store *store, const struct disk *own,
			   const struct disk *other)
{
	return own->driver == other->driver && own->unit == other->unit &&
	       own->first_sector < other->first_sector + other->sectors &&
	       other->first_sector < own->first_sector + MAX(own->sectors, store->sectors);
}

const struct store *store_on(const struct disk *disk)
{
	for (u32 i = 0; store_at(i) != NULL; i++) {
		const struct disk *own =
			stores[i].config->section.declared ? disk_at(stores[i].disk) : NULL;

		if (stores[i].problem[0] == '\0' && own != NULL &&
		    (own == disk || (own->found && store_overlaps(&stores[i], own, disk))))
			return &stores[i];
	}
	return NULL;
}

/* --- giving a store to the driver --- */

/* Maps the memory into the driver's present process and tells the driver where it is. */
static void store_give(struct store *store)
{
	struct store_given *given = &store->driver->channel->store[store->place];
	const struct disk *disk = disk_at(store->disk);
	enum status status = sys_space_map(store->driver->space, 0, store->memory, 0, store->bytes,
					   RIGHT_READ | RIGHT_WRITE, &store->driver_at);

	if (status != STATUS_OK) {
		store->driver_at = 0;
		log_message(LOG_WARNING, LOG_DEVICE, "",
			    "store %s: the kernel says \"%s\" while giving it to driver %s",
			    store->config->section.name, status_text(status), store->driver->name);
		return;
	}
	given->at = store->driver_at;
	given->bytes = store->bytes;
	given->first_sector = disk->first_sector;
	given->sectors = store->sectors;
	given->unit = disk->unit;
	store_owner_give(store, given);
	given->sum_after_s = store_scrub_after_s(store->config);
	__atomic_store_n(&given->number, ++store->given, __ATOMIC_RELEASE);
}

/* Returns the index of an entry in the driver's list of stores that is free, or STORE_MAX. */
static u32 store_free_place(const struct driver *driver)
{
	u32 place = 0;

	for (u32 i = 0; store_at(i) != NULL; i++) {
		if (stores[i].driver == driver)
			place++;
	}
	return MIN(place, STORE_MAX);
}

/*
 * Gives a store to its driver, when the driver has reported the store's disk as ready for the first
 * time.
 */
static void store_begin(struct store *store, const struct disk *disk)
{
	store->place = store_free_place(disk->driver);
	if (store->place == STORE_MAX) {
		format(store->problem, sizeof(store->problem),
		       "driver %s has %u stores already, which is all it can have",
		       disk->driver->name, STORE_MAX);
		return;
	}
	if (disk->config->read_only)
		format(store->problem, sizeof(store->problem),
		       "its disk is read-only; a store needs one that may be written to");
	else if (store_memory_make(store, disk))
		store_give(store);
}

void stores_ready(struct driver *driver)
{
	for (u32 i = 0; store_at(i) != NULL; i++) {
		struct store *store = &stores[i];
		const struct disk *disk = store->problem[0] == '\0' ? disk_at(store->disk) : NULL;

		if (disk != NULL && disk->driver == driver && disk->found && store->driver == NULL)
			store_begin(store, disk);
	}
	sys_event_signal(driver->wake);
}

void stores_open(struct driver *driver)
{
	for (u32 i = 0; store_at(i) != NULL; i++) {
		if (stores[i].driver != driver || stores[i].page == NULL ||
		    stores[i].driver_at != 0)
			continue;
		store_memory_fit(&stores[i], disk_at(stores[i].disk));
		store_give(&stores[i]);
	}
}

void stores_ended(struct driver *driver)
{
	for (u32 i = 0; store_at(i) != NULL; i++) {
		if (stores[i].driver == driver)
			/* the driver's address space has ended with its process */
			stores[i].driver_at = 0;
	}
}

bool stores_settled(void)
{
	struct store_told told;

	for (u32 i = 0; store_at(i) != NULL; i++) {
		const struct store *store = &stores[i];

		if (store->driver != NULL && store->driver->life == DRIVER_LIFE_READY &&
		    store->driver_at != 0 && (!store_told(store, &told)))
			return false;
	}
	return true;
}

/* --- the driver's reports --- */

bool store_told(const struct store *store, struct store_told *told)
{
	bool whole = store->page != NULL && store->driver_at != 0 &&
		     store_page_copy(store->page, told, &store->page->told, sizeof(*told)) &&
		     told->number == store->given && told->state < STORE_STATE_COUNT &&
		     told->check < STORE_CHECK_STATE_COUNT &&
		     told->scrub < STORE_CHECK_STATE_COUNT && told->rot_count <= STORE_ROT_MAX;

	if (!whole)
		*told = (struct store_told){.state = STORE_LOADING};
	return whole && told->state != STORE_LOADING;
}

void store_say_check(struct store *store)
{
	struct store_told told;

	if (store->page == NULL || store->page->told.check_faults == store->said_faults ||
	    !store_told(store, &told))
		return;
	store->said_faults = told.check_faults;
	if (told.check_faults != 0)
		log_message(LOG_WARNING, LOG_DEVICE, "",
			    "store %s: %u blocks of its metadata were damaged on the disk, the "
			    "first is block %u; %u were written anew",
			    store->config->section.name, told.check_faults, told.check_first,
			    told.check_mended);
}

bool store_volume_at(const struct store *store, u32 index, struct store_volume *volume)
{
	if (store->page == NULL || index >= STORE_VOLUME_MAX)
		return false;
	if (!store_page_copy(store->page, volume, &store->page->volume[index], sizeof(*volume)))
		volume->id = 0;
	volume->name[STORE_NAME_BYTES - 1] = '\0';
	volume->key.name[STORE_KEY_BYTES - 1] = '\0';
	return true;
}

bool store_volume_find(const struct store *store, const char *name, struct store_volume *volume)
{
	for (u32 i = 0; store_volume_at(store, i, volume); i++) {
		if (volume->id != 0 && string_equal(volume->name, name))
			return true;
	}
	return false;
}

bool store_volume_find_id(const struct store *store, u64 id, struct store_volume *volume)
{
	for (u32 i = 0; id != 0 && store_volume_at(store, i, volume); i++) {
		if (volume->id == id)
			return true;
	}
	return false;
}

/* --- commands --- */

/*
 * Returns a number for a command to the store that no other has had, in this boot of the host or an
 * earlier one.
 */
static u64 store_next_number(void)
{
	static u32 boot;
	static u32 last;

	while (boot == 0)
		random_draw((u8 *)&boot, sizeof(boot));
	return (u64)boot << 32 | ++last;
}

bool store_is_idle(const struct store *store)
{
	return store->page != NULL && store->driver_at != 0 &&
	       (store->asked == 0 ||
		__atomic_load_n(&store->page->answer.number, __ATOMIC_ACQUIRE) == store->asked);
}

u64 store_ask(struct store *store, enum store_operation operation, const struct store_item *item,
	      u32 count, char *problem, size_t size)
{
	struct store_command *command;
	struct store_answer answer;

	if (store->page == NULL || store->driver_at == 0) {
		format(problem, size, "%s",
		       store->problem[0] != '\0' ? store->problem
						 : "the driver of its disk is not ready");
		return 0;
	}
	if (store_twin_problem(store, problem, size) != NULL)
		return 0;
	if (!store_is_idle(store)) {
		format(problem, size, "it is still busy with the last command, try again");
		return 0;
	}
	if (store->asked != 0 && store_answered(store, store->asked, &answer))
		store->past[store->past_count++ % STORE_PAST_MAX] = answer;
	command = &store->page->command;
	command->operation = operation;
	command->count = count;
	command->now_s = machine_wall_seconds(clock_tsc());
	memcpy(command->item, item, count * sizeof(*item));
	store->asked = store_next_number();
	__atomic_store_n(&command->number, store->asked, __ATOMIC_RELEASE);
	sys_event_signal(store->driver->wake);
	return store->asked;
}

bool store_answered(const struct store *store, u64 number, struct store_answer *answer)
{
	for (u32 i = 0; i < STORE_PAST_MAX; i++) {
		if (store->past[i].number != number)
			continue;
		*answer = store->past[i];
		return true;
	}
	if (store->page == NULL ||
	    __atomic_load_n(&store->page->answer.number, __ATOMIC_ACQUIRE) != number)
		return false;
	memcpy(answer, &store->page->answer, sizeof(*answer));
	answer->text[STORE_TEXT_BYTES - 1] = '\0';
	answer->number = number;
	return true;
}

/* --- users of volumes --- */

u32 store_boundary(const struct driver *driver, const struct driver_link *link)
{
	struct store_told told;

	for (u32 i = 0; store_at(i) != NULL; i++) {
		struct store *store = &stores[i];

		if (store->driver != driver || store->place != link->disk.store.store)
			continue;
		if (store->chunk_sectors == 0 && store_told(store, &told))
			store->chunk_sectors =
				(u32)MIN(told.chunk_bytes / BLOCK_SECTOR_BYTES, STORE_CHUNK_MOST);
		return store->chunk_sectors;
	}
	return 0;
}

static const struct driver_link *store_next_user(const struct store *store, u64 volume, u32 *from)
{
	for (; store->driver != NULL && *from < DRIVER_CLIENT_MAX; ++*from) {
		const struct driver_link *link = &store->driver->link[*from];

		if (link->used && link->disk.store.volume == volume &&
		    link->disk.store.store == store->place)
			return &store->driver->link[(*from)++];
	}
	return NULL;
}

void store_users(const struct store *store, u64 volume, char *text, size_t size)
{
	const struct driver_link *link;
	size_t length = 0;
	u32 from = 0;

	text[0] = '\0';
	while ((link = store_next_user(store, volume, &from)) != NULL && length < size)
		length += format(text + length, size - length, "%s%s%s", length > 0 ? ", " : "",
				 link->user, link->disk.read_only ? " (ro)" : "");
}

void store_counts(const struct store *store, u64 volume, struct disk_counts *counts)
{
	const struct driver_link *link;
	u32 from = 0;

	*counts = (struct disk_counts){.requests = 0};
	while ((link = store_next_user(store, volume, &from)) != NULL) {
		const struct disk_counts *one =
			&store->driver->channel->disk.counts[link - store->driver->link];

		counts->requests += one->requests;
		counts->read_bytes += one->read_bytes;
		counts->written_bytes += one->written_bytes;
	}
}

bool store_look_up(const struct store *store, const char *name, struct store_volume *volume,
		   char *problem, size_t size)
{
	char text[2 * DRIVER_TEXT_BYTES];
	const char *why = store != NULL ? store_find_problem(store, text, sizeof(text))
					: "there is no section [store] of that name";

	if (why != NULL) {
		format(problem, size, "%s", why);
		return false;
	}
	if (store_volume_find(store, name, volume))
		return true;
	format(problem, size, "the store has no volume \"%s\"; `volume list` shows them", name);
	return false;
}

void store_tell_sizes(struct store *store)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &store->driver->link[i];
		struct store_volume volume;

		if (!link->used || link->disk.store.store != store->place ||
		    !store_volume_find_id(store, link->disk.store.volume, &volume) ||
		    volume.sectors == 0 || volume.sectors == link->disk.sectors)
			continue;
		link->disk.sectors = volume.sectors;
		driver_link_fill(link);
		driver_link_describe(link);
	}
}
