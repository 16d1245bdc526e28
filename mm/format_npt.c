/* SPDX-License-Identifier: MIT */
#include "mm/table.h"

/*
 * The host's format; every access of the guest counts as a user access (APM vol. 2, 15.25.5). The
 * types select entries of the host's PAT and meet the guest's own (15.25.8).
 */
struct pt_format format_npt SECTION(".data.ro_after_init") = {
	.name = "NPT",
	.leaf_levels = BIT(PT_LEVEL_4K) | BIT(PT_LEVEL_2M),
	.present = PTE_P,
	.table = PTE_P | PTE_W | PTE_U | PTE_A,
	.leaf = PTE_P | PTE_U | PTE_A | PTE_D,
	.large = PTE_PS,
	.write = PTE_W,
	.no_execute = PTE_NX,
	.type = {
		[PT_TYPE_WB] = 0,
		[PT_TYPE_UC] = PTE_PCD | PTE_PWT,
	},
};
