/* SPDX-License-Identifier: MIT */
/* A panic's backtraces: the frames on a CPU's own stacks, and nothing if RBP is elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <cmocka.h>

#define cli	 cli_of_cpu
#define read_cr0 read_cr0_of_cpu
#define read_cr2 read_cr2_of_cpu
#define read_cr3 read_cr3_of_cpu
#define read_cr4 read_cr4_of_cpu
#include "arch/x86_64/cpu/instructions.h"
#undef cli
#undef read_cr0
#undef read_cr2
#undef read_cr3
#undef read_cr4
#define cli()
#define read_cr0() 0ul
#define read_cr2() 0ul
#define read_cr3() 0ul
#define read_cr4() 0ul
#define this_cpu   this_cpu_of_stack
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu
#define this_cpu() (&cpus[0])

static struct cpu cpus[3];

#include "lib/string.c"
#include "arch/x86_64/cpu/panic.c"
#include "kernel/log/log_last.c"
#include "arch/x86_64/cpu/print.c"

const char __image_start[1], __image_end[1];
const char __logfmt_start[] = "five %u, hex %#lx";
const char blob_symbols_start[1];

static u64 stacks[3][KERNEL_STACK_BYTES / 8] ALIGNED(KERNEL_STACK_BYTES);
static char printed[8192];
static jmp_buf halted;
static struct log_ring ring;
static const struct log_ring *shown_log = &ring;

void uart_init(void)
{
}

void uart_put(char c)
{
	strncat(printed, &c, MIN(1u, sizeof(printed) - strlen(printed) - 1));
}

void uart_puts(const char *text)
{
	while (*text != '\0')
		uart_put(*text++);
}

const char *symbols_name(const struct symbol_table *table, u64 offset, u64 *distance)
{
	(void)table, (void)offset, (void)distance;
	return NULL;
}

u32 cpus_count(void)
{
	return ARRAY_COUNT(cpus);
}

struct cpu *cpus_get(u32 id)
{
	return &cpus[id];
}

void cpus_stop_others(void)
{
}

const struct log_ring *log_ring_of(u32 cpu)
{
	(void)cpu;
	return shown_log;
}

void cpus_virt_leave(struct cpu *cpu)
{
	(void)cpu;
}

NORETURN void cpus_halt(void)
{
	longjmp(halted, 1);
}

static int set_up(void **state)
{
	(void)state;
	memset(stacks, 0, sizeof(stacks));
	printed[0] = '\0';
	panicking = false;
	panic_print_log = log_last_print;
	for (u32 id = 0; id < ARRAY_COUNT(cpus); id++)
		cpus[id] = (struct cpu){.id = id,
					.stack_top = (u64)&stacks[id + 1] - STACK_BASE_BYTES};
	return 0;
}

/* Puts a frame at word `at` of a CPU's stack: the caller's frame, and the return address. */
static u64 put_frame(u32 cpu, u32 at, u64 from, u64 address)
{
	stacks[cpu][at] = from;
	stacks[cpu][at + 1] = address;
	return (u64)&stacks[cpu][at];
}

static void panic_at(u64 rbp)
{
	const struct trap_frame frame = {.rbp = rbp, .cs = 8, .rip = 0x100};

	if (setjmp(halted) == 0)
		panic_trap(&frame, "as a test");
	assert_non_null(strstr(printed, "halted\n"));
}

static bool shows(u64 address)
{
	char line[32];

	snprintf(line, sizeof(line), "  %016llx\n", (unsigned long long)address);
	return strstr(printed, line) != NULL;
}

static void test_backtrace(void **state)
{
	(void)state;
	panic_at(put_frame(0, 100, put_frame(0, 200, 0, 0x222), 0x111));
	assert_true(shows(0x100) && shows(0x111) && shows(0x222));
}

/* A backtrace stops at the stack's end and where a frame pointer leads elsewhere. */
static void test_ends(void **state)
{
	/* clang-format off */
	const u64 elsewhere[] = {~7ull, (u64)&stacks[1], (u64)&stacks[0][50], (u64)&stacks[0][2046],
				 (u64)&stacks[0][2045], (u64)&stacks[0][201] + 1};
	/* clang-format on */

	for (u32 i = 0; i < ARRAY_COUNT(elsewhere); i++) {
		set_up(state);
		panic_at(put_frame(0, 100, put_frame(0, 200, elsewhere[i], 0x222), 0x111));
		assert_true(shows(0x111) && shows(0x222));
		assert_false(shows(0));
	}
	stacks[0][2045] = 0x333;
	panicking = false;
	panic_at(put_frame(0, 200, (u64)&stacks[0][2044], 0x222));
	assert_true(shows(0x333)); /* the last frame below struct stack_base */
}

/* With a foreign RBP, as in an exception at the IRET to ring 3, nothing is read. */
static void test_foreign(void **state)
{
	const u64 foreign[] = {0,     8,      0x7654321000,	  ~0ull,
			       ~7ull, ~15ull, 0x8000000000000000, put_frame(1, 100, 0, 0x111)};

	for (u32 i = 0; i < ARRAY_COUNT(foreign); i++) {
		set_up(state);
		put_frame(1, 100, 0, 0x111);
		panic_at(foreign[i]);
		assert_non_null(strstr(printed, "backtrace:\n"));
		assert_false(shows(0x111));
	}
}

/* The NMI stops one CPU in the kernel, and another where RBP is still a guest's. */
static void test_others(void **state)
{
	const struct trap_frame stopped[] = {
		{.cs = 8, .rip = 0x500, .rbp = put_frame(1, 100, 0, 0x111)},
		{.cs = 8, .rip = 0x600, .rbp = 0x7654321000}};

	(void)state;
	put_frame(1, 100, 0, 0x111);
	cpus[1].stopped = &stopped[0];
	cpus[2].stopped = &stopped[1];
	panic_at(0);
	assert_true(shows(0x500) && shows(0x111) && shows(0x600));
}

static void panic_here(void)
{
	if (setjmp(halted) == 0)
		panic("as a test");
}

/*
 * Without a trap frame the backtrace is of the stack in use, whichever it is: here that of an NMI.
 */
static void test_panic(void **state)
{
	static ucontext_t here, there;

	(void)state;
	getcontext(&there);
	there.uc_stack.ss_sp = stacks[1];
	there.uc_stack.ss_size = KERNEL_STACK_BYTES - STACK_BASE_BYTES;
	there.uc_link = &here;
	makecontext(&there, panic_here, 0);
	swapcontext(&here, &there);
	assert_non_null(strstr(printed, "backtrace:\n  "));
	assert_non_null(strstr(printed, "halted\n"));
}

/* Each conversion prints, also with numbers wider than its field. */
static void test_print(void **state)
{
	(void)state;
	print("%s %u %x %#x|", "text", 4294967295u, 0xbeef, 0);
	print("%lu %lx %#lx %016lx %2u", ~0ul, ~0ul, 0x1ul << 63, 0xabcul, 123);
	assert_string_equal(printed, "text 4294967295 beef 0x0|18446744073709551615 "
				     "ffffffffffffffff 0x8000000000000000 0000000000000abc 123");
}

static void test_log(void **state)
{
	static struct {
		struct log_ring ring;
		struct log_entry entry[2];
	} log = {
		.ring = {.written = 2, .capacity = 2},
		.entry = {{.sequence = 1, .tsc = 77, .argument = {5, 0x1234567890}},
			  {.sequence = 1, .tsc = 88}},
	};

	set_up(state);
	shown_log = &log.ring;
	panic_at(0);
	shown_log = &ring;
	assert_non_null(
		strstr(printed, "last log entries:\n  77 five 5, hex 0x1234567890\nhalted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_backtrace, set_up),
		cmocka_unit_test_setup(test_ends, set_up),
		cmocka_unit_test_setup(test_foreign, set_up),
		cmocka_unit_test_setup(test_others, set_up),
		cmocka_unit_test_setup(test_panic, set_up),
		cmocka_unit_test_setup(test_print, set_up),
		cmocka_unit_test_setup(test_log, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
