/* SPDX-License-Identifier: MIT */
/*
 * Shows that 16-bit code runs: real mode, its interrupts, devices, unreal mode, and back to 32
 * bits; and that a jump to the firmware's first instruction restarts the machine.
 */
#include "tests/guest/rt/devices.h"

#define REAL_CODE_AT 0x7000u
#define BEYOND_A20   0x100010u
/* A CMOS byte, which survives a restart, says that the guest has been here before. */
#define AGAIN_REG 0x50u
#define AGAIN	  0xa7u

const bool firmware_ticks = true;

/*
 * The code of realmode_code.S, which runs at REAL_CODE_AT in real mode and comes back; what it
 * found is in memory.
 */
extern char real_start[], real_end[];
void real_enter(u32 address);

/* The results, at the start of the copy, after a jump */
struct results {
	u8 jump[4];
	u32 cpuid_vendor;
	u16 segment_sum;
	u16 divide_count;
	u16 int_count;
	u16 irq_count;
	u32 unreal_word;
	u16 popped_flags;
	u16 port_word;
	u16 a20_word;
	u16 string_word;
	u32 lapic_version;
	u16 undefined_count;
	u16 halted;
	u16 memory_kib;
	u16 service_flags;
	u16 service_ah;
	u16 ticked;
	u16 restart; /* not 0: the code asks for a restart */
};

void guest_main(void)
{
	volatile struct results *results = (volatile struct results *)REAL_CODE_AT;
	const char *from = real_start;
	volatile u32 *far_word = (volatile u32 *)0x200000;
	u32 vendor = cpuid(0, 0).ebx;

	if (rtc_get(AGAIN_REG) == AGAIN) {
		rtc_put(AGAIN_REG, 0);
		pass("firmware-restarts");
		return;
	}
	for (u32 i = 0; i < (u32)(real_end - real_start); i++)
		((volatile u8 *)REAL_CODE_AT)[i] = (u8)from[i];
	*far_word = 0;
	*(volatile u16 *)BEYOND_A20 = 0xbeef;
	real_enter(REAL_CODE_AT);

	pass("back-in-32-bit-code");
	check_equal("cpuid", results->cpuid_vendor, vendor);
	check_equal("firmware-memory", results->memory_kib, 639);
	check_equal("firmware-no-service", results->service_flags & 1, 1);
	check_equal("firmware-no-service-code", results->service_ah & 0xff, 0x86);
	check_equal("firmware-ticks", results->ticked, 1);
	check_equal("segments", results->segment_sum, 0x1234 + 0x1111);
	check_equal("divide-error", results->divide_count, 1);
	check_equal("undefined-opcode", results->undefined_count, 1);
	check_equal("int", results->int_count, 1);
	check_between("irq0", results->irq_count, 1, 10000);
	check_equal("hlt", results->halted, 1);
	check_equal("unreal-write", *far_word, 0xfeedface);
	check_equal("unreal-read", results->unreal_word, 0xfeedface);
	check_equal("unreal-lapic", results->lapic_version, lapic_get(LAPIC_VERSION));
	check_equal("flags", results->popped_flags & 0x8d5, 0x8d5);
	check_equal("port", results->port_word, 0xffff);
	check_equal("a20", results->a20_word, 0xbeef);
	check_equal("string", results->string_word, 0x5252);

	rtc_put(AGAIN_REG, AGAIN);
	results->restart = 1;
	real_enter(REAL_CODE_AT);
	fail("firmware-restarts", "came back");
}
