/* SPDX-License-Identifier: MIT */
/*
 * The volume of a run in its guest: which disk is its place, how it is mounted, and what the end of
 * the run does. The kernel is a fake: nothing here mounts, kills or makes a folder.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define _LINUX_SIGNAL_H
#include <linux/mount.h>
#include <signal.h>

#include "iso/init/linux.h"

#undef CALL
#define CALL(name, ...) fake_##name(__VA_ARGS__)

static struct {
	const char *serial[16]; /* what each disk says, from vda on; NULL: there is none */
	const char *link;	/* where the link to the device leads */
	char only_read;		/* what the disk says of itself */
	const char *type;	/* the file system that is on it */
	long umount;		/* what its end returns */
	char done[1000];	/* what the kernel was asked for, a line each */
} kernel;

static void note(const char *what, const char *on)
{
	size_t at = strlen(kernel.done);

	snprintf(kernel.done + at, sizeof(kernel.done) - at, "%s %s\n", what, on);
}

static long fake_readlink(const char *path, char *text, size_t room)
{
	size_t count = kernel.link ? strlen(kernel.link) : 0;

	note("link", path);
	if (count == 0)
		return -ENOENT;
	memcpy(text, kernel.link, count < room ? count : room);
	return (long)(count < room ? count : room);
}

static long fake_mkdir(const char *path, int mode)
{
	assert_int_equal(mode, 0755);
	note("folder", path);
	return -EEXIST;
}

static long fake_mount(const char *disk, const char *place, const char *type, long flags,
		       void *more)
{
	char what[100];

	assert_null(more);
	snprintf(what, sizeof(what), "%s %s %s%s%s on", disk, type, flags & MS_RDONLY ? "ro" : "rw",
		 flags & MS_NOSUID ? " nosuid" : "", flags & MS_NODEV ? " nodev" : "");
	note(what, place);
	return kernel.type && strcmp(type, kernel.type) == 0 ? 0 : -EINVAL;
}

static long fake_kill(long process, int number)
{
	assert_int_equal(process, -1);
	assert_int_equal(number, SIGKILL);
	note("kill", "all");
	return 0;
}

/* One process is left, then none. */
static long fake_wait4(long process, int *status, int options, void *usage)
{
	static int left;

	assert_int_equal(process, -1);
	(void)status, (void)options, (void)usage;
	left = !left;
	return left ? 5 : -ECHILD;
}

static long fake_umount2(const char *place, int flags)
{
	assert_int_equal(flags, 0);
	note("leave", place);
	return kernel.umount;
}

static long fake_sync(void)
{
	note("sync", "all");
	return 0;
}

#include "iso/init/volume.c"

size_t file_read(const char *path, char *bytes, size_t room)
{
	char disk;

	if (sscanf(path, "/sys/block/vd%c/", &disk) != 1)
		fail();
	if (strcmp(path + sizeof("/sys/block/vd?") - 1, "/ro") == 0) {
		*bytes = kernel.only_read;
		return 1;
	}
	assert_string_equal(path + sizeof("/sys/block/vd?") - 1, "/serial");
	assert_in_range(disk, 'b', 'p'); /* the first is the image */
	if (!kernel.serial[disk - 'a'])
		return 0;
	assert_true(strlen(kernel.serial[disk - 'a']) <= room);
	memcpy(bytes, kernel.serial[disk - 'a'], strlen(kernel.serial[disk - 'a']));
	return strlen(kernel.serial[disk - 'a']);
}

void file_write(const char *path, const void *bytes, uint32_t count)
{
	char what[100];

	snprintf(what, sizeof(what), "%.*s to", (int)count, (const char *)bytes);
	note(what, path);
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.only_read = '0';
	kernel.link = "../../../virtio3";
	volume_disk[sizeof(volume_disk) - 2] = 'a';
	return 0;
}

/* Looks for the place; returns the letter of its disk, 'a' if there is none. */
static char left(void)
{
	kernel.done[0] = '\0';
	volume_disk[sizeof(volume_disk) - 2] = 'a';
	volume_leave();
	return volume_disk[sizeof(volume_disk) - 2];
}

static void test_place(void **state)
{
	static const char *const no_link[] = {NULL, "virtio3", "a/abcdefghijklmnop"};

	(void)state;
	kernel.serial[0] = "volume"; /* the image itself is not looked at */
	assert_int_equal(left(), 'a');
	kernel.serial[2] = "volumes";
	kernel.serial[3] = "volum";
	kernel.serial[4] = "Volume";
	assert_int_equal(left(), 'a');
	assert_string_equal(kernel.done, "");
	kernel.serial[15] = "volume";
	assert_int_equal(left(), 'p');
	assert_string_equal(kernel.done, "link /sys/block/vdp/device\n"
					 "virtio3 to /sys/bus/virtio/drivers/virtio_blk/unbind\n");
	kernel.serial[1] = "volume";
	assert_int_equal(left(), 'b');
	/* a device without a name that fits is left alone */
	kernel.serial[15] = NULL;
	for (size_t i = 0; i < sizeof(no_link) / sizeof(*no_link); i++) {
		kernel.link = no_link[i];
		assert_int_equal(left(), 'a');
		assert_null(strstr(kernel.done, "unbind"));
	}
}

#define BIND "virtio3 to /sys/bus/virtio/drivers/virtio_blk/bind\n"

static bool mounted(const char *place, bool only_read)
{
	const struct words words = {.volume = place, .volume_read = only_read};

	kernel.done[0] = '\0';
	return volume_mount(&words);
}

static void test_mount(void **state)
{
	(void)state;
	kernel.type = "ext4";
	assert_false(mounted("/data", false)); /* the template has no place */
	assert_string_equal(kernel.done, "");
	kernel.serial[2] = "volume";
	assert_int_equal(left(), 'c');
	assert_true(mounted("/a/bc", false));
	assert_string_equal(kernel.done, BIND "folder /a\nfolder /a/bc\n"
					      "/dev/vdc ext4 rw nosuid nodev on /a/bc\n");
	assert_true(mounted("/a", true));
	assert_string_equal(kernel.done, BIND "folder /a\n/dev/vdc ext4 ro nosuid nodev on /a\n");
	kernel.only_read = '1';
	assert_true(mounted("/a", true));
	assert_false(mounted("/a", false)); /* Linux would mount it, only to be read */
	assert_null(strstr(kernel.done, "ext4"));
}

/* A squashfs can only be read, and nothing else is tried. */
static void test_types(void **state)
{
	(void)state;
	kernel.serial[1] = "volume";
	assert_int_equal(left(), 'b');
	kernel.type = "squashfs";
	assert_true(mounted("/a", true));
	assert_false(mounted("/a", false));
	assert_null(strstr(kernel.done, "squashfs"));
	kernel.type = NULL;
	assert_false(mounted("/a", true));
	assert_string_equal(kernel.done, BIND "folder /a\n/dev/vdb ext4 ro nosuid nodev on /a\n"
					      "/dev/vdb squashfs ro nosuid nodev on /a\n");
}

static void test_folders(void **state)
{
	static char longest[WORDS_BYTES];

	(void)state;
	kernel.serial[1] = "volume";
	assert_int_equal(left(), 'b');
	mounted("//a/./b/", false);
	assert_non_null(strstr(kernel.done, "folder /\nfolder //a\nfolder //a/.\nfolder //a/./b\n"
					    "folder //a/./b/\n"));
	/* no path of the host is longer than all that it may say, which has its place */
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	mounted(longest, false);
}

static void test_end(void **state)
{
	struct words words = {.volume = NULL};

	(void)state;
	volume_end(&words);
	assert_string_equal(kernel.done, "");
	words.volume = "/a";
	volume_end(&words);
	assert_string_equal(kernel.done, "kill all\nleave /a\n");
	kernel.done[0] = '\0';
	kernel.umount = -EBUSY;
	volume_end(&words);
	assert_string_equal(kernel.done, "kill all\nleave /a\nsync all\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_place, begin),
		cmocka_unit_test_setup(test_mount, begin),
		cmocka_unit_test_setup(test_types, begin),
		cmocka_unit_test_setup(test_folders, begin),
		cmocka_unit_test_setup(test_end, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
