/* SPDX-License-Identifier: MIT */
/*
 * Two to four CPUs that make trouble. With window=US the first one has a page unmapped again and
 * again that the others read without exiting; only rarely may they still read it after that time.
 * Else, for ever: interrupts, INIT and SIPI to each other at random, and local APICs that move.
 */
#include "tests/guest/rt/devices.h"
#include "tests/random.h"
#include "vmm/monitor/dev/test_device.h"

#define CPUS_MAX 4u
#define AP_AT	 0x8000u
#define START_US 20000u
#define LIMIT_US 3000000u
#define ROUNDS	 50u
#define LATE_MAX 12u

extern char ap_start[], ap_end[], ap_idt[];
void ap_main(u32 id);

static volatile u32 started[CPUS_MAX];
static volatile u64 seen[CPUS_MAX];
static bool reads_window;
static u32 cpus;
static u64 shown[2][PAGE_SIZE / sizeof(u64)] ALIGNED(PAGE_SIZE);
static u64 random_state = RANDOM_SEED;

static u32 random_below(u32 limit)
{
	return (u32)(random_step(&random_state) >> 20) % limit;
}

/* Runs on a CPU that was started. Once the storm has begun, an INIT may catch it anywhere. */
void ap_main(u32 id)
{
	id %= CPUS_MAX;
	lapic_enable();
	started[id] = 1;
	/* While IF is clear, Bochs 2.7 holds back the host's interrupts too. */
	asm volatile("sti");
	while (reads_window)
		seen[id] = *(volatile u64 *)TEST_WINDOW;
	for (;;)
		asm volatile("sti; hlt" ::: "memory");
}

static void send(u32 id, u32 low)
{
	lapic_put(LAPIC_ICR_HIGH, id << LAPIC_XAPIC_ID_SHIFT);
	lapic_put(LAPIC_ICR, low);
}

static void send_init(u32 id)
{
	send(id, APIC_INIT << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
}

static void send_start(u32 id)
{
	send(id, APIC_SIPI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT | AP_AT >> 12);
}

static void start_all(void)
{
	u8 *at = (u8 *)(word)AP_AT;

	for (word i = 0; i < (word)(ap_end - ap_start); i++)
		at[i] = (u8)ap_start[i];
	asm volatile("sidt (%0)" ::"r"(ap_idt) : "memory");
	for (u32 id = 1; id < cpus; id++) {
		send_init(id);
		wait_us(START_US);
		send_start(id);
		check("ap-start", wait_count(&started[id], 1, LIMIT_US), "it does not come");
	}
}

/* --- the window --- */

/* Returns whether all other CPUs come to read `value`, or, if `leave`, something else. */
static bool wait_seen(u64 value, bool leave, u32 limit_us)
{
	u32 start = clock_ticks();

	for (u32 id = 1; id < cpus; id++) {
		while ((seen[id] == value) == leave) {
			if (clock_us_since(start) > limit_us)
				return false;
		}
	}
	return true;
}

static void show(u32 window, const u64 *page)
{
	asm volatile("out %0, %w1" ::"a"((u32)((word)page / PAGE_SIZE)),
		     "d"(TEST_WINDOW_PORT + 4 * window)
		     : "memory");
}

static void test_window(u32 limit_us)
{
	bool comes = true;
	u32 late = 0; /* the late rounds: now and then the host has something else to do */

	/*
	 * The page beside it stays mapped, so that unmapping frees no table: the other CPUs must be
	 * told for the page's own sake.
	 */
	show(1, shown[0]);
	(void)*(volatile u64 *)(TEST_WINDOW + PAGE_SIZE);
	reads_window = true;
	start_all();
	for (u64 round = 1; round <= ROUNDS && comes && late <= LATE_MAX; round++) {
		u64 *page = shown[round % 2];

		page[0] = round;
		show(0, page);
		comes = wait_seen(round, false, LIMIT_US);
		show(0, NULL);
		late += !wait_seen(round, true, limit_us);
	}
	check("window-comes", comes, "a page that was mapped is not seen");
	check("window-goes", late <= LATE_MAX, "a CPU goes on reading a page that was unmapped");
	finish();
}

/* --- the storm --- */

static void ignore(struct trap_frame *frame)
{
	(void)frame;
}

static void move_apic(void)
{
	u64 base = read_msr(MSR_APIC_BASE);

	write_msr(MSR_APIC_BASE, base + 0x1000);
	*register32((word)(LAPIC_DEFAULT_ADDRESS + 0x1000 + LAPIC_ID)) = random_below(256) << 24;
	write_msr(MSR_APIC_BASE, base);
}

static void trouble(void)
{
	u32 id = 1 + random_below(cpus - 1);

	switch (random_below(8)) {
	case 0:
		send_init(id);
		break;
	case 1:
		send_start(id);
		break;
	case 2: /* to the CPU itself only: a CPU that is just starting has no handler yet */
		send(lapic_get(LAPIC_ID) >> LAPIC_XAPIC_ID_SHIFT,
		     APIC_NMI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
		break;
	case 3: /* any mode but INIT, to any destination but the CPU itself, any vector */
		send(16 + random_below(240), random_below(256) | (u32)LAPIC_ICR_ASSERT);
		send(id, random_below(256) | 3u << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
		break;
	case 4:
		lapic_put(LAPIC_ID, random_below(256) << LAPIC_XAPIC_ID_SHIFT);
		lapic_put(LAPIC_LDR, random_below(256) << LAPIC_XAPIC_ID_SHIFT);
		break;
	case 5:
		move_apic();
		break;
	default:
		lapic_put(LAPIC_ICR,
			  VECTOR_LOW | (u32)(LAPIC_ICR_ASSERT | LAPIC_ICR_SHORTHAND_OTHERS));
		break;
	}
}

void guest_main(void)
{
	u32 window_us = (u32)option_number("window", 0);

	cpus = MIN(cpuid(1, 0).ebx >> 16 & 0xff, CPUS_MAX);
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	for (u32 vector = 32; vector < 256; vector++)
		trap_set_hook(vector, lapic_end_of_interrupt);
	trap_set_hook(VECTOR_NMI, ignore);
	if (window_us != 0)
		test_window(window_us);
	start_all();
	print("STORM\n");
	for (;;)
		trouble();
}
