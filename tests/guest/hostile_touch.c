/* SPDX-License-Identifier: MIT */
/*
 * Touches everything there is: every port, MSR and CPUID leaf, and addresses everywhere. The host
 * must answer each access or refuse it with a fault that the guest sees. step=N tries about every
 * Nth only; with `pages` every page below 4 GiB is read.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/devices.h"
#include "tests/random.h"

#define WINDOW_AT    (1ull << 39) /* 2 MiB through which any physical address is reached */
#define RAM_BYTES    (32 * MIB)
#define NOTHING_AT   0xfed80000ull
#define RANDOM_COUNT 2000u

#define PORT_CONSOLE	  0x3f8u
#define PORT_OTHER_EXIT	  0x501u
#define PORT_CONSOLE_LAST 0x3ffu
#define PORT_PVPANIC	  0x505u
/* the watchdog's port: writing 0xffff starts it, and 60 s later the guest is dead */
#define PORT_WATCHDOG	0x630u
#define PORT_KEYBOARD	0x64u
#define PORT_FAST_RESET 0x92u
#define PORT_RESET	0xcf9u
#define PORT_PM_FIRST	0x600u
#define PORT_PM_LAST	0x607u

extern volatile u64 boot_pml4[];

static volatile u64 window_pdpt[PT_ENTRY_COUNT] ALIGNED(4096);
static volatile u64 window_pd[PT_ENTRY_COUNT] ALIGNED(4096);

static u64 random_next(void)
{
	static u64 state = RANDOM_SEED;

	return random_step(&state);
}

static void touch(void *pointer)
{
	volatile u8 *at = pointer;

	(void)*at;
	(void)*(volatile u16 *)at;
	(void)*(volatile u32 *)at;
	(void)*(volatile u64 *)at;
	*at = 0xff;
	*(volatile u16 *)at = 0;
	*(volatile u32 *)at = (u32)random_next();
	*(volatile u64 *)at = random_next();
}

/* Address bits beyond the CPU's width fault in the guest's own walk. */
static void touch_physical(u64 address)
{
	window_pd[0] = (address & ~(2 * MIB - 1)) | PTE_P | PTE_W | PTE_PS;
	invalidate_page(WINDOW_AT);
	trap_catch(touch, (void *)(WINDOW_AT + address % (2 * MIB)));
}

/*
 * Touches every page between the end of the RAM and 4 GiB, where only the I/O APIC and the local
 * APIC lie.
 */
static void test_every_page(void)
{
	u64 found = 0;

	for (u64 at = RAM_BYTES; at < 4 * GIB; at += PAGE_SIZE) {
		if (at % (2 * MIB) == 0) {
			window_pd[0] = at | PTE_P | PTE_W | PTE_PS;
			invalidate_page(WINDOW_AT);
		}
		if (*(volatile u32 *)(WINDOW_AT + at % (2 * MIB)) != ~0u)
			found += at != IOAPIC_DEFAULT_ADDRESS && at != LAPIC_DEFAULT_ADDRESS;
	}
	check_equal("memory-pages", found, 0);
}

static void touch_around(u64 address)
{
	touch_physical(address - 8);
	/* an access of eight bytes at this address reaches into the page */
	touch_physical(address - 4);
	touch_physical(address);
	touch_physical(address + PAGE_SIZE - 4);
}

static void test_memory(u64 step)
{
	boot_pml4[1] = (word)window_pdpt | PTE_P | PTE_W;
	window_pdpt[0] = (word)window_pd | PTE_P | PTE_W;
	if (option("pages"))
		test_every_page();
	for (u64 at = 0xa0000; at < 0xc0000; at += PAGE_SIZE)
		touch_physical(at);
	touch_around(RAM_BYTES + PAGE_SIZE);
	for (u64 at = RAM_BYTES; at < 4 * GIB; at += step * 2 * MIB)
		touch_physical(at + random_next() % (2 * MIB - 8));
	for (u64 at = 0xfec00000; at < 0xfee20000; at += PAGE_SIZE)
		touch_around(at);
	for (u64 bit = 30; bit < 63; bit++)
		touch_around(1ull << bit);
	for (u32 i = 0; i < RANDOM_COUNT / step; i++)
		touch_physical(random_next() >> random_next() % 32);
	window_pd[0] = NOTHING_AT / (2 * MIB) * (2 * MIB) | PTE_P | PTE_W | PTE_PS;
	invalidate_page(WINDOW_AT);
	check_equal("memory-outside", *(volatile u64 *)(WINDOW_AT + NOTHING_AT % (2 * MIB)), ~0ull);
	lapic_enable();
	check_equal("memory-apic", lapic_get(LAPIC_SVR) & LAPIC_SVR_ENABLE, LAPIC_SVR_ENABLE);
}

/* Returns whether the port ends the guest by design, or is the guest's own console. */
static bool port_is_fatal(u32 port)
{
	return port == EXIT_PORT || port == PORT_OTHER_EXIT || port == PORT_KEYBOARD ||
	       port == PORT_FAST_RESET || port == PORT_RESET || port == PORT_PVPANIC ||
	       port == PORT_WATCHDOG || (port >= PORT_PM_FIRST && port <= PORT_PM_LAST) ||
	       (port >= PORT_CONSOLE && port <= PORT_CONSOLE_LAST);
}

static bool range_is_fatal(u32 port, u32 size)
{
	for (u32 i = 0; i < size; i++) {
		if (port_is_fatal((port + i) & 0xffff))
			return true;
	}
	return false;
}

static void test_ports(u64 step)
{
	u32 count = 0;

	for (u32 port = 0; port < 0x10000; port += port < 0x1000 ? 1 : (u32)step) {
		(void)in8((u16)port);
		(void)in16((u16)port);
		(void)in32((u16)port);
		count++;
		if (!range_is_fatal(port, 1))
			out8((u16)port, (u8)random_next());
		if (!range_is_fatal(port, 2))
			out16((u16)port, 0xffff);
		if (!range_is_fatal(port, 4))
			out32((u16)port, (u32)random_next());
	}
	pic_mask_all();
	check("ports", count >= 0x1000, "not all of them");
}

static void do_read_msr(void *index)
{
	(void)read_msr((u32)(word)index);
}

static u64 msr_value;

static void do_write_msr(void *index)
{
	write_msr((u32)(word)index, msr_value);
}

/* Values for which paravirtual records would lie beyond the RAM. */
static void touch_msr(u32 index)
{
	const u64 values[] = {~0ull, 0, 1ull << 40 | (random_next() & 0xfffffffffffffff0ull)};
	u64 before = 0;
	bool readable = !trap_catch(do_read_msr, (void *)(word)index);

	if (readable)
		before = read_msr(index);
	for (u32 i = 0; i < ARRAY_COUNT(values); i++) {
		msr_value = values[i];
		if (!trap_catch(do_write_msr, (void *)(word)index) && readable) {
			msr_value = before;
			trap_catch(do_write_msr, (void *)(word)index);
		}
	}
}

static void test_msrs(u64 step)
{
	static const u32 ranges[][2] = {
		{0, 0x2000},
		{0x40000000, 0x40000200},
		{0x4b564d00, 0x4b564d10},
		{0xc0000000, 0xc0002000},
		{0xc0010000, 0xc0012000},
	};

	for (u32 i = 0; i < ARRAY_COUNT(ranges); i++) {
		for (u32 index = ranges[i][0]; index < ranges[i][1];
		     index += index % 0x2000 < 0x800 ? 1 : (u32)step)
			touch_msr(index);
	}
	for (u32 i = 0; i < RANDOM_COUNT / step; i++)
		touch_msr((u32)random_next());
	touch_msr(~0u);
	trap_catch(do_read_msr, (void *)0x12345678);
	check_trap("msrs", VECTOR_GP, 0);
}

static void test_cpuid(u64 step)
{
	static const u32 bases[] = {0, 0x20000000, 0x40000000, 0x80000000, 0x8fffff00, 0xc0000000};
	struct cpuid_result first = cpuid(0, 0);

	for (u32 i = 0; i < ARRAY_COUNT(bases); i++) {
		for (u32 leaf = 0; leaf < 0x200; leaf++) {
			for (u32 subleaf = 0; subleaf < 4; subleaf++)
				(void)cpuid(bases[i] + leaf, subleaf);
		}
	}
	for (u32 i = 0; i < 10 * RANDOM_COUNT / step; i++)
		(void)cpuid((u32)random_next(), (u32)random_next());
	(void)cpuid(~0u, ~0u);
	check_equal("cpuid", cpuid(0, 0).ebx, first.ebx);
}

void guest_main(void)
{
	u64 step = option_number("step", 1);

	pic_mask_all();
	lapic_enable();
	test_cpuid(step);
	test_msrs(step);
	test_ports(step);
	test_memory(step);
}
