/* SPDX-License-Identifier: MIT */
/* VMs that are promised more than there is: who gets pages, who waits, what is said of it. */
#define FIXTURE_OVERCOMMIT
#include "tests/unit/vm_fixture.h"

#include "vmm/manager/vm/memory/vm_overcommit.c"
#include "vmm/manager/vm/memory/vm_trim.c"
#include "vmm/rt/status_text.c"

static struct group_page account;
static u64 available; /* the pages that nobody was promised, but for those of the VM's quota */
static u64 quota;     /* the quota of the group */

enum status sys_group_set(handle_t group, enum group_setting setting, u64 value)
{
	assert_int_equal(group, 7);
	assert_int_equal(setting, GROUP_QUOTA);
	assert_true(value >= account.used_pages);
	assert_true(value <= quota || value - quota <= available);
	available += quota - value;
	quota = value;
	return STATUS_OK;
}

static enum status trim_status;
static u64 trimmed;    /* pages that were looked at */
static u64 trim_gives; /* the pages that a trim of each piece gives */
static u32 trim_calls;
static u64 trim_ns; /* the time that each piece takes */

enum status sys_memory_trim(handle_t memory, u64 first, u64 count, u64 *done, u64 *given)
{
	assert_int_equal(memory, 9);
	trim_calls++;
	now += trim_ns;
	if (trim_status == STATUS_AGAIN)
		return STATUS_AGAIN;
	assert_true(first == trimmed && count == 64 * MIB / PAGE_SIZE - first);
	*done = MIN(count, 30);
	*given = trim_gives;
	trimmed += *done;
	available += *given;
	return trim_status;
}

u64 pages_available(void)
{
	return available;
}

u64 vm_build_pages(const struct vm_config *config)
{
	return config->memory_bytes / PAGE_SIZE + 100;
}

static struct vm *running(u64 pages)
{
	struct vm *vm = in_state(VM_RUNNING);

	vm->overcommits = true;
	vm->config.memory_bytes = 64 * MIB;
	vm->account = &account;
	account = (struct group_page){.used_pages = 500};
	vm->quota_pages = quota = 500;
	available = pages;
	look_tsc = ~0ull;
	vm->ram = 9;
	vm->trim = (struct vm_trim){0};
	trim_status = STATUS_OK;
	trimmed = 0;
	trim_gives = 0;
	return vm;
}

/* Lets the guest leave for want of a page. */
static void starves(struct vm *vm)
{
	channel.no_memory = 1;
	monitor_reports(vm, VM_PAUSED, "");
}

/* There are enough pages: nobody notices, and a great part of them stays for others. */
static void gets_more(void **state)
{
	struct vm *vm = running(100000);

	(void)state;
	starves(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	settle(vm);
	assert_int_equal(channel.command, VM_COMMAND_RESUME);
	assert_int_equal(vm->quota_pages, 500 + 100000 / GRANT_SHARE);
	assert_int_equal(vm->quota_pages, quota);
	assert_int_equal(event_count[EVENT_PAUSED], 0);
	assert_int_equal(vm_overcommit_deadline(), ~0ull);
	/* a VM never gets more than if all its memory were its own, whatever its monitor says */
	for (u32 i = 0; i < 10; i++) {
		starves(vm);
		settle(vm);
	}
	assert_int_equal(vm->quota_pages, 64 * MIB / PAGE_SIZE + 100);
}

/* There are no pages: the VM waits, says so once, and goes on when there are some. */
static void waits(void **state)
{
	struct vm *vm = running(RESERVE_PAGES + LEAST_PAGES - 1);

	(void)state;
	starves(vm);
	for (u32 i = 0; i < 3; i++) {
		settle(vm);
		now = vm_overcommit_deadline();
	}
	assert_int_equal(vm->state, VM_PAUSED);
	assert_string_equal(vm->reason, "no memory");
	assert_int_equal(event_count[EVENT_PAUSED], 1);
	assert_int_equal(quota, 500);
	assert_false(act(vm, ACTION_RESUME));
	assert_non_null(strstr(problem, "only 4348 KiB are promised to nobody, and it takes "
					"4352 KiB"));
	available++;
	settle(vm);
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_int_equal(event_count[EVENT_RESUMED], 1);
	assert_int_equal(quota, 500 + LEAST_PAGES);
	assert_int_equal(available, RESERVE_PAGES);
}

/* A thread of the monitor waits in the kernel, of which the monitor says nothing. */
static void parked(void **state)
{
	struct vm *vm = running(0);

	(void)state;
	vm_overcommit_ask(vm, true);
	settle(vm);
	assert_int_equal(vm->state, VM_PAUSED);
	vm_report_take(vm);
	assert_int_equal(vm->state, VM_PAUSED);
	available = 5000;
	assert_true(act(vm, ACTION_RESUME));
	settle(vm);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_true(vm->hunger == VM_FED && !vm->hunger_told);
	assert_true(quota > 500);
	/* a VM that ends waits for nothing */
	available = 0;
	vm_overcommit_ask(vm, true);
	settle(vm);
	assert_true(act(vm, ACTION_DESTROY));
	settle(vm);
	assert_int_equal(groups, 0);
}

/* Unused pages are taken back before anybody is refused; a VM that its user paused stays paused. */
static void gives_back(void **state)
{
	struct vm *vm = running(1000);

	(void)state;
	vm->quota_pages = quota = 3000;
	assert_int_equal(vm_overcommit_available(900), 1000);
	assert_int_equal(quota, 3000);
	assert_int_equal(vm_overcommit_available(2000), 1000 + 3000 - 500 - SPARE_PAGES);
	assert_int_equal(vm->quota_pages, 500 + SPARE_PAGES);
	assert_true(act(vm, ACTION_PAUSE));
	channel.no_memory = 1;
	settle(vm);
	assert_int_equal(vm->state, VM_PAUSED);
	assert_string_equal(vm->reason, "");
	assert_int_equal(vm->hunger, VM_FED);
	vm->overcommits = false;
	quota = vm->quota_pages = 3000;
	(void)vm_overcommit_available(90000);
	assert_int_equal(quota, 3000);
}

/* A VM that waits has all such VMs look for pages of zeros, once in a while. */
static void trims(void **state)
{
	struct vm *vm = running(RESERVE_PAGES + LEAST_PAGES - 1);
	u32 turns = 0;

	(void)state;
	trim_gives = 3;
	starves(vm);
	assert_false(vm_trim_step(vm, now));
	vm_overcommit_step(clock_tsc());
	assert_true(vm->operation[OPERATION_TRIM].phase != TRIM_NONE);
	while (vm_trim_step(vm, now))
		turns++;
	assert_int_equal(trimmed, 64 * MIB / PAGE_SIZE);
	assert_int_equal(turns, 64 * MIB / PAGE_SIZE / 30 / STEPS);
	assert_int_equal(vm->trim.given, (64 * MIB / PAGE_SIZE / 30 + 1) * 3);
	assert_string_equal(vm->operation[OPERATION_TRIM].problem, "");
	vm_overcommit_trim_all(clock_tsc());
	assert_int_equal(vm->operation[OPERATION_TRIM].phase, TRIM_NONE);
	vm_overcommit_trim_all(vm->trim.ended_tsc + clock_ns_to_tsc(TRIM_AGAIN_NS));
	assert_true(vm->operation[OPERATION_TRIM].phase != TRIM_NONE);
	/* a snapshot is taken in between */
	trimmed = 0;
	trim_status = STATUS_BAD_STATE;
	assert_false(vm_trim_step(vm, now));
	assert_string_equal(vm->operation[OPERATION_TRIM].problem,
			    "a device reaches its memory, or a snapshot was taken");
}

/*
 * A monitor undoes each step of a trim: others have their turn in between, and the trim is given
 * up.
 */
static void trims_in_vain(void **state)
{
	struct vm *vm = running(1000);
	char problem[96];

	(void)state;
	trim_status = STATUS_AGAIN;
	assert_true(vm_trim_begin(vm, problem, sizeof(problem)));
	for (u32 turn = 0; turn < 3; turn++) {
		trimmed = 0;
		trim_calls = 0;
		assert_true(vm_trim_step(vm, now));
		assert_true(trim_calls <= STEPS);
	}
	trim_ns = NS_PER_MS;
	trim_calls = 0;
	assert_true(vm_trim_step(vm, now));
	assert_true(trim_calls <= VM_TURN_NS / NS_PER_MS + 1);
	trim_ns = 0;
	now += STEP_NS;
	trimmed = 0;
	assert_false(vm_trim_step(vm, now));
	assert_non_null(strstr(vm->operation[OPERATION_TRIM].problem, "given back all the time"));
}

/* A trim gives back nothing of what lies in layers, nor of what is not there. */
static void trims_not(void **state)
{
	struct vm *vm = running(5000);
	char problem[160];

	(void)state;
	vm->snapshots.layer = 1;
	assert_false(vm_trim_begin(vm, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "above a snapshot's; only a VM without snapshots"));
	vm->snapshots.layer = 0;
	vm->clone_of = 3;
	assert_false(vm_trim_begin(vm, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "above another's"));
	vm->clone_of = 0;
	assert_true(vm_trim_begin(vm, problem, sizeof(problem)));
	vm->phase = VM_PHASE_ENDING;
	assert_false(vm_trim_step(vm, now));
	assert_string_equal(vm->operation[OPERATION_TRIM].problem, "the VM has ended");
	assert_false(vm_trim_begin(vm, problem, sizeof(problem)));
	assert_non_null(
		strstr(problem, "it is leaving; only a running or paused VM can be trimmed"));
	vm->phase = VM_PHASE_KNOWN;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_more),	 cmocka_unit_test(waits),
		cmocka_unit_test(parked),	 cmocka_unit_test(gives_back),
		cmocka_unit_test(trims),	 cmocka_unit_test(trims_not),
		cmocka_unit_test(trims_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
