/* SPDX-License-Identifier: MIT */
#include "mm/table.h"

/*
 * SDM vol. 3, 4.5.4. Accessed and dirty are set beforehand: nobody reads them, and the CPU then
 * never writes to a table. User is set in every table entry; the leaf decides.
 */
struct pt_format format_host SECTION(".data.ro_after_init") = {
	.name = "host",
	.leaf_levels = BIT(PT_LEVEL_4K) | BIT(PT_LEVEL_2M),
	.present = PTE_P,
	.table = PTE_P | PTE_W | PTE_U | PTE_A,
	.leaf = PTE_P | PTE_A | PTE_D,
	.large = PTE_PS,
	.write = PTE_W,
	.no_execute = PTE_NX,
	.user = PTE_U,
	.type = {
		[PT_TYPE_WB] = 0,
		/* PAT entry 3, UC since reset (SDM vol. 3, 12.12.4) */
		[PT_TYPE_UC] = PTE_PCD | PTE_PWT,
	},
};
