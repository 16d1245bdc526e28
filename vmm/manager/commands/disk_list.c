/* SPDX-License-Identifier: MIT */
/*
 * The command `disk list`: shows the configured disks, their drivers and users. Run by command.c;
 * only reads.
 */
#include "vmm/io/disk_serial.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/text/guid.h"
#include "vmm/rt/format.h"

#define USERS_BYTES 160u

static const char *command_disk_list_state_of(const struct disk *disk)
{
	if (disk->driver == NULL || disk->problem[0] != '\0')
		return "unusable";
	if (disk->found && disk->driver->life == DRIVER_LIFE_READY)
		return "ready";
	return driver_life_name(disk->driver->life);
}

static const char *command_disk_list_problem_of(const struct disk *disk)
{
	if (disk->problem[0] == '\0' && disk->driver != NULL &&
	    disk->driver->life == DRIVER_LIFE_FAILED)
		return disk->driver->reason;
	return disk->problem;
}

/* Returns the serial number that a guest sees. */
static struct text command_disk_list_serial_of(const struct disk *disk,
					       char serial[DISK_SERIAL_BYTES])
{
	disk_serial(disk->config->section.name, serial);
	return (struct text){serial, strnlen(serial, DISK_SERIAL_BYTES)};
}

/* Shows the serial number if a guest does not see all of the disk's name in it. */
static void command_disk_list_show_serial(struct reply *reply, const struct disk *disk)
{
	char serial[DISK_SERIAL_BYTES];
	const struct text text = command_disk_list_serial_of(disk, serial);

	if (!text_equal(text, disk->config->section.name))
		reply_line(reply, "  serial number %.*s", (int)text.length, text.start);
}

static void command_disk_list_show_json(struct reply *reply, const struct disk *disk,
					const char *users)
{
	char serial[DISK_SERIAL_BYTES];

	reply_object_begin(reply);
	json_string(&reply->object, "name", disk->config->section.name);
	json_string(&reply->object, "driver", disk->driver != NULL ? disk->driver->name : "");
	json_string(&reply->object, "state", command_disk_list_state_of(disk));
	json_string(&reply->object, "problem", command_disk_list_problem_of(disk));
	json_string(&reply->object, "partition", disk->config->partition);
	json_u64(&reply->object, "first_sector", disk->first_sector);
	json_u64(&reply->object, "bytes", disk->sectors * BLOCK_SECTOR_BYTES);
	json_bool(&reply->object, "read_only", disk->config->read_only != 0);
	json_text(&reply->object, "serial", command_disk_list_serial_of(disk, serial));
	json_string(&reply->object, "users", users);
	reply_object_end(reply);
}

/* Shows the partitions of a disk that is used as a whole: sections could name them. */
static void command_disk_list_show_partitions(struct reply *reply, const struct disk *disk)
{
	const struct disk_unit *unit = disk_unit_of(disk);
	u32 count = MIN(unit->partition_count, DISK_PARTITION_MAX);
	char id[GUID_TEXT_BYTES];
	char name[2 * sizeof(unit->partition[0].name)];

	for (u32 i = 0; i < count; i++) {
		struct disk_partition partition = unit->partition[i];

		guid_text(partition.id, id);
		text_show(name, sizeof(name),
			  (struct text){partition.name,
					strnlen(partition.name, sizeof(partition.name))});
		reply_line(reply, "  partition %-20s %s %10llu MiB", name, id,
			   (unsigned long long)(partition.sectors * BLOCK_SECTOR_BYTES / MIB));
	}
}

static void command_disk_list_show_text(struct reply *reply, const struct disk *disk,
					const char *users)
{
	reply_line(reply, "%-16s %-16s %-10s %10llu  %s", disk->config->section.name,
		   disk->driver != NULL ? disk->driver->name : "-",
		   command_disk_list_state_of(disk),
		   (unsigned long long)(disk->sectors * BLOCK_SECTOR_BYTES / MIB), users);
	if (command_disk_list_problem_of(disk)[0] != '\0')
		reply_line(reply, "  %s", command_disk_list_problem_of(disk));
	command_disk_list_show_serial(reply, disk);
	if (disk->driver != NULL && disk->driver->channel != NULL)
		command_disk_list_show_partitions(reply, disk);
}

static void command_disk_list_run(struct reply *reply, const struct arguments *arguments)
{
	char users[USERS_BYTES];

	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-16s %-10s %10s  %s", "NAME", "DRIVER", "STATE", "MIB",
			   "USED BY");
	for (u32 i = 0; disk_at(i) != NULL; i++) {
		const struct disk *disk = disk_at(i);

		if (!disk->config->section.declared)
			continue;
		disk_users(disk, users, sizeof(users));
		if (reply->json)
			command_disk_list_show_json(reply, disk, users);
		else
			command_disk_list_show_text(reply, disk, users);
	}
}

COMMAND(disk_list,
	.name = "disk list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the disks of the configuration and who uses them",
	.example = "disk list",
	.keys = "name driver state problem partition first_sector bytes read_only serial users",
	.run = command_disk_list_run);
