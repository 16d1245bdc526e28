/* SPDX-License-Identifier: MIT */
/*
 * Makes a process step by step: its start page, handles, memory and ports. Called by vm/, driver/,
 * disk/ and transfer/. Holds no state beyond the given build; charges memory to the build's group.
 */
#include "vmm/manager/process/process_build.h"

#include "kernel/abi/version.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/file_types.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

void process_build_note(struct process_build *build, const char *what, enum status status)
{
	if (process_build_failed(build))
		return;
	build->what = what;
	build->status = status;
}

static void process_build_make_start_page(struct process_build *build, handle_t group)
{
	struct start_info *info;
	u64 address = 0;

	process_build_note(build, "creating its start page",
			   sys_memory_create(group, START_BYTES, 0, &build->start));
	if (process_build_failed(build))
		return;
	process_build_note(build, "mapping its start page",
			   sys_space_map(start_handle(START_SPACE), 0, build->start, 0, START_BYTES,
					 RIGHT_READ | RIGHT_WRITE, &address));
	if (process_build_failed(build))
		return;
	info = (struct start_info *)(uintptr_t)address;
	info->magic = START_MAGIC;
	info->abi_version = SKERRY_ABI_VERSION;
	info->syscall_method = start_info->syscall_method;
	info->tsc_khz = start_info->tsc_khz;
	random_draw(info->entropy, sizeof(info->entropy));
	memcpy(info->backend, start_info->backend, sizeof(info->backend));
	build->info = info;
}

void process_build_begin(struct process_build *build, handle_t group, handle_t image,
			 u64 first_page)
{
	if (process_build_failed(build))
		return;
	build->group = group;
	process_build_note(build, "creating its process",
			   sys_process_create(group, image, first_page, &build->process));
	if (!process_build_failed(build))
		process_build_note(build, "creating its process",
				   sys_process_space(build->process, &build->space));
	if (!process_build_failed(build))
		process_build_make_start_page(build, group);
}

static void process_build_add_entry(struct process_build *build, struct start_entry entry)
{
	struct start_info *info = build->info;

	if (process_build_failed(build))
		return;
	if (info->entry_count == START_ENTRY_MAX)
		process_build_note(build, "filling its start page", STATUS_TOO_BIG);
	else
		info->entry[info->entry_count++] = entry;
}

void process_build_grant(struct process_build *build, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value)
{
	handle_t theirs = HANDLE_NONE;

	if (process_build_failed(build))
		return;
	process_build_note(build, "handing it its handles",
			   sys_handle_grant(build->process, handle, rights, &theirs));
	process_build_add_entry(
		build, (struct start_entry){.kind = kind, .handle = theirs, .value = value});
}

void process_build_own(struct process_build *build, handle_t group)
{
	process_build_grant(build, START_SELF, build->process,
			    RIGHT_READ | RIGHT_WRITE | RIGHT_CONTROL, 0);
	process_build_grant(build, START_SPACE, build->space, RIGHT_READ | RIGHT_MAP, 0);
	process_build_grant(build, START_GROUP, group, RIGHT_READ | RIGHT_CREATE, 0);
}

void process_build_show(struct process_build *build, handle_t memory, u64 bytes, u32 rights,
			void *address)
{
	u64 at = 0;

	if (process_build_failed(build))
		return;
	process_build_note(
		build, "mapping memory that it shares",
		sys_space_map(start_handle(START_SPACE), 0, memory, 0, bytes, rights, &at));
	memcpy(address, &at, sizeof(at));
}

void process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
		       u64 offset, u64 bytes, u32 rights)
{
	u64 first = align_down(offset, PAGE_SIZE);
	u64 whole = align_up(offset + bytes, PAGE_SIZE) - first;
	u64 address = 0;

	if (process_build_failed(build))
		return;
	process_build_note(build, "mapping what it works with",
			   sys_space_map(build->space, 0, memory, first, whole, rights, &address));
	process_build_add_entry(build, (struct start_entry){.kind = kind,
							    .handle = HANDLE_NONE,
							    .offset = address + (offset - first),
							    .value = bytes});
}

/* Copies the part of a page that belongs to the file into a page that the process gets. */
static void process_build_copy_page(struct process_build *build, u64 address,
				    const struct file *file, u64 offset)
{
	u64 from = MAX(offset, file->offset);
	u64 to = MIN(offset + PAGE_SIZE, file->offset + file->size);
	handle_t page = HANDLE_NONE;
	u8 *here = NULL;

	process_build_note(build, "copying the edges of a file",
			   sys_memory_create(build->group, PAGE_SIZE, 0, &page));
	if (process_build_failed(build))
		return;
	process_build_show(build, page, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE, &here);
	if (!process_build_failed(build)) {
		memcpy(here + (from - offset), file->bytes + (from - file->offset), to - from);
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)here, PAGE_SIZE);
		process_build_note(build, "mapping the edges of a file",
				   sys_space_map(build->space, address, page, 0, PAGE_SIZE,
						 RIGHT_READ, &address));
	}
	sys_handle_close(page);
}

/* Maps the pages of a boot module that hold bytes of the file and of nothing else. */
static void process_build_map_inside(struct process_build *build, u64 address,
				     const struct file *file, u64 from, u64 to)
{
	if (from < to && !process_build_failed(build))
		process_build_note(build, "mapping what it works with",
				   sys_space_map(build->space, address, file->memory, from,
						 to - from, RIGHT_READ, &address));
}

void process_build_map_file(struct process_build *build, enum start_kind kind,
			    const struct file *file)
{
	u64 end = file->offset + file->size;
	u64 first = align_down(file->offset, PAGE_SIZE);
	u64 inside = align_up(file->offset, PAGE_SIZE);
	u64 inside_end = align_down(end, PAGE_SIZE);
	u64 whole = align_up(end, PAGE_SIZE) - first;
	u64 address;

	/*
	 * Maps the whole file once to find a range of addresses for it. The range stays free, as
	 * the process does not run yet.
	 */
	process_build_map(build, kind, file->memory, file->offset, file->size, RIGHT_READ);
	if (process_build_failed(build) || file->bytes == NULL)
		return;
	address = align_down(build->info->entry[build->info->entry_count - 1].offset, PAGE_SIZE);
	process_build_note(build, "mapping what it works with",
			   sys_space_unmap(build->space, address, whole));
	if (first != inside)
		process_build_copy_page(build, address, file, first);
	process_build_map_inside(build, address + (inside - first), file, inside, inside_end);
	if (inside_end != end && inside_end >= inside)
		process_build_copy_page(build, address + (inside_end - first), file, inside_end);
}

void process_build_name(struct process_build *build, const char *name)
{
	struct start_entry *last;

	if (process_build_failed(build))
		return;
	last = &build->info->entry[build->info->entry_count - 1];
	string_copy(last->name, sizeof(last->name), name);
}

void process_build_ports(struct process_build *build, u16 first, u32 count, const char *name)
{
	struct start_entry entry = {
		.kind = START_PORTS, .handle = HANDLE_NONE, .offset = first, .value = count};

	if (process_build_failed(build))
		return;
	process_build_note(build, "handing it its ports",
			   sys_ports_grant(start_handle(START_ROOT), build->process, first, count));
	process_build_add_entry(build, entry);
	process_build_name(build, name);
}

static void process_build_unmap_start_page(struct process_build *build)
{
	if (build->info != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)build->info,
				START_BYTES);
	build->info = NULL;
}

void process_build_start(struct process_build *build)
{
	process_build_unmap_start_page(build);
	if (!process_build_failed(build))
		process_build_note(build, "starting it",
				   sys_process_start(build->process, build->start));
}

void process_build_close(struct process_build *build)
{
	const handle_t handles[] = {build->process, build->space, build->start};

	process_build_unmap_start_page(build);
	for (u32 i = 0; i < ARRAY_COUNT(handles); i++) {
		if (handles[i] != HANDLE_NONE)
			sys_handle_close(handles[i]);
	}
}

bool process_build_take(struct process_build *build, handle_t *process, char *problem, size_t size)
{
	bool made = !process_build_failed(build);

	if (made) {
		*process = build->process;
		build->process = HANDLE_NONE;
	} else {
		format(problem, size, "the kernel says \"%s\" while %s", status_text(build->status),
		       build->what);
	}
	process_build_close(build);
	return made;
}
