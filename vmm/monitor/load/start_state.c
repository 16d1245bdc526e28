/* SPDX-License-Identifier: MIT */
/*
 * Sets the registers a vCPU starts with: reset, SIPI, and real, protected or long mode. Called by
 * the loaders and vcpu_reset.c; changes the vCPU page only.
 */
#include "vmm/monitor/load/start_state.h"

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/descriptor.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/paging.h"
#include "lib/string.h"
#include "vmm/monitor/memory/layout.h"

#define TYPE_CODE 0xbu /* the descriptor type of a code segment: execute and read, accessed */
#define TYPE_DATA 0x3u /* the descriptor type of a data segment: read and write, accessed */

static struct vcpu_segment_state start_state_segment(u16 selector, u32 limit, u32 access)
{
	return (struct vcpu_segment_state){
		.base = 0, .limit = limit, .access = access, .selector = selector};
}

static void start_state_set_segments(struct vcpu_page *page, struct vcpu_segment_state code,
				     struct vcpu_segment_state data)
{
	for (u32 i = SEG_ES; i <= SEG_GS; i++)
		page->segment[i] = i == SEG_CS ? code : data;
}

void start_state_reset(struct vcpu_page *page)
{
	struct vcpu_segment_state code =
		start_state_segment(0xf000, 0xffff, TYPE_CODE | SEGMENT_S | SEGMENT_P);

	memset(page->gpr, 0, sizeof(page->gpr));
	memset(page->msr, 0, sizeof(page->msr));
	memset(page->dr, 0, sizeof(page->dr));
	page->event = (struct vcpu_event){0};
	page->inject = (struct vcpu_event){0};

	page->rip = 0xfff0;
	page->rflags = RFLAGS_FIXED;
	page->shadow = 0;
	page->cr0 = CR0_ET | CR0_NW | CR0_CD;
	page->cr2 = 0;
	page->cr3 = 0;
	page->cr4 = 0;
	page->efer = 0;
	page->xcr0 = XCR0_X87;
	page->dr[6] = DR6_RESET;
	page->dr[7] = DR7_RESET;
	page->msr[VMSR_PAT] = PAT_RESET;

	code.base = 0xffff0000;
	start_state_set_segments(page, code,
				 start_state_segment(0, 0xffff, TYPE_DATA | SEGMENT_S | SEGMENT_P));
	page->segment[SEG_LDTR] = start_state_segment(0, 0xffff, (u32)DESCRIPTOR_LDT | SEGMENT_P);
	page->segment[SEG_TR] =
		start_state_segment(0, 0xffff, (u32)DESCRIPTOR_TSS_BUSY | SEGMENT_P);
	page->gdtr = (struct vcpu_table_state){.base = 0, .limit = 0xffff};
	page->idtr = (struct vcpu_table_state){.base = 0, .limit = 0xffff};
	page->dirty |= VCPU_ALL & ~(u32)(VCPU_EVENT | VCPU_TSC);
}

/* Sets the registers of INIT: SDM vol. 3, table 10-1. */
void start_state_init(struct vcpu_page *page)
{
	u64 msr[VMSR_COUNT];
	u64 cr0 = page->cr0;
	u64 xcr0 = page->xcr0;
	u32 dirty = page->dirty;

	memcpy(msr, page->msr, sizeof(msr));
	start_state_reset(page);
	memcpy(page->msr, msr, sizeof(msr));
	page->cr0 = CR0_ET | (cr0 & (CR0_NW | CR0_CD));
	page->xcr0 = xcr0;
	page->dirty &= ~(u32)(VCPU_MSRS | VCPU_XCR0);
	page->dirty |= dirty;
}

void start_state_sipi(struct vcpu_page *page, u8 vector)
{
	page->segment[SEG_CS].selector = (u16)(vector << 8);
	page->segment[SEG_CS].base = (u64)vector << PAGE_SHIFT;
	page->rip = 0;
	page->dirty |= VCPU_SEGMENTS | VCPU_RIP;
}

void start_state_real(struct vcpu_page *page, u16 ip)
{
	start_state_reset(page);
	page->cr0 = CR0_ET;
	page->segment[SEG_CS] = start_state_segment(0, 0xffff, TYPE_CODE | SEGMENT_S | SEGMENT_P);
	page->idtr.limit = 0x3ff;
	page->rip = ip;
}

/*
 * Sets flat segments in the vCPU's registers, and in a GDT in memory for kernels that reload them
 * before they load a GDT of their own.
 */
static void start_state_set_flat(struct vcpu_page *page, u8 *ram, u16 code, u32 code_size)
{
	u16 data = (u16)(code + sizeof(u64));
	u32 access = SEGMENT_S | SEGMENT_P | SEGMENT_G;
	const u64 flat = DESCRIPTOR_LIMIT_LOW | DESCRIPTOR_LIMIT_HIGH | DESCRIPTOR_G |
			 DESCRIPTOR_P | DESCRIPTOR_S;
	u64 gdt[4] = {0};

	gdt[code / 8] = flat | (u64)TYPE_CODE << 40 |
			(code_size == SEGMENT_L ? DESCRIPTOR_L : DESCRIPTOR_DB);
	gdt[data / 8] = flat | (u64)TYPE_DATA << 40 | DESCRIPTOR_DB;
	memcpy(ram + LAYOUT_GDT, gdt, sizeof(gdt));
	page->gdtr = (struct vcpu_table_state){.base = LAYOUT_GDT, .limit = sizeof(gdt) - 1};
	page->idtr = (struct vcpu_table_state){0};
	start_state_set_segments(
		page, start_state_segment(code, 0xffffffff, TYPE_CODE | access | code_size),
		start_state_segment(data, 0xffffffff, TYPE_DATA | access | SEGMENT_DB));
	/*
	 * A null selector in TR would mean that LTR was never executed, which kernels find out by
	 * STR.
	 */
	page->segment[SEG_TR] = start_state_segment(0, 0x67, (u32)DESCRIPTOR_TSS_BUSY | SEGMENT_P);
	/*
	 * No boot protocol promises a stack, but boot loaders leave theirs in RSP, and kernels push
	 * to it.
	 */
	page->gpr[GPR_RSP] = LAYOUT_STACK_TOP;
}

void start_state_protected(struct vcpu_page *page, u8 *ram, enum start_selector code, u32 eip)
{
	start_state_reset(page);
	start_state_set_flat(page, ram, (u16)code, SEGMENT_DB);
	page->cr0 = CR0_PE | CR0_ET;
	page->rip = eip;
}

static void start_state_write_identity_tables(u8 *ram)
{
	const u32 directory_count = 4;
	u64 *pml4 = (u64 *)(ram + LAYOUT_TABLES);
	u64 *pdpt = pml4 + PT_ENTRY_COUNT;
	u64 *directory = pdpt + PT_ENTRY_COUNT;

	memset(pml4, 0, 2 * PAGE_SIZE);
	pml4[0] = (LAYOUT_TABLES + PAGE_SIZE) | PTE_P | PTE_W;
	for (u64 i = 0; i < directory_count; i++)
		pdpt[i] = (LAYOUT_TABLES + (2 + i) * PAGE_SIZE) | PTE_P | PTE_W;
	for (u64 i = 0; i < (u64)directory_count * PT_ENTRY_COUNT; i++)
		directory[i] = i * 2 * MIB | PTE_P | PTE_W | PTE_PS;
}

void start_state_long(struct vcpu_page *page, u8 *ram, u64 rip)
{
	start_state_reset(page);
	start_state_set_flat(page, ram, START_CS_LINUX, SEGMENT_L);
	start_state_write_identity_tables(ram);
	page->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	page->cr3 = LAYOUT_TABLES;
	page->cr4 = CR4_PAE;
	page->efer = EFER_LME | EFER_LMA;
	page->rip = rip;
}
