/* SPDX-License-Identifier: MIT */
/*
 * Reads ELF files: header, program segments and notes. Called by elf_pvh.c and multiboot1.c; parses
 * untrusted bytes and places segments in guest RAM.
 */
#include "vmm/monitor/load/elf.h"

#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/monitor/load/bytes.h"
#include "vmm/monitor/load/place.h"

/* Offsets into ELF files of 32 and of 64 bits: System V ABI, "ELF Header" and "Program Header". */
enum { ELF_CLASS_32 = 1, ELF_CLASS_64 = 2, ELF_DATA_LITTLE = 1 };
enum { ELF_MACHINE_386 = 3, ELF_MACHINE_X86_64 = 62 };
#define ELF32_HEADER_BYTES  52u
#define ELF64_HEADER_BYTES  64u
#define ELF32_SEGMENT_BYTES 32u
#define ELF64_SEGMENT_BYTES 56u

bool elf_recognise(const struct load_file *kernel)
{
	return kernel->size >= 4 && memcmp(kernel->bytes, "\177ELF", 4) == 0;
}

bool elf_open(struct load_job *job, struct elf_file *elf)
{
	const u8 *file = job->kernel.bytes;
	u16 machine;

	if (job->kernel.size < ELF64_HEADER_BYTES)
		return load_fail(job, "kernel file: its %lu bytes are too few for an ELF header",
				 job->kernel.size);
	elf->is_64 = file[4] == ELF_CLASS_64;
	machine = get_u16(file + 18);
	if ((file[4] != ELF_CLASS_32 && !elf->is_64) || file[5] != ELF_DATA_LITTLE ||
	    (machine != ELF_MACHINE_386 && machine != ELF_MACHINE_X86_64))
		return load_fail(job,
				 "kernel file: ELF for another machine (class %u, machine %u at "
				 "0x12), x86 is needed",
				 file[4], machine);
	elf->entry = elf->is_64 ? get_u64(file + 24) : get_u32(file + 24);
	elf->header_offset = elf->is_64 ? get_u64(file + 32) : get_u32(file + 28);
	elf->header_bytes = get_u16(file + (elf->is_64 ? 54 : 42));
	elf->header_count = get_u16(file + (elf->is_64 ? 56 : 44));
	if (elf->header_bytes < (elf->is_64 ? ELF64_SEGMENT_BYTES : ELF32_SEGMENT_BYTES) ||
	    !range_within(elf->header_offset, (u64)elf->header_bytes * elf->header_count,
			  job->kernel.size))
		return load_fail(job,
				 "kernel file: its %u ELF program headers of %u bytes at 0x%lx lie "
				 "outside its %lu bytes",
				 elf->header_count, elf->header_bytes, elf->header_offset,
				 job->kernel.size);
	return true;
}

bool elf_segment(struct load_job *job, const struct elf_file *elf, u32 index,
		 struct elf_segment *segment)
{
	const u8 *at = job->kernel.bytes + elf->header_offset + (u64)index * elf->header_bytes;

	segment->type = get_u32(at);
	segment->offset = elf->is_64 ? get_u64(at + 8) : get_u32(at + 4);
	segment->virtual = elf->is_64 ? get_u64(at + 16) : get_u32(at + 8);
	segment->physical = elf->is_64 ? get_u64(at + 24) : get_u32(at + 12);
	segment->file_bytes = elf->is_64 ? get_u64(at + 32) : get_u32(at + 16);
	segment->memory_bytes = elf->is_64 ? get_u64(at + 40) : get_u32(at + 20);
	segment->align = elf->is_64 ? get_u64(at + 48) : get_u32(at + 28);
	if (segment->file_bytes == 0)
		/*
		 * the offset of a segment without bytes in the file may lie behind the file's end,
		 * where some tools put it
		 */
		segment->offset = 0;
	if (!range_within(segment->offset, segment->file_bytes, job->kernel.size))
		return load_fail(job,
				 "kernel file: truncated: ELF segment %u has 0x%lx bytes at offset "
				 "0x%lx, the file has 0x%lx bytes",
				 index, segment->file_bytes, segment->offset, job->kernel.size);
	return true;
}

bool elf_place(struct load_job *job, const struct elf_file *elf)
{
	struct elf_segment segment;

	for (u32 i = 0; i < elf->header_count; i++) {
		if (!elf_segment(job, elf, i, &segment))
			return false;
		if (segment.type != ELF_PT_LOAD || segment.memory_bytes == 0)
			continue;
		if (segment.memory_bytes < segment.file_bytes)
			return load_fail(job,
					 "kernel file: ELF segment %u has 0x%lx bytes in the file "
					 "and only 0x%lx in memory",
					 i, segment.file_bytes, segment.memory_bytes);
		if (!place_kernel(job, segment.physical, job->kernel.bytes + segment.offset,
				  segment.file_bytes, segment.memory_bytes - segment.file_bytes,
				  "an ELF segment"))
			return false;
	}
	if (job->kernel_end == 0)
		return load_fail(job,
				 "kernel file: none of its %u ELF program headers loads "
				 "anything",
				 elf->header_count);
	return true;
}

static bool elf_lies_in(u64 at, u64 start, u64 length)
{
	return at >= start && at - start < length;
}

bool elf_physical_entry(struct load_job *job, const struct elf_file *elf, u64 *entry)
{
	struct elf_segment segment;

	*entry = elf->entry;
	for (u32 i = 0; i < elf->header_count; i++) {
		if (!elf_segment(job, elf, i, &segment))
			return false;
		if (segment.type != ELF_PT_LOAD)
			continue;
		if (elf_lies_in(elf->entry, segment.physical, segment.memory_bytes)) {
			*entry = elf->entry;
			return true;
		}
		if (elf_lies_in(elf->entry, segment.virtual, segment.memory_bytes))
			*entry = elf->entry - segment.virtual + segment.physical;
	}
	return true;
}
