/* SPDX-License-Identifier: MIT */
/* A VM is paused while a store has no room for what its guest writes, and goes on by itself. */
#include "tests/unit/vmm/manager/vm/disks/vm_volume_fixture.h"

static struct store_page pages[STORES];

/* VM alpha runs, and the driver serves both stores. */
static struct vm *running(void)
{
	struct vm *vm = ready();

	memset(pages, 0, sizeof(pages));
	for (u32 i = 0; i < STORES; i++) {
		stores[i].driver = &driver;
		stores[i].place = i;
		stores[i].page = &pages[i];
		stores[i].driver_at = 1;
	}
	vm->state = VM_RUNNING;
	return vm;
}

/* Lets alpha's second disk wait in store `other`. */
static void wait_in_other(u32 why)
{
	pages[1].wait[1] = why;
	vm_volumes_step();
}

static void pauses_and_goes_on(void **state)
{
	struct vm *vm = running();

	(void)state;
	vm_volumes_step();
	assert_int_equal(monitors.sent, 0);
	wait_in_other(STORE_WAIT_FULL);
	assert_int_equal(monitors.sent, 1);
	assert_int_equal(monitors.last, VM_COMMAND_PAUSE);
	assert_true(vm->wish.pause && vm->full.waits);
	assert_string_equal(vm->full.reason, "store other has no room for what it writes; drop a "
					     "volume there or grow the store, and it goes on");
	vm->state = VM_PAUSED;
	vm_volumes_step();
	assert_int_equal(monitors.sent, 1);
	stores[1].driver_at = 0; /* the driver begins anew */
	vm_volumes_step();
	assert_int_equal(monitors.sent, 1);
	stores[1].driver_at = 1;
	monitors.busy = true;
	wait_in_other(STORE_WAIT_NOT);
	assert_int_equal(monitors.sent, 1);
	monitors.busy = false;
	vm_volumes_step();
	assert_int_equal(monitors.sent, 2);
	assert_int_equal(monitors.last, VM_COMMAND_RESUME);
	assert_false(vm->wish.pause || vm->full.waits);
}

/* An operator's resume holds: the guest is not paused again for the same wait. */
static void leaves_it_to_the_operator(void **state)
{
	struct vm *vm = running();

	(void)state;
	wait_in_other(STORE_WAIT_METADATA);
	assert_int_equal(monitors.sent, 1);
	vm->wish.pause = false;
	vm_volumes_step();
	wait_in_other(STORE_WAIT_NOT);
	assert_int_equal(monitors.sent, 1);
	wait_in_other(STORE_WAIT_FULL);
	assert_int_equal(monitors.sent, 2);
}

/* What a driver says of others, wrongly or too often, and VMs that cannot be paused now. */
static void pauses_nobody_else(void **state)
{
	struct vm *vm = running();

	(void)state;
	pages[0].wait[1] = pages[1].wait[0] = pages[1].wait[9] = STORE_WAIT_FULL;
	wait_in_other(77);
	monitors.silent = true;
	wait_in_other(STORE_WAIT_FULL);
	monitors.silent = false;
	monitors.busy = true;
	vm_volumes_step();
	monitors.busy = false;
	vm->state = VM_PAUSED;
	vm_volumes_step();
	vm->state = VM_STOPPED;
	vm_volumes_step();
	assert_int_equal(monitors.sent, 0);
	assert_false(vm->full.waits);
	vm->state = VM_RUNNING;
	vm_volumes_step();
	assert_int_equal(monitors.sent, 1);
	vm->state = VM_STOPPED;
	vm_volumes_step();
	assert_false(vm->full.waits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_and_goes_on),
		cmocka_unit_test(leaves_it_to_the_operator),
		cmocka_unit_test(pauses_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
