/* SPDX-License-Identifier: MIT */
/*
 * Keeps the list of boot files: named modules, and members of bundles. Filled by setup.c; read by
 * vm_build.c, vm_build_check.c, services, disks and completion. Maps modules read-only into the
 * manager.
 */
#include "vmm/manager/config/files.h"
#include "lib/bits.h"
#include "vmm/manager/config/cpio.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static struct file files[FILE_MAX];
static u32 file_count;
static struct file demo;
static struct file keys;

static const u8 *file_map_module(const struct start_entry *module)
{
	u64 bytes = align_up(module->offset + module->value, PAGE_SIZE);
	u64 address;

	if (module->value == 0 || sys_space_map(start_handle(START_SPACE), 0, module->handle, 0,
						bytes, RIGHT_READ, &address) != STATUS_OK)
		return NULL;
	return (const u8 *)address + module->offset;
}

static struct file *file_find_named(const char *name)
{
	for (u32 i = 0; i < file_count; i++) {
		if (string_equal(files[i].name, name))
			return &files[i];
	}
	return NULL;
}

/* Adds a file. Returns its entry in the list, or NULL after reporting why it is left out. */
static struct file *file_add(const struct file *file, void (*report)(const char *problem))
{
	char problem[160];

	if (file_find(file->name) != NULL)
		format(problem, sizeof(problem),
		       "boot modules: two files named %s, the first counts", file->name);
	else if (file_count == FILE_MAX)
		format(problem, sizeof(problem), "boot modules: %s is left out, at most %u files",
		       file->name, FILE_MAX);
	else {
		files[file_count] = *file;
		return &files[file_count++];
	}
	report(problem);
	return NULL;
}

/* A bundle, and the archive in it that is being read. */
struct bundle {
	const struct start_entry *module;
	const u8 *bytes;
	struct cpio start; /* where the first member of the archive is */
	/*
	 * files with several names whose bytes this archive does not have at that name, by their
	 * index in `files`
	 */
	struct cpio_member bare[FILE_MAX];
	u64 is_bare;
	u64 is_here; /* a bit for each file that this archive has put into `files` */
	void (*report)(const char *problem);
};
_Static_assert(FILE_MAX <= 64, "a bit for each");

static void file_set_bytes(const struct bundle *bundle, struct file *file,
			   const struct cpio_member *member)
{
	file->offset = bundle->module->offset + member->offset;
	file->size = member->size;
	file->bytes = bundle->bytes + member->offset;
}

/*
 * Adds a member of the bundle to the files. A member of a later archive replaces one of the same
 * name, as with Linux.
 */
static void file_add_member(struct bundle *bundle, const struct cpio_member *member)
{
	struct file file = {.memory = bundle->module->handle};
	char problem[160];
	struct file *there;

	text_show(file.name, sizeof(file.name), member->name);
	if (member->name.length >= sizeof(file.name)) {
		format(problem, sizeof(problem),
		       "boot bundle: %s is left out; give it a name of at most %u bytes", file.name,
		       (u32)sizeof(file.name) - 1);
		bundle->report(problem);
		return;
	}
	file_set_bytes(bundle, &file, member);
	there = file_find_named(file.name);
	if (there != NULL && there->memory == file.memory &&
	    (bundle->is_here & BIT(there - files)) == 0)
		*there = file;
	else
		there = file_add(&file, bundle->report);
	if (there == NULL)
		return;
	bundle->is_here |= BIT(there - files);
	if (!member->is_linked || member->size != 0)
		return;
	bundle->bare[there - files] = *member;
	bundle->is_bare |= BIT(there - files);
}

/*
 * Finds the bytes of linked files at an archive's end: an inode's number means the same file only
 * within one archive.
 */
static void file_link_all(struct bundle *bundle)
{
	u64 found = 0;

	if (bundle->is_bare != 0)
		found = cpio_find_bytes(bundle->start, bundle->bare, bundle->is_bare);
	bundle->is_bare = 0;
	for (; found != 0; found &= found - 1) {
		u32 i = bit_lowest(found);

		file_set_bytes(bundle, &files[i], &bundle->bare[i]);
	}
}

static void file_add_bundle(const struct start_entry *module, const u8 *bytes,
			    void (*report)(const char *problem))
{
	static struct bundle bundle;
	struct cpio cpio;
	struct cpio_member member;
	enum cpio_result result;
	char problem[200];

	cpio_start(&cpio, bytes, module->value);
	bundle = (struct bundle){.module = module, .bytes = bytes, .report = report};
	do {
		bundle.start = cpio;
		bundle.is_here = 0;
		while ((result = cpio_next(&cpio, &member)) == CPIO_MEMBER) {
			if (member.is_file)
				file_add_member(&bundle, &member);
		}
		file_link_all(&bundle);
	} while (result == CPIO_NEXT);
	if (result == CPIO_END)
		return;
	format(problem, sizeof(problem), "boot bundle (%llu bytes): at byte %llu: %s",
	       (unsigned long long)module->value, (unsigned long long)cpio.offset, cpio.problem);
	report(problem);
}

static void file_left_out(const struct file *file, void (*report)(const char *problem))
{
	char problem[160];

	format(problem, sizeof(problem), "boot modules: %s %s and is left out",
	       file->name[0] != '\0' ? file->name : "one without a name",
	       file->size == 0 ? "is empty" : "cannot be mapped");
	report(problem);
}

static void file_add_module(const struct start_entry *module, void (*report)(const char *problem))
{
	struct file file = {
		.memory = module->handle,
		.offset = module->offset,
		.size = module->value,
		.bytes = file_map_module(module),
	};

	text_show(file.name, sizeof(file.name),
		  (struct text){module->name, strnlen(module->name, sizeof(module->name))});
	if (file.bytes == NULL)
		file_left_out(&file, report);
	else if (string_equal(file.name, DISK_KEY_MODULE))
		/* the module with keys is in no list, so that nobody can map it into a guest */
		keys = file;
	else if (file.name[0] != '\0')
		file_add(&file, report);
	else
		file_add_bundle(module, file.bytes, report);
}

void files_init(void (*report)(const char *problem))
{
	const struct start_entry *entry = start_find(START_DEMO_GUEST);

	if (entry != NULL)
		demo = (struct file){
			.name = "(built in)",
			.memory = entry->handle,
			.offset = entry->offset,
			.size = entry->value,
		};
	for (entry = start_find(START_MODULE); entry != NULL; entry = start_next(entry))
		file_add_module(entry, report);
}

const struct file *file_find(const char *name)
{
	return file_find_named(name);
}

bool file_is_filled(const struct file *file, const char *key, char *problem, size_t size)
{
	if (file->size == 0)
		format(problem, size, "%s: the file \"%s\" is empty; use one that is not", key,
		       file->name);
	return file->size != 0;
}

const struct file *file_find_filled(const char *key, const char *name, char *problem, size_t size)
{
	const struct file *file = file_find(name);

	if (file == NULL)
		format(problem, size, "%s: there is no file \"%s\" in the bundle", key, name);
	return file != NULL && file_is_filled(file, key, problem, size) ? file : NULL;
}

const struct file *file_at(u32 index)
{
	return index < file_count ? &files[index] : NULL;
}

static bool file_holds(const struct file *file, u64 offset, const char *bytes, size_t count)
{
	return file->size >= count && offset <= file->size - count &&
	       memcmp(file->bytes + offset, bytes, count) == 0;
}

static bool file_begins_with(const struct file *file, const char *bytes, size_t count)
{
	return file_holds(file, 0, bytes, count);
}

bool file_may_be(const struct file *file, bool kernel)
{
	/* cpio, also compressed as Linux accepts it: gzip, zstd, xz, lz4, bzip2 */
	bool archive = file_begins_with(file, "0707", 4) || file_begins_with(file, "\x1f\x8b", 2) ||
		       file_begins_with(file, "\x28\xb5\x2f\xfd", 4) ||
		       file_begins_with(file,
					"\xfd"
					"7zXZ",
					5) ||
		       file_begins_with(file, "\x02\x21\x4c\x18", 4) ||
		       file_begins_with(file, "BZh", 3);
	bool program = file_begins_with(file,
					"\x7f"
					"ELF",
					4) ||
		       file_begins_with(file, "MZ", 2);

	return kernel ? !archive : !program;
}

const char *file_uses(const struct file *file)
{
	/* a firmware volume's signature: UEFI PI, volume 3, EFI_FIRMWARE_VOLUME_HEADER */
	if (file_holds(file, 40, "_FVH", 4))
		return "uefi";
	/* whole segments with a far jump at 0xfffffff0, where a CPU begins: SDM volume 3, 10.1.4 */
	if (file->size >= 65536 && file->size % 65536 == 0 &&
	    file_holds(file, file->size - 16, "\xea", 1))
		return "bios";
	if (file_begins_with(file, "#cloud-config", 13))
		return "seed";
	if (!file_may_be(file, true))
		return "initrd";
	return file_may_be(file, false) ? "kernel initrd" : "kernel";
}

bool files_none(void)
{
	return start_find(START_MODULE) == NULL;
}

const struct file *file_keys(void)
{
	return keys.bytes != NULL ? &keys : NULL;
}

const struct file *file_demo(void)
{
	return &demo;
}
