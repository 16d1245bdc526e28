/* SPDX-License-Identifier: MIT */
/* A machine saved and loaded: vCPUs and time come back, and what cannot be has no effect. */
#include "tests/unit/monitor_fixture.h"

#include "vmm/monitor/state/list.h"
#include "vmm/monitor/state/machine_state.c"
#include "vmm/monitor/state/policy.h"
#include "vmm/monitor/state/record.c"
#include "vmm/rt/crc32c.h"
#include "vmm/monitor/state/vcpu_state.c"
#include "tests/unit/vmm/monitor/state/golden.h"
#include "tests/unit/state_reseal.h"

static u64 saved[(64 * KIB) / 8];
static u64 again[(64 * KIB) / 8];
static size_t used;
static u8 xsave_pages[2][PAGE_SIZE];

/* The devices have a test of their own. */
bool platform_section(void *owner, u32 index, struct state_section *section)
{
	(void)owner, (void)index, (void)section;
	return false;
}

static int set_up(void **state)
{
	fixture_make(state);
	make_vcpus(2);
	for (u32 i = 0; i < 2; i++)
		machine.vcpu[i].xsave_page = xsave_pages[i];
	host_tsc = 5000;
	machine_time_start(&machine.time, 1000000, 1000);
	return 0;
}

static size_t save_to(u64 *bytes, size_t size)
{
	const struct state_choice all = state_choose_all(&machine);
	size_t count;

	assert_int_equal(state_save(&machine, &all, "alpha", bytes, size, &count), STATUS_OK);
	return count;
}

static bool load_saved(const char **words)
{
	static char text[160];
	const struct state_choice all = state_choose_all(&machine);
	struct state_problem problem;
	bool loaded;

	state_reseal(saved, used);
	loaded = state_load(&machine, &all, saved, used, &problem);
	if (!loaded)
		state_problem_text(&problem, text, sizeof(text));
	*words = loaded ? "" : text;
	return loaded;
}

static struct vcpu_saved *saved_vcpu(u32 id)
{
	return (struct vcpu_saved *)(uintptr_t)(state_find(saved, STATE_VCPU, id) + 1);
}

/* A guest that is in the middle of everything. */
static void use(struct vcpu *of, u64 seed)
{
	struct vcpu_page *at = of->page;

	for (u32 i = 0; i < GPR_COUNT; i++)
		at->gpr[i] = seed + i;
	at->rip = seed << 4;
	at->rflags = 2;
	at->cr3 = seed << 12;
	at->xcr0 = 1;
	at->dr[7] = 0x400;
	at->segment[SEG_FS].base = seed;
	at->msr[VMSR_LSTAR] = seed + 100;
	at->shadow = SHADOW_NMI;
	at->request = REQUEST_ADVANCE;
	at->advance_length = 3;
	at->inject = (struct vcpu_event){.valid = 1, .vector = 0x30};
	at->exit.reason = EXIT_CPUID;
	at->waited_tsc = 700;
	of->steal_time.seen_tsc = 600;
	of->halted = true;
	of->event = (struct vcpu_event){.valid = 1, .type = EVENT_NMI, .vector = 2};
	of->held = (struct vcpu_event){.valid = 1, .vector = 0x40};
	of->unhalted = true;
	of->pv_eoi.pending = true;
	of->steal_time.marked = true;
	at->tpr_threshold = 4;
	at->cr0 = at->cr2 = at->cr4 = at->efer = seed << 20;
	at->gdtr.limit = at->idtr.limit = 0x7f;
	of->pvclock.wall_clock_msr = 0x4000;
	of->steal_time.msr = 0x5001;
	of->msr.mtrr[1] = seed;
	of->tsc_adjust = seed;
	of->pvclock.system_time_msr = 0x2001;
	of->pv_eoi.msr = 0x3001;
	of->msr.stored[0] = seed;
	memset(of->xsave_page, (int)seed, PAGE_SIZE);
}

static void wipe(struct vcpu *of)
{
	u64 waited = of->page->waited_tsc;

	memset(of->page, 0, sizeof(*of->page));
	of->page->waited_tsc = waited;
	memset(of->xsave_page, 0, PAGE_SIZE);
	vcpu_forget(of);
	of->held = (struct vcpu_event){0};
	of->event = (struct vcpu_event){0};
	of->tsc_adjust = 0;
	of->msr = (struct msr_state){0};
}

static void all_comes_back(void **state)
{
	const char *words;

	(void)state;
	use(&machine.vcpu[0], 0x11);
	use(&machine.vcpu[1], 0x22);
	used = save_to(saved, sizeof(saved));
	assert_string_equal(((const struct state_header *)saved)->name, "alpha");
	wipe(&machine.vcpu[0]);
	wipe(&machine.vcpu[1]);
	host_tsc = 9000; /* guest time stands still in between */
	assert_true(load_saved(&words));
	assert_int_equal(host_tsc - machine.time.base_tsc, 4000);
	assert_int_equal(other_page[0].gpr[GPR_R15], 0x22 + 15);
	assert_int_equal(other_page[0].segment[SEG_FS].base, 0x22);
	assert_int_equal(other_page[0].tsc_offset, 0x22 - machine.time.base_tsc);
	assert_int_equal(other_page[0].exit.reason, EXIT_CPUID);
	assert_true(machine.vcpu[1].halted && machine.vcpu[1].event.valid);
	assert_int_equal(page.waited_tsc - vcpu->steal_time.seen_tsc, 100);
	assert_int_equal(page.dirty & VCPU_ALL, VCPU_ALL & ~(u32)VCPU_EVENT);
	assert_int_equal(page.dirty & VCPU_XSAVE, VCPU_XSAVE);
	assert_int_equal(xsave_pages[1][4095], 0x22);
	page.valid = other_page[0].valid = VCPU_ALL;
	assert_int_equal(save_to(again, sizeof(again)), used);
	assert_memory_equal(saved, again, used);
}

/* A choice of parts has those parts alone, and loads no others. */
static void parts(void **state)
{
	struct state_choice one = {.vcpus = 2};
	struct state_problem problem;
	size_t count;

	(void)state;
	use(&machine.vcpu[0], 0x11);
	use(&machine.vcpu[1], 0x22);
	assert_int_equal(state_save(&machine, &one, "", saved, sizeof(saved), &count), STATUS_OK);
	assert_null(state_find(saved, STATE_VCPU, 0));
	assert_null(state_find(saved, STATE_TIME, 0));
	page.rip = other_page[0].rip = 1;
	assert_true(state_load(&machine, &one, saved, count, &problem));
	assert_int_equal(page.rip, 1);
	assert_int_equal(other_page[0].rip, 0x220);
	one.vcpus = 1;
	assert_false(state_load(&machine, &one, saved, count, &problem));
	assert_int_equal(state_save(&machine, &one, "", saved, count / 2, &count), STATUS_TOO_BIG);
}

static void refuses(const char *expected)
{
	const char *words;

	page.rip = 77;
	assert_false(load_saved(&words));
	assert_string_equal(words, expected);
	assert_int_equal(page.rip, 77);
	used = save_to(saved, sizeof(saved));
}

static void what_cannot_be(void **state)
{
	(void)state;
	use(&machine.vcpu[0], 0x11);
	use(&machine.vcpu[1], 0x22);
	used = save_to(saved, sizeof(saved));
	saved_vcpu(1)->xcr0 = ~0ull;
	refuses("record 4 (vcpu 1): XCR0 has a component that this machine does not show");
	saved_vcpu(1)->event.type = 99;
	refuses("record 4 (vcpu 1): it holds an event that no CPU can deliver");
	saved_vcpu(0)->exit.reason = EXIT_REASON_COUNT;
	refuses("record 2 (vcpu 0): its exit is one that no CPU reports");
	saved_vcpu(0)->halted = 2;
	refuses("record 2 (vcpu 0): no machine can be in that state");
	saved_vcpu(0)->advance_length = 16;
	refuses("record 2 (vcpu 0): no machine can be in that state");
	((struct time_saved *)(uintptr_t)(state_find(saved, STATE_TIME, 0) + 1))->tsc_khz = 1000251;
	refuses("record 1 (time 0): the TSC has another rate");
	((struct policy_saved *)(uintptr_t)(state_find(saved, STATE_POLICY, 0) + 1))->vcpu_count =
		3;
	refuses("record 0 (policy 0): vCPUs: in the state 3, here 2");
	((struct state_header *)saved)->vendor = STATE_VENDOR_SVM;
	refuses("header: vendor (1: VMX, 2: SVM): it is 2, but has to be 1");
}

/*
 * The state has the time of the save, if the host knows it; the time makes no difference to a load.
 */
static void the_date(void **state)
{
	struct state_record *record;
	const char *words;

	(void)state;
	use(&machine.vcpu[0], 0x11);
	use(&machine.vcpu[1], 0x22);
	used = save_to(saved, sizeof(saved));
	assert_int_equal(state_wall_ns(saved), 0);
	machine_time_wall(&machine.time, 1700000000, 1000);
	assert_true(load_saved(&words));
	used = save_to(saved, sizeof(saved));
	assert_int_equal(state_wall_ns(saved), 1700000000 * NS_PER_S + 4000);
	machine.time.wall_seconds = 0;
	assert_true(load_saved(&words));
	machine.time.wall_seconds = 1;
	record = (struct state_record *)(uintptr_t)state_find(saved, STATE_WALL | STATE_SKIPPABLE,
							      0);
	record->version = 2;
	assert_true(load_saved(&words));
	assert_int_equal(state_wall_ns(saved), 0);
	record->version = 1;
	record->type = STATE_WALL;
	assert_false(load_saved(&words));
	assert_string_equal(words, "record 2 (wall 0): the machine has no place for it");
	record->type |= STATE_SKIPPABLE;
	assert_true(load_saved(&words));
}

/* Version 1.0 of all that is no device's, as it was: it loads, and is what is saved now. */
static void golden(void **state)
{
	const char *words;

	(void)state;
	use(&machine.vcpu[0], 0x11);
	use(&machine.vcpu[1], 0x22);
	page.cr2++; /* each field gets another value, so that one in another's place is seen */
	page.cr4 += 2;
	page.efer += 3;
	page.request |= REQUEST_FLUSH;
	page.idtr.limit++;
	vcpu->unhalted = false;
	used = save_to(again, sizeof(again));
	if (!golden_is("tests/unit/golden/state_1.0.bin", again, used, saved))
		fail_msg("a state of version 1.0 has other bytes: give it, or a section, another "
			 "version");
	wipe(&machine.vcpu[0]);
	wipe(&machine.vcpu[1]);
	assert_true(load_saved(&words));
	assert_int_equal(other_page[0].gpr[GPR_R15], 0x22 + 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_comes_back, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(parts, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(what_cannot_be, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(the_date, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(golden, set_up, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
