/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The memory with the loaders' data: boot/ uses what a parser has accepted without checking it
 * again.
 */

#define FUZZ_BOOT_MEMORY 4096u

typedef const char *fuzz_boot_parser(const struct boot_view *view, u64 address,
				     struct boot_info *info);

static void fuzz_check_text(const char *text, size_t size)
{
	CHECK_THAT(strnlen(text, size) < size);
}

static void fuzz_check_regions(struct boot_info *info)
{
	static struct ram_ranges ranges;
	u64 end = 0;

	if (regions_normalise(info) != NULL)
		return;
	for (u32 i = 0; i < info->region_count; i++) {
		const struct boot_region *region = &info->region[i];

		CHECK_THAT(region->length != 0 && region->base >= end);
		CHECK_THAT(region->length <= ~region->base);
		CHECK_THAT(region->type >= BOOT_REGION_RAM && region->type <= BOOT_REGION_BAD);
		end = region->base + region->length;
	}
	regions_from_ram(&ranges, info, 0x1000, 1ull << 46);
	for (u32 i = 0; i < info->module_count; i++)
		if (!regions_remove(&ranges, info->module[i].base.value, info->module[i].length))
			return;
	end = 0x1000;
	for (u32 i = 0; i < ranges.count; i++) {
		CHECK_THAT(ranges.range[i].start >= end);
		CHECK_THAT(ranges.range[i].end > ranges.range[i].start);
		CHECK_THAT((ranges.range[i].start | ranges.range[i].end) % PAGE_SIZE == 0);
		end = ranges.range[i].end;
	}
	CHECK_THAT(end <= 1ull << 46);
}

/* Byte 0 is the address of the information, the rest is memory from address 0 on. */
static int fuzz_boot(const u8 *bytes, size_t size, fuzz_boot_parser *parse)
{
	static struct boot_info info;
	struct fuzz fuzz = {bytes, size};
	u64 address = fuzz_u8(&fuzz);
	struct boot_view view;
	u8 *memory;

	if (fuzz.left > FUZZ_BOOT_MEMORY)
		fuzz.left = FUZZ_BOOT_MEMORY;
	memory = fuzz_rest(&fuzz, &size);
	memset(&info, 0, sizeof(info));
	view = (struct boot_view){.base = (uintptr_t)memory, .size = size};
	if (parse(&view, address, &info) == NULL) {
		fuzz_check_text(info.command_line, sizeof(info.command_line));
		CHECK_THAT(info.region_count <= BOOT_REGION_MAX);
		CHECK_THAT(info.module_count <= BOOT_MODULE_MAX);
		CHECK_THAT(info.rsdp_bytes <= sizeof(info.rsdp_copy));
		for (u32 i = 0; i < info.module_count; i++)
			fuzz_check_text(info.module[i].name, sizeof(info.module[i].name));
		fuzz_check_regions(&info);
	}
	free(memory);
	return 0;
}
