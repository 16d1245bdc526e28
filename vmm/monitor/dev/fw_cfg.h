/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

/* the port to which the guest writes an item's key: 16 bits, little-endian */
#define FW_CFG_SELECTOR_PORT 0x510u
#define FW_CFG_DATA_PORT     0x511u /* the port from which the bytes of an item are read */

enum fw_cfg_key {
	FW_CFG_SIGNATURE = 0x00,
	FW_CFG_ID = 0x01,
	FW_CFG_RAM_SIZE = 0x03,
	FW_CFG_CPU_COUNT = 0x05,
	FW_CFG_BOOT_MENU = 0x0e,
	FW_CFG_CPU_MAX = 0x0f,
	FW_CFG_DIRECTORY = 0x19,
	FW_CFG_FILE_FIRST = 0x20,
};

/* the port for the address of a DMA's control structure: 64 bits, big-endian */
#define FW_CFG_DMA_PORT	 0x514u
#define FW_CFG_DMA_PORTS 8u

#define FW_CFG_FILE_MAX	  12
#define FW_CFG_NAME_BYTES 56

struct fw_cfg_file {
	char name[FW_CFG_NAME_BYTES]; /* the file's name, terminated by 0 */
	const u8 *bytes; /* the file's content, which its owner keeps as long as the device lives */
	u32 size_bytes;
};

struct fw_cfg_state {
	u32 offset; /* offset of the next byte in the selected item */
	u16 key;
	u16 reserved;
};

struct fw_cfg_dma_state {
	u32 address_high;
	u32 reserved;
};

/*
 * QEMU's firmware configuration device (docs/specs/fw_cfg): the traditional interface, and DMA for
 * VMs that start by firmware.
 */
struct fw_cfg {
	struct device device;
	struct fw_cfg_state state;
	u64 ram_bytes;
	u32 cpu_count;
	u32 file_count;
	bool boot_menu;
	struct fw_cfg_file file[FW_CFG_FILE_MAX];
	/* guest memory, for the DMA interface; NULL: there is no such interface */
	const struct guest_memory *memory;
	struct device dma;
	struct fw_cfg_dma_state dma_state;
};

enum status fw_cfg_attach(struct platform *platform,
			  const struct platform_config *config) MUST_CHECK;
/*
 * Adds a file, which guests can read, to the device's directory. Returns false if the directory is
 * full or the name too long.
 */
bool fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const u8 *bytes,
		     u32 size_bytes) MUST_CHECK;
/* Returns byte `offset` of the item with that key; 0 past the item's end. */
u8 fw_cfg_item_byte(const struct fw_cfg *fw_cfg, u32 key, u32 offset);
/* fw_cfg_dma.c: adds the DMA interface. */
enum status fw_cfg_dma_attach(struct platform *platform, const struct platform_config *config,
			      struct fw_cfg *fw_cfg) MUST_CHECK;
