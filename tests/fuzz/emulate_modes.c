/* SPDX-License-Identifier: MIT */
/*
 * The emulator in every mode: 16-, 32- and 64-bit code, with and without paging, with any segments,
 * page tables and descriptors of the guest's, and hardware task switches between them. It touches
 * nothing but the guest's memory, and changes nothing if it reports that it has done nothing.
 */
/* Counted elsewhere: vmm/monitor/x86/ */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/emulate_machine.h"
#include "tests/fuzz/forms.h"
#include "tests/random.h"
#include "vmm/monitor/task/task_switch.h"

#define WIDE_TABLES_GPA 0x8000ul /* the tables for 32-bit paging and 5-level paging */
/* the GDT's offset in the first page of data, where the TSSs lie too */
#define GDT_OFFSET  0x100u
#define GDT_ENTRIES 16u
#define OLD_TSS	    0x800u
#define NEW_TSS	    0x8c0u
#define NARROW_TSS  0x980u

static struct machine machine;
static struct vcpu_page *const page = &machine.page;

static const struct {
	u64 cr0, cr4, efer;
	u32 code;
} modes[] = {
	{0, 0, 0, 0x9b},		 /* real mode */
	{CR0_PE, 0, 0, 0xc09b},		 /* flat, 32 bits */
	{CR0_PE | CR0_PG, 0, 0, 0xc09b}, /* 32-bit paging */
	/* protected mode with PAE paging */
	{CR0_PE | CR0_PG, CR4_PAE, EFER_NXE, 0xc09b},
	{CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA, 0xa0fb}, /* 64-bit, user */
	{CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA, 0xa09b}, /* 64-bit, kernel */
	{CR0_PE | CR0_PG, CR4_PAE | CR4_LA57, EFER_LME | EFER_LMA, 0xa09b},
	{CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA, 0xc0fb}, /* compatibility mode */
};

/* XSAVE's standard format with AVX-512: SDM vol. 1, 13.4. */
static const struct xsave_layout layouts[] = {
	{.fxsave = true},
	{.ymm = 576},
	{.ymm = 576, .zmm_low = 1152, .zmm_high = 1664},
};
/* the image in a block of exactly its size, so that ASan catches a byte beyond it */
static u8 *vectors;

static u8 *get_vectors(void *device)
{
	(void)device;
	return vectors;
}

static void get_tables(void *device)
{
	(void)device;
	page->valid |= VCPU_TABLES;
}

static void build_vectors(struct fuzz *fuzz)
{
	static const u32 bytes[] = {512, 832, 2688};
	u8 which = fuzz_u8(fuzz) % (ARRAY_COUNT(layouts) + 1);
	u64 state;

	machine_ops.vectors = get_vectors;
	if (which == ARRAY_COUNT(layouts)) /* the kernel refuses such layouts */
		return;

	vectors = calloc(1, bytes[which]);
	state = fuzz_u8(fuzz) * 0x9e3779b97f4a7c15ull + 1;
	for (u32 i = LEGACY_ST; i < LEGACY_XMM + 256; i += 8)
		memcpy(vectors + i, (u64[]){random_step(&state)}, 8);
	fuzz_take(fuzz, vectors, 8); /* control and status of the x87 */
	if (which > 0)
		vectors[512] = fuzz_u8(fuzz);
	machine.emulator.xsave = &layouts[which];
}

/* Adapts the tables of machine_init to the mode. */
static void build_tables(void)
{
	u32 directory = (WIDE_TABLES_GPA + PAGE_SIZE) | PTE_P | PTE_W | PTE_U;

	if (!(page->cr0 & CR0_PG))
		return;
	if (page->cr4 & CR4_LA57) {
		machine_entry(&machine, WIDE_TABLES_GPA, 0, TABLES_GPA | PTE_P | PTE_W | PTE_U);
		page->cr3 = WIDE_TABLES_GPA;
	} else if (!(page->efer & EFER_LMA) && page->cr4 & CR4_PAE) {
		page->cr3 = TABLES_GPA + PAGE_SIZE;
	} else if (!(page->efer & EFER_LMA)) {
		memcpy(machine.ram + WIDE_TABLES_GPA + 4 * (DATA_GVA >> 22), &directory, 4);
		for (u32 i = 0; i < 512; i++) /* the 8-byte entries, truncated */
			memcpy(machine.ram + WIDE_TABLES_GPA + PAGE_SIZE + 4 * i,
			       machine.ram + TABLES_GPA + 3 * PAGE_SIZE + 8 * i, 4);
		page->cr3 = WIDE_TABLES_GPA;
	}
}

/* The linear address of the first page of data. */
static u64 data_address(void)
{
	if (page->cr0 & CR0_PG)
		return DATA_GVA;
	return machine.device_pages & 1 ? DEVICE_GPA : DATA_GPA;
}

static void put_word(u8 *at, u32 value, u32 bytes)
{
	memcpy(at, &value, bytes);
}

/* Two TSSs that can be switched to, of 32 and of 16 bits; SDM vol. 3, figures 8-2 and 8-10. */
static void build_tasks(u8 *data)
{
	static const u8 selectors[] = {0x10, 0x08, 0x10, 0x10, 0, 0x10, 0x30}; /* ES to GS, LDT */
	u8 *wide = data + NEW_TSS;
	u8 *narrow = data + NARROW_TSS;

	put_word(wide + 28, (u32)page->cr3, 4);
	put_word(wide + 32, 0x400, 4);
	put_word(wide + 36, RFLAGS_FIXED, 4);
	put_word(wide + 56, (u32)data_address() + 0xf00, 4);
	put_word(narrow + 14, 0x400, 2);
	put_word(narrow + 16, RFLAGS_FIXED, 2);
	put_word(narrow + 26, 0xf00, 2);
	for (u32 i = 0; i < ARRAY_COUNT(selectors); i++)
		put_word(wide + 72 + 4 * i, selectors[i], 2);
	for (u32 i = 0; i < 4; i++)
		put_word(narrow + 34 + 2 * i, selectors[i], 2);
}

static void put_descriptor(u8 *data, u32 index, u32 access, u64 base, u64 limit)
{
	u64 descriptor = (limit & 0xffff) | (base & 0xffffff) << 16 | (access & 0xf0ffull) << 40 |
			 (limit >> 16) << 48 | base >> 24 << 56;

	memcpy(data + GDT_OFFSET + 8 * index, &descriptor, sizeof(descriptor));
}

/* Descriptors of every type; some of them, and some words of the TSSs, are the input's. */
static void build_descriptors(struct fuzz *fuzz)
{
	static const u32 access[GDT_ENTRIES] = {0,	0xc09b, 0xc093, 0x8b, 0x89,   0x81,
						0x82,	0xc0fb, 0xc0f3, 0x9b, 0xc09f, 0x4097,
						0xa09b, 0xa0fb, 0xe092, 0x8c};
	static const u32 offset[GDT_ENTRIES] = {
		[3] = OLD_TSS, [4] = NEW_TSS, [5] = NARROW_TSS, [6] = GDT_OFFSET};
	struct vcpu_segment_state *segment = page->segment;
	u8 *data = machine_data(&machine, 0);
	u8 how = fuzz_u8(fuzz);

	build_tasks(data);
	page->gdtr.base = data_address() + GDT_OFFSET;
	page->gdtr.limit = GDT_ENTRIES * 8 - 1;
	segment[SEG_LDTR].access = how & 1 ? DESCRIPTOR_LDT | SEGMENT_P : SEGMENT_UNUSABLE;
	segment[SEG_LDTR].base = page->gdtr.base;
	segment[SEG_LDTR].limit = page->gdtr.limit;
	segment[SEG_TR].base = data_address() + OLD_TSS;
	segment[SEG_TR].limit = 0x67;
	segment[SEG_TR].selector = how & 2 ? 0x28 : 0x18;
	segment[SEG_TR].access = how & 2 ? 0x83 : 0x8b;
	for (u32 i = 1; i < GDT_ENTRIES; i++)
		put_descriptor(data, i, access[i], offset[i] ? data_address() + offset[i] : 0,
			       offset[i] ? 0x7f : 0xfffff);
	for (u32 count = how >> 2 & 7; count > 0; count--) {
		u8 which = fuzz_u8(fuzz);
		u64 base = which & 0x40 ? data_address() + 16ul * fuzz_u8(fuzz) : 0;

		put_descriptor(data, which % GDT_ENTRIES, fuzz_u16(fuzz), base,
			       which & 0x80 ? fuzz_u8(fuzz) : 0xfffff);
	}
	for (u32 count = how >> 5; count > 0; count--) {
		u16 at = fuzz_u16(fuzz);

		put_word(data + OLD_TSS + at % 0x200, (u32)fuzz_number(fuzz), 4);
	}
}

/* Makes the exit's report of its access, and the bytes of code that the exit gives. */
static void build_exit(struct fuzz *fuzz)
{
	page->exit.reason = EXIT_MEMORY;
	page->exit.access = fuzz_u8(fuzz) & 15;
	page->exit.gpa = DEVICE_GPA + fuzz_u16(fuzz) % DATA_BYTES;
	page->shadow = fuzz_u8(fuzz) & 7;
	page->code_bytes = fuzz_u8(fuzz) & 15;
	page->valid |= page->code_bytes != 0 ? VCPU_CODE : 0;
	machine.memory.physical_bits = 36 + page->shadow * 2;
}

static void build(struct fuzz *fuzz)
{
	u8 mode = fuzz_u8(fuzz);
	u16 set = fuzz_u16(fuzz);

	machine_init(&machine);
	machine.anywhere = true;
	machine_set_device_pages(&machine, mode >> 4 & 3);
	page->cr0 = modes[mode & 7].cr0;
	page->cr4 = modes[mode & 7].cr4 | CR4_OSFXSR | CR4_OSXSAVE;
	page->efer = modes[mode & 7].efer;
	page->segment[SEG_CS].access = modes[mode & 7].code;
	if ((modes[mode & 7].code & 0x60) == 0)
		page->segment[SEG_SS].access &= ~0x60u;
	if ((mode & 7) < 2)
		page->rip = 0x400 + (mode >> 6) * (PAGE_SIZE / 4);
	build_tables();
	for (u32 i = 0; i < GPR_COUNT; i++)
		page->gpr[i] = fuzz_number(fuzz);
	page->rflags = (fuzz_u32(fuzz) & 0x3f7fd7) | RFLAGS_FIXED;
	for (u32 i = 0; i < SEG_COUNT; i++) {
		if (!(set >> i & 1))
			continue;
		page->segment[i].base = fuzz_number(fuzz);
		page->segment[i].limit = (u32)fuzz_number(fuzz);
		page->segment[i].access = fuzz_u32(fuzz) & 0x1f0ff;
		page->segment[i].selector = fuzz_u16(fuzz);
	}
	if (set & 0x100)
		page->cr4 ^= fuzz_u32(fuzz) & (CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PSE | CR4_UMIP |
					       CR4_OSFXSR | CR4_OSXSAVE);
	if (set & 0x200)
		page->cr3 = fuzz_number(fuzz);
	if (set & 0x400)
		page->rip = fuzz_number(fuzz);
	if (set & 0x800) /* descriptor tables, or whatever lies at a random address */
		fuzz_take(fuzz, machine.ram + fuzz_u16(fuzz) % (GUEST_BYTES - 64), 64);
	page->exit.io_port = fuzz_u16(fuzz);
	page->exit.io_size = (u8)(1u << fuzz_u8(fuzz) % 3);
	page->exit.io_flags = (u8)(IO_STRING | (fuzz_u8(fuzz) & (IO_IN | IO_REP)));
	page->valid = VCPU_ALL;
	if (set & 0x1000)
		build_descriptors(fuzz);
	if (set & 0x2000)
		build_exit(fuzz);
	if (set & 0x4000)
		page->valid &= ~(u32)VCPU_DEBUG;
	page->valid &= set & 0x8000 ? ~(u32)VCPU_TABLES : ~0u;
	machine_ops.tables = set & 0x8000 ? get_tables : NULL;
}

static void put_code(struct fuzz *fuzz, bool form)
{
	u8 bytes[X86_LENGTH_MAX + 1];
	u64 linear = page->segment[SEG_CS].base + page->rip;

	if (form) {
		struct bytes encoded = {.count = 0};

		u32 place = fuzz_u16(fuzz) % DATA_BYTES;

		if (place < PAGE_SIZE - 4) /* a selector, or a descriptor table's limit */
			put_word(machine_data(&machine, 0) + place, fuzz_u32(fuzz) & 0xff007f, 4);
		page->gpr[GPR_RBX] = data_address() + place;
		put_form(&encoded, fuzz_u8(fuzz) % FORM_COUNT,
			 page->segment[SEG_CS].access & SEGMENT_L, fuzz);
		memcpy(bytes, encoded.byte, sizeof(encoded.byte));
		bytes[X86_LENGTH_MAX] = 0;
	} else {
		fuzz_take(fuzz, bytes, sizeof(bytes));
	}
	if (linear < GUEST_BYTES - sizeof(bytes))
		memcpy(machine.ram + linear, bytes, sizeof(bytes));
	machine_put_code(&machine, page->rip & PAGE_MASK, bytes, sizeof(bytes));
	memcpy(page->code, bytes, page->code_bytes);
}

/* A fault in the old task changes no registers. */
static void switch_tasks(struct fuzz *fuzz)
{
	static struct vcpu_page before;
	struct task_switch request = {.selector = (u16)(fuzz_u8(fuzz) % (8 * GDT_ENTRIES + 8)),
				      .return_eip = fuzz_u16(fuzz)};
	u8 how = fuzz_u8(fuzz);
	struct vcpu_event event;

	request.source = how & 3;
	request.external = how >> 2 & 1;
	request.has_error_code = how >> 3 & 1;
	page->valid |= VCPU_DEBUG;
	before = *page;
	if (task_switch(&machine.emulator, &request, &event) == EMULATE_FAULT) {
		CHECK_THAT(event.valid);
		before.cr2 = page->cr2;
		before.dirty |= page->dirty & VCPU_CONTROL;
		CHECK_THAT(memcmp(&before, page, sizeof(before)) == 0);
	}
	CHECK_THAT(!event.valid || (event.type == EVENT_EXCEPTION && event.vector < 32));
}

/* A walk that only inspects finds what the guest's own would, rights aside. */
static void look_on(struct fuzz *fuzz)
{
	gva_t gva = GVA(fuzz_number(fuzz));
	struct walk_result seen, found;
	struct walk_path path;
	bool good = walk_trace(&machine.memory, page, gva, &path, &seen);

	CHECK_THAT(path.levels <= WALK_LEVELS_MAX && path.last <= path.levels);
	CHECK_THAT(walk(&machine.memory, page, gva, WALK_PROBE, &found) == good);
	if (good)
		CHECK_THAT(found.gpa.value == seen.gpa.value);
	if (walk(&machine.memory, page, gva, fuzz_u8(fuzz) & (WALK_WRITE | WALK_USER), &found))
		CHECK_THAT(good && found.gpa.value == seen.gpa.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct vcpu_page before;
	struct fuzz fuzz = {bytes, size};
	enum emulate_result result;
	struct vcpu_event event;
	u8 entry = fuzz_u8(&fuzz);
	u32 length = 0;

	build(&fuzz);
	if (entry & 0x80)
		build_vectors(&fuzz);
	else
		machine_ops.vectors = NULL;
	put_code(&fuzz, entry & 0x20);
	look_on(&fuzz);
	if (entry & 0x40) {
		if (!(page->efer & EFER_LMA))
			switch_tasks(&fuzz);
		free(vectors);
		vectors = NULL;
		return 0;
	}
	before = *page;
	if (entry % 4 == 0)
		result = emulate_io_string(&machine.emulator, &event);
	else if (entry % 4 == 1)
		result = emulate_instruction_length(&machine.emulator, &length, &event);
	else
		result = emulate(&machine.emulator, &event);
	free(vectors);
	vectors = NULL;
	CHECK_THAT(length <= X86_LENGTH_MAX);
	if (result == EMULATE_FAULT)
		CHECK_THAT(event.valid && event.vector < 32);
	before.valid |= page->valid & VCPU_TABLES;
	if (result == EMULATE_UNSUPPORTED)
		CHECK_THAT(memcmp(&before, page, sizeof(before)) == 0 && machine.writes == 0);
	if (page->segment[SEG_CS].access & SEGMENT_L && page->efer & EFER_LMA)
		return 0;
	if (result == EMULATE_DONE)
		CHECK_THAT(page->rip >> 32 == 0 || page->rip == before.rip);
	return 0;
}
