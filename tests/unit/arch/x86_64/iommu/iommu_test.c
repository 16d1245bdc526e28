/* SPDX-License-Identifier: MIT */
/* What devices reach behind an IOMMU of either kind, by a model of both (iommu_model.h). */
#include "tests/unit/arch/x86_64/iommu/iommu_model.h"

#define RAM_BYTES (24 * MIB)
#define DEVICE	  0x0420u /* 04:04.0 */
#define OTHER	  0xfff8u
#define AT	  0x1000000ull

static struct group *group;
static struct model *model;
static u64 unit;
static struct object *made[100]; /* the objects made, each with a reference of the test's */
static u32 made_count;

static void setup(enum iommu_kind kind)
{
	u64 registers = kind == IOMMU_VTD ? MODEL_VTD : MODEL_AMDVI;

	kernel_machine_start(RAM_BYTES);
	model_start();
	iommu_unit_count = 0;
	memset(iommu_units, 0, sizeof(iommu_units));
	model = &models[kind];
	assert_int_equal(iommu_create(HPA(registers), kind, true, &unit), STATUS_OK);
	assert_true((unit & IOMMU_REMAPS) != 0);
	unit &= ~(u64)IOMMU_REMAPS;
	assert_int_equal(group_create(2000, 100, &group), STATUS_OK);
	object_get(&group->object);
}

static void finish(void)
{
	while (made_count > 0)
		object_put(made[--made_count]);
	kernel_machine_end(&group, 1, 100000);
}

static void note(struct object *object)
{
	group_adopt(group, object);
	assert_true(made_count < ARRAY_COUNT(made));
	made[made_count++] = object;
}

static struct space *make_space(void)
{
	struct space *space;

	assert_int_equal(iommu_space_create(unit, &group->quota, &space), STATUS_OK);
	note(&space->object);
	return space;
}

static struct memory *make_memory(u64 pages, u32 flags)
{
	struct memory *memory;

	assert_int_equal(memory_create(&group->quota, PAGE_PROCESS, pages, flags, &memory),
			 STATUS_OK);
	note(&memory->object);
	return memory;
}

static void give(struct space *space, u64 at, struct memory *memory, u64 offset, u64 pages,
		 u32 rights)
{
	u64 address, bytes;

	assert_int_equal(space_map(space, at, memory, offset, pages, rights, &address), STATUS_OK);
	assert_int_equal(address, at);
	for (u64 i = 0; i < pages; i++) {
		enum status status;

		do
			status = iommu_populate(space, at + i * PAGE_SIZE, PT_READ, &bytes);
		while (status == STATUS_AGAIN);
		assert_int_equal(status, STATUS_OK);
	}
}

static bool reaches(u32 source, u64 address, bool write)
{
	u64 hpa;

	return model_access(model, (u16)source, address, write, &hpa);
}

static u64 place(u32 source, u64 address)
{
	u64 hpa;

	assert_true(model_access(model, (u16)source, address, true, &hpa));
	return hpa;
}

static void run_teardown(void)
{
	while (teardown_step(group) || teardown_step_any())
		continue;
}

static void nothing_at_first(enum iommu_kind kind)
{
	setup(kind);
	for (u32 source = 0; source < 0x10000; source += 7) {
		assert_false(reaches(source, 0, true));
		assert_false(reaches(source, source * PAGE_SIZE, false));
	}
	assert_int_equal(model->cached, 0);
	finish();
}

/* Every page of a window, its neighbours, rights; other devices and no address beyond. */
static void windows(enum iommu_kind kind)
{
	struct memory *memory, *other;
	struct space *space;
	enum pt_level level;
	hpa_t hpa;

	setup(kind);
	space = make_space();
	memory = make_memory(20, MEMORY_SMALL);
	other = make_memory(3, MEMORY_SMALL);
	give(space, AT, memory, 2, 18, PT_READ | PT_WRITE);
	give(space, AT + 20 * PAGE_SIZE, other, 0, 3, PT_READ);
	assert_false(reaches(DEVICE, AT, true));
	assert_int_equal(iommu_attach(unit, DEVICE, space), STATUS_OK);
	for (u64 i = 0; i < 18; i++) {
		assert_true(memory_slot(memory, i + 2, &hpa, &level));
		assert_int_equal(place(DEVICE, AT + i * PAGE_SIZE + 5), hpa.value + 5);
	}
	assert_false(reaches(DEVICE, AT - 1, true));
	assert_false(reaches(DEVICE, AT + 18 * PAGE_SIZE, true));
	assert_true(reaches(DEVICE, AT + 20 * PAGE_SIZE, false));
	assert_false(reaches(DEVICE, AT + 20 * PAGE_SIZE, true));
	assert_false(reaches(DEVICE, BIT(48) + AT, true));
	assert_false(reaches(OTHER, AT, true));
	assert_false(reaches(DEVICE ^ 1, AT, false));
	finish();
}

static void large(enum iommu_kind kind)
{
	struct memory *memory;
	struct space *space;
	struct pt_leaf leaf;

	setup(kind);
	space = make_space();
	memory = make_memory(1024, 0);
	give(space, AT, memory, 0, 1024, PT_READ | PT_WRITE);
	assert_int_equal(iommu_attach(unit, DEVICE, space), STATUS_OK);
	for (u64 i = 0; i < 1024; i += 31) {
		enum pt_level level;
		hpa_t hpa;

		assert_true(memory_slot(memory, i, &hpa, &level));
		assert_int_equal(place(DEVICE, AT + i * PAGE_SIZE), hpa.value);
	}
	assert_true(table_lookup(&space->table, AT + 3 * MIB, &leaf));
	assert_int_equal(leaf.level, PT_LEVEL_2M);
	assert_int_equal(leaf.rights & (PT_READ | PT_WRITE), PT_READ | PT_WRITE);
	assert_false(reaches(DEVICE, AT + 4 * MIB, true));
	finish();
}

/* When the call returns the unit has forgotten the pages; a window beside them stays. */
static void taken_back(enum iommu_kind kind)
{
	struct memory *memory;
	struct space *space;

	setup(kind);
	space = make_space();
	memory = make_memory(8, MEMORY_SMALL);
	give(space, AT, memory, 0, 4, PT_READ | PT_WRITE);
	give(space, AT + MIB, memory, 4, 4, PT_READ | PT_WRITE);
	assert_int_equal(iommu_attach(unit, DEVICE, space), STATUS_OK);
	for (u64 i = 0; i < 4; i++)
		assert_true(reaches(DEVICE, AT + i * PAGE_SIZE, true));
	assert_int_equal(space_unmap(space, AT, 4 * PAGE_SIZE), STATUS_OK);
	for (u64 i = 0; i < 4; i++)
		assert_false(reaches(DEVICE, AT + i * PAGE_SIZE, true));
	assert_true(reaches(DEVICE, AT + MIB, true));
	give(space, AT, memory, 7, 1, PT_READ | PT_WRITE);
	assert_int_equal(place(DEVICE, AT), place(DEVICE, AT + MIB + 3 * PAGE_SIZE));
	finish();
}

static void detached(enum iommu_kind kind)
{
	struct space *space, *next;
	struct memory *memory;

	setup(kind);
	space = make_space();
	next = make_space();
	memory = make_memory(8, MEMORY_SMALL);
	give(space, AT, memory, 0, 4, PT_READ | PT_WRITE);
	give(next, AT, memory, 4, 4, PT_READ | PT_WRITE);
	assert_int_equal(iommu_attach(unit, DEVICE, space), STATUS_OK);
	/* the device is attached again */
	assert_int_equal(iommu_attach(unit, DEVICE, space), STATUS_OK);
	assert_int_equal(iommu_attach(unit, OTHER, space), STATUS_IN_USE);
	assert_true(reaches(DEVICE, AT, true));
	assert_int_equal(iommu_attach(unit, DEVICE, next), STATUS_OK);
	assert_int_equal(place(DEVICE, AT), pointer_to_hpa(memory_pointer(memory, 4)).value);
	assert_int_equal(iommu_attach(unit, OTHER, space), STATUS_OK);
	assert_int_equal(place(OTHER, AT), pointer_to_hpa(memory_pointer(memory, 0)).value);
	assert_int_equal(iommu_attach(unit, DEVICE, NULL), STATUS_OK);
	assert_int_equal(iommu_attach(unit, DEVICE, NULL), STATUS_OK);
	assert_false(reaches(DEVICE, AT, true));
	assert_true(reaches(OTHER, AT, true));
	object_put(&space->object);
	made[0] = &next->object;
	made[1] = &memory->object;
	made_count = 2;
	run_teardown();
	assert_false(reaches(OTHER, AT, true));
	/* the domain's place is free for another space */
	for (u32 i = 0; i < IOMMU_DOMAINS - 2; i++)
		(void)make_space();
	assert_int_equal(iommu_space_create(unit, &group->quota, &space), STATUS_TOO_BIG);
	finish();
}

static void wrong_arguments(enum iommu_kind kind)
{
	struct space *guest, *space;
	u64 number = 0;

	setup(kind);
	space = make_space();
	assert_int_equal(space_create_guest(&group->quota, &format_npt, &guest), STATUS_OK);
	note(&guest->object);
	assert_int_equal(iommu_attach(unit, DEVICE, guest), STATUS_BAD_ARGUMENT);
	assert_int_equal(iommu_attach(unit, 0x10000, space), STATUS_BAD_ARGUMENT);
	assert_int_equal(iommu_attach(unit + 1, DEVICE, space), STATUS_NOT_FOUND);
	assert_int_equal(iommu_create(HPA(kind == IOMMU_VTD ? MODEL_AMDVI : MODEL_VTD), kind ^ 1u,
				      false, &number),
			 STATUS_OK);
	assert_int_equal(iommu_attach(number, DEVICE, space), STATUS_BAD_ARGUMENT);
	assert_int_equal(iommu_populate(guest, 0, PT_READ, &number), STATUS_BAD_ARGUMENT);
	assert_int_equal(iommu_populate(space, AT, PT_READ, &number), STATUS_NOT_FOUND);
	assert_int_equal(iommu_create(HPA(MODEL_VTD + 8), kind, false, &number),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(iommu_create(HPA(PAGE_SIZE), kind, false, &number), STATUS_BAD_ADDRESS);
	assert_int_equal(iommu_create(HPA(MODEL_VTD), 2, false, &number), STATUS_BAD_ARGUMENT);
	finish();
}

static u64 raises(u32 source, u64 message)
{
	return model_interrupt(model, (u16)source, message);
}

static struct iommu_message message_from(u32 source)
{
	return (struct iommu_message){.unit = unit, .source = source, .vector = 0x77, .apic_id = 5};
}

/*
 * A device raises its own interrupts alone: none in the old format, and none that the unit was not
 * told of.
 */
static void interrupts(enum iommu_kind kind)
{
	struct iommu_message message;
	u64 mine, plain = 0xfee05000ull << 32 | 0x77;
	struct space *space, *other;

	setup(kind);
	message = message_from(DEVICE);
	space = make_space();
	other = make_space();
	for (u64 vector = 0; vector < 256; vector++)
		assert_int_equal(raises(DEVICE, 0xfee05000ull << 32 | vector), 0);
	assert_int_equal(iommu_message(&message, false, &mine), STATUS_BAD_STATE);
	assert_int_equal(iommu_attach(unit, DEVICE, space), STATUS_OK);
	assert_int_equal(iommu_attach(unit, OTHER, other), STATUS_OK);
	assert_int_equal(iommu_message(&message, false, &mine), STATUS_OK);
	assert_int_equal(mine, kind == IOMMU_VTD ? (0xfee00010ull | 0x77 << 5) << 32 : plain);
	assert_int_equal(raises(DEVICE, mine), 0x577);
	assert_int_equal(raises(OTHER, mine), 0);
	assert_int_equal(raises(DEVICE, kind == IOMMU_VTD ? mine + (0x20ull << 32) : mine + 1), 0);
	if (kind == IOMMU_VTD)
		assert_int_equal(raises(DEVICE, plain), 0);
	message.apic_id = 9;
	assert_int_equal(iommu_message(&message, false, &mine), STATUS_OK);
	assert_int_equal(raises(DEVICE, mine), 0x977);
	assert_int_equal(iommu_message(&message, true, &mine), STATUS_OK);
	assert_int_equal(raises(DEVICE, mine), 0);
	/* the next irq of that number is the other's */
	message = message_from(OTHER);
	assert_int_equal(iommu_message(&message, false, &mine), STATUS_OK);
	assert_int_equal(raises(DEVICE, mine), 0);
	assert_int_equal(raises(OTHER, mine), 0x577);
	finish();
}

/* A line that is level-triggered; NMIs to all CPUs, which on AMD-Vi no entry is for. */
static void lines(enum iommu_kind kind)
{
	struct iommu_message message;
	u64 *entry, value, first;

	setup(kind);
	message = message_from(DEVICE);
	assert_int_equal(iommu_attach(unit, DEVICE, make_space()), STATUS_OK);
	entry = (u64 *)iommu_page(&iommu_units[unit], IOMMU_PAGE_MESSAGES) + 2 * 0x77;
	message.level = true;
	assert_int_equal(iommu_message(&message, false, &value), STATUS_OK);
	if (kind == IOMMU_VTD)
		assert_int_equal(entry[0], 5ull << 40 | 0x77 << 16 | BIT(4) | 1);
	message = message_from(DEVICE);
	message.vector++;
	assert_int_equal(iommu_message(&message, false, &first), STATUS_OK);
	message.vector--;
	message.apic_id = IOAPIC_ALL_CPUS;
	assert_int_equal(iommu_message(&message, false, &value), STATUS_OK);
	if (kind == IOMMU_VTD) {
		assert_int_equal(entry[0], 0xffull << 40 | 0x77 << 16 | 4 << 5 | 1);
	} else {
		assert_int_equal(raises(DEVICE, value), 0);
		assert_true((iommu_units[unit].devices[DEVICE * 4 + 2] & BIT(58)) != 0);
	}
	assert_int_equal(iommu_message(&message, true, &value), STATUS_OK);
	if (kind == IOMMU_VTD)
		assert_int_equal(entry[0], 0);
	else
		assert_true((iommu_units[unit].devices[DEVICE * 4 + 2] & BIT(58)) == 0);
	assert_int_equal(raises(DEVICE, first), 0x578); /* the line goes on */
	finish();
}

/* APIC ids of 32 bits need a unit that knows them, and an NMI goes to all of them. */
static void wide(void **state)
{
	struct iommu_message message;
	u64 value, number;

	(void)state;
	features.x2apic = true;
	setup(IOMMU_AMDVI);
	assert_int_equal(iommu_create(HPA(MODEL_VTD), IOMMU_VTD, true, &number), STATUS_OK);
	assert_true((number & IOMMU_REMAPS) == 0 && !models[0].remaps);
	finish();
	setup(IOMMU_AMDVI);
	*model_register(&models[0], VTD_EXTENDED) |= VTD_WIDE;
	assert_int_equal(iommu_create(HPA(MODEL_VTD), IOMMU_VTD, true, &number), STATUS_OK);
	assert_true((number & IOMMU_REMAPS) != 0 && (models[0].messages & BIT(11)) != 0);
	unit = number & ~(u64)IOMMU_REMAPS;
	assert_int_equal(iommu_attach(unit, DEVICE, make_space()), STATUS_OK);
	message = message_from(DEVICE);
	assert_int_equal(iommu_message(&message, false, &value), STATUS_OK);
	assert_int_equal(model_memory((models[0].messages & BITS(63, 12)) + 0x770) >> 32, 5);
	message.apic_id = IOAPIC_ALL_CPUS;
	assert_int_equal(iommu_message(&message, false, &value), STATUS_OK);
	assert_int_equal(model_memory((models[0].messages & BITS(63, 12)) + 0x770) >> 32,
			 0xffffffff);
	features.x2apic = false;
	finish();
}

/* A unit that leaves interrupts alone, or is to; a source or a unit that cannot be. */
static void not_remapped(enum iommu_kind kind)
{
	struct iommu_message message;
	u64 value, number;

	setup(kind);
	message = message_from(DEVICE);
	assert_int_equal(iommu_create(HPA(kind == IOMMU_VTD ? MODEL_AMDVI : MODEL_VTD), kind ^ 1u,
				      false, &number),
			 STATUS_OK);
	assert_true((number & IOMMU_REMAPS) == 0);
	assert_int_equal(model_interrupt(&models[kind ^ 1u], DEVICE, 0xfee05000ull << 32 | 0x77),
			 0x577);
	message.unit = number;
	assert_int_equal(iommu_message(&message, false, &value), STATUS_NOT_FOUND);
	message.unit = 7;
	assert_int_equal(iommu_message(&message, false, &value), STATUS_NOT_FOUND);
	message = message_from(0xffffffff); /* the message that a space without a device has */
	(void)make_space();
	assert_int_equal(iommu_message(&message, false, &value), STATUS_NOT_FOUND);
	message.unit = IOMMU_NOBODY;
	assert_int_equal(iommu_message(&message, false, &value), STATUS_OK);
	assert_int_equal(value, 0xfee05000ull << 32 | 0x77);
	finish();
}

/* A unit that lacks what is used is refused. */
static void unfit(void **state)
{
	u64 number = 0;

	(void)state;
	setup(IOMMU_AMDVI);
	*model_register(&models[0], VTD_EXTENDED) = 0;
	assert_int_equal(iommu_create(HPA(MODEL_VTD), IOMMU_VTD, false, &number),
			 STATUS_NOT_SUPPORTED);
	*model_register(&models[0], VTD_EXTENDED) = VTD_QUEUED;
	*model_register(&models[0], VTD_CAPABILITY) &= ~VTD_FOUR_LEVELS;
	assert_int_equal(iommu_create(HPA(MODEL_VTD), IOMMU_VTD, false, &number),
			 STATUS_NOT_SUPPORTED);
	assert_false(models[0].translates);
	finish();
}

/* A unit is silent: nothing that it had may be used again. */
static void silent(enum iommu_kind kind)
{
	struct memory *memory;
	struct space *space;

	setup(kind);
	space = make_space();
	memory = make_memory(4, MEMORY_SMALL);
	give(space, AT, memory, 0, 4, PT_READ | PT_WRITE);
	assert_int_equal(iommu_attach(unit, DEVICE, space), STATUS_OK);
	model->deaf = true;
	machine_tsc_per_ns = 0;
	assert_panics((void)!space_unmap(space, AT, 4 * PAGE_SIZE));
	machine_tsc_per_ns = 2;
}

#define BOTH(name)                                                                                 \
	static void name##_vtd(void **state)                                                       \
	{                                                                                          \
		(void)state;                                                                       \
		name(IOMMU_VTD);                                                                   \
	}                                                                                          \
	static void name##_amdvi(void **state)                                                     \
	{                                                                                          \
		(void)state;                                                                       \
		name(IOMMU_AMDVI);                                                                 \
	}
BOTH(nothing_at_first)
BOTH(windows)
BOTH(large)
BOTH(taken_back)
BOTH(detached)
BOTH(wrong_arguments)
BOTH(silent)
BOTH(interrupts)
BOTH(lines)
BOTH(not_remapped)

#define RUN(name) cmocka_unit_test(name##_vtd), cmocka_unit_test(name##_amdvi)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(nothing_at_first),	 RUN(windows),		 RUN(large),
		RUN(taken_back),	 RUN(detached),		 RUN(wrong_arguments),
		cmocka_unit_test(unfit), RUN(interrupts),	 RUN(lines),
		RUN(not_remapped),	 cmocka_unit_test(wide), RUN(silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
