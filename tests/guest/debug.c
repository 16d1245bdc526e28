/* SPDX-License-Identifier: MIT */
/* Shows that breakpoints, watchpoints and single steps trap, also on instructions that exit. */
#include "tests/guest/rt/devices.h"

#define DR6_B0		BIT(0)
#define DR6_BD		BIT(13)
#define DR6_BS		BIT(14)
#define DR7_L0		BIT(0)
#define DR7_RW0_WRITE	(1ull << 16)
#define DR7_LEN0_4	(3ull << 18)
#define STEPS_MAX	32u
#define PIN_SERIAL	4u
#define SERIAL_IER	0x3f9u
#define SERIAL_MCR	0x3fcu
#define SERIAL_IER_THRE 0x02u
#define SERIAL_MCR_OUT2 0x08u /* the bit that lets the UART's interrupt out */

static word steps[STEPS_MAX];
static u32 step_count;
static u64 step_dr6;
static u32 step_without_bs;

#define DEBUG_REGISTER(number)                                                                     \
	static u64 read_dr##number(void)                                                           \
	{                                                                                          \
		u64 value;                                                                         \
                                                                                                   \
		asm volatile("mov %%dr" #number ", %0" : "=r"(value)::"memory");                   \
		return value;                                                                      \
	}                                                                                          \
                                                                                                   \
	static void write_dr##number(u64 value)                                                    \
	{                                                                                          \
		asm volatile("mov %0, %%dr" #number ::"r"(value) : "memory");                      \
	}
DEBUG_REGISTER(0)
DEBUG_REGISTER(6)
DEBUG_REGISTER(7)

static void on_debug(struct trap_frame *frame)
{
	if (step_count < STEPS_MAX)
		steps[step_count] = frame->rip;
	step_count++;
	step_dr6 = read_dr6();
	step_without_bs += (step_dr6 & DR6_BS) == 0;
	write_dr6(DR6_RESET);
	frame->rflags |= RFLAGS_RF; /* do not hit a breakpoint on this instruction again */
}

static void forget(void)
{
	step_count = 0;
	step_dr6 = 0;
	step_without_bs = 0;
	write_dr6(DR6_RESET);
}

static void test_registers(void)
{
	write_dr0(0x123456789abcull);
	cpuid(0, 0);
	check_equal("dr0", read_dr0(), 0x123456789abcull);
	write_dr0(0);
	check_equal("dr6", read_dr6(), DR6_RESET);
	check_equal("dr7", read_dr7(), DR7_RESET);
}

static void test_breakpoint(void)
{
	word at;

	forget();
	asm volatile("lea 1f(%%rip), %0\n\t"
		     "mov %0, %%dr0\n\t"
		     "mov %1, %%dr7\n"
		     "1:\tnop\n\t"
		     "mov %2, %%dr7"
		     : "=&r"(at)
		     : "r"(DR7_RESET | DR7_L0), "r"(DR7_RESET)
		     : "memory");
	check_equal("breakpoint", step_count, 1);
	check_equal("breakpoint-rip", steps[0], at);
	check_equal("breakpoint-dr6", step_dr6 & (DR6_B0 | DR6_BS), DR6_B0);
}

/* On an instruction that exits. */
static void test_breakpoint_exit(void)
{
	word at;

	forget();
	asm volatile("lea 1f(%%rip), %0\n\t"
		     "mov %0, %%dr0\n\t"
		     "mov %1, %%dr7\n\t"
		     "xor %%eax, %%eax\n"
		     "1:\tcpuid\n\t"
		     "mov %2, %%dr7"
		     : "=&S"(at)
		     : "D"(DR7_RESET | DR7_L0), "r"(DR7_RESET)
		     : "memory", "rax", "rbx", "rcx", "rdx");
	check_equal("breakpoint-on-cpuid", step_count, 1);
	check_equal("breakpoint-on-cpuid-rip", steps[0], at);
}

/* After an instruction that the monitor has emulated: RF must not hide the breakpoint. */
static void test_breakpoint_behind_mmio(void)
{
	word at;

	forget();
	asm volatile("lea 1f(%%rip), %0\n\t"
		     "mov %0, %%dr0\n\t"
		     "mov %1, %%dr7\n\t"
		     "mov (%3), %%eax\n"
		     "1:\tnop\n\t"
		     "mov %2, %%dr7"
		     : "=&S"(at)
		     : "D"(DR7_RESET | DR7_L0), "r"(DR7_RESET),
		       "r"(register32(LAPIC_DEFAULT_ADDRESS + LAPIC_ID))
		     : "memory", "rax");
	check_equal("breakpoint-behind-mmio", step_count, 1);
	check_equal("breakpoint-behind-mmio-rip", steps[0], at);
}

static void test_watchpoint(void)
{
	static volatile u32 watched;

	forget();
	write_dr0((word)&watched);
	write_dr7(DR7_RESET | DR7_L0 | DR7_RW0_WRITE | DR7_LEN0_4);
	(void)watched;
	check_equal("watch-read", step_count, 0);
	watched = 5;
	write_dr7(DR7_RESET);
	check_equal("watch-write", step_count, 1);
	check_equal("watch-dr6", step_dr6 & DR6_B0, DR6_B0);
}

/*
 * A place in debug_code.S: instructions executed with TF set, and where the trap of each must come.
 */
struct step {
	const char *name;
	word rip;
};

void debug_steps(void);
extern const struct step debug_expected[];
extern const struct step debug_expected_end[];

/* Merges two steps in a row, which are right: the instruction before ends there, too. */
static void merge_steps(void)
{
	u32 kept = 0;

	for (u32 i = 0; i < step_count; i++) {
		if (i < 2 || steps[i] != steps[i - 1] || steps[i] != steps[i - 2])
			steps[kept++] = steps[i];
	}
	step_count = kept;
}

static void test_steps(void)
{
	u32 wanted = (u32)(debug_expected_end - debug_expected);

	forget();
	debug_steps();
	if (lacks("rep-steps")) { /* QEMU has one step more on REP when its count is 0 */
		absent("rep-steps");
		merge_steps();
	}
	for (u32 i = 0; i < wanted; i++)
		check_equal(debug_expected[i].name, i < step_count ? steps[i] : 0,
			    debug_expected[i].rip);
	check_equal("steps", step_count, wanted);
	check_equal("step-dr6", step_dr6 & (DR6_B0 | DR6_BS), DR6_BS);
	check_equal("step-dr6-each", step_without_bs, 0);
}

/* The shadow of STI holds off interrupts only: the trap comes right after STI itself. */
static void test_step_sti(void)
{
	word at;

	if (lacks("step-sti")) { /* QEMU executes the next instruction as well */
		absent("step-sti");
		return;
	}
	forget();
	asm volatile("lea 1f(%%rip), %0\n\t"
		     "pushfq\n\t"
		     "pushfq\n\t"
		     "cli\n\t"
		     "andl %2, (%%rsp)\n\t"
		     "orl %1, (%%rsp)\n\t"
		     "popfq\n\t"
		     "sti\n"
		     "1:\tnop\n\t"
		     "popfq"
		     : "=&r"(at)
		     : "i"(RFLAGS_TF), "i"(~RFLAGS_IF)
		     : "memory");
	check_equal("step-sti", step_count, 3);
	check_equal("step-sti-rip", steps[0], at);
	check_equal("step-sti-next-rip", steps[1], at + 1);
}

static word interrupted_rip;
static u32 interrupted_count; /* steps before the interrupt */

static void on_interrupt(struct trap_frame *frame)
{
	interrupted_rip = frame->rip;
	interrupted_count = step_count;
	lapic_end_of_interrupt(frame);
}

/* SDM vol. 3, table 6-2: the trap of an instruction comes before the interrupt that it raises. */
static void test_step_interrupted(void)
{
	word at;

	forget();
	trap_set_hook(VECTOR_IOAPIC, on_interrupt);
	ioapic_route(PIN_SERIAL, VECTOR_IOAPIC);
	out8(SERIAL_MCR, in8(SERIAL_MCR) | SERIAL_MCR_OUT2);
	asm volatile("lea 1f(%%rip), %0\n\t"
		     "pushfq\n\t"
		     "pushfq\n\t"
		     "orl %1, (%%rsp)\n\t"
		     "popfq\n\t"
		     "out %%al, %%dx\n"
		     "1:\tpopfq"
		     : "=&r"(at)
		     : "i"(RFLAGS_TF | RFLAGS_IF), "a"(SERIAL_IER_THRE), "d"(SERIAL_IER)
		     : "memory");
	out8(SERIAL_IER, 0);
	ioapic_route(PIN_SERIAL, IOAPIC_ENTRY_MASKED);
	check_equal("step-interrupted", step_count, 2); /* one step more after the last POPF */
	check_equal("step-interrupted-rip", steps[0], at);
	check_equal("interrupt-behind-step", interrupted_count, 1);
	check_equal("interrupt-behind-step-rip", interrupted_rip, at);
}

static void touch_dr(void *unused)
{
	(void)unused;
	read_dr0();
}

static void test_general_detect(void)
{
	if (lacks("general-detect")) {
		absent("general-detect");
		return;
	}
	forget();
	trap_set_hook(VECTOR_DB, NULL);
	write_dr7(DR7_RESET | DR7_GD);
	trap_catch(touch_dr, NULL);
	check_trap("general-detect", VECTOR_DB, 0);
	check_equal("general-detect-dr6", read_dr6() & DR6_BD, DR6_BD);
	check_equal("general-detect-clears", read_dr7() & DR7_GD, 0);
	trap_set_hook(VECTOR_DB, on_debug);
}

static void test_icebp(void)
{
	if (lacks("icebp")) { /* QEMU gives #UD */
		absent("icebp");
		return;
	}
	forget();
	asm volatile(".byte 0xf1");
	check_equal("icebp", step_count, 1);
}

void guest_main(void)
{
	trap_set_hook(VECTOR_DB, on_debug);
	pic_mask_all();
	lapic_enable();
	test_registers();
	test_breakpoint();
	test_breakpoint_exit();
	test_breakpoint_behind_mmio();
	test_watchpoint();
	test_steps();
	test_step_sti();
	test_step_interrupted();
	test_icebp();
	test_general_detect();
}
