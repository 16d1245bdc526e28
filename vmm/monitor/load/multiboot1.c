/* SPDX-License-Identifier: MIT */
/*
 * Loads a kernel by the Multiboot protocol, version 1. Called by load.c; reads the untrusted kernel
 * file and writes guest RAM and the first vCPU's registers.
 */
#include "vmm/monitor/load/multiboot1.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/monitor/load/bytes.h"
#include "vmm/monitor/load/elf.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/load/place.h"
#include "vmm/monitor/load/start_state.h"

/* Offsets into the header: Multiboot specification 0.6.96, 3.1. */
enum multiboot1_header {
	MB1_MAGIC = 0,
	MB1_FLAGS = 4,
	MB1_CHECKSUM = 8,
	MB1_HEADER_ADDRESS = 12,
	MB1_LOAD_ADDRESS = 16,
	MB1_LOAD_END = 20,
	MB1_BSS_END = 24,
	MB1_ENTRY = 28,
	MB1_HEADER_BYTES = 32,
};
#define MB1_HEADER_MAGIC 0x1badb002u
#define MB1_SEARCH_BYTES (8 * KIB)
/*
 * The flags that a loader must understand: page-aligned modules, memory information, video mode
 * (which Skerry does not set).
 */
#define MB1_REQUIRED_KNOWN 0x7u
#define MB1_REQUIRED	   0xffffu
#define MB1_ADDRESSES	   BIT(16)

/* The information that the kernel is given: Multiboot 0.6.96, 3.3. */
struct multiboot1_info {
	u32 flags;
	u32 memory_lower; /* KiB of RAM from address 0 on */
	u32 memory_upper; /* KiB of RAM from 1 MiB on */
	u32 boot_device;
	u32 command_line;
	u32 module_count;
	u32 modules;
	u32 symbols[4];
	u32 map_bytes;
	u32 map;
	u32 drives[2];
	u32 config_table;
	u32 loader_name;
	u32 rest[13];
};
_Static_assert(sizeof(struct multiboot1_info) == 120, "to the end of the framebuffer");

enum multiboot1_flag {
	MB1_INFO_MEMORY = 1 << 0,
	MB1_INFO_COMMAND = 1 << 2,
	MB1_INFO_MODULES = 1 << 3,
	MB1_INFO_MAP = 1 << 6,
	MB1_INFO_LOADER = 1 << 9,
};

struct multiboot1_module {
	u32 start;
	u32 end;
	u32 string;
	u32 reserved;
};

struct multiboot1_memory {
	u32 size; /* the size of the entry behind this field */
	u64 start;
	u64 length;
	u32 type;
} PACKED;

#define MB1_BOOT_MAGIC 0x2badb002u
/*
 * Offsets in the page with the Multiboot information: the module list, the module's string, the
 * loader's name.
 */
#define MB1_MODULES_AT 0x100u
#define MB1_STRING_AT  0x200u
#define MB1_NAME_AT    0x300u

/*
 * The word put before the kernel's command line: boot loaders put the file's name first, and
 * programs skip a first word.
 */
#define MB1_PROGRAM_NAME "kernel "

/* Returns the offset of the Multiboot header in the file, or ~0 if there is none. */
static u64 multiboot1_find_header(const struct load_file *kernel)
{
	u64 end = MIN(kernel->size, MB1_SEARCH_BYTES);

	for (u64 at = 0; at + MB1_HEADER_ADDRESS <= end; at += 4) {
		const u8 *header = kernel->bytes + at;

		if (get_u32(header) == MB1_HEADER_MAGIC &&
		    (u32)(get_u32(header + MB1_FLAGS) + get_u32(header + MB1_CHECKSUM) +
			  MB1_HEADER_MAGIC) == 0)
			return at;
	}
	return ~0ull;
}

bool multiboot1_recognise(const struct load_file *kernel)
{
	return multiboot1_find_header(kernel) != ~0ull;
}

/* Places a kernel that is no ELF file by the addresses in the Multiboot header: 0.6.96, 3.1.3. */
static bool multiboot1_place_flat(struct load_job *job, u64 at, u64 *entry)
{
	const u8 *header = job->kernel.bytes + at;
	u64 load;
	u64 bytes;
	u64 offset;
	u64 bss_end;

	if (!range_within(at, MB1_HEADER_BYTES, job->kernel.size))
		return load_fail(job, "kernel file: truncated inside its Multiboot header at 0x%lx",
				 at);
	load = get_u32(header + MB1_LOAD_ADDRESS);
	bss_end = get_u32(header + MB1_BSS_END);
	*entry = get_u32(header + MB1_ENTRY);
	if (load > get_u32(header + MB1_HEADER_ADDRESS) ||
	    get_u32(header + MB1_HEADER_ADDRESS) - load > at)
		return load_fail(
			job,
			"kernel file: Multiboot header at 0x%lx gives load address 0x%lx and "
			"header address 0x%x, which do not fit together",
			at, load, get_u32(header + MB1_HEADER_ADDRESS));
	offset = at - (get_u32(header + MB1_HEADER_ADDRESS) - load);
	bytes = job->kernel.size - offset;
	if (get_u32(header + MB1_LOAD_END) != 0) {
		if (get_u32(header + MB1_LOAD_END) < load ||
		    get_u32(header + MB1_LOAD_END) - load > bytes)
			return load_fail(job,
					 "kernel file: Multiboot load end 0x%x wants more than the "
					 "0x%lx bytes of the file from offset 0x%lx on",
					 get_u32(header + MB1_LOAD_END), bytes, offset);
		bytes = get_u32(header + MB1_LOAD_END) - load;
	}
	return place_kernel(job, load, job->kernel.bytes + offset, bytes,
			    bss_end > load + bytes ? bss_end - load - bytes : 0,
			    "the Multiboot image");
}

static bool multiboot1_place_elf(struct load_job *job, u64 at, u64 *entry)
{
	struct elf_file elf;

	if (!elf_recognise(&job->kernel))
		return load_fail(job,
				 "kernel file: Multiboot header at 0x%lx gives no load addresses "
				 "and the file is no ELF",
				 at);
	return elf_open(job, &elf) && elf_place(job, &elf) && elf_physical_entry(job, &elf, entry);
}

static void multiboot1_write_map(struct load_job *job, struct multiboot1_info *info)
{
	struct multiboot1_memory *memory =
		(struct multiboot1_memory *)(job->ram + LAYOUT_MEMORY_MAP);

	for (u32 i = 0; i < job->map.count; i++)
		memory[i] = (struct multiboot1_memory){
			.size = sizeof(*memory) - sizeof(memory->size),
			.start = job->map.entry[i].start,
			.length = job->map.entry[i].length,
			.type = job->map.entry[i].type,
		};
	info->map = LAYOUT_MEMORY_MAP;
	info->map_bytes = job->map.count * (u32)sizeof(*memory);
}

static void multiboot1_write_info(struct load_job *job, u64 initrd)
{
	u8 *page = job->ram + LAYOUT_BOOT_INFO;
	struct multiboot1_info *info = (struct multiboot1_info *)page;
	struct multiboot1_module *module = (struct multiboot1_module *)(page + MB1_MODULES_AT);

	memset(page, 0, PAGE_SIZE);
	info->flags = MB1_INFO_MEMORY | MB1_INFO_COMMAND | MB1_INFO_MODULES | MB1_INFO_MAP |
		      MB1_INFO_LOADER;
	info->memory_lower = LAYOUT_EBDA / KIB;
	info->memory_upper = (u32)((layout_low_bytes(job->ram_bytes) - LAYOUT_HIGH_START) / KIB);
	info->command_line = LAYOUT_COMMAND;
	info->module_count = initrd != 0;
	info->modules = LAYOUT_BOOT_INFO + MB1_MODULES_AT;
	info->loader_name = LAYOUT_BOOT_INFO + MB1_NAME_AT;
	memcpy(page + MB1_NAME_AT, "Skerry", sizeof("Skerry"));
	memcpy(page + MB1_STRING_AT, "initrd", sizeof("initrd"));
	*module = (struct multiboot1_module){
		.start = (u32)initrd,
		.end = (u32)(initrd + job->initrd.size),
		.string = LAYOUT_BOOT_INFO + MB1_STRING_AT,
	};
	multiboot1_write_map(job, info);
}

bool multiboot1_load(struct load_job *job)
{
	u64 at = multiboot1_find_header(&job->kernel);
	u32 flags = get_u32(job->kernel.bytes + at + MB1_FLAGS);
	u64 entry = 0;
	u64 initrd;

	if ((flags & MB1_REQUIRED & ~MB1_REQUIRED_KNOWN) != 0)
		return load_fail(job,
				 "kernel file: Multiboot header at 0x%lx requires flags 0x%x, "
				 "known are 0x%x",
				 at, flags & MB1_REQUIRED, MB1_REQUIRED_KNOWN);
	if ((flags & MB1_ADDRESSES) != 0 ? !multiboot1_place_flat(job, at, &entry)
					 : !multiboot1_place_elf(job, at, &entry))
		return false;
	if (entry >= job->kernel_end)
		return load_fail(job, "kernel file: its entry 0x%lx lies beyond its end 0x%lx",
				 entry, job->kernel_end);
	if (!place_module(job, &initrd) ||
	    !place_command_line(job, MB1_PROGRAM_NAME, LAYOUT_COMMAND_BYTES - 1))
		return false;
	multiboot1_write_info(job, initrd);
	start_state_protected(job->page, job->ram, START_CS, (u32)entry);
	job->page->gpr[GPR_RAX] = MB1_BOOT_MAGIC;
	job->page->gpr[GPR_RBX] = LAYOUT_BOOT_INFO;
	/*
	 * the 8259s have the values that the BIOS left, for calls of it in real mode (Multiboot
	 * 0.6.96, 3.2)
	 */
	job->firmware = true;
	return true;
}
