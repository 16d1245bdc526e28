/* SPDX-License-Identifier: MIT */
/* A guest's firmware: which files are taken, and what the script of its tables makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/load/acpi_pci.h"
#include "vmm/monitor/load/acpi_tables.h"
#include "vmm/monitor/load/aml.h"
#include "vmm/monitor/load/boot_order.c"
#include "vmm/monitor/load/firmware.c"
#include "vmm/monitor/load/place.c"
#include "vmm/monitor/load/seed.c"
#include "vmm/monitor/load/smbios.c"
#include "vmm/monitor/load/start_state.h"
#include "vmm/monitor/load/table_loader.c"
#include "vmm/monitor/load/wdat.h"
#include "vmm/rt/format.h"

static struct firmware firmware;
static struct firmware_settings settings = {
	.uuid = {1, 2, 3, 4},
	.vendor = "A vendor",
	.serial = "S-1",
};
static struct boot_devices devices = {.disks = 1 << 0 | 1 << 2, .drives = 1 << 1, .cards = 1 << 4};
static u8 rom[FIRMWARE_BYTES_MAX];
static u8 file[FIRMWARE_BYTES_MAX + PAGE_SIZE];

static struct load_job job_for(u64 size, u8 first)
{
	struct load_job job = {.kernel = {file, size}, .vcpu_count = 3, .pci = true, .hpet = true};

	memset(file, 0, sizeof(file));
	if (size >= 16)
		file[size - 16] = first;
	return job;
}

static void only_firmware_is_taken(void **state)
{
	static const u64 bad_sizes[] = {
		0,	1, 16, 64 * KIB - 1, 64 * KIB + 1, 96 * KIB, FIRMWARE_BYTES_MAX + PAGE_SIZE,
		2 * MIB};
	struct load_job job;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_sizes); i++) {
		job = job_for(MIN(bad_sizes[i], sizeof(file)), JUMP_FAR);
		job.kernel.size = bad_sizes[i];
		assert_false(firmware_check(&job));
		assert_non_null(strstr(job.error, "a BIOS has 64, 128, 192 or 256 KiB"));
	}
	for (u64 size = 64 * KIB; size <= FIRMWARE_BYTES_MAX; size += 64 * KIB) {
		job = job_for(size, JUMP_FAR);
		assert_true(firmware_check(&job));
		job = job_for(size, JUMP_NEAR);
		assert_true(firmware_check(&job));
		job = job_for(size, 0);
		assert_false(firmware_check(&job));
		assert_non_null(strstr(job.error, "there is 0x0 and no jump"));
	}
}

static void only_uefi_firmware_is_taken(void **state)
{
	static u8 large[2 * MIB];
	struct load_job job = {.kernel = {large, sizeof(large)}, .uefi = true};

	(void)state;
	assert_false(firmware_check(&job));
	assert_non_null(strstr(job.error, "there is no code"));
	large[sizeof(large) - 1] = 0x90;
	assert_true(firmware_check(&job));
	job.kernel.size = sizeof(large) - 1;
	assert_false(firmware_check(&job));
	job.kernel.size = 256 * KIB;
	assert_false(firmware_check(&job));
	assert_non_null(strstr(job.error, "UEFI firmware has 1 to 8 MiB"));
}

/* The ROM and what lies below 1 MiB are the file; the processor begins as after RESET. */
static void begins_at_the_reset_vector(void **state)
{
	static u8 ram[2 * MIB];
	struct vcpu_page page = {0};
	struct load_job job = job_for(128 * KIB, JUMP_FAR);

	(void)state;
	job.ram = ram;
	job.ram_bytes = sizeof(ram);
	job.page = &page;
	job.cpu.signature = 0x12345;
	job.rom = rom;
	file[5] = 0x77;
	memset(ram, 0x5a, sizeof(ram));
	assert_true(firmware_load(&job));
	assert_memory_equal(rom, file, job.kernel.size);
	assert_memory_equal(ram + 0xe0000, file, job.kernel.size);
	assert_int_equal(ram[0xdffff], 0x5a);
	assert_int_equal(ram[0x100000], 0x5a);
	assert_int_equal(ram[0], 0x5a);
	assert_int_equal(page.segment[SEG_CS].base + page.rip, 0xfffffff0);
	assert_int_equal(page.gpr[GPR_RDX], 0x12345);
}

static const struct fw_cfg_file *find(const char *name)
{
	for (u32 i = 0; i < firmware.file_count; i++)
		if (strcmp(firmware.file[i].name, name) == 0)
			return &firmware.file[i];
	fail_msg("no file %s", name);
	return NULL;
}

/* A firmware's memory: where the script puts the files. */
#define TABLES_AT 0x8000u
#define RSDP_AT	  0x400u

static u8 memory[128 * KIB];

static u32 placed_at(const char *name)
{
	return strcmp(name, TABLE_LOADER_TABLES) == 0 ? TABLES_AT : RSDP_AT;
}

static u8 sum(const u8 *bytes, u32 length)
{
	u8 total = 0;

	while (length-- > 0)
		total = (u8)(total + *bytes++);
	return total;
}

/* Runs the script as SeaBIOS and OVMF do. */
static void run_script(const u8 *script, u32 bytes)
{
	assert_int_equal(bytes % 128, 0);
	for (const u8 *at = script; at < script + bytes; at += 128) {
		const char *name = (const char *)at + 4;
		u8 *to = memory + placed_at(name);
		u64 value = 0;

		switch (get_u32(at)) {
		case COMMAND_ALLOCATE:
			memcpy(to, find(name)->bytes, find(name)->size_bytes);
			break;
		case COMMAND_ADD_POINTER:
			memcpy(&value, to + get_u32(at + 116), at[120]);
			value += placed_at((const char *)at + 60);
			memcpy(to + get_u32(at + 116), &value, at[120]);
			break;
		case COMMAND_ADD_CHECKSUM:
			assert_int_equal(to[get_u32(at + 60)], 0);
			to[get_u32(at + 60)] = (u8)-sum(to + get_u32(at + 64), get_u32(at + 68));
			break;
		default:
			fail_msg("command %u", get_u32(at));
		}
	}
}

static const struct acpi_header *table(u64 address, const char *signature)
{
	const struct acpi_header *header = (const struct acpi_header *)(memory + address);

	assert_in_range(address, TABLES_AT, sizeof(memory) - PAGE_SIZE);
	assert_memory_equal(header->signature, signature, 4);
	assert_int_equal(sum(memory + address, header->length), 0);
	return header;
}

/* What the firmware places is a whole set of tables: each pointer leads there, each sum is 0. */
static void script_places_tables(void **state)
{
	static const char *const names[] = {"FACP", "APIC", "WDAT", "HPET"};
	const struct load_job job = job_for(64 * KIB, JUMP_FAR);
	const struct acpi_rsdp *rsdp = (const struct acpi_rsdp *)(memory + RSDP_AT);
	const struct acpi_fadt *fadt;
	const struct fw_cfg_file *script;
	const u8 *xsdt;
	const u8 *rsdt;

	(void)state;
	firmware_prepare(&firmware, &job, &settings, &devices);
	script = find(TABLE_LOADER_SCRIPT);
	run_script(script->bytes, script->size_bytes);
	assert_int_equal(sum(memory + RSDP_AT, 20), 0);
	assert_int_equal(sum(memory + RSDP_AT, 36), 0);
	rsdt = (const u8 *)table(rsdp->rsdt_address, "RSDT");
	xsdt = (const u8 *)table(rsdp->xsdt_address, "XSDT");
	for (u32 i = 0; i < ARRAY_COUNT(names); i++) {
		(void)table(get_u32(rsdt + 36 + 4 * i), names[i]);
		assert_int_equal(get_u64(xsdt + 36 + 8 * i), get_u32(rsdt + 36 + 4 * i));
	}
	/* this machine has no ECAM, so there is no MCFG either */
	assert_int_equal(get_u32(rsdt + 4), 36 + 4 * ARRAY_COUNT(names));
	fadt = (const struct acpi_fadt *)table(get_u32(rsdt + 36), "FACP");
	(void)table(fadt->dsdt, "DSDT");
	assert_int_equal(fadt->x_dsdt, fadt->dsdt);
	assert_memory_equal(memory + fadt->firmware_ctrl, "FACS", 4);
	assert_int_equal(fadt->firmware_ctrl % 64, 0);
}

/* The RAM that the firmware is told of is the VM's, and nothing else is RAM. */
static void memory_map_is_told(void **state)
{
	static const u64 sizes[] = {2 * MIB, 3 * GIB, 5 * GIB};
	struct load_job job = job_for(64 * KIB, JUMP_FAR);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		const struct fw_cfg_file *map;
		u64 ram = 0;

		job.ram_bytes = sizes[i];
		firmware_prepare(&firmware, &job, &settings, &devices);
		map = find("etc/e820");
		for (u32 at = 0; at < map->size_bytes; at += 20)
			if (get_u32(map->bytes + at + 16) == E820_RAM)
				ram += get_u64(map->bytes + at + 8);
		assert_int_equal(ram, sizes[i]);
	}
	assert_int_equal(get_u16(find("etc/sercon-port")->bytes), 0x3f8);
}

static const char *boot_order(void)
{
	static const struct fw_cfg_file *file;

	firmware.file_count = 0;
	firmware_add_boot(&firmware, &settings, &devices);
	file = firmware.file_count != 0 ? &firmware.file[0] : NULL;
	if (file == NULL || strcmp(file->name, "bootorder") != 0)
		return NULL;
	assert_int_equal(file->size_bytes, strlen((const char *)file->bytes) + 1);
	return (const char *)file->bytes;
}

/* Slots are those of the machine's PCI bus, in hex. */
static void order_of_boot(void **state)
{
	(void)state;
	assert_null(boot_order());
	memcpy(settings.order, (u8[]){FIRMWARE_KIND_CDROM, FIRMWARE_KIND_NET, FIRMWARE_KIND_DISK},
	       3);
	assert_string_equal(boot_order(), "/pci@i0cf8/scsi@11/channel@0/disk@0,0\n"
					  "/pci@i0cf8/ethernet@c/ethernet-phy@0\n"
					  "/pci@i0cf8/scsi@10/disk@0,0\n"
					  "/pci@i0cf8/scsi@12/disk@0,0");
	memcpy(settings.order, (u8[]){FIRMWARE_KIND_NET, 77, FIRMWARE_KIND_DISK}, 3);
	assert_string_equal(boot_order(), "/pci@i0cf8/ethernet@c/ethernet-phy@0");
	/* a disk at the SCSI host is a target there */
	memcpy(settings.order, (u8[]){FIRMWARE_KIND_DISK, 0, 0}, 3);
	devices.units = 1 << 2;
	assert_string_equal(boot_order(), "/pci@i0cf8/scsi@10/disk@0,0\n"
					  "/pci@i0cf8/scsi@7/channel@0/disk@2,0");
	/* all that there can be has room */
	memcpy(settings.order, (u8[]){FIRMWARE_KIND_CDROM, FIRMWARE_KIND_NET, FIRMWARE_KIND_DISK},
	       3);
	devices = (struct boot_devices){.drives = 0xffff, .cards = 0xff};
	assert_non_null(strstr(boot_order(), "ethernet@f/"));
	devices = (struct boot_devices){.disks = 0xffff, .units = 0xffff, .cards = 0xff};
	assert_non_null(strstr(boot_order(), "/scsi@7/channel@0/disk@f,0"));
	devices = (struct boot_devices){.disks = 1};
	memset(settings.order, 0, sizeof(settings.order));
	settings.menu = 1;
	assert_null(boot_order());
	assert_string_equal(firmware.file[0].name, "etc/boot-menu-wait");
}

/* The first start is told another order than those after it, in a file of one size. */
static void order_of_one_boot(void **state)
{
	static struct vcpu_page page;
	static u8 ram[2 * MIB];
	struct load_job job = job_for(64 * KIB, JUMP_FAR);

	(void)state;
	devices = (struct boot_devices){.disks = 1 << 0, .drives = 1 << 1};
	settings.once[0] = FIRMWARE_KIND_CDROM;
	job.boot_order = &firmware.boot_order;
	job.rom = rom;
	job.ram = ram;
	job.page = &page;
	assert_string_equal(boot_order(), "/pci@i0cf8/scsi@11/channel@0/disk@0,0");
	assert_true(firmware_load(&job));
	assert_string_equal(firmware.boot_order.text, "/pci@i0cf8/scsi@11/channel@0/disk@0,0");
	assert_true(firmware_load(&job));
	for (u32 i = 0; i < firmware.boot_order.bytes; i++)
		assert_int_equal(firmware.boot_order.text[i], 0);
	/* the later order is the longer one */
	settings.order[0] = FIRMWARE_KIND_DISK;
	settings.order[1] = FIRMWARE_KIND_CDROM;
	firmware.file_count = 0;
	firmware_add_boot(&firmware, &settings, &devices);
	assert_true(firmware_load(&job));
	assert_string_equal(firmware.boot_order.text, "/pci@i0cf8/scsi@11/channel@0/disk@0,0");
	assert_true(firmware_load(&job));
	assert_string_equal(firmware.boot_order.text, "/pci@i0cf8/scsi@10/disk@0,0\n"
						      "/pci@i0cf8/scsi@11/channel@0/disk@0,0");
	assert_int_equal(firmware.file[0].size_bytes, strlen(firmware.boot_order.text) + 1);
	memset(settings.once, 0, sizeof(settings.once));
	memset(settings.order, 0, sizeof(settings.order));
}

/* Each structure leads to the next, its texts are counted, and the anchor's sums are 0. */
static void tells_who_it_is(void **state)
{
	static const u8 types[] = {1, 3, 4, 16, 17, 19, 32, 127};
	static struct smbios smbios;
	u32 at = 0;

	(void)state;
	smbios_write(&smbios, &settings, 3, 5 * GIB);
	for (u32 i = 0; i < ARRAY_COUNT(types); i++) {
		const u8 *structure = smbios.table + at;

		assert_int_equal(structure[0], types[i]);
		if (types[i] == 1) {
			assert_memory_equal(structure + 8, settings.uuid, 16);
			assert_string_equal((const char *)structure + structure[1], "A vendor");
			assert_int_equal(structure[4], 1);
			assert_int_equal(structure[5], 0); /* no product */
			assert_int_equal(structure[7], 2);
		}
		at += structure[1];
		while (smbios.table[at] != 0 || smbios.table[at + 1] != 0)
			at++;
		at += 2;
	}
	assert_int_equal(at, smbios.bytes);
	assert_int_equal(sum(smbios.anchor, SMBIOS_ANCHOR_BYTES), 0);
	assert_int_equal(sum(smbios.anchor + 16, SMBIOS_ANCHOR_BYTES - 16), 0);
	assert_int_equal(get_u16(smbios.anchor + 22), smbios.bytes);
	assert_int_equal(get_u16(smbios.anchor + 28), ARRAY_COUNT(types));
	/* the longest texts fit */
	memset(settings.vendor, 'v', FIRMWARE_TEXT_BYTES - 1);
	memset(settings.product, 'p', FIRMWARE_TEXT_BYTES - 1);
	memset(settings.serial, 's', FIRMWARE_TEXT_BYTES - 1);
	smbios_write(&smbios, &settings, 64, 1024 * GIB);
	assert_true(smbios.bytes < SMBIOS_TABLE_BYTES);
}

/* The seed's volume: its name, and two files in the root, whose records are in order and whole. */
static void seed_has_two_files(void **state)
{
	static const char *const names[] = {"", "\1", "META-DATA.;1", "USER-DATA.;1"};
	static u8 text[5000];
	u8 *medium = calloc(1, seed_bytes(sizeof(text)));
	const u8 *record = medium + 20 * 2048;

	(void)state;
	memset(text, 'x', sizeof(text));
	seed_write(medium, text, sizeof(text), "instance-id: 7\n");
	assert_int_equal(seed_bytes(sizeof(text)), (21 + 3 + 1) * 2048);
	assert_memory_equal(medium + 16 * 2048, "\1CD001\1", 7);
	assert_memory_equal(medium + 16 * 2048 + 40, "cidata   ", 9);
	assert_int_equal(get_u32(medium + 16 * 2048 + 80), 25);
	assert_memory_equal(medium + 17 * 2048, "\377CD001\1", 7);
	assert_int_equal(get_u32(medium + 16 * 2048 + 156 + 2), 20);
	for (u32 i = 0; i < ARRAY_COUNT(names); i++) {
		assert_int_equal(record[32], i < 2 ? 1 : 12);
		assert_memory_equal(record + 33, names[i], record[32]);
		assert_int_equal(record[25], i < 2 ? 2 : 0);
		if (i == 2)
			assert_memory_equal(medium + get_u32(record + 2) * 2048, "instance-id: 7\n",
					    get_u32(record + 10));
		if (i == 3)
			assert_memory_equal(medium + get_u32(record + 2) * 2048, text,
					    get_u32(record + 10));
		record += record[0];
	}
	assert_int_equal(record[0], 0);
	free(medium);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_firmware_is_taken),
		cmocka_unit_test(only_uefi_firmware_is_taken),
		cmocka_unit_test(begins_at_the_reset_vector),
		cmocka_unit_test(script_places_tables),
		cmocka_unit_test(memory_map_is_told),
		cmocka_unit_test(order_of_boot),
		cmocka_unit_test(order_of_one_boot),
		cmocka_unit_test(tells_who_it_is),
		cmocka_unit_test(seed_has_two_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
