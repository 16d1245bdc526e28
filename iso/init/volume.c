/* SPDX-License-Identifier: MIT */
/*
 * The volume of a run. The template has a disk named "volume" in its place, which nobody drives
 * while it waits at the gate; in a clone that was given a volume there, the driver begins anew and
 * finds it. main.c, the gate and run.c call it. What is on a volume is somebody's: the kernel of
 * this guest alone reads it.
 */
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/signal.h>

#include "iso/init/gate.h"

enum { VOLUME_NAME_BYTES = 16, VOLUME_LINK_BYTES = 256 };

static char volume_disk[] = "/dev/vda";	      /* 'a' in it: no disk was left */
static char volume_device[VOLUME_NAME_BYTES]; /* its name among virtio devices, "virtio3" */

/* Finds the name of a block device's virtio device: what its link ends with. */
static bool volume_find_device(const char *path)
{
	char link[VOLUME_LINK_BYTES];
	long count = CALL(readlink, path, link, sizeof(link) - 1), at = count;

	while (at > 0 && link[at - 1] != '/')
		at--;
	if (at <= 0 || count - at >= VOLUME_NAME_BYTES)
		return false;
	memcpy(volume_device, link + at, (size_t)(count - at));
	volume_device[count - at] = '\0';
	return true;
}

static void volume_tell_driver(const char *control)
{
	file_write(control, volume_device, (uint32_t)text_length(volume_device));
}

void volume_leave(void)
{
	static char serial[] = "/sys/block/vdb/serial", device[] = "/sys/block/vdb/device";
	enum { LETTER = sizeof("/sys/block/vd") - 1 };
	char name[VOLUME_NAME_BYTES];

	/* The first disk is the image. */
	for (int letter = 'b'; letter <= 'p'; letter++) {
		serial[LETTER] = device[LETTER] = (char)letter;
		if (file_read(serial, name, sizeof(name)) != 6 || !text_begins(name, "volume") ||
		    !volume_find_device(device))
			continue;
		volume_disk[sizeof(volume_disk) - 2] = (char)letter;
		volume_tell_driver("/sys/bus/virtio/drivers/virtio_blk/unbind");
		return;
	}
}

/* Makes the folder, and those above it. What is there already stays as it is. */
static void volume_make_folder(const char *path)
{
	static char part[WORDS_BYTES];
	size_t length = text_length(path);

	memcpy(part, path, length + 1);
	for (size_t i = 1; i <= length; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		CALL(mkdir, part, 0755);
		part[i] = path[i];
	}
}

bool volume_mount(const struct words *words)
{
	long flags = MS_NOSUID | MS_NODEV | (words->volume_read ? MS_RDONLY : 0);

	if (volume_disk[sizeof(volume_disk) - 2] == 'a')
		return false;
	volume_tell_driver("/sys/bus/virtio/drivers/virtio_blk/bind");
	volume_make_folder(words->volume);
	/* Linux mounts what can only be read without a word: a writer would find out late. */
	if (!words->volume_read) {
		char only_read = '1';
		static char path[] = "/sys/block/vdb/ro";

		path[sizeof("/sys/block/vd") - 1] = volume_disk[sizeof(volume_disk) - 2];
		if (file_read(path, &only_read, 1) != 1 || only_read != '0')
			return false;
	}
	return CALL(mount, volume_disk, words->volume, "ext4", flags, NULL) == 0 ||
	       (words->volume_read &&
		CALL(mount, volume_disk, words->volume, "squashfs", flags, NULL) == 0);
}

void volume_end(const struct words *words)
{
	if (words->volume == NULL)
		return;
	/* Whoever still runs could write on, or hold the volume. */
	CALL(kill, -1, SIGKILL);
	while (CALL(wait4, -1, NULL, 0, NULL) > 0)
		;
	if (CALL(umount2, words->volume, 0) != 0)
		CALL(sync);
}
