/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* ACPI specification 6.5, chapter 5. All numbers are little-endian, nothing is aligned. */

#define ACPI_RSDP_SIGNATURE "RSD PTR "
#define ACPI_RSDP_V1_BYTES  20u /* what the first checksum covers */

struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem_id[6];
	u8 revision; /* 0: ACPI 1.0, only the first 20 bytes are there */
	u32 rsdt_address;
	u32 length;
	u64 xsdt_address;
	u8 extended_checksum;
	u8 reserved[3];
} PACKED;
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");
_Static_assert(offsetof(struct acpi_rsdp, xsdt_address) == 24, "ACPI 5.2.5.3");

struct acpi_header {
	char signature[4];
	u32 length; /* of the whole table */
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} PACKED;
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

/* Generic address structure, ACPI 5.2.3.2 */
enum acpi_address_space {
	ACPI_SPACE_MEMORY = 0,
	ACPI_SPACE_IO = 1,
};

struct acpi_address {
	u8 space;
	u8 bit_width;
	u8 bit_offset;
	u8 access_size; /* 0 undefined, 1 byte, 2 word, 3 dword, 4 qword */
	u64 address;
} PACKED;
_Static_assert(sizeof(struct acpi_address) == 12, "ACPI 5.2.3.2");

/* Multiple APIC description table, ACPI 5.2.12; entries follow */
struct acpi_madt {
	struct acpi_header header; /* "APIC" */
	u32 lapic_address;
	u32 flags;
} PACKED;
_Static_assert(sizeof(struct acpi_madt) == 44, "ACPI 5.2.12");
#define ACPI_MADT_PCAT_COMPAT (1u << 0) /* there are two 8259s as well */

enum acpi_madt_type {
	ACPI_MADT_LAPIC = 0,
	ACPI_MADT_IOAPIC = 1,
	ACPI_MADT_OVERRIDE = 2,
	ACPI_MADT_LAPIC_NMI = 4,
	ACPI_MADT_LAPIC_ADDRESS = 5,
	ACPI_MADT_X2APIC = 9,
};

struct acpi_madt_entry {
	u8 type;
	u8 length;
} PACKED;

#define ACPI_CPU_ENABLED	(1u << 0)

struct acpi_madt_lapic {
	struct acpi_madt_entry entry;
	u8 processor_uid;
	u8 apic_id;
	u32 flags;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic) == 8, "ACPI 5.2.12.2");

struct acpi_madt_ioapic {
	struct acpi_madt_entry entry;
	u8 ioapic_id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_ioapic) == 12, "ACPI 5.2.12.3");

/* Polarity and trigger of an ISA interrupt or NMI, ACPI table 5.26 */
#define ACPI_INTI_POLARITY    0x3u
#define ACPI_INTI_ACTIVE_HIGH 0x1u
#define ACPI_INTI_ACTIVE_LOW  0x3u
#define ACPI_INTI_TRIGGER     0xcu
#define ACPI_INTI_LEVEL	      0xcu

struct acpi_madt_override {
	struct acpi_madt_entry entry;
	u8 bus; /* 0: ISA */
	u8 source;
	u32 gsi;
	u16 flags;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_override) == 10, "ACPI 5.2.12.5");

struct acpi_madt_lapic_nmi {
	struct acpi_madt_entry entry;
	u8 processor_uid; /* 0xff: all */
	u16 flags;
	u8 lint;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic_nmi) == 6, "ACPI 5.2.12.7");

struct acpi_madt_lapic_address {
	struct acpi_madt_entry entry;
	u16 reserved;
	u64 address;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_lapic_address) == 12, "ACPI 5.2.12.8");

struct acpi_madt_x2apic {
	struct acpi_madt_entry entry;
	u16 reserved;
	u32 x2apic_id;
	u32 flags;
	u32 processor_uid;
} PACKED;
_Static_assert(sizeof(struct acpi_madt_x2apic) == 16, "ACPI 5.2.12.12");

/* System resource affinity table, ACPI 5.2.16; entries follow, with type and length as above */
struct acpi_srat {
	struct acpi_header header; /* "SRAT" */
	u8 reserved[12];
} PACKED;
_Static_assert(sizeof(struct acpi_srat) == 48, "ACPI 5.2.16");

enum acpi_srat_type {
	ACPI_SRAT_LAPIC = 0,
	ACPI_SRAT_MEMORY = 1,
	ACPI_SRAT_X2APIC = 2,
};

#define ACPI_SRAT_ENABLED (1u << 0)

struct acpi_srat_lapic {
	struct acpi_madt_entry entry;
	u8 domain_low;
	u8 apic_id;
	u32 flags;
	u8 sapic_eid;
	u8 domain_high[3];
	u32 clock_domain;
} PACKED;
_Static_assert(sizeof(struct acpi_srat_lapic) == 16, "ACPI 5.2.16.1");

struct acpi_srat_memory {
	struct acpi_madt_entry entry;
	u32 domain;
	u16 reserved0;
	u64 base;
	u64 length;
	u32 reserved1;
	u32 flags;
	u64 reserved2;
} PACKED;
_Static_assert(sizeof(struct acpi_srat_memory) == 40, "ACPI 5.2.16.2");

struct acpi_srat_x2apic {
	struct acpi_madt_entry entry;
	u16 reserved0;
	u32 domain;
	u32 x2apic_id;
	u32 flags;
	u32 clock_domain;
	u32 reserved1;
} PACKED;
_Static_assert(sizeof(struct acpi_srat_x2apic) == 24, "ACPI 5.2.16.3");

/* PCI Express memory-mapped configuration: PCI Firmware 3.0, 4.1.2; entries follow */
struct acpi_mcfg {
	struct acpi_header header; /* "MCFG" */
	u8 reserved[8];
} PACKED;
_Static_assert(sizeof(struct acpi_mcfg) == 44, "PCI Firmware 3.0, table 4-2");

struct acpi_mcfg_entry {
	u64 base; /* of bus 0, even if that is not among them */
	u16 segment;
	u8 first_bus;
	u8 last_bus;
	u32 reserved;
} PACKED;
_Static_assert(sizeof(struct acpi_mcfg_entry) == 16, "PCI Firmware 3.0, table 4-3");

/* Fixed ACPI description table, ACPI 5.2.9 */
struct acpi_fadt {
	struct acpi_header header; /* "FACP" */
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

/* FADT flags, ACPI table 5.10 */
enum acpi_fadt_flag {
	ACPI_FADT_WBINVD = 1 << 0,
	ACPI_FADT_PROC_C1 = 1 << 2,
	ACPI_FADT_PWR_BUTTON = 1 << 4, /* set: a control-method button or none */
	ACPI_FADT_SLP_BUTTON = 1 << 5, /* likewise */
	ACPI_FADT_FIX_RTC = 1 << 6,
	ACPI_FADT_TMR_VAL_EXT = 1 << 8, /* PM timer has 32 bits */
	ACPI_FADT_RESET_REG_SUP = 1 << 10,
	ACPI_FADT_HEADLESS = 1 << 12,
	ACPI_FADT_HW_REDUCED = 1 << 20,
};

/* IAPC boot architecture flags, ACPI table 5.11 */
enum acpi_iapc_boot_arch {
	ACPI_BOOT_LEGACY_DEVICES = 1 << 0,
	ACPI_BOOT_NO_VGA = 1 << 2,
};

/* PM1 event block: status, then enable, each half of it (ACPI 4.8.3.1) */
enum acpi_pm1_event {
	ACPI_PM1_TMR = 1 << 0,
	ACPI_PM1_BM = 1 << 4,
	ACPI_PM1_GBL = 1 << 5,
	ACPI_PM1_PWRBTN = 1 << 8,
	ACPI_PM1_SLPBTN = 1 << 9,
	ACPI_PM1_RTC = 1 << 10,
	ACPI_PM1_WAK = 1 << 15, /* status only */
};

/* PM1 control (ACPI 4.8.3.2) */
enum acpi_pm1_control {
	ACPI_PM1_SCI_EN = 1 << 0,
	ACPI_PM1_BM_RLD = 1 << 1,
	ACPI_PM1_SLP_TYP_SHIFT = 10,
	ACPI_PM1_SLP_TYP = 0x7 << 10,
	ACPI_PM1_SLP_EN = 1 << 13,
};

#define ACPI_PM_TIMER_HZ 3579545u

/* Firmware ACPI control structure, ACPI 5.2.10; 64-byte aligned, no checksum */
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

/* IA-PC HPET specification 1.0a, 3.2.4 */
struct acpi_hpet {
	struct acpi_header header; /* "HPET" */
	u32 block_id;		   /* bits 31:0 of the general capabilities */
	struct acpi_address address;
	u8 number;
	u16 minimum_tick; /* counts: of a period that loses no interrupts */
	u8 page_protection;
} PACKED;
_Static_assert(sizeof(struct acpi_hpet) == 56, "HPET 3.2.4");

/* DMA remapping, VT-d 4.1, 8.1; structures follow, each with a type and a length of 16 bits */
struct acpi_dmar {
	struct acpi_header header; /* "DMAR" */
	u8 address_width;	   /* minus 1 */
	u8 flags;
	u8 reserved[10];
} PACKED;
_Static_assert(sizeof(struct acpi_dmar) == 48, "VT-d 8.1");

enum acpi_dmar_type {
	ACPI_DMAR_UNIT = 0,
	ACPI_DMAR_RESERVED = 1,
};

struct acpi_dmar_entry {
	u16 type;
	u16 length;
} PACKED;

#define ACPI_DMAR_REMAP (1u << 0) /* the table's: interrupts may be remapped */
#define ACPI_DMAR_ALL (1u << 0) /* the unit has all of the segment that no other has */

/* Scopes follow */
struct acpi_dmar_unit {
	struct acpi_dmar_entry entry;
	u8 flags;
	u8 size;
	u16 segment;
	u64 registers;
} PACKED;
_Static_assert(sizeof(struct acpi_dmar_unit) == 16, "VT-d 8.3");

/* Scopes follow */
struct acpi_dmar_reserved {
	struct acpi_dmar_entry entry;
	u16 reserved;
	u16 segment;
	u64 base;
	u64 last;
} PACKED;
_Static_assert(sizeof(struct acpi_dmar_reserved) == 24, "VT-d 8.4");

enum acpi_dmar_scope_type {
	ACPI_DMAR_FUNCTION = 1,
	ACPI_DMAR_BRIDGE = 2, /* and all behind it */
	ACPI_DMAR_IOAPIC = 3, /* with its id in the MADT */
};

/* Pairs of device and function follow, from the bus on down */
struct acpi_dmar_scope {
	u8 type;
	u8 length;
	u16 reserved;
	u8 enumeration;
	u8 bus;
} PACKED;
_Static_assert(sizeof(struct acpi_dmar_scope) == 6, "VT-d 8.3.1");

/* I/O virtualization reporting, AMD IOMMU 3.10, 5.2; blocks follow */
struct acpi_ivrs {
	struct acpi_header header; /* "IVRS" */
	u32 info;
	u8 reserved[8];
} PACKED;
_Static_assert(sizeof(struct acpi_ivrs) == 48, "AMD IOMMU 5.2.1");

enum acpi_ivrs_type {
	ACPI_IVRS_UNIT = 0x10,
	ACPI_IVRS_UNIT_WIDE = 0x11,
	ACPI_IVRS_UNIT_NAMED = 0x40,
	ACPI_IVRS_MEMORY_ALL = 0x20,
	ACPI_IVRS_MEMORY = 0x21,
	ACPI_IVRS_MEMORY_RANGE = 0x22,
};

struct acpi_ivrs_block {
	u8 type;
	u8 flags;
	u16 length;
	u16 device;
} PACKED;

#define ACPI_IVRS_UNIT_BYTES 24u /* then its entries; 16 more in the other two types */
struct acpi_ivrs_unit {
	struct acpi_ivrs_block block;
	u16 capability;
	u64 registers;
	u16 segment;
	u16 info;
	u32 features;
} PACKED;
_Static_assert(sizeof(struct acpi_ivrs_unit) == ACPI_IVRS_UNIT_BYTES, "AMD IOMMU 5.2.2.1");

/* The first two bits of an entry's type say how long it is: 4, 8, 16 or 32 bytes. */
enum acpi_ivrs_device {
	ACPI_IVRS_ALL = 1,
	ACPI_IVRS_ONE = 2,
	ACPI_IVRS_FIRST = 3,
	ACPI_IVRS_LAST = 4,
	ACPI_IVRS_ALIAS_ONE = 0x42,
	ACPI_IVRS_ALIAS_FIRST = 0x43,
	ACPI_IVRS_EXTENDED_ONE = 0x46,
	ACPI_IVRS_EXTENDED_FIRST = 0x47,
	ACPI_IVRS_SPECIAL = 0x48, /* its id in the MADT in byte 4, requester in 5, kind in 7 */
	ACPI_IVRS_NAMED = 0xf0, /* its length is in byte 21, beside 22 */
};

#define ACPI_IVRS_SPECIAL_IOAPIC 1u

struct acpi_ivrs_memory {
	struct acpi_ivrs_block block;
	u16 last; /* of a range of devices */
	u8 reserved[8];
	u64 base;
	u64 bytes;
} PACKED;
_Static_assert(sizeof(struct acpi_ivrs_memory) == 32, "AMD IOMMU 5.2.2.7");
