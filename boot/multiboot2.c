/* SPDX-License-Identifier: MIT */
/*
 * Reads the boot information of a Multiboot2 loader such as GRUB into struct boot_info. boot/main.c
 * calls it once; a fuzzer calls it too. It reads only the memory that the given struct boot_view
 * shows and trusts no number in it.
 */
#include "boot/multiboot2.h"
#include "boot/parse.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/acpi.h"

static const char too_short[] = "a Multiboot2 tag is shorter than its contents";

/* Returns the rest of a tag after its first `skip` bytes, and the rest's length in *size. */
static const char *multiboot2_tag_rest(const struct multiboot2_tag *tag, size_t skip, size_t *size)
{
	*size = tag->size - skip;
	return (const char *)tag + skip;
}

/* Removes the backslash that GRUB puts before each quote and backslash of the command line. */
static void multiboot2_unescape(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '\\' && (text[1] == '\\' || text[1] == '"' || text[1] == '\''))
			text++;
		*to++ = *text;
	}
	*to = '\0';
}

static const char *multiboot2_parse_module(const struct multiboot2_tag *tag, struct boot_info *info)
{
	const struct multiboot2_module *module = (const void *)tag;
	const char *text;
	size_t size;

	if (tag->size < sizeof(*module))
		return too_short;
	if (module->end < module->start)
		return "a Multiboot2 module ends before its start";
	text = multiboot2_tag_rest(tag, sizeof(*module), &size);
	return boot_add_module(info, module->start, module->end - module->start, text, size);
}

static const char *multiboot2_parse_memory_map(const struct multiboot2_tag *tag,
					       struct boot_info *info)
{
	const struct multiboot2_memory_map *map = (const void *)tag;
	const char *error = NULL;
	const char *bytes;
	size_t size;

	if (tag->size < sizeof(*map))
		return too_short;
	if (map->entry_size < sizeof(struct multiboot2_memory_entry) || map->entry_size % 8 != 0)
		return "the Multiboot2 memory map has entries of an impossible size";
	bytes = multiboot2_tag_rest(tag, sizeof(*map), &size);
	while (error == NULL && size >= map->entry_size) {
		struct multiboot2_memory_entry entry;

		memcpy(&entry, bytes, sizeof(entry));
		error = boot_add_region(info, entry.base, entry.length, entry.type);
		bytes += map->entry_size;
		size -= map->entry_size;
	}
	return error;
}

/*
 * Takes a copy of the ACPI root pointer; the tag does not say where the original lies. Of two
 * copies the longer (newer) form is kept.
 */
static const char *multiboot2_parse_rsdp(const char *bytes, size_t size, struct boot_info *info)
{
	if (size < ACPI_RSDP_V1_BYTES)
		return "the Multiboot2 copy of the ACPI root pointer is cut short";
	if (info->rsdp_bytes > size)
		return NULL;
	info->rsdp_bytes = (u32)MIN(size, sizeof(info->rsdp_copy));
	memcpy(info->rsdp_copy, bytes, info->rsdp_bytes);
	return NULL;
}

static const char *multiboot2_parse_tag(const struct multiboot2_tag *tag, struct boot_info *info)
{
	size_t size;
	const char *text = multiboot2_tag_rest(tag, sizeof(*tag), &size);

	switch (tag->type) {
	case MULTIBOOT2_COMMAND_LINE:
		boot_copy_text(info->command_line, sizeof(info->command_line), text, size);
		multiboot2_unescape(info->command_line);
		return NULL;
	case MULTIBOOT2_MODULE:
		return multiboot2_parse_module(tag, info);
	case MULTIBOOT2_MEMORY_MAP:
		return multiboot2_parse_memory_map(tag, info);
	case MULTIBOOT2_ACPI_OLD:
	case MULTIBOOT2_ACPI_NEW:
		return multiboot2_parse_rsdp(text, size, info);
	default:
		return NULL;
	}
}

const char *multiboot2_parse(const struct boot_view *view, u64 address, struct boot_info *info)
{
	const struct multiboot2_info *head = boot_view(view, address, sizeof(*head));
	const char *error = NULL;
	u64 at = sizeof(*head);
	u64 total;

	if (head == NULL || !is_aligned(address, MULTIBOOT2_TAG_ALIGN))
		return "the Multiboot2 information is misaligned or above 4 GiB";
	total = head->total_size;
	if (total < sizeof(*head) || boot_view(view, address, total) == NULL)
		return "the Multiboot2 information has an impossible size";
	while (error == NULL) {
		const struct multiboot2_tag *tag = (const void *)((const char *)head + at);

		if (at + sizeof(*tag) > total)
			return "the Multiboot2 information has no end tag";
		if (tag->type == MULTIBOOT2_END)
			return NULL;
		if (tag->size < sizeof(*tag) || tag->size > total - at)
			return "a Multiboot2 tag has an impossible size";
		error = multiboot2_parse_tag(tag, info);
		at = align_up(at + tag->size, MULTIBOOT2_TAG_ALIGN);
	}
	return error;
}
