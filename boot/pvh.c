/* SPDX-License-Identifier: MIT */
/*
 * Reads the start information of a PVH loader such as QEMU into struct boot_info. boot/main.c calls
 * it once; a fuzzer calls it too. It reads only the memory that the given struct boot_view shows
 * and trusts no number in it.
 */
#include "boot/parse.h"
#include "boot/pvh.h"
#include "lib/string.h"

/*
 * Returns the text at an address, cut at `limit` bytes or at the end of the memory in view; an
 * empty text at address 0.
 */
static const char *pvh_text_at(const struct boot_view *view, u64 address, size_t limit,
			       size_t *size)
{
	*size = 0;
	if (address == 0 || address >= view->size)
		return "";
	*size = MIN(limit, view->size - address);
	return boot_view(view, address, *size);
}

static const char *pvh_modules(const struct boot_view *view, const struct pvh_start_info *start,
			       struct boot_info *info)
{
	const char *list =
		boot_view(view, start->modules, start->module_count * sizeof(struct pvh_module));
	const char *error = NULL;

	if (start->module_count != 0 && list == NULL)
		return "the PVH module list lies outside the low 4 GiB";
	for (u32 i = 0; error == NULL && i < start->module_count; i++) {
		struct pvh_module module;
		const char *text;
		size_t size;

		memcpy(&module, list + i * sizeof(module), sizeof(module));
		if (boot_view(view, module.base, module.length) == NULL)
			return "a PVH module lies outside the low 4 GiB";
		text = pvh_text_at(view, module.command_line, BOOT_COMMAND_LINE_BYTES, &size);
		error = boot_add_module(info, module.base, module.length, text, size);
	}
	return error;
}

static const char *pvh_memory_map(const struct boot_view *view, const struct pvh_start_info *start,
				  struct boot_info *info)
{
	const u64 bytes = start->memory_map_count * sizeof(struct pvh_memory_entry);
	const char *list;
	const char *error = NULL;

	if (start->version == 0 || start->memory_map_count == 0)
		return "the PVH loader gives no memory map";
	list = boot_view(view, start->memory_map, bytes);
	if (list == NULL)
		return "the PVH memory map lies outside the low 4 GiB";
	for (u32 i = 0; error == NULL && i < start->memory_map_count; i++) {
		struct pvh_memory_entry entry;

		memcpy(&entry, list + i * sizeof(entry), sizeof(entry));
		error = boot_add_region(info, entry.base, entry.length, entry.type);
	}
	return error;
}

const char *pvh_parse(const struct boot_view *view, u64 address, struct boot_info *info)
{
	const void *bytes = boot_view(view, address, sizeof(struct pvh_start_info));
	struct pvh_start_info start;
	const char *error;
	const char *text;
	size_t size;

	if (bytes == NULL)
		return "the PVH start information lies outside the low 4 GiB";
	memcpy(&start, bytes, sizeof(start));
	if (start.magic != PVH_START_MAGIC)
		return "the PVH start information has a wrong signature";
	text = pvh_text_at(view, start.command_line, BOOT_COMMAND_LINE_BYTES, &size);
	boot_copy_text(info->command_line, sizeof(info->command_line), text, size);

	info->rsdp = HPA(start.rsdp);
	bytes = boot_view(view, start.rsdp, sizeof(info->rsdp_copy));
	if (start.rsdp != 0 && bytes != NULL) {
		info->rsdp_bytes = sizeof(info->rsdp_copy);
		memcpy(info->rsdp_copy, bytes, info->rsdp_bytes);
	}
	error = pvh_modules(view, &start, info);
	return error != NULL ? error : pvh_memory_map(view, &start, info);
}
