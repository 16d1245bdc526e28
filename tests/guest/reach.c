/* SPDX-License-Identifier: MIT */
/*
 * Does anything that a guest can read reveal where the hypervisor lies? The command line says what
 * to look for, inverted so that it is not found on the command line itself: `image=` and `direct=`,
 * the complement of the upper 32 bits of the image's and the direct map's address, in decimal.
 */
#include "tests/guest/rt/cpu.h"

#define GPR_COUNT 15u
#define FILL	  0x5eed000000000000ull
#define WANTED	  2u

enum { RAX, RCX, RDX, RBX };

extern void reach_fill(const u64 *before, u64 *after, void (*code)(void));
extern void reach_cpuid(void), reach_rdmsr(void), reach_in(void), reach_vmcall(void),
	reach_vmmcall(void), reach_load(void), reach_rdtsc(void);

static u32 inverted[WANTED];
static u64 before[GPR_COUNT];
static u64 after[GPR_COUNT];

static bool is_wanted(u32 value)
{
	return ~value == inverted[0] || ~value == inverted[1];
}

/* Returns the first place in [from, to) that holds a planted value; 0: none does. */
static u64 search(u64 from, u64 to)
{
	for (u64 at = from; at < to; at += 4) {
		if (is_wanted(*(const volatile u32 *)at))
			return at;
	}
	return 0;
}

/* Tests the search: a value is found where it was planted, so it would be found elsewhere too. */
static void test_search(void)
{
	static volatile u32 planted[64];

	for (u32 i = 0; i < WANTED; i++) {
		planted[17 + i] = ~inverted[i];
		check_equal("search-finds", search((u64)planted, (u64)(planted + 64)),
			    (u64)(planted + 17 + i));
		planted[17 + i] = 0;
	}
}

/* Runs one instruction: no register may reveal anything, and only those `given` may change. */
static bool run(void (*code)(void), u32 given)
{
	reach_fill(before, after, code);
	for (u32 i = 0; i < GPR_COUNT; i++) {
		if (is_wanted((u32)after[i]) || is_wanted((u32)(after[i] >> 32)))
			return false;
		if ((given & BIT(i)) == 0 && after[i] != before[i])
			return false;
	}
	return true;
}

static void do_rdmsr(void *context)
{
	*(bool *)context = *(bool *)context && run(reach_rdmsr, BIT(RAX) | BIT(RDX));
}

static void test_msrs(void)
{
	/* clang-format off */
	static const struct {
		u32 from, to;
	} ranges[] = {{0, 0x2000}, {0x40000000, 0x40000200}, {0x4b564d00, 0x4b564e00},
		      /* clang-format on */
		      {0xc0000000, 0xc0002000},
		      {0xc0010000, 0xc0011100}};
	bool good = true;
	u32 answers = 0;

	for (u32 i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		for (u32 index = ranges[i].from; index < ranges[i].to; index++) {
			before[RCX] = index;
			answers += !trap_catch(do_rdmsr, &good);
		}
	}
	before[RCX] = FILL;
	check("msrs", good, "one shows an address");
	check_between("msrs-that-answer", answers, 10, 0x2000);
}

static void test_cpuid(void)
{
	static const u32 bases[] = {0, 0x40000000, 0x80000000, 0xc0000000};
	const u32 given = BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RBX);
	bool good = true;

	for (u32 i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		for (u32 leaf = bases[i]; leaf < bases[i] + 0x140; leaf++) {
			before[RAX] = leaf;
			for (before[RCX] = 0; before[RCX] < 4; before[RCX]++)
				good = run(reach_cpuid, given) && good;
		}
	}
	before[RCX] = FILL;
	check("cpuid", good, "a leaf shows an address");
}

static void test_ports(void)
{
	bool good = true;

	before[RAX] = FILL;
	for (u32 port = 0; port < 0x10000; port += 4) {
		/* reading these ports has side effects, or the guest talks by them */
		if (port == 0x60 || port == 0x64 || (port & ~7u) == 0x3f8)
			continue;
		before[RDX] = port;
		good = run(reach_in, BIT(RAX)) && good;
	}
	check("ports", good, "one shows an address");
}

static void test_devices(void)
{
	static const u32 pages[] = {0xfec00000, 0xfee00000, 0xfed00000, 0xe0000000, 0xff000000};
	bool good = true;

	for (u32 i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		for (u32 at = 0; at < 0x1000; at += 16) {
			before[RDX] = pages[i] + at;
			good = run(reach_load, BIT(RAX)) && good;
		}
	}
	before[RDX] = FILL;
	check("device-memory", good, "a register shows an address");
}

static void test_hypercalls(void)
{
	bool good = true;

	for (u32 number = 0; number < 64; number++) {
		before[RAX] = number;
		good = run(option("svm") ? reach_vmmcall : reach_vmcall, BIT(RAX)) && good;
	}
	before[RAX] = FILL;
	check("hypercalls", good, "one shows an address");
	check("time", run(reach_rdtsc, BIT(RAX) | BIT(RDX)), "a register shows an address");
}

static void test_vectors(void)
{
	static u8 area[512] __attribute__((aligned(16)));
	u64 value;

	asm volatile("mov %%cr0, %0\n\tand %1, %0\n\tmov %0, %%cr0"
		     : "=&r"(value)
		     : "r"(~(u64)(CR0_TS | CR0_EM)));
	asm volatile("mov %%cr4, %0\n\tor %1, %0\n\tmov %0, %%cr4"
		     : "=&r"(value)
		     : "r"((u64)CR4_OSFXSR));
	asm volatile("fxsave %0" : "=m"(area));
	value = search((u64)area, (u64)(area + sizeof(area)));
	check_equal("vector-registers", value, 0);
}

void guest_main(void)
{
	inverted[0] = (u32)option_number("image", 0);
	inverted[1] = (u32)option_number("direct", inverted[0]);
	for (u32 i = 0; i < GPR_COUNT; i++)
		before[i] = FILL + i;
	before[RCX] = before[RDX] = before[RAX] = FILL;
	test_search();
	test_vectors();
	test_cpuid();
	test_msrs();
	test_ports();
	test_devices();
	test_hypercalls();
	check_equal("memory", search(0, option_number("ram", 16) * MIB), 0);
	finish();
}
