/* SPDX-License-Identifier: MIT */
/* Starting the other CPUs: which of them run, and what is logged about those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define this_cpu this_cpu_of_stack
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu
#define this_cpu() (cpus[0])

#undef DEBUG
#define DEBUG /* DEBUG is on for the assertions */
#include "lib/string.c"
#include "arch/x86_64/cpu/cpus.c"
#include "boot/init/cpus.c"

#define NOBODY 99u

__asm__(".section .rodata\n"
	".globl trampoline_start, trampoline_words, trampoline_end\n"
	"trampoline_start: .skip 64\n"
	"trampoline_words: .skip 32\n"
	"trampoline_end: .text\n");

const char syscall_stub[1], trap_stubs[1];
u8 boot_stack_end[1];
struct machine machine;
static struct acpi_info acpi;
struct table kernel_table;
const struct pt_format format_host;
u64 direct_map_base;
u8 log_threshold[LOG_CATEGORY_COUNT];

static u8 low[2 * PAGE_SIZE] ALIGNED(PAGE_SIZE); /* the page for the trampoline */
static u8 stacks[4 * (1 + IST_COUNT)][KERNEL_STACK_BYTES] ALIGNED(KERNEL_STACK_BYTES);
static u32 stack_count;
static struct cpu boot_cpu, made[4];
static u32 made_count, memory_for;
static struct {
	struct kernel_page page;
	struct cpu_counters counters[4];
} shown;
static u32 absent;  /* APIC id of a CPU that never answers */
static u32 lesser;  /* APIC id of a CPU that lacks a feature */
static u32 last_to; /* APIC id that the last INIT went to */
static char said[512];
static jmp_buf panicked;

void log_write(enum log_level level, enum log_category category, const char *text,
	       const u64 *arguments, unsigned int argument_count)
{
	(void)level, (void)category;
	sprintf(said + strlen(said), "%s:", text);
	for (u32 i = 0; i < argument_count; i++)
		sprintf(said + strlen(said), " %u", (u32)arguments[i]);
	strcat(said, "\n");
}

NORETURN void panic(const char *text, ...)
{
	(void)text;
	longjmp(panicked, 1);
}

void *kernel_pages_alloc(u64 page_count)
{
	(void)page_count;
	return made_count < memory_for ? &made[made_count++] : NULL;
}

void *kernel_stack_alloc(hpa_t stub)
{
	(void)stub;
	return stacks[stack_count++];
}

const void *kernel_map_constant(hpa_t hpa, u64 bytes)
{
	(void)hpa, (void)bytes;
	return NULL;
}

void kernel_space_share(struct table *table)
{
	table->root.kernel = HPA((u64)stacks - direct_map_base);
}

enum page_owner page_owner(hpa_t hpa)
{
	(void)hpa;
	return PAGE_KERNEL;
}

enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer)
{
	(void)order, (void)owner, (void)quota;
	*pointer = low;
	return STATUS_OK;
}

enum status table_init(struct table *table, const struct pt_format *format, struct quota *quota,
		       bool user_view)
{
	(void)table, (void)format, (void)quota, (void)user_view;
	return STATUS_OK;
}

bool table_map_page(struct table *table, u64 at, hpa_t hpa, u32 rights, enum pt_type type)
{
	(void)table, (void)at, (void)hpa, (void)rights, (void)type;
	return true;
}

enum status table_unmap(struct table *table, u64 *at, u64 end)
{
	(void)table, (void)at, (void)end;
	return STATUS_OK;
}

void table_free(struct table *table)
{
	(void)table;
}

bool log_ring_create(u32 cpu)
{
	(void)cpu;
	return true;
}

bool sched_init(struct cpu *cpu)
{
	(void)cpu;
	return true;
}

u64 tsc_from_ns(u64 ns)
{
	(void)ns;
	return 1000;
}

void lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector)
{
	struct trampoline_words *words = (void *)(low + (trampoline_words - trampoline_start));
	struct cpu *cpu = (struct cpu *)words->argument;

	(void)vector;
	last_to = delivery == APIC_INIT ? apic_id : last_to;
	unfit |= delivery == APIC_SIPI && apic_id == lesser;
	if (delivery != APIC_SIPI || apic_id == absent || unfit || count > cpu->id)
		return;
	assert_int_equal(cpu->apic_id, apic_id);
	assert_int_equal(words->stack, align_down(cpu->stack_top, PAGE_SIZE));
	cpus_publish(cpu);
}

hpa_t machine_image_hpa(const void *address)
{
	return HPA((u64)address);
}

/* clang-format off */
bool features_enable(void) { return true; }
/* clang-format on */
void tables_load(struct cpu *cpu)
{
	(void)cpu;
}
/* clang-format off */
void cpu_stack_reset(struct cpu *cpu, void (*function)(struct cpu *cpu)) { abort(); }
const void *cpu_idt_fill(const char *stubs) { return stubs; }
void cpu_loop(struct cpu *cpu) { abort(); }
enum status machine_cpu_init(struct cpu *cpu, const struct acpi_info *info) { return STATUS_OK; }
void tlb_cpu_online(u32 cpu) { (void)cpu; }
/* clang-format on */

/* Four CPUs; the first one is the boot CPU. */
static int set_up(void **state)
{
	(void)state;
	direct_map_base = (u64)low - TRAMPOLINE_BASE;
	memset(made, 0, sizeof(made));
	made_count = stack_count = 0;
	memory_for = 4;
	absent = lesser = NOBODY;
	said[0] = '\0';
	cpus[0] = &boot_cpu;
	count = 1;
	machine.page = &shown.page;
	acpi.cpu_count = 4;
	for (u32 i = 0; i < 4; i++)
		acpi.cpu[i].apic_id = 2 * i;
	return 0;
}

static void test_all(void **state)
{
	(void)state;
	cpus_start(&acpi, 0);
	assert_int_equal(cpus_count(), 4);
	assert_int_equal(shown.page.cpu_count, 4);
	assert_int_equal(cpus_get(3)->apic_id, 6);
	assert_string_equal(said, "%u of %u CPUs run: 4 4\n");
}

/* A CPU that does not answer gets a final INIT, and its number goes to the next CPU. */
static void test_absent(void **state)
{
	(void)state;
	absent = 6;
	cpus_start(&acpi, CPU_MAX);
	assert_int_equal(last_to, 6);
	set_up(state);
	absent = 2;
	cpus_start(&acpi, CPU_MAX);
	assert_int_equal(cpus_count(), 3);
	assert_int_equal(cpus_get(1)->apic_id, 4);
	assert_string_equal(said, "the CPU with APIC id %u does not answer and is left out: 2\n"
				  "%u of %u CPUs run: 3 4\n");
}

/* A CPU that lacks a feature is left out; the log says which feature it was. */
static void test_lesser(void **state)
{
	(void)state;
	lesser = 2;
	absent = 4;
	cpus_start(&acpi, CPU_MAX);
	assert_int_equal(cpus_count(), 2);
	assert_int_equal(cpus_get(1)->apic_id, 6);
	assert_string_equal(said, "the CPU with APIC id %u lacks a feature and is left out: 2\n"
				  "the CPU with APIC id %u does not answer and is left out: 4\n"
				  "%u of %u CPUs run: 2 4\n");
}

/* Without memory for a CPU the message says so, and does not blame the CPU. */
static void test_no_memory(void **state)
{
	(void)state;
	memory_for = 2;
	cpus_start(&acpi, CPU_MAX);
	assert_int_equal(cpus_count(), 3);
	assert_int_equal(last_to, 4);
	assert_string_equal(said, "no memory for the CPU with APIC id %u: 6\n"
				  "%u of %u CPUs run: 3 4\n");
}

static void test_limit(void **state)
{
	(void)state;
	cpus_start(&acpi, 1);
	assert_int_equal(cpus_count(), 1);
	cpus_start(&acpi, 2);
	assert_int_equal(cpus_count(), 2);
	assert_int_equal(last_to, 2);
}

/* There is one IPI until the other CPU has seen it; only some bits may be set for another CPU. */
static void test_pend(void **state)
{
	struct cpu other = {.apic_id = 7};
	u64 ipis = shown.counters[0].ipis;

	(void)state;
	boot_cpu.counters = &shown.counters[0];
	cpus_pend(&other, PENDING_KICK);
	cpus_pend(&other, PENDING_KICK);
	assert_int_equal(other.pending, PENDING_KICK);
	assert_int_equal(shown.counters[0].ipis, ipis + 1);
	cpus_pend(&boot_cpu, PENDING_TIMER);
	assert_int_equal(boot_cpu.pending, PENDING_TIMER);
	assert_int_equal(shown.counters[0].ipis, ipis + 1);
	if (setjmp(panicked) == 0) {
		cpus_pend(&other, PENDING_KICK | PENDING_PASS);
		fail();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all, set_up),
		cmocka_unit_test_setup(test_absent, set_up),
		cmocka_unit_test_setup(test_lesser, set_up),
		cmocka_unit_test_setup(test_no_memory, set_up),
		cmocka_unit_test_setup(test_limit, set_up),
		cmocka_unit_test_setup(test_pend, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
