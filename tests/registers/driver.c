/* SPDX-License-Identifier: MIT */
/*
 * Takes the place of the RAM disk's driver and looks at what others left in the CPU: after each
 * sleep it reads whatever ring 3 can read, puts values of its own there, and stays for a while with
 * a mark in R15. What it has found is its reason to end, upon which another takes its place.
 */
#include "lib/bits.h"
#include "vmm/io/driver_channel.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define NAP_NS	 2000000u
#define STAY_NS	 500000u
#define ROUNDS	 300u
#define MARK	 0x6d6172696e657273ull /* the value that test_registers.py looks for */
#define SELECTOR 0x23u		       /* a data segment's, for all alike */

/* CPUID */
#define LEAF_1_ECX_OSXSAVE BIT(27)
#define LEAF_D1_EAX_XGETBV BIT(2)
#define LEAF_81_EDX_RDTSCP BIT(27)

static struct {
	u32 tsc_aux; /* the values of all readings, or'd */
	u64 xcr0_or;
	u64 xcr0_and;
	u64 xinuse;
	u32 selectors; /* the number of null selectors that somebody else has left */
	u32 data;      /* readings of a data segment's selector that was cleared, counted */
} found = {.xcr0_and = ~0ull};

static bool has_xcr0, has_xinuse, has_tsc_aux;

static u32 cpuid(u32 leaf, u32 subleaf, u32 *ecx, u32 *edx)
{
	u32 eax, ebx;

	__asm__ volatile("cpuid"
			 : "=a"(eax), "=b"(ebx), "=c"(*ecx), "=d"(*edx)
			 : "a"(leaf), "c"(subleaf));
	return eax;
}

static u64 xgetbv(u32 index)
{
	u32 low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
	return (u64)high << 32 | low;
}

static u32 rdtscp_aux(void)
{
	u32 aux;

	__asm__ volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
	return aux;
}

/* Null selectors have two bits that mean nothing: ES, FS and GS hold a number of up to 63. */
static u32 number_get(u32 *ds)
{
	u32 es, fs, gs;

	__asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
			 : "=r"(*ds), "=r"(es), "=r"(fs), "=r"(gs));
	return es | fs << 2 | gs << 4;
}

static void number_set(u32 number)
{
	__asm__ volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%fs; mov %3, %%gs"
			 :
			 : "r"(SELECTOR), "r"(number & 3), "r"(number >> 2 & 3), "r"(number >> 4));
}

static void look(u32 own)
{
	u32 ds;
	u32 number = number_get(&ds);

	found.selectors += number != 0 && number != own;
	found.data += ds != 0 && number != own;
	if (has_tsc_aux)
		found.tsc_aux |= rdtscp_aux();
	if (has_xcr0) {
		found.xcr0_or |= xgetbv(0);
		found.xcr0_and &= xgetbv(0);
	}
	if (has_xinuse)
		found.xinuse |= xgetbv(1);
}

static void stay(u64 until_tsc)
{
	__asm__ volatile("mov %1, %%r15\n"
			 "1: rdtsc; shl $32, %%rdx; or %%rdx, %%rax; cmp %0, %%rax; jb 1b"
			 :
			 : "r"(until_tsc), "r"(MARK)
			 : "rax", "rdx", "r15", "cc");
}

int main(void)
{
	struct driver_channel *channel =
		(struct driver_channel *)(uintptr_t)start_find(START_CHANNEL)->offset;
	u32 own = 1 + (u32)(start_info->entropy[0] % 63);
	u32 ecx, edx;
	handle_t queue;
	u64 key;

	(void)cpuid(1, 0, &ecx, &edx);
	has_xcr0 = ecx & LEAF_1_ECX_OSXSAVE;
	has_xinuse = has_xcr0 && (cpuid(0xd, 1, &ecx, &edx) & LEAF_D1_EAX_XGETBV);
	(void)cpuid(0x80000001, 0, &ecx, &edx);
	has_tsc_aux = edx & LEAF_81_EDX_RDTSCP;
	if (sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK)
		rt_fail("queue");
	channel->disk.unit[0].block_bytes = 512;
	channel->disk.unit[0].sectors = start_info->parameter[DRIVER_DISK_BYTES] / 512;
	__atomic_store_n(&channel->state, DRIVER_READY, __ATOMIC_RELEASE);
	(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
	for (u32 i = 0; i < ROUNDS; i++) {
		(void)!sys_queue_wait(queue, clock_tsc() + clock_ns_to_tsc(NAP_NS), &key);
		look(own);
		number_set(own);
		stay(clock_tsc() + clock_ns_to_tsc(STAY_NS));
	}
	format(channel->reason, sizeof(channel->reason),
	       "tsc_aux %x xcr0 %lx to %lx xinuse %lx selectors %u data %u", found.tsc_aux,
	       found.xcr0_and, found.xcr0_or, found.xinuse, found.selectors, found.data);
	rt_fail("registers");
}
