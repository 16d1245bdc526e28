/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The input of the loaders of kernels: files, guest RAM and facts about the VM (struct load_job).
 */
#include "kernel/abi/vcpu.h"
#include "lib/types.h"
#include "vmm/monitor/load/e820.h"
#include "vmm/monitor/load/mp_table.h"

struct boot_order;

struct load_file {
	const u8 *bytes;
	u64 size; /* the size of the file; 0: there is no file */
};

/* A guest to be loaded: its files, its memory, and the facts about its VM. */
struct load_job {
	/* The loaders' input. */
	u8 *ram; /* the guest's RAM from address 0 on */
	/* the size of the guest's RAM; only RAM below LAYOUT_LOW_END is used for loading */
	u64 ram_bytes;
	struct load_file kernel;
	struct load_file initrd;
	const char *command_line;
	bool demo; /* the kernel file is flat code for real mode at 0x7c00 */
	bool uefi; /* the firmware is UEFI's, not a BIOS */
	u8 *rom;   /* the kernel file is firmware, to be copied here; NULL: it is none */
	/*
	 * the number of bytes of UEFI variables at the start of the kernel file; they outlive a
	 * start of the guest
	 */
	u64 kept;
	struct boot_order *boot_order; /* where firmware boots from; NULL: it is not told */
	bool hpet;		       /* the VM has an HPET */
	bool pci;		       /* the VM has a PCI bus */
	u32 physical_bits;	       /* the width of the guest's physical addresses */
	u64 pci_high_base; /* where the PCI bus's 64-bit window begins; 0: there is none */
	u32 vcpu_count;
	struct mp_cpu cpu; /* signature and features of the processors, as CPUID shows them */

	/* The loaders' results. */
	/* the first vCPU's registers: loaders write all register groups and mark them as dirty */
	struct vcpu_page *page;
	bool firmware;	 /* the guest may count on a PIT and 8259s as a PC's firmware leaves them */
	char error[192]; /* why loading failed, as one sentence; "": loading did not fail */

	/* Results that the loaders of this folder pass to each other: */
	struct e820_map map;
	u64 rsdp;	/* the guest address of the ACPI tables' root (RSDP) */
	u64 kernel_end; /* the guest address at which the memory that the kernel occupies ends */
};

/*
 * Loads the guest and sets its first vCPU's registers. The kernel's file type is recognised by its
 * content. RAM to which nothing is loaded keeps its content. Returns false on failure: job->error
 * gives the reason, and the guest must not run.
 */
bool load_guest(struct load_job *job);
