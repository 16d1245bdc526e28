/* SPDX-License-Identifier: MIT */
/*
 * The first process of a guest that runs one command: it loads the kernel's modules, mounts the
 * image with a writable layer in memory, waits at the gate, runs the command, and switches the
 * guest off. The kernel starts it from the initramfs.
 */
#include <linux/errno.h>
#include <fcntl.h>
#include <linux/mount.h>

#include "iso/init/gate.h"

/* In this order; one that the kernel has built in is not there. */
static const char *const modules[] = {
	"/modules/vsock.ko",
	"/modules/vmw_vsock_virtio_transport_common.ko",
	"/modules/vmw_vsock_virtio_transport.ko",
	"/modules/virtio_blk.ko",
	"/modules/overlay.ko",
	"/modules/squashfs.ko",
};
static const char *const folders[] = {"/proc", "/sys", "/dev", "/image", "/layer", "/root"};

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
_Noreturn void init_main(void);

/* What the compiler may call. */
void *memcpy(void *to, const void *from, size_t count)
{
	void *at = to;

	asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
	return to;
}

void *memset(void *to, int value, size_t count)
{
	void *at = to;

	asm volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
	return to;
}

/* The kernel starts with the stack at a multiple of 16, which a function does not expect. */
asm(".globl _start\n_start: xor %ebp, %ebp\n call init_main\n");

static void init_need(long status, const char *what)
{
	if (status >= 0)
		return;
	print("init: ");
	print(what);
	print(" failed\n");
	gate_power_off();
}

static void init_load_modules(void)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		long file = CALL(open, modules[i], O_RDONLY | O_CLOEXEC);

		if (file < 0)
			continue;
		init_need(CALL(finit_module, file, "", 0), modules[i]);
		CALL(close, file);
		CALL(unlink, modules[i]);
	}
	CALL(unlink, "/init");
}

static void init_mount(const char *what, const char *where, const char *kind, long flags,
		       const char *words)
{
	init_need(CALL(mount, what, where, kind, flags, words), where);
}

/* The image below, a layer in memory above it, and the kernel's own file systems in both. */
static void init_mount_all(void)
{
	CALL(umask, 0);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		CALL(mkdir, folders[i], 0755);
	init_mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
	init_mount("/dev/vda", "/image", "squashfs", MS_RDONLY | MS_NODEV, NULL);
	init_mount("layer", "/layer", "tmpfs", MS_NODEV, "mode=0755");
	init_need(CALL(mkdir, "/layer/upper", 0755), "/layer/upper");
	init_need(CALL(mkdir, "/layer/work", 0755), "/layer/work");
	init_mount("root", "/root", "overlay", MS_NODEV,
		   "lowerdir=/image,upperdir=/layer/upper,workdir=/layer/work");
	CALL(mkdir, "/root/proc", 0755);
	CALL(mkdir, "/root/sys", 0755);
	CALL(mkdir, "/root/dev", 0755);
	CALL(mkdir, "/root/tmp", 01777);
	CALL(mkdir, "/root/etc", 0755);
	init_need(CALL(mount, "/dev", "/root/dev", NULL, MS_MOVE, NULL), "/root/dev");
	init_need(CALL(chdir, "/root"), "/root");
	init_need(CALL(mount, ".", "/", NULL, MS_MOVE, NULL), "/");
	init_need(CALL(chroot, "."), "/");
	warm_files();
	init_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	init_mount("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	CALL(mkdir, "/dev/pts", 0755);
	CALL(mkdir, "/dev/shm", 01777);
	init_mount("pts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
	init_mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	CALL(symlink, "/proc/self/fd", "/dev/fd");
	CALL(symlink, "/proc/self/fd/0", "/dev/stdin");
	CALL(symlink, "/proc/self/fd/1", "/dev/stdout");
	CALL(symlink, "/proc/self/fd/2", "/dev/stderr");
	CALL(umask, 022);
}

/*
 * When memory is short Linux gives up the pages of programs and reads them again, over and over: it
 * kills somebody instead when it cannot keep what was used within this time.
 */
static void init_set_memory(void)
{
	long file = CALL(open, "/sys/kernel/mm/lru_gen/min_ttl_ms", O_WRONLY | O_CLOEXEC);

	CALL(write, file, "1000", 4);
	CALL(close, file);
}

/* What the image says about commands, if it says anything. */
static void init_read_image(struct words *words)
{
	static char bytes[WORDS_BYTES];
	long file = CALL(open, "/.skerry/words", O_RDONLY | O_CLOEXEC);
	long count = file >= 0 ? CALL(read, file, bytes, sizeof(bytes)) : 0;

	init_need(count < WORDS_BYTES && words_take(words, bytes, (size_t)count, false) ? 0
											: -EINVAL,
		  "/.skerry/words");
	CALL(close, file);
}

_Noreturn void init_main(void)
{
	static struct words words = {.directory = "/", .host = "run"};
	static char usual[] =
		"ePATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0eHOME=/root";
	static struct gate gate;

	init_load_modules();
	init_mount_all();
	init_set_memory();
	words_take(&words, usual, sizeof(usual), false);
	init_read_image(&words);
	gate_wait(&gate, &words);
	CALL(sethostname, words.host, text_length(words.host));
	run_command(&gate, &words);
	/* The host ends the VM when it has read all; if it does not come to that, the VM ends
	 * itself. */
	while (CALL(read, gate.connection, gate.bytes, sizeof(gate.bytes)) > 0)
		;
	gate_power_off();
}
