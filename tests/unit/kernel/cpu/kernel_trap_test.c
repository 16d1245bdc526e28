/* SPDX-License-Identifier: MIT */
/* Where an NMI or a machine check returns to. */
#include "tests/unit/kernel_machine.h"
#include "kernel/cpu/trap.c"

const char sysenter_entry[1];
static u32 checks;

NORETURN void panic_trap(const struct trap_frame *frame, const char *text, ...)
{
	panic("%s", text);
}

void machine_check_taken(struct cpu *cpu, const struct trap_frame *frame)
{
	checks++;
}

void cpus_stop_if_told(struct cpu *cpu, const struct trap_frame *frame)
{
	(void)cpu, (void)frame;
}

void cpu_loop(struct cpu *cpu)
{
	abort();
}

void lapic_eoi(void)
{
}

/* The code of the windows in which ring 0 has interrupts enabled. */
static const u8 idle[] = {0x90, 0xfb, 0xf4, 0xfa};	    /* NOP, STI, HLT, CLI */
static const u8 look[] = {0x90, 0xfb, 0x90, 0xfa};	    /* NOP, STI, NOP, CLI */
static const u8 leaving[] = {0x59, 0xfb, 0x48, 0x0f, 0x35}; /* POP, STI, SYSEXIT */

static struct trap_frame hit(enum trap_vector vector, const u8 *rip, u64 rflags, u64 cs)
{
	struct trap_frame frame = {
		.vector = vector, .rip = (u64)rip, .rflags = rflags, .cs = cs, .rsp = 0x1234};

	machine_cpu.pending = 0;
	trap_nmi(&frame);
	assert_int_equal(frame.rsp, 0x1234);
	return frame;
}

static void expect_back(enum trap_vector vector, const u8 *rip)
{
	struct trap_frame frame = hit(vector, rip, RFLAGS_FIXED | RFLAGS_IF, 8);

	assert_int_equal(frame.rip, (u64)rip - 1);
	assert_int_equal(frame.rflags, RFLAGS_FIXED);
}

static void expect_there(const u8 *rip, u64 rflags, u64 cs)
{
	struct trap_frame frame = hit(TRAP_NMI, rip, rflags, cs);

	assert_int_equal(frame.rip, (u64)rip);
	assert_int_equal(frame.rflags, rflags);
}

/* In STI's shadow an interrupt returns to STI, which restores the shadow. */
static void test_shadow(void **state)
{
	expect_back(TRAP_NMI, idle + 2);
	assert_int_equal(machine_cpu.nmi_rip, (u64)(idle + 2)); /* the RIP that was interrupted */
	assert_int_equal(machine_cpu.pending, PENDING_NMI);
	expect_back(TRAP_NMI, leaving + 2);
	expect_back(TRAP_NMI, look + 2);
	expect_back(TRAP_MACHINE_CHECK, idle + 2);
	assert_int_equal(checks, 1);
}

static void test_elsewhere(void **state)
{
	/* an address of ring 3, which must not be read */
	const u8 *ring3 = (const u8 *)0x7654321000;

	expect_there(idle + 1, RFLAGS_FIXED, 8);
	expect_there(idle + 2, RFLAGS_FIXED, 8); /* IF is clear: no STI ran */
	expect_there(idle + 3, RFLAGS_FIXED | RFLAGS_IF, 8);
	expect_there(look + 3, RFLAGS_FIXED | RFLAGS_IF, 8);
	expect_there(ring3, RFLAGS_FIXED | RFLAGS_IF, SELECTOR_USER_CODE);
	expect_there(ring3, RFLAGS_FIXED, 8); /* ring 0, but RIP is still ring 3's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shadow),
		cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
