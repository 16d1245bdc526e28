/* SPDX-License-Identifier: MIT */
/*
 * Moves the image to its final place, applies its relocations, sets the stack canary and enters the
 * kernel there. boot/main.c calls it as its last step. It writes the copy of the image; nothing of
 * the boot code runs afterwards.
 */
#include "boot/boot.h"
#include "lib/checked.h"
#include "lib/string.h"

/* The one kind of relocation that a static PIE has (System V ABI, AMD64 supplement, 4.4). */
#define R_X86_64_RELATIVE 8u

struct elf_rela {
	u64 offset; /* virtual address, as linked, of the word to relocate */
	u64 info;   /* type of the relocation (R_X86_64_...), in the lower half */
	s64 addend;
};

extern const struct elf_rela __rela_start[], __rela_end[];
extern u64 __stack_chk_guard;
extern u8 boot_stack_end[];

/* Switches tables and stack and jumps (start32.S). */
void boot_jump(u64 root, u64 stack, u64 entry, u64 argument) NORETURN;

static void relocate_apply_relocations(const struct boot_info *info)
{
	u64 slide = info->image_base.value - IMAGE_LINK_BASE;

	for (const struct elf_rela *rela = __rela_start; rela < __rela_end; rela++) {
		u64 at = rela->offset - IMAGE_LINK_BASE;

		if ((u32)rela->info != R_X86_64_RELATIVE)
			uart_unfit("the image holds a relocation of an unexpected type");
		if (!range_within(at, sizeof(u64), info->image_bytes))
			uart_unfit("the image holds a relocation outside itself");
		*(u64 *)(info->image_hpa.value + at) = (u64)rela->addend + slide;
	}
}

void relocate_and_jump(struct boot_info *info, u64 canary)
{
	u64 base = info->image_base.value;
	u64 hpa = info->image_hpa.value;

	map_reach(info->image_hpa, info->image_bytes);
	if (hpa != (uintptr_t)__image_start)
		memcpy((void *)hpa, __image_start, info->image_bytes);
	relocate_apply_relocations(info);
	/* The canary's lowest byte is zero, which stops string overruns. */
	*(u64 *)(hpa + boot_image_offset(&__stack_chk_guard)) = canary & ~0xffull;

	/* The kernel keeps its struct stack_base in the stack's top 16 bytes. */
	boot_jump(info->root_table.value, base + boot_image_offset(boot_stack_end) - 16,
		  base + boot_image_offset((const void *)kernel_main),
		  base + boot_image_offset(info));
}
