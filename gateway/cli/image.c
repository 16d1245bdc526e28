/* SPDX-License-Identifier: MIT */
/*
 * Images of disks: raw, or converted by the program qemu-img. An image that refers to other files
 * is refused, as those could be any file that the user can read.
 */
#include "gateway/cli/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cli/cli.h"

#define HEAD_BYTES 65536

static uint64_t image_number(const unsigned char *bytes, unsigned count, bool little)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < count; i++)
		value = value << 8 | bytes[little ? count - 1 - i : i];
	return value;
}

/*
 * Returns whether a qcow2 image has neither a backing file nor a data file (its specification:
 * header, bytes 8 and 72).
 */
static bool image_qcow2_is_whole(const unsigned char *head)
{
	bool features = image_number(head + 4, 4, false) >= 3;

	return image_number(head + 8, 8, false) == 0 &&
	       (!features || (image_number(head + 72, 8, false) & 4) == 0);
}

/*
 * Returns whether a sparse VMDK is complete: it has a capacity of its own, and its descriptor names
 * no parent.
 */
static bool image_vmdk_is_whole(const unsigned char *head)
{
	return image_number(head + 12, 8, true) != 0 &&
	       memmem(head, HEAD_BYTES, "parentFileNameHint", 18) == NULL;
}

/* Returns the name of the format that qemu-img is to read, or NULL for raw bytes. */
static const char *image_format(const char *path, const unsigned char *head)
{
	bool vmdk = !memcmp(head, "KDMV", 4);
	bool qcow2 = !memcmp(head, "QFI\xfb", 4);

	if (!memcmp(head, "# Disk Descriptor", 17))
		cli_die(CLI_FAILED,
			"%s: it only says which other files hold the disk: make one file of them "
			"with qemu-img convert",
			path);
	if ((qcow2 && !image_qcow2_is_whole(head)) || (vmdk && !image_vmdk_is_whole(head)))
		cli_die(CLI_FAILED,
			"%s: it is not whole without another file: make one file of them with "
			"qemu-img convert",
			path);
	if (image_number(head + 64, 4, true) == 0xbeda107f)
		return "vdi";
	return qcow2 ? "qcow2" : vmdk ? "vmdk" : NULL;
}

static void image_run(const char *format, const char *from, const char *to)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		execlp("qemu-img", "qemu-img", "convert", "-f", format, "-O", "raw", "--", from, to,
		       (char *)NULL);
		cli_say("qemu-img cannot be run: %s; it is in the package qemu-utils",
			strerror(errno));
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0) {
		unlink(to);
		cli_die(CLI_FAILED, "%s: qemu-img has not converted it", from);
	}
}

/* Returns a file without a name that holds the image's contents as raw bytes. */
static int image_convert(const char *format, const char *path)
{
	const char *folder = getenv("TMPDIR");
	char from[4200], to[4200];
	int file;

	/* qemu-img would take a name with a colon as the name of a protocol. */
	snprintf(from, sizeof(from), "%s%s", strchr(path, '/') ? "" : "./", path);
	snprintf(to, sizeof(to), "%s/skerryctl-XXXXXX", folder ? folder : "/var/tmp");
	file = mkstemp(to);
	if (file < 0)
		cli_die(CLI_FAILED, "%s: %s", to, strerror(errno));
	close(file);
	cli_say("%s is converted from %s into %s", path, format, to);
	image_run(format, from, to);
	file = open(to, O_RDONLY | O_CLOEXEC);
	unlink(to);
	if (file < 0)
		cli_die(CLI_FAILED, "%s: %s", to, strerror(errno));
	return file;
}

int image_open(const char *path)
{
	static unsigned char head[HEAD_BYTES];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	const char *format;

	if (file < 0 || pread(file, head, sizeof(head), 0) < 0)
		cli_die(CLI_FAILED, "%s: %s", path, strerror(errno));
	format = image_format(path, head);
	if (!format)
		return file;
	close(file);
	return image_convert(format, path);
}
