/* SPDX-License-Identifier: MIT */
/*
 * Machine checks: what the handler takes out of the banks, which errors are fatal, and whom a lost
 * page ends. For VMX there is no other test: Bochs raises no machine checks.
 */
#include "tests/unit/kernel_machine.h"
#include "arch/x86_64/hw/msr.h"

static u64 bank[4][MCI_REGISTERS];
static u64 mcg_status, mcg_ctl;
static u64 recoverable; /* MCG_CAP_SER or 0 */

static u64 *msr(u32 index)
{
	static u64 mcg_cap;

	mcg_cap = MCG_CAP_CONTROL | ARRAY_COUNT(bank) | recoverable;
	switch (index) {
	case MSR_MCG_CAP:
		return &mcg_cap;
	case MSR_MCG_STATUS:
		return &mcg_status;
	case MSR_MCG_CTL:
		return &mcg_ctl;
	}
	assert_in_range(index, MSR_MC0_CTL, MSR_MC0_CTL + 4 * ARRAY_COUNT(bank) - 1);
	return &bank[(index - MSR_MC0_CTL) / 4][index % 4];
}

#define rdmsr(index)	    (*msr(index))
#define wrmsr(index, value) ((void)(*msr(index) = (value)))
#include "kernel/cpu/machine_check.c"
#undef rdmsr
#undef wrmsr

static u32 self_count;

void lapic_send_self(u8 vector)
{
	assert_int_equal(vector, VECTOR_KICK);
	self_count++;
}

NORETURN void panic_trap(const struct trap_frame *frame, const char *text, ...)
{
	panic("%s", text);
}

#define UC	   (MCI_STATUS_VAL | MCI_STATUS_UC | BIT(60) | MCI_STATUS_S)
#define PAGE_OF_IT (MCI_STATUS_ADDRV | MCI_STATUS_MISCV)
#define MISC	   (MCI_MISC_MODE_PHYSICAL | 6)

static void start(void)
{
	kernel_machine_start(32 * MIB);
	features.machine_check = true;
	recoverable = MCG_CAP_SER;
	memset(bank, 0, sizeof(bank));
	mcg_status = MCG_STATUS_RIPV | BIT(2);
}

static void test_fatal(void **state)
{
	static const struct {
		struct machine_check check;
		/* the beginning of the text of a fatal error; NULL: the error is not fatal */
		const char *why;
	} table[] = {
		{{.global = 1}, NULL},
		{{.global = 0}, "the interrupted code"},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = MISC, .count = 1}, NULL},
		{{.global = 5, .status = UC | MCI_STATUS_ADDRV, .count = 1}, NULL},
		{{.global = 4, .status = UC | PAGE_OF_IT, .misc = MISC}, "the interrupted code"},
		{{.global = 5, .status = UC | PAGE_OF_IT | MCI_STATUS_PCC, .misc = MISC},
		 "the CPU's own"},
		{{.global = 5, .status = UC | PAGE_OF_IT | MCI_STATUS_OVER, .misc = MISC},
		 "several"},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = MISC, .more = true}, "several"},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = MISC, .count = 101},
		 "the kernel uses"},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = MISC, .count = 100}, NULL},
		{{.global = 5, .status = UC}, "its address"},
		{{.global = 5, .status = UC | MCI_STATUS_MISCV, .misc = MISC}, "its address"},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = 6}, "its page"},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = 7 << 6 | 6}, "its page"},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = MCI_MISC_MODE_PHYSICAL | 12},
		 NULL},
		{{.global = 5, .status = UC | PAGE_OF_IT, .misc = MCI_MISC_MODE_PHYSICAL | 13},
		 "its page"},
	};

	(void)state;
	start();
	for (u32 i = 0; i < ARRAY_COUNT(table); i++) {
		const char *why = machine_check_why_fatal(&table[i].check);

		if (table[i].why == NULL)
			assert_null(why);
		else
			assert_memory_equal(why, table[i].why, strlen(table[i].why));
	}
	/* AMD's MCi_MISC has no address mode */
	recoverable = 0;
	assert_null(machine_check_why_fatal(&(struct machine_check){
		.global = 5, .status = UC | PAGE_OF_IT, .misc = 7 << 6, .count = 1}));
}

static void test_enable(void **state)
{
	(void)state;
	start();
	machine_check_enable();
	assert_int_equal(mcg_ctl, ~0ull);
	for (u32 i = 0; i < ARRAY_COUNT(bank); i++)
		assert_int_equal(bank[i][MCI_CTL], ~0ull);
}

/* A corrected error is left to the poll; the same page again is counted, another sets `more`. */
static void test_record(void **state)
{
	struct machine_check record = {0};

	(void)state;
	start();
	bank[1][MCI_STATUS] = MCI_STATUS_VAL | MCI_STATUS_ADDRV;
	bank[2][MCI_STATUS] = UC | PAGE_OF_IT;
	bank[2][MCI_ADDR] = 0x5123;
	bank[2][MCI_MISC] = MISC;
	machine_check_record_banks(&record);
	assert_int_equal(mcg_status, 0);
	assert_int_equal(record.global, MCG_STATUS_RIPV | BIT(2));
	assert_int_equal(record.status, UC | PAGE_OF_IT);
	assert_int_equal(record.bank, 2);
	assert_int_equal(record.address, 0x5123);
	assert_int_equal(record.misc, MISC);
	assert_int_equal(record.count, 1);
	assert_int_equal(bank[2][MCI_STATUS], 0);
	assert_int_not_equal(bank[1][MCI_STATUS], 0);

	mcg_status = MCG_STATUS_RIPV;
	bank[3][MCI_STATUS] = UC | MCI_STATUS_ADDRV;
	bank[3][MCI_ADDR] = 0x5fff;
	machine_check_record_banks(&record);
	assert_int_equal(record.count, 2);
	assert_false(record.more);
	bank[3][MCI_STATUS] = UC | MCI_STATUS_ADDRV | MCI_STATUS_PCC;
	bank[3][MCI_ADDR] = 0x6000;
	machine_check_record_banks(&record); /* MCG_STATUS is 0 by now */
	assert_true(record.more);
	assert_true(record.status & MCI_STATUS_PCC);
	assert_int_equal(record.global, 0);

	machine_check_poll();
	assert_int_equal(bank[1][MCI_STATUS], 0);
	bank[0][MCI_STATUS] = UC;
	machine_check_poll();
	assert_int_equal(bank[0][MCI_STATUS], UC);
}

/* The poll takes UCNA errors (uncorrected, S clear), but not with PCC or without MCG_SER_P. */
static void test_not_signalled(void **state)
{
	(void)state;
	start();
	bank[1][MCI_STATUS] = (UC | MCI_STATUS_ADDRV) & ~MCI_STATUS_S;
	machine_check_poll();
	assert_int_equal(bank[1][MCI_STATUS], 0);

	for (u32 n = 0; n < 2; n++) {
		recoverable = n == 0 ? MCG_CAP_SER : 0;
		bank[1][MCI_STATUS] = (UC | (n == 0 ? MCI_STATUS_PCC : 0)) & ~MCI_STATUS_S;
		machine_check_poll();
		assert_int_not_equal(bank[1][MCI_STATUS], 0);
	}
}

/* A machine check broadcast for another CPU's error; a CPU without the architecture. */
static void test_nothing(void **state)
{
	struct trap_frame frame = {.vector = TRAP_MACHINE_CHECK, .cs = SELECTOR_KERNEL_CODE};

	(void)state;
	start();
	machine_check_taken(&machine_cpu, &frame);
	assert_int_equal(machine_cpu.pending, PENDING_MACHINE_CHECK);
	assert_int_equal(self_count, 0);
	machine_check_handle(&machine_cpu);
	mcg_status = MCG_STATUS_RIPV;
	frame.cs = SELECTOR_USER_CODE;
	machine_check_taken(&machine_cpu, &frame);
	assert_int_equal(self_count, 1);
	features.machine_check = false;
	machine_check_taken(&machine_cpu, &frame);
	assert_panics(machine_check_handle(&machine_cpu));
	frame.cs = SELECTOR_KERNEL_CODE;
	assert_panics(machine_check_taken(&machine_cpu, &frame));
}

struct vm_of_test {
	struct group *group;
	struct memory *memory;
	struct process *process;
};

static struct vm_of_test vm_make(u64 pages)
{
	struct vm_of_test vm;
	void *object;

	assert_int_equal(group_create(8000, 1, &vm.group), STATUS_OK);
	assert_int_equal(memory_create(&vm.group->quota, PAGE_GUEST, pages, 0, &vm.memory),
			 STATUS_OK);
	group_adopt(vm.group, &vm.memory->object);
	for (u64 i = 0; i < pages; i++) {
		while (memory_populate(vm.memory, i) == STATUS_AGAIN)
			;
	}
	assert_int_equal(
		cache_alloc_object(&vm.group->quota, OBJECT_PROCESS, sizeof(*vm.process), &object),
		STATUS_OK);
	vm.process = object;
	vm.process->group = vm.group;
	assert_int_equal(
		page_alloc_cleared(0, PAGE_KERNEL, &vm.group->quota, (void **)&vm.process->handles),
		STATUS_OK);
	list_init(&vm.process->threads);
	group_adopt(vm.group, &vm.process->object);
	vm.process->running = true;
	object_get(&vm.process->object);
	return vm;
}

static u64 page_at(const struct vm_of_test *vm, u64 index)
{
	enum pt_level level;
	hpa_t hpa;

	assert_true(memory_slot(vm->memory, index, &hpa, &level));
	return hpa.value;
}

static void check_at(u64 address)
{
	machine_cpu.machine_check = (struct machine_check){
		.global = MCG_STATUS_RIPV,
		.status = UC | PAGE_OF_IT,
		.address = address,
		.misc = MISC,
		.count = 1,
	};
	machine_check_handle(&machine_cpu);
	assert_int_equal(machine_cpu.machine_check.status, 0);
}

/*
 * Checks that the lost pages are not among the free ones, by handing out all of these. Nothing is
 * free afterwards.
 */
static void assert_never_again(const u64 *lost, u32 count)
{
	hpa_t hpa;

	while (page_alloc(0, PAGE_KERNEL, NULL, &hpa) == STATUS_OK) {
		for (u32 i = 0; i < count; i++)
			assert_int_not_equal(hpa.value, align_down(lost[i], PAGE_SIZE));
	}
	assert_int_equal(page_counts[PAGE_FREE], 0);
}

/* Memory of a process, such as its stack; mapped if `space` is not NULL. */
static struct memory *memory_of_process(struct group *group, struct space *space)
{
	struct memory *memory;
	u64 at;

	assert_int_equal(memory_create(&group->quota, PAGE_PROCESS, 16, 0, &memory), STATUS_OK);
	group_adopt(group, &memory->object);
	assert_int_equal(memory_populate(memory, 3), STATUS_OK);
	if (space != NULL)
		assert_int_equal(space_map(space, 0, memory, 0, 16, PT_READ | PT_WRITE, &at),
				 STATUS_OK);
	return memory;
}

static u64 page_3(struct memory *memory)
{
	enum pt_level level;
	hpa_t hpa;

	assert_true(memory_slot(memory, 3, &hpa, &level));
	return hpa.value;
}

/* A monitor's lost page ends its VM alone; one that the manager maps too is fatal. */
static void test_page_of_monitor(void **state)
{
	struct vm_of_test vm[2];
	struct group *groups[2];
	struct space *space;
	struct memory *memory;
	u64 free;
	u64 lost;

	(void)state;
	start();
	free = page_counts[PAGE_FREE];
	for (u32 n = 0; n < 2; n++) {
		vm[n] = vm_make(4);
		groups[n] = vm[n].group;
	}
	assert_int_equal(space_create_process(&groups[0]->quota, &space), STATUS_OK);
	group_adopt(groups[0], &space->object);
	memory = memory_of_process(groups[0], space);
	lost = page_3(memory) + 0xabc;
	check_at(lost);
	assert_false(vm[0].process->running);
	assert_int_equal(vm[0].process->exit_code, KILL_CODE(KILL_MACHINE_CHECK, 0));
	assert_true(vm[1].process->running);

	check_at(page_3(memory)); /* a second CPU found the same error */
	machine_manager.space = space;
	assert_panics(check_at(page_3(memory)));
	machine_manager.space = NULL;
	machine_unlock();
	assert_true(vm[1].process->running);

	object_put(&memory->object);
	object_put(&space->object);
	for (u32 n = 0; n < 2; n++) {
		object_put(&vm[n].process->object);
		object_put(&vm[n].memory->object);
	}
	kernel_machine_end(groups, 2, 100000);
	assert_int_equal(page_counts[PAGE_FREE], free - 1);
	assert_int_equal(page_counts[PAGE_PROCESS], 0);
	assert_never_again(&lost, 1);
}

/* A page of a guest is lost: in RAM of single pages, of large blocks, and of both. */
static void test_page_of_guest(void **state)
{
	static const u64 sizes[] = {4, 300, 512, 1300};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct vm_of_test vm[2];
		struct group *groups[2];
		u64 lost[2];
		u64 free;

		start();
		free = page_counts[PAGE_FREE];
		for (u32 n = 0; n < 2; n++) {
			vm[n] = vm_make(sizes[i]);
			groups[n] = vm[n].group;
		}
		lost[0] = page_at(&vm[1], sizes[i] - 1) + 0xabc;
		lost[1] = page_at(&vm[1], 0);
		check_at(lost[0]);
		assert_true(vm[0].process->running);
		assert_false(vm[1].process->running);
		assert_int_equal(vm[1].process->exit_code, KILL_CODE(KILL_MACHINE_CHECK, 0));
		check_at(lost[1]); /* another page, of a VM that has ended */
		for (u32 n = 0; n < 2; n++) {
			object_put(&vm[n].process->object);
			object_put(&vm[n].memory->object);
		}
		kernel_machine_end(groups, 2, 100000);
		assert_int_equal(page_counts[PAGE_FREE], free - 2);
		assert_int_equal(page_counts[PAGE_GUEST], 0);
		assert_never_again(lost, ARRAY_COUNT(lost));
	}
}

/* A page that was frozen under a clone: its source and the clone meet it and end, others do not. */
static void test_page_of_layer(void **state)
{
	struct vm_of_test vm[3];
	struct group *groups[3];
	struct memory *frozen;
	struct memory *layer;
	enum status status;
	u64 lost;

	(void)state;
	start();
	for (u32 n = 0; n < 3; n++) {
		vm[n] = vm_make(4);
		groups[n] = vm[n].group;
	}
	lost = page_at(&vm[0], 3);
	do
		status = layer_freeze(vm[0].memory, &frozen);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
	group_adopt(groups[0], &frozen->object);
	assert_int_equal(layer_create(&groups[1]->quota, frozen, &layer), STATUS_OK);
	group_adopt(groups[1], &layer->object);
	check_at(lost);
	for (u32 n = 0; n < 2; n++) {
		assert_false(vm[n].process->running);
		assert_int_equal(vm[n].process->exit_code, KILL_CODE(KILL_MACHINE_CHECK, 0));
	}
	assert_true(vm[2].process->running);
	object_put(&layer->object);
	for (u32 n = 0; n < 3; n++) {
		object_put(&vm[n].process->object);
		object_put(&vm[n].memory->object);
	}
	kernel_machine_end(groups, 3, 100000);
	assert_never_again(&lost, 1);
}

static void test_page_of_nobody(void **state)
{
	u64 reserved;
	hpa_t hpa;

	(void)state;
	start();
	reserved = page_counts[PAGE_RESERVED];
	check_at(16 * MIB + 0x5008);
	assert_int_equal(page_counts[PAGE_RESERVED], reserved + 1);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	assert_never_again(&(u64){16 * MIB + 0x5000}, 1);
	assert_panics(check_at(hpa.value));
	machine_unlock();
	check_at(16 * MIB + 0x5008); /* scrubbing reports the same page again */
	assert_int_equal(page_counts[PAGE_RESERVED], reserved + 1);
	assert_panics(check_at(1ull << 45));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fatal),		cmocka_unit_test(test_enable),
		cmocka_unit_test(test_record),		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_not_signalled),	cmocka_unit_test(test_page_of_guest),
		cmocka_unit_test(test_page_of_monitor), cmocka_unit_test(test_page_of_nobody),
		cmocka_unit_test(test_page_of_layer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
