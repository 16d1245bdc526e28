/* SPDX-License-Identifier: MIT */
/*
 * Loads an ELF kernel by the PVH boot protocol. Called by load.c; reads the untrusted kernel file
 * and writes guest RAM and the first vCPU's registers.
 */
#include "vmm/monitor/load/elf_pvh.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/monitor/load/bytes.h"
#include "vmm/monitor/load/elf.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/load/place.h"
#include "vmm/monitor/load/start_state.h"

/* the type of the ELF note with the PVH entry point (Xen's docs/misc/pvh.pandoc) */
#define PHYS32_ENTRY 18u

/* The start information: Xen's public/arch-x86/hvm/start_info.h, version 1. */
struct hvm_start_info {
	u32 magic;
	u32 version;
	u32 flags;
	u32 module_count;
	u64 modules;
	u64 command_line;
	u64 rsdp;
	u64 memory_map;
	u32 memory_map_count;
	u32 reserved;
};
_Static_assert(sizeof(struct hvm_start_info) == 56, "PVH start info version 1");
#define HVM_START_MAGIC 0x336ec578u

struct hvm_module {
	u64 address;
	u64 bytes;
	u64 command_line;
	u64 reserved;
};

struct hvm_memory {
	u64 address;
	u64 bytes;
	u32 type;
	u32 reserved;
};

static u64 elf_pvh_note_pad(u64 bytes)
{
	return align_up(bytes, 4);
}

/*
 * The ELF note with the entry point that was found. Its owner should be "Xen"; a note of another
 * owner counts if there is none of Xen's, as in NuttX's kernels ("nuttx").
 */
struct entry_note {
	u64 entry; /* the physical address of the entry point; 0: no note was found */
	bool is_xens;
};

static bool elf_pvh_owner_is_xen(const u8 *note)
{
	return get_u32(note) == 4 && memcmp(note + 12, "Xen", 4) == 0;
}

/* Walks the notes in `length` bytes until Xen's is found. */
static void elf_pvh_notes_find_entry(const u8 *note, u64 length, struct entry_note *found)
{
	while (length >= 12 && !found->is_xens) {
		u64 name_bytes = elf_pvh_note_pad(get_u32(note));
		u64 value_bytes = elf_pvh_note_pad(get_u32(note + 4));
		const u8 *value = note + 12 + name_bytes;

		if (!range_within(12 + name_bytes, value_bytes, length))
			return;
		if (get_u32(note + 8) == PHYS32_ENTRY && value_bytes >= 4 &&
		    (found->entry == 0 || elf_pvh_owner_is_xen(note))) {
			found->entry = value_bytes >= 8 ? get_u64(value) : get_u32(value);
			found->is_xens = elf_pvh_owner_is_xen(note);
		}
		note = value + value_bytes;
		length -= 12 + name_bytes + value_bytes;
	}
}

/*
 * Finds the PVH entry point in the file's notes. Returns false on a broken file, with job->error
 * set; *entry is 0 without a note.
 */
static bool elf_pvh_find_entry(struct load_job *job, const struct elf_file *elf, u64 *entry)
{
	struct entry_note found = {0};
	struct elf_segment segment;

	for (u32 i = 0; i < elf->header_count; i++) {
		if (!elf_segment(job, elf, i, &segment))
			return false;
		if (segment.type == ELF_PT_NOTE)
			elf_pvh_notes_find_entry(job->kernel.bytes + segment.offset,
						 segment.file_bytes, &found);
	}
	*entry = found.entry;
	return true;
}

bool elf_pvh_recognise(struct load_job *job)
{
	struct elf_file elf;
	u64 entry;

	return elf_recognise(&job->kernel) && elf_open(job, &elf) &&
	       elf_pvh_find_entry(job, &elf, &entry) && entry != 0;
}

static void elf_pvh_write_start_info(struct load_job *job, u64 initrd)
{
	struct hvm_start_info *info = (struct hvm_start_info *)(job->ram + LAYOUT_BOOT_INFO);
	struct hvm_module *module = (struct hvm_module *)(info + 1);
	struct hvm_memory *memory = (struct hvm_memory *)(job->ram + LAYOUT_MEMORY_MAP);

	*info = (struct hvm_start_info){
		.magic = HVM_START_MAGIC,
		.version = 1,
		.module_count = initrd != 0,
		.modules = initrd != 0 ? LAYOUT_BOOT_INFO + sizeof(*info) : 0,
		.command_line = LAYOUT_COMMAND,
		.rsdp = job->rsdp,
		.memory_map = LAYOUT_MEMORY_MAP,
		.memory_map_count = job->map.count,
	};
	*module = (struct hvm_module){.address = initrd, .bytes = job->initrd.size};
	for (u32 i = 0; i < job->map.count; i++)
		memory[i] = (struct hvm_memory){job->map.entry[i].start, job->map.entry[i].length,
						job->map.entry[i].type, 0};
}

bool elf_pvh_load(struct load_job *job)
{
	struct elf_file elf;
	u64 entry;
	u64 initrd;

	if (!elf_open(job, &elf) || !elf_pvh_find_entry(job, &elf, &entry) || !elf_place(job, &elf))
		return false;
	if (entry >= job->kernel_end)
		return load_fail(job, "kernel file: its PVH entry 0x%lx lies beyond its end 0x%lx",
				 entry, job->kernel_end);
	if (!place_initrd(job, LAYOUT_LOW_END, &initrd) ||
	    !place_command_line(job, "", LAYOUT_COMMAND_BYTES - 1))
		return false;
	elf_pvh_write_start_info(job, initrd);
	start_state_protected(job->page, job->ram, START_CS, (u32)entry);
	job->page->gpr[GPR_RBX] = LAYOUT_BOOT_INFO;
	return true;
}
