/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The guest's physical addresses.
 *
 *	0x00000000  interrupt vectors, BIOS data area
 *	0x00001000  RAM
 *	0x00090000  what the loader leaves for the kernel's first steps (LAYOUT_GDT and following)
 *	0x0009b000  RAM
 *	0x0009fc00  EBDA, 1 KiB
 *	0x000a0000  hole (VGA graphics)
 *	0x000b8000  RAM, not offered: VGA text that nobody shows; a scan for option ROMs finds none
 *	0x000e0000  ACPI tables
 *	0x000f0000  where the RSDP is found by a scan
 *	0x000f1000  MP floating pointer and table, found by a scan, too
 *	0x000f3000  what the interrupt vectors point to
 *	0x000f4000  with PCI: the generation ID, with its page to itself
 *	0x000ffff0  a jump to the code that resets the VM
 *	0x00100000  RAM up to LAYOUT_LOW_END
 *	0xc0000000  hole: devices. With PCI: its 32-bit window
 *	0xe0000000  with PCI: configuration space of bus 0 (ECAM)
 *	0xfef00000  started by firmware: the generation ID; configuration space by ports alone
 *	0xfffc0000  started by firmware: its ROM, up to 4 GiB, and its copy below 1 MiB
 *	0x100000000 the rest of the RAM; with PCI, its 64-bit window 4-GiB aligned behind that
 *
 * The RAM object has no holes: its byte LAYOUT_LOW_END lies at 4 GiB.
 */
#define LAYOUT_BDA 0x00000400ull
#define LAYOUT_GDT 0x00090000ull
/* the loader's page tables: the PML4, a PDPT and four page directories */
#define LAYOUT_TABLES 0x00091000ull
/* the end of a page that is the stack until the kernel sets up its own */
#define LAYOUT_STACK_TOP  0x00098000ull
#define LAYOUT_BOOT_INFO  0x00098000ull /* boot_params, hvm_start_info or Multiboot information */
#define LAYOUT_MEMORY_MAP 0x00099000ull
#define LAYOUT_COMMAND	  0x0009a000ull
#define LAYOUT_LOADER_END 0x0009b000ull
#define LAYOUT_EBDA	  0x0009fc00ull
#define LAYOUT_VGA	  0x000a0000ull
#define LAYOUT_VGA_END	  0x000b8000ull
#define LAYOUT_ACPI	  0x000e0000ull
#define LAYOUT_RSDP	  0x000f0000ull
#define LAYOUT_MP	  0x000f1000ull
#define LAYOUT_BIOS	  0x000f3000ull
#define LAYOUT_GENERATION 0x000f4000ull
#define LAYOUT_BIOS_ENTRY 0x000ffff0ull
#define LAYOUT_HIGH_START 0x00100000ull /* where RAM continues: the end of the first MiB */
#define LAYOUT_LOW_END	  0xc0000000ull
#define LAYOUT_ABOVE_4G	  0x100000000ull

/*
 * The range of ports for the BARs of PCI devices. Lower ports are for the devices that every PC
 * has.
 */
#define LAYOUT_PCI_PORTS      0xc000u
#define LAYOUT_PCI_PORT_COUNT 0x4000u
#define LAYOUT_PCI_LOW	      LAYOUT_LOW_END
#define LAYOUT_PCI_LOW_BYTES  (512 * MIB)
#define LAYOUT_ECAM	      0xe0000000ull
#define LAYOUT_ECAM_BYTES     (1 * MIB) /* the size of the configuration space of one bus */
#define LAYOUT_PCI_HIGH_BYTES (4 * GIB)

/*
 * The PCI window of a VM that starts by firmware: the chipset is a 440FX, whose firmware puts BARs
 * right below the I/O APIC. The page of the generation ID is the first page of RAM that the VGA
 * hole hides.
 */
/* where the window begins; at the end of the RAM below 4 GiB, if that is higher */
#define LAYOUT_PCI_FIRMWARE	   0x80000000ull
#define LAYOUT_PCI_FIRMWARE_END	   0xfec00000ull
#define LAYOUT_FIRMWARE_GENERATION 0xfef00000ull

#define LAYOUT_COMMAND_BYTES (4 * KIB)
#define LAYOUT_MP_BYTES	     (8 * KIB)
#define LAYOUT_RAM_MINIMUM   (2 * MIB)

static inline u64 layout_low_bytes(u64 ram_bytes)
{
	return MIN(ram_bytes, LAYOUT_LOW_END);
}

static inline u64 layout_high_bytes(u64 ram_bytes)
{
	return ram_bytes - layout_low_bytes(ram_bytes);
}

/*
 * Returns the guest address at which the PCI bus's 32-bit window begins in a VM that starts by
 * firmware.
 */
static inline u64 layout_pci_firmware(u64 ram_bytes)
{
	return MAX(layout_low_bytes(ram_bytes), LAYOUT_PCI_FIRMWARE);
}

/*
 * Returns the size of the PCI bus's 64-bit window in a VM that starts by firmware; the window ends
 * at the last physical address. 0: there is no window.
 */
static inline u64 layout_pci_firmware_high(u64 high_base, u32 physical_bits)
{
	return high_base != 0 ? (1ull << physical_bits) - high_base : 0;
}

/*
 * Returns the guest address at which the PCI bus's 64-bit window begins; 0 if there is no room for
 * it below the end of physical addresses.
 */
static inline u64 layout_pci_high(u64 ram_bytes, u32 physical_bits)
{
	u64 end = LAYOUT_ABOVE_4G + layout_high_bytes(ram_bytes);
	u64 base = (end + LAYOUT_PCI_HIGH_BYTES - 1) & ~(u64)(LAYOUT_PCI_HIGH_BYTES - 1);

	return base + LAYOUT_PCI_HIGH_BYTES <= 1ull << physical_bits ? base : 0;
}
