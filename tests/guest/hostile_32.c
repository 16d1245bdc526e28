/* SPDX-License-Identifier: MIT */
/*
 * What only 32-bit code can do: task switches, valid and invalid, by CALL and through gates. Words
 * of the command line select other tests: `align`, #AC whose delivery is misaligned for ever (as in
 * CVE-2015-5307); `task-storm`, switches without end; `task-at=N`, a switch to a task at address N;
 * `tables-at=N`, a switch to a task whose page tables are there.
 */
#include "arch/x86_64/hw/descriptor.h"
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/cpu.h"

#define TASK_AT		     0x58u /* the selectors of tasks, after those of the run-time */
#define TASK_GATE_AT	     0x60u
#define TSS_BYTES	     104u
#define DESCRIPTOR_TASK_GATE 0x5u
#define DESCRIPTOR_PRESENT   0x80u

struct task {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs, ldt, map;
};
_Static_assert(sizeof(struct task) == TSS_BYTES, "SDM vol. 3, figure 8-2");

extern u64 gdt[];
static u64 own_gdt[32] ALIGNED(16);
static struct task task ALIGNED(128);
static u8 stack[4096] ALIGNED(16);
static volatile u32 task_runs;

static void descriptor(u32 selector, u32 base, u32 limit, u32 type)
{
	own_gdt[selector / 8] = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 |
				(u64)(type | DESCRIPTOR_PRESENT) << 40 | (u64)(base >> 24) << 56;
}

/* Runs as the other task: counts, and goes back by IRET with NT set. */
static void task_main(void)
{
	for (;;) {
		task_runs++;
		asm volatile("iret");
	}
}

static void fill_task(void)
{
	task = (struct task){
		.eip = (u32)task_main,
		.eflags = RFLAGS_FIXED,
		.esp = (u32)stack + sizeof(stack),
		.cs = 0x18,
		.ss = 0x10,
		.ds = 0x10,
		.es = 0x10,
		.map = TSS_BYTES << 16,
	};
	descriptor(TASK_AT, (u32)&task, TSS_BYTES - 1, DESCRIPTOR_TSS_AVAILABLE);
	own_gdt[TASK_GATE_AT / 8] =
		(u64)TASK_AT << 16 | (u64)(DESCRIPTOR_TASK_GATE | DESCRIPTOR_PRESENT) << 40;
}

static void do_call(void *selector)
{
	struct {
		u32 offset;
		u16 selector;
	} PACKED far = {0, (u16)(word)selector};

	asm volatile("lcall *%0" ::"m"(far) : "memory", "cc");
}

static void switch_to(u32 selector)
{
	trap_catch(do_call, (void *)selector);
}

static void test_tasks(void)
{
	/* the last byte of a TSS of 32 bits is its 103rd, of one of 16 bits its 43rd */
	static const struct {
		u32 type, limit;
	} cut[] = {{0x9, 0},   {0x9, 1}, {0x9, 43}, {0x9, 50},
		   {0x9, 102}, {0x1, 0}, {0x1, 1},  {0x1, 42}};

	fill_task();
	switch_to(TASK_AT);
	check_equal("task-call", task_runs, 1);
	fill_task();
	switch_to(TASK_GATE_AT);
	check_equal("task-gate", task_runs, 2);
	for (u32 i = 0; i < ARRAY_COUNT(cut); i++) {
		fill_task();
		descriptor(TASK_AT, (u32)&task, cut[i].limit, cut[i].type);
		switch_to(TASK_AT);
		check_trap("task-short", VECTOR_TS, TASK_AT);
	}
	fill_task();
	descriptor(TASK_AT, (u32)&task, 0xffff, DESCRIPTOR_TSS_AVAILABLE);
	switch_to(TASK_AT);
	check_equal("task-long", task_runs, 3);
	/* busy, absent, beyond the table, in an LDT that is not there */
	fill_task();
	descriptor(TASK_AT, (u32)&task, TSS_BYTES - 1, DESCRIPTOR_TSS_AVAILABLE | 2);
	switch_to(TASK_AT);
	check_trap("task-busy", VECTOR_GP, TASK_AT);
	descriptor(TASK_AT, (u32)&task, TSS_BYTES - 1, DESCRIPTOR_TSS_AVAILABLE);
	own_gdt[TASK_AT / 8] &= ~((u64)DESCRIPTOR_PRESENT << 40);
	switch_to(TASK_AT);
	check_trap("task-absent", VECTOR_NP, TASK_AT);
	switch_to(0xfff8);
	check_trap("task-beyond", VECTOR_GP, 0xfff8);
	switch_to(TASK_AT | 4);
	check_trap("task-no-ldt", VECTOR_GP, TASK_AT | 4);
}

/* A task where there is no RAM, or at its end. */
static void task_at(u32 base)
{
	fill_task();
	descriptor(TASK_AT, base, TSS_BYTES - 1, DESCRIPTOR_TSS_AVAILABLE);
	switch_to(TASK_AT);
}

/* Paging with pages of 4 MiB, and a task whose own page tables are at `base`. */
static void task_tables_at(u32 base)
{
	static u32 directory[1024] ALIGNED(4096);

	for (u32 i = 0; i < ARRAY_COUNT(directory); i++)
		directory[i] = i << 22 | PTE_P | PTE_W | PTE_PS;
	write_cr4(read_cr4() | CR4_PSE);
	write_cr3((word)directory);
	write_cr0(read_cr0() | CR0_PG);
	fill_task();
	task.cr3 = base;
	switch_to(TASK_AT);
}

NORETURN static void task_storm(void)
{
	fill_task();
	for (;;)
		do_call((void *)TASK_AT);
}

/*
 * #AC in ring 3 whose gate leads to ring 3 on the same misaligned stack: its delivery is
 * misaligned as well.
 */
static void align_for_ever(void)
{
	static u8 code[] ALIGNED(16) = {
		0x9c, 0x81, 0x0c, 0x24, 0x00, 0x00, 0x04, 0x00, 0x9d, /* pushf, set AC, popf */
		0x83, 0xec, 0x01,				      /* sub $1, %esp */
		0x50, 0xeb, 0xfd,				      /* push %eax, for ever */
	};
	static u64 gates[32] ALIGNED(16);
	struct {
		u16 limit;
		u32 base;
	} PACKED pointer = {sizeof(gates) - 1, (u32)gates};

	gates[VECTOR_AC] = ((u32)code & 0xffff) | (u64)0x33 << 16 | (u64)0xee << 40 |
			   (u64)((u32)code >> 16) << 48;
	asm volatile("lidt %0" ::"m"(pointer));
	write_cr0(read_cr0() | CR0_AM);
	trap_user((word)code, (word)stack + 2048);
}

void guest_main(void)
{
	struct {
		u16 limit;
		u32 base;
	} PACKED pointer;

	asm volatile("sgdt %0" : "=m"(pointer));
	for (u32 i = 0; i < (pointer.limit + 1u) / 8; i++)
		own_gdt[i] = gdt[i];
	pointer.limit = sizeof(own_gdt) - 1;
	pointer.base = (u32)own_gdt;
	asm volatile("lgdt %0" ::"m"(pointer));
	if (option("align"))
		align_for_ever();
	if (option("task-storm"))
		task_storm();
	if (option_number("task-at", 0) != 0)
		task_at((u32)option_number("task-at", 0));
	else if (option_number("tables-at", 0) != 0)
		task_tables_at((u32)option_number("tables-at", 0));
	else
		test_tasks();
}
