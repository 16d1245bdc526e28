/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs against their monitor: one changes code, tables and devices while the other's exits are
 * being settled; INIT, SIPI and NMI to every CPU. ms=N says how long each storm lasts. With
 * crowd=N, N CPUs send each other whatever can be sent, for ever.
 */
#include "arch/x86_64/hw/paging.h"
#include "tests/guest/rt/devices.h"

#define AP_AT		0x8000u
#define TEST_AT		(1ull << 39)
#define NOTHING_AT	0xfed80000ull
#define LIMIT_US	3000000u
#define RET_INSTRUCTION 0xc3

extern char ap_start[], ap_end[], ap_idt[];
extern volatile u64 boot_pml4[];
void ap_main(u32 id);

enum { SAME_CODE, SAME_TABLES, SAME_NMI, SAME_ICR, SAME_DEVICES };

static volatile u32 order;
static volatile u32 starts;
static volatile u32 rounds;
static volatile u8 code[4096] ALIGNED(4096);
static volatile u64 tables[3][PT_ENTRY_COUNT] ALIGNED(4096);
static u32 storm_us;
static u32 crowd_count; /* the number of CPUs in the crowd */

/*
 * Forms of 2 to 8 bytes on (%rdi), which is a device; the monitor may find any mix of their bytes.
 * No mix is an x87 instruction, of which the emulator knows only loads and stores.
 */
static const u8 forms[][8] = {
	{0x8b, 0x07, 0x90, 0x90, 0x90, 0x90, 0x90, RET_INSTRUCTION},
	{0x89, 0x07, 0x90, 0x90, 0x90, 0x90, 0x90, RET_INSTRUCTION},
	{0x48, 0x8b, 0x07, 0x90, 0x90, 0x90, 0x90, RET_INSTRUCTION},
	{0xf0, 0x0f, 0xb1, 0x07, 0x90, 0x90, 0x90, RET_INSTRUCTION},
	{0xf3, 0xab, 0x90, 0x90, 0x90, 0x90, 0x90, RET_INSTRUCTION},
	{0x0f, 0xa2, 0x90, 0x90, 0x90, 0x90, 0x90, RET_INSTRUCTION},
	{0xc7, 0x07, 0x01, 0x02, 0x03, 0x04, 0x90, RET_INSTRUCTION},
	{0x86, 0x07, 0x90, 0x90, 0x90, 0x90, 0x90, RET_INSTRUCTION},
	{0xff, 0x07, 0x90, 0x90, 0x90, 0x90, 0x90, RET_INSTRUCTION},
};

static void change_code(u32 round)
{
	const u8 *form = forms[round % ARRAY_COUNT(forms)];

	for (u32 i = 0; i < 7; i++)
		code[i] = form[i];
}

static void change_tables(u32 round)
{
	static const u64 targets[] = {NOTHING_AT, LAPIC_DEFAULT_ADDRESS, 0, ~0ull, 0x100000};

	tables[2][0] = targets[round % ARRAY_COUNT(targets)] | PTE_P | PTE_W;
	if (round % 7 == 0)
		tables[2][0] = 0;
	tables[1][0] = round % 11 == 0 ? 0 : (word)tables[2] | PTE_P | PTE_W;
}

static void send(u32 id, u32 low)
{
	lapic_put(LAPIC_ICR_HIGH, id << LAPIC_XAPIC_ID_SHIFT);
	lapic_put(LAPIC_ICR, low);
}

/* The registers that the first CPU accesses, at the same time. */
static void change_devices(u32 round)
{
	ioapic_put(IOAPIC_REDIRECTION + 2 * (round % 24), IOAPIC_ENTRY_MASKED | VECTOR_IOAPIC);
	out8(0x43, (u8)(round & 0x3f));
	out8(0x40, (u8)round);
	(void)in8(0x40);
	out8(0x70, (u8)(round & 0x3f));
	(void)in8(0x71);
	out8(0x20, (u8)(round & 0x68));
}

/*
 * Sends any interrupt but INIT to the first CPU, and NMIs to the first CPU alone: others may be
 * starting, without an IDT yet.
 */
static void send_any(u32 random, u32 cpus)
{
	u32 mode = random >> 8 & 7;
	u32 to = mode == APIC_NMI ? 0 : (random >> 16 & 0xff) % cpus;

	if (random >> 28 == 0)
		lapic_put(LAPIC_ICR, VECTOR_LOW | (u32)LAPIC_ICR_SHORTHAND_OTHERS);
	else if (mode == APIC_SIPI)
		send(to, APIC_SIPI << APIC_DELIVERY_SHIFT | AP_AT >> 12);
	else if (mode != APIC_EXTINT && (mode != APIC_INIT || to != 0))
		send(to, mode << APIC_DELIVERY_SHIFT | (VECTOR_LOW + (random >> 24 & 0xf)) |
				 (u32)LAPIC_ICR_ASSERT);
}

NORETURN static void crowd(u32 id)
{
	u32 random = (u32)read_tsc() + id;

	interrupts_on();
	for (;;) {
		random = random * 1664525 + 1013904223;
		send_any(random, crowd_count);
	}
}

void ap_main(u32 id)
{
	lapic_enable();
	starts++;
	if (crowd_count != 0)
		crowd(id);
	for (u32 round = 0;; round++) {
		rounds++;
		switch (order) {
		case SAME_CODE:
			change_code(round);
			break;
		case SAME_TABLES:
			change_tables(round);
			break;
		case SAME_NMI:
			send(0, APIC_NMI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
			break;
		case SAME_ICR:
			send(0, (VECTOR_LOW + round % 16) | (u32)LAPIC_ICR_ASSERT);
			break;
		case SAME_DEVICES:
			change_devices(round);
			break;
		}
	}
}

static void do_code(void *unused)
{
	u64 count = 3;
	void *to = (void *)NOTHING_AT;

	(void)unused;
	asm volatile("call *%2"
		     : "+c"(count), "+D"(to)
		     : "r"(code)
		     : "rax", "rbx", "rdx", "memory", "cc");
}

static void do_touch(void *unused)
{
	(void)unused;
	*(volatile u64 *)(TEST_AT + 0x20) = *(volatile u32 *)(TEST_AT + 0x30);
}

static void do_nothing(void *unused)
{
	(void)unused;
}

static void do_devices(void *unused)
{
	static u32 round;

	(void)unused;
	change_devices(round++);
	pic_mask_all();
}

static void nothing(struct trap_frame *frame)
{
	(void)frame;
}

/* Lets both CPUs do something for the given time; afterwards both still work. */
static void storm(const char *name, u32 what, void (*mine)(void *))
{
	u32 start = clock_ticks();
	u32 before;

	order = what;
	before = rounds;
	while (clock_us_since(start) < storm_us)
		trap_catch(mine, NULL);
	check(name, rounds != before, "the other CPU has stopped");
	order = SAME_TABLES;
}

static void start_other(void)
{
	send(1, APIC_INIT << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
	wait_us(10000);
	send(1, APIC_SIPI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT | AP_AT >> 12);
}

/*
 * Sends SIPIs to every APIC ID, present or not, and by shorthand; then INITs and SIPIs in quick
 * succession.
 */
static void test_sipi(void)
{
	u32 before = starts;

	for (u32 id = 1; id < 256; id++) {
		send(id, APIC_SIPI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT | (id & 0x7f));
		send(id, APIC_SMI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
	}
	for (u32 i = 0; i < 50; i++) {
		lapic_put(LAPIC_ICR, APIC_INIT << APIC_DELIVERY_SHIFT |
					     (u32)(LAPIC_ICR_ASSERT | LAPIC_ICR_SHORTHAND_OTHERS));
		lapic_put(LAPIC_ICR, APIC_SIPI << APIC_DELIVERY_SHIFT | AP_AT >> 12 |
					     (u32)(LAPIC_ICR_ASSERT | LAPIC_ICR_SHORTHAND_OTHERS));
	}
	check("sipi-storm", wait_count(&starts, before + 1, LIMIT_US), "the other does not start");
	start_other();
	lapic_send_self(APIC_SIPI << APIC_DELIVERY_SHIFT | AP_AT >> 12);
	pass("sipi-self");
}

/* Sends SIPIs and SMIs to any 32-bit destination, physical and logical. */
static void test_sipi_x2apic(void)
{
	u32 random = 1;
	u32 before = rounds;

	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	for (u32 i = 0; i < 5000; i++) {
		random = random * 1664525 + 1013904223;
		write_msr(MSR_X2APIC_BASE + (LAPIC_ICR >> 4),
			  (u64)random << LAPIC_ICR_X2_DESTINATION_SHIFT |
				  (random & 1 ? APIC_SIPI : APIC_SMI) << APIC_DELIVERY_SHIFT |
				  (random & 2 ? (u32)LAPIC_ICR_LOGICAL : 0) | AP_AT >> 12);
	}
	check("sipi-x2apic", wait_count(&rounds, before + 1, LIMIT_US), "the other has stopped");
}

void guest_main(void)
{
	u8 *at = (u8 *)(word)AP_AT;

	storm_us = (u32)option_number("ms", 200) * 1000;
	crowd_count = (u32)option_number("crowd", 0);
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	for (u32 vector = VECTOR_FIRST_EXTERNAL; vector < 256; vector++)
		trap_set_hook(vector, lapic_end_of_interrupt);
	trap_set_hook(VECTOR_NMI, nothing);
	for (word i = 0; i < (word)(ap_end - ap_start); i++)
		at[i] = (u8)ap_start[i];
	asm volatile("sidt (%0)" ::"r"(ap_idt) : "memory");
	boot_pml4[1] = (word)tables[0] | PTE_P | PTE_W;
	tables[0][0] = (word)tables[1] | PTE_P | PTE_W;
	for (u32 i = 0; i < 8; i++)
		code[i] = forms[0][i];
	order = SAME_TABLES;
	start_other();
	check("ap-start", wait_count(&starts, 1, LIMIT_US), "it does not come");
	if (crowd_count != 0)
		crowd(0);
	storm("code-changes", SAME_CODE, do_code);
	storm("tables-change", SAME_TABLES, do_touch);
	storm("devices-race", SAME_DEVICES, do_devices);
	storm("nmi-storm", SAME_NMI, do_nothing);
	interrupts_on();
	storm("ipi-storm", SAME_ICR, do_nothing);
	interrupts_off();
	test_sipi();
	test_sipi_x2apic();
}
