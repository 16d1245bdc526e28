/* SPDX-License-Identifier: MIT */
/*
 * Shows that virtual-8086 mode behaves, with exits, faults and interrupts out of it, its ports and
 * devices.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/devices.h"
#include "tests/guest/v8086.h"

#define RFLAGS_IOPL_3 (3u << 12)
#define FW_CFG_PORT   0x510u
#define SERIAL_PORT   0x3f8u

struct v8086_start {
	u32 ip;
	u32 flags;
};

void v8086_enter(void *start);
extern char v8086_start[], v8086_end[];
extern char v8086_segments[], v8086_cpuid[], v8086_limit[], v8086_string[], v8086_sensitive[],
	v8086_flags[], v8086_halt[], v8086_port[], v8086_port_refused[], v8086_outs[],
	v8086_device[], v8086_wait[], v8086_step[];

static volatile u32 *const results = (volatile u32 *)RESULTS_AT;
static volatile u32 directory[1024] ALIGNED(4096);
static volatile u32 leaves[1024] ALIGNED(4096);
static volatile u32 steps;
static volatile u32 seen_flags; /* the flags that an interrupt or a step has saved */

/* Runs a piece; `trap` says how it ended. */
static void run(const char *piece, u32 flags)
{
	struct v8086_start start = {
		.ip = (u32)(piece - v8086_start),
		.flags = flags | (u32)(RFLAGS_FIXED | RFLAGS_VM),
	};

	for (u32 i = 0; i < 8; i++)
		results[i] = 0;
	trap_catch(v8086_enter, &start);
}

/* Runs a piece that must reach its INT 0x80. */
static void run_well(const char *name, const char *piece, u32 flags)
{
	run(piece, flags | RFLAGS_IOPL_3);
	check_trap(name, 0x80, 0);
}

static void expect_gp(const char *name, const char *piece, u32 flags)
{
	run(piece, flags);
	check_trap(name, VECTOR_GP, 0);
	check_equal("gp-rip", trap.rip & 0xffff0000, 0);
}

static void test_code(void)
{
	run_well("segments", v8086_segments, 0);
	check_equal("segment-base", results[0], 0x06000000 | (0x1234 + 0x1111));
	check_equal("segment-next", results[4], 0x5678);
	check_equal("vm-flag", trap.rflags & (RFLAGS_VM | RFLAGS_IOPL_3),
		    RFLAGS_VM | RFLAGS_IOPL_3);
	run_well("exit", v8086_cpuid, 0);
	check_equal("cpuid", results[0], cpuid(0, 0).ebx);
	run_well("string", v8086_string, 0);
	check_equal("string-moved", results[4], 0x44332211);
	if (lacks("limit")) /* QEMU checks no limit here */
		absent("limit");
	else
		expect_gp("limit", v8086_limit, RFLAGS_IOPL_3);
}

/* SDM vol. 3, 21.2.7: what IOPL < 3 forbids, and HLT always. */
static void test_sensitive(void)
{
	run_well("cli-iopl-3", v8086_sensitive, 0);
	expect_gp("cli-iopl-0", v8086_sensitive, 0);
	run_well("pushf-iopl-3", v8086_flags, RFLAGS_CF);
	check_equal("pushf-value", results[0] & 0x3003, RFLAGS_IOPL_3 | 2 | RFLAGS_CF);
	expect_gp("pushf-iopl-0", v8086_flags, 0);
	expect_gp("int-iopl-0", v8086_cpuid, 0);
	expect_gp("hlt", v8086_halt, RFLAGS_IOPL_3);
}

/* The map of the TSS decides, whatever IOPL is: SDM vol. 1, 19.5.2. */
static void test_ports(void)
{
	expect_gp("port-refused", v8086_port_refused, RFLAGS_IOPL_3);
	trap_allow_ports(FW_CFG_PORT, 3);
	trap_allow_ports(SERIAL_PORT, 1);
	run_well("port-allowed", v8086_port, 0);
	check_equal("port-string", results[0], 0x554d4551); /* the string "QEMU" */
	run_well("outsb", v8086_outs, 0);
}

static void map(void)
{
	write_cr4(CR4_PSE);
	for (u32 i = 0; i < 1024; i++) {
		directory[i] = i << 22 | (u32)(PTE_P | PTE_W | PTE_PS);
		leaves[i] = i << 12 | (u32)(PTE_P | PTE_W | PTE_U);
	}
	directory[0] = (word)leaves | (u32)(PTE_P | PTE_W | PTE_U);
	leaves[WINDOW_AT >> 12] = LAPIC_DEFAULT_ADDRESS | (u32)(PTE_P | PTE_W | PTE_U | PTE_PCD);
	write_cr3((word)directory);
	write_cr0(read_cr0() | CR0_PG);
}

/* The emulator decodes instructions and finds addresses as in this mode. */
static void test_device(void)
{
	lapic_put(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
	run_well("device", v8086_device, 0);
	check_equal("device-read", results[0], lapic_get(LAPIC_VERSION));
	check_equal("device-moved", results[1], 0x1800000);
	lapic_put(LAPIC_TIMER_INITIAL, 0);
	leaves[WINDOW_AT >> 12] &= ~(u32)PTE_U;
	invalidate_page(WINDOW_AT);
	run(v8086_device, RFLAGS_IOPL_3);
	check_trap("page-fault", VECTOR_PF, PF_ERROR_P | PF_ERROR_U);
	check_equal("page-fault-address", trap.cr2, WINDOW_AT + LAPIC_VERSION);
}

static void count_step(struct trap_frame *frame)
{
	steps++;
	seen_flags = frame->rflags;
}

static void end_wait(struct trap_frame *frame)
{
	seen_flags = frame->rflags;
	results[0] = 1;
	lapic_end_of_interrupt(frame);
}

static void test_events(void)
{
	trap_set_hook(VECTOR_TIMER, end_wait);
	lapic_put(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_16);
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER);
	lapic_put(LAPIC_TIMER_INITIAL, 100000);
	run_well("interrupt", v8086_wait, RFLAGS_IF);
	check_equal("interrupt-flags", seen_flags & (RFLAGS_VM | RFLAGS_IF), RFLAGS_VM | RFLAGS_IF);
	check_equal("interrupt-once", trap_count[VECTOR_TIMER], 1);

	trap_set_hook(VECTOR_DB, count_step);
	run_well("single-step", v8086_step, RFLAGS_TF);
	trap_set_hook(VECTOR_DB, NULL);
	check_equal("steps", steps, 3);
	check_equal("step-flags", seen_flags & (RFLAGS_VM | RFLAGS_TF), RFLAGS_VM | RFLAGS_TF);
}

void guest_main(void)
{
	for (u32 i = 0; i < (u32)(v8086_end - v8086_start); i++)
		((volatile char *)CODE_AT)[i] = v8086_start[i];
	pic_mask_all();
	lapic_enable();
	test_code();
	test_sensitive();
	test_ports();
	map();
	test_device();
	test_events();
}
