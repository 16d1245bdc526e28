/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * Intel's gigabit cards: registers of the 8254x (PCI/PCI-X Family of Gigabit Ethernet Controllers
 * Software Developer's Manual, 13) and of the 82574 (its datasheet, 10), as offsets into BAR 0.
 * Both have every register whose name or comment does not say that only one has it.
 */
#define E1000_REGISTER_BYTES 0x6000u /* the size of the registers up to the last one used */

enum e1000_register {
	E1000_CTRL = 0x0000,
	E1000_STATUS = 0x0008,
	E1000_EERD = 0x0014,
	E1000_ICR = 0x00c0,
	E1000_ITR = 0x00c4,
	E1000_IMS = 0x00d0,
	E1000_IMC = 0x00d8,
	E1000_EIAC = 0x00dc, /* 82574 only */
	E1000_IAM = 0x00e0,  /* 82574 only */
	E1000_IVAR = 0x00e4, /* 82574 only */
	E1000_RCTL = 0x0100,
	E1000_TCTL = 0x0400,
	E1000_TIPG = 0x0410,
	E1000_RDBAL = 0x2800,
	E1000_RDBAH = 0x2804,
	E1000_RDLEN = 0x2808,
	E1000_RDH = 0x2810,
	E1000_RDT = 0x2818,
	E1000_RDTR = 0x2820,
	E1000_RADV = 0x282c,
	E1000_TDBAL = 0x3800,
	E1000_TDBAH = 0x3804,
	E1000_TDLEN = 0x3808,
	E1000_TDH = 0x3810,
	E1000_TDT = 0x3818,
	E1000_TIDV = 0x3820,
	E1000_TXDCTL = 0x3828,
	E1000_TADV = 0x382c,
	E1000_RXCSUM = 0x5000,
	E1000_RFCTL = 0x5008, /* 82574 only */
	E1000_RAL0 = 0x5400,
	E1000_RAH0 = 0x5404,
	E1000_WUC = 0x5800,
	E1000_MRQC = 0x5818, /* 82574 only */
};

/* EERD of the 8254x reads a word of the EEPROM. */
#define E1000_EERD_START      BIT(0)
#define E1000_EERD_DONE	      BIT(4)
#define E1000_EERD_WORD(word) ((u32)(word) << 8)
#define E1000_EERD_DATA	      16u /* lowest bit of the field with the EEPROM word that was read */

#define E1000_CTRL_FD	      BIT(0)
#define E1000_CTRL_MASTER_OFF BIT(2) /* 82574 only */
#define E1000_CTRL_LRST	      BIT(3) /* 8254x only */
#define E1000_CTRL_ASDE	      BIT(5)
#define E1000_CTRL_SLU	      BIT(6)
#define E1000_CTRL_ILOS	      BIT(7)
#define E1000_CTRL_FRCSPD     BIT(11)
#define E1000_CTRL_FRCDPX     BIT(12)
#define E1000_CTRL_RST	      BIT(26)
#define E1000_CTRL_VME	      BIT(30)
#define E1000_CTRL_PHY_RST    BIT(31)

#define E1000_STATUS_LU	   BIT(1)
#define E1000_STATUS_SPEED BITS(7, 6) /* the link's speed: 0: 10 Mbit/s, 1: 100, otherwise 1000 */

#define E1000_INT_TXDW	 BIT(0)
#define E1000_INT_LSC	 BIT(2)
#define E1000_INT_RXDMT0 BIT(4)
#define E1000_INT_RXO	 BIT(6)
#define E1000_INT_RXT0	 BIT(7)
/* Bits of the causes of interrupts of the 82574 by MSI-X. */
#define E1000_INT_RXQ0	BIT(20)
#define E1000_INT_TXQ0	BIT(22)
#define E1000_INT_OTHER BIT(24)

/*
 * Makes all causes of interrupts raise vector 0; each entry is marked valid (82574 datasheet,
 * 10.2.4.9).
 */
#define E1000_IVAR_ALL_0 0x88888u

#define E1000_RCTL_EN	 BIT(1)
#define E1000_RCTL_UPE	 BIT(3)
#define E1000_RCTL_MPE	 BIT(4)
#define E1000_RCTL_LPE	 BIT(5)
#define E1000_RCTL_BAM	 BIT(15)
#define E1000_RCTL_2048	 0u
#define E1000_RCTL_4096	 (BIT(25) | BITS(17, 16))
#define E1000_RCTL_SECRC BIT(26)

#define E1000_TCTL_EN	   BIT(1)
#define E1000_TCTL_PSP	   BIT(3)
#define E1000_TCTL_CT	   (0x0fu << 4)
#define E1000_TCTL_COLD	   (0x40u << 12)
#define E1000_TIPG_COPPER  (8u | 8u << 10 | 6u << 20)
#define E1000_TXDCTL_82574 BIT(22) /* must be set on the 82574: its datasheet, 10.2.6.9 */

#define E1000_RXCSUM_IP	 BIT(8)
#define E1000_RXCSUM_TCP BIT(9)
#define E1000_RAH_VALID	 BIT(31)

/* Legacy descriptors of received and sent frames (8254x manual, 3.2.3 and 3.3.3). */
struct e1000_rx {
	u64 address;
	u16 bytes;
	u16 checksum;
	u8 status;
	u8 errors;
	u16 special;
};
_Static_assert(sizeof(struct e1000_rx) == 16, "8254x 3.2.3");

struct e1000_tx {
	u64 address;
	u16 bytes;
	u8 checksum_offset;
	u8 command;
	u8 status;
	u8 checksum_start;
	u16 special;
};
_Static_assert(sizeof(struct e1000_tx) == 16, "8254x 3.3.3");

#define E1000_RX_DD	0x01u
#define E1000_RX_EOP	0x02u
#define E1000_RX_IXSM	0x04u /* the card has checked no checksum of the frame */
#define E1000_RX_TCPCS	0x20u /* the card has checked the TCP or UDP checksum */
#define E1000_RX_TCPE	0x20u /* the TCP or UDP checksum was wrong */
#define E1000_RX_IPE	0x40u
#define E1000_RX_BROKEN 0x97u /* any of the frame errors CE, SE, SEQ, CXE and RXE */

#define E1000_TX_EOP  0x01u
#define E1000_TX_IFCS 0x02u
#define E1000_TX_RS   0x08u
#define E1000_TX_DD   0x01u

/* The number of descriptors in a ring is a multiple of this number. */
#define E1000_RING_UNIT 8u
