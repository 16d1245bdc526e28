/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/load/load.h"

/* An ELF executable for x86, 32 or 64 bits, little-endian; all offsets are checked when used. */
struct elf_file {
	bool is_64;
	/* the address of the entry point as the file has it: a physical or a virtual address */
	u64 entry;
	u64 header_offset; /* the offset in the file at which the program headers begin */
	u32 header_count;
	u32 header_bytes; /* the size of each program header */
};

struct elf_segment {
	u32 type;
	u64 offset;
	u64 virtual;
	u64 physical;
	u64 file_bytes;
	u64 memory_bytes;
	u64 align;
};

enum elf_segment_type {
	ELF_PT_LOAD = 1,
	ELF_PT_NOTE = 4,
};

bool elf_recognise(const struct load_file *kernel);

/*
 * Reads the file header; fails if the file is no x86 executable or its program headers lie outside
 * of the file.
 */
bool elf_open(struct load_job *job, struct elf_file *elf);

/* Reads program header `index` < header_count; fails if its bytes lie outside the file. */
bool elf_segment(struct load_job *job, const struct elf_file *elf, u32 index,
		 struct elf_segment *segment);

/* Puts every loadable segment at its physical address. */
bool elf_place(struct load_job *job, const struct elf_file *elf);

/*
 * Returns the entry's physical address. An entry that lies in a loadable segment's virtual range
 * and in no segment's physical range is translated; any other stays as it is.
 */
bool elf_physical_entry(struct load_job *job, const struct elf_file *elf, u64 *entry);
