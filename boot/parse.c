/* SPDX-License-Identifier: MIT */
/*
 * Helpers of the two loaders' parsers: bounds checks, and additions to struct boot_info.
 * boot/multiboot2.c and boot/pvh.c call them. They read only the memory that a struct boot_view
 * shows and refuse more entries than struct boot_info's lists have room for.
 */
#include "boot/parse.h"
#include "lib/checked.h"
#include "lib/string.h"

const void *boot_view(const struct boot_view *view, u64 address, u64 length)
{
	if (!range_within(address, length, view->size))
		return NULL;
	return (const void *)(view->base + address);
}

void boot_copy_text(char *to, size_t to_size, const char *text, size_t size)
{
	size_t length = strnlen(text, MIN(size, to_size - 1));

	memcpy(to, text, length);
	to[length] = '\0';
}

const char *boot_add_region(struct boot_info *info, u64 base, u64 length, u32 type)
{
	struct boot_region *region = &info->region[info->region_count];

	if (length == 0)
		return NULL;
	if (info->region_count == BOOT_REGION_MAX)
		return "the memory map has too many entries";
	/* Some firmware gives a region a length that wraps, to mean "to the end of memory". */
	if (length > ~base)
		length = ~base;
	*region = (struct boot_region){.base = base, .length = length, .type = type};
	info->region_count++;
	return NULL;
}

const char *boot_add_module(struct boot_info *info, u64 base, u64 length, const char *text,
			    size_t size)
{
	struct boot_module *module = &info->module[info->module_count];
	size_t word = 0;

	if (info->module_count == BOOT_MODULE_MAX)
		return "more than 64 boot modules";
	while (word < size && text[word] != '\0' && text[word] != ' ')
		word++;
	if (word >= sizeof(module->name))
		return "a boot module's name is longer than 63 bytes";
	module->base = HPA(base);
	module->length = length;
	boot_copy_text(module->name, sizeof(module->name), text, word);
	info->module_count++;
	return NULL;
}
