/* SPDX-License-Identifier: MIT */
/* A vCPU in long mode, whose guest is one function of this program. */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/thief/thief.h"
#include "vmm/rt/memory.h"

#define CODE_AT	   0x1000u
#define CODE_BYTES 1024u
#define TABLES_AT  0x2000u
#define STACK_AT   0x6000u /* the top of the guest's stack, which grows downwards */
#define RAM_BYTES  0x8000u
#define SHARED_AT  0x100000u

/* PML4 and PDPT: the first 4 GiB, by pages of 1 GiB. */
static void fill_tables(u64 *pml4)
{
	u64 *pdpt = pml4 + PAGE_SIZE / 8;

	pml4[0] = (TABLES_AT + PAGE_SIZE) | 7;
	for (u64 i = 0; i < 4; i++)
		pdpt[i] = i << 30 | 0x87;
}

static void fill_state(struct vcpu_page *page, const struct counter *counter)
{
	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.limit = ~0u, .access = 0xc093, .selector = 0x10};
	page->segment[SEG_CS].access = 0xa09b;
	page->segment[SEG_CS].selector = 8;
	page->segment[SEG_TR] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x8b};
	page->segment[SEG_LDTR] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x82};
	page->gdtr = (struct vcpu_table_state){.base = 0, .limit = 0};
	page->idtr = (struct vcpu_table_state){.limit = 0};
	page->rip = CODE_AT;
	page->rflags = 0x202;
	page->gpr[GPR_RSP] = STACK_AT - 8;
	page->gpr[GPR_RDI] = SHARED_AT + ((u64)counter - (u64)shared);
	page->cr0 = 0x80000011;
	page->cr3 = TABLES_AT;
	page->cr4 = 0x20;
	page->efer = 0x500;
	page->dr[6] = 0xffff0ff0;
	page->dr[7] = 0x400;
	page->xcr0 = 1;
	page->msr[VMSR_PAT] = 0x0007040600070406ull;
	page->dirty = VCPU_ALL | VCPU_TRAPS;
}

static bool map_ram(void)
{
	const u32 all = RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE;
	handle_t ram = start_handle(START_RAM);
	handle_t space = start_handle(START_VM_SPACE);
	u64 ignored;
	u64 at;

	if (sys_space_map(own_space, 0, ram, 0, RAM_BYTES, RIGHT_READ | RIGHT_WRITE, &at) !=
		    STATUS_OK ||
	    sys_space_map(space, 0, ram, 0, RAM_BYTES, all, &ignored) != STATUS_OK ||
	    sys_space_map(space, SHARED_AT, start_handle(START_CHANNEL), 0, PAGE_SIZE,
			  RIGHT_READ | RIGHT_WRITE, &ignored) != STATUS_OK)
		return false;
	fill_tables((u64 *)(at + TABLES_AT));
	memcpy((void *)(at + CODE_AT), (const void *)(uintptr_t)count_for_ever, CODE_BYTES);
	return true;
}

bool guest_make(struct guest *guest, struct counter *counter)
{
	handle_t memory;
	u64 at;

	if (!map_ram() || sys_queue_create(own_group, &guest->queue) != STATUS_OK ||
	    sys_event_create(own_group, &guest->event) != STATUS_OK ||
	    sys_object_bind(guest->event, guest->queue, 1) != STATUS_OK ||
	    memory_take(VCPU_PAGES * PAGE_SIZE, MEMORY_PINNED, &memory, &at) != STATUS_OK)
		return false;
	guest->page = (struct vcpu_page *)at;
	fill_state(guest->page, counter);
	return sys_vcpu_create(start_handle(START_VM), memory, 0, guest->queue, &guest->vcpu) ==
	       STATUS_OK;
}

void guest_run(struct guest *guest)
{
	u64 key;

	if (sys_vcpu_run(guest->vcpu) != STATUS_OK)
		rt_fail("run");
	if (guest->page->exit.reason != EXIT_KICK)
		rt_fail("exit");
	(void)!sys_queue_wait(guest->queue, 0, &key);
}
