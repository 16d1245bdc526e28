/* SPDX-License-Identifier: MIT */
/*
 * A volume that a VM writes to gets another key: when its guest stands still, and which of two
 * monitors goes on with which key. disk/rekey.c is a phase here.
 */
#define FIXTURE_REKEY
#include "tests/unit/vm_renew_fixture.h"

#include "vmm/manager/vm/operation/rekey/vm_rekey.c"

static struct store pool;
static const struct store_volume volume = {.id = 5, .sectors = 64, .name = "web"};
static u32 number;

/* What disk/rekey.c says and was told. */
static struct {
	enum rekey_stage stage;
	bool uses;	   /* the VM's link is its */
	bool returns;	   /* the volume has the new key, so it gets the old one back */
	u32 stands, taken; /* how often it was told so */
	char back[200];	   /* why the old monitor goes on */
	char given_up[80]; /* why the VM does not need it any more */
	bool no_list;	   /* there is no memory for a list of changes */
	bool refuses;
} fake;

struct store *store_at(u32 index)
{
	return index == 0 ? &pool : NULL;
}

bool vm_backup_prepare_changes(struct vm *vm, u32 place, char *why, size_t size)
{
	assert_int_equal(place, 2);
	assert_ptr_equal(vm->link[place], link);
	format(why, size, "no memory for a list");
	return !fake.no_list;
}

u32 rekey_begin(struct store *store, const struct store_volume *of, struct driver_link *by,
		const char *key, char *why, size_t size)
{
	assert_ptr_equal(store, &pool);
	assert_ptr_equal(of, &volume);
	assert_ptr_equal(by, link);
	assert_string_equal(key, "other");
	format(why, size, "only one at a time");
	if (fake.refuses)
		return 0;
	fake.stage = REKEY_STAGE_COPIES;
	fake.uses = true;
	return 9;
}

bool rekey_uses(const struct driver_link *of)
{
	return of == link && fake.uses;
}

enum rekey_stage rekey_stage(const struct driver_link *of)
{
	return of == link ? fake.stage : REKEY_STAGE_ENDED;
}

void rekey_stands(void)
{
	fake.stands++;
	fake.stage = REKEY_STAGE_WORKS;
}

void rekey_is_taken(void)
{
	fake.taken++;
	fake.stage = REKEY_STAGE_ENDED;
}

void rekey_goes_back(const char *why)
{
	string_copy(fake.back, sizeof(fake.back), why);
	if (fake.stage == REKEY_STAGE_TAKEN || fake.returns)
		fake.stage = REKEY_STAGE_WORKS;
	else if (fake.stage != REKEY_STAGE_COPIES)
		fake.stage = REKEY_STAGE_ENDED;
}

void rekey_abandon(const struct driver_link *of, const char *why)
{
	if (!rekey_uses(of))
		return;
	string_copy(fake.given_up, sizeof(fake.given_up), why);
	fake.stage = REKEY_STAGE_ENDED;
	fake.uses = false;
}

static struct vm *begun(void)
{
	const struct vm_rekey_wish wish = {&pool, &volume, "other", &number};
	struct vm *vm = ready_in(VM_RUNNING);

	memset(&fake, 0, sizeof(fake));
	disks_encrypted = true;
	vm_link.disk.store.volume = 5;
	vm_link.disk.read_only = false;
	vm->config.disk[2].number = 1;
	vm->backup.disk[2].chained = true;
	assert_true(vm_rekey(vm, &wish, problem, sizeof(problem)));
	assert_int_equal(number, 9);
	assert_false(vm->backup.disk[2].chained);
	vm_step();
	assert_false(vm_busy(vm)); /* the guest runs, and so does each command */
	return vm;
}

static u32 phase(struct vm *vm)
{
	return vm->operation[OPERATION_REKEY].phase;
}

static void rest(struct vm *vm)
{
	for (u32 i = 0; i < 4; i++)
		vm_step();
	(void)vm;
}

/* The guest is held, and the last round is under way. */
static struct vm *standing(void)
{
	struct vm *vm = begun();

	fake.stage = REKEY_STAGE_STAND;
	rest(vm);
	assert_true(vm_busy(vm));
	assert_int_equal(fake.stands, 0); /* not before the monitor has saved */
	monitor_saves(vm, 5000);
	rest(vm);
	assert_int_equal(vm->operation[OPERATION_RENEW].phase, RENEW_STANDING);
	assert_int_equal(fake.stands, 1);
	assert_int_equal(vm->renewal.heir.process, HANDLE_NONE);
	assert_int_equal(renewed, 0);
	return vm;
}

/* The one after the exchange: the new monitor is made with the new key. */
static struct vm *taken(void)
{
	struct vm *vm = standing();

	fake.stage = REKEY_STAGE_TAKEN;
	rest(vm);
	assert_int_equal(vm->operation[OPERATION_RENEW].phase, RENEW_TAKING);
	assert_int_equal(fake.taken, 0);
	return vm;
}

static void gets_a_key(void **state)
{
	struct vm *vm = taken();

	(void)state;
	channel.taken_renewal = vm->renewal.number;
	rest(vm);
	assert_int_equal(vm->monitor.process, HEIR);
	monitor_continues(vm, "");
	rest(vm);
	assert_int_equal(fake.taken, 1);
	assert_string_equal(fake.back, "");
	assert_int_equal(phase(vm), VM_REKEY_NONE);
	assert_int_equal(vm->state, VM_RUNNING);
}

/* The new monitor fails: the old one goes on once the volume has its old key again. */
static void goes_back(void **state)
{
	struct vm *vm = taken();

	(void)state;
	vm_renew_heir_ended(vm);
	assert_non_null(strstr(fake.back, "its new monitor died"));
	rest(vm);
	assert_int_equal(channel.command, VM_COMMAND_SAVE); /* it is held still */
	assert_int_equal(phase(vm), VM_REKEY_RETURNS);
	assert_true(vm_busy(vm));
	fake.stage = REKEY_STAGE_ENDED;
	vm_step();
	assert_int_equal(channel.command, VM_COMMAND_CONTINUE);
	channel.done_sequence = channel.command_sequence;
	rest(vm);
	assert_false(vm_busy(vm));
	assert_int_equal(phase(vm), VM_REKEY_NONE);
	assert_int_equal(vm->monitor.process, OLD);
	assert_int_equal(fake.taken, 0);

	/* too late, while the store may have exchanged the two already */
	vm = standing();
	fake.returns = true;
	now += 6 * NS_PER_S;
	vm_step();
	assert_non_null(strstr(fake.back, "for as long as it may"));
	assert_int_equal(phase(vm), VM_REKEY_RETURNS);
}

/* What is given up before the exchange lets the old monitor go on at once. */
static void is_given_up(void **state)
{
	struct vm *vm = standing();

	(void)state;
	fake.stage = REKEY_STAGE_ENDED;
	vm_step();
	monitor_continues(vm, "its volume does not get another key now");
	rest(vm);
	assert_int_equal(phase(vm), VM_REKEY_NONE);

	/* more has changed than can be copied now: it goes on, and so does its rekey */
	vm = standing();
	fake.stage = REKEY_STAGE_COPIES;
	vm_step();
	monitor_continues(vm, "its volume does not get another key now");
	rest(vm);
	assert_int_equal(phase(vm), VM_REKEY_COPIES);
	assert_int_equal(vm->monitor.process, OLD);

	/* it stands still for too long */
	vm = standing();
	now += 6 * NS_PER_S;
	vm_step();
	monitor_continues(vm, "its guest has stood still for as long as it may");
	assert_int_equal(fake.stage, REKEY_STAGE_ENDED);

	vm = begun();
	fake.stage = REKEY_STAGE_STAND;
	channel.state_bytes = 0;
	rest(vm);
	assert_non_null(strstr(fake.back, "how large its state is"));
	assert_false(vm_busy(vm));
}

static void ends_meanwhile(void **state)
{
	struct vm *vm = standing();

	(void)state;
	assert_true(act(vm, ACTION_KILL));
	assert_string_equal(fake.given_up, "its VM has ended meanwhile");
	settle(vm);
	assert_int_equal(phase(vm), VM_REKEY_NONE);

	/* nobody knows the key: the guest may not go on */
	vm = standing();
	fake.stage = REKEY_STAGE_LOST;
	vm_step();
	assert_int_equal(vm->state, VM_CRASHED);
	assert_non_null(strstr(vm->reason, "its old key or the new one"));
	settle(vm);
	assert_int_equal(phase(vm), VM_REKEY_NONE);
}

static bool refused(struct vm *vm, const char *why)
{
	const struct vm_rekey_wish wish = {&pool, &volume, "other", &number};

	return !vm_rekey(vm, &wish, problem, sizeof(problem)) && strstr(problem, why) != NULL &&
	       phase(vm) == VM_REKEY_NONE;
}

static void refusals(void **state)
{
	struct vm *vm = begun();

	(void)state;
	assert_ptr_equal(vm_rekey_user(&pool, 5), vm);
	assert_null(vm_rekey_user(&pool, 6));
	fake.stage = REKEY_STAGE_ENDED;
	rest(vm);
	fake.no_list = true;
	assert_true(refused(vm, "no memory for a list"));
	fake.no_list = false;
	fake.refuses = true;
	assert_true(refused(vm, "only one at a time"));
	vm->operation[OPERATION_BACKUP].phase = BACKUP_ENDING;
	assert_true(refused(vm, "`vm backup cancel alpha`"));
	vm->operation[OPERATION_BACKUP].phase = BACKUP_NONE;
	vm->config.reserve_budget_ns = 1;
	assert_true(refused(vm, "reserve"));
	vm_link.disk.read_only = true;
	assert_null(vm_rekey_user(&pool, 5));
	assert_true(refused(vm, "does not use it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_a_key),  cmocka_unit_test(goes_back),
		cmocka_unit_test(is_given_up), cmocka_unit_test(ends_meanwhile),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
