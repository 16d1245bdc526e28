/* SPDX-License-Identifier: MIT */
/*
 * Flash memory in which UEFI firmware keeps its variables (cfi_flash.h). Attached by platform.c for
 * VMs whose firmware has variables; obeys the guest's commands and changes the content, which the
 * owner (life/flash_open.c) maps for the guest and keeps on a disk.
 */
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/rt/zero.h"

static struct flash *flash_of(struct device *device)
{
	return CONTAINER_OF(device, struct flash, device);
}

/*
 * Maps the content for the guest while the guest's reads are to return it, and unmaps it otherwise.
 */
static void flash_show(struct flash *flash)
{
	flash->config.show(flash->config.context, flash->state.mode == FLASH_MODE_ARRAY);
}

static void flash_set_mode(struct flash *flash, enum flash_mode mode)
{
	flash->state.mode = (u8)mode;
	flash_show(flash);
}

/* Waits until all changed blocks are on the owner's disk: then the guest may count on them. */
static void flash_keep(struct flash *flash)
{
	if (!is_zero(flash->changed, sizeof(flash->changed)) &&
	    !flash->config.keep(flash->config.context, flash->changed))
		flash->state.status |= FLASH_STATUS_PROGRAM_ERROR;
}

/*
 * Notes that a block changes. Changes of other blocks are put on the owner's disk first, so that
 * after a power cut the disk holds no change without those made before it.
 */
static void flash_change(struct flash *flash, u64 block)
{
	u64 others[FLASH_WORDS];

	memcpy(others, flash->changed, sizeof(others));
	others[block / 64] &= ~BIT(block % 64);
	if (!is_zero(others, sizeof(others)))
		flash_keep(flash);
	flash->changed[block / 64] |= BIT(block % 64);
}

/* Programs a byte: that clears bits; only erasing sets them. */
static void flash_program(struct flash *flash, u64 offset, u8 value)
{
	flash_change(flash, offset / FLASH_BLOCK_BYTES);
	flash->config.content[offset] &= value;
	flash->state.status |= FLASH_STATUS_READY;
	flash_set_mode(flash, FLASH_MODE_STATUS);
}

static void flash_erase(struct flash *flash, u64 offset, u8 value)
{
	u64 block = offset / FLASH_BLOCK_BYTES;

	flash_set_mode(flash, FLASH_MODE_STATUS);
	flash->state.status |= FLASH_STATUS_READY;
	if (value != FLASH_CONFIRM) {
		flash->state.status |= FLASH_STATUS_SEQUENCE_ERROR;
		return;
	}
	flash_change(flash, block);
	memset(flash->config.content + block * FLASH_BLOCK_BYTES, FLASH_ERASED, FLASH_BLOCK_BYTES);
}

static void flash_command(struct flash *flash, u8 value)
{
	switch (value) {
	case FLASH_PROGRAM:
	case FLASH_PROGRAM_TOO:
		flash_set_mode(flash, FLASH_MODE_PROGRAM);
		return;
	case FLASH_ERASE:
		flash_set_mode(flash, FLASH_MODE_ERASE);
		return;
	case FLASH_READ_STATUS:
		flash_keep(flash);
		flash_set_mode(flash, FLASH_MODE_STATUS);
		return;
	case FLASH_CLEAR_STATUS:
		flash->state.status = 0;
		break;
	case FLASH_READ_ARRAY:
		break;
	default:
		flash->state.status |= FLASH_STATUS_SEQUENCE_ERROR;
		break;
	}
	flash_keep(flash);
	flash_set_mode(flash, FLASH_MODE_ARRAY);
}

static void flash_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct flash *flash = flash_of(device);

	(void)region, (void)size;
	if (flash->state.mode == FLASH_MODE_PROGRAM)
		flash_program(flash, offset, (u8)value);
	else if (flash->state.mode == FLASH_MODE_ERASE)
		flash_erase(flash, offset, (u8)value);
	else
		flash_command(flash, (u8)value);
}

/* Answers a read. In array mode a read exits only where the content could not be mapped. */
static u64 flash_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct flash *flash = flash_of(device);

	(void)region, (void)size;
	if (flash->state.mode == FLASH_MODE_ARRAY)
		return flash->config.content[offset];
	flash_keep(flash);
	return flash->state.status;
}

/* Resets the registers only: the content outlives a reset, as that of real flash does. */
static void flash_reset(struct device *device)
{
	struct flash *flash = flash_of(device);

	flash_keep(flash);
	flash->state = (struct flash_state){.mode = FLASH_MODE_ARRAY};
	flash_show(flash);
}

static void flash_loaded(struct device *device)
{
	flash_show(flash_of(device));
}

static bool flash_valid(const void *bytes)
{
	const struct flash_state *state = bytes;

	return state->mode < FLASH_MODE_COUNT && is_zero(state->pad, sizeof(state->pad));
}

static const struct device_ops flash_ops = {
	.widest = 1,
	.read = flash_read,
	.write = flash_write,
	.reset = flash_reset,
	.loaded = flash_loaded,
	.valid = flash_valid,
};

static void flash_content_reset(struct device *device)
{
	(void)device;
}

/*
 * Marks all blocks as changed: the owner's disk may hold the content of another time than the
 * loaded state.
 */
static void flash_content_loaded(struct device *device)
{
	struct flash *flash = CONTAINER_OF(device, struct flash, content_device);

	for (u64 block = 0; block < flash->config.bytes / FLASH_BLOCK_BYTES; block++)
		flash->changed[block / 64] |= BIT(block % 64);
}

/* Accepts any content: the guest may write any. */
static bool flash_content_valid(const void *bytes)
{
	(void)bytes;
	return true;
}

static const struct device_ops flash_content_ops = {
	.widest = 1,
	.reset = flash_content_reset,
	.loaded = flash_content_loaded,
	.valid = flash_content_valid,
};

static enum status flash_add(struct platform *platform, struct flash *flash)
{
	enum status status;

	flash->region =
		(struct device_region){DEVICE_MEMORY, flash->config.base, flash->config.bytes};
	flash->device = (struct device){
		.name = "flash",
		.ops = &flash_ops,
		.regions = &flash->region,
		.region_count = 1,
		.state = &flash->state,
		.state_bytes = sizeof(flash->state),
		.kind = STATE_FLASH,
		.version = 1,
	};
	flash->content_device = (struct device){
		.name = "flash_content",
		.ops = &flash_content_ops,
		.state = flash->config.content,
		.state_bytes = flash->config.bytes,
		.kind = STATE_FLASH_CONTENT,
		.version = 1,
	};
	status = platform_add(platform, &flash->device);
	return status == STATUS_OK ? platform_add(platform, &flash->content_device) : status;
}

enum status flash_attach(struct platform *platform, const struct platform_config *config)
{
	struct flash *flash;

	if (config->flash == NULL)
		return STATUS_OK;
	flash = platform_take(platform, sizeof(*flash));
	if (flash == NULL)
		return STATUS_NO_MEMORY;
	flash->config = *config->flash;
	return flash_add(platform, flash);
}
