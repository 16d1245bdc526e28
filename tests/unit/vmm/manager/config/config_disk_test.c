/* SPDX-License-Identifier: MIT */
/* Disks in configurations: sections [disk NAME], and the lines of VMs that use them. */
#include "tests/unit/config_fixture.h"

#define VM "[vm a]\nkernel = k\n"

static const struct disk_config *find_disk(const char *name)
{
	for (u32 i = 0; config_disk(i) != NULL; i++)
		if (strcmp(config_disk(i)->section.name, name) == 0)
			return config_disk(i);
	return NULL;
}

static void expect_use(u32 place, const char *name, u8 flags)
{
	const struct vm_disk *use = &config.vm[0].disk[place];

	assert_true(use->number != 0);
	assert_string_equal(config_disk(use->number - 1u)->section.name, name);
	assert_int_equal(use->flags, flags);
}

static void everything(void **state)
{
	const struct disk_config *disk;

	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\ndisk = late ro\ndisk = one, two optional\n"
			       "disk.ops = 100000\ndisk.bytes = 0\ndisk.burst = 9\n"
			       "[disk one]\ncontroller = memory\nimage = disk.img\nsize = 1G\n"
			       "read_only = yes\npartition = \"my # root\"\n"
			       "[disk two]\ncontroller = 00:04.0\nrestart_limit = 0\nlost = error\n"
			       "[disk late]\ncontroller = memory\nsize = 4K\n"),
			 0);
	expect_use(0, "late", VM_DISK_READ_ONLY);
	expect_use(1, "one", 0);
	expect_use(2, "two", VM_DISK_OPTIONAL);
	assert_int_equal(config.vm[0].disk[3].number, 0);
	assert_int_equal(config.vm[0].disk_ops, 100000);
	assert_int_equal(config.vm[0].disk_bytes, 0);
	assert_int_equal(config.vm[0].disk_burst, 9);
	assert_int_equal(config.vm[0].disk_weight, 256);
	disk = find_disk("one");
	assert_true(disk->section.declared && !disk->section.broken);
	assert_string_equal(disk->controller, "memory");
	assert_string_equal(disk->image, "disk.img");
	assert_int_equal(disk->size_bytes, GIB);
	assert_string_equal(disk->partition, "my # root");
	assert_int_equal(disk->read_only, 1);
	assert_int_equal(disk->restart_limit, 5);
	assert_int_equal(disk->lost, LOST_WAIT);
	disk = find_disk("two");
	assert_string_equal(disk->controller, "00:04.0");
	assert_int_equal(disk->read_only, 0);
	assert_int_equal(disk->restart_limit, 0);
	assert_int_equal(disk->lost, LOST_ERROR);
	assert_string_equal(disk->partition, "");
	assert_int_equal(parse(VM), 0); /* nothing is left of the disks */
	assert_null(config_disk(0));
}

/* Each line, in the section of a good disk, is an error there. */
static void values(void **state)
{
	static const char size[] = "a size such as 64M, from 4K to 1T in steps of 4K";
	static const char file[] = "a file name of 1 to 63 characters";
	static const struct {
		const char *line;
		u32 column;
		const char *text;
	} cases[] = {
		{"size = 0", 8, "size: \"0\" is not valid; use "},
		{"size = 2K", 8, size},
		{"size = 5K", 8, size},
		{"size = 2T", 8, size},
		{"size = big", 8, "size: \"big\" is not valid; use "},
		{"image = \"\"", 9, file},
		{"image = 1234567890123456789012345678901234567890123456789012345678901234", 9,
		 file},
		{"partition = \"\"", 13, "use a partition's name or UUID"},
		{"read_only = perhaps", 13, "read_only: \"perhaps\" is not valid; use yes or no"},
		{"controller = memory", 1, "controller is set a second time; set it once"},
		{"memory = 4M", 1,
		 "there is no key \"memory\"; the keys are controller service image size partition "
		 "read_only restart_limit lost"},
		{"restart_limit = 65", 17,
		 "restart_limit: \"65\" is not valid; use a number of deaths in a minute from 1 to "
		 "64, or 0 for no limit"},
		{"restart_limit = none", 17, "restart_limit: \"none\" is not valid; use "},
		{"lost = retry", 8, "lost: \"retry\" is not valid; use wait or error"},
	};
	char text[256];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		format(text, sizeof(text),
		       "[disk d]\ncontroller = memory\n%s\nsize = 8K\n[vm a]\n"
		       "kernel = k\n",
		       cases[i].line);
		assert_true(parse(text) >= 1);
		expect_problem(0, 3, cases[i].column, cases[i].text);
		assert_true(find_disk("d")->section.broken);
		assert_false(config.vm[0].broken);
	}
	assert_int_equal(parse("[disk d]\ncontroller = \"\"\n"), 1);
	expect_problem(0, 2, 14,
		       "use memory, nvme0, ahci0.0, ide0.0, virtio0, scsi0.0 or a PCI "
		       "address such as 00:04.0");
}

/*
 * No machine has a controller of that name, which is an error when the line is read, not when the
 * disk is used.
 */
static void controllers(void **state)
{
	static const char *const wrong[] = {"sda",	    "nvme",	  "nvme0x",
					    "ahci0",	    "ide0.0 hda", "scsi0.",
					    "/dev/nvme0n1", "00:04",	  "memory0"};
	static const char *const right[] = {"nvme0",   "nvme12 ahci3.31", "ide0.3",	 "scsi0.31",
					    "virtio0", "00:1f.2",	  "0001:00:04.0"};
	char text[128];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++) {
		format(text, sizeof(text), "[disk d]\ncontroller = %s\n", wrong[i]);
		assert_int_equal(parse(text), 1);
		assert_int_equal(problems[0].line, 2);
		assert_non_null(strstr(problems[0].text, "use memory, nvme0, ahci0.0"));
	}
	for (u32 i = 0; i < ARRAY_COUNT(right); i++) {
		format(text, sizeof(text), "[disk d]\ncontroller = %s\n", right[i]);
		assert_int_equal(parse(text), 0);
	}
	assert_int_equal(parse("[net n]\nuplink = eth0\n"), 1);
	assert_int_equal(parse("[net n]\nuplink = net0 00:03.0, net1\n"), 0);
}

/* A section is an error, shown where it begins, although each of its keys is allowed. */
static void whole_sections(void **state)
{
	static const struct {
		const char *lines;
		const char *text;
	} cases[] = {
		{"", "disk d has no controller; set controller = memory, nvme0, ide0.0, "
		     "virtio0, scsi0.0 or a PCI address"},
		{"size = 4K\n", "disk d has no controller"},
		{"controller = memory\n", "disk d has no contents; set image = FILE or size = 64M"},
		{"controller = nvme0\nsize = 4K\n",
		 "disk d: set image and size only with controller = memory"},
		{"controller = 00:04.0\nimage = x\n", "disk d: set image and size only with"},
		{"controller = memory\nservice = s\n",
		 "disk d: set either \"controller\" or \"service\", not both"},
		{"service = s\nimage = x\n", "disk d: set image and size only with"},
		{"controller = nvme0 memory\n",
		 "disk d: \"nvme0 memory\" has memory beside a controller"},
	};
	char text[256];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		format(text, sizeof(text), "# none\n[disk d]\n%s\n[disk e]\ncontroller = nvme0\n",
		       cases[i].lines);
		assert_int_equal(parse(text), 1);
		assert_int_equal(problems[0].line, 2);
		assert_non_null(strstr(problems[0].text, cases[i].text));
		assert_true(find_disk("d")->section.broken);
		assert_false(find_disk("e")->section.broken);
	}
}

static void sections(void **state)
{
	(void)state;
	assert_int_equal(parse("[disk]\ncontroller = memory\n"), 1);
	expect_problem(0, 1, 6, "the name \"\" is not valid; use 1 to 31 letters");
	assert_int_equal(parse("[disk a b]\nwhat = ever\n"), 1);
	expect_problem(0, 1, 7, "the name \"a b\" is not valid; use 1 to 31 letters");
	assert_int_equal(parse("[disk d]\ncontroller = nvme0\n[disk d]\ncontroller = nvme1\n"), 1);
	expect_problem(0, 3, 7, "there is a second disk d; give each its own name");
	assert_string_equal(find_disk("d")->controller, "nvme0");
	assert_false(find_disk("d")->section.broken);
}

static void service_sections(void **state)
{
	const struct service_config *service;

	(void)state;
	assert_int_equal(parse("[disk d]\nservice = s\n[service s]\nprogram = p.bin\nfile = f\n"
			       "argument = \"a b\"\nmemory = 8K\n"),
			 0);
	assert_string_equal(find_disk("d")->service, "s");
	service = config_service(0);
	assert_string_equal(service->section.name, "s");
	assert_string_equal(service->program, "p.bin");
	assert_string_equal(service->file, "f");
	assert_string_equal(service->argument, "a b");
	assert_int_equal(service->memory_bytes, 8 * KIB);
	assert_null(config_service(1));
	assert_int_equal(parse("[service s]\nfile = f\n"), 1);
	expect_problem(0, 1, 1, "service s has no program; set program = FILE");
	assert_int_equal(parse("[service s]\nprogram = p\n[service s]\nprogram = q\n"), 1);
	expect_problem(0, 3, 10, "there is a second service s; give each its own name");
	assert_int_equal(parse("[service s]\nprogram = p\nmemory = 5K\n"), 1);
	expect_problem(0, 3, 10, "memory: \"5K\" is not valid; use a size such as 4M");
}

static void names_used_by_vms(void **state)
{
	static const char allowed[] =
		"use the name of a disk or of a volume (STORE/VOLUME), then any of ro, cdrom, "
		"flash, scsi and optional (at most 16 disks), or none";
	static const char *const bad[] = {
		"disk = ",
		"disk = ,",
		"disk = d,",
		"disk = -d",
		"disk = d rw",
		"disk = d none",
		"disk = ro/",
		"disk = a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17",
	};
	char text[256];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		format(text, sizeof(text), VM "%s\n", bad[i]);
		assert_int_equal(parse(text), 1);
		assert_int_equal(problems[0].line, 3);
		assert_non_null(strstr(problems[0].text, "disk: \""));
		assert_non_null(strstr(problems[0].text, allowed));
		assert_true(config.vm[0].broken);
	}
	/* the same disk twice, also over several lines */
	assert_int_equal(parse(VM "disk = d\ndisk = e, d\n"), 1);
	expect_problem(0, 4, 8, "disk: d is given a second time; give each disk once");
	assert_int_equal(parse(VM "disk = e ro, d, e optional\n"), 1);
	expect_problem(0, 3, 8, "disk: e is given a second time; give each disk once");
	assert_int_equal(parse(VM "disk = none\n"), 0);
	assert_int_equal(config.vm[0].disk[0].number, 0);
	assert_int_equal(parse(VM "disk = d ro\ndisk = none\ndisk = e optional ro\n"), 0);
	expect_use(0, "e", VM_DISK_READ_ONLY | VM_DISK_OPTIONAL);
	assert_int_equal(config.vm[0].disk[1].number, 0);
	assert_false(find_disk("e")->section.declared);
}

/* 16 of a VM, 64 of all. */
static void too_many(void **state)
{
	static char text[4096];
	size_t length = format(text, sizeof(text), VM);

	(void)state;
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		length += format(text + length, sizeof(text) - length, "disk = d%u\n", i);
	assert_int_equal(parse(text), 0);
	expect_use(CONFIG_VM_DISK_MAX - 1, "d15", 0);
	format(text + length, sizeof(text) - length, "disk = more\n");
	assert_int_equal(parse(text), 1);
	expect_problem(0, 19, 8, "at most 16 disks");
	length = 0;
	for (u32 i = 0; i < CONFIG_DISK_MAX; i++)
		length += format(text + length, sizeof(text) - length,
				 "[disk d%u]\ncontroller = nvme0\n", i);
	assert_int_equal(parse(text), 0);
	format(text + length, sizeof(text) - length,
	       "[disk more]\ncontroller = nvme0\n" VM "disk = d63\n");
	assert_int_equal(parse(text), 1);
	expect_problem(0, 129, 7, "there is one disk too many; there can be at most 64");
	expect_use(0, "d63", 0);
	format(text + length, sizeof(text) - length, VM "disk = other\n");
	assert_int_equal(parse(text), 1);
}

/* Disks sit on PCI. */
static void without_pci(void **state)
{
	(void)state;
	assert_int_equal(parse(VM "pci = off\ndisk = d\n"), 1);
	expect_problem(0, 1, 1, "VM a: disk does not go with pci = off; set pci = on");
	assert_int_equal(parse(VM "pci = off\nrng = yes\n"), 1);
	expect_problem(0, 1, 1, "VM a: rng = yes does not go with pci = off; set pci = on");
	assert_int_equal(parse(VM "pci = off\nballoon = yes\n"), 1);
	expect_problem(0, 1, 1, "VM a: balloon = yes does not go with pci = off; set pci = on");
	assert_int_equal(parse(VM "pci = off\nconsole = virtio\n"), 1);
	expect_problem(0, 1, 1, "VM a: console = virtio does not go with pci = off");
	assert_int_equal(parse(VM "pci = off\ndisk = none\n"), 0);
	assert_int_equal(parse(VM "pci = on\ndisk = d\n"), 0);
}

static size_t show(char *to, size_t size, const struct config_key *keys, const void *target)
{
	char value[CONFIG_CMDLINE_BYTES];
	char line[CONFIG_LINE_BYTES];
	size_t length = 0;

	for (; keys->name != NULL; keys++) {
		config_value_text(keys, target, value, sizeof(value));
		if (value[0] != '\0')
			length += format(to + length, size - length, "%s\n",
					 config_line_text(keys, value, line, sizeof(line)));
	}
	return length;
}

/* Shows everything as `config show` does: disks, then the VM. */
static void show_all(char *to, size_t size)
{
	size_t length = 0;

	for (u32 i = 0; config_disk(i) != NULL; i++) {
		length += format(to + length, size - length, "[disk %s]\n",
				 config_disk(i)->section.name);
		length += show(to + length, size - length, config_disk_keys, config_disk(i));
	}
	length += format(to + length, size - length, "[vm %s]\n", config.vm[0].name);
	show(to + length, size - length, config_vm_keys, &config.vm[0]);
}

#define UEFI "[vm v]\nboot = uefi\nfirmware = f\n"

static void firmware_keeps_its_variables_on_one_disk(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(parse(UEFI "disk = d, e flash\n"), 0);
	assert_int_equal(config.vm[0].disk[1].flags, VM_DISK_FLASH);
	config_value_text(config_key_find(config_vm_keys, text_of("disk")), &config.vm[0], text,
			  sizeof(text));
	assert_string_equal(text, "d, e flash");
	assert_int_equal(parse(UEFI "disk = e flash ro\n"), 1);
	expect_problem(0, 1, 1, "VM v: disk = e flash has to be written; leave out ro and cdrom");
	assert_int_equal(parse(UEFI "disk = d flash\ndisk = e flash\n"), 1);
	expect_problem(0, 1, 1,
		       "VM v: disk = e flash is a second one; a VM has one disk for its firmware's "
		       "variables");
	assert_int_equal(parse(VM "disk = e flash\n"), 1);
	expect_problem(0, 1, 1,
		       "VM a: disk = e flash is for boot = uefi; set that, or leave out flash");
}

static void disks_at_the_scsi_host(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(parse(VM "disk = d scsi, e ro optional scsi\n"), 0);
	assert_int_equal(config.vm[0].disk[0].flags, VM_DISK_SCSI);
	assert_int_equal(config.vm[0].disk[1].flags,
			 VM_DISK_SCSI | VM_DISK_READ_ONLY | VM_DISK_OPTIONAL);
	config_value_text(config_key_find(config_vm_keys, text_of("disk")), &config.vm[0], text,
			  sizeof(text));
	assert_string_equal(text, "d scsi, e ro scsi optional");
	assert_int_equal(parse(VM "disk = d scsi, e scsi cdrom\n"), 1);
	expect_problem(0, 1, 1,
		       "VM a: disk = e has scsi besides cdrom; leave out scsi, as a CD-ROM drive "
		       "has a SCSI host of its own");
	assert_int_equal(parse(UEFI "disk = e flash scsi\n"), 1);
	expect_problem(0, 1, 1,
		       "VM v: disk = e has scsi besides flash; leave out scsi, as the guest finds "
		       "no disk there");
}

static void shown_again(void **state)
{
	static char text[8192];
	static char again[8192];

	(void)state;
	assert_int_equal(parse(VM "disk = two ro optional\ndisk = one optional cdrom\ndisk = x ro\n"
				  "[disk one]\ncontroller = memory\nsize = 64M\n"
				  "partition = \"a \\\"b\\\" # c\"\n"
				  "[disk two]\ncontroller = memory\nimage = f\nread_only = yes\n"
				  "[disk x]\ncontroller = ide0.0\nlost = error\n"
				  "restart_limit = 0\n"),
			 0);
	show_all(text, sizeof(text));
	assert_non_null(strstr(text, "disk = two ro optional, one cdrom optional, x ro\n"));
	assert_non_null(strstr(text, "partition = \"a \\\"b\\\" # c\"\n"));
	assert_non_null(strstr(text, "size = 64M\n"));
	assert_non_null(strstr(text, "restart_limit = 0\nlost = error\n"));
	assert_int_equal(parse(text), 0);
	show_all(again, sizeof(again));
	assert_string_equal(text, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(values),
		cmocka_unit_test(controllers),
		cmocka_unit_test(whole_sections),
		cmocka_unit_test(sections),
		cmocka_unit_test(service_sections),
		cmocka_unit_test(names_used_by_vms),
		cmocka_unit_test(too_many),
		cmocka_unit_test(without_pci),
		cmocka_unit_test(firmware_keeps_its_variables_on_one_disk),
		cmocka_unit_test(disks_at_the_scsi_host),
		cmocka_unit_test(shown_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
