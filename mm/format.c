/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/hw/amdvi.h"
#include "arch/x86_64/hw/vtd.h"
#include "mm/table.h"

#define EPT_TYPE_UC 0
#define EPT_TYPE_WB 6

/*
 * SDM vol. 3, 4.5.4. Accessed and dirty are set in advance: nobody reads them, and so the CPU never
 * writes to a table. U/S is set in every table entry; the leaf decides.
 */
const struct pt_format format_host = {
	.present = PTE_P,
	.table = PTE_P | PTE_W | PTE_U | PTE_A,
	.leaf = PTE_P | PTE_A | PTE_D,
	.large = PTE_PS,
	.write = PTE_W,
	.no_execute = PTE_NX,
	.user = PTE_U,
	/* PAT entry 3, UC since reset (SDM vol. 3, 12.12.4) */
	.type = {[PT_TYPE_UC] = PTE_PCD | PTE_PWT},
};

/*
 * The host's format; every guest access counts as a user access (APM vol. 2, 15.25.5). The types
 * select entries of the host's PAT and are combined with the guest's own types (15.25.8).
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
 * SDM vol. 3, 29.3.2. IPAT: the entry alone sets the memory type, whatever the guest's PAT and
 * CR0.CD say (29.3.7.2). There is no present bit: an entry that permits nothing is not present.
 * Writable but not readable is a misconfiguration (29.3.3.1); mappings are always readable.
 */
const struct pt_format format_ept = {
	.present = EPT_R | EPT_W | EPT_X,
	.table = EPT_R | EPT_W | EPT_X,
	.leaf = EPT_R,
	.large = EPT_PS,
	.write = EPT_W,
	.execute = EPT_X,
	.type = {
		[PT_TYPE_WB] = EPT_TYPE_WB << EPT_MEMORY_TYPE_SHIFT | EPT_IPAT,
		[PT_TYPE_UC] = EPT_TYPE_UC << EPT_MEMORY_TYPE_SHIFT | EPT_IPAT,
	},
};

/* VT-d 9.8: EPT's without memory types; a device executes nothing. */
const struct pt_format format_vtd = {
	.present = VTD_READ | VTD_WRITE,
	.table = VTD_READ | VTD_WRITE,
	.leaf = VTD_READ,
	.large = VTD_LARGE_PAGE,
	.write = VTD_WRITE,
};

/*
 * AMD IOMMU 2.2.3. An entry names the level of the table that it points to, a leaf level 0; that
 * a leaf is one above PT_LEVEL_4K only the walker wants to know, from a bit that the unit ignores.
 */
const struct pt_format format_amdvi = {
	.present = AMDVI_PRESENT,
	.table = AMDVI_PRESENT | AMDVI_READ | AMDVI_WRITE,
	.table_level = AMDVI_NEXT_LEVEL,
	.leaf = AMDVI_PRESENT | AMDVI_READ | AMDVI_COHERENT_LEAF,
	.large = AMDVI_SOFTWARE,
	.write = AMDVI_WRITE,
};
