/* SPDX-License-Identifier: MIT */
/*
 * The emulator in every mode: 16-, 32- and 64-bit code, with and without paging, segments, page
 * tables and descriptors as the guest made them. Nothing but the guest's own memory is touched,
 * and nothing changes where it says that nothing has.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/emulate_machine.h"

static struct machine machine;
static struct vcpu_page *const page = &machine.page;

static const struct {
	u64 cr0, cr4, efer;
	u32 code;
} modes[] = {
	{0, 0, 0, 0x9b},                                                  /* real */
	{CR0_PE, 0, 0, 0xc09b},                                           /* flat, 32 bits */
	{CR0_PE | CR0_PG, 0, 0, 0xc09b},                                  /* 32-bit paging */
	{CR0_PE | CR0_PG, CR4_PAE, EFER_NXE, 0xc09b},                     /* PAE */
	{CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA, 0xa0fb}, /* 64-bit, user */
	{CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA, 0xa09b}, /* 64-bit, kernel */
	{CR0_PE | CR0_PG, CR4_PAE | CR4_LA57, EFER_LME | EFER_LMA, 0xa09b},
	{CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA, 0xc0fb},          /* compatibility */
};

/* As XSAVE's standard form with AVX-512 has it: SDM vol. 1, 13.4. */
static const struct xsave_layout layouts[] = {
	{.fxsave = true},
	{.ymm = 576},
	{.ymm = 576, .zmm_low = 1152, .zmm_high = 1664},
};
static u8 *vectors; /* of exactly its size: one byte beyond is the sanitizer's */

static u8 *get_vectors(void *device)
{
	(void)device;
	return vectors;
}

static void build_vectors(struct fuzz *fuzz)
{
	static const u32 bytes[] = {512, 832, 2688};
	u8 which = fuzz_u8(fuzz) % ARRAY_COUNT(layouts);

	vectors = calloc(1, bytes[which]);
	fuzz_take(fuzz, vectors, 8); /* control and status of the x87 */
	if (which > 0)
		vectors[512] = fuzz_u8(fuzz);
	machine.emulator.xsave = &layouts[which];
	machine_ops.vectors = get_vectors;
}

static void build(struct fuzz *fuzz)
{
	u8 mode = fuzz_u8(fuzz);
	u16 set = fuzz_u16(fuzz);

	machine_init(&machine);
	machine.anywhere = true;
	machine_set_device_pages(&machine, mode >> 4 & 3);
	page->cr0 = modes[mode & 7].cr0;
	page->cr4 = modes[mode & 7].cr4;
	page->efer = modes[mode & 7].efer;
	page->segment[SEG_CS].access = modes[mode & 7].code;
	if ((mode & 7) < 4)
		page->rip = 0x400 + (mode >> 6) * (PAGE_SIZE / 4);
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
		page->cr4 |= fuzz_u32(fuzz) & (CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PSE);
	if (set & 0x200)
		page->cr3 = fuzz_number(fuzz);
	if (set & 0x400)
		page->rip = fuzz_number(fuzz);
	if (set & 0x800) /* tables, or whatever lies there */
		fuzz_take(fuzz, machine.ram + fuzz_u16(fuzz) % (GUEST_BYTES - 64), 64);
	page->exit.io_port = fuzz_u16(fuzz);
	page->exit.io_size = (u8)(1u << fuzz_u8(fuzz) % 3);
	page->exit.io_flags = (u8)(IO_STRING | (fuzz_u8(fuzz) & (IO_IN | IO_REP)));
	page->valid = VCPU_ALL;
}

static void put_code(struct fuzz *fuzz)
{
	u8 bytes[X86_LENGTH_MAX + 1];
	u64 linear = page->segment[SEG_CS].base + page->rip;

	fuzz_take(fuzz, bytes, sizeof(bytes));
	if (linear < GUEST_BYTES - sizeof(bytes))
		memcpy(machine.ram + linear, bytes, sizeof(bytes));
	machine_put_code(&machine, page->rip & PAGE_MASK, bytes, sizeof(bytes));
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
	put_code(&fuzz);
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
	if (result == EMULATE_UNSUPPORTED)
		CHECK_THAT(memcmp(&before, page, sizeof(before)) == 0 && machine.writes == 0);
	if (page->segment[SEG_CS].access & SEGMENT_L && page->efer & EFER_LMA)
		return 0;
	if (result == EMULATE_DONE)
		CHECK_THAT(page->rip >> 32 == 0 || page->rip == before.rip);
	return 0;
}
