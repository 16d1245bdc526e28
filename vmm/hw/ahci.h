/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/ata.h"

/* AHCI 1.3.1: registers of an HBA, which lie behind BAR 5, and its structures in memory. */
#define AHCI_BAR   5u
#define AHCI_PORTS 32u
#define AHCI_SLOTS 32u

/* Registers of the HBA's generic host control (AHCI, 3.1). */
enum ahci_register {
	AHCI_CAP = 0x00,
	AHCI_GHC = 0x04,
	/* a bit for each port that interrupts; cleared by writing 1, after the port's own status */
	AHCI_IS = 0x08,
	AHCI_PI = 0x0c, /* a bit for each port that exists */
	AHCI_VS = 0x10,
	AHCI_CAP2 = 0x24,
	AHCI_BOHC = 0x28,
	AHCI_FIRST_PORT = 0x100,
};
#define AHCI_PORT_BYTES	     0x80u
#define AHCI_CAP_SLOTS	     BITS(12, 8) /* number of command slots, minus one */
#define AHCI_CAP_SLOTS_SHIFT 8u
#define AHCI_CAP_STAGGERED   BIT(27)
#define AHCI_CAP_QUEUED	     BIT(30) /* the HBA can queue commands (NCQ) */
#define AHCI_CAP_64	     BIT(31)
#define AHCI_GHC_RESET	     BIT(0)
#define AHCI_GHC_INTERRUPTS  BIT(1)
#define AHCI_GHC_ENABLE	     BIT(31)
#define AHCI_CAP2_HAND_OFF   BIT(0)
#define AHCI_BOHC_BIOS	     BIT(0)
#define AHCI_BOHC_OS	     BIT(1)
#define AHCI_BOHC_BUSY	     BIT(4)

/* Registers of each port (AHCI, 3.3). */
enum ahci_port_register {
	/* host-physical address of the command list; this register and the next have 64 bits */
	AHCI_PORT_LIST = 0x00,
	AHCI_PORT_FIS = 0x08,
	AHCI_PORT_IS = 0x10,
	AHCI_PORT_IE = 0x14,
	AHCI_PORT_COMMAND = 0x18,
	AHCI_PORT_TASK = 0x20, /* bits 7:0 are the disk's status (ATA_STATUS_...) */
	AHCI_PORT_SIGNATURE = 0x24,
	AHCI_PORT_STATUS = 0x28,
	AHCI_PORT_CONTROL = 0x2c,
	AHCI_PORT_ERROR = 0x30,
	/* a bit for each command slot whose queued command has not ended */
	AHCI_PORT_ACTIVE = 0x34,
	/*
	 * a bit for each command slot whose command was not sent to the disk yet, or, if it is not
	 * a queued one, has not ended
	 */
	AHCI_PORT_ISSUE = 0x38,
};
#define AHCI_COMMAND_START    BIT(0)
#define AHCI_COMMAND_SPIN_UP  BIT(1)
#define AHCI_COMMAND_POWER    BIT(2)
#define AHCI_COMMAND_FIS      BIT(4)
#define AHCI_COMMAND_FIS_RUNS BIT(14)
#define AHCI_COMMAND_RUNS     BIT(15)
/* value of the field of power states that wakes the interface up */
#define AHCI_COMMAND_ACTIVE BIT(28)
/* Interrupts, in AHCI_PORT_IS and AHCI_PORT_IE. */
/* a FIS of one of four kinds was received; each command ends with one of them */
#define AHCI_INT_ENDED	   BITS(3, 0)
#define AHCI_INT_OVERFLOW  BIT(24)
#define AHCI_INT_INTERFACE BIT(27)
#define AHCI_INT_HOST_DATA BIT(28)
#define AHCI_INT_HOST	   BIT(29)
#define AHCI_INT_TASK	   BIT(30)
/* The interrupts after which the port has stopped working on commands. */
/* clang-format off */
#define AHCI_INT_FATAL                                                                             \
	(AHCI_INT_INTERFACE | AHCI_INT_HOST_DATA | AHCI_INT_HOST | AHCI_INT_TASK)
#define AHCI_STATUS_DETECT	 BITS(3, 0)
#define AHCI_STATUS_PRESENT	 3u /* a device is present, and communication is established */
/* resets the controller; the bit has to stay set for 1 ms at least */
#define AHCI_CONTROL_RESET	 1u
#define AHCI_CONTROL_NO_SLEEP	 0x300u
#define AHCI_SIGNATURE_DISK	 0x00000101u
#define AHCI_SIGNATURE_PACKET	 0xeb140101u
/* clang-format on */
#define AHCI_SIGNATURE_MULTIPLIER 0x96690101u

/*
 * An entry of a port's command list (AHCI, 4.2.2). The list has AHCI_SLOTS entries and is aligned
 * to 1 KiB.
 */
struct ahci_header {
	u16 flags;
	u16 regions;
	u32 done_bytes; /* bytes of data moved, written by the HBA; not valid for queued commands */
	u64 table;	/* the command table's host-physical address, a multiple of 128 */
	u32 reserved[4];
};
_Static_assert(sizeof(struct ahci_header) == 32, "4.2.2");
#define AHCI_HEADER_FIS_WORDS 5u
#define AHCI_HEADER_WRITE     BIT(6)
/* size and alignment of the area for received FISes (AHCI, 4.2.1) */
#define AHCI_FIS_BYTES 256u

/* Register FIS from host to device, which carries a command (Serial ATA 3.0, 10.3.4). */
struct ahci_fis {
	u8 type;
	u8 flags;
	u8 command;
	u8 features;
	u8 lba_low[3];
	u8 device;
	u8 lba_high[3];
	u8 features_high;
	u8 count;
	u8 count_high;
	u8 reserved;
	u8 control;
	u8 reserved_2[4];
};
_Static_assert(sizeof(struct ahci_fis) == 4 * AHCI_HEADER_FIS_WORDS, "five words");
#define AHCI_FIS_TO_DEVICE  0x27u
#define AHCI_FIS_IS_COMMAND BIT(7)
#define AHCI_DEVICE_LBA	    BIT(6)
/* position of the slot's number in the `count` of a queued command */
#define AHCI_TAG_SHIFT 3u

/* A region of memory for a command's data (AHCI, 4.2.3.3). */
struct ahci_region {
	u64 address;
	u32 reserved;
	u32 bytes; /* the region's size in bytes, which is even, minus one; 4 MiB at most */
};
_Static_assert(sizeof(struct ahci_region) == 16, "4.2.3.3");

/* Offset of the first region in a command table (AHCI, 4.2.3). */
#define AHCI_TABLE_REGIONS 0x80u
