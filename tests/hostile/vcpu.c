/* SPDX-License-Identifier: MIT */
/*
 * Runs vCPUs whose pages are filled with drawn states, while other threads write to them. Called by
 * child.c as one of its moves; maps guest RAM of its own.
 */
#include "arch/x86_64/hw/vmx.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/hostile/hostile.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

#define RAM_PAGES    64u
#define CODE_AT	     0x1000u
#define CODE_END     0x2000u
#define TABLES_AT    0x10000u
#define RUNS	     12u
#define DEADLINE_TSC 200000u

struct play {
	handle_t space, vm, memory, queue, vcpu, ram;
	u64 page_at, ram_at;
	bool own_vm;
	struct vcpu_page *page;
	u8 *code;
};

/* Pages of vCPUs that may run at this moment: every thread writes into any of them. */
static struct vcpu_page *volatile live[THREADS];

/*
 * Returns whether this is SVM: QEMU 7.2 itself crashes, or loses the host's CR0, on some states
 * (docs/platforms.md).
 */
static bool is_svm(void)
{
	return start_info->backend[0] == 'S';
}

/* Under SVM changes only fields for which QEMU survives any value. */
static void mutate_word(struct hostile *self, struct vcpu_page *page)
{
	volatile u64 *words = (volatile u64 *)(void *)page;
	u64 at = draw(self) % (offsetof(struct vcpu_page, dump_count) / 8);
	u64 first = offsetof(struct vcpu_page, cr0) / 8;
	u64 last = offsetof(struct vcpu_page, efer) / 8;
	u64 segments = offsetof(struct vcpu_page, segment) / 8;
	u64 msrs = offsetof(struct vcpu_page, msr) / 8;

	if (is_svm() && ((at >= first && at <= last) || (at >= segments && at < msrs)))
		return;
	switch (draw(self) % 4) {
	case 0:
		words[at] ^= 1ull << draw(self) % 64;
		break;
	case 1:
		words[at] = draw_value(self);
		break;
	case 2:
		words[at] = draw(self);
		break;
	default:
		words[at] = ~words[at];
		break;
	}
}

/* Writes to all threads' pages, also while the kernel uses one: what it read twice would differ. */
static void scribble(struct hostile *self)
{
	for (u32 i = 0; i < 64; i++) {
		struct vcpu_page *page = live[draw(self) % THREADS];

		if (page != NULL)
			mutate_word(self, page);
	}
}

static void fill_code(struct hostile *self, u8 *code)
{
	static const u8 forms[][5] = {
		{2, 0x0f, 0xa2},
		{2, 0x0f, 0x32},
		{2, 0x0f, 0x30},
		{3, 0x0f, 0x01, 0xd1},
		{3, 0x0f, 0x22, 0xd8},
		{3, 0x0f, 0x20, 0xc0},
		{2, 0xe4, 0x80},
		{2, 0xe6, 0x80},
		{1, 0xf4},
		{2, 0xcd, 0x21},
		{2, 0x0f, 0x0b},
		{3, 0x0f, 0x01, 0xd9},
		{3, 0x0f, 0x01, 0xd8},
		{3, 0x0f, 0x01, 0xdc},
		{3, 0x0f, 0x01, 0xdd},
		{3, 0x0f, 0x01, 0xc1},
		{3, 0x0f, 0x01, 0xc2},
		{2, 0x0f, 0x09},
		{1, 0xcf},
		{1, 0xfb},
		{1, 0xfa},
		{1, 0x6d},
		{2, 0xf3, 0x6e},
		{1, 0xf1},
		{1, 0xcc},
		{2, 0x0f, 0x77},
		{4, 0x8e, 0xd0, 0xcd, 0x01},
		{3, 0x0f, 0xc7, 0xf0},
		{3, 0x0f, 0x01, 0xf9},
		{2, 0x88, 0x00},
		{2, 0xeb, 0x10},
		{3, 0x0f, 0x21, 0xf0},
		{2, 0x9c, 0x9d},
	};
	u32 at = 0;

	while (at < CODE_END - CODE_AT - 16) {
		const u8 *form = forms[draw(self) % ARRAY_COUNT(forms)];

		if (draw(self) % 4 == 0) { /* MOV to ECX of a number near that of an MSR */
			code[at++] = 0xb9;
			code[at++] = (u8)(0x80 + draw(self) % 8);
			code[at++] = 0;
			code[at++] = draw(self) % 2 != 0 ? 1 : 0;
			code[at++] = 0xc0;
		}
		for (u32 i = 1; i <= form[0]; i++)
			code[at++] = form[i];
	}
	memset(code + at, 0x90, CODE_END - CODE_AT - at);
}

static void fill_tables(u8 *ram)
{
	u64 *pml4 = (u64 *)(void *)(ram + TABLES_AT);
	u64 *pdpt = pml4 + PAGE_SIZE / 8;

	memset(pml4, 0, PAGE_SIZE);
	pml4[0] = (TABLES_AT + PAGE_SIZE) | 7;
	for (u64 i = 0; i < 512; i++)
		pdpt[i] = (i & 3) << 30 | 0x87;
}

/* A state that a CPU takes, in one of three modes. */
static void fill_state(struct hostile *self, struct vcpu_page *page)
{
	static const u32 code_access[] = {0x9b, 0xc09b, 0xa09b};
	u64 mode = draw(self) % 3;

	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.limit = mode == 0 ? 0xffff : ~0u,
			.access = mode == 0 ? 0x93 : 0xc093,
			.selector = mode == 0 ? 0 : 0x10,
		};
	page->segment[SEG_CS].access = code_access[mode];
	page->segment[SEG_CS].selector = mode == 0 ? 0 : 8;
	page->segment[SEG_TR] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x8b};
	page->segment[SEG_LDTR] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x82};
	page->gdtr = (struct vcpu_table_state){.base = 0x8000, .limit = 0xffff};
	page->idtr = (struct vcpu_table_state){.limit = draw(self) % 2 != 0 ? 0x3ff : 0};
	page->rip = CODE_AT + draw(self) % 0x800;
	page->rflags = 2 | (draw(self) % 2 != 0 ? 0x200 : 0);
	page->shadow = 0;
	page->gpr[GPR_RSP] = 0x7000;
	page->cr0 = 0x10 | (mode != 0 ? 1 : 0) | (mode == 2 ? 0x80000000 : 0);
	page->cr3 = TABLES_AT;
	page->cr4 = mode == 2 ? 0x20 : 0;
	page->efer = mode == 2 ? 0x500 : 0;
	page->dr[6] = 0xffff0ff0;
	page->dr[7] = 0x400;
	page->xcr0 = 1;
	page->tsc_offset = 0;
	memset(page->msr, 0, sizeof(page->msr));
	page->msr[VMSR_PAT] = 0x0007040600070406ull;
	page->dirty = VCPU_ALL;
	page->request = 0;
	page->inject.valid = 0;
}

static void fill_requests(struct hostile *self, struct vcpu_page *page)
{
	if (draw(self) % 4 == 0)
		page->inject = (struct vcpu_event){
			.valid = 1,
			.type = (u8)(draw(self) % 9),
			.vector = (u8)(draw(self) % 2 != 0 ? draw(self) & 31 : draw(self)),
			.has_error_code = draw(self) % 3 == 0,
			.error_code = (u32)draw(self),
			.instruction_length = (u32)(draw(self) % 20),
		};
	if (draw(self) % 3 == 0) {
		page->request = (u32)draw(self) & 15;
		page->advance_length = (u32)draw(self) % 20;
	}
	if (draw(self) % 4 == 0)
		page->dirty =
			(u32)draw(self) | (is_svm() ? (u32)(VCPU_SEGMENTS | VCPU_CONTROL) : 0);
	if (draw(self) % 16 == 0)
		page->want[draw(self) % EXIT_REASON_COUNT] = (u32)draw(self);
	page->deadline_tsc =
		draw(self) % 200 == 0 ? draw_value(self) : clock_tsc() + draw(self) % DEADLINE_TSC;
}

static void run(struct hostile *self, struct play *play)
{
	struct vcpu_page *page = play->page;

	for (u32 i = 0; i < RUNS; i++) {
		struct syscall_result result =
			syscall_raw(SYS_VCPU_RUN, (const u64[6]){play->vcpu});
		u32 reason;

		shared->by_status[result.status & 15]++;
		if (result.status != STATUS_OK) {
			shared->refused[result.status & 15]++;
			return;
		}
		reason = page->exit.reason % EXIT_REASON_COUNT;
		shared->runs++;
		shared->exits[reason]++;
		if (reason == EXIT_DEADLINE || reason == EXIT_ENTRY_FAILED ||
		    reason == EXIT_TRIPLE_FAULT || reason == EXIT_MEMORY)
			return;
		page->request = REQUEST_ADVANCE;
		page->advance_length =
			page->exit.instruction_length != 0 ? page->exit.instruction_length : 2;
		if (draw(self) % 4 == 0)
			page->gpr[draw(self) % GPR_COUNT] = draw_value(self);
	}
}

static void check_dump(const struct play *play)
{
	if (syscall_raw(SYS_VCPU_GET, (const u64[6]){play->vcpu, VCPU_DUMP}).status != STATUS_OK)
		return;
	for (u32 i = 0; i < play->page->dump_count && i < ARRAY_COUNT(play->page->dump); i++) {
		u32 id = play->page->dump[i].id;
		u64 value = play->page->dump[i].value;

		/* masks have all their upper bits set */
		if (is_kernel_address(value) &&
		    (is_svm() || id < VMCS_CR0_MASK || id > VMCS_CR4_SHADOW))
			leak(LEAK_DUMP, id, value);
	}
}

static void round(struct hostile *self, struct play *play, u64 number)
{
	struct vcpu_page *page = play->page;
	u64 times = draw(self) % 3 != 0 ? draw(self) % 4 : draw(self) % 40;
	u64 at;

	if (number == 0 || draw(self) % 2 == 0) {
		fill_code(self, play->code + CODE_AT);
		fill_tables(play->code);
		fill_state(self, page);
		if (number == 0)
			check_dump(play); /* checks the dump of the vCPU's first, all-zero state */
	}
	for (u64 i = 0; i < times; i++)
		mutate_word(self, page);
	scribble(self);
	fill_requests(self, page);
	run(self, play);
	if (draw(self) % 8 == 0) {
		(void)syscall_raw(SYS_VCPU_GET, (const u64[6]){play->vcpu, draw(self)});
		(void)syscall_raw(SYS_VCPU_GET, (const u64[6]){play->vcpu, VCPU_DUMP});
	}
	if (draw(self) % 16 == 0)
		(void)syscall_raw(SYS_VCPU_KICK, (const u64[6]){play->vcpu});
	if (draw(self) % 64 != 0)
		return;
	(void)syscall_raw(SYS_SPACE_UNMAP, (const u64[6]){play->space, 0, RAM_PAGES * PAGE_SIZE});
	(void)!sys_space_map(play->space, 0, play->ram, 0, RAM_PAGES * PAGE_SIZE,
			     RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, &at);
}

/* Makes a vCPU as a monitor does; any step may be refused for want of quota. */
static bool set_up(struct hostile *self, struct play *play)
{
	const u32 both = RIGHT_READ | RIGHT_WRITE;
	u64 at;

	if (draw(self) % 2 != 0) {
		play->vm = start_handle(START_VM);
		play->space = start_handle(START_VM_SPACE);
	} else {
		play->own_vm = true;
		if (sys_space_create(own_group, &play->space) != STATUS_OK ||
		    sys_vm_create(own_group, play->space, &play->vm) != STATUS_OK)
			return false;
	}
	if (sys_memory_create(own_group, RAM_PAGES * PAGE_SIZE, MEMORY_GUEST, &play->ram) ||
	    sys_memory_create(own_group, 2 * PAGE_SIZE, MEMORY_PINNED, &play->memory) ||
	    sys_queue_create(own_group, &play->queue) ||
	    sys_space_map(own_space, 0, play->ram, 0, RAM_PAGES * PAGE_SIZE, both, &play->ram_at) ||
	    sys_space_map(own_space, 0, play->memory, 0, 2 * PAGE_SIZE, both, &play->page_at))
		return false;
	(void)!sys_space_map(play->space, 0, play->ram, 0, RAM_PAGES * PAGE_SIZE,
			     both | RIGHT_EXECUTE, &at);
	play->page = (struct vcpu_page *)play->page_at;
	play->code = (u8 *)play->ram_at;
	return sys_vcpu_create(play->vm, play->memory, 0, play->queue, &play->vcpu) == STATUS_OK;
}

/*
 * Takes everything down, some of it by destroying objects, some by closing handles, in any order.
 */
static void take_down(struct hostile *self, struct play *play)
{
	const handle_t handles[] = {play->vcpu,
				    play->queue,
				    play->memory,
				    play->ram,
				    play->own_vm ? play->vm : HANDLE_NONE,
				    play->own_vm ? play->space : HANDLE_NONE};
	u64 first = draw(self) % ARRAY_COUNT(handles);

	if (play->vcpu != HANDLE_NONE && draw(self) % 2 != 0)
		(void)sys_object_destroy(play->vcpu);
	for (u64 i = 0; i < ARRAY_COUNT(handles); i++) {
		handle_t handle = handles[(first + i) % ARRAY_COUNT(handles)];

		if (handle != HANDLE_NONE)
			(void)sys_handle_close(handle);
	}
	if (play->page_at != 0)
		(void)sys_space_unmap(own_space, play->page_at, 2 * PAGE_SIZE);
	if (play->ram_at != 0)
		(void)sys_space_unmap(own_space, play->ram_at, RAM_PAGES * PAGE_SIZE);
	if (!play->own_vm)
		(void)sys_space_unmap(play->space, 0, RAM_PAGES * PAGE_SIZE);
}

void vcpu_play(struct hostile *self, u64 rounds)
{
	struct play play = {.vm = HANDLE_NONE};
	u64 slot = draw(self) % THREADS;

	shared->plays++;
	if (set_up(self, &play)) {
		shared->played++;
		live[slot] = play.page;
		for (u64 i = 0; i < rounds; i++)
			round(self, &play, i);
		live[slot] = NULL;
	}
	take_down(self, &play);
}
