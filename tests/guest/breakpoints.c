/* SPDX-License-Identifier: MIT */
/*
 * Shows that INT3 and INT n push the address behind them, whoever looks on: with prefixes, across a
 * page boundary, to a stack never touched before, and when other bytes have taken their place
 * meanwhile.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/devices.h"

#define TEST_AT	       (1ull << 39) /* the second entry of the PML4 is this test's */
#define UNTOUCHED_AT   0x1000000ull /* RAM that nobody has used yet, at places 64 KiB apart */
#define UNTOUCHED_STEP 0x10000ull
#define VECTOR_INT_N   0x70u
#define INT3	       0xcc
#define INT_N	       0xcd
#define NOP	       0x90
#define RET	       0xc3
#define REPLACEMENTS   200u

/* volatile, as the processor writes the tables too */
typedef volatile u64 table[PT_ENTRY_COUNT] ALIGNED(4096);

extern volatile u64 boot_pml4[];
static table pdpt, directory, leaves;
static volatile u8 code[2 * PAGE_SIZE] ALIGNED(4096);
static volatile u8 other[PAGE_SIZE] ALIGNED(4096);

static word behind; /* the instruction under test */
static word pushed; /* the flags that the first delivery has pushed */
static u32 deliveries;

/*
 * Notes the trap, and goes on behind the instruction in any case: an instruction that was not
 * passed would come again.
 */
static void note(struct trap_frame *frame)
{
	if (deliveries++ == 0)
		pushed = frame->rip;
	frame->rip = behind;
}

static void call(word at, u32 length)
{
	behind = at + length;
	deliveries = 0;
	pushed = 0;
	asm volatile("call *%0" ::"r"(at) : "memory");
}

static void check_form(const char *name, u32 offset, const u8 *bytes, u32 length)
{
	u32 i;

	for (i = 0; i < length; i++)
		code[offset + i] = bytes[i];
	code[offset + i] = RET;
	call((word)code + offset, length);
	check_equal(name, deliveries == 1 ? pushed : deliveries, behind);
}

static void test_forms(void)
{
	static const u8 int3[] = {INT3}, int3_prefixed[] = {0x66, INT3}, int_3[] = {INT_N, 3};
	static const u8 int_n[] = {INT_N, VECTOR_INT_N};
	static const u8 int_n_prefixed[] = {0x2e, 0x66, INT_N, VECTOR_INT_N};

	check_form("int3", 0, int3, sizeof(int3));
	check_form("int3-prefixed", 0, int3_prefixed, sizeof(int3_prefixed));
	check_form("int3-prefix-across", PAGE_SIZE - 1, int3_prefixed, sizeof(int3_prefixed));
	check_form("int-3", 0, int_3, sizeof(int_3));
	check_form("int-n", 0, int_n, sizeof(int_n));
	check_form("int-n-across", PAGE_SIZE - 1, int_n, sizeof(int_n));
	check_form("int-n-prefixed", 0, int_n_prefixed, sizeof(int_n_prefixed));
}

/*
 * The frame goes to memory never touched before: a second-stage fault cuts the delivery short, and
 * neither is the event lost nor does it come twice.
 */
#define ON_STACK(instruction, stack)                                                               \
	do {                                                                                       \
		deliveries = 0;                                                                    \
		asm volatile("mov %%rsp, %%rbx; lea 1f(%%rip), %%rax; mov %%rax, %0\n"             \
			     "mov %1, %%rsp\n" instruction "\n1: mov %%rbx, %%rsp"                 \
			     : "=m"(behind)                                                        \
			     : "r"(stack)                                                          \
			     : "rax", "rbx", "memory");                                            \
	} while (0)

static void test_untouched_stack(void)
{
	word stack = UNTOUCHED_AT;

	ON_STACK("int3", stack);
	check_equal("int3-untouched-stack", deliveries == 1 ? pushed : deliveries, behind);
	stack += UNTOUCHED_STEP;
	ON_STACK("int $0x70", stack);
	check_equal("int-n-untouched-stack", deliveries == 1 ? pushed : deliveries, behind);
}

static void map(volatile u8 *to)
{
	leaves[0] = (word)to | PTE_P | PTE_W;
}

/*
 * What a processor sees whose neighbour replaces an INT3 that it has fetched already, as Linux does
 * when it patches its code. Here the old byte comes through a translation that the TLB still holds,
 * while the page tables lead to the new one. Executing the new one is as good.
 */
static void test_replaced(void)
{
	u32 fetched = 0, wrong = 0;

	boot_pml4[1] = (word)pdpt | PTE_P | PTE_W;
	pdpt[0] = (word)directory | PTE_P | PTE_W;
	directory[0] = (word)leaves | PTE_P | PTE_W;
	code[0] = INT3;
	other[0] = NOP;
	code[1] = other[1] = code[16] = RET;
	for (u32 i = 0; i < REPLACEMENTS; i++) {
		map(code);
		invalidate_page(TEST_AT);
		call(TEST_AT + 16, 0);
		map(other);
		call(TEST_AT, 1);
		fetched += deliveries;
		if (deliveries != 0 && pushed != behind)
			wrong++;
	}
	if (option("bare"))
		check_between("replaced-fetched", fetched, 1, REPLACEMENTS);
	check_equal("replaced-behind", wrong, 0);
}

void guest_main(void)
{
	trap_set_hook(VECTOR_BP, note);
	trap_set_hook(VECTOR_INT_N, note);
	test_forms();
	test_untouched_stack();
	test_replaced();
}
