/* SPDX-License-Identifier: MIT */
/*
 * The registers of a vCPU as GDB numbers them: tables, values and the target description. Called by
 * gdb.c and gdb_command.c; holds no state.
 */
#include "vmm/manager/gdb/gdb_registers.h"
#include "arch/x86_64/hw/control.h"
#include "lib/string.h"
#include "vmm/rt/format.h"

enum kind {
	KIND_WORD,
	KIND_PC,
	KIND_SELECTOR,
	KIND_FPU,
};

enum feature { CORE, SEGMENTS, CONTROL, FEATURES };

struct row {
	char name[12];
	u8 kind;
	u8 bytes;
	u8 feature; /* the part (feature) of the target description that lists the register */
	/* offset of a word in struct vcpu_page; for a selector: offset of its segment */
	u16 at;
	/*
	 * the groups of struct vcpu_page that change when the register is set; 0: it cannot be set
	 */
	u32 groups;
};

/* clang-format off */
#define AT(field)                 offsetof(struct vcpu_page, field)
#define GPR(name, index, bytes)   {name, KIND_WORD, bytes, CORE, AT(gpr[index]), GDB_GPRS}
#define FPU(name, bytes)          {name, KIND_FPU, bytes, CORE, 0, 0}
#define SELECTOR(name, segment)   {name, KIND_SELECTOR, 4, CORE, segment, 0}
#define BASE(name, index)                                                                        \
	{name, KIND_WORD, 8, SEGMENTS, AT(segment[index].base), VCPU_SEGMENTS}
#define CR(name, field, bytes)    {name, KIND_WORD, bytes, CONTROL, AT(field), VCPU_CONTROL}

/*
 * The registers in GDB's order: 64bit-core.xml and 32bit-core.xml in gdb/features/i386 of GDB's
 * sources.
 */
#define POINTER_ROWS(name, bytes)                                                                \
	{name, KIND_PC, bytes, CORE, AT(rip), VCPU_RIP},                                         \
	{"eflags", KIND_WORD, 4, CORE, AT(rflags), VCPU_RIP}
#define SELECTOR_ROWS                                                                            \
	SELECTOR("cs", SEG_CS), SELECTOR("ss", SEG_SS), SELECTOR("ds", SEG_DS),                  \
	SELECTOR("es", SEG_ES), SELECTOR("fs", SEG_FS), SELECTOR("gs", SEG_GS)
#define FPU_ROWS                                                                                 \
	FPU("st0", 10), FPU("st1", 10), FPU("st2", 10), FPU("st3", 10), FPU("st4", 10),          \
	FPU("st5", 10), FPU("st6", 10), FPU("st7", 10), FPU("fctrl", 4), FPU("fstat", 4),        \
	FPU("ftag", 4), FPU("fiseg", 4), FPU("fioff", 4), FPU("foseg", 4), FPU("fooff", 4),      \
	FPU("fop", 4)
#define CONTROL_ROWS(bytes)                                                                      \
	CR("cr0", cr0, bytes), CR("cr2", cr2, bytes), CR("cr3", cr3, bytes),                     \
	CR("cr4", cr4, bytes), {"cr8", KIND_WORD, bytes, CONTROL, AT(cr8), 0}, CR("efer", efer, 8)
/* clang-format on */

/* clang-format off */
static const struct row rows_64[] = {
	GPR("rax", GPR_RAX, 8), GPR("rbx", GPR_RBX, 8), GPR("rcx", GPR_RCX, 8),
	GPR("rdx", GPR_RDX, 8), GPR("rsi", GPR_RSI, 8), GPR("rdi", GPR_RDI, 8),
	GPR("rbp", GPR_RBP, 8), GPR("rsp", GPR_RSP, 8), GPR("r8", GPR_R8, 8),
	GPR("r9", GPR_R9, 8), GPR("r10", GPR_R10, 8), GPR("r11", GPR_R11, 8),
	GPR("r12", GPR_R12, 8), GPR("r13", GPR_R13, 8), GPR("r14", GPR_R14, 8),
	GPR("r15", GPR_R15, 8), POINTER_ROWS("rip", 8), SELECTOR_ROWS, FPU_ROWS,
	BASE("fs_base", SEG_FS), BASE("gs_base", SEG_GS),
	{"k_gs_base", KIND_WORD, 8, CONTROL, AT(msr[VMSR_KERNEL_GS_BASE]), 0},
	CONTROL_ROWS(8),
};
/* clang-format on */

/* clang-format off */
static const struct row rows_32[] = {
	GPR("eax", GPR_RAX, 4), GPR("ecx", GPR_RCX, 4), GPR("edx", GPR_RDX, 4),
	GPR("ebx", GPR_RBX, 4), GPR("esp", GPR_RSP, 4), GPR("ebp", GPR_RBP, 4),
	GPR("esi", GPR_RSI, 4), GPR("edi", GPR_RDI, 4), POINTER_ROWS("eip", 4),
	SELECTOR_ROWS, FPU_ROWS, CONTROL_ROWS(4),
};
/* clang-format on */

static const struct row *gdb_register_rows(enum gdb_layout layout)
{
	return layout == GDB_64 ? rows_64 : rows_32;
}

enum gdb_layout gdb_layout_of(const struct vcpu_page *page)
{
	if ((page->efer & EFER_LMA) != 0)
		return GDB_64;
	return (page->cr0 & CR0_PE) != 0 ? GDB_32 : GDB_16;
}

u32 gdb_register_count(enum gdb_layout layout)
{
	return layout == GDB_64 ? ARRAY_COUNT(rows_64) : ARRAY_COUNT(rows_32);
}

u32 gdb_register_bytes(enum gdb_layout layout, u32 number)
{
	return number < gdb_register_count(layout) ? gdb_register_rows(layout)[number].bytes : 0;
}

static u64 *gdb_register_word(const struct row *row, struct vcpu_page *page)
{
	return (u64 *)(void *)((u8 *)page + row->at);
}

bool gdb_register_get(enum gdb_layout layout, const struct vcpu_page *page, u32 number, u64 *value)
{
	const struct row *row = &gdb_register_rows(layout)[number];

	switch ((enum kind)row->kind) {
	case KIND_PC:
		*value = page->rip + page->segment[SEG_CS].base;
		return true;
	case KIND_SELECTOR:
		*value = page->segment[row->at].selector;
		return true;
	case KIND_WORD:
		*value = *gdb_register_word(row, (struct vcpu_page *)(uintptr_t)page);
		return true;
	default:
		return false;
	}
}

u32 gdb_register_set(enum gdb_layout layout, struct vcpu_page *page, u32 number, u64 value)
{
	const struct row *row = &gdb_register_rows(layout)[number];

	if (row->kind == KIND_PC) {
		value -= page->segment[SEG_CS].base;
		page->rip = layout == GDB_64 ? value : (u32)value;
	} else if (row->kind == KIND_WORD && row->groups != 0) {
		*gdb_register_word(row, page) = value;
	} /* a selector is not set, as setting it alone would not make a valid segment */
	return row->groups;
}

static const char *gdb_register_type_of(const struct row *row)
{
	if (row->kind == KIND_FPU)
		return row->bytes == 10 ? "i387_ext" : "int";
	if (row->kind == KIND_PC)
		return "code_ptr";
	if (row->at == AT(gpr[GPR_RSP]) || row->at == AT(gpr[GPR_RBP]))
		return "data_ptr";
	return row->bytes == 8 ? "int64" : "int32";
}

size_t gdb_description(enum gdb_layout layout, char *buffer, size_t size)
{
	static const char *const architectures[] = {"i8086", "i386", "i386:x86-64"};
	static const char *const features[FEATURES] = {
		"org.gnu.gdb.i386.core", "org.gnu.gdb.i386.segments", "org.skerry.control"};
	u32 count = gdb_register_count(layout);
	size_t length;

	length = format(buffer, size,
			"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
			"<target><architecture>%s</architecture>",
			architectures[layout]);
	for (u32 feature = 0; feature < FEATURES; feature++) {
		if (feature == SEGMENTS && layout != GDB_64)
			continue;
		length += format(buffer + MIN(length, size), size - MIN(length, size),
				 "<feature name=\"%s\">", features[feature]);
		for (u32 i = 0; i < count; i++) {
			const struct row *row = &gdb_register_rows(layout)[i];

			if (row->feature != feature)
				continue;
			length += format(buffer + MIN(length, size), size - MIN(length, size),
					 "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" "
					 "regnum=\"%u\"/>",
					 row->name, row->bytes * 8u, gdb_register_type_of(row), i);
		}
		length +=
			format(buffer + MIN(length, size), size - MIN(length, size), "</feature>");
	}
	return length + format(buffer + MIN(length, size), size - MIN(length, size), "</target>");
}
