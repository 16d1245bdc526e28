/* SPDX-License-Identifier: MIT */
/* Queries of the manager to a monitor whose VM is paused. */
#include "tests/unit/monitor_fixture.h"

#define ANSWER(type) ((const struct type *)(const void *)channel.question.answer)

static u32 number;

static enum status ask(const struct query *question)
{
	channel.question.query = *question;
	channel.question.asked = ++number;
	query_take(&machine);
	todo_do(&machine);
	assert_int_equal(channel.question.answered, number);
	return (enum status)channel.question.status;
}

static int set_up(void **state)
{
	fixture_make(state);
	machine_pause(&machine);
	todo_do(&machine);
	machine.heard = number;
	vcpu->page->valid = VCPU_ALL;
	vcpu->page->cr0 = CR0_PE;
	return 0;
}

static void test_registers(void **state)
{
	(void)state;
	page.rip = 0x1000;
	page.shadow = SHADOW_STI;
	page.request = REQUEST_ADVANCE;
	page.advance_length = 2;
	vcpu->halted = true;
	lapic_set_cr8(machine_lapic(vcpu), 5); /* CR8 comes from the APIC */
	assert_int_equal(ask(&(struct query){.kind = QUERY_REGISTERS}), STATUS_OK);
	assert_int_equal(page.cr8, 5);
	assert_int_equal(ANSWER(query_registers)->page.rip, 0x1002);
	assert_int_equal(ANSWER(query_registers)->page.shadow, 0);
	assert_int_equal(ANSWER(query_registers)->halted, 1);
	assert_int_equal(page.rip, 0x1000);
	assert_int_equal(ask(&(struct query){.kind = QUERY_REGISTERS, .vcpu = 99}),
			 STATUS_NOT_FOUND);
	assert_int_equal(channel.question.bytes, 0);
	assert_int_equal(ask(&(struct query){.kind = QUERY_KIND_COUNT}), STATUS_NOT_SUPPORTED);
}

static void test_read(void **state)
{
	(void)state;
	memcpy(ram + 0x1ffc, "eightbyt", 8);
	assert_int_equal(ask(&(struct query){.kind = QUERY_READ, .address = 0x1ffc, .length = 8}),
			 STATUS_OK);
	assert_int_equal(channel.question.bytes, 8);
	assert_memory_equal(channel.question.answer, "eightbyt", 8);

	/* reads end with the memory */
	assert_int_equal(ask(&(struct query){.kind = QUERY_READ,
					     .address = RAM_BYTES - 16,
					     .length = QUERY_BYTES}),
			 STATUS_OK);
	assert_int_equal(channel.question.bytes, 16);
	assert_int_equal(
		ask(&(struct query){.kind = QUERY_READ, .address = RAM_BYTES, .length = 1}),
		STATUS_BAD_ADDRESS);
	assert_int_equal(ask(&(struct query){.kind = QUERY_READ, .address = ~0ull, .length = 9}),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(ask(&(struct query){.kind = QUERY_READ, .length = ~0u}), STATUS_OK);
	assert_int_equal(channel.question.bytes, QUERY_BYTES);
}

/* Four levels from 0x10000: 2 MiB at 0x40000000 map to 0x200000. */
static void map_guest(void)
{
	u64 *tables = (u64 *)(void *)(ram + 0x10000);

	memset(tables, 0, 0x3000);
	tables[0] = 0x11000 | PTE_P | PTE_W;
	tables[512 + 1] = 0x12000 | PTE_P | PTE_W;
	tables[1024] = 0x200000 | PTE_P | PTE_PS | PTE_PCD;
	page.cr0 = CR0_PE | CR0_PG;
	page.cr3 = 0x10000;
	page.cr4 = CR4_PAE;
	page.efer = EFER_LMA | EFER_LME;
}

static void test_translate(void **state)
{
	const struct query_translation *walk = ANSWER(query_translation);

	(void)state;
	map_guest();
	assert_int_equal(ask(&(struct query){.kind = QUERY_TRANSLATE, .address = 0x40000123}),
			 STATUS_OK);
	assert_int_equal(walk->paging, 4);
	assert_int_equal(walk->level_count, 3);
	assert_int_equal(walk->level[0].level, 4);
	assert_int_equal(walk->level[0].at, 0x10000);
	assert_int_equal(walk->level[1].at, 0x11008);
	assert_int_equal(walk->level[2].level, 2);
	assert_int_equal(walk->level[2].entry, 0x200000 | PTE_P | PTE_PS | PTE_PCD);
	assert_int_equal(walk->mapping, QUERY_RAM);
	assert_int_equal(walk->gpa, 0x200123);
	assert_int_equal(walk->page_bytes, 2 * MIB);
	assert_false(walk->writable);
	assert_true(walk->executable);
	/* nothing is mapped there in the second stage yet */
	assert_int_equal(walk->second_count, 3);
	assert_int_equal(walk->second[2].entry, 0);

	assert_int_equal(ask(&(struct query){.kind = QUERY_TRANSLATE, .address = 0x80000000}),
			 STATUS_OK);
	assert_int_equal(walk->mapping, QUERY_UNMAPPED);
	assert_int_equal(walk->level_count, 2);
	assert_int_equal(walk->error_code, 0);
	assert_int_equal(ask(&(struct query){.kind = QUERY_TRANSLATE, .address = 1ull << 60}),
			 STATUS_BAD_ADDRESS);
	page.cr0 = CR0_PE;
	page.efer = 0;
	assert_int_equal(ask(&(struct query){.kind = QUERY_TRANSLATE, .address = 0x3000}),
			 STATUS_OK);
	assert_int_equal(walk->paging, 0);
	assert_int_equal(walk->second_count, 3);
	assert_int_equal(walk->second[2].entry, 0x87);
}

static void test_read_linear(void **state)
{
	(void)state;
	map_guest();
	memcpy(ram + 0x200010, "hello", 5);
	assert_int_equal(ask(&(struct query){.kind = QUERY_READ,
					     .flags = QUERY_LINEAR,
					     .address = 0x40000010,
					     .length = 5}),
			 STATUS_OK);
	assert_memory_equal(channel.question.answer, "hello", 5);
	assert_int_equal(ask(&(struct query){.kind = QUERY_READ,
					     .flags = QUERY_LINEAR,
					     .address = 0x40200000 - 8,
					     .length = 16}),
			 STATUS_OK);
	assert_int_equal(channel.question.bytes, 8);
	assert_int_equal(ask(&(struct query){.kind = QUERY_READ,
					     .flags = QUERY_LINEAR,
					     .address = 1ull << 60,
					     .length = 16}),
			 STATUS_BAD_ADDRESS);
}

static void test_balloon(void **state)
{
	struct query query = {.kind = QUERY_BALLOON};

	(void)state;
	machine.platform.virtio_balloon = NULL;
	assert_int_equal(ask(&query), STATUS_NOT_FOUND);
	/* the balloon of the test */
	machine.platform.virtio_balloon = (struct virtio_balloon *)(void *)ram;
	query.address = 700;
	assert_int_equal(ask(&query), STATUS_OK);
	assert_int_equal(channel.question.bytes, sizeof(struct query_balloon));
	assert_int_equal(ANSWER(query_balloon)->target, 0);
	query.flags = QUERY_AIM;
	assert_int_equal(ask(&query), STATUS_OK);
	assert_int_equal(ANSWER(query_balloon)->target, 700);
	query.address = 1001;
	assert_int_equal(ask(&query), STATUS_TOO_BIG);
	assert_int_equal(channel.question.bytes, 0);
	machine.platform.virtio_balloon = NULL;
}

static void test_drive(void **state)
{
	static struct virtio_blk disks[2];
	struct query query = {.kind = QUERY_DRIVE, .address = 3};

	(void)state;
	disks[0].number = 3;
	disks[1].number = 5;
	disks[1].is_drive = true;
	machine.blk = disks;
	machine.blk_count = ARRAY_COUNT(disks);
	assert_int_equal(ask(&query), STATUS_NOT_FOUND); /* a disk in no drive */
	query.address = 5;
	disks[1].client.outstanding = 2;
	assert_int_equal(ask(&query), STATUS_OK);
	assert_int_equal(channel.question.bytes, sizeof(struct query_drive));
	assert_int_equal(ANSWER(query_drive)->full, 0);
	assert_int_equal(ANSWER(query_drive)->kept, 0);
	assert_int_equal(ANSWER(query_drive)->reads, 2);
	disks[1].client.outstanding = 0; /* the driver has started anew; its reads wait */
	disks[1].waiting = 2;
	assert_int_equal(ask(&query), STATUS_OK);
	assert_int_equal(ANSWER(query_drive)->reads, 2);
	query.flags = QUERY_AIM;
	assert_int_equal(ask(&query), STATUS_OK);
	assert_int_equal(ANSWER(query_drive)->full, 1);
	assert_int_equal(ANSWER(query_drive)->kept, 0);
	disks[1].scsi.drive.locked = 1;
	query.flags = 0;
	assert_int_equal(ask(&query), STATUS_OK);
	assert_int_equal(ANSWER(query_drive)->kept, 1);
	machine.blk_count = 0;
	machine.blk = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_registers, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_read, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_translate, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_read_linear, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_balloon, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_drive, set_up, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
