/* SPDX-License-Identifier: MIT */
/* Host interrupt lines: which CPU they go to, and when they are masked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define this_cpu hidden_this_cpu
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu

static struct cpu cpu[3] = {{.apic_id = 4}, {.apic_id = 6}, {.apic_id = 255}};
static struct cpu *here;

static struct cpu *this_cpu(void)
{
	return here;
}

#include "kernel/sched/irq.c"

#define LINES 24u

/* The I/O APIC's inputs as they were programmed. */
static struct {
	u32 flags;
	u32 destination;
	u64 message;
	u8 vector;
	bool masked;
} input[LINES];

static u32 raised;
static struct iommu_message told; /* the last message that a unit was told */
static bool told_blocked;
static u32 told_times;

/* 3 is one. */
enum status iommu_message(const struct iommu_message *message, bool blocked, u64 *value)
{
	*value = (0xfee00000ull | message->apic_id << 12) << 32 | message->vector;
	if (message->unit == IOMMU_NOBODY)
		return STATUS_OK;
	if (message->unit != 3)
		return STATUS_NOT_FOUND;
	told = *message;
	told_blocked = blocked;
	told_times++;
	*value = (0xfee00010ull | message->vector << 5) << 32;
	return STATUS_OK;
}

static u64 message_of(struct irq *irq)
{
	u64 message = 0;

	assert_int_equal(irq_message(irq, IOMMU_NOBODY, 0, &message), STATUS_OK);
	return message;
}

struct cpu *cpus_get(u32 id)
{
	return &cpu[id];
}

u32 cpus_count(void)
{
	return ARRAY_COUNT(cpu);
}

enum status cache_alloc_object(struct quota *quota, enum object_type type, size_t bytes,
			       void **object)
{
	(void)quota;
	*object = calloc(1, bytes);
	object_init(*object, type);
	return STATUS_OK;
}

void cache_free(void *object)
{
	free(object);
}

void signal_raise(struct signal *signal)
{
	(void)signal;
	raised++;
}

void signal_unbind(struct signal *signal)
{
	(void)signal;
}

bool ioapic_has_gsi(u32 gsi)
{
	return gsi < LINES;
}

void ioapic_route(u32 gsi, u8 vector, u32 flags)
{
	input[gsi].vector = vector;
	input[gsi].flags = flags;
	input[gsi].masked = true;
}

void ioapic_mask(u32 gsi)
{
	input[gsi].masked = true;
}

void ioapic_unmask(u32 gsi, u64 message)
{
	input[gsi].destination = (u32)(message >> (32 + 12)) & 0xff;
	input[gsi].message = message;
	input[gsi].masked = false;
}

static int set_up(void **state)
{
	(void)state;
	here = &cpu[0];
	raised = 0;
	return 0;
}

static struct irq *make(u32 line, u32 flags)
{
	struct irq *irq = NULL;

	assert_int_equal(irq_create(line, flags, &irq), STATUS_OK);
	assert_true(input[irq->number].masked);
	assert_int_equal(input[irq->number].vector, VECTOR_GSI_FIRST + irq->number);
	return irq;
}

/* A line follows its handler to the CPU where it last ran, if an I/O APIC can address that CPU. */
static void test_follows(void **state)
{
	struct irq *irq = make(4, 0);

	(void)state;
	irq_unmask(irq);
	assert_int_equal(input[4].destination, 4);
	here = &cpu[1];
	irq_unmask(irq);
	assert_int_equal(input[4].destination, 6);
	here = &cpu[2];
	irq_unmask(irq);
	assert_int_equal(input[4].destination, 6);
	irq_release(&irq->object);
	assert_true(input[4].masked);

	irq = make(4, 0);
	irq_unmask(irq);
	assert_int_equal(input[4].destination, 4);
	irq_release(&irq->object);
}

static void test_nmi(void **state)
{
	struct irq *irq = make(0, IRQ_NMI);

	(void)state;
	irq_unmask(irq);
	assert_int_equal(input[0].destination, IOAPIC_ALL_CPUS);
	assert_int_equal(input[0].flags, APIC_NMI << IOAPIC_ENTRY_DELIVERY_SHIFT);
	irq_release(&irq->object);
}

/* A level-triggered line is masked until its handler has run; a masked edge would be lost. */
static void test_masks(void **state)
{
	struct irq *level = make(20, IRQ_LEVEL | IRQ_ACTIVE_LOW);
	struct irq *edge = make(4, 0);

	(void)state;
	assert_int_equal(input[20].flags, IOAPIC_ENTRY_LEVEL | IOAPIC_ENTRY_ACTIVE_LOW);
	irq_unmask(level);
	irq_unmask(edge);
	assert_true(irq_raise(20));
	assert_true(irq_raise(4));
	assert_false(irq_raise(5));	      /* the line has no handler */
	assert_false(irq_raise(GSI_MAX + 1)); /* the number is a message's */
	assert_false(irq_raise(ARRAY_COUNT(irqs)));
	assert_int_equal(raised, 2);
	assert_true(input[20].masked);
	assert_false(input[4].masked);
	irq_release(&level->object);
	irq_release(&edge->object);
	assert_false(irq_raise(20));
	assert_int_equal(raised, 2);
}

static void test_refused(void **state)
{
	struct irq *irq = make(4, 0), *other;

	(void)state;
	assert_int_equal(irq_create(4, 0, &other), STATUS_IN_USE);
	assert_int_equal(irq_create(LINES, 0, &other), STATUS_NOT_FOUND);
	assert_int_equal(irq_create(UINT32_MAX, 0, &other), STATUS_NOT_FOUND);
	irq_release(&irq->object);
}

/* A message goes to its CPU for good, has a vector of its own and touches no I/O APIC. */
static void test_message(void **state)
{
	struct irq *first = NULL, *second = NULL;

	(void)state;
	assert_int_equal(irq_create(1, IRQ_MSI, &first), STATUS_OK);
	assert_int_equal(irq_create(0, IRQ_MSI, &second), STATUS_OK);
	assert_true(message_of(first) == (0xfee06000ull << 32 | VECTOR_MSI_FIRST));
	assert_true(message_of(second) == (0xfee04000ull << 32 | (VECTOR_MSI_FIRST + 1)));
	here = &cpu[2];
	irq_unmask(first);
	assert_true(message_of(first) == (0xfee06000ull << 32 | VECTOR_MSI_FIRST));
	assert_true(irq_raise(VECTOR_MSI_FIRST - VECTOR_GSI_FIRST));
	assert_int_equal(raised, 1);
	irq_release(&first->object);
	assert_false(irq_raise(VECTOR_MSI_FIRST - VECTOR_GSI_FIRST));
	assert_true(irq_raise(VECTOR_MSI_FIRST + 1 - VECTOR_GSI_FIRST));
	irq_release(&second->object);
}

/* No line has a message; a message no line's flags; each vector is given once. */
static void test_message_refused(void **state)
{
	struct irq *all[VECTOR_MSI_LAST - VECTOR_MSI_FIRST + 1], *other;
	struct irq *line = make(4, 0);

	(void)state;
	irq_release(&line->object);
	assert_int_equal(irq_create(0, IRQ_MSI | IRQ_LEVEL, &other), STATUS_BAD_ARGUMENT);
	assert_int_equal(irq_create(0, IRQ_MSI | IRQ_NMI, &other), STATUS_BAD_ARGUMENT);
	assert_int_equal(irq_create(ARRAY_COUNT(cpu), IRQ_MSI, &other), STATUS_BAD_ARGUMENT);
	assert_int_equal(irq_create(2, IRQ_MSI, &other), STATUS_NOT_SUPPORTED);
	for (u32 i = 0; i < ARRAY_COUNT(all); i++) {
		assert_int_equal(irq_create(0, IRQ_MSI, &all[i]), STATUS_OK);
		assert_int_equal(message_of(all[i]) & 0xffffffff, VECTOR_MSI_FIRST + i);
	}
	assert_int_equal(irq_create(0, IRQ_MSI, &other), STATUS_IN_USE);
	for (u32 i = 0; i < ARRAY_COUNT(all); i++)
		irq_release(&all[i]->object);
}

/*
 * With a unit that remaps, one requester raises the irq, the unit knows the CPU, and the message is
 * blocked at the end.
 */
static void test_remapped(void **state)
{
	struct irq *message = NULL, *line = make(20, IRQ_LEVEL);
	u64 value;

	(void)state;
	assert_int_equal(irq_create(1, IRQ_MSI, &message), STATUS_OK);
	assert_int_equal(irq_message(message, 4, 0x20, &value), STATUS_NOT_FOUND);
	assert_int_equal(irq_message(message, 3, 0x20, &value), STATUS_OK);
	assert_true(value == (0xfee00010ull | VECTOR_MSI_FIRST << 5) << 32);
	assert_true(told.source == 0x20 && told.vector == VECTOR_MSI_FIRST && told.apic_id == 6);
	assert_true(!told.level && !told_blocked);
	assert_int_equal(irq_message(message, 3, 0x20, &value), STATUS_OK);
	assert_int_equal(irq_message(message, 3, 0x28, &value), STATUS_IN_USE);
	assert_int_equal(irq_message(message, IOMMU_NOBODY, 0, &value), STATUS_IN_USE);
	assert_int_equal(told.source, 0x20);
	irq_release(&message->object);
	assert_true(told_blocked && told.source == 0x20);

	assert_int_equal(irq_message(line, 3, 0xff00, &value), STATUS_OK);
	assert_int_equal(raised, 1); /* one interrupt may have been lost */
	assert_true(told.source == 0xff00 && told.vector == VECTOR_GSI_FIRST + 20 && told.level);
	assert_true(input[20].message == (0xfee00010ull | (VECTOR_GSI_FIRST + 20) << 5) << 32);
	told_times = 0;
	irq_unmask(line);
	assert_int_equal(told_times, 0); /* the unit was told nothing new */
	here = &cpu[1];
	irq_unmask(line);
	assert_true(told.apic_id == 6 && !told_blocked && told_times == 1);
	irq_release(&line->object);
	assert_true(told_blocked && told.source == 0xff00);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_follows),  TEST(test_nmi),	 TEST(test_masks),
		TEST(test_refused),  TEST(test_message), TEST(test_message_refused),
		TEST(test_remapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
