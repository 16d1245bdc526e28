/* SPDX-License-Identifier: MIT */
/* A machine goes from one monitor process to another, or stays where it is. */
#include "tests/unit/vmm/monitor/life/handover_fixture.h"

/* The id of the guest that will run. */
static u64 generation(void)
{
	u64 id;

	memcpy(&id, ram + LAYOUT_GENERATION, sizeof(id));
	return id;
}

static void make(void)
{
	fixture_make_many(2);
	for (u32 i = 0; i < 2; i++)
		machine.vcpu[i].xsave_page = xsave_pages[i];
	host_tsc = 5000;
	machine_time_start(&machine.time, 1000000, 1000);
	todo_do(&machine);
}

static int set_up(void **state)
{
	(void)state;
	memset(own_area, 0, sizeof(own_area));
	make();
	given = (struct start_entry){.value = 0};
	disk_answers = true;
	bound = made_anew = 0;
	return 0;
}

static void tell(enum vm_command command)
{
	channel.command = command;
	channel.command_sequence++;
	pending_handle(&machine);
	assert_int_equal(channel.done_sequence, channel.command_sequence);
}

static void save(void)
{
	channel.state_memory = 7;
	channel.state_size = sizeof(own_area);
	tell(VM_COMMAND_SAVE);
}

static void assert_refused(const char *expected)
{
	assert_int_equal(channel.state_used, 0);
	assert_string_equal(channel.handover_problem, expected);
	assert_false(machine.handover.held);
	channel.handover_problem[0] = '\0';
}

/* A machine is saved, and then goes on where it was: guest time has stood still. */
static void is_held(void **state)
{
	const struct state_choice all = state_choose_all(&machine);

	(void)state;
	save();
	assert_int_equal(channel.state_used, state_bytes(&machine, &all));
	assert_true(machine.handover.held);
	assert_false(machine_may_run(&machine));
	assert_int_equal(channel.state, VM_RUNNING);
	channel.stream[0].input_written = 1;
	serial_room = 1;
	host_tsc = 9000;
	pending_handle(&machine);
	assert_int_equal(channel.stream[0].input_read, 0);
	assert_int_equal(bound, 0);
	tell(VM_COMMAND_CONTINUE);
	assert_true(machine_may_run(&machine));
	assert_int_equal(machine.time.base_tsc, 5000);
	assert_int_equal(bound, 1);
	pending_handle(&machine);
	assert_int_equal(channel.stream[0].input_read, 1);
}

/* The machine is saved only when the last vCPU has left its guest. */
static void waits_for_vcpus(void **state)
{
	(void)state;
	machine.vcpu[1].place = VCPU_IN_GUEST;
	machine.guest_count = 1;
	channel.state_memory = 7;
	channel.state_size = sizeof(own_area);
	channel.command = VM_COMMAND_SAVE;
	channel.command_sequence++;
	pending_handle(&machine);
	assert_int_equal(channel.state_used, 0);
	assert_int_equal(kicks_sent[1], 1);
	machine.vcpu[1].place = VCPU_INSIDE;
	machine.guest_count = 0;
	todo_do(&machine);
	assert_true(machine.handover.held);
	pending_handle(&machine);
	assert_int_equal(channel.done_sequence, channel.command_sequence);
}

/* A paused machine stays paused. */
static void paused(void **state)
{
	(void)state;
	machine_pause(&machine);
	todo_do(&machine);
	host_tsc = 6000;
	save();
	assert_int_not_equal(channel.state_used, 0);
	host_tsc = 9000;
	tell(VM_COMMAND_CONTINUE);
	assert_int_equal(machine.state, VM_PAUSED);
	tell(VM_COMMAND_RESUME);
	assert_true(machine_may_run(&machine));
	assert_int_equal(machine.time.base_tsc, 5000);
}

static void refused_to_save(void **state)
{
	struct virtio_blk *disk = calloc(1, sizeof(*disk));

	(void)state;
	machine.debugger.attached = true;
	save();
	assert_refused("a debugger is attached to it");
	machine.debugger.attached = false;
	machine.blk = disk;
	machine.blk_count = 1;
	disk->number = 3;
	disk_answers = false;
	save();
	assert_refused("disk 3 does not answer what it was asked");
	machine.blk_count = 0;
	free(disk);
	channel.state_size = PAGE_SIZE;
	tell(VM_COMMAND_SAVE);
	assert_refused("its state cannot be saved: too big");
	assert_true(machine_may_run(&machine));
	machine.state = VM_CRASHED;
	save();
	assert_refused("it neither runs nor is it paused");
}

/*
 * Becomes the other process: it has nothing of the first process but the channel and the saved
 * bytes.
 */
static void become_new(u32 renewal)
{
	const struct vm_channel kept = channel;

	free(ram);
	make();
	channel = kept;
	machine.state = machine.reported = VM_CREATED;
	machine.obeyed = 0;
	machine.handover.number = renewal;
	given = (struct start_entry){.kind = START_STATE,
				     .offset = (u64)(uintptr_t)own_area,
				     .value = channel.state_used};
	mapped_at = given.offset;
}

static void taken(void **state)
{
	u64 elapsed = host_tsc - machine.time.base_tsc;

	(void)state;
	page.rip = 0x1234;
	other_page[0].gpr[GPR_RBX] = 77;
	machine.vcpu[1].halted = true;
	page.xcr0 = other_page[0].xcr0 = 1;
	channel.started_tsc = 4321;
	save();
	become_new(3);
	host_tsc = 20000;
	assert_true(handover_take(&machine));
	assert_int_equal(channel.taken_renewal, 3);
	assert_int_equal(channel.refused_renewal, 0);
	assert_int_equal(machine.state, VM_RUNNING);
	assert_false(machine_may_run(&machine));
	pending_handle(&machine); /* a command to the old process is none for the new one */
	assert_true(machine.handover.held);
	assert_int_equal(page.rip, 0x1234);
	assert_int_equal(other_page[0].gpr[GPR_RBX], 77);
	assert_true(machine.vcpu[1].halted);
	host_tsc = 30000;
	tell(VM_COMMAND_CONTINUE);
	assert_true(machine_may_run(&machine));
	assert_int_equal(host_tsc - machine.time.base_tsc, elapsed);
	assert_int_equal(page.tsc_offset, -machine.time.base_tsc);
	assert_int_equal(channel.started_tsc, 4321);
	machine_crash(&machine, "now it counts");
	todo_do(&machine);
	assert_int_equal(channel.state, VM_CRASHED);
}

static void assert_not_taken(const char *expected)
{
	assert_false(handover_take(&machine));
	assert_int_equal(channel.refused_renewal, machine.handover.number);
	assert_int_equal(channel.taken_renewal, 0);
	assert_string_equal(channel.handover_problem, expected);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_string_equal(channel.reason, "");
}

static void not_taken(void **state)
{
	(void)state;
	save();
	become_new(4);
	given.value = 0;
	assert_not_taken("its state cannot be read: not found");
	become_new(6);
	own_area[100] ^= 1;
	assert_not_taken("record 0 (policy 0): its checksum is wrong");
	become_new(7);
	machine_crash(&machine, "vcpus: %u asked for", 99);
	todo_do(&machine);
	assert_int_equal(channel.refused_renewal, 7);
	assert_string_equal(channel.handover_problem, "vcpus: 99 asked for");
	assert_int_equal(channel.state, VM_RUNNING);
}

/* The guest is what it was when its state was saved, and its time goes on from there. */
static void set_back(void **state)
{
	u64 elapsed = host_tsc - machine.time.base_tsc;
	u64 used;

	(void)state;
	page.rip = 0x1234;
	page.xcr0 = other_page[0].xcr0 = 1;
	save();
	used = channel.state_used;
	tell(VM_COMMAND_CONTINUE);
	for (enum vm_state in = VM_RUNNING; in < VM_STATE_COUNT; in++) {
		if (in == VM_STOPPED)
			continue;
		machine.state = in;
		page.rip = 0x5678;
		page.request = 0;
		host_tsc += 7000;
		tell(VM_COMMAND_HOLD);
		assert_int_equal(channel.held, 1);
		assert_true(machine.handover.held);
		host_tsc += 7000;
		channel.state_size = used;
		tell(VM_COMMAND_LOAD);
		assert_int_equal(channel.held, 0);
		assert_int_equal(page.rip, 0x1234);
		assert_int_equal(page.request & REQUEST_FLUSH, REQUEST_FLUSH);
		assert_int_equal(machine.state, in == VM_PAUSED ? VM_PAUSED : VM_RUNNING);
		assert_int_equal(channel.state, machine.state);
		machine_resume(&machine);
		todo_do(&machine);
		assert_true(machine_may_run(&machine));
		assert_int_equal(host_tsc - machine.time.base_tsc, elapsed);
	}
	assert_int_equal(made_anew, 3);
}

static void load_again(u64 used)
{
	tell(VM_COMMAND_HOLD);
	channel.state_size = used;
	tell(VM_COMMAND_LOAD);
}

static u64 jumped_ns;

void platform_jumped(struct platform *platform, u64 ns)
{
	(void)platform;
	jumped_ns = ns;
}

/* The time in which the state lay is the guest's too, unless its clock is to stop. */
static void catches_up(void **state)
{
	u64 used;

	(void)state;
	channel.wall_seconds = 1700000000;
	machine_take_wall_time(&machine);
	page.xcr0 = other_page[0].xcr0 = 1;
	save();
	used = channel.state_used;
	tell(VM_COMMAND_CONTINUE);
	for (u64 jumps = 0; jumps < 2; jumps++) {
		info.parameter[MONITOR_FLAGS] = jumps * MONITOR_CLOCK_JUMPS;
		host_tsc += 7 * NS_PER_S;
		load_again(used);
		assert_int_equal(jumped_ns, jumps * 14 * NS_PER_S);
		assert_int_equal(host_tsc - machine.time.base_tsc, 4000 + jumped_ns);
	}
	channel.wall_seconds -= 100; /* the host's clock is behind the state's */
	machine_take_wall_time(&machine);
	load_again(used);
	assert_int_equal(host_tsc - machine.time.base_tsc, 4000);
}

/* A state that was loaded here is not checked again, any other one is. */
static void checked_once(void **state)
{
	u64 used;

	(void)state;
	page.rip = 0x1234;
	page.xcr0 = other_page[0].xcr0 = 1;
	save();
	used = channel.state_used;
	tell(VM_COMMAND_CONTINUE);
	load_again(used);
	assert_int_equal(machine.handover.sum, state_sum(own_area, used));
	assert_int_equal(machine.handover.sum_of, used);
	own_area[100] ^= 1; /* a change that nobody makes, in the checksum of the first record */
	page.rip = 0x5678;
	load_again(used);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(page.rip, 0x1234);
	page.rip = 0x4321;
	save();
	assert_int_not_equal(machine.handover.sum, state_sum(own_area, channel.state_used));
	own_area[100] ^= 1;
	channel.state_size = channel.state_used;
	tell(VM_COMMAND_LOAD);
	assert_int_equal(channel.state, VM_CRASHED);
}

/*
 * The id in the guest's RAM is another one after each load, and the guest is told. It is the same
 * over a reset, a hold, and in the process that a machine goes over to.
 */
static void another_generation(void **state)
{
	u64 used;

	(void)state;
	machine.job.pci = true;
	page.xcr0 = other_page[0].xcr0 = 1;
	machine_start(&machine);
	todo_do(&machine);
	assert_int_equal(generation(), GENERATION_DRAWN + 1);
	machine_reset(&machine);
	todo_do(&machine);
	machine_pause(&machine);
	todo_do(&machine);
	machine_resume(&machine);
	todo_do(&machine);
	save();
	used = channel.state_used;
	tell(VM_COMMAND_CONTINUE);
	assert_int_equal(generation(), GENERATION_DRAWN + 1);
	assert_int_equal(generations, 0);
	for (u32 i = 1; i < 4; i++) {
		load_again(used);
		assert_int_equal(generation(), GENERATION_DRAWN + 1 + i);
		assert_int_equal(generations, i);
	}
	save();
	become_new(3);
	machine.job.pci = true;
	assert_true(handover_take(&machine));
	tell(VM_COMMAND_CONTINUE);
	assert_int_equal(generations, 0);
	/* without PCI the guest has no generation ID */
	machine.job.pci = false;
	machine_start(&machine);
	todo_do(&machine);
	load_again(channel.state_used);
	assert_int_equal(generation() + generations + drawn, 0);
}

/* Whatever can be found out before anything is given up is found out then. */
static void not_set_back(void **state)
{
	(void)state;
	machine.debugger.attached = true;
	tell(VM_COMMAND_HOLD);
	assert_int_equal(channel.held, 0);
	assert_refused("a debugger is attached to it");
	machine.debugger.attached = false;
	save();
	own_area[100] ^= 1;
	channel.state_size = channel.state_used;
	tell(VM_COMMAND_LOAD);
	assert_int_equal(channel.state, VM_CRASHED);
	assert_string_equal(channel.reason, "its state cannot be loaded: record 0 (policy 0): its "
					    "checksum is wrong");
	assert_false(machine.handover.held);
	machine.state = VM_RUNNING;
	tell(VM_COMMAND_LOAD); /* the machine is not held */
	assert_int_equal(channel.state, VM_CRASHED);
}

/* Another VM begins where this one was. */
static void cloned(void **state)
{
	u64 elapsed = host_tsc - machine.time.base_tsc;

	(void)state;
	page.rip = 0x1234;
	page.xcr0 = other_page[0].xcr0 = 1;
	save();
	become_new(0);
	channel.state = VM_CREATED;
	host_tsc = 20000;
	machine.job.pci = true;
	seeds_offered = 0;
	assert_true(handover_clone(&machine));
	assert_int_equal(seeds_offered, 1); /* a clone is a new instance to cloud-init */
	assert_int_equal(generation(), GENERATION_DRAWN + 1);
	assert_int_equal(generations, 1);
	assert_int_equal(machine.state, VM_CREATED);
	machine.obeyed = channel.command_sequence;
	host_tsc = 30000;
	tell(VM_COMMAND_START);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(page.rip, 0x1234);
	assert_int_equal(host_tsc - machine.time.base_tsc, elapsed);
	assert_int_equal(channel.started_tsc, 30000);
	save();
	become_new(0);
	own_area[100] ^= 1;
	assert_false(handover_clone(&machine));
	todo_do(&machine);
	assert_int_equal(channel.state, VM_CRASHED);
	assert_string_equal(channel.reason, "record 0 (policy 0): its checksum is wrong");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_held, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(waits_for_vcpus, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(paused, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(refused_to_save, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(taken, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(not_taken, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(set_back, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(catches_up, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(checked_once, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(another_generation, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(not_set_back, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(cloned, set_up, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
