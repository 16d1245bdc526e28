/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * Paging-structure entries: SDM vol. 3, 4.5 (4-level) and 29.3 (EPT); APM vol. 2, 5.3. NPT uses
 * the host's format, every access counting as a user access (APM vol. 2, 15.25.5).
 */
#define PT_ENTRY_COUNT 512u
#define PT_INDEX_BITS  9u
#define PT_LEVELS      4u

/* The lowest of the address bits that index a table of this level; level 1 is the page table. */
#define PT_LEVEL_SHIFT(level) (PAGE_SHIFT + PT_INDEX_BITS * ((level)-1u))

/* Ordinary and NPT entries */
#define PTE_P	      BIT(0)
#define PTE_W	      BIT(1)
#define PTE_U	      BIT(2)
#define PTE_PWT	      BIT(3)
#define PTE_PCD	      BIT(4)
#define PTE_A	      BIT(5)
#define PTE_D	      BIT(6)
#define PTE_PS	      BIT(7) /* in tables of levels 2 and 3: the entry maps a page */
#define PTE_PAT	      BIT(7) /* selects the upper half of the PAT, in entries of level 1 */
#define PTE_G	      BIT(8)
#define PTE_LARGE_PAT BIT(12)
#define PTE_ADDRESS   BITS(51, 12)
#define PTE_NX	      BIT(63)

/* Bits of EPT entries */
#define EPT_R		      BIT(0)
#define EPT_W		      BIT(1)
#define EPT_X		      BIT(2)
#define EPT_MEMORY_TYPE_SHIFT 3
#define EPT_MEMORY_TYPE	      BITS(5, 3)
#define EPT_IPAT	      BIT(6)
#define EPT_PS		      BIT(7)

/* EPT pointer: SDM vol. 3, 25.6.11 */
#define EPTP_WALK_LENGTH_SHIFT 3 /* the walk's length minus 1 */
