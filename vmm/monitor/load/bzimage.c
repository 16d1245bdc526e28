/* SPDX-License-Identifier: MIT */
/*
 * Loads a Linux bzImage by the 64-bit or 32-bit boot protocol. Called by load.c; reads the
 * untrusted kernel file and writes guest RAM and the first vCPU's registers.
 */
#include "vmm/monitor/load/bzimage.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/monitor/load/bytes.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/load/linux_boot.h"
#include "vmm/monitor/load/place.h"
#include "vmm/monitor/load/start_state.h"

/* The setup header's fields, checked against the file. */
struct bzimage {
	u16 version;
	u64 header_end; /* the offset in the file at which the setup header ends */
	/* the size of the real-mode part, behind which the kernel proper starts in the file */
	u64 setup_bytes;
	u64 kernel_bytes; /* the size of the kernel proper */
	u64 load;	  /* the guest address to which the kernel proper is loaded */
	u64 runs_at;	  /* the guest address at which the kernel unpacks itself */
	u64 memory_bytes; /* the bytes of memory that the kernel needs from runs_at on */
	u64 initrd_limit;
	u64 command_limit;
	bool entry_64;
};

bool bzimage_recognise(const struct load_file *kernel)
{
	return kernel->size >= LINUX_VERSION + 2 &&
	       get_u16(kernel->bytes + LINUX_BOOT_FLAG) == LINUX_BOOT_FLAG_VALUE &&
	       memcmp(kernel->bytes + LINUX_HEADER_MAGIC, "HdrS", 4) == 0;
}

static bool bzimage_read_sizes(struct load_job *job, struct bzimage *image)
{
	const u8 *file = job->kernel.bytes;
	u64 sectors = file[LINUX_SETUP_SECTS];
	u64 promised = (u64)get_u32(file + LINUX_SYSSIZE) * 16;

	/*
	 * the number of setup sectors; 0 means 4 "for backwards compatibility"; the boot sector is
	 * not counted
	 */
	image->setup_bytes = ((sectors == 0 ? 4 : sectors) + 1) * 512;
	if (image->setup_bytes >= job->kernel.size)
		return load_fail(
			job,
			"kernel file: truncated: setup_sects at 0x1f1 says that the kernel "
			"starts at byte %lu, the file has %lu bytes",
			image->setup_bytes, job->kernel.size);
	/*
	 * the kernel's size in the header (syssize) is rounded up to 16 bytes; bytes behind it in
	 * the file (a signature) do not belong to the kernel
	 */
	if (promised == 0 || promised - 15 > job->kernel.size - image->setup_bytes)
		return load_fail(
			job,
			"kernel file: truncated: syssize at 0x1f4 says %lu bytes from byte "
			"%lu on, the file has %lu bytes",
			promised, image->setup_bytes, job->kernel.size);
	image->kernel_bytes = MIN(promised, job->kernel.size - image->setup_bytes);
	return true;
}

static void bzimage_read_place(const u8 *file, struct bzimage *image)
{
	image->load = get_u32(file + LINUX_CODE32_START);
	image->runs_at = image->load;
	image->memory_bytes = image->kernel_bytes;
	if (image->version < 0x20a)
		return;
	image->runs_at = get_u64(file + LINUX_PREF_ADDRESS);
	if (file[LINUX_RELOCATABLE] != 0)
		image->load = image->runs_at;
	image->memory_bytes = MAX(image->kernel_bytes, get_u32(file + LINUX_INIT_SIZE));
}

static bool bzimage_read_header(struct load_job *job, struct bzimage *image)
{
	const u8 *file = job->kernel.bytes;

	image->version = get_u16(file + LINUX_VERSION);
	if (image->version < 0x206)
		return load_fail(job,
				 "kernel file: boot protocol %u.%02u at 0x206 is too old, "
				 "2.06 or later is needed",
				 image->version >> 8, image->version & 0xff);
	if (job->kernel.size < LINUX_HEADER_END)
		return load_fail(job,
				 "kernel file: truncated: its %lu bytes end inside the setup "
				 "header (0x1f1 to 0x%x)",
				 job->kernel.size, LINUX_HEADER_END);
	if ((file[LINUX_LOADFLAGS] & LINUX_LOADED_HIGH) == 0)
		return load_fail(job, "kernel file: loadflags at 0x211 ask for loading below 1 MiB "
				      "(zImage), only bzImage is supported");
	image->header_end = MIN(LINUX_HEADER_MAGIC + (u64)file[LINUX_JUMP_OFFSET],
				MIN((u64)LINUX_HEADER_END_MAX, job->kernel.size));
	if (!bzimage_read_sizes(job, image))
		return false;
	bzimage_read_place(file, image);
	image->initrd_limit = (u64)get_u32(file + LINUX_INITRD_ADDR_MAX) + 1;
	image->command_limit = get_u32(file + LINUX_CMDLINE_SIZE);
	image->entry_64 = image->version >= 0x20c &&
			  (get_u16(file + LINUX_XLOADFLAGS) & LINUX_KERNEL_64) != 0;
	if (image->entry_64 && image->kernel_bytes <= LINUX_ENTRY_64)
		return load_fail(job, "kernel file: its 64-bit entry at 0x%x lies beyond its end",
				 LINUX_ENTRY_64);
	return true;
}

static void bzimage_write_boot_params(struct load_job *job, const struct bzimage *image, u64 initrd)
{
	u8 *params = job->ram + LAYOUT_BOOT_INFO;
	u8 *entry = params + LINUX_E820_TABLE;

	memset(params, 0, PAGE_SIZE);
	memcpy(params + LINUX_SETUP_HEADER, job->kernel.bytes + LINUX_SETUP_HEADER,
	       image->header_end - LINUX_SETUP_HEADER);
	params[LINUX_TYPE_OF_LOADER] = LINUX_LOADER_UNDEFINED;
	put_u32(params + LINUX_CODE32_START, (u32)image->load);
	put_u32(params + LINUX_CMD_LINE_PTR, LAYOUT_COMMAND);
	put_u32(params + LINUX_RAMDISK_IMAGE, (u32)initrd);
	put_u32(params + LINUX_RAMDISK_SIZE, (u32)job->initrd.size);
	if (image->version >= 0x209)
		put_u64(params + LINUX_SETUP_DATA, 0);
	put_u64(params + LINUX_ACPI_RSDP, job->rsdp);

	params[LINUX_E820_ENTRIES] = (u8)job->map.count;
	for (u32 i = 0; i < job->map.count; i++, entry += LINUX_E820_BYTES) {
		put_u64(entry, job->map.entry[i].start);
		put_u64(entry + 8, job->map.entry[i].length);
		put_u32(entry + 16, job->map.entry[i].type);
	}
}

bool bzimage_load(struct load_job *job)
{
	struct bzimage image = {0};
	u64 initrd;

	if (!bzimage_read_header(job, &image))
		return false;
	if (!place_kernel(job, image.load, job->kernel.bytes + image.setup_bytes,
			  image.kernel_bytes, 0, "the kernel proper"))
		return false;
	/* there must be RAM where the kernel unpacks itself, but nothing is cleared */
	if (place_needs_memory(job, image.runs_at, image.memory_bytes))
		return load_fail_memory(job, image.runs_at + image.memory_bytes);
	if (!range_within(image.runs_at, image.memory_bytes, layout_low_bytes(job->ram_bytes)))
		return load_fail(job,
				 "kernel file: it needs 0x%lx bytes from 0x%lx on to unpack itself "
				 "(init_size at 0x260), the VM's RAM ends at 0x%lx",
				 image.memory_bytes, image.runs_at,
				 layout_low_bytes(job->ram_bytes));
	job->kernel_end = MAX(job->kernel_end, image.runs_at + image.memory_bytes);
	if (!place_initrd(job, image.initrd_limit, &initrd) ||
	    !place_command_line(job, "", image.command_limit))
		return false;
	bzimage_write_boot_params(job, &image, initrd);

	if (image.entry_64)
		start_state_long(job->page, job->ram, image.load + LINUX_ENTRY_64);
	else
		start_state_protected(job->page, job->ram, START_CS_LINUX, (u32)image.load);
	job->page->gpr[GPR_RSI] = LAYOUT_BOOT_INFO;
	return true;
}
