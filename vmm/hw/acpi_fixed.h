/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/acpi.h"

/* ACPI tables of a PC's fixed devices: ACPI specification 6.5, chapters 4 and 5. */

/* Generic address structure, ACPI 5.2.3.2. */
enum acpi_address_space {
	ACPI_SPACE_MEMORY = 0,
	ACPI_SPACE_IO = 1,
};

struct acpi_address {
	u8 space;
	u8 bit_width;
	u8 bit_offset;
	u8 access_size; /* width of an access: 0 undefined, 1 byte, 2 word, 3 dword, 4 qword */
	u64 address;
} PACKED;
_Static_assert(sizeof(struct acpi_address) == 12, "ACPI 5.2.3.2");

/* PCI Express memory-mapped configuration: PCI Firmware 3.0, 4.1.2; entries follow. */
struct acpi_mcfg {
	struct acpi_header header; /* signature "MCFG" */
	u8 reserved[8];
} PACKED;
_Static_assert(sizeof(struct acpi_mcfg) == 44, "PCI Firmware 3.0, table 4-2");

struct acpi_mcfg_entry {
	/* the address of bus 0's configuration space, even if bus 0 is not in the range */
	u64 base;
	u16 segment;
	u8 first_bus;
	u8 last_bus;
	u32 reserved;
} PACKED;
_Static_assert(sizeof(struct acpi_mcfg_entry) == 16, "PCI Firmware 3.0, table 4-3");

/* Fixed ACPI description table, ACPI 5.2.9. */
struct acpi_fadt {
	struct acpi_header header; /* signature "FACP" */
	u32 firmware_ctrl;
	u32 dsdt;
	u8 reserved1;
	u8 preferred_pm_profile;
	u16 sci_int;
	u32 smi_cmd;
	u8 acpi_enable;
	u8 acpi_disable;
	u8 s4bios_req;
	u8 pstate_cnt;
	u32 pm1a_evt_blk;
	u32 pm1b_evt_blk;
	u32 pm1a_cnt_blk;
	u32 pm1b_cnt_blk;
	u32 pm2_cnt_blk;
	u32 pm_tmr_blk;
	u32 gpe0_blk;
	u32 gpe1_blk;
	u8 pm1_evt_len;
	u8 pm1_cnt_len;
	u8 pm2_cnt_len;
	u8 pm_tmr_len;
	u8 gpe0_blk_len;
	u8 gpe1_blk_len;
	u8 gpe1_base;
	u8 cst_cnt;
	u16 p_lvl2_lat;
	u16 p_lvl3_lat;
	u16 flush_size;
	u16 flush_stride;
	u8 duty_offset;
	u8 duty_width;
	u8 day_alrm;
	u8 mon_alrm;
	u8 century;
	u16 iapc_boot_arch;
	u8 reserved2;
	u32 flags;
	struct acpi_address reset_reg;
	u8 reset_value;
	u16 arm_boot_arch;
	u8 minor_version;
	u64 x_firmware_ctrl;
	u64 x_dsdt;
	struct acpi_address x_pm1a_evt_blk;
	struct acpi_address x_pm1b_evt_blk;
	struct acpi_address x_pm1a_cnt_blk;
	struct acpi_address x_pm1b_cnt_blk;
	struct acpi_address x_pm2_cnt_blk;
	struct acpi_address x_pm_tmr_blk;
	struct acpi_address x_gpe0_blk;
	struct acpi_address x_gpe1_blk;
	struct acpi_address sleep_control_reg;
	struct acpi_address sleep_status_reg;
	u64 hypervisor_vendor;
} PACKED;
_Static_assert(offsetof(struct acpi_fadt, pm_tmr_blk) == 76, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, iapc_boot_arch) == 109, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, flags) == 112, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, sleep_control_reg) == 244, "ACPI 5.2.9");
_Static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 5.2.9");

/* FADT flags, ACPI table 5.10. */
enum acpi_fadt_flag {
	ACPI_FADT_WBINVD = 1 << 0,
	ACPI_FADT_PROC_C1 = 1 << 2,
	/* set: the power button is a control method, or there is none */
	ACPI_FADT_PWR_BUTTON = 1 << 4,
	/* set: the sleep button is a control method, or there is none */
	ACPI_FADT_SLP_BUTTON = 1 << 5,
	ACPI_FADT_FIX_RTC = 1 << 6,	/* set: an alarm of the RTC does not show in PM1 */
	ACPI_FADT_TMR_VAL_EXT = 1 << 8, /* the PM timer has 32 bits */
	ACPI_FADT_RESET_REG_SUP = 1 << 10,
	ACPI_FADT_HEADLESS = 1 << 12,
	ACPI_FADT_HW_REDUCED = 1 << 20,
};

/* IAPC boot architecture flags, ACPI table 5.11. */
enum acpi_iapc_boot_arch {
	ACPI_BOOT_LEGACY_DEVICES = 1 << 0,
	ACPI_BOOT_NO_VGA = 1 << 2,
};

/*
 * Bits of the PM1 event block, whose first half is status, its second half enable (ACPI 4.8.3.1).
 */
enum acpi_pm1_event {
	ACPI_PM1_TMR = 1 << 0,
	ACPI_PM1_BM = 1 << 4,
	ACPI_PM1_GBL = 1 << 5,
	ACPI_PM1_PWRBTN = 1 << 8,
	ACPI_PM1_SLPBTN = 1 << 9,
	ACPI_PM1_RTC = 1 << 10,
	ACPI_PM1_WAK = 1 << 15, /* a bit of the status half only */
};

/* PM1 control register (ACPI 4.8.3.2). */
enum acpi_pm1_control {
	ACPI_PM1_SCI_EN = 1 << 0,
	ACPI_PM1_BM_RLD = 1 << 1,
	ACPI_PM1_SLP_TYP_SHIFT = 10,
	ACPI_PM1_SLP_TYP = 0x7 << 10,
	ACPI_PM1_SLP_EN = 1 << 13,
};

#define ACPI_PM_TIMER_HZ 3579545u

/* Firmware ACPI control structure, ACPI 5.2.10; aligned to 64 bytes, without a checksum. */
struct acpi_facs {
	char signature[4]; /* "FACS" */
	u32 length;
	u32 hardware_signature;
	u32 firmware_waking_vector;
	u32 global_lock;
	u32 flags;
	u64 x_firmware_waking_vector;
	u8 version;
	u8 reserved0[3];
	u32 ospm_flags;
	u8 reserved1[24];
} PACKED;
_Static_assert(sizeof(struct acpi_facs) == 64, "ACPI 5.2.10");

/* HPET description table: IA-PC HPET specification 1.0a, 3.2.4. */
struct acpi_hpet {
	struct acpi_header header; /* signature "HPET" */
	u32 block_id;		   /* bits 31:0 of the HPET's general capabilities */
	struct acpi_address address;
	u8 number;
	u16 minimum_tick; /* the shortest period, in counts, that loses no interrupts */
	u8 page_protection;
} PACKED;
_Static_assert(sizeof(struct acpi_hpet) == 56, "HPET 3.2.4");
