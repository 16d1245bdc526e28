/* SPDX-License-Identifier: MIT */
#include "tests/unit/mm_machine.h"

#define ALL (PT_READ | PT_WRITE | PT_EXECUTE)

/*
 * A processor with a tagged TLB: what was once translated stays until it is flushed. A tag belongs
 * to a guest's vCPU, or to a CPU for what CR3 holds. Accesses go by the TLB first, as they do.
 */
#define TAG_MAX 8

struct translation {
	u64 at;
	struct pt_leaf leaf;
};

static struct tag {
	struct translation entry[64];
	size_t count;
	hpa_t root;
	u64 seen;
} tags[TAG_MAX];

static u32 current_cpu;
static unsigned int kicks[CPU_MAX];

void tlb_arch_load_root(hpa_t root)
{
	tags[current_cpu].root = root;
	tags[current_cpu].count = 0;
}

void tlb_arch_kick(u32 cpu)
{
	kicks[cpu]++;
}

/* One access through a tag. False: a fault. */
static bool tag_access(struct tag *tag, const struct table *table, u64 at, u32 rights, hpa_t *hpa)
{
	struct pt_leaf leaf;

	for (size_t i = 0; i < tag->count; i++) {
		if (tag->entry[i].at == align_down(at, PAGE_SIZE)) {
			leaf = tag->entry[i].leaf;
			goto found;
		}
	}
	if (!table_lookup(table, at, &leaf))
		return false;
	assert_true(tag->count < ARRAY_COUNT(tag->entry));
	tag->entry[tag->count++] = (struct translation){align_down(at, PAGE_SIZE), leaf};
found:
	if (rights & ~leaf.rights)
		return false;
	*hpa = HPA(leaf.hpa.value + (at - leaf.at));
	/* Whatever is reached belongs to somebody. */
	assert_int_not_equal(page_owner(*hpa), PAGE_FREE);
	return true;
}

/* A process's access on the current CPU. */
static bool process_access(struct space *space, u64 at, u32 rights, hpa_t *hpa)
{
	tlb_process_enter(space, current_cpu);
	assert_int_equal(tags[current_cpu].root.value, space->table.root.kernel.value);
	return tag_access(&tags[current_cpu], &space->table, at, rights, hpa);
}

/* A vCPU's access on the current CPU, with faults settled as the kernel does. */
static bool guest_access(struct space *space, struct tag *vcpu, u64 at, u32 rights, hpa_t *hpa)
{
	for (unsigned int n = 0; n < 100; n++) {
		bool done;
		enum status status;

		tlb_guest_enter(space, current_cpu);
		if (tlb_must_flush(space, &vcpu->seen))
			vcpu->count = 0;
		done = tag_access(vcpu, &space->table, at, rights, hpa);
		tlb_guest_leave(space, current_cpu);
		if (done)
			return true;
		status = space_fault(space, at, rights);
		if (status != STATUS_OK && status != STATUS_AGAIN)
			return false;
	}
	fail_msg("faults for ever");
	return false;
}

static void start(u64 bytes)
{
	memset(tags, 0, sizeof(tags));
	memset(kicks, 0, sizeof(kicks));
	current_cpu = 0;
	kernel_table.root.kernel = HPA(0x1000);
	machine_start(bytes);
}

static struct memory *ram_create(u64 page_count)
{
	struct memory *memory;

	assert_int_equal(memory_create(NULL, PAGE_GUEST, page_count, 0, &memory), STATUS_OK);
	return memory;
}

static struct space *guest_create(struct quota *quota)
{
	struct space *space;

	assert_int_equal(space_create_guest(quota, &format_ept, &space), STATUS_OK);
	return space;
}

static struct space *process_create(struct quota *quota)
{
	struct space *space;

	assert_int_equal(space_create_process(quota, &space), STATUS_OK);
	return space;
}

static void fault_settle(struct space *space, u64 at, u32 access)
{
	enum status status;

	do
		status = space_fault(space, at, access);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
}

static void unmap_all(struct space *space, u64 at, u64 bytes)
{
	enum status status;

	do
		status = space_unmap(space, at, bytes);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
}

static void test_map_refusals(void **state)
{
	struct space *process;
	struct space *guest;
	struct memory *memory;
	u64 at;

	(void)state;
	start(16 * MIB);
	process = process_create(NULL);
	guest = guest_create(NULL);
	memory = ram_create(16);
#define MAP(space, where, offset, count, rights)                                                   \
	space_map(space, where, memory, offset, count, rights, &at)
	assert_int_equal(MAP(process, MIB, 0, 0, PT_READ), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 0, 1, PT_WRITE), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 0, 1, ALL), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 0, 1, PT_READ | PT_USER), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 1, 16, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, MIB, ~0ull, 2, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, MIB, 0, 1ull << 52, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, MIB + 1, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, SPACE_USER_LOW - PAGE_SIZE, 0, 1, PT_READ),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, SPACE_USER_HIGH - PAGE_SIZE, 0, 2, PT_READ),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, SPACE_USER_HIGH, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, 0xffff800000000000, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, ~PAGE_MASK, 0, 2, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(guest, 1ull << MACHINE_WIDTH, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(memory->object.references, 1);

	assert_int_equal(MAP(process, MIB, 0, 16, PT_READ), STATUS_OK);
	assert_int_equal(at, MIB);
	assert_int_equal(MAP(process, MIB + 15 * PAGE_SIZE, 0, 1, PT_READ), STATUS_IN_USE);
	assert_int_equal(MAP(process, MIB - PAGE_SIZE, 0, 2, PT_READ), STATUS_IN_USE);
	assert_int_equal(MAP(process, MIB - 16 * PAGE_SIZE, 0, 16, PT_READ), STATUS_OK);
	assert_int_equal(MAP(process, MIB + 16 * PAGE_SIZE, 0, 16, PT_READ), STATUS_OK);
	assert_int_equal(MAP(guest, 0, 0, 16, ALL), STATUS_OK);
	assert_int_equal(at, 0);
	assert_int_equal(memory->object.references, 5);
	for (u64 n = 3; n < SPACE_MAPPING_MAX; n++)
		assert_int_equal(MAP(process, GIB + n * PAGE_SIZE, 0, 1, PT_READ), STATUS_OK);
	assert_int_equal(MAP(process, 2 * GIB, 0, 1, PT_READ), STATUS_TOO_BIG);
}

static void test_unmap_refusals(void **state)
{
	struct space *space;
	struct memory *memory;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(16);
	assert_int_equal(MAP(space, MIB, 0, 4, PT_READ), STATUS_OK);
	assert_int_equal(MAP(space, 2 * MIB, 0, 4, PT_READ), STATUS_OK);
	assert_int_equal(space_unmap(space, MIB, 3 * PAGE_SIZE), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB + PAGE_SIZE, 3 * PAGE_SIZE), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB, MIB + PAGE_SIZE), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB, 1), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB, ~PAGE_MASK), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, 3 * MIB, MIB), STATUS_NOT_FOUND);
	assert_int_equal(space_unmap(space, MIB, 0), STATUS_NOT_FOUND);
	assert_int_equal(space->mapping_count, 2);
	assert_int_equal(space_unmap(space, 0, 4 * MIB), STATUS_AGAIN);
	assert_int_equal(space_unmap(space, 0, 4 * MIB), STATUS_OK);
	assert_int_equal(space_unmap(space, 0, 4 * MIB), STATUS_NOT_FOUND);
	assert_int_equal(memory->object.references, 1);
}

static void test_random_places(void **state)
{
	struct space *space;
	struct memory *memory;
	u64 last_end = 0;
	u64 bits_seen = 0;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(1024);
	for (unsigned int n = 0; n < 200; n++) {
		u64 count = n % 2 ? 1 + random_below(20) : 513;
		u64 offset = random_below(100);

		assert_int_equal(MAP(space, 0, offset, count, PT_READ), STATUS_OK);
		assert_true(at >= SPACE_USER_LOW && at + count * PAGE_SIZE <= SPACE_USER_HIGH);
		if (count > 512)
			assert_int_equal(at / PAGE_SIZE % 512, offset);
		bits_seen |= at;
	}
	assert_int_equal(bits_seen, BITS(46, 12));
	LIST_FOR_EACH(node, &space->mappings) {
		struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

		assert_true(mapping->at >= last_end + PAGE_SIZE);
		last_end = mapping->at + mapping_bytes(mapping);
		assert_ptr_equal(mapping_find(space, mapping->at), mapping);
		assert_ptr_equal(mapping_find(space, last_end - 1), mapping);
		assert_null(mapping_find(space, last_end));
		assert_null(mapping_find(space, mapping->at - 1));
	}
}

/* Where there is hardly room, the pages between mappings stay free all the same. */
static void test_guards(void **state)
{
	struct space *space;
	struct memory *memory;
	u64 last_end = 0;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(4);
	space->high = space->low + 64 * PAGE_SIZE;
	while (MAP(space, 0, 0, 3, PT_READ) == STATUS_OK)
		;
	assert_int_equal(MAP(space, 0, 0, 3, PT_READ), STATUS_IN_USE);
	assert_true(space->mapping_count > 5);
	LIST_FOR_EACH(node, &space->mappings) {
		const struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

		assert_true(mapping->at >= MAX(last_end, space->low) + PAGE_SIZE);
		last_end = mapping->at + mapping_bytes(mapping);
		assert_true(last_end + PAGE_SIZE <= space->high);
	}
}

static void test_fault(void **state)
{
	struct space *space;
	struct memory *memory;
	struct pt_leaf leaf;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(16);
	assert_int_equal(MAP(space, MIB, 4, 8, PT_READ), STATUS_OK);
	assert_int_equal(space_fault(space, MIB - 1, PT_READ), STATUS_NOT_FOUND);
	assert_int_equal(space_fault(space, MIB + 8 * PAGE_SIZE, PT_READ), STATUS_NOT_FOUND);
	assert_int_equal(space_fault(space, ~0ull, PT_READ), STATUS_NOT_FOUND);
	assert_int_equal(space_fault(space, MIB, PT_WRITE), STATUS_NO_RIGHT);
	assert_int_equal(space_fault(space, MIB, PT_EXECUTE), STATUS_NO_RIGHT);
	assert_int_equal(page_counts[PAGE_GUEST], 0);
	assert_int_equal(space_fault(space, MIB + 2 * PAGE_SIZE + 5, PT_READ), STATUS_OK);
	assert_int_equal(space_fault(space, MIB + 2 * PAGE_SIZE + 5, PT_READ), STATUS_OK);
	assert_int_equal(page_counts[PAGE_GUEST], 1);
	assert_true(table_lookup(&space->table, MIB + 2 * PAGE_SIZE, &leaf));
	assert_int_equal(leaf.rights, PT_READ | PT_USER);
	assert_ptr_equal(hpa_to_pointer(leaf.hpa), memory_pointer(memory, 6));
	assert_false(table_lookup(&space->table, MIB + PAGE_SIZE, &leaf));
}

/* Large leaves where object, offset and address allow it, and nowhere else. */
static void test_leaf_sizes(void **state)
{
	static const struct {
		u64 at;
		u64 offset;
		u64 count;
		u64 touch; /* page of the mapping */
		enum pt_level level;
	} cases[] = {
		{64 * MIB, 0, 1500, 700, PT_LEVEL_2M},
		{64 * MIB, 0, 1500, 1030, PT_LEVEL_4K}, /* the object's last chunk is not whole */
		{64 * MIB, 0, 1000, 600, PT_LEVEL_4K},	/* the mapping ends in the chunk */
		{64 * MIB, 512, 512, 0, PT_LEVEL_2M},
		{65 * MIB, 0, 1500, 0, PT_LEVEL_4K},
		{65 * MIB, 256, 900, 300, PT_LEVEL_2M},
		{65 * MIB, 256, 900, 255, PT_LEVEL_4K}, /* the mapping begins in the chunk */
		{65 * MIB, 256, 767, 300, PT_LEVEL_4K},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		u64 touched = cases[i].at + cases[i].touch * PAGE_SIZE;
		struct memory *memory;
		struct space *space;
		struct pt_leaf leaf;
		u64 at;

		start(16 * MIB);
		space = guest_create(NULL);
		memory = ram_create(1500);
		assert_int_equal(MAP(space, cases[i].at, cases[i].offset, cases[i].count, ALL),
				 STATUS_OK);
		fault_settle(space, touched + 123, PT_WRITE);
		assert_true(table_lookup(&space->table, touched, &leaf));
		assert_int_equal(leaf.level, cases[i].level);
		assert_ptr_equal((u8 *)hpa_to_pointer(leaf.hpa) + (touched - leaf.at),
				 memory_pointer(memory, cases[i].offset + cases[i].touch));
	}
}

static void test_device(void **state)
{
	struct space *space;
	struct memory *memory;
	struct pt_leaf leaf;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = guest_create(NULL);
	assert_int_equal(memory_create_physical(NULL, HPA(0xfee00000), 1, MEMORY_UNCACHED, &memory),
			 STATUS_OK);
	assert_int_equal(MAP(space, 0xfee00000, 0, 1, PT_READ | PT_WRITE), STATUS_OK);
	assert_int_equal(space_fault(space, 0xfee00020, PT_WRITE), STATUS_OK);
	assert_true(table_lookup(&space->table, 0xfee00000, &leaf));
	assert_int_equal(leaf.type, PT_TYPE_UC);
	assert_int_equal(leaf.hpa.value, 0xfee00000);
}

/* A guest's life against the tagged TLB: no access ends in a page that is no longer its own. */
static void test_guest_unmap(void **state)
{
	struct tag *a = &tags[4];
	struct tag *b = &tags[5];
	struct space *space;
	struct memory *memory;
	struct quota quota;
	u64 tables;
	u64 before;
	u64 at;
	hpa_t hpa;

	(void)state;
	start(32 * MIB);
	before = machine_free_pages();
	quota_init(&quota, 4000);
	space = guest_create(&quota);
	assert_int_equal(memory_create(&quota, PAGE_GUEST, 1030, 0, &memory), STATUS_OK);
	assert_int_equal(MAP(space, 0, 0, 1030, ALL), STATUS_OK);
	/* Two vCPUs on one CPU, each with its own tag. */
	for (u64 page = 0; page < 1030; page += 103) {
		assert_true(guest_access(space, a, page * PAGE_SIZE, PT_WRITE, &hpa));
		assert_true(guest_access(space, b, page * PAGE_SIZE, PT_READ, &hpa));
		assert_ptr_equal(hpa_to_pointer(hpa), memory_pointer(memory, page));
	}
	object_put(&memory->object);
	tables = page_counts[PAGE_TABLE];
	unmap_all(space, 0, 1030 * PAGE_SIZE);
	/* A walk that another CPU has begun may still be in them. */
	assert_int_equal(page_counts[PAGE_TABLE], tables);
	machine_settle();
	assert_true(page_counts[PAGE_TABLE] < tables);
	for (u64 page = 0; page < 1030; page += 103) {
		assert_false(guest_access(space, a, page * PAGE_SIZE, PT_READ, &hpa));
		assert_false(guest_access(space, b, page * PAGE_SIZE, PT_READ, &hpa));
	}
	object_put(&space->object);
	machine_assert_clean(before, &quota);
}

/* The same for a process: its tables are in CR3 while its mappings go. */
static void test_process_unmap(void **state)
{
	struct space *space;
	struct space *other;
	struct memory *memory;
	u64 before;
	u64 at;
	hpa_t hpa;

	(void)state;
	start(16 * MIB);
	before = machine_free_pages();
	space = process_create(NULL);
	other = process_create(NULL);
	memory = ram_create(20);
	assert_int_equal(MAP(space, MIB, 0, 20, PT_READ | PT_WRITE), STATUS_OK);
	fault_settle(space, MIB, PT_WRITE);
	assert_true(process_access(space, MIB, PT_WRITE, &hpa));
	unmap_all(space, MIB, 20 * PAGE_SIZE);
	/* It kicks itself, passes its loop, and goes on in the same process. */
	assert_int_equal(kicks[0], 1);
	tlb_cpu_passed(0);
	assert_false(process_access(space, MIB, PT_READ, &hpa));
	/* Without a pass in between too. */
	assert_int_equal(MAP(space, MIB, 0, 20, PT_READ | PT_WRITE), STATUS_OK);
	fault_settle(space, MIB, PT_WRITE);
	assert_true(process_access(space, MIB, PT_WRITE, &hpa));
	unmap_all(space, MIB, 20 * PAGE_SIZE);
	assert_false(process_access(space, MIB, PT_READ, &hpa));

	/* A space that a CPU is in waits with its end until it has left. */
	assert_true(space->cpus[0] & 1);
	assert_int_equal(space_destroy(space), STATUS_AGAIN);
	assert_int_equal(space_destroy(space), STATUS_AGAIN);
	tlb_cpu_passed(0);
	assert_int_equal(tags[0].root.value, kernel_table.root.kernel.value);
	assert_int_equal(space_destroy(space), STATUS_OK);
	tlb_process_enter(other, 0);
	tlb_cpu_idle(0, true);
	assert_int_equal(tags[0].root.value, kernel_table.root.kernel.value);
	tlb_cpu_idle(0, false);
	object_put(&other->object);
	object_put(&memory->object);
	machine_assert_clean(before, NULL);
}

/*
 * Another CPU runs on the space: it is kicked, and no page is handed on before it has passed, in
 * whatever order the two come through their loops.
 */
static void test_two_cpus(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		struct space *space;
		struct memory *memory;
		u64 before;
		u64 passes[2] = {0};
		bool torn = false;
		u64 at;
		hpa_t hpa;

		start(16 * MIB);
		before = machine_free_pages();
		tlb_cpu_online(1);
		space = process_create(NULL);
		memory = ram_create(20);
		assert_int_equal(MAP(space, MIB, 0, 20, PT_READ | PT_WRITE), STATUS_OK);
		fault_settle(space, MIB, PT_WRITE);
		current_cpu = 1;
		assert_true(process_access(space, MIB, PT_WRITE, &hpa));
		current_cpu = 0;
		object_put(&memory->object);
		while (tlb_pages_waiting() != 0 || !torn) {
			current_cpu = (u32)random_below(2);
			if (current_cpu == 0 && !torn) {
				/* The last reference goes: the pages wait. */
				unmap_all(space, MIB, 20 * PAGE_SIZE);
				assert_true(kicks[1] >= 1);
				torn = true;
				continue;
			}
			/* CPU 1 uses what its TLB still holds until it passes; the model checks. */
			if (current_cpu == 1 && torn && passes[1] == 0) {
				tag_access(&tags[1], &space->table, MIB, PT_READ, &hpa);
				assert_int_equal(page_owner(hpa), PAGE_GUEST);
			}
			tlb_cpu_passed(current_cpu);
			passes[current_cpu] += torn;
			/* Its thread goes on in ring 3 with what the pass has left. */
			if (current_cpu == 1 && torn)
				assert_false(tag_access(&tags[1], &space->table, MIB, PT_READ,
							&hpa));
			if (current_cpu == 1 && torn)
				assert_false(process_access(space, MIB, PT_READ, &hpa));
		}
		assert_true(passes[0] >= 1 && passes[1] >= 1);
		current_cpu = 1;
		tlb_process_leave(1);
		tlb_cpu_idle(1, true);
		current_cpu = 0;
		object_put(&space->object);
		/* An idle CPU is not waited for. */
		machine_assert_clean(before, NULL);
	}
}

/*
 * CPU 1 passes while CPU 0 is still inside the call that unmaps, before the generation is raised:
 * these passes say nothing, it may run on with what it has.
 */
static void test_pass_before_flush(void **state)
{
	struct space *space;
	hpa_t hpa;

	(void)state;
	start(16 * MIB);
	tlb_cpu_online(1);
	space = process_create(NULL);
	tlb_process_enter(space, 1);
	assert_int_equal(page_alloc(0, PAGE_TABLE, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	for (unsigned int n = 0; n < 5; n++)
		tlb_cpu_passed(1);
	tlb_flush_space(space);
	for (unsigned int n = 0; n < 5; n++)
		tlb_cpu_passed(0);
	assert_int_equal(tlb_pages_waiting(), 1);
	for (unsigned int n = 0; n < 5; n++) {
		tlb_cpu_passed(1);
		tlb_cpu_passed(0);
	}
	assert_int_equal(tlb_pages_waiting(), 0);
}

/* Creates, maps, touches and destroys; counts what was refused. */
static unsigned int try_everything(struct quota *quota)
{
	static const u64 places[] = {MIB, 4 * GIB, 600 * GIB};
	unsigned int refused = 0;
	struct space *space;
	struct memory *memory;
	u64 at;

	if (space_create_process(quota, &space) != STATUS_OK)
		return 1;
	if (memory_create(quota, PAGE_GUEST, 12, 0, &memory) == STATUS_OK) {
		for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
			if (MAP(space, places[i], 0, 12, PT_READ) != STATUS_OK)
				refused++;
			else if (space_fault(space, places[i], PT_READ) != STATUS_OK)
				refused++;
		}
		object_put(&memory->object);
	} else {
		refused++;
	}
	object_put(&space->object);
	return refused;
}

/* A CPU that is kicked and does not pass is a broken machine, but it gets its time. */
static void test_cpu_gone(void **state)
{
	hpa_t hpa;

	(void)state;
	start(4 * MIB);
	tlb_cpu_online(1);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	machine_clock_ms = ~0ull - 5;
	for (u32 ms = 0; ms < 20000; ms += 100) {
		tlb_cpu_passed(0);
		machine_clock_ms += 100;
		if (ms % 9000 == 0)
			tlb_cpu_passed(1);
	}
	assert_int_equal(tlb_pages_waiting(), 0);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	assert_panics({
		for (u32 ms = 0; ms < 20000; ms += 100) {
			tlb_cpu_passed(0);
			machine_clock_ms += 100;
		}
	});
	/* One that is idle is not asked. */
	start(4 * MIB);
	tlb_cpu_online(1);
	tlb_cpu_idle(1, true);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	for (u32 n = 0; n < 10; n++, machine_clock_ms += 9000)
		tlb_cpu_passed(0);
	assert_int_equal(tlb_pages_waiting(), 0);
}

static void test_failing_allocation(void **state)
{
	static hpa_t held[8192];
	unsigned int refusals = 0;
	unsigned int refused;
	u64 before;
	u64 limit = 0;

	(void)state;
	start(16 * MIB);
	before = machine_free_pages();
	do {
		struct quota quota;

		quota_init(&quota, limit++);
		refused = try_everything(&quota);
		refusals += refused != 0;
		machine_assert_clean(before, &quota);
	} while (refused != 0);
	/* 3 for the space, 12 pages, object, slots, mapping slab, 3 + 2 + 3 tables. */
	assert_int_equal(refusals, 3 + 12 + 3 + 8);

	limit = 0;
	do {
		size_t count = 0;

		assert_int_equal(page_reserve(12), STATUS_OK);
		while (machine_free_pages() > 12 + limit)
			assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &held[count++]),
					 STATUS_OK);
		page_unreserve(12);
		ram_pages = 63; /* page_reserve leaves the kernel no share */
		refused = try_everything(NULL);
		ram_pages = 16 * MIB / PAGE_SIZE;
		machine_settle();
		while (count != 0)
			page_free(held[--count], NULL);
		machine_assert_clean(before, NULL);
		limit++;
	} while (refused != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_refusals),
		cmocka_unit_test(test_unmap_refusals),
		cmocka_unit_test(test_random_places),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_leaf_sizes),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_guest_unmap),
		cmocka_unit_test(test_process_unmap),
		cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_pass_before_flush),
		cmocka_unit_test(test_cpu_gone),
		cmocka_unit_test(test_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
