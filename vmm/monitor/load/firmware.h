/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A PC's firmware, BIOS or UEFI, from which a guest starts instead of a kernel: the sizes it may
 * have, its files, and how it is loaded.
 */
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/load/boot_order.h"
#include "vmm/monitor/load/load.h"
#include "vmm/monitor/load/smbios.h"
#include "vmm/monitor/load/table_loader.h"
#include "vmm/monitor/memory/layout.h"

/*
 * The size of a BIOS, all of which lies below 4 GiB, and again below 1 MiB, where there is room for
 * 256 KiB.
 */
#define FIRMWARE_BYTES_MIN (64 * KIB)
#define FIRMWARE_BYTES_MAX (256 * KIB)
/* The size of UEFI firmware, which lies below 4 GiB only. */
#define FIRMWARE_UEFI_BYTES_MIN (1 * MIB)
#define FIRMWARE_UEFI_BYTES_MAX (8 * MIB)

/* An entry of the file etc/e820, by which the firmware learns the memory map. */
struct firmware_e820 {
	u64 start;
	u64 length;
	u32 type;
} PACKED;
_Static_assert(sizeof(struct firmware_e820) == 20, "ACPI 6.4, table 15.2");

#define FIRMWARE_E820_MAX 4u
#define FIRMWARE_FILES	  10u

/*
 * What a VM that starts by firmware has besides the ROM: the files that the firmware reads by
 * fw_cfg. These files depend on the VM's configuration alone. Only the order of boot changes, at
 * the guest's second start.
 */
struct firmware {
	u8 tables[LAYOUT_RSDP - LAYOUT_ACPI];
	u8 rsdp[PAGE_SIZE];
	struct table_loader loader;
	struct firmware_e820 e820[FIRMWARE_E820_MAX];
	u16 serial_port;
	u32 fail_wait_ms;
	u32 menu_wait_ms;
	struct smbios smbios;
	struct boot_order boot_order;
	u32 file_count;
	struct fw_cfg_file file[FIRMWARE_FILES];
};

/*
 * Returns whether the file may be a PC's BIOS or, with job->uefi, UEFI firmware: it has a possible
 * size, and a BIOS a jump, UEFI firmware any code, where the processor begins. If not, job->error
 * gives the reason.
 */
bool firmware_check(struct load_job *job);
/* Makes the firmware's files for the VM that `job` describes, with `devices` to boot from. */
void firmware_prepare(struct firmware *firmware, const struct load_job *job,
		      const struct firmware_settings *settings, const struct boot_devices *devices);
/*
 * Copies the firmware below 4 GiB and, a BIOS, below 1 MiB, and sets the first vCPU's registers as
 * RESET does.
 */
bool firmware_load(struct load_job *job);
