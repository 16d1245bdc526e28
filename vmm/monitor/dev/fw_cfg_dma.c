/* SPDX-License-Identifier: MIT */
/*
 * The DMA interface of fw_cfg (docs/specs/fw_cfg of QEMU): a control structure in guest memory
 * names bytes of an item and their destination. Attached by fw_cfg.c for VMs that start by
 * firmware; owns the upper half of the control structure's address, reads and writes guest memory.
 */
#include "lib/checked.h"
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/platform/platform_add.h"

/*
 * Bits of the control structure's `control`; its upper half is the key of the item to be selected.
 */
#define CONTROL_ERROR	  (1u << 0)
#define CONTROL_READ	  (1u << 1)
#define CONTROL_SKIP	  (1u << 2)
#define CONTROL_SELECT	  (1u << 3)
#define CONTROL_WRITE	  (1u << 4)
#define CONTROL_KEY_SHIFT 16u

/* The most bytes of a transfer: no item is longer, and a transfer is done within one exit. */
#define TRANSFER_BYTES_MAX (1 * MIB)
#define PIECE_BYTES	   256u

#define ADDRESS_LOW 4u /* the offset of the port whose write begins the transfer */

/* The control structure in guest memory; all its numbers are big-endian. */
struct fw_cfg_dma_access {
	u32 control;
	u32 length;
	u64 address;
} PACKED;
_Static_assert(sizeof(struct fw_cfg_dma_access) == 16, "docs/specs/fw_cfg, FWCfgDmaAccess");

static u32 fw_cfg_dma_next_offset(const struct fw_cfg *fw_cfg, u32 length)
{
	u32 offset = fw_cfg->state.offset;

	return length > ~0u - offset ? ~0u : offset + length;
}

/* Copies from the selected item into guest memory. Returns false if the guest has no RAM there. */
static bool fw_cfg_dma_read_item(struct fw_cfg *fw_cfg, u64 address, u32 length)
{
	u8 piece[PIECE_BYTES];
	u32 count;

	for (u32 done = 0; done < length; done += count) {
		u64 at;

		count = MIN(length - done, PIECE_BYTES);
		for (u32 i = 0; i < count; i++)
			piece[i] = fw_cfg_item_byte(fw_cfg, fw_cfg->state.key,
						    fw_cfg_dma_next_offset(fw_cfg, i));
		if (__builtin_add_overflow(address, done, &at) ||
		    !guest_memory_write(fw_cfg->memory, GPA(at), piece, count))
			return false;
		fw_cfg->state.offset = fw_cfg_dma_next_offset(fw_cfg, count);
	}
	return true;
}

/*
 * Carries out a control structure: selects an item, and reads or skips bytes of it; items cannot be
 * written. Returns whether that has worked.
 */
static bool fw_cfg_dma_do(struct fw_cfg *fw_cfg, const struct fw_cfg_dma_access *access)
{
	u32 control = __builtin_bswap32(access->control);
	u32 length = __builtin_bswap32(access->length);

	if ((control & CONTROL_SELECT) != 0) {
		fw_cfg->state.key = (u16)(control >> CONTROL_KEY_SHIFT);
		fw_cfg->state.offset = 0;
	}
	if ((control & CONTROL_READ) != 0)
		return length <= TRANSFER_BYTES_MAX &&
		       fw_cfg_dma_read_item(fw_cfg, __builtin_bswap64(access->address), length);
	if ((control & CONTROL_WRITE) != 0)
		return false;
	if ((control & CONTROL_SKIP) != 0)
		fw_cfg->state.offset = fw_cfg_dma_next_offset(fw_cfg, length);
	return true;
}

static void fw_cfg_dma_run(struct fw_cfg *fw_cfg, u64 at)
{
	struct fw_cfg_dma_access access;
	u32 result;

	if (!guest_memory_read(fw_cfg->memory, GPA(at), &access, sizeof(access)))
		return;
	result = fw_cfg_dma_do(fw_cfg, &access) ? 0 : __builtin_bswap32(CONTROL_ERROR);
	(void)!guest_memory_write(fw_cfg->memory, GPA(at), &result, sizeof(result));
}

/* Reads the DMA port's signature, by which a guest's driver may see that there is DMA. */
static u64 fw_cfg_dma_read(struct device *device, u32 region, u64 offset, u32 size)
{
	static const u8 signature[FW_CFG_DMA_PORTS] = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};
	u64 value = 0;

	(void)device, (void)region;
	memcpy(&value, signature + offset, size);
	return value;
}

static void fw_cfg_dma_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct fw_cfg *fw_cfg = CONTAINER_OF(device, struct fw_cfg, dma);
	u32 half = __builtin_bswap32((u32)value);

	(void)region;
	if (size != 4)
		return;
	if (offset == 0)
		fw_cfg->dma_state.address_high = half;
	if (offset != ADDRESS_LOW)
		return;
	value = (u64)fw_cfg->dma_state.address_high << 32 | half;
	fw_cfg->dma_state.address_high = 0;
	fw_cfg_dma_run(fw_cfg, value);
}

static void fw_cfg_dma_reset(struct device *device)
{
	struct fw_cfg_dma_state *state = device->state;

	*state = (struct fw_cfg_dma_state){0};
}

/* Accepts any address of a control structure: it is checked when it is used. */
static bool fw_cfg_dma_valid(const void *bytes)
{
	(void)bytes;
	return true;
}

static const struct device_region fw_cfg_dma_regions[] = {
	{DEVICE_PORTS, FW_CFG_DMA_PORT, FW_CFG_DMA_PORTS},
};

static const struct device_ops fw_cfg_dma_ops = {
	.widest = 4,
	.read = fw_cfg_dma_read,
	.write = fw_cfg_dma_write,
	.reset = fw_cfg_dma_reset,
	.valid = fw_cfg_dma_valid,
};

enum status fw_cfg_dma_attach(struct platform *platform, const struct platform_config *config,
			      struct fw_cfg *fw_cfg)
{
	fw_cfg->memory = config->memory;
	fw_cfg->dma = (struct device){
		.name = "fw_cfg_dma",
		.ops = &fw_cfg_dma_ops,
		.regions = fw_cfg_dma_regions,
		.region_count = ARRAY_COUNT(fw_cfg_dma_regions),
		.state = &fw_cfg->dma_state,
		.state_bytes = sizeof(fw_cfg->dma_state),
		.kind = STATE_FW_CFG_DMA,
		.version = 1,
	};
	return platform_add(platform, &fw_cfg->dma);
}
