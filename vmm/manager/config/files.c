/* SPDX-License-Identifier: MIT */
#include "vmm/manager/config/files.h"
#include "lib/bits.h"
#include "vmm/manager/config/cpio.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static struct file files[FILE_MAX];
static u32 file_count;
static struct file demo;

static const u8 *file_map_module(const struct start_entry *module)
{
	u64 bytes = align_up(module->offset + module->value, PAGE_SIZE);
	u64 address;

	if (module->value == 0 || sys_space_map(start_handle(START_SPACE), 0, module->handle, 0,
						bytes, RIGHT_READ, &address) != STATUS_OK)
		return NULL;
	return (const u8 *)address + module->offset;
}

static void file_add(const struct file *file, void (*report)(const char *problem))
{
	char problem[160];

	if (file_find(file->name) != NULL)
		format(problem, sizeof(problem),
		       "boot modules: two files named %s, the first counts", file->name);
	else if (file_count == FILE_MAX)
		format(problem, sizeof(problem), "boot modules: %s is left out, at most %u files",
		       file->name, FILE_MAX);
	else {
		files[file_count++] = *file;
		return;
	}
	report(problem);
}

static void file_add_bundle(const struct start_entry *module, const u8 *bytes,
			    void (*report)(const char *problem))
{
	struct cpio cpio;
	struct cpio_member member;
	enum cpio_result result;
	char problem[160];

	cpio_start(&cpio, bytes, module->value);
	while ((result = cpio_next(&cpio, &member)) == CPIO_MEMBER) {
		struct file file = {
			.memory = module->handle,
			.offset = module->offset + member.offset,
			.size = member.size,
			.bytes = bytes + member.offset,
		};

		if (!member.is_file)
			continue;
		text_show(file.name, sizeof(file.name), member.name);
		if (member.name.length < sizeof(file.name)) {
			file_add(&file, report);
			continue;
		}
		format(problem, sizeof(problem),
		       "boot bundle: %s is left out, allowed: names of at most %u bytes", file.name,
		       (u32)sizeof(file.name) - 1);
		report(problem);
	}
	if (result == CPIO_END)
		return;
	format(problem, sizeof(problem), "boot bundle (%llu bytes): at byte %llu: %s",
	       (unsigned long long)module->value, (unsigned long long)cpio.offset, cpio.problem);
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
		report("boot modules: one is empty or cannot be mapped and is left out");
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
	for (u32 i = 0; i < file_count; i++) {
		if (string_equal(files[i].name, name))
			return &files[i];
	}
	return NULL;
}

const struct file *file_at(u32 index)
{
	return index < file_count ? &files[index] : NULL;
}

static bool file_begins_with(const struct file *file, const char *bytes, size_t count)
{
	return file->size >= count && memcmp(file->bytes, bytes, count) == 0;
}

bool file_may_be(const struct file *file, bool kernel)
{
	/* cpio, and as Linux takes it compressed by gzip, zstd, xz, lz4, bzip2 */
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

bool files_none(void)
{
	return start_find(START_MODULE) == NULL;
}

const struct file *file_demo(void)
{
	return &demo;
}
