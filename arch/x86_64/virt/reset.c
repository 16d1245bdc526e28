/* SPDX-License-Identifier: MIT */
/* What a vCPU starts with on either vendor's CPU (SDM vol. 3, table 10-1). */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/virt.h"
#include "lib/string.h"

#define RESET_RIP	  0xfff0u
#define RESET_CS_SELECTOR 0xf000u
#define RESET_CS_BASE	  0xffff0000u
#define RESET_LIMIT	  0xffffu
#define RESET_DATA_ACCESS 0x93u /* present, S, read/write, accessed */
#define RESET_CODE_ACCESS 0x9bu /* present, S, execute/read, accessed */
#define RESET_LDTR_ACCESS 0x82u
#define RESET_TR_ACCESS	  0x8bu	 /* busy TSS */
#define RESET_RDX	  0x600u /* family 6 */

void virt_page_reset(struct vcpu_page *page)
{
	memset(page->gpr, 0, sizeof(page->gpr));
	page->gpr[GPR_RDX] = RESET_RDX;
	page->cr8 = 0;
	page->rip = RESET_RIP;
	page->rflags = RFLAGS_FIXED;
	page->shadow = 0;
	page->cr0 = CR0_CD | CR0_NW | CR0_ET;
	page->cr2 = 0;
	page->cr3 = 0;
	page->cr4 = 0;
	page->efer = 0;
	page->xcr0 = XCR0_X87;
	page->tsc_offset = 0;
	page->event = (struct vcpu_event){0};

	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.limit = RESET_LIMIT,
			.access = RESET_DATA_ACCESS,
		};
	page->segment[SEG_CS].selector = RESET_CS_SELECTOR;
	page->segment[SEG_CS].base = RESET_CS_BASE;
	page->segment[SEG_CS].access = RESET_CODE_ACCESS;
	page->segment[SEG_LDTR].access = RESET_LDTR_ACCESS;
	page->segment[SEG_TR].access = RESET_TR_ACCESS;
	page->gdtr = (struct vcpu_table_state){.limit = RESET_LIMIT};
	page->idtr = (struct vcpu_table_state){.limit = RESET_LIMIT};

	memset(page->dr, 0, sizeof(page->dr));
	page->dr[6] = DR6_RESET;
	page->dr[7] = DR7_RESET;
	memset(page->msr, 0, sizeof(page->msr));
	page->msr[VMSR_PAT] = PAT_RESET;
}
