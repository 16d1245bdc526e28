/* SPDX-License-Identifier: MIT */
/*
 * Shows with four CPUs that the others wait, start, stop and get what is sent to them, and agree on
 * time. With `lock` it only counts how often a lock that all want changes hands.
 */
#include "tests/guest/rt/devices.h"

#define CPUS	 4u
#define AP_AT	 0x8000u
#define SHORT_US 20000u
#define LIMIT_US 3000000u /* a PM timer of 24 bits wraps after 4.6 s */

#define HOLD_US 20u
#define LOCK_US 200000u

#define KVM_KICK_CPU 5u
#define KVM_SEND_IPI 10u

extern char ap_start[], ap_end[], ap_started_in[], ap_idt[];
void ap_main(u32 id);

enum ap_order { ORDER_HALT, ORDER_SPIN, ORDER_DEAD, ORDER_TSC, ORDER_CLOSED, ORDER_LOCK };

static volatile u32 order[CPUS];
static volatile u32 starts[CPUS];
static volatile u32 rounds[CPUS];
static volatile u32 answers[CPUS];
static volatile u32 cpuid_id[CPUS];
static volatile u64 tsc_shared;
static volatile u32 tsc_turn; /* whose turn it is: 0 the first CPU's, 1 the other CPU's */
static volatile u32 tsc_backwards;
static volatile u32 lock;
static volatile u32 lock_last; /* the CPU that held the lock last */
static volatile u32 lock_turns;
static u64 hold_ticks;

/* Two CPUs read the TSC in turn: it never goes backwards. */
static void compare_tsc(u32 me)
{
	for (u32 i = 0; i < 100; i++) {
		u64 now;

		while (tsc_turn != me)
			asm volatile("pause");
		now = read_tsc();
		if (now < tsc_shared)
			tsc_backwards++;
		tsc_shared = now;
		tsc_turn = me ^ 1;
	}
}

/* Keeps interrupts off until the order changes. */
static void stay_closed(u32 id)
{
	answers[id]++;
	while (order[id] == ORDER_CLOSED)
		asm volatile("cli" ::: "memory");
}

/*
 * Holds a lock nearly all the time, with interrupts off only while it waits for it or holds it. No
 * PAUSE: nothing tells the host that it waits.
 */
static void compete(u32 id)
{
	u64 until;

	asm volatile("cli" ::: "memory");
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0)
		;
	if (lock_last != id)
		lock_turns++;
	lock_last = id;
	until = read_tsc() + hold_ticks;
	while (read_tsc() < until)
		;
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	asm volatile("sti; nop; cli" ::: "memory");
}

void ap_main(u32 id)
{
	lapic_enable();
	lapic_put(LAPIC_LDR, (u32)BIT(24 + id));
	cpuid_id[id] = cpuid(1, 0).ebx >> 24;
	starts[id]++;
	for (;;) {
		switch (order[id]) {
		case ORDER_HALT:
			asm volatile("sti; hlt; cli" ::: "memory");
			break;
		case ORDER_SPIN: /* in this loop no interrupt gets in, and there is no exit */
			rounds[id]++;
			break;
		case ORDER_DEAD:
			asm volatile("cli; hlt" ::: "memory");
			answers[id]++;
			order[id] = ORDER_HALT;
			break;
		case ORDER_TSC:
			compare_tsc(1);
			order[id] = ORDER_HALT;
			break;
		case ORDER_CLOSED:
			stay_closed(id);
			break;
		case ORDER_LOCK:
			compete(id);
			break;
		}
	}
}

static void no_end(struct trap_frame *frame)
{
	(void)frame;
}

static void send(u32 id, u32 low)
{
	lapic_put(LAPIC_ICR_HIGH, id << LAPIC_XAPIC_ID_SHIFT);
	lapic_put(LAPIC_ICR, low);
}

static void send_init(u32 id)
{
	send(id, APIC_INIT << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
	wait_us(SHORT_US);
}

static void send_start(u32 id)
{
	send(id, APIC_SIPI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT | AP_AT >> 12);
}

/* Gives a CPU an order; an interrupt makes the CPU look at it. */
static void give(u32 id, enum ap_order what)
{
	order[id] = what;
	send(id, VECTOR_HIGH | (u32)LAPIC_ICR_ASSERT);
}

static void forget(void)
{
	for (u32 i = 0; i < 256; i++)
		trap_count[i] = 0;
}

static void test_start(void)
{
	u8 *at = (u8 *)(word)AP_AT;

	for (word i = 0; i < (word)(ap_end - ap_start); i++)
		at[i] = (u8)ap_start[i];
	asm volatile("sidt (%0)" ::"r"(ap_idt) : "memory");
	wait_us(SHORT_US);
	check_equal("aps-wait", starts[1] + starts[2] + starts[3], 0);
	send_init(1);
	send_start(1);
	check("ap-start", wait_count(&starts[1], 1, LIMIT_US), "it does not come");
	check_equal("ap-alone", starts[2] + starts[3], 0);
	check_equal("ap-segment", *(volatile u16 *)(at + (ap_started_in - ap_start)), AP_AT >> 4);
	check_equal("ap-id", cpuid_id[1], 1);
	for (u32 id = 2; id < CPUS; id++) {
		send_init(id);
		send_start(id);
		wait_count(&starts[id], 1, LIMIT_US);
	}
	check_equal("aps-start", starts[2] + starts[3], 2);
	send_start(1);
	wait_us(SHORT_US);
	check_equal("sipi-ignored", starts[1], 1);
}

static void test_ipi(void)
{
	volatile u32 *count = &trap_count[VECTOR_LOW];

	forget();
	for (u32 id = 1; id < CPUS; id++)
		send(id, VECTOR_LOW | (u32)LAPIC_ICR_ASSERT);
	check("ipi-each", wait_count(count, 3, LIMIT_US), "not all came");
	lapic_put(LAPIC_ICR, VECTOR_LOW | (u32)(LAPIC_ICR_ASSERT | LAPIC_ICR_SHORTHAND_OTHERS));
	check("ipi-others", wait_count(count, 6, LIMIT_US), "not all came");
	wait_us(SHORT_US);
	check_equal("ipi-once", *count, 6);
	forget();
	send(2, APIC_NMI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
	check("nmi-other", wait_count(&trap_count[VECTOR_NMI], 1, LIMIT_US), "it does not come");
}

/* A CPU with interrupts off takes each of them once afterwards, however often it was sent. */
static void test_closed(void)
{
	volatile u32 *count = &trap_count[VECTOR_LOW];

	answers[2] = 0;
	give(2, ORDER_CLOSED);
	check("closed", wait_count(&answers[2], 1, LIMIT_US), "it does not run");
	forget();
	send(2, VECTOR_LOW | (u32)LAPIC_ICR_ASSERT);
	for (u32 i = 0; i < 20; i++) {
		send(2, VECTOR_HIGH | (u32)LAPIC_ICR_ASSERT);
		wait_us(1000);
	}
	check_equal("closed-none", *count + trap_count[VECTOR_HIGH], 0);
	order[2] = ORDER_HALT;
	check("closed-then-low", wait_count(count, 1, LIMIT_US), "it does not come");
	check("closed-then-high", wait_count(&trap_count[VECTOR_HIGH], 1, LIMIT_US),
	      "it does not come");
	wait_us(SHORT_US);
	check_equal("closed-once", *count + trap_count[VECTOR_HIGH], 2);
}

/* SDM vol. 3, 11.6.2.2: CPU n answers to bit n; with lowest priority only one CPU answers. */
static void test_logical(void)
{
	volatile u32 *count = &trap_count[VECTOR_LOW];
	u32 logical = VECTOR_LOW | (u32)(LAPIC_ICR_ASSERT | LAPIC_ICR_LOGICAL);

	forget();
	send(BIT(1) | BIT(3), logical);
	check("logical-both", wait_count(count, 2, LIMIT_US), "not all came");
	wait_us(SHORT_US);
	check_equal("logical-once", *count, 2);
	forget();
	for (u32 i = 1; i <= 6; i++) {
		send(BIT(1) | BIT(2) | BIT(3),
		     logical | (u32)APIC_LOWEST_PRIORITY << APIC_DELIVERY_SHIFT);
		wait_count(count, i, LIMIT_US);
	}
	wait_us(SHORT_US);
	check_equal("lowest-priority-one-each", *count, 6);
}

/* A CPU that never exits by itself is stopped all the same, and starts again. */
static void test_init(void)
{
	u32 seen;

	give(1, ORDER_SPIN);
	check("spins", wait_count(&rounds[1], 1000, LIMIT_US), "it does not run");
	send_init(1);
	seen = rounds[1];
	wait_us(SHORT_US);
	check_equal("init-stops", rounds[1], seen);
	order[1] = ORDER_HALT;
	send_start(1);
	check("restart", wait_count(&starts[1], 2, LIMIT_US), "it does not come");
}

static void test_tsc(void)
{
	tsc_turn = 0;
	give(1, ORDER_TSC);
	compare_tsc(0);
	check_equal("tsc-together", tsc_backwards, 0);
}

/*
 * Tests a lock between CPUs, however many CPUs of the host they share: a CPU is not stopped while
 * it holds the lock, since all others would wait for it and it would be the next to have the lock
 * again.
 */
static void test_lock(void)
{
	u32 start = clock_ticks();
	u64 tsc = read_tsc();

	wait_us(SHORT_US);
	hold_ticks = (read_tsc() - tsc) * HOLD_US / clock_us_since(start);
	for (u32 id = 1; id < CPUS; id++)
		give(id, ORDER_LOCK);
	start = clock_ticks();
	while (clock_us_since(start) < LOCK_US)
		compete(0);
	for (u32 id = 1; id < CPUS; id++)
		order[id] = ORDER_HALT;
	print("LOCK_TURNS ");
	print_hex(lock_turns);
	print("\n");
}

static u64 hypercall(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	u64 result;

	if (cpuid(0, 0).ebx == 0x756e6547) /* "Genu", the beginning of "GenuineIntel" */
		asm volatile("vmcall"
			     : "=a"(result)
			     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
			     : "memory");
	else
		asm volatile("vmmcall"
			     : "=a"(result)
			     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
			     : "memory");
	return result;
}

static void test_paravirtual(void)
{
	struct cpuid_result kvm = cpuid(0x40000000, 0);
	u32 features = cpuid(0x40000001, 0).eax;

	if (kvm.ebx != 0x4b4d564b || (features & BIT(7)) == 0 || (features & BIT(11)) == 0) {
		absent("kvm-calls");
		return;
	}
	forget();
	check_equal("kvm-send-ipi", hypercall(KVM_SEND_IPI, 7, 0, 1, VECTOR_LOW), 3);
	check("kvm-ipi-comes", wait_count(&trap_count[VECTOR_LOW], 3, LIMIT_US), "not all came");
	give(3, ORDER_DEAD);
	wait_us(SHORT_US);
	check_equal("dead", answers[3], 0);
	check_equal("kvm-kick-cpu", hypercall(KVM_KICK_CPU, 0, 3, 0, 0), 0);
	check("kvm-kick-wakes", wait_count(&answers[3], 1, LIMIT_US), "it sleeps on");
	check_equal("kvm-unknown", hypercall(99, 0, 0, 0, 0), (u64)-1000);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	check_between("topology", cpuid(1, 0).ebx >> 16 & 0xff, CPUS, CPUS);
	pic_mask_all();
	lapic_enable();
	trap_set_hook(VECTOR_LOW, lapic_end_of_interrupt);
	trap_set_hook(VECTOR_HIGH, lapic_end_of_interrupt);
	trap_set_hook(VECTOR_NMI, no_end);
	test_start();
	if (option("lock")) {
		test_lock();
		return;
	}
	test_ipi();
	test_closed();
	test_logical();
	test_init();
	test_tsc();
	test_paravirtual();
}
