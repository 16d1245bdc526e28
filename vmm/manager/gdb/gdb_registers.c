/* SPDX-License-Identifier: MIT */
#include "vmm/manager/gdb/gdb_registers.h"
#include "arch/x86_64/hw/control.h"
#include "lib/format.h"
#include "lib/string.h"

enum kind {
	KIND_GPR,
	KIND_PC,
	KIND_FLAGS,
	KIND_SELECTOR,
	KIND_BASE,
	KIND_FPU,
	KIND_KERNEL_GS,
	KIND_CR0,
	KIND_CR2,
	KIND_CR3,
	KIND_CR4,
	KIND_CR8,
	KIND_EFER,
};

struct row {
	char name[12];
	u8 kind;
	u8 index;
	u8 bytes;
	u8 feature; /* which of the description's parts it is in */
};

enum feature { CORE, SEGMENTS, CONTROL, FEATURES };

/* The order that GDB knows: gdb/features/i386 of its sources, 64bit-core.xml and 32bit-core.xml. */
#define FPU_ROWS                                                                                 \
	{"st0", KIND_FPU, 0, 10, CORE}, {"st1", KIND_FPU, 0, 10, CORE},                          \
	{"st2", KIND_FPU, 0, 10, CORE}, {"st3", KIND_FPU, 0, 10, CORE},                          \
	{"st4", KIND_FPU, 0, 10, CORE}, {"st5", KIND_FPU, 0, 10, CORE},                          \
	{"st6", KIND_FPU, 0, 10, CORE}, {"st7", KIND_FPU, 0, 10, CORE},                          \
	{"fctrl", KIND_FPU, 0, 4, CORE}, {"fstat", KIND_FPU, 0, 4, CORE},                        \
	{"ftag", KIND_FPU, 0, 4, CORE}, {"fiseg", KIND_FPU, 0, 4, CORE},                         \
	{"fioff", KIND_FPU, 0, 4, CORE}, {"foseg", KIND_FPU, 0, 4, CORE},                        \
	{"fooff", KIND_FPU, 0, 4, CORE}, {"fop", KIND_FPU, 0, 4, CORE}
#define SELECTOR_ROWS                                                                            \
	{"cs", KIND_SELECTOR, SEG_CS, 4, CORE}, {"ss", KIND_SELECTOR, SEG_SS, 4, CORE},          \
	{"ds", KIND_SELECTOR, SEG_DS, 4, CORE}, {"es", KIND_SELECTOR, SEG_ES, 4, CORE},          \
	{"fs", KIND_SELECTOR, SEG_FS, 4, CORE}, {"gs", KIND_SELECTOR, SEG_GS, 4, CORE}
#define CONTROL_ROWS(bytes)                                                                      \
	{"cr0", KIND_CR0, 0, bytes, CONTROL}, {"cr2", KIND_CR2, 0, bytes, CONTROL},              \
	{"cr3", KIND_CR3, 0, bytes, CONTROL}, {"cr4", KIND_CR4, 0, bytes, CONTROL},              \
	{"cr8", KIND_CR8, 0, bytes, CONTROL}, {"efer", KIND_EFER, 0, 8, CONTROL}

static const struct row rows_64[] = {
	{"rax", KIND_GPR, GPR_RAX, 8, CORE}, {"rbx", KIND_GPR, GPR_RBX, 8, CORE},
	{"rcx", KIND_GPR, GPR_RCX, 8, CORE}, {"rdx", KIND_GPR, GPR_RDX, 8, CORE},
	{"rsi", KIND_GPR, GPR_RSI, 8, CORE}, {"rdi", KIND_GPR, GPR_RDI, 8, CORE},
	{"rbp", KIND_GPR, GPR_RBP, 8, CORE}, {"rsp", KIND_GPR, GPR_RSP, 8, CORE},
	{"r8", KIND_GPR, GPR_R8, 8, CORE},   {"r9", KIND_GPR, GPR_R9, 8, CORE},
	{"r10", KIND_GPR, GPR_R10, 8, CORE}, {"r11", KIND_GPR, GPR_R11, 8, CORE},
	{"r12", KIND_GPR, GPR_R12, 8, CORE}, {"r13", KIND_GPR, GPR_R13, 8, CORE},
	{"r14", KIND_GPR, GPR_R14, 8, CORE}, {"r15", KIND_GPR, GPR_R15, 8, CORE},
	{"rip", KIND_PC, 0, 8, CORE},	     {"eflags", KIND_FLAGS, 0, 4, CORE},
	SELECTOR_ROWS,			     FPU_ROWS,
	{"fs_base", KIND_BASE, SEG_FS, 8, SEGMENTS},
	{"gs_base", KIND_BASE, SEG_GS, 8, SEGMENTS},
	{"k_gs_base", KIND_KERNEL_GS, 0, 8, CONTROL},
	CONTROL_ROWS(8),
};

static const struct row rows_32[] = {
	{"eax", KIND_GPR, GPR_RAX, 4, CORE}, {"ecx", KIND_GPR, GPR_RCX, 4, CORE},
	{"edx", KIND_GPR, GPR_RDX, 4, CORE}, {"ebx", KIND_GPR, GPR_RBX, 4, CORE},
	{"esp", KIND_GPR, GPR_RSP, 4, CORE}, {"ebp", KIND_GPR, GPR_RBP, 4, CORE},
	{"esi", KIND_GPR, GPR_RSI, 4, CORE}, {"edi", KIND_GPR, GPR_RDI, 4, CORE},
	{"eip", KIND_PC, 0, 4, CORE},	     {"eflags", KIND_FLAGS, 0, 4, CORE},
	SELECTOR_ROWS,			     FPU_ROWS,
	CONTROL_ROWS(4),
};

static const struct row *rows(enum gdb_layout layout)
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
	return number < gdb_register_count(layout) ? rows(layout)[number].bytes : 0;
}

static u64 *place(const struct row *row, struct vcpu_page *page)
{
	switch ((enum kind)row->kind) {
	case KIND_GPR:
		return &page->gpr[row->index];
	case KIND_FLAGS:
		return &page->rflags;
	case KIND_BASE:
		return &page->segment[row->index].base;
	case KIND_KERNEL_GS:
		return &page->msr[VMSR_KERNEL_GS_BASE];
	case KIND_CR0:
		return &page->cr0;
	case KIND_CR2:
		return &page->cr2;
	case KIND_CR3:
		return &page->cr3;
	case KIND_CR4:
		return &page->cr4;
	case KIND_CR8:
		return &page->cr8;
	case KIND_EFER:
		return &page->efer;
	default:
		return NULL;
	}
}

bool gdb_register_get(enum gdb_layout layout, const struct vcpu_page *page, u32 number, u64 *value)
{
	const struct row *row = &rows(layout)[number];
	const u64 *from = place(row, (struct vcpu_page *)(uintptr_t)page);

	if (row->kind == KIND_PC)
		*value = page->rip + page->segment[SEG_CS].base;
	else if (row->kind == KIND_SELECTOR)
		*value = page->segment[row->index].selector;
	else if (from != NULL)
		*value = *from;
	else
		return false;
	return true;
}

u32 gdb_register_set(enum gdb_layout layout, struct vcpu_page *page, u32 number, u64 value)
{
	const struct row *row = &rows(layout)[number];
	u64 *to = place(row, page);

	if (row->kind == KIND_PC) {
		page->rip = value - page->segment[SEG_CS].base;
		if (layout != GDB_64)
			page->rip = (u32)page->rip;
		return VCPU_RIP;
	}
	if (to == NULL)
		return 0; /* a selector alone makes no segment */
	*to = value;
	switch ((enum kind)row->kind) {
	case KIND_GPR:
		return GDB_GPRS;
	case KIND_FLAGS:
		return VCPU_RIP;
	case KIND_BASE:
		return VCPU_SEGMENTS;
	case KIND_CR0:
	case KIND_CR2:
	case KIND_CR3:
	case KIND_CR4:
	case KIND_EFER:
		return VCPU_CONTROL;
	default:
		return 0;
	}
}

static const char *type_of(const struct row *row)
{
	if (row->kind == KIND_FPU)
		return row->bytes == 10 ? "i387_ext" : "int";
	if (row->kind == KIND_PC)
		return "code_ptr";
	if (row->kind == KIND_GPR && (row->index == GPR_RSP || row->index == GPR_RBP))
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
			const struct row *row = &rows(layout)[i];

			if (row->feature != feature)
				continue;
			length += format(buffer + MIN(length, size), size - MIN(length, size),
					 "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" "
					 "regnum=\"%u\"/>",
					 row->name, row->bytes * 8u, type_of(row), i);
		}
		length += format(buffer + MIN(length, size), size - MIN(length, size),
				 "</feature>");
	}
	return length + format(buffer + MIN(length, size), size - MIN(length, size), "</target>");
}
