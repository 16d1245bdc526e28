/* SPDX-License-Identifier: MIT */
/* A local APIC whose page is lent to the CPU while the guest runs. */
#include "tests/unit/irqchip_fixture.h"

static int set_up(void **state)
{
	chip_setup_enabled(state);
	for (u32 i = 0; i < CPUS; i++)
		chip.lapic[i].by_cpu = true;
	return 0;
}

static bool in_page(u32 base, u32 vector)
{
	return lapic_vector_test(bsp, base, vector);
}

/* Does what the CPU does when it delivers a vector: SDM vol. 3, 30.2.2 and 30.1.4. */
static void cpu_takes(u32 vector)
{
	*lapic_vector_word(bsp, LAPIC_IRR, vector / 32) &= ~(1u << vector % 32);
	*lapic_vector_word(bsp, LAPIC_ISR, vector / 32) |= 1u << vector % 32;
	fixture_page[0].reg[LAPIC_PPR / 4] = vector & 0xf0;
}

static void nobody_writes_a_lent_page(void **state)
{
	struct lapic_page before;

	(void)state;
	lapic_lend(bsp);
	before = fixture_page[0];
	assert_true(lapic_deliver(bsp, APIC_FIXED, 0x41, false));
	assert_true(lapic_deliver(bsp, APIC_FIXED, 0x52, true));
	assert_memory_equal(&before, &fixture_page[0], sizeof(before));
	assert_int_equal(chip.kick & 1, 1);
	assert_true(lapic_is_requested(bsp, 0x41));
	bsp->levels_moved = bsp->moved = false;
	lapic_recall(bsp);
	assert_true(in_page(LAPIC_IRR, 0x41) && in_page(LAPIC_IRR, 0x52));
	assert_false(in_page(LAPIC_TMR, 0x41));
	assert_true(in_page(LAPIC_TMR, 0x52));
	assert_true(bsp->moved && bsp->levels_moved);
	assert_int_equal(lapic_interrupt_status(bsp), 0x52);
	/* posted only once */
	cpu_takes(0x52);
	lapic_lend(bsp);
	lapic_recall(bsp);
	assert_false(in_page(LAPIC_IRR, 0x52));
	assert_int_equal(lapic_interrupt_status(bsp), 0x5241);
}

static void a_message_may_change_its_trigger(void **state)
{
	(void)state;
	lapic_lend(bsp);
	lapic_deliver(bsp, APIC_FIXED, 0x41, true);
	lapic_deliver(bsp, APIC_FIXED, 0x41, false);
	lapic_recall(bsp);
	assert_false(in_page(LAPIC_TMR, 0x41));
}

static void what_the_cpu_did_counts(void **state)
{
	(void)state;
	lapic_deliver(bsp, APIC_FIXED, 0x41, false);
	lapic_lend(bsp);
	bsp->moved = false;
	cpu_takes(0x41);
	assert_int_equal(lapic_ppr(bsp), 0x40); /* the value is right also while the page is lent */
	lapic_recall(bsp);
	assert_false(bsp->moved);
	assert_int_equal(lapic_pending(bsp), -1);
	assert_int_equal(lapic_interrupt_status(bsp), 0x4100);
	lapic_eoi(bsp);
	assert_true(bsp->moved);
	assert_int_equal(lapic_interrupt_status(bsp), 0);
}

static void an_apic_of_the_monitors_is_never_lent(void **state)
{
	(void)state;
	bsp->by_cpu = false;
	lapic_lend(bsp);
	lapic_deliver(bsp, APIC_FIXED, 0x41, false);
	assert_true(in_page(LAPIC_IRR, 0x41));
}

/* The EOI of a level-triggered interrupt reaches the I/O APIC by its exit. */
static void level_ends_by_an_exit(void **state)
{
	u64 levels[4];

	(void)state;
	chip.ioapic.state.entry[5] = 0x41 | IOAPIC_ENTRY_LEVEL;
	irqchip_set_line(&chip, 5, true);
	assert_true(in_page(LAPIC_TMR, 0x41));
	lapic_levels(bsp, levels);
	assert_int_equal(levels[1], 2);
	assert_int_equal(levels[0] | levels[2] | levels[3], 0);
	lapic_lend(bsp);
	cpu_takes(0x41);
	*lapic_vector_word(bsp, LAPIC_ISR, 0x41 / 32) = 0;
	lapic_recall(bsp);
	lapic_eoi_broadcast(bsp, 0x41);
	assert_true(in_page(LAPIC_IRR, 0x41)); /* the line is still asserted */
	lapic_vector_clear(bsp, LAPIC_IRR, 0x41);
	irqchip_set_line(&chip, 5, false);
	lapic_eoi_broadcast(bsp, 0x41);
	assert_false(in_page(LAPIC_IRR, 0x41));
}

/* The CPU writes the guest's value to the page; the old one is gone when the exit arrives. */
static void cpu_writes(u32 offset, u32 value)
{
	lapic_lend(bsp);
	fixture_page[0].reg[offset / 4] = value;
	lapic_recall(bsp);
	lapic_finish_write(bsp, offset);
}

static void writes_are_finished(void **state)
{
	(void)state;
	at_ns(1000);
	cpu_writes(LAPIC_ID, 0x7000000);
	assert_int_equal(lapic_get(bsp, LAPIC_ID), 0);
	cpu_writes(LAPIC_LDR, 0xffffffff);
	assert_int_equal(lapic_get(bsp, LAPIC_LDR), 0xff000000);
	cpu_writes(LAPIC_LVT_TIMER, 0xffffffff & ~(u32)LAPIC_LVT_TIMER_MODE);
	assert_int_equal(lapic_get(bsp, LAPIC_LVT_TIMER), 0xff | LAPIC_LVT_MASKED);
	cpu_writes(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	cpu_writes(LAPIC_TIMER_INITIAL, 800);
	assert_int_equal(lapic_timer_current(bsp), 800);
	/* the count continues from where it is, at the new rate */
	cpu_writes(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_16);
	assert_int_equal(bsp->state.timer_expiry_ns, 1000 + 800 * 16);
	/* TSC-deadline mode disarms the timer and ignores writes of the count */
	cpu_writes(LAPIC_LVT_TIMER, 0x41 | LAPIC_LVT_TIMER_TSC_DEADLINE);
	assert_int_equal(bsp->state.timer_expiry_ns, DEADLINE_NONE);
	cpu_writes(LAPIC_TIMER_INITIAL, 5);
	assert_int_equal(lapic_get(bsp, LAPIC_TIMER_INITIAL), 0);
	cpu_writes(LAPIC_ICR, 0x41 | 3u << 18); /* to all other CPUs */
	assert_int_equal(take_requests(0x41), 0xe);
}

static void a_new_page_has_nothing_posted(void **state)
{
	struct lapic_saved saved;

	(void)state;
	lapic_save(bsp, &saved);
	lapic_lend(bsp);
	lapic_deliver(bsp, APIC_FIXED, 0x41, false);
	bsp->lent = bsp->moved = bsp->levels_moved = false;
	assert_int_equal(lapic_load(bsp, &saved), STATUS_OK);
	assert_false(lapic_is_requested(bsp, 0x41));
	assert_true(bsp->moved && bsp->levels_moved);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_writes_a_lent_page),     TEST(a_message_may_change_its_trigger),
		TEST(what_the_cpu_did_counts),	     TEST(an_apic_of_the_monitors_is_never_lent),
		TEST(level_ends_by_an_exit),	     TEST(writes_are_finished),
		TEST(a_new_page_has_nothing_posted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
