/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device, by which guests read files and tables at ports. Attached by
 * platform.c; owns its selector and offset, and reads the files that fw_cfg_add_file has added.
 */
#include "vmm/monitor/dev/fw_cfg.h"
#include "lib/string.h"
#include "vmm/monitor/platform/platform_add.h"

/*
 * Bits of an item's key, which the guest writes to the selector; bit 15 marks architecture-specific
 * items, of which there are none.
 */
#define WRITE_MODE	       0x4000u
#define DIRECTORY_HEADER_BYTES 4u
#define DIRECTORY_ENTRY_BYTES  64u

/* Returns byte `at` of a little-endian number; 0 past its end. */
static u8 fw_cfg_little_endian(u64 value, u32 at)
{
	return (u8)(at < 8 ? value >> (at * 8) : 0);
}

static u8 fw_cfg_big_endian_u32(u32 value, u32 at)
{
	return (u8)(value >> (24 - at * 8));
}

/*
 * Returns byte `offset` of the directory of files: a count, then for each file size, key (both
 * big-endian), two zeros, and name.
 */
static u8 fw_cfg_directory_byte(const struct fw_cfg *fw_cfg, u32 offset)
{
	const struct fw_cfg_file *file;
	u32 index = (offset - DIRECTORY_HEADER_BYTES) / DIRECTORY_ENTRY_BYTES;
	u32 at = (offset - DIRECTORY_HEADER_BYTES) % DIRECTORY_ENTRY_BYTES;

	if (offset < DIRECTORY_HEADER_BYTES)
		return fw_cfg_big_endian_u32(fw_cfg->file_count, offset);
	if (index >= fw_cfg->file_count)
		return 0;
	file = &fw_cfg->file[index];
	if (at < 4)
		return fw_cfg_big_endian_u32(file->size_bytes, at);
	if (at < 8)
		return fw_cfg_big_endian_u32((FW_CFG_FILE_FIRST + index) << 16, at - 4);
	return (u8)file->name[at - 8];
}

u8 fw_cfg_item_byte(const struct fw_cfg *fw_cfg, u32 key, u32 offset)
{
	const struct fw_cfg_file *file;

	switch (key) {
	case FW_CFG_SIGNATURE:
		return offset < 4 ? (u8) "QEMU"[offset] : 0;
	case FW_CFG_ID:
		/* the interfaces there are: bit 0 the traditional one, bit 1 DMA */
		return fw_cfg_little_endian(fw_cfg->memory != NULL ? 3 : 1, offset);
	case FW_CFG_RAM_SIZE:
		return fw_cfg_little_endian(fw_cfg->ram_bytes, offset);
	case FW_CFG_CPU_COUNT:
	case FW_CFG_CPU_MAX:
		return fw_cfg_little_endian(fw_cfg->cpu_count, offset);
	case FW_CFG_BOOT_MENU:
		return fw_cfg_little_endian(fw_cfg->boot_menu, offset);
	case FW_CFG_DIRECTORY:
		return fw_cfg_directory_byte(fw_cfg, offset);
	default:
		if (key < FW_CFG_FILE_FIRST || key - FW_CFG_FILE_FIRST >= fw_cfg->file_count)
			return 0;
		file = &fw_cfg->file[key - FW_CFG_FILE_FIRST];
		return offset < file->size_bytes ? file->bytes[offset] : 0;
	}
}

static u64 fw_cfg_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct fw_cfg *fw_cfg = CONTAINER_OF(device, struct fw_cfg, device);
	u8 byte;

	(void)region;
	if (offset != FW_CFG_DATA_PORT - FW_CFG_SELECTOR_PORT || size != 1)
		return 0;
	byte = fw_cfg_item_byte(fw_cfg, fw_cfg->state.key & ~WRITE_MODE, fw_cfg->state.offset);
	if (fw_cfg->state.offset < ~0u)
		fw_cfg->state.offset++;
	return byte;
}

static void fw_cfg_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct fw_cfg_state *state = device->state;

	(void)region;
	if (offset != 0 || size != 2)
		return;
	state->key = (u16)value;
	state->offset = 0;
}

static void fw_cfg_reset(struct device *device)
{
	struct fw_cfg_state *state = device->state;

	*state = (struct fw_cfg_state){0};
}

/* Accepts any key and offset: both are checked at each read. */
static bool fw_cfg_valid(const void *bytes)
{
	(void)bytes;
	return true;
}

static const struct device_region fw_cfg_regions[] = {
	{DEVICE_PORTS, FW_CFG_SELECTOR_PORT, 2},
};

static const struct device_ops fw_cfg_ops = {
	.widest = 2,
	.read = fw_cfg_read,
	.write = fw_cfg_write,
	.reset = fw_cfg_reset,
	.valid = fw_cfg_valid,
};

enum status fw_cfg_attach(struct platform *platform, const struct platform_config *config)
{
	struct fw_cfg *fw_cfg = platform_take(platform, sizeof(*fw_cfg));
	enum status status;

	if (fw_cfg == NULL)
		return STATUS_NO_MEMORY;
	fw_cfg->ram_bytes = config->ram_below_4g + config->ram_above_4g;
	fw_cfg->cpu_count = config->cpu_count;
	fw_cfg->boot_menu = config->boot_menu;
	fw_cfg->device = (struct device){
		.name = "fw_cfg",
		.ops = &fw_cfg_ops,
		.regions = fw_cfg_regions,
		.region_count = ARRAY_COUNT(fw_cfg_regions),
		.state = &fw_cfg->state,
		.state_bytes = sizeof(fw_cfg->state),
		.kind = STATE_FW_CFG,
		.version = 1,
	};
	for (u32 i = 0; i < config->firmware_file_count; i++)
		if (!fw_cfg_add_file(fw_cfg, config->firmware_file[i].name,
				     config->firmware_file[i].bytes,
				     config->firmware_file[i].size_bytes))
			return STATUS_NO_MEMORY;
	status = platform_add(platform, &fw_cfg->device);
	return status == STATUS_OK && config->firmware ? fw_cfg_dma_attach(platform, config, fw_cfg)
						       : status;
}

bool fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const u8 *bytes, u32 size_bytes)
{
	struct fw_cfg_file *file = &fw_cfg->file[fw_cfg->file_count];

	if (fw_cfg->file_count == FW_CFG_FILE_MAX || strlen(name) >= FW_CFG_NAME_BYTES)
		return false;
	memset(file->name, 0, sizeof(file->name));
	memcpy(file->name, name, strlen(name));
	file->bytes = bytes;
	file->size_bytes = size_bytes;
	fw_cfg->file_count++;
	return true;
}
