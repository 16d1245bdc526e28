/* SPDX-License-Identifier: MIT */
#pragma once

/* The flash memory in which UEFI firmware keeps its variables. */
#include "lib/bits.h"
#include "vmm/hw/cfi_flash.h"
#include "vmm/monitor/bus/device.h"

/* The most bytes that a firmware's variables may have. */
#define FLASH_BYTES_MAX (1 * MIB)
#define FLASH_BLOCKS	(FLASH_BYTES_MAX / FLASH_BLOCK_BYTES)
#define FLASH_WORDS	(FLASH_BLOCKS / 64)

enum flash_mode {
	/* the guest's reads return the flash's content, which is mapped: they need no exit */
	FLASH_MODE_ARRAY,
	FLASH_MODE_STATUS, /* the guest's reads return the status register, as in the modes below */
	FLASH_MODE_PROGRAM,
	FLASH_MODE_ERASE,
	FLASH_MODE_COUNT
};

struct flash_state {
	u8 mode;   /* enum flash_mode */
	u8 status; /* the status register */
	u8 pad[6];
};

/*
 * The parts that the owner of a flash memory provides. The guest reads and executes `content` at
 * `base` while the flash is shown; it stays at its address as long as the VM lives.
 */
struct flash_config {
	u64 base;
	u64 bytes; /* the size of the flash: whole blocks, at most FLASH_BYTES_MAX */
	u8 *content;
	void *context;
	/*
	 * Maps `content` at `base` in the guest, for reads, or unmaps it; has no effect if it is in
	 * that state already.
	 */
	void (*show)(void *context, bool shown);
	/*
	 * Writes the blocks whose bits are set in `changed` to the owner's disk, all in one go, and
	 * clears these bits. Returns false, with the bits kept, if the disk does not take the
	 * blocks: they are written again along with the blocks that change next.
	 */
	bool (*keep)(void *context, u64 changed[FLASH_WORDS]);
};

/*
 * The part of a VM's firmware that the guest may write: registers, and the content, which has a
 * section of its own in a saved state (flash_content).
 */
struct flash {
	struct device device;
	struct device content_device;
	struct device_region region;
	struct flash_state state;
	struct flash_config config;
	/* a bit for each block of the content whose change is not on the owner's disk yet */
	u64 changed[FLASH_WORDS];
};

enum status flash_attach(struct platform *platform,
			 const struct platform_config *config) MUST_CHECK;
