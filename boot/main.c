/* SPDX-License-Identifier: MIT */
/*
 * The steps from the boot loader to the kernel, in order: read the loader's data, gather entropy,
 * choose the layout, build page tables, relocate and jump. start32.S calls boot_main once, under
 * the identity mapping, on the boot CPU. It owns all memory until it jumps, and stops with a
 * sentence on COM1 if the host does not suit.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/print.h"
#include "arch/x86_64/hw/control.h"
#include "boot/boot.h"
#include "boot/parse.h"
#include "kernel/abi/pages.h"
#include "lib/string.h"

/*
 * The boot code places nothing below this address: the code that starts other CPUs and BIOS data
 * lie there.
 */
#define LOW_MEMORY_END MIB
/* The range that one identity-mapped PML4 slot covers; the image is not placed higher. */
#define REACHABLE_END (512 * GIB)
#define MEMORY_LEAST  (32 * MIB)

static struct boot_info boot_info;
static struct boot_memory boot_memory;

extern const char boot_stubs[];
void boot_main(u32 protocol, u64 address) NORETURN;
void boot_exception(const char *stub, const void *const *pushed) NORETURN;

static void boot_check(const char *error)
{
	if (error != NULL)
		uart_unfit(error);
}

/*
 * Lists as free all RAM but the loaded image and the boot modules; the loader's other data has been
 * read already.
 */
static void boot_find_free_memory(struct boot_memory *memory, struct boot_info *info)
{
	struct ram_ranges *free = &memory->free;
	bool fits;

	memory->info = info;
	regions_from_ram(free, info, LOW_MEMORY_END, REACHABLE_END);
	fits = regions_remove(free, (uintptr_t)__image_start, boot_image_offset(__boot_end));
	for (u32 i = 0; i < info->module_count; i++) {
		fits &= regions_remove(free, info->module[i].base.value, info->module[i].length);
		boot_use(info, info->module[i].base, info->module[i].length, PAGE_MODULE);
	}
	boot_use(info, HPA(TRAMPOLINE_BASE), TRAMPOLINE_PAGES * PAGE_SIZE, PAGE_KERNEL);
	if (!fits)
		uart_unfit("the memory map is too fragmented");
	if (regions_bytes(free) < MEMORY_LEAST)
		uart_unfit("too little memory: 32 MiB must be free besides image and modules");
}

/*
 * Reports an exception while booting; start32.S calls it. `stub` is an address in the stub of the
 * exception's vector.
 */
void boot_exception(const char *stub, const void *const *pushed)
{
	u64 vector = (u64)(stub - boot_stubs) / TRAP_STUB_BYTES;

	uart_init();
	print("skerry: exception %lu while booting, at image offset %#lx\n", vector,
	      boot_image_offset(pushed[EXCEPTIONS_WITH_ERROR_CODE >> vector & 1]));
	for (;;)
		hlt();
}

/*
 * Takes the host from the loader to the kernel; start32.S calls it under the identity mapping, with
 * interrupts off.
 */
void boot_main(u32 protocol, u64 address)
{
	static const struct boot_view low_4_gib = {.base = 0, .size = 4 * GIB};
	struct boot_info *info = &boot_info;
	struct entropy_pool pool = {{0}};
	u64 canary;

	(void)cpu_idt_fill(boot_stubs);
	boot_check(protocol == PROTOCOL_MULTIBOOT2 ? multiboot2_parse(&low_4_gib, address, info)
						   : pvh_parse(&low_4_gib, address, info));
	boot_check(regions_normalise(info));
	entropy_gather(&pool, info);

	boot_find_free_memory(&boot_memory, info);
	kaslr_choose(&boot_memory, &pool);
	map_build(&boot_memory);

	canary = entropy_draw_u64(&pool);
	entropy_draw(&pool, &info->pool, sizeof(info->pool));
	memset(&pool, 0, sizeof(pool));
	relocate_and_jump(info, canary);
}
