/* SPDX-License-Identifier: MIT */
/*
 * Copies a volume to a disk, or makes a volume of a disk: has a process of content.c copy, and for
 * an import the store's driver make the volume first and name it at the end. Called by `volume
 * export`, `volume import`, `volume copy`, vm_volume_sweep.c and the event loop. Owns the one copy.
 */
#include "vmm/manager/disk/volume_copy.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/disk/content.h"
#include "vmm/manager/disk/store_quota.h"
#include "vmm/manager/disk/store_work.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/format.h"

#define PROBLEM_BYTES 224u
/* The largest volume that an import makes, the same as for `volume create`. */
#define IMPORT_BYTES_MAX (1024ul * GIB)

enum copy_phase {
	COPY_NONE,
	COPY_MAKING,   /* the store's driver makes the new volume */
	COPY_COPYING,  /* a process copies */
	COPY_NAMING,   /* the store's driver gives the new volume its name */
	COPY_DROPPING, /* an import has failed: its volume is dropped */
};

static struct {
	enum copy_phase phase;
	u32 number; /* number of the last copy, from 1 on; 0: there was none */
	bool import;
	struct store *store;
	char name[STORE_NAME_BYTES];  /* the volume's final name */
	char disk[CONFIG_DISK_BYTES]; /* the name of the disk */
	struct store_volume volume;   /* the volume that is read or written */
	struct store_item made;	      /* for an import: the new volume, by the manager's name */
	struct store_work work;	      /* the present phase's command to the store's driver */
	u32 content;		      /* number of the movement (content.c) that copies */
	u64 bytes;		      /* how many bytes are copied */
	u64 moved;		      /* how many were copied when the copy ended */
	bool left;		      /* the new volume may be left behind */
	char problem[PROBLEM_BYTES];  /* why the last copy has failed; "": it has not */
} copy;

static void copy_enter(enum copy_phase phase)
{
	copy.phase = phase;
	store_work_begin(&copy.work);
}

/* Ends the copy; `problem` is "" if the copy is complete. */
static void copy_end(const char *problem)
{
	const struct content *content = content_find(copy.content);

	if (content != NULL)
		copy.moved = content_moved(content);
	string_copy(copy.problem, sizeof(copy.problem), problem);
	log_message(problem[0] == '\0' ? LOG_INFO : LOG_WARNING, LOG_DEVICE, "",
		    "volume %s/%s: %s disk %s%s%s", copy.store->config->section.name, copy.name,
		    copy.import ? "import of" : "export to", copy.disk,
		    problem[0] == '\0' ? " has ended" : " has failed: ", problem);
	content_let_go(copy.content);
	copy_enter(copy.import && problem[0] != '\0' ? COPY_DROPPING : COPY_NONE);
}

/*
 * Returns the disk that is to be read or written, and its number. Returns NULL, with the reason in
 * `problem`, if it cannot be now, or another copy is under way.
 */
static const struct disk *copy_find_disk(const char *name, u32 *number, char *problem, size_t size)
{
	const struct disk *disk = disk_find(name, number);

	if (copy.phase != COPY_NONE)
		format(problem, size, "%s/%s is copied now, and only one volume can be at a time",
		       copy.store->config->section.name, copy.name);
	else if (disk == NULL)
		format(problem, size, "there is no disk \"%s\", `disk list` shows them", name);
	else if (store_on(disk) != NULL)
		format(problem, size, "store %s lies on it; use a disk without a store",
		       store_on(disk)->config->section.name);
	else if (disk_is_encrypted(config_disk(*number)))
		format(problem, size,
		       "disk %s is encrypted, and what it holds is of use with its key alone; use "
		       "a disk without `encrypt`",
		       name);
	else
		return disk;
	return NULL;
}

static void copy_set(struct store *store, const char *name, const char *disk, u64 bytes)
{
	copy.number++;
	copy.store = store;
	copy.bytes = bytes;
	copy.moved = 0;
	copy.content = 0;
	copy.problem[0] = '\0';
	string_copy(copy.name, sizeof(copy.name), name);
	string_copy(copy.disk, sizeof(copy.disk), disk);
}

static bool copy_begin_content(char *problem, size_t size)
{
	struct content_wish wish = {
		.operation = copy.import ? CONTENT_IMPORT : CONTENT_EXPORT,
		.store = copy.store,
		.volume = &copy.volume,
		.disk = copy.disk,
		.bytes = copy.bytes,
	};
	const struct content *content = content_begin(&wish, problem, size);

	if (content == NULL)
		return false;
	copy.content = content->number;
	copy_enter(COPY_COPYING);
	return true;
}

u32 volume_export_begin(struct store *store, const struct store_volume *volume, const char *disk,
			char *problem, size_t size)
{
	u64 bytes = volume->sectors * BLOCK_SECTOR_BYTES;
	const struct disk *to;
	u32 number;

	if (volume->key.id != 0) {
		format(problem, size,
		       "it is encrypted, and what its store holds is of use with its key alone; "
		       "copy it in a guest, or back it up");
		return 0;
	}
	to = copy_find_disk(disk, &number, problem, size);
	if (to == NULL)
		return 0;
	if (to->sectors < volume->sectors) {
		format(problem, size, "it takes %llu KiB, and disk %s has %llu KiB",
		       (unsigned long long)(bytes / KIB), disk,
		       (unsigned long long)(to->sectors * BLOCK_SECTOR_BYTES / KIB));
		return 0;
	}
	copy.import = false;
	copy.volume = *volume;
	copy_set(store, volume->name, disk, bytes);
	if (copy_begin_content(problem, size))
		return copy.number;
	string_copy(copy.problem, sizeof(copy.problem), problem);
	return 0;
}

u32 volume_import_begin(struct store *store, const char *name, const char *disk, char *problem,
			size_t size)
{
	u32 number;
	const struct disk *from = copy_find_disk(disk, &number, problem, size);
	struct store_item item = {.sectors = from != NULL ? from->sectors : 0};
	struct store_volume there;
	u32 chance;

	if (from == NULL)
		return 0;
	item.sectors = align_up(item.sectors, STORE_SIZE_SECTORS);
	string_copy(item.name, sizeof(item.name), name);
	if (store_volume_find(store, name, &there)) {
		format(problem, size, "a volume of that name exists; use another name");
		return 0;
	}
	if (item.sectors > IMPORT_BYTES_MAX / BLOCK_SECTOR_BYTES) {
		format(problem, size, "disk %s has more than 1T, which no volume can have", disk);
		return 0;
	}
	if (store->config->encrypted != 0) {
		format(problem, size,
		       "the store has `encrypted = yes`, and the volume would not be encrypted");
		return 0;
	}
	if (!disk_may_be_read(number, problem, size) ||
	    !store_quota_allows(store, STORE_CREATE, &item, 1, problem, size))
		return 0;
	copy.import = true;
	copy_set(store, name, disk, from->sectors * BLOCK_SECTOR_BYTES);
	random_draw(&chance, sizeof(chance));
	format(item.name, sizeof(item.name), "%cimport-%08x", STORE_OWN_NAME, chance);
	copy.made = item;
	copy.left = true;
	copy_enter(COPY_MAKING);
	return copy.number;
}

/* --- the steps --- */

static void copy_step_making(void)
{
	char problem[PROBLEM_BYTES];

	if (!store_work_step(copy.store, &copy.work, STORE_CREATE, &copy.made, 1, problem,
			     sizeof(problem))) {
		if (store_work_is_late(&copy.work))
			copy_end("the driver of its store does not answer");
		return;
	}
	if (problem[0] == '\0' && !store_volume_find(copy.store, copy.made.name, &copy.volume))
		format(problem, sizeof(problem), "its store has lost the volume made for it");
	if (problem[0] != '\0' || !copy_begin_content(problem, sizeof(problem)))
		copy_end(problem);
}

static void copy_step_copying(void)
{
	const struct content *content = content_find(copy.content);

	if (content == NULL)
		copy_end("the process that copies was lost");
	else if (content->phase != CONTENT_MOVING && content->problem[0] != '\0')
		copy_end(content->problem);
	else if (content->phase == CONTENT_NONE && copy.import)
		copy_enter(COPY_NAMING);
	else if (content->phase == CONTENT_NONE)
		copy_end("");
}

static void copy_step_naming(void)
{
	struct store_item item = {.volume = copy.volume.id};
	char problem[PROBLEM_BYTES];
	bool refused;

	string_copy(item.name, sizeof(item.name), copy.name);
	refused = copy.work.asked == 0 &&
		  !store_quota_allows(copy.store, STORE_RENAME, &item, 1, problem, sizeof(problem));
	if (refused || store_work_step(copy.store, &copy.work, STORE_RENAME, &item, 1, problem,
				       sizeof(problem)))
		copy_end(problem);
	else if (store_work_is_late(&copy.work))
		copy_end("the driver of its store does not answer");
}

/* Drops the new volume; if that fails, vm_volume_sweep.c does it later. */
static void copy_step_dropping(void)
{
	const struct content *content = content_find(copy.content);
	struct store_item item = {.volume = 0};
	struct store_volume volume;
	char problem[PROBLEM_BYTES];
	bool late = store_work_is_late(&copy.work);

	if (content != NULL && content->phase != CONTENT_NONE && !late)
		return; /* the drivers are still detaching the links */
	if (copy.work.asked == 0 && !store_volume_find(copy.store, copy.made.name, &volume)) {
		copy.phase = COPY_NONE;
		return;
	}
	if (copy.work.asked == 0)
		item.volume = volume.id;
	if (store_work_step(copy.store, &copy.work, STORE_DROP, &item, 1, problem,
			    sizeof(problem)) ||
	    late)
		copy.phase = COPY_NONE;
}

bool volume_copy_step(void)
{
	const enum copy_phase phase = copy.phase;

	switch (phase) {
	case COPY_NONE:
		break;
	case COPY_MAKING:
		copy_step_making();
		break;
	case COPY_COPYING:
		copy_step_copying();
		break;
	case COPY_NAMING:
		copy_step_naming();
		break;
	default:
		copy_step_dropping();
	}
	return copy.phase != phase;
}

u64 volume_copy_deadline(void)
{
	return copy.phase == COPY_NONE ? ~0ull : store_work_look_tsc();
}

/* --- the operator --- */

bool volume_copy_ended(u32 number, char *problem, size_t size)
{
	if (copy.phase != COPY_NONE && copy.number == number)
		return false;
	string_copy(problem, size,
		    copy.number == number ? copy.problem
					  : "how it has ended was lost; see the log");
	return true;
}

bool volume_copy_cancel(void)
{
	if (copy.phase != COPY_MAKING && copy.phase != COPY_COPYING)
		return false;
	copy_end("it was cancelled");
	return true;
}

bool volume_copy_needs(const char *name)
{
	return copy.phase != COPY_NONE && copy.import && string_equal(copy.made.name, name);
}

bool volume_copy_left(void)
{
	bool left = copy.phase == COPY_NONE && copy.left;

	if (left)
		copy.left = false;
	return left;
}

struct volume_copy_progress volume_copy_progress(void)
{
	const struct content *content = content_find(copy.content);

	if (copy.number == 0)
		return (struct volume_copy_progress){.number = 0};
	return (struct volume_copy_progress){
		.number = copy.number,
		.store = copy.store->config->section.name,
		.volume = copy.name,
		.disk = copy.disk,
		.import = copy.import,
		.state = copy.problem[0] != '\0'   ? "failed"
			 : copy.phase == COPY_NONE ? "done"
						   : "copies",
		.copied_bytes = copy.phase == COPY_COPYING && content != NULL
					? content_moved(content)
					: copy.moved,
		.all_bytes = copy.bytes,
		.problem = copy.problem,
	};
}
