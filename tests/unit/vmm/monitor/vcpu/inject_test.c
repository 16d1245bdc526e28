/* SPDX-License-Identifier: MIT */
/* Which event the next entry injects, and which has to wait for a window. */
#include "tests/unit/monitor_fixture.h"

static bool prepare_again(void)
{
	vcpu->quiet = false; /* the state after an exit that may have reached the APIC */
	page.request = 0;
	page.inject.valid = 0;
	return inject_prepare(vcpu);
}

static void assert_injects(u8 type, u8 vector)
{
	assert_true(page.inject.valid);
	assert_int_equal(page.inject.type, type);
	assert_int_equal(page.inject.vector, vector);
}

static void raise_while(u8 type, u8 first, u32 second)
{
	vcpu->event = (struct vcpu_event){.valid = 1, .type = type, .vector = first};
	inject_raise(vcpu, second, 0x18);
}

static void test_interrupt(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x31;
	assert_true(prepare_again());
	assert_injects(EVENT_INTERRUPT, 0x31);
	assert_int_equal(page.request, 0);
	assert_int_equal(channel.injected, 1);
}

static void test_interrupt_waits(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_INTERRUPT;
	page.rflags = RFLAGS_FIXED;
	assert_true(prepare_again());
	assert_false(page.inject.valid);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	/* the interrupt is not yet taken from its controller */
	assert_int_equal(irq_pending[0], PENDING_INTERRUPT);

	page.rflags |= RFLAGS_IF;
	page.shadow = SHADOW_STI;
	assert_true(prepare_again());
	assert_false(page.inject.valid);
	page.shadow = SHADOW_MOV_SS;
	assert_true(prepare_again());
	assert_false(page.inject.valid);
}

/* The shadow ends with the instruction that the last exit completed. */
static void test_shadow_ends(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x31;
	page.shadow = SHADOW_STI;
	page.inject.valid = 0;
	page.request = REQUEST_ADVANCE;
	assert_true(inject_prepare(vcpu));
	assert_injects(EVENT_INTERRUPT, 0x31);
	assert_int_equal(page.request, REQUEST_ADVANCE);
}

/* An instruction's trap comes before interrupts after it (SDM vol. 3, table 6-2). */
static void test_single_step_first(void **state)
{
	(void)state;
	page.rflags |= RFLAGS_TF;
	page.request = REQUEST_ADVANCE;
	assert_true(inject_prepare(vcpu));
	assert_int_equal(page.request, REQUEST_ADVANCE);
	assert_true(vcpu->quiet);

	irq_pending[0] = PENDING_NMI | PENDING_INTERRUPT;
	irq_vector = 0x31;
	vcpu->quiet = false;
	assert_true(inject_prepare(vcpu));
	assert_false(page.inject.valid);
	assert_int_equal(page.request,
			 REQUEST_ADVANCE | REQUEST_NMI_WINDOW | REQUEST_INTERRUPT_WINDOW);
	assert_int_equal(nmis_taken, 0);
	/* no instruction was emulated: no trap is due */
	irq_pending[0] = PENDING_INTERRUPT;
	assert_true(prepare_again());
	assert_injects(EVENT_INTERRUPT, 0x31);
}

static void test_interrupted_event_first(void **state)
{
	(void)state;
	vcpu->event = (struct vcpu_event){.valid = 1, .type = EVENT_INTERRUPT, .vector = 0x40};
	irq_pending[0] = PENDING_INTERRUPT;
	page.rflags = RFLAGS_FIXED; /* the CPU had accepted the event already */
	assert_true(prepare_again());
	assert_injects(EVENT_INTERRUPT, 0x40);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	assert_false(vcpu->event.valid);
}

/*
 * An interrupted event gives way where there is no window behind an interrupt (irqchip_put_back).
 */
static void test_interrupted_event_gives_way(void **state)
{
	const struct vcpu_event first = {.valid = 1, .type = EVENT_INTERRUPT, .vector = 0x40};

	(void)state;
	irq_vector = 0x80;
	vcpu->event = first;
	irq_pending[0] = PENDING_INTERRUPT;
	put_back = 0x40;
	assert_true(prepare_again());
	assert_injects(EVENT_INTERRUPT, 0x80);
	assert_int_equal(page.request, 0);
	assert_false(vcpu->event.valid);

	vcpu->event = first;
	irq_pending[0] = PENDING_INTERRUPT;
	assert_true(prepare_again());
	assert_injects(EVENT_INTERRUPT, 0x40);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);

	vcpu->event = first;
	page.rflags = RFLAGS_FIXED; /* the CPU had accepted the event already */
	put_back = 0x40;
	assert_true(prepare_again());
	assert_injects(EVENT_INTERRUPT, 0x40);
	put_back = 0;
}

static void test_nmi(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_NMI | PENDING_INTERRUPT;
	irq_vector = 0x31;
	page.rflags = RFLAGS_FIXED;
	assert_true(prepare_again());
	assert_injects(EVENT_NMI, 2);
	assert_int_equal(nmis_taken, 1);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);

	irq_pending[0] = PENDING_NMI;
	page.shadow = SHADOW_NMI;
	assert_true(prepare_again());
	assert_false(page.inject.valid);
	assert_int_equal(page.request, REQUEST_NMI_WINDOW);
	assert_int_equal(nmis_taken, 1);
}

/* Of two NMIs that wait the second comes after the first one's IRET. */
static void test_two_nmis(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_NMI;
	nmis_more = 1;
	assert_true(prepare_again());
	assert_injects(EVENT_NMI, 2);
	assert_int_equal(page.request, REQUEST_NMI_WINDOW);
	assert_int_equal(irq_pending[0], PENDING_NMI);
	page.shadow = SHADOW_NMI;
	assert_true(prepare_again());
	assert_int_equal(page.request, REQUEST_NMI_WINDOW);
	page.shadow = 0;
	assert_true(prepare_again());
	assert_injects(EVENT_NMI, 2);
	assert_int_equal(page.request, 0);
	assert_int_equal(nmis_taken, 2);
}

/* While one NMI is handled, or is to be injected once more, one is kept of those that come. */
static void test_nmis_in_handler(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_NMI;
	nmis_more = 1;
	page.shadow = SHADOW_NMI;
	assert_true(prepare_again());
	assert_int_equal(nmis_more, 0);

	page.shadow = 0;
	nmis_more = 1;
	vcpu->event = (struct vcpu_event){.valid = 1, .type = EVENT_NMI, .vector = 2};
	assert_true(prepare_again());
	assert_injects(EVENT_NMI, 2);
	assert_int_equal(nmis_more, 0);
	assert_int_equal(irq_pending[0], PENDING_NMI);
	assert_int_equal(nmis_taken, 0);
	/* another event leaves both NMIs */
	nmis_more = 1;
	vcpu->event = (struct vcpu_event){.valid = 1, .type = EVENT_INTERRUPT, .vector = 0x40};
	assert_true(prepare_again());
	assert_int_equal(nmis_more, 1);
}

static void test_halt(void **state)
{
	(void)state;
	page.shadow = SHADOW_STI; /* the shadow of sti; hlt */
	settle(EXIT_HLT);
	assert_false(inject_prepare(vcpu));
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x22;
	assert_true(inject_prepare(vcpu));
	assert_injects(EVENT_INTERRUPT, 0x22);
	assert_false(vcpu->halted);
}

static void test_halt_with_interrupts_off(void **state)
{
	(void)state;
	page.rflags = RFLAGS_FIXED;
	settle(EXIT_HLT);
	irq_pending[0] = PENDING_INTERRUPT;
	assert_false(inject_prepare(vcpu));
	irq_pending[0] = PENDING_NMI;
	assert_true(inject_prepare(vcpu));
	assert_injects(EVENT_NMI, 2);
}

/* In an NMI's handler a further NMI waits for IRET, and does not end a HLT. */
static void test_halt_in_nmi(void **state)
{
	(void)state;
	page.shadow = SHADOW_NMI;
	irq_pending[0] = PENDING_NMI;
	settle(EXIT_HLT);
	assert_false(inject_prepare(vcpu));
	assert_true(vcpu->halted);
	irq_pending[0] |= PENDING_INTERRUPT;
	irq_vector = 0x22;
	assert_true(inject_prepare(vcpu));
	assert_injects(EVENT_INTERRUPT, 0x22);
	assert_true((page.request & REQUEST_NMI_WINDOW) != 0);
}

/* SDM vol. 3, table 6-5 */
static void test_double_faults(void **state)
{
	static const struct {
		u8 first;
		u8 second;
		u8 result;
	} cases[] = {
		{VECTOR_GP, VECTOR_GP, VECTOR_DF}, {VECTOR_NP, VECTOR_TS, VECTOR_DF},
		{VECTOR_DE, VECTOR_SS, VECTOR_DF}, {VECTOR_PF, VECTOR_PF, VECTOR_DF},
		{VECTOR_PF, VECTOR_GP, VECTOR_DF}, {VECTOR_GP, VECTOR_PF, VECTOR_PF},
		{VECTOR_UD, VECTOR_GP, VECTOR_GP}, {VECTOR_DB, VECTOR_PF, VECTOR_PF},
		{VECTOR_GP, VECTOR_UD, VECTOR_UD}, {VECTOR_AC, VECTOR_GP, VECTOR_GP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		raise_while(EVENT_EXCEPTION, cases[i].first, cases[i].second);
		assert_int_equal(vcpu->event.vector, cases[i].result);
		assert_int_equal(vcpu->event.error_code, cases[i].result == VECTOR_DF	? 0
							 : cases[i].result == VECTOR_UD ? 0
											: 0x18);
	}
	raise_while(EVENT_EXCEPTION, VECTOR_DF, VECTOR_GP);
	todo_do(&machine);
	assert_int_equal(machine.crash_count, 1);
	assert_int_equal(loads, 2);
	assert_false(vcpu->event.valid);
}

/* An interrupt whose delivery faulted is not lost: it is injected once IF allows it. */
static void test_held_interrupt(void **state)
{
	(void)state;
	raise_while(EVENT_INTERRUPT, 0x51, VECTOR_PF);
	assert_true(prepare_again());
	assert_injects(EVENT_EXCEPTION, VECTOR_PF);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	page.rflags = RFLAGS_FIXED;
	assert_true(prepare_again());
	assert_false(page.inject.valid);
	page.rflags |= RFLAGS_IF;
	assert_true(prepare_again());
	assert_injects(EVENT_INTERRUPT, 0x51);
	assert_true(prepare_again());
	assert_false(page.inject.valid);
}

static void test_task_priority(void **state)
{
	(void)state;
	lapic_set_cr8(machine_lapic(vcpu), 5);
	lapic_page.reg[(LAPIC_IRR + 0x20) / 4] = 1u << 3; /* vector 0x43 is requested */
	machine_lapic(vcpu)->words.requested = 1u << 2;
	assert_true(prepare_again());
	assert_int_equal(page.tpr_threshold, 4);
	lapic_page.reg[(LAPIC_IRR + 0x30) / 4] = 1u << 3; /* 0x63 is above the priority */
	machine_lapic(vcpu)->words.requested |= 1u << 3;
	assert_true(prepare_again());
	assert_int_equal(page.tpr_threshold, 0);
}

/* A write of the APIC's TPR lasts, even if the machine is held before the next entry. */
static void test_task_priority_by_msr(void **state)
{
	static const u32 values[] = {0x50, 0x10};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		page.gpr[GPR_RCX] = MSR_X2APIC_TPR;
		page.gpr[GPR_RAX] = values[i];
		settle(EXIT_WRMSR);
		settle(EXIT_NONE);
		assert_int_equal(lapic_get(machine_lapic(vcpu), LAPIC_TPR), values[i]);
	}
}

/* The controllers are not asked while nothing can have changed there. */
static void test_quiet(void **state)
{
	(void)state;
	assert_true(prepare_again());
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x31;
	page.inject.valid = 0;
	assert_true(inject_prepare(vcpu));
	assert_false(page.inject.valid);
	machine.platform.irqchip.kick = 1;
	assert_true(inject_prepare(vcpu));
	assert_injects(EVENT_INTERRUPT, 0x31);
	assert_int_equal(machine.platform.irqchip.kick, 0);
	assert_true(vcpu->quiet);
	irq_pending[0] = PENDING_INTERRUPT | PENDING_NMI;
	assert_true(prepare_again());
	assert_false(vcpu->quiet); /* one interrupt is injected, the other waits */
}

static void test_init_resets(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_INIT;
	assert_false(inject_prepare(vcpu));
	todo_do(&machine);
	assert_int_equal(machine.crash_count, 1);
	assert_int_equal(loads, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_free)
	const struct CMUnitTest tests[] = {
		TEST(test_interrupt),
		TEST(test_interrupt_waits),
		TEST(test_shadow_ends),
		TEST(test_single_step_first),
		TEST(test_interrupted_event_first),
		TEST(test_interrupted_event_gives_way),
		TEST(test_nmi),
		TEST(test_two_nmis),
		TEST(test_nmis_in_handler),
		TEST(test_halt),
		TEST(test_halt_with_interrupts_off),
		TEST(test_halt_in_nmi),
		TEST(test_double_faults),
		TEST(test_held_interrupt),
		TEST(test_task_priority),
		TEST(test_task_priority_by_msr),
		TEST(test_quiet),
		TEST(test_init_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
