/* SPDX-License-Identifier: MIT */
/*
 * Counts the pages that a VM of a configuration takes. Called by vm_build_check.c and, for the most
 * that a VM may be given, by vm_overcommit.c. Holds no state.
 */
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/vm/memory/vm_build_pages.h"

/*
 * The cost of a VM besides its RAM: second-stage tables and the monitor's view of the RAM (each at
 * most RAM / 512 and a few pages), the monitor's own memory and its vCPUs' control pages. A balloon
 * splits the blocks of 2 MiB of the RAM: each then needs a page of slots for its small pages.
 */
#define OVERHEAD_RAM_SHARE  128u
#define OVERHEAD_SLOT_SHARE 512u
#define OVERHEAD_PAGES	    512u
#define OVERHEAD_VCPU_PAGES 64u
/* pages for the firmware's ROM, and the files that the firmware reads */
#define FIRMWARE_PAGES 128u
/* 8 MiB of ROM, and 1 MiB of the firmware's variables, of which each saved state has a copy */
#define FIRMWARE_UEFI_PAGES 2816u
/* the drive for cloud-init, and its two CDs (with and without the secret) of 256 KiB at most */
#define SEED_PAGES  320u
#define VSOCK_PAGES (VSOCK_BYTES / PAGE_SIZE + 8u)

/*
 * tables of a window's mappings, and the state to which the monitor goes back on request
 */
#define WINDOW_PAGES 128u

u64 vm_build_pages(const struct vm_config *config)
{
	u64 ram = config->memory_bytes / PAGE_SIZE;

	return ram + ram / OVERHEAD_RAM_SHARE + OVERHEAD_PAGES +
	       (config->balloon ? ram / OVERHEAD_SLOT_SHARE : 0) +
	       (config->boot != BOOT_KERNEL ? FIRMWARE_PAGES : 0) +
	       (config->boot == BOOT_UEFI ? FIRMWARE_UEFI_PAGES : 0) +
	       (config->seed[0] != '\0' ? SEED_PAGES : 0) + (config->vsock ? VSOCK_PAGES : 0) +
	       (config->window[0] != '\0' ? WINDOW_PAGES + config->vcpus * 2 : 0) +
	       config->vcpus * OVERHEAD_VCPU_PAGES + disk_pages(config) + net_pages(config);
}
