/* SPDX-License-Identifier: MIT */
/*
 * NMIs one after the other, by the line that the manager has requested with IRQ_NMI: each arms the
 * PIT's one-shot for the next. Where they hit is recorded, a bit for each byte of the text.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/hw/lapic.h"
#include "lib/bits.h"
#include "tests/faults/kernel/kernel.h"
#include "vmm/hw/pit.h"

#define TEXT_BYTES (256 * KIB)

/* TSC cycles from one NMI to the next; under an emulator these are instructions. */
#define SOONEST	  1500u
#define SPAN	  997u
#define NEAR_SPAN 1009u
#define LEFT_SPAN 61u

extern const char __image_start[];
extern const char syscall_stub[];

static u64 hits[TEXT_BYTES / 64];
static u32 left;
static u32 taken;
static u64 chance = 1;

/* Returns the offset of RIP in the image. Each CPU's SYSCALL stub lies just above its stack. */
static u64 text_offset(const struct cpu *cpu, u64 rip)
{
	u64 stub = rip - (cpu->stack_top + STACK_BASE_BYTES);

	return (stub < PAGE_SIZE ? (u64)syscall_stub + stub : rip) - (u64)__image_start;
}

static void mark(const struct cpu *cpu, const struct trap_frame *frame)
{
	u64 offset = text_offset(cpu, frame->rip);

	if (offset < TEXT_BYTES)
		__atomic_fetch_or(&hits[offset / 64], BIT(offset % 64), __ATOMIC_RELAXED);
}

/* The PIT counts from the write of the second byte, before which a fraction of a tick passes. */
static void arm(u64 at)
{
	u64 hz = (u64)tsc_khz() * 1000;
	u64 count = MAX((at - rdtsc()) * PIT_HZ / hz, 1ull);
	u64 start = at - count * hz / PIT_HZ;

	out8(PIT_CONTROL_PORT,
	     PIT_CONTROL_LOW_HIGH | PIT_MODE_TERMINAL_COUNT << PIT_CONTROL_MODE_SHIFT);
	out8(PIT_PORT, (u8)count);
	while (rdtsc() < start)
		;
	out8(PIT_PORT, (u8)(count >> 8));
}

/*
 * Returns a number below the limit. The code under test is strictly periodic: a sweep in equal
 * steps would hit the same places every time.
 */
static u64 some_below(u64 limit)
{
	chance = chance * 6364136223846793005ull + 1442695040888963407ull;
	return (chance >> 33) % limit;
}

/* Takes `count` instructions more than for 0: odd ones fall through to one more. */
static void pass_instructions(u64 count)
{
	u64 pairs = count / 2 + 1;

	__asm__ volatile("1: dec %0\n\t"
			 "jnz 1b\n\t"
			 "test $1, %1\n\t"
			 "jz 2f\n\t"
			 "nop\n"
			 "2:"
			 : "+r"(pairs)
			 : "q"((u8)count)
			 : "cc");
}

/*
 * Chooses when the next NMI comes. Code that waits for the TSC does so in steps of several
 * instructions, and interrupted code stands still. How many of its instructions are left until the
 * timer's edge when it goes on decides which of them the edge meets. Every other time this CPU
 * sends itself an interrupt, to be taken when it goes on, and the next NMI comes shortly
 * afterwards: otherwise the stubs of interrupts would seldom be hit.
 */
static void next(const struct cpu *cpu)
{
	u64 at = rdtsc() + SOONEST + some_below(SPAN);

	arm(at);
	if (some_below(2) != 0) {
		at -= some_below(NEAR_SPAN);
		lapic_send(cpu->apic_id, APIC_FIXED, VECTOR_KICK);
		while (rdtsc() < at)
			;
	}
	pass_instructions(some_below(LEFT_SPAN));
}

void __real_trap_nmi(struct trap_frame *frame);
void __wrap_trap_nmi(struct trap_frame *frame);
void __wrap_trap_nmi(struct trap_frame *frame)
{
	const struct cpu *cpu = this_cpu();

	__real_trap_nmi(frame);
	if (frame->vector != TRAP_NMI || left == 0)
		return;
	mark(cpu, frame);
	if (cpu->id != 0)
		return;
	taken++;
	if (--left != 0)
		next(cpu);
}

enum status fault_nmi(enum test_what what, u64 argument, u64 *value)
{
	switch (what) {
	case TEST_NMI:
		taken = 0;
		left = (u32)argument;
		if (left != 0)
			next(this_cpu());
		return STATUS_OK;
	case TEST_NMI_COUNT:
		*value = (u64)left << 32 | taken;
		return STATUS_OK;
	default:
		if (argument >= TEXT_BYTES)
			return STATUS_BAD_ADDRESS;
		*value = hits[argument / 64];
		return STATUS_OK;
	}
}
