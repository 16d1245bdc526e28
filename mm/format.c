/* SPDX-License-Identifier: MIT */
/*
 * The entry formats of the five kinds of page table that mm/table.c builds: host, EPT, NPT, VT-d
 * and AMD-Vi second stage. It is constant data alone; whoever creates a table chooses one:
 * mm/space.c and boot/init for the host, struct virt_ops for a guest, arch/x86_64/iommu for a
 * device.
 */
#include "arch/x86_64/hw/amdvi.h"
#include "arch/x86_64/hw/vtd.h"
#include "mm/table.h"

#define EPT_TYPE_UC 0
#define EPT_TYPE_WB 6

/*
 * The host's own tables (SDM vol. 3, 4.5.4). The accessed and dirty bits are set in advance: nobody
 * reads them, and so the CPU never writes to a table. U/S is set in every entry that points to a
 * table; the leaf's own decides.
 */
const struct pt_format format_host = {
	.present = PTE_P,
	.table = PTE_P | PTE_W | PTE_U | PTE_A,
	.leaf = PTE_P | PTE_A | PTE_D,
	.large = PTE_PS,
	.write = PTE_W,
	.no_execute = PTE_NX,
	.user = PTE_U,
	/* selects entry 3 of the PAT, which means UC after RESET (SDM vol. 3, 12.12.4) */
	.type = {[PT_TYPE_UC] = PTE_PCD | PTE_PWT},
};

/*
 * AMD's nested page tables have the host's format; every guest access counts as a user access (APM
 * vol. 2, 15.25.5). The memory types select entries of the host's PAT and are combined with the
 * guest's own types (15.25.8).
 */
const struct pt_format format_npt = {
	.present = PTE_P,
	.table = PTE_P | PTE_W | PTE_U | PTE_A,
	.leaf = PTE_P | PTE_U | PTE_A | PTE_D,
	.large = PTE_PS,
	.write = PTE_W,
	.no_execute = PTE_NX,
	.type = {[PT_TYPE_UC] = PTE_PCD | PTE_PWT},
};

/*
 * Intel's extended page tables (SDM vol. 3, 29.3.2). With IPAT the entry alone sets the memory
 * type, whatever the guest's PAT and CR0.CD say (29.3.7.2). There is no present bit: an entry that
 * permits no access is not present. An entry that is writable but not readable is a
 * misconfiguration (29.3.3.1), so mappings are always readable.
 */
const struct pt_format format_ept = {
	.present = EPT_R | EPT_W | EPT_X,
	.table = EPT_R | EPT_W | EPT_X,
	.leaf = EPT_R,
	.large = EPT_PS,
	.write = EPT_W,
	.execute = EPT_X,
	.type =
		{
			[PT_TYPE_WB] = EPT_TYPE_WB << EPT_MEMORY_TYPE_SHIFT | EPT_IPAT,
			[PT_TYPE_UC] = EPT_TYPE_UC << EPT_MEMORY_TYPE_SHIFT | EPT_IPAT,
		},
};

/*
 * VT-d second-stage tables (VT-d specification, 9.8) look like EPT's without memory types; a device
 * executes no code.
 */
const struct pt_format format_vtd = {
	.present = VTD_READ | VTD_WRITE,
	.table = VTD_READ | VTD_WRITE,
	.leaf = VTD_READ,
	.large = VTD_LARGE_PAGE,
	.write = VTD_WRITE,
};

/*
 * AMD-Vi tables (AMD IOMMU specification, 2.2.3). An entry names the level of the table that it
 * points to, a leaf names level 0. Only the table walker needs to tell a leaf above PT_LEVEL_4K
 * from a table; it does so by a bit that the IOMMU ignores.
 */
const struct pt_format format_amdvi = {
	.present = AMDVI_PRESENT,
	.table = AMDVI_PRESENT | AMDVI_READ | AMDVI_WRITE,
	.table_level = AMDVI_NEXT_LEVEL,
	.leaf = AMDVI_PRESENT | AMDVI_READ | AMDVI_COHERENT_LEAF,
	.large = AMDVI_SOFTWARE,
	.write = AMDVI_WRITE,
};
