/* SPDX-License-Identifier: MIT */
#include "mm/table.h"

#define EPT_TYPE_UC 0
#define EPT_TYPE_WB 6

/*
 * SDM vol. 3, 29.3.2. IPAT: the type stands here alone, whatever the guest's PAT and CR0.CD say
 * (29.3.7.2). There is no present bit: an entry that permits nothing is not used. Writable without
 * readable is a misconfiguration (29.3.3.1); mappings are always readable.
 */
struct pt_format format_ept SECTION(".data.ro_after_init") = {
	.name = "EPT",
	.leaf_levels = BIT(PT_LEVEL_4K) | BIT(PT_LEVEL_2M),
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
