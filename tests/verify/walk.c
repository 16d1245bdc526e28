/* SPDX-License-Identifier: MIT */
/*
 * The walk through a guest's page tables in each paging mode, for any CR3, address and access and
 * any contents of memory; CR0.WP, PSE, SMEP, SMAP and NXE are set. Proved: no run-time error, no
 * access outside the guest's RAM.
 */
#include "tests/verify/frama.h"

#include "vmm/monitor/memory/guest_memory.c"
#include "vmm/monitor/memory/walk.c"

#define RAM_BYTES 0x8000

static u8 ram[RAM_BYTES];
static struct vcpu_page page;

static void any_guest(struct guest_memory *memory, u64 cr0, u64 cr4, u64 efer)
{
	*memory = (struct guest_memory){.count = 1, .physical_bits = 40};
	memory->region[0] = (struct guest_region){.gpa = GPA(0), .length = RAM_BYTES, .host = ram};
	Frama_C_make_unknown((char *)ram, sizeof(ram));
	page.cr0 = cr0 | CR0_PE | (ANY_U64 & CR0_WP);
	page.cr3 = ANY_U64;
	page.cr4 = cr4 | (ANY_U64 & CR4_SMEP) | (ANY_U64 & CR4_SMAP);
	page.efer = efer | (ANY_U64 & EFER_NXE);
	page.rflags = ANY_U64;
}

static void prove(u64 cr0, u64 cr4, u64 efer)
{
	struct guest_memory memory;
	struct walk_result result;
	struct walk_path path;

	any_guest(&memory, cr0, cr4, efer);
	(void)walk(&memory, &page, GVA(ANY_U64), ANY_U32, &result);
	(void)walk_trace(&memory, &page, GVA(ANY_U64), &path, &result);
}

void prove_no_paging(void)
{
	prove(0, 0, 0);
}

void prove_32_bit(void)
{
	prove(CR0_PG, ANY_U64 & CR4_PSE, 0);
}

void prove_pae(void)
{
	prove(CR0_PG, CR4_PAE, 0);
}

void prove_4_levels(void)
{
	prove(CR0_PG, CR4_PAE, EFER_LMA | EFER_LME);
}

void prove_5_levels(void)
{
	prove(CR0_PG, CR4_PAE | CR4_LA57, EFER_LMA | EFER_LME);
}
