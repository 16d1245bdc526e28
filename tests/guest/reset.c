/* SPDX-License-Identifier: MIT */
/*
 * Does each way to reset the machine start it afresh: triple fault, port 0xcf9, keyboard controller
 * (ACPI's is not offered)? A CMOS byte, which survives a reset, says which of them is next.
 */
#include "tests/guest/rt/devices.h"

#define STAGE_REG	     0x50u
#define MAGIC_REG	     0x51u
#define MAGIC		     0xa7u
#define RESET_PORT	     0xcf9u
#define KEYBOARD_PORT	     0x64u
#define KEYBOARD_PULSE_RESET 0xfeu

static u8 stage(void)
{
	return rtc_get(MAGIC_REG) == MAGIC ? rtc_get(STAGE_REG) : 0;
}

static NORETURN void wait_for_it(const char *name)
{
	wait_us(2000000);
	fail(name, "nothing happened for two seconds");
	finish();
}

static NORETURN void triple_fault(void)
{
	struct {
		u16 limit;
		word base;
	} PACKED none = {0, 0};

	asm volatile("lidt %0; ud2" ::"m"(none));
	wait_for_it("triple-fault");
}

static void test_state(void)
{
	u64 dr7;

	asm volatile("mov %%dr7, %0" : "=r"(dr7));
	check_equal("dr7-is-fresh", dr7, DR7_RESET);
	check_equal("lstar-is-fresh", read_msr(MSR_LSTAR), 0);
	check_equal("lapic-is-fresh", lapic_get(LAPIC_LVT_TIMER), LAPIC_LVT_MASKED);
	check_equal("tpr-is-fresh", lapic_get(LAPIC_TPR), 0);
}

/* Leaves marks in memory and registers that a reset must undo. */
static void leave_marks(void)
{
	lapic_enable();
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER | LAPIC_LVT_MASKED);
	lapic_put(LAPIC_TPR, 0x70);
	write_msr(MSR_LSTAR, 0x1234);
	asm volatile("mov %0, %%dr7" ::"r"(0x401ull));
}

static void advance(void)
{
	rtc_put(STAGE_REG, (u8)(stage() + 1));
	rtc_put(MAGIC_REG, MAGIC);
}

void guest_main(void)
{
	u8 now = stage();

	check("pm-timer", clock_init(), "no FADT with a PM timer");
	if (now > 0)
		test_state();
	leave_marks();
	advance();
	switch (now) {
	case 0:
		print("INFO triple fault\n");
		triple_fault();
	case 1:
		pass("triple-fault");
		out8(RESET_PORT, 0x02);
		out8(RESET_PORT, 0x06);
		wait_for_it("port-cf9");
	case 2:
		pass("port-cf9");
		out8(KEYBOARD_PORT, KEYBOARD_PULSE_RESET);
		wait_for_it("keyboard-controller");
	default:
		pass("keyboard-controller");
		rtc_put(MAGIC_REG, 0);
		break;
	}
}
